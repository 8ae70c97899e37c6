//! From graph and plan to a program: one plain kernel a step, equal kernels once.
//!
//! Takes order and memory from the plan and kernels from the operators.

use crate::plan::{Plan, PlannedStep, SlotPlace, Work};
use std::collections::HashMap;
use tinyc_core::attrs::Attrs;
use tinyc_core::diag::{Code, Diagnostic, OpError, Report};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::{Arg, Buffer, BufferId, FnId, Function, Place, Port, Program, Scalar, Step};
use tinyc_core::op::OpId;
use tinyc_core::types::{Shape, TensorType};

/// Lowers a planned graph. Reports every node that no kernel can be made for.
pub fn lower(graph: &Graph, plan: &Plan) -> Result<Program, Report> {
    let mut report = Report::default();
    let mut kernels = Kernels::default();
    let buffers: Vec<Buffer> = plan.buffers.iter().map(|b| buffer(graph, plan, b)).collect();
    let mut steps = Vec::new();
    for step in &plan.steps {
        match lower_step(graph, plan, step, &mut kernels) {
            Ok(step) => steps.push(step),
            Err(e) => report.push(located(graph, step, e)),
        }
    }
    for (id, &b) in graph.inputs().iter().zip(&plan.inputs) {
        if Scalar::of(plan.buffers[b].ty.dtype).is_none() {
            let message = format!("input %{}: no C type holds {}", plan.buffers[b].name, graph.node(*id).ty);
            report.push(Diagnostic::error(Code::NoKernel, message));
        }
    }
    if report.has_errors() {
        return Err(report);
    }
    let port = |name: &str, ty: &TensorType, b: usize| Port {
        name: name.to_owned(),
        ty: ty.clone(),
        buffer: BufferId(b as u32),
    };
    Ok(Program {
        name: graph.name.clone(),
        functions: kernels.functions,
        buffers,
        steps,
        inputs: graph
            .inputs()
            .iter()
            .zip(&plan.inputs)
            .map(|(&id, &b)| port(input_name(graph, id), graph.node(id).tensor(), b))
            .collect(),
        outputs: graph
            .outputs()
            .iter()
            .zip(&plan.outputs)
            .map(|(o, &b)| port(&o.name, graph.node(o.node).tensor(), b))
            .collect(),
        arena_bytes: plan.arena_bytes,
        arena_align: plan.arena_align,
    })
}

fn input_name(graph: &Graph, id: NodeId) -> &str {
    match &graph.node(id).kind {
        Kind::Input(name) => name,
        _ => unreachable!("inputs of a graph are input nodes"),
    }
}

fn buffer(graph: &Graph, plan: &Plan, b: &crate::plan::PlannedBuffer) -> Buffer {
    let place = match plan.slots[b.slot].place {
        SlotPlace::Input(i) => Place::Input(i),
        SlotPlace::Output(i) => Place::Output(i),
        SlotPlace::Arena(offset) => Place::Arena(offset),
        SlotPlace::Const(id) => match &graph.node(id).kind {
            Kind::Const(t) => Place::Const(t.clone()),
            _ => unreachable!("constant slots are made for constants"),
        },
    };
    // An element type that no C type holds has been used by some step or input, which is reported.
    let elem = Scalar::of(b.ty.dtype).unwrap_or(Scalar::I16);
    Buffer { name: b.name.clone(), dtype: b.ty.dtype, elem, len: b.ty.elements(), place }
}

fn lower_step(graph: &Graph, plan: &Plan, step: &PlannedStep, kernels: &mut Kernels) -> Result<Step, OpError> {
    let key = match step.work {
        Work::Copy => {
            let ty = plan.buffers[step.writes[0]].ty.clone();
            let flat = TensorType { shape: Shape::from([ty.elements()]), ..ty };
            let attrs = Attrs::new().with_shape("shape", &flat.shape);
            Key { name: "copy", op: OpId::reshape, attrs, x: vec![Some(flat.clone())], y: vec![flat] }
        }
        Work::Node(id) => {
            let node = graph.node(id);
            let Kind::Op(op, attrs) = &node.kind else { unreachable!("steps run operators") };
            let x = graph.operands(id).iter().map(|o| o.map(|o| graph.node(o).tensor().clone())).collect();
            Key { name: op.name(), op: *op, attrs: attrs.clone(), x, y: node.ty.parts().to_vec() }
        }
    };
    let (origins, macs) = match step.work {
        Work::Copy => (Vec::new(), 0),
        Work::Node(id) => {
            let x: Vec<_> = key.x.iter().map(Option::as_ref).collect();
            (graph.node(id).origins.clone(), key.op.op().macs(&key.attrs, &x, &key.y))
        }
    };
    let comment = key.comment();
    let args = step.reads.iter().flatten().chain(&step.writes).map(|&b| Arg::Buffer(BufferId(b as u32))).collect();
    Ok(Step { function: kernels.get(key)?, args, origins, comment, macs })
}

