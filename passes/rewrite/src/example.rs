//! Examples of rules: the left form over given leaves, as a graph, and what the rule makes of it.
//!
//! `?a {axis: 1}; ?x f32[1,2]; ?w const f32[2,3] in 0.1..2.0; ?b _` gives attributes, an input, a
//! constant with random elements in a range (-1..1 where none is given), and an absent operand. An input
//! may have a range too, on which the rule may then rely. `rounding tflite` among the leaves rounds integers so.
//! `?c const [0.5] : f32[]` gives a constant's elements.

use crate::Rounding;
use crate::apply::{self, Compiled};
use crate::dead;
use crate::extract::{self, Price};
use crate::facts::{Classes, value};
use crate::lang::{Node, has_attrs};
use crate::optimize::{Prices, canonical_in};
use crate::range::{self, Known, Nans};
use crate::region::{self, Chosen, Region};
use crate::rule::{Rule, expand};
use crate::saturate::{self, Limits};
use egg::ENodeOrVar;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tinyc_core::cost::{Cost, GraphCost, Layer, LayerCost};
use tinyc_core::diag::Report;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::random::Random;
use tinyc_core::tensor::Tensor;
use tinyc_core::text;
use tinyc_core::types::{DType, Shape, TensorType};

/// Leaves of an example by name.
fn leaves(example: &str) -> BTreeMap<&str, &str> {
    example.split(';').filter_map(|leaf| leaf.trim().split_once(' ')).collect()
}

/// Smallest and largest element that the example gives of inputs, by name.
pub fn input_ranges(example: &str) -> BTreeMap<String, (f64, f64)> {
    let given = leaves(example).into_iter().filter(|(_, leaf)| !leaf.starts_with("const "));
    given.filter_map(|(name, leaf)| Some((name[1..].to_owned(), ends(leaf.split_once(" in ")?.1)?))).collect()
}

fn ends(text: &str) -> Option<(f64, f64)> {
    let (lo, hi) = text.split_once("..")?;
    Some((lo.parse().ok()?, hi.parse().ok()?))
}

/// How many operands `...` stands for in an example.
pub fn many(rule: &Rule, example: &str) -> usize {
    let Some(end) = rule.from.find('*') else { return 0 };
    let start = rule.from[..end].rfind('?').unwrap_or(0);
    let name = &rule.from[start..end];
    (0..).take_while(|i| leaves(example).contains_key(&*format!("{name}{i}"))).count()
}

/// The rule's left form over the leaves, every form an output.
pub fn before(rule: &Rule, example: &str) -> Result<Graph, String> {
    let given = leaves(example);
    let forms = apply::forms(&expand(rule.from, many(rule, example)))?;
    let mut lines: Vec<String> = Vec::new();
    let mut data: Vec<Arc<Tensor>> = Vec::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut outputs = Vec::new();
    for (f, form) in forms.iter().enumerate() {
        let mut terms: Vec<String> = Vec::new();
        for (i, node) in form.ast.as_ref().iter().enumerate() {
            let term = match node {
                ENodeOrVar::Var(v) => {
                    let name = v.to_string();
                    let leaf = given.get(&*name).ok_or_else(|| format!("{example}: nothing is said of {name}"))?;
                    leaf_term(&name[1..], leaf, &mut lines, &mut data, &mut named)?
                }
                ENodeOrVar::ENode(Node::Absent) => "_".to_owned(),
                ENodeOrVar::ENode(Node::Op(op, children)) => {
                    let mut operands: Vec<&str> = children.iter().map(|c| &*terms[usize::from(*c)]).collect();
                    let attrs = if has_attrs(*op) { operands.remove(0).to_owned() } else { String::new() };
                    let name = format!("%t{f}_{i}");
                    let line =
                        format!("{name} = {} {} {attrs} ; \"{}{f}{i}\"", op.name(), operands.join(", "), op.name());
                    lines.push(line);
                    name
                }
                ENodeOrVar::ENode(other) => return Err(format!("{other} in an example")),
            };
            terms.push(term);
        }
        outputs.push(terms.pop().unwrap_or_default());
    }
    lines.extend(outputs.iter().map(|o| format!("output {o}")));
    let text = format!("graph @example {{\n{}\n}}", lines.join("\n"));
    text::parse(&text, &data).map_err(|e| format!("{text}\n{e}"))
}

/// The leaf's term in the text form; its statement goes into `lines` once.
fn leaf_term(
    name: &str,
    leaf: &str,
    lines: &mut Vec<String>,
    data: &mut Vec<Arc<Tensor>>,
    named: &mut BTreeSet<String>,
) -> Result<String, String> {
    if leaf == "_" || leaf.starts_with('{') {
        return Ok(leaf.to_owned());
    }
    let term = format!("%{name}");
    if !named.insert(term.clone()) {
        return Ok(term);
    }
    let (ty, elements) = leaf.split_once(" in ").unwrap_or((leaf, "-1..1"));
    lines.push(match ty.strip_prefix("const ") {
        Some(list) if list.starts_with('[') => format!("{term} = const {list}"),
        Some(ty) => {
            let ty = tensor_type(ty)?;
            let elements = ends(elements).ok_or_else(|| format!("{leaf}: a range is lo..hi"))?;
            data.push(Arc::new(random(&ty, elements, data.len() as u64 + 1)));
            format!("{term} = const data({}) : {ty}", data.len() - 1)
        }
        None => format!("{term} = input : {ty}"),
    });
    Ok(term)
}

