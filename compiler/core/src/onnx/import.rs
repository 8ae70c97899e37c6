//! From model file to graph: scopes of names, and each node read by its operator.
//!
//! All problems are collected. A node that fails poisons its results, and what reads those is skipped
//! without a word, except that unsupported operators are always told.

use super::attribute;
use super::function::{Functions, domain};
use super::node::NodeReader;
use super::order::order;
use super::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto};
use super::scope::{Scope, Slot, Stored};
use super::structural::STRUCTURAL;
use super::tensor::{MAX_MADE_BYTES, TensorReader};
use super::types::Dims;
use crate::diag::{Code, Diagnostic, OpError, Report, Site};
use crate::eval::Constants;
use crate::graph::{Graph, Kind, NodeId};
use crate::op::{Import, OpId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;

/// Versions of the default operator domain that tinyc reads.
pub const OLDEST_OPSET: i64 = 6;
pub const NEWEST_OPSET: i64 = 28;

/// No constants that a model describes without storing them may take more memory in all.
const MAX_MADE_IN_ALL: usize = 4 * MAX_MADE_BYTES;

/// What the caller adds to the model.
pub struct ImportOptions<'a> {
    /// Name of the graph.
    pub name: String,
    /// Values of symbolic dimensions.
    pub dims: BTreeMap<String, usize>,
    /// Reads a file of external data by its location relative to the model.
    pub external: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
}

pub struct Imported {
    pub graph: Graph,
    /// Warnings.
    pub report: Report,
}

/// Reads an ONNX model.
pub fn import(bytes: &[u8], options: &ImportOptions<'_>) -> Result<Imported, Report> {
    let not_onnx = |m: String| Diagnostic::error(Code::NotOnnx, m).help("check that it is an ONNX model, copied whole");
    let mut model = ModelProto::from_bytes(bytes)
        .map_err(|e| not_onnx(format!("the file does not decode as an ONNX model: {e}")))?;
    let Some(mut graph) = model.graph.take() else {
        return Err(not_onnx("the file holds no graph".to_owned()).into());
    };
    let initializers = std::mem::take(&mut graph.initializer);
    let sparse = std::mem::take(&mut graph.sparse_initializer);
    let stored = initializers
        .into_iter()
        .map(|t| Stored::Dense(Box::new(t)))
        .chain(sparse.into_iter().map(|s| Stored::Sparse(Box::new(s))));
    check_opsets(&model)?;
    let mut importer = Importer {
        graph: Graph::new(&options.name),
        report: Report::default(),
        constants: Constants::default(),
        tensors: TensorReader::new(options.external),
        functions: Functions::new(&model.functions).map_err(OpError::diagnostic)?,
        unknown_domains: BTreeSet::new(),
        made: 0,
    };
    importer.run(&graph, &model.opset_import, stored.collect(), Dims::new(&options.dims));
    if importer.report.has_errors() {
        return Err(importer.report);
    }
    Ok(Imported { graph: importer.graph, report: importer.report })
}

/// Every ONNX operator that tinyc reads.
pub fn imports() -> impl Iterator<Item = &'static Import> {
    STRUCTURAL.iter().chain(OpId::ALL.iter().flat_map(|o| o.op().imports()))
}

fn check_opsets(model: &ModelProto) -> Result<(), Report> {
    let lists = model.functions.iter().map(|f| &f.opset_import).chain([&model.opset_import]);
    let mut report = Report::default();
    for version in lists.flatten().filter(|o| domain(&o.domain).is_empty()).map(|o| o.version).collect::<BTreeSet<_>>()
    {
        if !(OLDEST_OPSET..=NEWEST_OPSET).contains(&version) {
            let message = format!("opset {version} is not supported, only {OLDEST_OPSET} to {NEWEST_OPSET}");
            let help = "convert the model with onnx.version_converter.convert_version";
            report.push(Diagnostic::error(Code::NoOpset, message).help(help));
        }
    }
    if report.has_errors() { Err(report) } else { Ok(()) }
}