fn located(graph: &Graph, step: &PlannedStep, e: OpError) -> Diagnostic {
    let mut d = e.diagnostic();
    if let Work::Node(id) = step.work {
        for origin in &graph.node(id).origins {
            d = d.note(format!("from node {origin:?}"));
        }
        for o in graph.operands(id).into_iter().flatten() {
            d = d.note(format!("operand : {}", graph.node(o).ty));
        }
        d = d.note(format!("result : {}", graph.node(id).ty));
    }
    d
}

/// All that a plain kernel depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    name: &'static str,
    op: OpId,
    attrs: Attrs,
    x: Vec<Option<TensorType>>,
    y: Vec<TensorType>,
}

impl Key {
    /// `conv f32[1,2,3], _ -> f32[1,2]`
    fn comment(&self) -> String {
        let x: Vec<String> = self.x.iter().map(|t| t.as_ref().map_or("_".to_owned(), |t| t.to_string())).collect();
        let y: Vec<String> = self.y.iter().map(|t| t.to_string()).collect();
        format!("{} {} -> {}", self.name, x.join(", "), y.join(", "))
    }
}

#[derive(Default)]
struct Kernels {
    functions: Vec<Function>,
    by_key: HashMap<Key, FnId>,
    /// Functions without their names.
    by_body: HashMap<Function, FnId>,
    count: HashMap<&'static str, usize>,
}

impl Kernels {
    fn get(&mut self, key: Key) -> Result<FnId, OpError> {
        if let Some(&id) = self.by_key.get(&key) {
            return Ok(id);
        }
        let x: Vec<_> = key.x.iter().map(Option::as_ref).collect();
        let mut function = key.op.plain_kernel(&key.attrs, &x, &key.y)?;
        let next = FnId(self.functions.len() as u32);
        let id = *self.by_body.entry(nameless(&function)).or_insert(next);
        if id == next {
            let n = self.count.entry(key.name).or_default();
            *n += 1;
            function.name = format!("{}_{n}", key.name);
            self.functions.push(function);
        }
        self.by_key.insert(key, id);
        Ok(id)
    }
}

fn nameless(f: &Function) -> Function {
    let mut f = f.clone();
    f.name.clear();
    f.buffers.iter_mut().for_each(|b| b.name.clear());
    f.index_names.iter_mut().chain(&mut f.local_names).for_each(String::clear);
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Io;
    use crate::plan::plan;
    use tinyc_core::text::parse;

    fn lowered(text: &str, io: Io) -> Result<Program, Report> {
        let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
        lower(&graph, &plan(&graph, io).unwrap())
    }

    #[test]
    fn equal_kernels_are_one_function() {
        let text = r#"graph @twins {
            %x = input : f32[2,3]
            %a = transpose %x {perm: [1,0]} ; "first"
            %b = transpose %a {perm: [1,0]} ; "second"
            %c = transpose %b {perm: [1,0]} ; "third"
            output %c
            output %x
        }"#;
        let p = lowered(text, Io::Caller).unwrap();
        let names: Vec<_> = p.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["transpose_1", "transpose_2", "copy_1"]);
        let steps: Vec<_> = p.steps.iter().map(|s| (s.function.0, s.comment.as_str())).collect();
        assert_eq!(
            steps,
            [
                (0, "transpose f32[2,3] -> f32[3,2]"),
                (1, "transpose f32[3,2] -> f32[2,3]"),
                (0, "transpose f32[2,3] -> f32[3,2]"),
                (2, "copy f32[6] -> f32[6]"),
            ]
        );
        assert_eq!(p.steps[1].origins, ["second".into()]);
        assert_eq!((p.inputs[0].name.as_str(), p.outputs[1].name.as_str()), ("x", "x"));
    }

    #[test]
    fn every_node_without_a_kernel_is_named() {
        let text = r#"graph @halves {
            %x = input : f16[2,3]
            %a = transpose %x {perm: [1,0]} ; "first"
            %b = transpose %a {perm: [1,0]} ; "second"
            output %b
        }"#;
        let report = lowered(text, Io::Caller).unwrap_err();
        assert_eq!(report.errors(), 3);
        assert!(report.diagnostics.iter().all(|d| d.code == Code::NoKernel));
        assert_eq!(report.diagnostics[1].notes[0], "from node \"second\"");
    }
}
