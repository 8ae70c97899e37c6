//! `optimize`: equality saturation, and the cheapest form by the target's prices.
//!
//! A graph is rewritten region by region, each with the end of the one before it; at last what reads the
//! same value is merged (`parallel`). All limits count work, so the same graph gives the same result on
//! every machine.

use crate::Options;
pub use crate::extract::Price;
use crate::extract::{self, Choice, Problem, Solution};
use crate::facts::{Classes, Fact, value};
use crate::lang::Node;
use crate::parallel;
use crate::range::{self, Known};
use crate::region::{self, Chosen, Region};
use crate::rule::{Accuracy, Rule};
use crate::rules;
use crate::saturate::{Limits, Stop, saturate};
use egg::{Id, Language};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tinyc_core::cost::{Cost, Layer, Source};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::types::TensorType;

/// Operators of a region, and how many of them are those of the region before.
const REGION: usize = 192;
const OVERLAP: usize = 48;
/// E-nodes for each operator, and for a region however small.
const ENODES: usize = 32;
const ENODES_LEAST: usize = 2000;
const ITERATIONS: usize = 8;
/// Steps of the search for the cheapest form.
const STEPS: u64 = 1_000;

/// How unwanted an operator is that the target has no kernel for: chosen only where there is nothing else.
const NO_KERNEL: u64 = 1 << 32;
/// How unwanted is what rounds real numbers to integers that computing in integers would give: results then do
/// not depend on what is cheap on a target.
const ROUNDING: u64 = 1;

/// What one run did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Applications of rules that led to the result.
    pub fired: Vec<Fired>,
    pub rejected: Vec<Refused>,
    pub regions: usize,
    pub enodes: usize,
    pub classes: usize,
    pub iterations: usize,
    /// Regions that a limit ended before nothing was left to add.
    pub stopped: usize,
    pub before: Price,
    pub after: Price,
    /// What no choice in the e-graphs can be below.
    pub bound: Price,
    pub steps: u64,
    /// Whether the network is another one now.
    pub changed: bool,
}

/// A rule that was applied, and to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    pub rule: &'static str,
    /// ONNX nodes of the value that got a new form.
    pub origins: Vec<String>,
    /// Prices of the two forms, each by itself.
    pub before: Price,
    pub after: Price,
}

/// A rule that would have built what must not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub rule: &'static str,
    pub origins: Vec<String>,
    pub reason: String,
}

