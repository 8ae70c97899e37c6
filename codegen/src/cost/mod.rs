//! Prices of layers and networks.
//!
//! RAM and constants come from the plan and are exact. Cycles are an estimate: the steps' functions are
//! walked with the target's table (`walk`), every statement times how often it runs (`trips`). Operators
//! without a graph are priced by the functions that selection would make of them (`layer`). The bound on
//! code is an allowance for each node of the loop IR.

mod assembly;
mod estimate;
mod layer;
mod trips;
mod walk;

use crate::Io;
use crate::kernels::Machine;
use crate::select::Schedules;
use crate::targets::{Cycles, Target};
use estimate::Estimate;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use tinyc_core::cost::{Cost, GraphCost, Layer, LayerCost};
use tinyc_core::diag::Report;
use tinyc_core::graph::Graph;
use tinyc_core::loops::{Arg, Expr, Function, Place, Program, Step, Stmt};

/// Instructions for one operation: address arithmetic, access, operation, spilling.
const CODE_PER_NODE: usize = 16;
/// Prologue and epilogue of a function; loading the arguments of a step and calling it.
const CODE_PER_FUNCTION: usize = 64;
const CODE_PER_STEP: usize = 64;

/// Prices on a target.
#[derive(Debug)]
pub struct CodegenCost {
    target: &'static Target,
    io: Io,
    schedules: Schedules,
    /// Prices that were asked for before.
    layers: RefCell<HashMap<layer::Key, Option<LayerCost>>>,
}

impl CodegenCost {
    pub fn new(target: &'static Target, io: Io) -> CodegenCost {
        CodegenCost { target, io, schedules: Schedules::Fast, layers: RefCell::default() }
    }

    /// Prices of other schedules.
    pub fn with(self, schedules: Schedules) -> CodegenCost {
        CodegenCost { schedules, layers: RefCell::default(), ..self }
    }
}

impl Cost for CodegenCost {
    /// The operator by itself, or as a link of the chain behind what computes an operand. Operands lie in
    /// memory as selection would have them.
    fn layer(&self, layer: &Layer<'_>) -> Option<LayerCost> {
        let key = layer::Key::of(layer);
        if let Some(price) = self.layers.borrow().get(&key) {
            return *price;
        }
        let price = layer::price(self.target, Machine::of(self.target, self.schedules), layer);
        self.layers.borrow_mut().insert(key, price);
        price
    }

    fn exact(&self, graph: &Graph) -> Result<GraphCost, Report> {
        let crate::Generated { plan, program } = crate::generate(graph, self.target, self.io, self.schedules)?;
        Ok(GraphCost {
            ram: plan.ram(),
            constants: plan.constant_bytes(),
            code_bound: code_bound(&program),
            cycles: steps(&program, self.target, &self.target.cycles).iter().sum(),
        })
    }
}

/// Estimated cycles of each step, or whatever the table counts.
pub fn steps(program: &Program, target: &Target, table: &Cycles) -> Vec<f64> {
    let mut estimate = Estimate::new(target, table, &program.functions);
    let mut known: BTreeMap<(u32, Vec<i64>), f64> = BTreeMap::new();
    let mut step = |s: &Step| {
        let index = |a: &Arg| match a {
            Arg::Index(i) => Some(*i),
            Arg::Buffer(_) => None,
        };
        let params: Vec<i64> = s.args.iter().filter_map(index).collect();
        let function = &program.functions[s.function.0 as usize];
        *known
            .entry((s.function.0, params))
            .or_insert_with_key(|(_, params)| walk::function(&mut estimate, function, params))
    };
    program.steps.iter().map(&mut step).collect()
}

/// Bytes that each step loads from constants, as often as it loads them.
pub fn loaded(program: &Program, target: &Target) -> Vec<f64> {
    let mut estimate = Estimate::new(target, &target.cycles, &program.functions);
    let mut known: BTreeMap<(u32, Vec<i64>, Vec<bool>), f64> = BTreeMap::new();
    let mut step = |s: &Step| {
        let (mut params, mut constants) = (Vec::new(), Vec::new());
        for a in &s.args {
            match a {
                Arg::Index(i) => params.push(*i),
                Arg::Buffer(b) => constants.push(matches!(program.buffers[b.0 as usize].place, Place::Const(_))),
            }
        }
        let function = &program.functions[s.function.0 as usize];
        *known
            .entry((s.function.0, params, constants))
            .or_insert_with_key(|(_, params, constants)| walk::loaded(&mut estimate, function, params, constants))
    };
    program.steps.iter().map(&mut step).collect()
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
    let index = match e {
        Expr::Index(i, _) => i.terms().len(),
        Expr::Load(l) => l.access.dims.len(),
        _ => 0,
    };
    1 + index + e.children().into_iter().map(expr).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::cost::of_node;
    use tinyc_core::text::parse;

    fn price(text: &str) -> (Graph, CodegenCost) {
        let graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
        (graph, CodegenCost::new(Target::find("generic").unwrap(), Io::Caller))
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
        assert!(layers[3].cycles > 0.0 && layers[3].weight_bytes == 0, "{:?}", layers[3]);
        assert_eq!(layers[2].cycles, exact.cycles);
    }

    #[test]
    fn biases_of_one_element_are_no_constants_in_memory() {
        let (g, cost) = price(
            r#"graph @fc {
            %x = input : f32[2,8]
            %w = const random(1) : f32[8,4]
            %b = const [0.5] : f32[1]
            %y = gemm %x, %w, %b {alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false}
            %z = gemm %x, %w, %b {alpha: 2.0, beta: 1.0, trans_a: false, trans_b: false}
            output %y
            output %z
        }"#,
        );
        let bytes = |i: usize| of_node(&cost, &g, g.outputs()[i].node).unwrap().weight_bytes;
        // The second one has no schedule, and reads what is in memory.
        assert_eq!((bytes(0), bytes(1)), (128, 132));
        assert_eq!(cost.exact(&g).unwrap().constants, 128 + 132);
    }

    #[test]
    fn nodes_without_a_kernel_have_no_price() {
        let (g, cost) = price("graph @h {\n %x = input : f16[2,3]\n %y = transpose %x {perm: [1,0]}\n output %y\n}");
        assert_eq!(of_node(&cost, &g, g.outputs()[0].node), None);
        assert!(cost.exact(&g).is_err());
    }
}
