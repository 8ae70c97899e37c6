//! Selection: which function computes each value, over which physical layout.
//!
//! A *step* runs one operator together with the elementwise operators behind it (`fuse`). Its function
//! is a schedule of [`crate::kernels`] where a family takes the operator, else the operator's plain
//! lowering. A value is a view of a buffer: reshapes and transposes are views of the same buffer and
//! no step, as long as strides can say what they mean (`layout`), or sums need not know (`flatten`).
//! Weights are packed here, once.
//!
//! Decides on functions and layouts; knows nothing of order and addresses.

mod flatten;
pub(crate) mod function;
mod fuse;
pub(crate) mod layout;
mod step;

pub use layout::order;

use crate::Io;
use crate::kernels::{self, Machine};
use crate::targets::Target;
use function::InMemory;
use fuse::Groups;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tinyc_core::diag::{Code, Diagnostic, OpError, Report};
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::loops::view::Map;
use tinyc_core::loops::{Cast, FnId, Function, Scalar, Stmt, View};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;
use tinyc_core::types::TensorType;

/// Who owns a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Home {
    /// Nobody: the planner finds it a place.
    Any,
    Input(usize),
    Output(usize),
    Const(Arc<Tensor>),
}

/// Memory for one value, dense.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Unique, as in the graph's text form.
    pub name: String,
    /// Type of the value that the buffer was made for; its aliases have other shapes.
    pub ty: TensorType,
    /// The type's axes as they lie in memory, outermost first.
    pub order: Vec<usize>,
    pub home: Home,
}

/// One call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The nodes whose values it writes, by result; nothing for a copy.
    pub node: Option<NodeId>,
    /// Operator, for tables.
    pub op: &'static str,
    pub function: FnId,
    /// Buffers in the order of the function's parameters.
    pub args: Vec<usize>,
    pub reads: Vec<usize>,
    pub writes: Vec<usize>,
    /// Buffers that hold nothing before and after it.
    pub scratch: Vec<usize>,
    pub origins: Vec<Arc<str>>,
    pub comment: String,
    pub macs: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    pub name: String,
    pub ty: TensorType,
    pub buffer: usize,
}

/// Functions, buffers, and steps in an order in which they can run.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub name: String,
    pub functions: Vec<Function>,
    pub buffers: Vec<Value>,
    pub steps: Vec<Step>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// Which functions may be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedules {
    /// The fastest that the target has, but for some cycles where half the constants do.
    Fast,
    /// The fastest, whatever their constants.
    Fastest,
    /// Those with the fewest bytes of constants.
    Smallest,
    /// Plain lowerings, one operator a step: what schedules are compared with.
    Plain,
}

/// Selects functions and layouts. Reports every node that no function can be made for.
pub fn select(graph: &Graph, target: &'static Target, io: Io, schedules: Schedules) -> Result<Selection, Report> {
    let Some(order) = graph.topological() else {
        return Err(Diagnostic::error(Code::Cycle, format!("graph {:?} has a cycle", graph.name)).into());
    };
    let live = graph.live();
    let nodes: Vec<NodeId> = order.into_iter().filter(|id| live.contains(id)).collect();
    let machine = Machine::of(target, schedules);
    let groups = match schedules {
        Schedules::Plain => Groups::default(),
        Schedules::Fast | Schedules::Fastest | Schedules::Smallest => Groups::new(graph, &nodes),
    };
    let mut s = Select {
        graph,
        machine,
        schedules,
        names: tinyc_core::text::names(graph),
        groups,
        values: BTreeMap::new(),
        flattened: BTreeMap::new(),
        kernels: Kernels::default(),
        report: Report::default(),
        out: Selection {
            name: graph.name.clone(),
            functions: Vec::new(),
            buffers: Vec::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        },
    };
    for &id in &nodes {
        s.node(id);
    }
    s.ports(io);
    if s.report.has_errors() {
        return Err(s.report);
    }
    s.out.functions = s.kernels.functions;
    Ok(used(s.out))
}

