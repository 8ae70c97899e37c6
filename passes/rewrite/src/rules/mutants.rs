//! Whether the derived tests would notice a wrong rule: every right side is made wrong in every small
//! way, and a derived test must fail on it.
//!
//! `cargo test -p tinyc-rewrite mutants -- --nocapture` prints the counts. A mutant is one change: an
//! operator is another one with the same signature, a name is another one of the pattern, or a part of
//! what the rule computes is another one. One that is another way to say the same is no mutant: either
//! saturation finds its form equal to the rule's by other rules that are as exact, or it changes an
//! attribute that makes no difference on operands of these shapes, whatever they hold (the stride of a
//! single window).

use super::all;
use super::tests::{difference, outputs};
use crate::apply::{Compiled, Form};
use crate::example::{before, load, many, rewritten};
use crate::lang::Node;
use crate::rule::{Accuracy, Bindings, Bound, Rule};
use crate::saturate::{Limits, saturate};
use egg::{ENodeOrVar, RecExpr, Var};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tinyc_core::attrs::{Attr, Attrs};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::DType;

/// A rule with one mistake.
struct Mutant {
    what: String,
    rule: Compiled,
    /// It differs in attributes that the rule computes.
    of_attrs: bool,
}

/// Operators that take what this one takes.
fn alike(op: OpId) -> impl Iterator<Item = OpId> {
    let signature = |op: OpId| {
        let times: Vec<_> = op.op().operands().iter().map(|o| o.times).collect();
        let attrs: Vec<_> = op.op().attrs().iter().map(|a| (a.name, a.kind)).collect();
        (times, attrs)
    };
    OpId::ALL.iter().copied().filter(move |o| *o != op && signature(*o) == signature(op))
}

/// The names in a rule's forms.
fn names(forms: &[Form]) -> BTreeSet<Var> {
    let nodes = forms.iter().flat_map(|f| f.ast.as_ref());
    nodes.filter_map(|n| if let ENodeOrVar::Var(v) = n { Some(*v) } else { None }).collect()
}

/// Every form with one node of it changed.
fn forms(rule: &Compiled) -> Vec<(String, Vec<Form>)> {
    let (from, to) = rule.forms();
    let all: BTreeSet<Var> = names(from).union(&names(to)).copied().collect();
    let mut mutants = Vec::new();
    for (f, form) in to.iter().enumerate() {
        for (i, node) in form.ast.as_ref().iter().enumerate() {
            let others: Vec<ENodeOrVar<Node>> = match node {
                ENodeOrVar::ENode(Node::Op(op, children)) => {
                    alike(*op).map(|o| ENodeOrVar::ENode(Node::Op(o, children.clone()))).collect()
                }
                ENodeOrVar::Var(v) => all.iter().filter(|o| *o != v).map(|o| ENodeOrVar::Var(*o)).collect(),
                ENodeOrVar::ENode(_) => Vec::new(),
            };
            for other in others {
                let mut forms = to.to_vec();
                let mut nodes = form.ast.as_ref().to_vec();
                let what = format!("{node} is {other} in {}", form.ast);
                nodes[i] = other;
                forms[f].ast = RecExpr::from(nodes);
                mutants.push((what, forms));
            }
        }
    }
    mutants
}

/// Attributes with one of them changed.
fn attributes(attrs: &Attrs) -> Vec<Attrs> {
    let mut all = Vec::new();
    for (name, value) in attrs.iter() {
        let others: Vec<Attr> = match value {
            Attr::Bool(b) => vec![Attr::Bool(!b)],
            Attr::Int(n) => vec![Attr::Int(n + 1), Attr::Int(n - 1)],
            Attr::Ints(v) => {
                let changed = |i: usize, by: i64| {
                    let mut v = v.clone();
                    v[i] += by;
                    Attr::Ints(v)
                };
                (0..v.len()).flat_map(|i| [changed(i, 1), changed(i, -1)]).collect()
            }
            Attr::Float(v) => vec![Attr::Float((f32::from(*v) * 1.5 + 0.5).into())],
            Attr::Floats(_) | Attr::Word(_) | Attr::DType(_) => Vec::new(),
        };
        all.extend(others.into_iter().map(|other| attrs.clone().with(name, other)));
    }
    all
}

/// A constant with one element changed: the first, the middle one, the last.
fn constants(t: &Tensor) -> Vec<Tensor> {
    let n = t.to_f64s().len();
    let at: BTreeSet<usize> = [0, n / 2, n.saturating_sub(1)].into_iter().filter(|i| *i < n).collect();
    let changed = |i: usize| {
        let mut numbers = t.to_f64s();
        // Of integers of 32 bits, some stand for numbers that are rounded.
        let more = if t.dtype() == DType::I32 { (numbers[i] / -4.0).trunc() + 1.0 } else { 1.0 };
        numbers[i] = if t.dtype().is_float() { numbers[i] * 1.25 + 0.25 } else { numbers[i] + more };
        Tensor::of::<f64>(t.shape().clone(), numbers).cast(t.dtype())
    };
    at.into_iter().map(changed).collect()
}

/// What a rule computes with one part of it changed.
fn computed(bound: &Bindings) -> Vec<(String, Bindings, bool)> {
    let mut all = Vec::new();
    for (i, (name, b)) in bound.0.iter().enumerate() {
        let others: Vec<Bound> = match b {
            Bound::Attrs(attrs) => attributes(attrs).into_iter().map(Bound::Attrs).collect(),
            Bound::Tensor(t) => constants(t).into_iter().map(|t| Bound::Tensor(Arc::new(t))).collect(),
            Bound::Absent | Bound::Same(_) => Vec::new(),
        };
        for other in others {
            let mut changed = bound.clone();
            let (what, of_attrs) = match (b, &other) {
                (Bound::Attrs(a), Bound::Attrs(b)) => (format!("{name} is {b} instead of {a}"), true),
                _ => (format!("{name} has another element"), false),
            };
            changed.0[i].1 = other;
            all.push((what, changed, of_attrs));
        }
    }
    all
}

