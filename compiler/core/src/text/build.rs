//! Graphs from statements: names resolved, attributes typed, types inferred and compared.

use super::parse::{Attribute, Body, Contents, Error, Name, Statement, Value, file};
use super::print::{empty, read_element, read_f32};
use crate::attrs::{Attr, AttrKind, Attrs};
use crate::diag::{Code, Diagnostic, OpError, Report};
use crate::graph::{Graph, Kind, NodeId, Origins};
use crate::op::OpId;
use crate::tensor::Tensor;
use crate::types::{MAX_TENSOR_BYTES, TensorType, Type};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Reads a graph. `data` holds the constants that the text calls `data(0)`, ...
pub fn parse(text: &str, data: &[Arc<Tensor>]) -> Result<Graph, Report> {
    build(text, data, true)
}

/// Reads a graph as it is written, whether or not it is one: operands may be defined later, and the
/// types are those of the text. For tests of the verifier.
pub fn parse_unchecked(text: &str, data: &[Arc<Tensor>]) -> Result<Graph, Report> {
    build(text, data, false)
}

fn build(text: &str, data: &[Arc<Tensor>], checked: bool) -> Result<Graph, Report> {
    let (file, errors) = file(text);
    let mut b = Builder {
        graph: Graph::new(file.name),
        data,
        checked,
        values: file.failed.iter().map(|f| (f.as_str(), None)).collect(),
        later: Vec::new(),
        errors: BTreeMap::new(),
    };
    for Error { line, column, message } in errors {
        b.error(line, column, OpError::new(Code::Syntax, message));
    }
    for s in &file.statements {
        // A statement that failed still defines its name, so that its users do not fail as well.
        let id = match b.statement(s) {
            Ok(id) => id,
            Err(None) => None,
            Err(Some((column, e))) => {
                b.error(s.line, column, e);
                None
            }
        };
        if !matches!(s.body, Body::Output) && b.values.insert(&s.name.text, id).is_some() {
            let message = format!("%{} is defined twice", s.name.text);
            b.error(s.line, s.name.column, OpError::new(Code::DuplicateName, message));
        }
    }
    for (line, name, user, position) in std::mem::take(&mut b.later) {
        match b.values.get(name.text.as_str()) {
            Some(Some(id)) => b.graph.connect(*id, user, position),
            Some(None) => {}
            None => b.error(line, name.column, undefined(name)),
        }
    }
    match b.errors.is_empty() {
        true => Ok(b.graph),
        false => Err(Report { diagnostics: b.errors.into_values().flatten().collect() }),
    }
}

struct Builder<'a> {
    graph: Graph,
    data: &'a [Arc<Tensor>],
    checked: bool,
    /// `None`: its definition failed.
    values: HashMap<&'a str, Option<NodeId>>,
    /// Operands to connect at the end: line, name, user, position.
    later: Vec<(usize, &'a Name, NodeId, usize)>,
    /// By line and column.
    errors: BTreeMap<(usize, usize), Vec<Diagnostic>>,
}

/// What is wrong and in which column; `None` when it follows from an error reported elsewhere.
type Failed = Option<(usize, OpError)>;

fn syntax(column: usize, message: impl Into<String>) -> Failed {
    Some((column, OpError::new(Code::Syntax, message)))
}

fn undefined(name: &Name) -> OpError {
    OpError::new(Code::UndefinedValue, format!("%{} is not defined", name.text))
}

impl<'a> Builder<'a> {
    fn error(&mut self, line: usize, column: usize, e: OpError) {
        let mut d = e.diagnostic();
        d.message = format!("line {line}, column {column}: {}", d.message);
        self.errors.entry((line, column)).or_default().push(d);
    }

    fn statement(&mut self, s: &'a Statement) -> Result<Option<NodeId>, Failed> {
        let at = s.name.column;
        let own = s.quoted.first().cloned().unwrap_or_else(|| s.name.text.clone());
        let id = match &s.body {
            Body::Output => {
                let node = self.find(&s.name)?;
                self.graph.add_output(own, node);
                return Ok(None);
            }
            Body::Input => {
                let id = self.graph.add_input(own, self.stored_type(s)?.clone());
                if let Some(v) = &s.value {
                    self.graph.node_mut(id).value = Some(v.as_str().into());
                }
                return Ok(Some(id));
            }
            Body::Const(contents) => {
                let tensor = self.contents(contents, s)?;
                let id = self.graph.add_const(tensor, None);
                if let (false, Some(ty)) = (self.checked, &s.ty) {
                    self.graph.node_mut(id).ty = ty.clone();
                }
                id
            }
            Body::Get { index, tuple } if self.checked => {
                let operand = self.find(tuple)?;
                self.graph.add_get(operand, *index).map_err(|e| Some((tuple.column, e)))?
            }
            Body::Get { index, tuple } => self.unchecked(Kind::Get(*index), s, std::iter::once((0, tuple)))?,
            Body::Op { op, operands, attributes } => {
                let unknown = || syntax(op.column, format!("there is no operator `{}`", op.text));
                let id = OpId::from_name(&op.text).ok_or_else(unknown)?;
                let attrs = self.attrs(id, attributes)?;
                if self.checked {
                    let operands: Vec<Option<NodeId>> = operands
                        .iter()
                        .map(|o| o.as_ref().map(|o| self.find(o)).transpose())
                        .collect::<Result<_, _>>()?;
                    self.graph.add_op(id, attrs, &operands, Origins::new()).map_err(|e| Some((op.column, e)))?
                } else {
                    let operands = operands.iter().enumerate().filter_map(|(i, o)| Some((i, o.as_ref()?)));
                    self.unchecked(Kind::Op(id, attrs), s, operands)?
                }
            }
        };
        let node = self.graph.node_mut(id);
        if let Some(ty) = s.ty.as_ref().filter(|ty| **ty != node.ty) {
            let message = format!("%{} is {}, not {ty}", s.name.text, node.ty);
            return Err(Some((at, OpError::new(Code::DeclaredType, message))));
        }
        node.origins = s.quoted.iter().map(|q| q.as_str().into()).collect();
        let plain = (!s.name.text.contains('.')).then_some(&s.name.text);
        node.value = s.value.as_ref().or(plain).map(|v| v.as_str().into());
        Ok(Some(id))
    }