/// Without the constants that no step reads: packed ones stand in their place.
fn used(mut s: Selection) -> Selection {
    let mut keep: Vec<bool> = s.buffers.iter().map(|b| !matches!(b.home, Home::Const(_))).collect();
    s.steps.iter().flat_map(|s| &s.args).for_each(|&b| keep[b] = true);
    let number: Vec<usize> = keep
        .iter()
        .scan(0, |next, &k| {
            *next += usize::from(k);
            Some(*next - usize::from(k))
        })
        .collect();
    let mut kept = keep.iter();
    s.buffers.retain(|_| kept.next().copied().unwrap_or(false));
    for step in &mut s.steps {
        let lists = [&mut step.args, &mut step.reads, &mut step.writes, &mut step.scratch];
        lists.into_iter().flatten().for_each(|b| *b = number[*b]);
    }
    s.inputs.iter_mut().chain(&mut s.outputs).for_each(|p| p.buffer = number[p.buffer]);
    s
}

struct Select<'a> {
    graph: &'a Graph,
    machine: Machine,
    schedules: Schedules,
    names: BTreeMap<NodeId, String>,
    groups: Groups,
    /// The results of each node; nothing where no C type holds one.
    values: BTreeMap<NodeId, Vec<Option<InMemory>>>,
    /// Values whose last axis is in the order of memory, and the row-major position of each element of it.
    flattened: BTreeMap<NodeId, Vec<usize>>,
    kernels: Kernels,
    report: Report,
    out: Selection,
}

impl Select<'_> {
    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let results = match &node.kind {
            Kind::Input(_) => vec![self.fresh(self.names[&id].clone(), node.tensor(), None, Home::Any)],
            Kind::Const(t) => {
                vec![self.fresh(self.names[&id].clone(), node.tensor(), None, Home::Const(t.clone()))]
            }
            Kind::Get(i) => {
                let tuple = self.graph.operands(id)[0].expect("get has an operand");
                vec![self.values[&tuple][*i].clone()]
            }
            Kind::Op(..) if self.groups.is_inside(id) => return,
            Kind::Op(op, _) => match self.alias(id, *op).or_else(|| self.flat(id, *op)) {
                Some(value) => vec![Some(value)],
                None => match self.step(id) {
                    Ok(results) => results.into_iter().map(Some).collect(),
                    Err(e) => {
                        self.report.push(self.located(id, e));
                        vec![None; node.ty.parts().len()]
                    }
                },
            },
        };
        self.values.insert(id, results);
    }

    /// A new buffer and the view of all of it; axes in memory in `order`, or as they are.
    fn fresh(&mut self, name: String, ty: &TensorType, order: Option<Vec<usize>>, home: Home) -> Option<InMemory> {
        let order = order.unwrap_or_else(|| (0..ty.shape.rank()).collect());
        let view = layout::dense(ty, &order);
        self.out.buffers.push(Value { name, ty: ty.clone(), order, home });
        Some(InMemory { buffer: self.out.buffers.len() - 1, len: ty.elements(), view: view? })
    }

    /// The view that an operator without code is.
    fn alias(&mut self, id: NodeId, op: OpId) -> Option<InMemory> {
        let x = self.graph.operands(id).first().copied().flatten()?;
        let y = self.graph.node(id).ty.tensor()?;
        if self.schedules == Schedules::Plain && !op.op().is_alias() {
            return None;
        }
        let value = self.values.get(&x)?.first()?.clone()?;
        if kernels::widens(self.graph, id) && value.view.map.is_none() {
            let extension = if value.view.dtype.is_unsigned_int() { Cast::ZExt } else { Cast::SExt };
            let body = Map::hole(value.view.ty()).cast(extension, Scalar::I32);
            return Some(InMemory { view: value.view.mapped(Map { body }), ..value });
        }
        let view = layout::alias(self.graph, id, &value.view)?;
        let same = Scalar::of(y.dtype) == Some(view.scalar());
        same.then_some(InMemory { view: View { dtype: y.dtype, ..view }, ..value })
    }

    /// Buffers of inputs and outputs, with copies where the memory is not the output's own.
    fn ports(&mut self, io: Io) {
        for (i, &id) in self.graph.inputs().iter().enumerate() {
            let Kind::Input(name) = &self.graph.node(id).kind else { continue };
            let ty = self.graph.node(id).tensor();
            let Some(value) = self.values.get(&id).and_then(|v| v[0].clone()) else {
                let message = format!("input %{}: no C type holds {ty}", self.names[&id]);
                self.report.push(Diagnostic::error(Code::NoKernel, message));
                continue;
            };
            if io == Io::Caller {
                self.out.buffers[value.buffer].home = Home::Input(i);
            }
            self.out.inputs.push(Port { name: name.clone(), ty: ty.clone(), buffer: value.buffer });
        }
        for (i, o) in self.graph.outputs().iter().enumerate() {
            let ty = self.graph.node(o.node).tensor().clone();
            let Some(value) = self.values.get(&o.node).and_then(|v| v[0].clone()) else { continue };
            let from = &self.out.buffers[value.buffer];
            let own = match io {
                Io::Caller => from.home == Home::Any,
                // Two accessors may give the same address; constants are not in the arena.
                Io::Arena => !matches!(from.home, Home::Const(_)),
            };
            let whole = from.ty.elements() == ty.elements() && layout::is_row_major(&value.view);
            let home = if io == Io::Caller { Home::Output(i) } else { Home::Any };
            let buffer = if own && whole {
                self.out.buffers[value.buffer].home = home;
                value.buffer
            } else {
                let name = format!("{}.out{i}", from.name);
                match self.copy(name, &ty, &value, home) {
                    Ok(value) => value.buffer,
                    Err(e) => {
                        self.report.push(e.diagnostic());
                        continue;
                    }
                }
            };
            self.out.outputs.push(Port { name: o.name.clone(), ty, buffer });
        }
    }

    fn located(&self, id: NodeId, e: OpError) -> Diagnostic {
        let node = self.graph.node(id);
        let mut d = e.diagnostic();
        for origin in &node.origins {
            d = d.note(format!("from node {origin:?}"));
        }
        for o in self.graph.operands(id).into_iter().flatten() {
            d = d.note(format!("operand : {}", self.graph.node(o).ty));
        }
        d.note(format!("result : {}", node.ty))
    }
}