/// Rules that saturate an e-graph together, in so many iterations at most.
pub type Stage = (Vec<&'static Rule>, usize);

/// How much more than the default the search may spend.
fn more(options: &Options<'_>) -> usize {
    1 << options.effort.saturating_sub(1).min(10)
}

/// Rewrites the graph.
pub fn optimize(graph: &mut Graph, options: &Options<'_>) -> Outcome {
    let exact = |r: &&Rule| !options.exact || r.accuracy == Accuracy::Exact;
    let stages = [(rules::saturating().filter(exact).collect(), ITERATIONS * more(options))];
    let mut outcome = Outcome::default();
    let Some(mut rest) = operators(graph) else { return outcome };
    let mut end: Vec<NodeId> = Vec::new();
    let mut known = range::of_graph(graph, &options.input_ranges, options.nans());
    while !rest.is_empty() {
        let mut room = if rest.len() <= REGION { rest.len() } else { REGION - OVERLAP.min(end.len()) };
        // What depends on constants only stays with what reads it: alone, it would become a constant.
        let constant = of_constants(graph, &rest[..room.min(rest.len())]);
        while room > 1 && room < rest.len() && constant.contains(&rest[room - 1]) {
            room -= 1;
        }
        let mut nodes = end.split_off(end.len().saturating_sub(OVERLAP));
        nodes.extend(rest.drain(..room.min(rest.len())));
        end = one_region(graph, options, &stages, &nodes, &mut known, &mut outcome);
    }
    parallel::merge(graph, options, &mut outcome);
    outcome
}

/// Operators and projections that outputs depend on, in an order in which they can run; what reads constants only,
/// in front of what reads it first.
pub fn operators(graph: &Graph) -> Option<Vec<NodeId>> {
    let live = graph.live();
    let code = |id: &NodeId| matches!(graph.node(*id).kind, Kind::Op(..) | Kind::Get(_)) && live.contains(id);
    let all: Vec<NodeId> = graph.topological()?.into_iter().filter(code).collect();
    let constant = of_constants(graph, &all);
    let outputs: BTreeSet<NodeId> = graph.outputs().iter().map(|o| o.node).collect();
    let mut waiting: BTreeMap<NodeId, usize> =
        all.iter().enumerate().filter(|(_, id)| constant.contains(id)).map(|(at, id)| (*id, at)).collect();
    let mut order = Vec::with_capacity(all.len());
    for id in all.into_iter().filter(|id| !constant.contains(id) || outputs.contains(id)) {
        let (mut needed, mut next) = (BTreeMap::new(), vec![id]);
        while let Some(reader) = next.pop() {
            for o in graph.operands(reader).into_iter().flatten() {
                if let Some(at) = waiting.remove(&o) {
                    needed.insert(at, o);
                    next.push(o);
                }
            }
        }
        order.extend(needed.into_values());
        if !constant.contains(&id) || waiting.remove(&id).is_some() {
            order.push(id);
        }
    }
    Some(order)
}

/// Of nodes in an order in which they can run, those that depend on constants only.
fn of_constants(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    for &id in nodes {
        let constant = |o: NodeId| matches!(graph.node(o).kind, Kind::Const(_)) || all.contains(&o);
        if graph.operands(id).into_iter().flatten().all(constant) {
            all.insert(id);
        }
    }
    all
}

/// Rewrites one region by one stage after the other; returns its nodes afterwards.
pub fn one_region(
    graph: &mut Graph,
    options: &Options<'_>,
    stages: &[Stage],
    nodes: &[NodeId],
    known: &mut Known,
    outcome: &mut Outcome,
) -> Vec<NodeId> {
    let enodes = (ENODES * nodes.len()).max(ENODES_LEAST) * more(options);
    let (region, mut classes) = region::load(graph, nodes, known);
    classes.analysis.rounding = options.rounding;
    let given: BTreeSet<Node> = classes.classes().flat_map(|c| c.nodes.iter().cloned()).collect();
    let mut stopped = false;
    for (rules, iterations) in stages {
        let (found, stop, taken) = saturate(classes, rules, Limits { iterations: *iterations, enodes });
        classes = found;
        outcome.iterations += taken;
        stopped |= stop != Stop::Saturated;
    }
    let prices =
        Prices { cost: options.cost, classes: &classes, given: given.iter().map(canonical_in(&classes)).collect() };
    let (problem, ids) = prices.problem(&region);
    let before = prices.sum(prices.given.iter());
    let solution = cheapest(&problem, before.weights, STEPS * more(options) as u64);
    outcome.regions += 1;
    outcome.enodes += classes.total_number_of_nodes();
    outcome.classes += classes.number_of_classes();
    outcome.stopped += usize::from(stopped);
    let names = region.names(graph, &classes);
    let names = |root: Id| -> Vec<String> {
        names.get(&classes.find(root)).map(|o| o.iter().map(|o| o.to_string()).collect()).unwrap_or_default()
    };
    for r in &classes.analysis.rejected {
        outcome.rejected.push(Refused { rule: r.rule, origins: names(r.root), reason: r.reason.clone() });
    }
    // The graph itself is a solution, so there is one.
    let Some(solution) = solution else { return nodes.to_vec() };
    let chosen: Chosen = ids
        .iter()
        .zip(&solution.chosen)
        .filter_map(|(id, choice)| Some((*id, classes[*id].nodes[(*choice)?].clone())))
        .collect();
    outcome.before = outcome.before + before;
    outcome.after = outcome.after + solution.price;
    outcome.bound = outcome.bound + solution.bound;
    outcome.steps += solution.steps;
    outcome.fired.extend(fired(&prices, &names, &chosen));
    let nodes_before = graph.len();
    let order = region::store(graph, &region, &classes, &chosen, known);
    outcome.changed |= nodes_before != graph.len() || order != nodes;
    order
}

/// Cycles that a byte of constants counts for, in sixteenths, until no more bytes are bought with cycles
/// than the graph has already.
const BYTE_PRICES: [u64; 5] = [0, 1, 16, 256, 1 << 20];

/// The fewest cycles for which constants do not grow.
fn cheapest(problem: &Problem, weights: u64, steps: u64) -> Option<Solution> {
    let mut found = None;
    for byte in BYTE_PRICES {
        let mut priced = problem.clone();
        for choice in priced.classes.iter_mut().flatten() {
            choice.price.cycles = choice.price.cycles.saturating_add(choice.price.weights.saturating_mul(byte));
        }
        let mut solution = extract::solve(&priced, steps)?;
        let plain = |p: Price| Price { cycles: p.cycles.saturating_sub(p.weights.saturating_mul(byte)), ..p };
        solution.price = plain(solution.price);
        solution.bound = plain(solution.bound);
        let fits = solution.price.weights <= weights;
        found = Some(solution);
        if fits {
            break;
        }
    }
    found
}

/// The applications that made chosen nodes, or what they were made of, and those that found a value to be
/// another one that stands in its place; in the order they happened.
fn fired(prices: &Prices<'_>, names: &dyn Fn(Id) -> Vec<String>, chosen: &Chosen) -> Vec<Fired> {
    let classes = prices.classes;
    let canonical = canonical_in(classes);
    let facts = &classes.analysis;
    let chosen: BTreeSet<&Node> = chosen.values().collect();
    let mut made_by: HashMap<Node, usize> = HashMap::new();
    for (node, &by) in &facts.made_by {
        let first = made_by.entry(canonical(node)).or_insert(by);
        *first = by.min(*first);
    }
    let is_new = |n: &&Node| matches!(n, Node::Op(..)) && !prices.given.contains(*n);
    let mut stack: Vec<Node> = chosen.iter().copied().filter(is_new).map(&canonical).collect();
    let mut used: BTreeSet<usize> = BTreeSet::new();
    // Values that the graph computed and that are other values of it, or constants.
    let gone = prices.given.iter().filter(|n| !chosen.contains(n)).filter_map(|n| classes.lookup(n.clone()));
    let gone: BTreeSet<Id> =
        gone.filter(|id| !chosen.iter().any(|n| is_new(n) && classes.lookup((*n).clone()) == Some(*id))).collect();
    let makers: BTreeSet<usize> = facts.made_by.values().copied().collect();
    for (i, applied) in facts.applied.iter().enumerate() {
        if !makers.contains(&i) && gone.contains(&classes.find(applied.root)) {
            used.insert(i);
            stack.extend(applied.before.iter().map(&canonical));
        }
    }
    while let Some(node) = stack.pop() {
        if let Some(&by) = made_by.get(&node)
            && used.insert(by)
        {
            stack.extend(facts.applied[by].before.iter().map(&canonical));
        }
    }
    let told = used.into_iter().map(|i| {
        let a = &facts.applied[i];
        let sum = |nodes: &[Node]| prices.sum(nodes.iter().map(&canonical).collect::<BTreeSet<_>>().iter());
        Fired { rule: a.rule, origins: names(a.root), before: sum(&a.before), after: sum(&a.after) }
    });
    told.collect()
}

/// A node over the classes as they are now.
pub fn canonical_in(classes: &Classes) -> impl Fn(&Node) -> Node {
    |n| n.clone().map_children(|c| classes.find(c))
}

/// Prices of nodes in an e-graph.
pub struct Prices<'a> {
    pub cost: &'a dyn Cost,
    pub classes: &'a Classes,
    /// Nodes that the graph has already: of two equal prices theirs is taken.
    pub given: BTreeSet<Node>,
}

