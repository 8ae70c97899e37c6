//! A region of the graph as an e-graph, and what was chosen in it back in the graph.
//!
//! A region holds consecutive operators of an order in which the graph can run, so no path leaves it and
//! comes back. What it reads from outside are leaves; what is read outside are roots.

use crate::append;
use crate::facts::{Classes, Facts, value};
use crate::lang::{Node, has_attrs, is_variadic};
use crate::range::{Known, Ranges};
use egg::{EGraph, Id, Language};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tinyc_core::attrs::Attrs;
use tinyc_core::graph::{Graph, Kind, NodeId, Origins};
use tinyc_core::types::Type;

/// The nodes of a region and where they are in the e-graph.
pub struct Region {
    /// Operators and projections, in an order in which they can run.
    pub nodes: Vec<NodeId>,
    class_of: BTreeMap<NodeId, Id>,
    leaves: Vec<NodeId>,
    constants: HashMap<u32, NodeId>,
    /// Nodes that something outside reads.
    pub roots: Vec<NodeId>,
}

/// The e-graph of the region that holds `nodes`, given what is known of values.
pub fn load(graph: &Graph, nodes: &[NodeId], known: &Known) -> (Region, Classes) {
    let inside: BTreeSet<NodeId> = nodes.iter().copied().collect();
    let mut region = Region {
        nodes: nodes.to_vec(),
        class_of: BTreeMap::new(),
        leaves: Vec::new(),
        constants: HashMap::new(),
        roots: nodes
            .iter()
            .copied()
            .filter(|&id| {
                graph.outputs().iter().any(|o| o.node == id) || graph.users(id).iter().any(|u| !inside.contains(u))
            })
            .collect(),
    };
    let mut classes: Classes = EGraph::new(Facts::under(known.nans));
    for &id in nodes {
        let class = match &graph.node(id).kind {
            Kind::Op(op, attrs) => {
                let mut children = Vec::new();
                if has_attrs(*op) {
                    children.push(classes.add(Node::Attrs(attrs.clone())));
                }
                for o in graph.operands(id) {
                    children.push(match o {
                        None => classes.add(Node::Absent),
                        Some(o) => region.operand(graph, &mut classes, known, o),
                    });
                }
                let wanted = op.op().operands().len() + usize::from(has_attrs(*op));
                while !is_variadic(*op) && children.len() < wanted {
                    children.push(classes.add(Node::Absent));
                }
                classes.add(Node::Op(*op, children.into()))
            }
            Kind::Get(i) => {
                let tuple = graph.operands(id)[0].expect("get has an operand");
                match region.class_of.get(&tuple) {
                    Some(&tuple) => classes.add(Node::Get(*i as u32, [tuple])),
                    None => region.leaf(graph, &mut classes, known, id),
                }
            }
            Kind::Input(_) | Kind::Const(_) => unreachable!("regions hold operators and projections"),
        };
        region.class_of.insert(id, class);
    }
    classes.rebuild();
    (region, classes)
}

impl Region {
    fn operand(&mut self, graph: &Graph, classes: &mut Classes, known: &Known, id: NodeId) -> Id {
        if let Some(&class) = self.class_of.get(&id) {
            return class;
        }
        let class = match &graph.node(id).kind {
            Kind::Const(t) => {
                let entry = classes.analysis.constant(t);
                self.constants.entry(entry).or_insert(id);
                classes.add(Node::Const(entry))
            }
            _ => self.leaf(graph, classes, known, id),
        };
        self.class_of.insert(id, class);
        class
    }

    fn leaf(&mut self, graph: &Graph, classes: &mut Classes, known: &Known, id: NodeId) -> Id {
        self.leaves.push(id);
        let ty = graph.node(id).tensor().clone();
        let ranges = known.results.get(&id).and_then(|r| r.first().cloned()).unwrap_or_else(|| Ranges::any(&ty));
        classes.analysis.leaves.push((ty, Arc::new(ranges)));
        classes.add(Node::Leaf(self.leaves.len() as u32 - 1))
    }