    fn unchecked(
        &mut self,
        kind: Kind,
        s: &'a Statement,
        operands: impl Iterator<Item = (usize, &'a Name)>,
    ) -> Result<NodeId, Failed> {
        let ty = s.ty.clone().ok_or_else(|| syntax(s.name.column, "the type is missing"))?;
        let id = self.graph.add_unchecked(kind, ty);
        self.later.extend(operands.map(|(i, o)| (s.line, o, id, i)));
        Ok(id)
    }

    fn find(&self, name: &Name) -> Result<NodeId, Failed> {
        match self.values.get(name.text.as_str()) {
            Some(Some(id)) => Ok(*id),
            Some(None) => Err(None),
            None => Err(Some((name.column, undefined(name)))),
        }
    }

    /// The type of an input or constant: given, one tensor, and not too large.
    fn stored_type(&self, s: &'a Statement) -> Result<&'a TensorType, Failed> {
        let Some(Type::Tensor(ty)) = &s.ty else {
            return Err(syntax(s.name.column, "a tensor type is missing, such as `: f32[2,3]`"));
        };
        let bytes = ty.shape.checked_len().and_then(|n| n.checked_mul(ty.dtype.bytes()));
        if bytes.is_none_or(|b| b > MAX_TENSOR_BYTES) {
            let message = format!("%{} : {ty} is larger than 2 GiB", s.name.text);
            return Err(Some((s.name.column, OpError::new(Code::BadDim, message))));
        }
        Ok(ty)
    }

    fn contents(&self, contents: &Contents, s: &'a Statement) -> Result<Arc<Tensor>, Failed> {
        let at = s.name.column;
        match contents {
            Contents::Data(i) => {
                let tensor = self.data.get(*i).ok_or_else(|| syntax(at, format!("there is no data({i})")))?;
                Ok(tensor.clone())
            }
            Contents::Random(seed) => Ok(Arc::new(Tensor::random(self.stored_type(s)?, *seed))),
            Contents::List(list) => {
                let ty = self.stored_type(s)?;
                let mut data = empty(ty.dtype);
                for element in list {
                    if !read_element(&mut data, &element.text) {
                        return Err(syntax(element.column, format!("`{}` is no {}", element.text, ty.dtype)));
                    }
                }
                let count = data.len();
                let shape = if self.checked || count == ty.elements() { ty.shape.clone() } else { [count].into() };
                let wrong = || syntax(at, format!("{count} elements given for {ty}"));
                Ok(Arc::new(Tensor::new(shape, data).ok_or_else(wrong)?))
            }
        }
    }

    /// Attributes as the operator declares them; unchecked, a value of another kind stays as written.
    fn attrs(&self, op: OpId, written: &[Attribute]) -> Result<Attrs, Failed> {
        let mut attrs = Attrs::new();
        for a in written {
            let spec = op.op().attrs().iter().find(|s| s.name == a.name.text);
            let unknown = || syntax(a.name.column, format!("{} has no attribute `{}`", op.name(), a.name.text));
            let spec = spec.ok_or_else(unknown)?;
            let other = || if self.checked { None } else { any(&a.value) };
            let wrong =
                || syntax(a.name.column, format!("{} is no value of attribute `{}`", written_as(&a.value), spec.name));
            attrs = attrs.with(spec.name, typed(spec.kind, &a.value).or_else(other).ok_or_else(wrong)?);
        }
        Ok(attrs)
    }
}

fn written_as(value: &Value) -> String {
    match value {
        Value::One(v) => format!("`{v}`"),
        Value::List(v) => format!("`[{}]`", v.join(",")),
    }
}

fn typed(kind: AttrKind, value: &Value) -> Option<Attr> {
    match (kind, value) {
        (AttrKind::Bool, Value::One(v)) => v.parse().ok().map(Attr::Bool),
        (AttrKind::Int, Value::One(v)) => v.parse().ok().map(Attr::Int),
        (AttrKind::Float, Value::One(v)) => read_f32(v).map(|v| Attr::Float(v.into())),
        (AttrKind::Word(words), Value::One(v)) => words.iter().find(|w| **w == v.as_str()).map(|w| Attr::Word(w)),
        (AttrKind::DType, Value::One(v)) => crate::types::DType::from_name(v).map(Attr::DType),
        (AttrKind::Ints, Value::List(v)) => v.iter().map(|v| v.parse().ok()).collect::<Option<_>>().map(Attr::Ints),
        (AttrKind::Floats, Value::List(v)) => {
            v.iter().map(|v| read_f32(v).map(Into::into)).collect::<Option<_>>().map(Attr::Floats)
        }
        _ => None,
    }
}

/// The value of whatever kind it looks like.
fn any(value: &Value) -> Option<Attr> {
    [AttrKind::Bool, AttrKind::Int, AttrKind::Float, AttrKind::DType, AttrKind::Ints, AttrKind::Floats]
        .into_iter()
        .find_map(|k| typed(k, value))
}