impl Prices<'_> {
    /// All choices of all classes that are values, and the classes' names.
    pub fn problem(&self, region: &Region) -> (Problem, Vec<Id>) {
        let ids: Vec<Id> =
            self.classes.classes().map(|c| c.id).filter(|id| value(self.classes, *id).is_some()).collect();
        let number: BTreeMap<Id, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        let choices = |id: &Id| {
            let class = &self.classes[*id];
            let constant = class.nodes.iter().position(|n| matches!(n, Node::Const(_)));
            let all = class.nodes.iter().enumerate().filter(|(i, _)| constant.is_none_or(|c| c == *i));
            all.map(|(tag, node)| {
                let mut needs: Vec<usize> =
                    node.children().iter().filter_map(|c| number.get(&self.classes.find(*c)).copied()).collect();
                needs.sort_unstable();
                needs.dedup();
                Choice { price: self.price(node), needs, tag }
            })
            .collect()
        };
        let roots = region.root_classes(self.classes).iter().map(|r| number[r]).collect();
        (Problem { classes: ids.iter().map(choices).collect(), roots }, ids)
    }

    fn sum<'n>(&self, nodes: impl Iterator<Item = &'n Node>) -> Price {
        nodes.map(|n| self.price(n)).sum()
    }

    fn price(&self, node: &Node) -> Price {
        let Node::Op(op, _) = node else {
            return match node {
                Node::Const(i) => Price {
                    weights: self.classes.analysis.constants[*i as usize].ty().bytes() as u64,
                    ..Price::default()
                },
                _ => Price::default(),
            };
        };
        let (attrs, operands) = region::parts(self.classes, node);
        let mut sources = Vec::with_capacity(operands.len());
        for o in operands {
            sources.push(match &self.classes[*o].data {
                Fact::Value(v) => {
                    let nodes = &self.classes[*o].nodes;
                    let own = v.constant.is_none() && nodes.iter().any(|n| matches!(n, Node::Op(..)));
                    v.ty.tensor().map(|ty| Source { ty, constant: v.constant.is_some(), own })
                }
                _ => None,
            });
        }
        let results = self.results(node);
        let bytes: usize = results.iter().map(TensorType::bytes).sum();
        let layer = Layer { op: *op, attrs: &attrs, operands: &sources, results: &results };
        let rounding = if *op == OpId::quantize { ROUNDING } else { 0 };
        let (unwanted, cycles, scratch) = match self.cost.layer(&layer) {
            Some(price) => (rounding, (price.cycles * 16.0).round() as u64, price.scratch),
            None => (NO_KERNEL, 0, 0),
        };
        let new = u64::from(!self.given.contains(node));
        Price { unwanted, cycles, weights: 0, values: (bytes + scratch) as u64, nodes: 1, new }
    }

    fn results(&self, node: &Node) -> Vec<TensorType> {
        let id = self.classes.lookup(node.clone());
        id.and_then(|id| value(self.classes, id)).map_or_else(Vec::new, |v| v.ty.parts().to_vec())
    }
}