    /// The classes of the roots.
    pub fn root_classes(&self, classes: &Classes) -> Vec<Id> {
        self.roots.iter().map(|r| classes.find(self.class_of[r])).collect()
    }

    /// By class the names of the ONNX nodes whose value it is.
    pub fn names(&self, graph: &Graph, classes: &Classes) -> BTreeMap<Id, Origins> {
        let mut names: BTreeMap<Id, Origins> = BTreeMap::new();
        for id in &self.nodes {
            append(names.entry(classes.find(self.class_of[id])).or_default(), &graph.node(*id).origins);
        }
        names
    }
}

/// A node chosen for each class that is needed.
pub type Chosen = BTreeMap<Id, Node>;

/// Puts what was chosen in the place of the region, and what is known of it in `known`. Returns its nodes,
/// in an order in which they run.
pub fn store(graph: &mut Graph, region: &Region, classes: &Classes, chosen: &Chosen, known: &mut Known) -> Vec<NodeId> {
    let class = |id: &NodeId| classes.find(region.class_of[id]);
    let origins = origins(graph, region, classes, chosen);
    // What stands in the graph already, by what it computes.
    let mut there: HashMap<Node, NodeId> = HashMap::new();
    let mut value_names: BTreeMap<Id, Arc<str>> = BTreeMap::new();
    for id in &region.nodes {
        if let Some(name) = &graph.node(*id).value {
            value_names.entry(class(id)).or_insert_with(|| name.clone());
        }
    }
    let mut made: BTreeMap<Id, NodeId> = BTreeMap::new();
    let mut order = Vec::new();
    for id in &region.nodes {
        let known = |o: &NodeId| region.class_of.get(o).map(|c| classes.find(*c));
        let node = graph.node(*id);
        let children: Option<Vec<Id>> = graph.operands(*id).iter().flatten().map(known).collect();
        if let (Some(children), Kind::Op(..)) = (children, &node.kind)
            && let Some(chosen) = chosen.get(&class(id))
            && is_node(classes, chosen, &node.kind, &children)
        {
            there.entry(chosen.clone()).or_insert(*id);
        }
    }
    for id in postorder(classes, chosen, &region.root_classes(classes)) {
        let node = match &chosen[&id] {
            Node::Const(entry) => {
                let known = region.constants.get(entry).copied();
                known.unwrap_or_else(|| graph.add_const(classes.analysis.constants[*entry as usize].clone(), None))
            }
            Node::Leaf(i) => {
                let leaf = region.leaves[*i as usize];
                if let (Kind::Op(..), Some(names)) = (&graph.node(leaf).kind, origins.get(&id)) {
                    append(&mut graph.node_mut(leaf).origins, names);
                }
                leaf
            }
            Node::Get(i, [tuple]) => {
                let get = graph.add_get(made[&classes.find(*tuple)], *i as usize);
                get.expect("the class of a tuple has its parts")
            }
            node @ Node::Op(op, _) => {
                let (attrs, operands) = parts(classes, node);
                let mut operands: Vec<Option<NodeId>> =
                    operands.iter().map(|o| made.get(&classes.find(*o)).copied()).collect();
                while operands.last() == Some(&None) {
                    operands.pop();
                }
                let reused = there.get(node).copied().filter(|id| graph.operands(*id) == operands);
                let result = reused.unwrap_or_else(|| {
                    let added = graph.add_op(*op, attrs, &operands, Origins::new());
                    added.expect("types were inferred when the node joined its class")
                });
                let node = graph.node_mut(result);
                node.origins = origins.get(&id).cloned().unwrap_or_default();
                node.value = value_names.get(&id).cloned();
                result
            }
            Node::Attrs(_) | Node::Absent => continue,
        };
        if !matches!(chosen[&id], Node::Const(_) | Node::Leaf(_)) {
            order.push(node);
        }
        made.insert(id, node);
    }
    // Numbers of nodes that are gone are given again.
    for (id, node) in &made {
        match value(classes, *id).and_then(|v| v.ranges.as_deref()) {
            Some(ranges) => known.results.insert(*node, vec![ranges.clone()]),
            None => known.results.remove(node),
        };
    }
    for root in &region.roots {
        graph.replace_uses(*root, made[&class(root)]);
    }
    let kept: BTreeSet<NodeId> = order.iter().copied().collect();
    for id in region.nodes.iter().rev().filter(|id| !kept.contains(id) && !region.leaves.contains(id)) {
        graph.remove(*id);
    }
    order
}