/// Functions, equal ones once.
#[derive(Default)]
struct Kernels {
    functions: Vec<Function>,
    /// Functions without their names.
    by_body: HashMap<Function, FnId>,
    count: HashMap<String, usize>,
}

impl Kernels {
    /// A function and those that it calls, which call none.
    fn add(&mut self, mut function: Function, callees: Vec<Function>) -> FnId {
        let callees: Vec<FnId> = callees.into_iter().map(|f| self.add(f, Vec::new())).collect();
        renumber(&mut function.body, &callees);
        let next = FnId(self.functions.len() as u32);
        let id = *self.by_body.entry(nameless(&function)).or_insert(next);
        if id == next {
            let n = self.count.entry(function.name.clone()).or_default();
            *n += 1;
            function.name = format!("{}_{n}", function.name);
            self.functions.push(function);
        }
        id
    }
}

/// Calls functions by their numbers here.
fn renumber(block: &mut [Stmt], callees: &[FnId]) {
    for s in block {
        match s {
            Stmt::Call(f, _) => *f = callees[f.0 as usize],
            Stmt::For(l) => renumber(&mut l.body, callees),
            Stmt::Let(..) | Stmt::Set(..) | Stmt::Store(_) => {}
        }
    }
}

fn nameless(f: &Function) -> Function {
    let mut f = f.clone();
    f.name.clear();
    f.buffers.iter_mut().for_each(|b| b.name.clear());
    f.index_names.iter_mut().chain(&mut f.local_names).for_each(String::clear);
    f
}