fn tensor_type(text: &str) -> Result<TensorType, String> {
    let wrong = || format!("{text} is no type");
    let (dtype, dims) = text.trim().strip_suffix(']').and_then(|t| t.split_once('[')).ok_or_else(wrong)?;
    let dims: Result<Vec<usize>, _> = dims.split(',').filter(|d| !d.is_empty()).map(|d| d.trim().parse()).collect();
    Ok(TensorType::new(DType::from_name(dtype).ok_or_else(wrong)?, dims.map_err(|_| wrong())?))
}

/// A tensor with elements between `lo` and `hi`.
pub fn random(ty: &TensorType, (lo, hi): (f64, f64), seed: u64) -> Tensor {
    let mut r = Random::new(seed);
    let values = (0..ty.elements()).map(|_| lo + (hi - lo) * (f64::from(r.signed()) + 1.0) / 2.0).collect();
    Tensor::of::<f64>(Shape::new(ty.shape.to_vec()), values).cast(ty.dtype)
}

/// Knows no target: every operator costs the same.
struct Alike;

impl Cost for Alike {
    fn layer(&self, _: &Layer<'_>) -> Option<LayerCost> {
        Some(LayerCost { cycles: 1.0, ..LayerCost::default() })
    }

    fn exact(&self, _: &Graph) -> Result<GraphCost, Report> {
        Ok(GraphCost::default())
    }
}

/// The right form in place of the left one, or why the rule does not apply.
pub fn after(rule: &'static Rule, example: &str) -> Result<Graph, String> {
    let mut graph = before(rule, example)?;
    rewritten(&Compiled::new(rule, many(rule, example))?, &mut graph, example)?;
    Ok(graph)
}

/// Both forms of an example, as text.
pub fn shown(rule: &'static Rule, example: &str) -> Result<String, String> {
    let lines = |graph: &Graph| -> String {
        let text = text::print(graph).text;
        let inside = text.lines().filter(|l| l.starts_with("  ") && !l.trim_start().starts_with("output"));
        // What the operators were called in the example says nothing.
        inside.map(|l| format!("{}\n", l.split(" ; ").next().unwrap_or(l))).collect()
    };
    let (before, after) = (before(rule, example)?, after(rule, example)?);
    Ok(format!("{}becomes\n{}", lines(&before), lines(&after)))
}

/// Price of what was there before, so that everything new is cheaper.
const OLD: Price = Price { unwanted: 0, cycles: 1 << 20, weights: 0, values: 0, nodes: 1, new: 0 };

/// The graph of an example as an e-graph.
pub(crate) fn load(graph: &Graph, example: &str) -> Result<(Region, Classes), String> {
    let order = graph.topological().ok_or("a cycle")?;
    let nodes: Vec<NodeId> =
        order.into_iter().filter(|id| matches!(graph.node(*id).kind, Kind::Op(..) | Kind::Get(_))).collect();
    let (region, mut classes) =
        region::load(graph, &nodes, &range::of_graph(graph, &input_ranges(example), Nans::Kept));
    if leaves(example).get("rounding") == Some(&"tflite") {
        classes.analysis.rounding = Rounding::Tflite;
    }
    Ok((region, classes))
}

/// Applies a rule once wherever it matches in the graph of an example, and takes what it made.
pub fn rewritten(rule: &Compiled, graph: &mut Graph, example: &str) -> Result<(), String> {
    let (region, classes) = load(graph, example)?;
    let old: BTreeSet<Node> = classes.classes().flat_map(|c| c.nodes.iter().cloned()).collect();
    let limits = Limits { iterations: 1, enodes: 10_000 };
    let (classes, ..) = saturate::run(classes, std::slice::from_ref(rule), limits)?;
    if let Some(r) = classes.analysis.rejected.first() {
        return Err(format!("rejected: {}", r.reason));
    }
    if classes.analysis.applied.is_empty() {
        return Err("does not apply".into());
    }
    let given: BTreeSet<Node> = old.iter().map(canonical_in(&classes)).collect();
    let prices = Prices { cost: &Alike, classes: &classes, given };
    let (mut problem, ids) = prices.problem(&region);
    for (choices, id) in problem.classes.iter_mut().zip(&ids) {
        for choice in choices {
            let node = &classes[*id].nodes[choice.tag];
            if matches!(node, Node::Op(..)) {
                choice.price = if prices.given.contains(node) { OLD } else { Price { nodes: 1, ..Price::default() } };
            }
        }
    }
    let solution = extract::solve(&problem, 100_000).ok_or("no form ends")?;
    let chosen: Chosen = ids
        .iter()
        .zip(&solution.chosen)
        .filter(|(id, _)| value(&classes, **id).is_some())
        .filter_map(|(id, choice)| Some((*id, classes[*id].nodes[(*choice)?].clone())))
        .collect();
    region::store(graph, &region, &classes, &chosen, &mut Known::default());
    dead::run(graph);
    Ok(())
}
