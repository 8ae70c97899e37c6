//! From a selection and its plan to a program: functions as selected, steps and memory as planned.

use crate::plan::{Plan, SlotPlace};
use crate::select::{self, Home, Selection};
use tinyc_core::loops::{Arg, Buffer, BufferId, Place, Port, Program, Scalar, Step};

/// Puts the program together.
pub fn lower(selection: &Selection, plan: &Plan) -> Program {
    let steps = plan.steps.iter().map(|p| {
        let s = &selection.steps[p.step];
        Step {
            function: s.function,
            args: s.args.iter().map(|&b| Arg::Buffer(BufferId(b as u32))).collect(),
            origins: s.origins.clone(),
            comment: s.comment.clone(),
            macs: s.macs,
        }
    });
    let ports = |ports: &[select::Port]| {
        let port =
            |p: &select::Port| Port { name: p.name.clone(), ty: p.ty.clone(), buffer: BufferId(p.buffer as u32) };
        ports.iter().map(port).collect()
    };
    Program {
        name: selection.name.clone(),
        functions: selection.functions.clone(),
        buffers: (0..selection.buffers.len()).map(|b| buffer(selection, plan, b)).collect(),
        steps: steps.collect(),
        inputs: ports(&selection.inputs),
        outputs: ports(&selection.outputs),
        arena_bytes: plan.arena_bytes,
        arena_align: plan.arena_align,
    }
}

fn buffer(selection: &Selection, plan: &Plan, b: usize) -> Buffer {
    let value = &selection.buffers[b];
    let place = match (&value.home, plan.slots.get(plan.buffers[b].slot).map(|s| s.place)) {
        (Home::Const(t), _) => Place::Const(t.clone()),
        (_, Some(SlotPlace::Input(i))) => Place::Input(i),
        (_, Some(SlotPlace::Output(i))) => Place::Output(i),
        (_, Some(SlotPlace::Arena(offset))) => Place::Arena(offset),
        (_, Some(SlotPlace::Const(_)) | None) => unreachable!("every buffer that is no constant has a slot"),
    };
    let elem = Scalar::of(value.ty.dtype).expect("selection makes buffers of types that C has");
    Buffer { name: value.name.clone(), dtype: value.ty.dtype, elem, len: value.ty.elements(), place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Io;
    use crate::generate;
    use crate::select::Schedules;
    use crate::targets::Target;
    use tinyc_core::diag::{Code, Report};
    use tinyc_core::text::parse;

    fn lowered(text: &str, io: Io) -> Result<Program, Report> {
        let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
        let target = Target::find("generic").unwrap();
        generate(&graph, target, io, Schedules::Plain).map(|g| g.program)
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
                (2, "copy f32[2,3]"),
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
