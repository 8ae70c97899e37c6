//! The invariants of graphs, numbered, and the verifier that checks them.
//!
//! It runs after every pass in debug builds and tests. Each invariant has a failing case file in
//! `testsuite/cases/verify`.

use crate::diag::{Code, Diagnostic, Report};
use crate::graph::{Graph, Kind, NodeId};
use crate::text::names;
use crate::types::{MAX_TENSOR_BYTES, Type};
use std::collections::{BTreeMap, BTreeSet};

/// Something that holds of every graph.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    pub id: &'static str,
    pub text: &'static str,
}

macro_rules! invariants {
    ($($id:ident $text:literal;)*) => {
        $(const $id: Invariant = Invariant { id: stringify!($id), text: $text };)*

        /// All invariants, in the order of their numbers.
        pub const INVARIANTS: &[Invariant] = &[$($id),*];
    };
}

invariants! {
    G01 "No node depends on itself, directly or through others.";
    G02 "A node has the operands of its kind: an operator those of its signature, none missing and none \
         beyond, `get` one, inputs and constants none.";
    G03 "An operator has exactly the attributes that it declares, with values of their kinds.";
    G04 "The type of an operator's node is the one that the operator infers from its operands.";
    G05 "Only `get` reads tuples; its index is one of the tuple's parts, and its type is that part's.";
    G06 "The type of a constant's node is its tensor's, and that of an input is a tensor type.";
    G07 "The graph lists its input nodes, each once, and their names differ.";
    G08 "The graph has outputs; each is a tensor of a node in the graph, and their names differ.";
    G09 "No tensor is larger than 2 GiB.";
}

/// Checks all invariants; every violation is one error.
pub fn verify(graph: &Graph) -> Result<(), Report> {
    let mut v = Verifier { graph, names: names(graph), report: Report::default() };
    if graph.topological().is_none() {
        let stuck: Vec<String> = v.cyclic().into_iter().map(|id| v.name(id)).collect();
        v.broken(G01, format!("{} depend on themselves", stuck.join(", ")));
    }
    for id in graph.ids() {
        v.node(id);
    }
    v.inputs();
    v.outputs();
    if v.report.has_errors() { Err(v.report) } else { Ok(()) }
}

struct Verifier<'a> {
    graph: &'a Graph,
    names: BTreeMap<NodeId, String>,
    report: Report,
}