/// Whether a chosen node is the graph's.
fn is_node(classes: &Classes, chosen: &Node, kind: &Kind, children: &[Id]) -> bool {
    let (Node::Op(op, _), Kind::Op(other, attrs)) = (chosen, kind) else { return false };
    let (own, operands) = parts(classes, chosen);
    let operands = operands.iter().map(|o| classes.find(*o)).filter(|o| value(classes, *o).is_some());
    op == other && own == *attrs && operands.eq(children.iter().copied())
}

/// Attributes and operands of an operator's node.
pub fn parts<'n>(classes: &Classes, node: &'n Node) -> (Attrs, &'n [Id]) {
    let Some((_, attrs, operands)) = node.operator() else { return (Attrs::new(), &[]) };
    let attrs = attrs.map(|a| match &classes[a].data {
        crate::facts::Fact::Attrs(attrs) => attrs.clone(),
        other => unreachable!("attributes are {other:?}"),
    });
    (attrs.unwrap_or_default(), operands)
}

/// Needed classes, operands first.
fn postorder(classes: &Classes, chosen: &Chosen, roots: &[Id]) -> Vec<Id> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for &root in roots {
        let mut stack = vec![(root, false)];
        while let Some((id, done)) = stack.pop() {
            let Some(node) = chosen.get(&id) else { continue };
            if done {
                order.push(id);
            } else if seen.insert(id) {
                stack.push((id, true));
                stack.extend(node.children().iter().rev().map(|c| (classes.find(*c), false)));
            }
        }
    }
    order
}

/// By chosen class the ONNX nodes that it came from, in the order they ran: those whose value it is, and
/// those whose value nobody computes any more and that led to it.
fn origins(graph: &Graph, region: &Region, classes: &Classes, chosen: &Chosen) -> BTreeMap<Id, Origins> {
    let class = |id: &NodeId| classes.find(region.class_of[id]);
    let computed = |c: &Id| chosen.get(c).is_some_and(|n| !matches!(n, Node::Const(_)));
    // Where each node's names go: its class, or the nearest classes behind it, and how far that is.
    let mut goes: BTreeMap<NodeId, (usize, BTreeSet<Id>)> = BTreeMap::new();
    for id in region.nodes.iter().rev() {
        let own = class(id);
        let mut best = (usize::MAX, BTreeSet::new());
        if computed(&own) {
            best = (0, BTreeSet::from([own]));
        } else {
            for (far, targets) in graph.users(*id).iter().filter_map(|u| goes.get(u)) {
                match far.saturating_add(1).cmp(&best.0) {
                    Ordering::Less => best = (far + 1, targets.clone()),
                    Ordering::Equal => best.1.extend(targets),
                    Ordering::Greater => {}
                }
            }
        }
        goes.insert(*id, best);
    }
    let mut all: BTreeMap<Id, Origins> = BTreeMap::new();
    for id in &region.nodes {
        for target in &goes[id].1 {
            append(all.entry(*target).or_default(), &graph.node(*id).origins);
        }
    }
    // What only a rule has made gets the name of its reader: the last one, since lists would grow from run
    // to run.
    for id in postorder(classes, chosen, &region.root_classes(classes)).into_iter().rev() {
        let Some(name) = all.get(&id).and_then(|names| names.last()).cloned() else { continue };
        for child in chosen[&id].children() {
            let child = classes.find(*child);
            let is_value = value(classes, child).is_some_and(|v| matches!(v.ty, Type::Tensor(_)));
            let made = matches!(chosen.get(&child), Some(Node::Op(..)));
            if is_value && made && !all.contains_key(&child) {
                all.insert(child, vec![name.clone()]);
            }
        }
    }
    all
}