/// All mutants of a rule in an example.
fn mutants(rule: &Compiled, graph: &Graph, example: &str) -> Vec<Mutant> {
    let forms =
        forms(rule).into_iter().map(|(what, to)| Mutant { what, rule: rule.changed(to, |b| b), of_attrs: false });
    let classes = load(graph, example).expect("an example is a graph").1;
    let bound = rule.first(&classes).map(|(_, _, b)| computed(&b)).unwrap_or_default();
    let bound = bound.into_iter().map(|(what, b, of_attrs)| {
        let changed = rule.changed(rule.forms().1.to_vec(), move |_| b.clone());
        Mutant { what, rule: changed, of_attrs }
    });
    forms.chain(bound).collect()
}

/// What becomes of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Types or limits do not allow it.
    Refused,
    /// The values differ.
    Differs,
    /// It says the same in another way.
    Equal,
    Survives,
}

/// What the derived test of one example says of a mutant.
fn fate(rule: &Compiled, mutant: &Mutant, graph: &Graph, example: &str) -> Fate {
    let mut changed = graph.clone();
    if rewritten(&mutant.rule, &mut changed, example).is_err() {
        return Fate::Refused;
    }
    match difference(rule.rule, example, graph, &changed) {
        Some(_) => Fate::Differs,
        None if is_equal(&mutant.rule, graph, example) => Fate::Equal,
        None if mutant.of_attrs && alike_on_shapes(rule, &mutant.rule, graph, example) => Fate::Equal,
        None => Fate::Survives,
    }
}

/// Whether other rules, none less exact, find the mutant's form equal to the rule's.
fn is_equal(mutant: &Compiled, graph: &Graph, example: &str) -> bool {
    let mut classes = load(graph, example).expect("an example is a graph").1;
    let Some(forms) = mutant.apart(&mut classes) else { return false };
    classes.rebuild();
    let as_exact = |r: &&Rule| r.accuracy == Accuracy::Exact || mutant.rule.accuracy != Accuracy::Exact;
    let rules: Vec<&'static Rule> = all().filter(as_exact).collect();
    let (classes, ..) = saturate(classes, &rules, Limits { iterations: 6, enodes: 4000 });
    forms.iter().all(|(a, b)| classes.find(*a) == classes.find(*b))
}

/// Whether both right sides, over the same constants, give the same bits whatever these and the inputs
/// hold.
fn alike_on_shapes(rule: &Compiled, mutant: &Compiled, graph: &Graph, example: &str) -> bool {
    let constants = |graph: &Graph| -> Vec<(NodeId, Arc<Tensor>)> {
        let nodes = graph.topological().into_iter().flatten();
        let constant = |id| if let Kind::Const(t) = &graph.node(id).kind { Some((id, t.clone())) } else { None };
        nodes.filter_map(constant).collect()
    };
    let (mut a, mut b) = (graph.clone(), graph.clone());
    if rewritten(rule, &mut a, example).is_err() || rewritten(mutant, &mut b, example).is_err() {
        return false;
    }
    let (of_a, of_b) = (constants(&a), constants(&b));
    let bytes = |t: &Tensor| (t.ty(), t.data().to_le_bytes());
    if !of_a.iter().map(|(_, t)| bytes(t)).eq(of_b.iter().map(|(_, t)| bytes(t))) {
        return false;
    }
    (1..6).all(|seed| {
        for (i, ((p, t), (q, _))) in of_a.iter().zip(&of_b).enumerate() {
            let other = Arc::new(Tensor::random(&t.ty(), seed * 31 + i as u64));
            a.node_mut(*p).kind = Kind::Const(other.clone());
            b.node_mut(*q).kind = Kind::Const(other);
        }
        outputs(&a, example, seed).iter().map(bytes).eq(outputs(&b, example, seed).iter().map(bytes))
    })
}

#[test]
fn mutants_of_rules_fail_their_tests() {
    let mut counts: BTreeMap<Fate, usize> = BTreeMap::new();
    let mut survivors = Vec::new();
    for rule in all() {
        // A mutant is caught if one example does; by what it says, since examples bind their own values.
        let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
        for example in rule.examples {
            let graph = before(rule, example).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let compiled = Compiled::new(rule, many(rule, example)).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            for mutant in mutants(&compiled, &graph, example) {
                let known = fates.entry(mutant.what.clone()).or_insert(Fate::Survives);
                if *known >= Fate::Equal {
                    *known = fate(&compiled, &mutant, &graph, example).min(*known);
                }
            }
        }
        for (what, fate) in fates {
            *counts.entry(fate).or_default() += 1;
            if fate == Fate::Survives {
                survivors.push(format!("{}: {what}", rule.name));
            }
        }
    }
    let of = |fate| counts.get(&fate).copied().unwrap_or_default();
    println!(
        "{} rules, {} mutants: {} differ in value, {} are refused, {} say the same in another way, {} survive",
        all().count(),
        counts.values().sum::<usize>() - of(Fate::Equal),
        of(Fate::Differs),
        of(Fate::Refused),
        of(Fate::Equal),
        survivors.len()
    );
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}
