//! The evaluator: one operator after another, each value freed after its last use.

use crate::attrs::Attrs;
use crate::diag::{Code, Diagnostic, Report};
use crate::exec::{Exec, Runner};
use crate::graph::{Graph, Kind, NodeId};
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::types::TensorType;
use std::collections::HashMap;
use std::sync::Arc;

/// Executes graphs by the operators' reference evaluation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evaluator;

/// A value's position while a network runs.
type Slot = usize;

struct Step {
    node: NodeId,
    op: OpId,
    attrs: Attrs,
    operands: Vec<Option<Slot>>,
    /// Where its results begin.
    results: Slot,
    /// Values that nothing reads afterwards.
    dead: Vec<Slot>,
    /// For messages.
    origin: String,
}

struct Port {
    name: String,
    ty: TensorType,
    node: NodeId,
    slot: Slot,
}

struct Compiled {
    inputs: Vec<Port>,
    constants: Vec<(Slot, Arc<Tensor>)>,
    steps: Vec<Step>,
    outputs: Vec<Slot>,
    slots: usize,
}

impl Exec for Evaluator {
    fn compile(&self, graph: &Graph) -> Result<Box<dyn Runner>, Report> {
        let cycle = || Diagnostic::error(Code::Cycle, "the graph has a cycle");
        let order = graph.topological().ok_or_else(cycle)?;
        let live = graph.live();
        let mut c =
            Compiled { inputs: Vec::new(), constants: Vec::new(), steps: Vec::new(), outputs: Vec::new(), slots: 0 };
        let mut first: HashMap<NodeId, Slot> = HashMap::new();
        let mut last_use: HashMap<Slot, usize> = HashMap::new();
        for id in order.into_iter().filter(|id| live.contains(id)) {
            let node = graph.node(id);
            let operands: Vec<Option<Slot>> = graph.operands(id).iter().map(|o| o.map(|o| first[&o])).collect();
            let slot = match (&node.kind, &operands[..]) {
                (Kind::Get(i), [Some(tuple)]) => tuple + i,
                (Kind::Get(_), _) => unreachable!("a projection has one operand"),
                _ => c.slots,
            };
            first.insert(id, slot);
            match &node.kind {
                Kind::Get(_) => continue,
                Kind::Input(name) => {
                    c.inputs.push(Port { name: name.clone(), ty: node.tensor().clone(), node: id, slot });
                }
                Kind::Const(t) => c.constants.push((slot, t.clone())),
                Kind::Op(op, attrs) => {
                    let step = c.steps.len();
                    last_use.extend(operands.iter().flatten().map(|&o| (o, step)));
                    last_use.extend((slot..slot + node.ty.parts().len()).map(|s| (s, step)));
                    let origin = node.origins.first().map_or(String::new(), |o| format!(" (node {o:?})"));
                    let (op, attrs) = (*op, attrs.clone());
                    c.steps.push(Step { node: id, op, attrs, operands, results: slot, dead: Vec::new(), origin });
                }
            }
            c.slots += node.ty.parts().len();
        }
        c.inputs.sort_by_key(|p| graph.inputs().iter().position(|&i| i == p.node));
        c.outputs = graph.outputs().iter().map(|o| first[&o.node]).collect();
        for (slot, step) in last_use {
            if !c.outputs.contains(&slot) {
                c.steps[step].dead.push(slot);
            }
        }
        Ok(Box::new(c))
    }
}

impl Compiled {
    fn check_inputs(&self, inputs: &[Tensor]) -> Result<(), Report> {
        let mut report = Report::default();
        if inputs.len() != self.inputs.len() {
            let message = format!("the network has {} inputs, but {} were given", self.inputs.len(), inputs.len());
            report.push(Diagnostic::error(Code::BadData, message));
        }
        for (port, given) in self.inputs.iter().zip(inputs) {
            if given.ty() != port.ty {
                let message = format!("input {:?} is {}, but {} was given", port.name, port.ty, given.ty());
                report.push(Diagnostic::error(Code::BadData, message));
            }
        }
        if report.has_errors() { Err(report) } else { Ok(()) }
    }
}

impl Runner for Compiled {
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Report> {
        self.trace(inputs, &mut |_, _| {})
    }

    fn trace(&self, inputs: &[Tensor], see: &mut dyn FnMut(NodeId, &[Tensor])) -> Result<Vec<Tensor>, Report> {
        self.check_inputs(inputs)?;
        let mut values: Vec<Option<Arc<Tensor>>> = vec![None; self.slots];
        for (port, given) in self.inputs.iter().zip(inputs) {
            see(port.node, std::slice::from_ref(given));
            values[port.slot] = Some(Arc::new(given.clone()));
        }
        for (slot, constant) in &self.constants {
            values[*slot] = Some(constant.clone());
        }
        for step in &self.steps {
            let operands: Vec<Option<&Tensor>> =
                step.operands.iter().map(|o| o.and_then(|o| values[o].as_deref())).collect();
            let results = step.op.op().eval(&step.attrs, &operands).map_err(|mut e| {
                e.message.push_str(&step.origin);
                e.diagnostic()
            })?;
            see(step.node, &results);
            for (slot, result) in (step.results..).zip(results) {
                values[slot] = Some(Arc::new(result));
            }
            for &slot in &step.dead {
                values[slot] = None;
            }
        }
        let output = |&slot: &Slot| values[slot].as_deref().expect("outputs are computed and not freed").clone();
        Ok(self.outputs.iter().map(output).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;
    use crate::types::DType;

    fn graph() -> Graph {
        let text = "graph @g {\n\
            %a = input : f32[2,2]\n\
            %b = input : f32[2]\n\
            %c = const [1.0,-2.0] : f32[2]\n\
            %s = add %a, %b : f32[2,2]\n\
            %r = relu %s : f32[2,2]\n\
            %t = mul %r, %c : f32[2,2]\n\
            %unused = neg %t : f32[2,2]\n\
            output %t\n\
            output %s\n\
            output %b\n}";
        text::parse(text, &[]).unwrap()
    }

    #[test]
    fn runs_in_order_and_keeps_outputs() {
        let runner = Evaluator.compile(&graph()).unwrap();
        let a = Tensor::of([2, 2], vec![1.0f32, -5.0, 3.0, 4.0]);
        let b = Tensor::of([2], vec![10.0f32, 1.0]);
        let mut seen = 0;
        let out = runner.trace(&[a, b.clone()], &mut |_, _| seen += 1).unwrap();
        assert_eq!(out[0], Tensor::of([2, 2], vec![11.0f32, -0.0, 13.0, -10.0]));
        assert_eq!(out[1], Tensor::of([2, 2], vec![11.0f32, -4.0, 13.0, 5.0]));
        assert_eq!(out[2], b);
        assert_eq!(seen, 5, "two inputs and three live operators");
    }

    #[test]
    fn wrong_inputs_are_errors() {
        let runner = Evaluator.compile(&graph()).unwrap();
        let right = Tensor::zeros(&TensorType::new(DType::F32, [2, 2]));
        let codes =
            |r: Result<Vec<Tensor>, Report>| r.unwrap_err().diagnostics.iter().map(|d| d.code).collect::<Vec<_>>();
        assert_eq!(codes(runner.run(std::slice::from_ref(&right))), [Code::BadData]);
        let wrong = Tensor::zeros(&TensorType::new(DType::F64, [2]));
        assert_eq!(codes(runner.run(&[wrong.clone(), wrong])), [Code::BadData, Code::BadData]);
    }
}