pub struct Importer<'m> {
    graph: Graph,
    report: Report,
    constants: Constants,
    tensors: TensorReader<'m>,
    pub(super) functions: Functions<'m>,
    /// Domains without an opset that have been told.
    unknown_domains: BTreeSet<String>,
    /// Bytes of constants that the model describes without storing them.
    made: usize,
}

impl<'m> Importer<'m> {
    fn run(
        &mut self,
        graph: &'m GraphProto,
        opsets: &'m [OperatorSetIdProto],
        stored: Vec<Stored>,
        mut dims: Dims<'_>,
    ) {
        let mut scope = Scope::new(opsets, String::new(), None);
        for tensor in stored {
            let name = tensor.name().to_owned();
            if scope.initializers.contains_key(&name) {
                let message = format!("the initializer {name:?} is defined twice");
                self.report.push(Diagnostic::error(Code::DuplicateName, message));
            }
            scope.initializers.insert(name, tensor);
        }
        // An initializer that is also an input is a constant.
        let inputs: Vec<_> = graph.input.iter().filter(|i| !scope.initializers.contains_key(&i.name)).collect();
        inputs.iter().for_each(|i| dims.batch(&i.name, i.r#type.as_ref()));
        for input in inputs {
            let slot = match dims.input(&input.name, input.r#type.as_ref()) {
                Ok(Some(ty)) => Slot::Node(self.graph.add_input(&input.name, ty)),
                Ok(None) => Slot::Poisoned,
                Err(e) => {
                    self.report.push(e.diagnostic());
                    Slot::Poisoned
                }
            };
            if let Err(e) = scope.define(&input.name, slot) {
                self.report.push(e.diagnostic());
            }
        }
        dims.report(&mut self.report);
        self.nodes(&mut scope, &graph.node);
        self.outputs(&mut scope, graph, &dims);
        self.inputs_used();
    }

    fn outputs(&mut self, scope: &mut Scope<'m>, graph: &GraphProto, dims: &Dims<'_>) {
        if graph.output.is_empty() {
            self.report.push(Diagnostic::error(Code::NoOutputs, "the graph has no outputs"));
        }
        let mut names = HashSet::new();
        for output in &graph.output {
            let name = &output.name;
            let error = |code, problem: String| Diagnostic::error(code, format!("output {name:?}{problem}"));
            if !names.insert(name) {
                self.report.push(error(Code::DuplicateName, " is listed twice".to_owned()));
            }
            match self.slot(scope, name) {
                None | Some(Slot::Absent) => {
                    self.report.push(error(Code::UndefinedValue, " is defined nowhere".to_owned()));
                }
                Some(Slot::Poisoned) => {}
                Some(Slot::Node(id)) => {
                    let ty = self.graph.node(id).tensor();
                    if ty.shape.contains(&0) {
                        self.report.push(error(Code::BadDim, format!(": {ty} has no elements")));
                    } else if let Some(declared) = dims.contradiction(output.r#type.as_ref(), ty) {
                        let message = format!(": the model declares {declared}, but its nodes give {ty}");
                        self.report.push(error(Code::DeclaredType, message));
                    }
                    self.graph.add_output(name, id);
                }
            }
        }
    }

    /// An input without elements is only good for its type; what no output depends on is told, once
    /// that is known.
    fn inputs_used(&mut self) {
        let mut used = BTreeSet::new();
        let mut stack: Vec<NodeId> = self.graph.outputs().iter().map(|o| o.node).collect();
        while let Some(id) = stack.pop() {
            if used.insert(id) {
                stack.extend(self.graph.operands(id).into_iter().flatten());
            }
        }
        let complete = !self.report.has_errors();
        for &id in self.graph.inputs() {
            let node = self.graph.node(id);
            let Kind::Input(name) = &node.kind else { continue };
            if used.contains(&id) && node.tensor().shape.contains(&0) {
                let message = format!("input {name:?}: {} has no elements", node.ty);
                self.report.push(Diagnostic::error(Code::BadDim, message));
            } else if complete && !used.contains(&id) {
                let message = format!("no output depends on input {name:?}");
                self.report.push(Diagnostic::warning(Code::UnusedInput, message));
            }
        }
    }

    /// Reads nodes into the graph and defines their results in `scope`.
    pub(super) fn nodes(&mut self, scope: &mut Scope<'m>, nodes: &'m [NodeProto]) {
        scope.produced = nodes.iter().flat_map(|n| &n.output).map(String::as_str).filter(|o| !o.is_empty()).collect();
        let order = order(nodes);
        if let Some(&first) = order.cycle.first() {
            let names = order.cycle.iter().take(8).map(|&i| format!("{:?}", scope.origin(i, &nodes[i])));
            let mut names = names.collect::<Vec<_>>().join(", ");
            if order.cycle.len() > 8 {
                names += &format!(" and {} more", order.cycle.len() - 8);
            }
            let message = format!("nodes depend on their own results: {names}");
            self.report.push(Diagnostic::error(Code::Cycle, message).at(scope.site(first, &nodes[first])));
        }
        for i in order.sorted.into_iter().chain(order.rest) {
            self.node(scope, i, &nodes[i]);
        }
    }

    fn node(&mut self, scope: &mut Scope<'m>, index: usize, node: &'m NodeProto) {
        let site = scope.site(index, node);
        let mut operands = Vec::with_capacity(node.input.len());
        for (i, name) in node.input.iter().enumerate() {
            operands.push(if name.is_empty() {
                Slot::Absent
            } else {
                self.slot(scope, name).unwrap_or_else(|| {
                    let message = format!("input {i} {name:?} is defined nowhere");
                    self.report.push(Diagnostic::error(Code::UndefinedValue, message).at(site.clone()));
                    Slot::Poisoned
                })
            });
        }
        let results = self.results(scope, node, &site, &operands).unwrap_or_else(|e| {
            let d = e.diagnostic().at(site.clone());
            let d = self.operand_notes(node, &operands).into_iter().fold(d, Diagnostic::note);
            self.report.push(d);
            Vec::new()
        });
        for (i, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let slot = results.get(i).copied().unwrap_or(Slot::Poisoned);
            if let Err(e) = scope.define(name, slot) {
                self.report.push(e.diagnostic().at(site.clone()));
            } else if let Slot::Node(id) = slot {
                self.graph.node_mut(id).value.get_or_insert_with(|| scope.value_name(name));
            }
        }
    }

    /// Results of a node by position; too few where it is poisoned.
    fn results(
        &mut self,
        scope: &Scope<'m>,
        node: &'m NodeProto,
        site: &Site,
        operands: &[Slot],
    ) -> Result<Vec<Slot>, OpError> {
        let resolve = || attribute::resolve(&node.attribute, scope.attributes.as_ref());
        if let Some(f) = self.functions.find(node) {
            return self.call(f, node, &site.node, resolve()?, operands, scope);
        }
        let domain = domain(&node.domain);
        let Some(&opset) = scope.opsets.get(domain) else {
            if self.unknown_domains.insert(domain.to_owned()) {
                let of = if domain.is_empty() { "the default domain".to_owned() } else { format!("domain {domain:?}") };
                let message = format!("no opset is imported for {of}");
                self.report.push(Diagnostic::error(Code::NoOpset, message).at(site.clone()));
            }
            return Ok(Vec::new());
        };
        let import = find(domain, &node.op_type, opset)?;
        let mut ids = Vec::with_capacity(operands.len());
        for slot in operands {
            match slot {
                Slot::Node(id) => ids.push(Some(*id)),
                Slot::Absent => ids.push(None),
                Slot::Poisoned => return Ok(Vec::new()),
            }
        }
        let attributes = attribute::values(&resolve()?, &mut self.tensors)?;
        let named = node.output.iter().rposition(|o| !o.is_empty()).map_or(0, |last| last + 1);
        let origin = site.node.as_str().into();
        let before = self.graph.len();
        let mut reader = NodeReader::new(&mut self.graph, &mut self.constants, origin, opset, ids, attributes, named);
        let results = (import.read)(&mut reader)?;
        let unread: Vec<_> = reader.leftover().map(str::to_owned).collect();
        if !unread.is_empty() {
            let message = format!("{} of opset {opset} has no attribute {}", node.op_type, unread.join(", "));
            return Err(OpError::new(Code::BadAttribute, message));
        }
        if results.len() < named {
            let message = format!("{named} outputs are named, at most {} supported", results.len());
            return Err(OpError::new(Code::Arity, message));
        }
        self.limit_made(&results, before)?;
        Ok(results.into_iter().map(Slot::Node).collect())
    }

    /// Counts the constants among `results` that were made since the graph had `before` nodes.
    fn limit_made(&mut self, results: &[NodeId], before: usize) -> Result<(), OpError> {
        for &id in results.iter().filter(|id| id.index() >= before) {
            if let Kind::Const(t) = &self.graph.node(id).kind {
                self.made += t.ty().bytes();
            }
        }
        if self.made > MAX_MADE_IN_ALL {
            return Err(OpError::new(Code::BadDim, "the constants that the model computes are larger than 64 MiB"));
        }
        Ok(())
    }

    /// What `name` stands for; reads it if it is an initializer.
    fn slot(&mut self, scope: &mut Scope<'m>, name: &str) -> Option<Slot> {
        let Some(stored) = scope.initializers.remove(name) else { return scope.find(name) };
        let tensor = match &stored {
            Stored::Dense(t) => self.tensors.read(t),
            Stored::Sparse(s) => self.tensors.read_sparse(s),
        };
        let slot = match tensor {
            Ok(t) => Slot::Node(self.graph.add_const(t, Some(name.into()))),
            Err(e) => {
                self.report.push(e.diagnostic());
                Slot::Poisoned
            }
        };
        scope.values.insert(name.to_owned(), slot);
        Some(slot)
    }

    /// The known types of a node's operands, one a line.
    fn operand_notes(&self, node: &NodeProto, operands: &[Slot]) -> Vec<String> {
        const SHOWN: usize = 8;
        let mut notes: Vec<String> = node
            .input
            .iter()
            .zip(operands)
            .enumerate()
            .filter_map(|(i, (name, slot))| match slot {
                Slot::Node(id) => Some(format!("input {i} {name:?} : {}", self.graph.node(*id).ty)),
                _ => None,
            })
            .collect();
        if notes.len() > SHOWN + 1 {
            let rest = notes.len() - SHOWN;
            notes.truncate(SHOWN);
            notes.push(format!("and {rest} more inputs"));
        }
        notes
    }
}

/// The reader of an ONNX operator in the version that an opset selects.
fn find(domain: &str, op_type: &str, opset: i64) -> Result<&'static Import, OpError> {
    let versions: Vec<_> = imports().filter(|i| i.domain == domain && i.op_type == op_type).collect();
    if let Some(import) = versions.iter().find(|i| (i.since..=i.until).contains(&opset)) {
        return Ok(import);
    }
    let error = |m: String| OpError::new(Code::UnknownOp, m);
    match (versions.iter().map(|i| i.since).min(), versions.iter().map(|i| i.until).max()) {
        (Some(since), _) if opset < since => Err(error(format!("{op_type} is supported from opset {since} on"))
            .help("convert the model with onnx.version_converter.convert_version")),
        (_, Some(until)) => Err(error(format!("{op_type} is supported up to opset {until}"))),
        _ => Err(error(format!("{op_type} is not supported"))),
    }
}
