//! Convolutions and products of one value as one: the end of `optimize`, on operators whose constants are
//! final, so that there are no more pairs than the network has.
//!
//! In an e-graph the price of an operator does not tell that a function behind a slice is a step of its own,
//! where it was the end of a convolution's. So the operators of one value and their readers are priced once
//! more, in the form chosen.

use crate::Options;
use crate::dead;
use crate::optimize::{Outcome, Stage, one_region, operators};
use crate::range::Known;
use crate::rules::{BEHIND, PAIRS};
use std::collections::{BTreeSet, HashMap, HashSet};
use tinyc_core::cost::{LayerCost, of_node};
use tinyc_core::graph::{Graph, Kind, NodeId, Origins};
use tinyc_core::op::OpId;

/// So many readers one behind the other are priced with what is merged.
const READERS: usize = 3;

/// Merges what takes fewer cycles and no more constants, and adds that to the outcome.
pub fn merge(graph: &mut Graph, options: &Options<'_>, outcome: &mut Outcome) {
    let mut tried: HashSet<Vec<NodeId>> = HashSet::new();
    // A group has been tried, or its operators are fewer than before.
    while let Some(order) = operators(graph)
        && let Some(group) = groups(graph, &order).into_iter().find(|g| !tried.contains(g))
    {
        let nodes = with_readers(graph, &order, &group);
        // By themselves they cost what they do where nothing else joins their steps.
        if trial(graph, &group, options, outcome).is_some()
            && let Some((old, new)) = trial(graph, &nodes, options, outcome)
            && new.cycles < old.cycles
            && new.weight_bytes <= old.weight_bytes
        {
            let done = pairs_of(graph, &nodes, options);
            outcome.after = outcome.after + done.after - done.before;
            outcome.bound = outcome.bound + done.bound - done.before;
            outcome.fired.extend(done.fired);
            outcome.changed = true;
            // Their constants are in others now.
            dead::run(graph);
        }
        tried.insert(group);
    }
}

/// Prices of nodes as a network, as they are and with pairs merged; nothing where none is.
fn trial(
    graph: &Graph,
    nodes: &[NodeId],
    options: &Options<'_>,
    outcome: &mut Outcome,
) -> Option<(LayerCost, LayerCost)> {
    let before = part(graph, nodes)?;
    let mut after = before.clone();
    let done = pairs_of(&mut after, &operators(&before)?, options);
    outcome.regions += done.regions;
    outcome.enodes += done.enodes;
    outcome.classes += done.classes;
    outcome.iterations += done.iterations;
    outcome.steps += done.steps;
    if done.fired.is_empty() {
        return None;
    }
    let price = |g: &Graph| {
        operators(g)?.into_iter().try_fold(LayerCost::default(), |sum, id| {
            let price = of_node(options.cost, g, id)?;
            let weight_bytes = sum.weight_bytes + price.weight_bytes;
            Some(LayerCost { cycles: sum.cycles + price.cycles, weight_bytes, ..sum })
        })
    };
    price(&before).zip(price(&after))
}

/// Rewrites nodes by the rules over pairs. What they make of pairs is another group.
fn pairs_of(graph: &mut Graph, nodes: &[NodeId], options: &Options<'_>) -> Outcome {
    let stages: [Stage; 2] = [(PAIRS.iter().collect(), 1), (BEHIND.iter().collect(), READERS)];
    let mut outcome = Outcome::default();
    one_region(graph, options, &stages, nodes, &mut Known { nans: options.nans(), ..Known::default() }, &mut outcome);
    outcome
}

/// Operators that read the same value, with the same attributes and constant filters of one shape.
fn groups(graph: &Graph, order: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut number = HashMap::new();
    let mut groups: Vec<Vec<NodeId>> = Vec::new();
    for &id in order {
        if let Kind::Op(op @ (OpId::conv | OpId::gemm), attrs) = &graph.node(id).kind
            && let [Some(x), Some(w), ..] = graph.operands(id)[..]
            && let Kind::Const(weights) = &graph.node(w).kind
        {
            let filter = if *op == OpId::conv { weights.shape()[1..].to_vec() } else { Vec::new() };
            let group = *number.entry((*op, attrs, x, filter)).or_insert(groups.len());
            groups.resize_with(groups.len().max(group + 1), Vec::new);
            groups[group].push(id);
        }
    }
    groups.retain(|g| g.len() > 1);
    groups
}

/// A group and what reads it and nothing else that is computed behind the group's first operator.
fn with_readers(graph: &Graph, order: &[NodeId], group: &[NodeId]) -> Vec<NodeId> {
    let position: HashMap<NodeId, usize> = order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
    let first = group.iter().map(|id| position[id]).min();
    let mut nodes: BTreeSet<NodeId> = group.iter().copied().collect();
    for _ in 0..READERS {
        let readers: BTreeSet<NodeId> = nodes.iter().flat_map(|&id| graph.users(id)).collect();
        let joins = |id: &NodeId| {
            let known = |o: &NodeId| nodes.contains(o) || position.get(o).copied() < first;
            matches!(graph.node(*id).kind, Kind::Op(..)) && graph.operands(*id).iter().flatten().all(known)
        };
        let joining: Vec<NodeId> = readers.into_iter().filter(|id| position.contains_key(id) && joins(id)).collect();
        nodes.extend(joining);
    }
    let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
    nodes.sort_by_key(|id| position[id]);
    nodes
}

/// Nodes as a network of their own.
fn part(graph: &Graph, nodes: &[NodeId]) -> Option<Graph> {
    let mut part = Graph::new("part");
    let mut place: HashMap<NodeId, NodeId> = HashMap::new();
    for &id in nodes {
        let Kind::Op(op, attrs) = &graph.node(id).kind else { return None };
        for o in graph.operands(id).into_iter().flatten() {
            if !place.contains_key(&o) {
                let there = match &graph.node(o).kind {
                    Kind::Const(t) => part.add_const(t.clone(), None),
                    _ => part.add_input(format!("x{}", place.len()), graph.node(o).ty.tensor()?.clone()),
                };
                place.insert(o, there);
            }
        }
        let operands: Vec<Option<NodeId>> = graph.operands(id).into_iter().map(|o| place.get(&o?).copied()).collect();
        place.insert(id, part.add_op(*op, attrs.clone(), &operands, Origins::new()).ok()?);
    }
    let outside = |id: &NodeId| graph.users(*id).iter().any(|u| !nodes.contains(u));
    for id in nodes.iter().filter(|id| outside(id) || graph.outputs().iter().any(|o| o.node == **id)) {
        part.add_output(format!("y{}", place[id].index()), place[id]);
    }
    Some(part)
}
