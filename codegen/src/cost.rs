//! Prices of layers and networks.
//!
//! RAM and constants come from the plan and are exact. Cycles are an estimate that ranks networks:
//! so many for a multiply-accumulate of a plain kernel, and so many for every byte that a step reads
//! or writes. The bound on code is an allowance for each node of the loop IR.

use crate::Io;
use crate::plan::Plan;
use crate::select::Schedules;
use crate::targets::Target;
use tinyc_core::cost::{Cost, GraphCost, Layer, LayerCost};
use tinyc_core::diag::Report;
use tinyc_core::graph::Graph;
use tinyc_core::loops::{Expr, Function, Program, Stmt};
use tinyc_core::types::TensorType;

/// Two loads, a multiplication, an addition and the loop around them on a core that issues one
/// instruction a cycle.
const CYCLES_PER_MAC: f64 = 8.0;
const CYCLES_PER_BYTE: f64 = 2.0;

/// Instructions for one operation: address arithmetic, access, operation, spilling.
const CODE_PER_NODE: usize = 16;
/// Prologue and epilogue of a function; loading the arguments of a step and calling it.
const CODE_PER_FUNCTION: usize = 64;
const CODE_PER_STEP: usize = 64;

/// Prices on a target.
#[derive(Clone, Copy, Debug)]
pub struct CodegenCost {
    pub target: &'static Target,
    pub io: Io,
}

impl Cost for CodegenCost {
    fn layer(&self, layer: &Layer<'_>) -> Option<LayerCost> {
        let types: Vec<Option<&TensorType>> = layer.operands.iter().map(|o| o.map(|o| o.ty)).collect();
        layer.op.plain_kernel(layer.attrs, &types, layer.results).ok()?;
        let op = layer.op.op();
        if op.is_alias() {
            return Some(LayerCost::default());
        }
        let weights = layer.operands.iter().flatten().filter(|o| o.constant).map(|o| o.ty.bytes());
        let moved: usize = types.iter().flatten().copied().chain(layer.results).map(|t| t.bytes()).sum();
        let macs = op.macs(layer.attrs, &types, layer.results);
        Some(LayerCost { cycles: cycles(macs, moved), weight_bytes: weights.sum(), scratch: 0 })
    }

    fn exact(&self, graph: &Graph) -> Result<GraphCost, Report> {
        let crate::Generated { plan, program } = crate::generate(graph, self.target, self.io, Schedules::Fast)?;
        Ok(GraphCost {
            ram: plan.ram(),
            constants: plan.constant_bytes(),
            code_bound: code_bound(&program),
            cycles: program.steps.iter().enumerate().map(|(i, s)| cycles(s.macs, moved(&plan, i))).sum(),
        })
    }
}

fn cycles(macs: u64, bytes: usize) -> f64 {
    macs as f64 * CYCLES_PER_MAC + bytes as f64 * CYCLES_PER_BYTE
}

/// Bytes that a step reads and writes, each once.
fn moved(plan: &Plan, step: usize) -> usize {
    let step = &plan.steps[step];
    step.reads.iter().chain(&step.writes).map(|&b| plan.buffers[b].ty.bytes()).sum()
}

/// Allowance in bytes for the code of a program, constants left out.
pub fn code_bound(program: &Program) -> usize {
    let functions = program.functions.iter().map(|f: &Function| CODE_PER_FUNCTION + CODE_PER_NODE * block(&f.body));
    functions.sum::<usize>() + CODE_PER_STEP * program.steps.len()
}

/// Statements and expressions of a block.
fn block(body: &[Stmt]) -> usize {
    let statement = |s: &Stmt| match s {
        Stmt::Let(_, e) | Stmt::Set(_, e) => 1 + expr(e),
        Stmt::Store(s) => 1 + s.access.dims.len() + expr(&s.value) + s.mask.as_ref().map_or(0, expr),
        Stmt::For(f) => 1 + block(&f.body),
        Stmt::Call(_, args) => 1 + args.len(),
    };
    body.iter().map(statement).sum()
}

fn expr(e: &Expr) -> usize {
    1 + match e {
        Expr::Const(..) | Expr::Local(_) => 0,
        Expr::Index(i, _) => i.terms().len(),
        Expr::Load(l) => l.access.dims.len() + l.otherwise.iter().chain(&l.mask).map(expr).sum::<usize>(),
        Expr::Unary(_, a) | Expr::Cast(_, _, a) | Expr::Splat(_, a) | Expr::Lane(_, a) | Expr::Reduce(_, a) => expr(a),
        Expr::Binary(_, a, b) | Expr::Compare(_, a, b) => expr(a) + expr(b),
        Expr::Select(a, b, c) => expr(a) + expr(b) + expr(c),
        Expr::Lanes(v) | Expr::Call(_, v) => v.iter().map(expr).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::cost::of_node;
    use tinyc_core::text::parse;

    fn price(text: &str) -> (Graph, CodegenCost) {
        let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
        (graph, CodegenCost { target: Target::find("generic").unwrap(), io: Io::Caller })
    }

    #[test]
    fn networks_cost_what_the_plan_says() {
        let (g, cost) = price(
            r#"graph @fc {
            %x = input : f32[1,8]
            %w = const random(1) : f32[8,4]
            %y = matmul %x, %w
            %z = reshape %y {shape: [4]}
            output %z
        }"#,
        );
        let exact = cost.exact(&g).unwrap();
        assert_eq!((exact.ram, exact.constants), (32 + 16 + 20, 128));
        assert!(exact.code_bound > 0);
        let layers: Vec<LayerCost> = g.ids().map(|id| of_node(&cost, &g, id).unwrap()).collect();
        assert_eq!(layers[2].weight_bytes, 128);
        assert_eq!(layers[3], LayerCost::default());
        assert_eq!(layers.iter().map(|l| l.cycles).sum::<f64>(), exact.cycles);
    }

    #[test]
    fn nodes_without_a_kernel_have_no_price() {
        let (g, cost) = price("graph @h {\n %x = input : f16[2,3]\n %y = transpose %x {perm: [1,0]}\n output %y\n}");
        assert_eq!(of_node(&cost, &g, g.outputs()[0].node), None);
        assert!(cost.exact(&g).is_err());
    }
}