impl Verifier<'_> {
    fn broken(&mut self, invariant: Invariant, message: String) {
        self.report
            .push(Diagnostic::error(Code::Invariant, format!("{}: {message}", invariant.id)).note(invariant.text));
    }

    fn name(&self, id: NodeId) -> String {
        format!("%{}", self.names[&id])
    }

    /// Nodes that neither have all operands computed before them nor lead to nothing but such nodes.
    fn cyclic(&self) -> Vec<NodeId> {
        let mut left: BTreeSet<NodeId> = self.graph.ids().collect();
        loop {
            let free = |id: &NodeId| {
                let operands = self.graph.operands(*id);
                operands.iter().flatten().all(|o| !left.contains(o))
                    || self.graph.users(*id).iter().all(|u| !left.contains(u))
            };
            let free: BTreeSet<NodeId> = left.iter().copied().filter(free).collect();
            if free.is_empty() {
                return left.into_iter().collect();
            }
            left.retain(|id| !free.contains(id));
        }
    }

    fn node(&mut self, id: NodeId) {
        let graph = self.graph;
        let node = graph.node(id);
        let operands = graph.operands(id);
        for ty in node.ty.parts() {
            if ty.shape.checked_len().and_then(|n| n.checked_mul(ty.dtype.bytes())).is_none_or(|b| b > MAX_TENSOR_BYTES)
            {
                self.broken(G09, format!("{} holds {ty}", self.name(id)));
            }
        }
        match &node.kind {
            Kind::Input(_) | Kind::Const(_) if !operands.is_empty() => {
                self.broken(G02, format!("{} has operands", self.name(id)));
            }
            Kind::Input(_) if node.ty.tensor().is_none() => {
                self.broken(G06, format!("the input {} is a tuple", self.name(id)));
            }
            Kind::Const(t) if node.ty != Type::Tensor(t.ty()) => {
                self.broken(G06, format!("{} is {}, but its tensor is {}", self.name(id), node.ty, t.ty()));
            }
            Kind::Input(_) | Kind::Const(_) => {}
            Kind::Get(i) => match operands.as_slice() {
                [Some(tuple)] => self.get(id, *i, *tuple),
                _ => self.broken(G02, format!("{} needs one operand", self.name(id))),
            },
            Kind::Op(op, attrs) => {
                if let Err(e) = attrs.check(op.op().attrs()) {
                    return self.broken(G03, format!("{}: {e}", self.name(id)));
                }
                let mut types = Vec::new();
                for o in &operands {
                    match o.map(|o| (o, &graph.node(o).ty)) {
                        None => types.push(None),
                        Some((_, Type::Tensor(t))) => types.push(Some(t)),
                        Some((o, Type::Tuple(_))) => {
                            return self.broken(G05, format!("{} reads the tuple {}", self.name(id), self.name(o)));
                        }
                    }
                }
                if let Err(e) = op.check_operands(&types) {
                    return self.broken(G02, format!("{}: {}", self.name(id), e.message));
                }
                match graph.infer(*op, attrs, &operands) {
                    Ok(ty) if ty == node.ty => {}
                    Ok(ty) => {
                        self.broken(G04, format!("{} is {}, but its operator gives {ty}", self.name(id), node.ty))
                    }
                    Err(e) => self.broken(G04, format!("{} is {}, but {}", self.name(id), node.ty, e.message)),
                }
            }
        }
    }

    fn get(&mut self, id: NodeId, i: usize, tuple: NodeId) {
        let (ty, from) = (&self.graph.node(id).ty, &self.graph.node(tuple).ty);
        let part = if let Type::Tuple(parts) = from { parts.get(i) } else { None };
        match part {
            Some(part) if ty.tensor() == Some(part) => {}
            Some(part) => self.broken(G05, format!("{} is {ty}, but the part is {part}", self.name(id))),
            None => self.broken(G05, format!("{} reads part {i} of {} : {from}", self.name(id), self.name(tuple))),
        }
    }

    fn inputs(&mut self) {
        let mut seen = BTreeSet::new();
        let mut listed = BTreeSet::new();
        for (i, &id) in self.graph.inputs().iter().enumerate() {
            match self.graph.contains(id).then(|| &self.graph.node(id).kind) {
                Some(Kind::Input(name)) => {
                    if !seen.insert(name.as_str()) {
                        self.broken(G07, format!("two inputs are named {name:?}"));
                    }
                    if !listed.insert(id) {
                        self.broken(G07, format!("input {name:?} is listed twice"));
                    }
                }
                _ => self.broken(G07, format!("input {i} is no input node of the graph")),
            }
        }
        for id in self.graph.ids() {
            if matches!(self.graph.node(id).kind, Kind::Input(_)) && !listed.contains(&id) {
                self.broken(G07, format!("the input {} is not listed", self.name(id)));
            }
        }
    }

    fn outputs(&mut self) {
        let mut seen = BTreeSet::new();
        for o in self.graph.outputs() {
            if !seen.insert(o.name.as_str()) {
                self.broken(G08, format!("two outputs are named {:?}", o.name));
            }
            if !self.graph.contains(o.node) {
                self.broken(G08, format!("output {:?} is no node of the graph", o.name));
            } else if self.graph.node(o.node).ty.tensor().is_none() {
                self.broken(G08, format!("output {:?} is the tuple {}", o.name, self.name(o.node)));
            }
        }
        if seen.is_empty() {
            self.broken(G08, "there are no outputs".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DType, TensorType};

    /// What no text can say; the case files hold the rest.
    #[test]
    fn dangling_inputs_and_outputs_are_found() {
        let mut g = Graph::new("g");
        let x = g.add_input("x", TensorType::new(DType::F32, [2]));
        g.add_output("y", x);
        assert!(verify(&g).is_ok());
        g.remove(x);
        let report = verify(&g).unwrap_err();
        let messages: Vec<_> = report.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            messages,
            ["G07: input 0 is no input node of the graph", "G08: output \"y\" is no node of the graph"]
        );
    }
}
