//! ONNX models from the standard's textual syntax (`onnx.parser` reads the same).
//!
//! All of it but sequence attributes of tensors, sparse constants and metadata. Models are built as
//! they are written: nothing is checked but syntax, so that tests can write wrong models.

mod lex;

use lex::{Lexer, Token};
use tinyc_core::onnx::element_type_number;
use tinyc_core::onnx::proto::*;

/// Reads a model. The error names the line.
pub fn parse(text: &str) -> Result<ModelProto, String> {
    let mut p = Parser { lexer: Lexer::new(text)? };
    p.model().map_err(|e| format!("line {}: {e}", p.lexer.line()))
}

struct Parser {
    lexer: Lexer,
}

type Parsed<T> = Result<T, String>;

impl Parser {
    fn expect(&mut self, punct: &str) -> Parsed<()> {
        if self.lexer.eat(punct) { Ok(()) } else { Err(format!("expected {punct}, found {:?}", self.lexer.peek())) }
    }

    /// An identifier, or a name in quotes.
    fn name(&mut self) -> Parsed<String> {
        match self.lexer.next() {
            Some(Token::Word(s) | Token::Text(s)) => Ok(s),
            other => Err(format!("expected a name, found {other:?}")),
        }
    }

    fn text(&mut self) -> Parsed<String> {
        match self.lexer.next() {
            Some(Token::Text(s)) => Ok(s),
            other => Err(format!("expected a string, found {other:?}")),
        }
    }

    fn int(&mut self) -> Parsed<i64> {
        match self.lexer.next() {
            Some(Token::Int(v)) => Ok(v),
            other => Err(format!("expected an integer, found {other:?}")),
        }
    }

    /// Elements separated by commas up to the closing sign, which is taken.
    fn list<T>(&mut self, close: &str, mut element: impl FnMut(&mut Parser) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut elements = Vec::new();
        while !self.lexer.eat(close) {
            if !elements.is_empty() {
                self.expect(",")?;
                if self.lexer.eat(close) {
                    break;
                }
            }
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    fn model(&mut self) -> Parsed<ModelProto> {
        let mut model = ModelProto::default();
        self.expect("<")?;
        self.list(">", |p| {
            let key = p.name()?;
            p.expect(":")?;
            match key.as_str() {
                "ir_version" => model.ir_version = p.int()?,
                "opset_import" => model.opset_import = p.opsets()?,
                other => return Err(format!("unknown property {other} of a model")),
            }
            Ok(())
        })?;
        model.graph = Some(self.graph()?);
        while self.lexer.peek().is_some() {
            model.functions.push(self.function()?);
        }
        Ok(model)
    }

    fn opsets(&mut self) -> Parsed<Vec<OperatorSetIdProto>> {
        self.expect("[")?;
        self.list("]", |p| {
            let domain = p.text()?;
            p.expect(":")?;
            Ok(OperatorSetIdProto { domain, version: p.int()? })
        })
    }

    fn graph(&mut self) -> Parsed<GraphProto> {
        let mut graph = GraphProto { name: self.name()?, ..Default::default() };
        self.expect("(")?;
        graph.input = self.values(")", &mut graph.initializer)?;
        self.expect("=>")?;
        self.expect("(")?;
        graph.output = self.values(")", &mut Vec::new())?;
        if self.lexer.eat("<") {
            // What has no value here is only the type of an intermediate value.
            self.values(">", &mut graph.initializer)?;
        }
        graph.node = self.nodes()?;
        Ok(graph)
    }

    /// Typed names; those with a value become initializers as well.
    fn values(&mut self, close: &str, initializers: &mut Vec<TensorProto>) -> Parsed<Vec<ValueInfoProto>> {
        self.list(close, |p| {
            let ty = p.ty()?;
            let name = p.name()?;
            if p.lexer.eat("=") {
                let mut tensor = empty_tensor(&ty)?;
                tensor.name = name.clone();
                if p.lexer.eat("[") {
                    tensor.data_location = 1;
                    tensor.external_data = p.list("]", |p| {
                        let key = p.text()?;
                        p.expect(":")?;
                        Ok(StringStringEntryProto { key, value: p.text()? })
                    })?;
                } else {
                    p.elements(&mut tensor)?;
                }
                initializers.push(tensor);
            }
            Ok(ValueInfoProto { name, r#type: Some(ty) })
        })
    }

    fn ty(&mut self) -> Parsed<TypeProto> {
        let word = self.name()?;
        let nested = |p: &mut Parser| -> Parsed<Option<Vec<u8>>> {
            p.expect("(")?;
            p.list(")", Parser::ty)?;
            Ok(Some(Vec::new()))
        };
        let mut ty = TypeProto::default();
        match word.as_str() {
            "seq" => ty.sequence_type = nested(self)?,
            "map" => ty.map_type = nested(self)?,
            "optional" => ty.optional_type = nested(self)?,
            "sparse_tensor" => ty.sparse_tensor_type = nested(self)?,
            _ => ty.tensor_type = Some(self.tensor_type(&word)?),
        }
        Ok(ty)
    }

    fn tensor_type(&mut self, element: &str) -> Parsed<TensorTypeProto> {
        let elem_type = element_type_number(element).ok_or_else(|| format!("unknown element type {element}"))?;
        let mut ty = TensorTypeProto { elem_type, shape: None };
        if self.lexer.eat("[") {
            let dim = self.list("]", |p| {
                let mut dim = DimensionProto::default();
                match p.lexer.next() {
                    Some(Token::Int(v)) => dim.dim_value = Some(v),
                    Some(Token::Word(s) | Token::Text(s)) => dim.dim_param = s,
                    Some(Token::Punct("?")) => {}
                    other => return Err(format!("expected a dimension, found {other:?}")),
                }
                Ok(dim)
            })?;
            ty.shape = Some(TensorShapeProto { dim });
        }
        Ok(ty)
    }

    /// `{1, 2}`, into the typed field that belongs to the element type.
    fn elements(&mut self, t: &mut TensorProto) -> Parsed<()> {
        self.expect("{")?;
        let elements = self.list("}", |p| p.lexer.next().ok_or_else(|| "unexpected end".to_owned()))?;
        for e in elements {
            let (int, float) = match e {
                Token::Int(v) => (v, v as f64),
                Token::Float(v) => (v as i64, v),
                other => return Err(format!("expected a number, found {other:?}")),
            };
            match t.data_type {
                1 => t.float_data.push(float as f32),
                7 => t.int64_data.push(int),
                11 => t.double_data.push(float),
                12 | 13 => t.uint64_data.push(int as u64),
                _ => t.int32_data.push(int as i32),
            }
        }
        Ok(())
    }

    fn nodes(&mut self) -> Parsed<Vec<NodeProto>> {
        self.expect("{")?;
        let mut nodes = Vec::new();
        while !self.lexer.eat("}") {
            nodes.push(self.node()?);
        }
        Ok(nodes)
    }

    fn node(&mut self) -> Parsed<NodeProto> {
        let mut node = NodeProto::default();
        if self.lexer.eat("[") {
            node.name = self.name()?;
            self.expect("]")?;
        }
        node.output = self.list("=", Parser::name)?;
        let op = self.name()?;
        let (domain, op_type) = op.rsplit_once('.').unwrap_or(("", &op));
        (node.domain, node.op_type) = (domain.to_owned(), op_type.to_owned());
        if self.lexer.eat("<") {
            node.attribute = self.list(">", Parser::attribute)?;
        }
        self.expect("(")?;
        node.input = self.list(")", Parser::name)?;
        if self.lexer.eat("<") {
            node.attribute.extend(self.list(">", Parser::attribute)?);
        }
        Ok(node)
    }

    fn attribute(&mut self) -> Parsed<AttributeProto> {
        let mut a = AttributeProto { name: self.name()?, ..Default::default() };
        if self.lexer.eat(":") {
            let ty = self.name()?;
            const TYPES: [&str; 8] = ["float", "int", "string", "tensor", "graph", "floats", "ints", "strings"];
            let number = TYPES.iter().position(|t| *t == ty).ok_or_else(|| format!("unknown attribute type {ty}"))?;
            a.r#type = number as i32 + 1;
        }
        self.expect("=")?;
        if self.lexer.eat("@") {
            a.ref_attr_name = self.name()?;
        } else if self.lexer.eat("[") {
            for element in self.list("]", |p| p.lexer.next().ok_or_else(|| "unexpected end".to_owned()))? {
                match element {
                    Token::Int(v) if a.r#type != attribute_type::FLOATS => {
                        a.r#type = attribute_type::INTS;
                        a.ints.push(v);
                    }
                    Token::Int(v) => a.floats.push(v as f32),
                    Token::Float(v) => {
                        a.r#type = attribute_type::FLOATS;
                        a.floats.push(v as f32);
                    }
                    Token::Text(s) => {
                        a.r#type = attribute_type::STRINGS;
                        a.strings.push(s.into_bytes());
                    }
                    other => return Err(format!("expected an element of {}, found {other:?}", a.name)),
                }
            }
        } else {
            self.single_value(&mut a)?;
        }
        Ok(a)
    }

    fn single_value(&mut self, a: &mut AttributeProto) -> Parsed<()> {
        match self.lexer.peek().cloned() {
            Some(Token::Int(v)) if a.r#type == attribute_type::FLOAT => a.f = v as f32,
            Some(Token::Int(v)) => (a.i, a.r#type) = (v, attribute_type::INT),
            Some(Token::Float(v)) => (a.f, a.r#type) = (v as f32, attribute_type::FLOAT),
            Some(Token::Text(s)) => (a.s, a.r#type) = (s.into_bytes(), attribute_type::STRING),
            Some(Token::Word(w)) if element_type_number(&w).is_some() => {
                let mut tensor = empty_tensor(&self.ty()?)?;
                self.elements(&mut tensor)?;
                (a.t, a.r#type) = (Some(tensor), attribute_type::TENSOR);
                return Ok(());
            }
            _ => {
                (a.g, a.r#type) = (Some(self.graph()?), attribute_type::GRAPH);
                return Ok(());
            }
        }
        self.lexer.next();
        Ok(())
    }

    fn function(&mut self) -> Parsed<FunctionProto> {
        let mut f = FunctionProto::default();
        self.expect("<")?;
        self.list(">", |p| {
            let key = p.name()?;
            p.expect(":")?;
            match key.as_str() {
                "domain" => f.domain = p.text()?,
                "overload" => f.overload = p.text()?,
                "opset_import" => f.opset_import = p.opsets()?,
                other => return Err(format!("unknown property {other} of a function")),
            }
            Ok(())
        })?;
        f.name = self.name()?;
        if self.lexer.eat("<") {
            self.list(">", |p| {
                if matches!(p.lexer.peek_after(), Some(Token::Punct(":" | "="))) {
                    f.attribute_proto.push(p.attribute()?);
                } else {
                    f.attribute.push(p.name()?);
                }
                Ok(())
            })?;
        }
        self.expect("(")?;
        f.input = self.list(")", Parser::name)?;
        self.expect("=>")?;
        self.expect("(")?;
        f.output = self.list(")", Parser::name)?;
        f.node = self.nodes()?;
        Ok(f)
    }
}

/// A tensor of this type, without elements yet.
fn empty_tensor(ty: &TypeProto) -> Parsed<TensorProto> {
    let ty = ty.tensor_type.as_ref().ok_or("only tensors have values")?;
    let dims = ty.shape.iter().flat_map(|s| &s.dim).map(|d| d.dim_value.ok_or("a constant has numbers as dimensions"));
    Ok(TensorProto { data_type: ty.elem_type, dims: dims.collect::<Result<_, _>>()?, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_of_a_model_are_read() {
        let model = parse(
            r#"<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
            g (float[1,4] x, float[?,N] z, seq(float[2]) q) => (float[1,4] y)
            <float[2] w = {1, -2.5}, int8 k = ["location": "w.bin"]>  # constants
            {
              [n1] y = Relu <alpha: float = 1, t = int64[2] {1,2}, s = "hi", l = [1,2], fl = [1.5]> (x, w, "")
              "a b", c = f.foo (x)
            }
            <domain: "f", opset_import: ["" : 17]>
            foo <k, j: int = 2> (a) => (b) { b = Relu <axis: int = @k> (a) }"#,
        )
        .unwrap();
        let graph = model.graph.as_ref().unwrap();
        assert_eq!(graph.initializer[0].float_data, [1.0, -2.5]);
        assert_eq!(graph.initializer[1].external_data[0].value, "w.bin");
        assert!(graph.input[2].r#type.as_ref().unwrap().sequence_type.is_some());
        let n = &graph.node[0];
        assert_eq!((n.name.as_str(), n.input.len(), n.attribute.len()), ("n1", 3, 5));
        assert_eq!((n.attribute[0].f, n.attribute[0].r#type), (1.0, attribute_type::FLOAT));
        assert_eq!(n.attribute[1].t.as_ref().unwrap().int64_data, [1, 2]);
        assert_eq!((graph.node[1].domain.as_str(), graph.node[1].output[0].as_str()), ("f", "a b"));
        let f = &model.functions[0];
        assert_eq!((f.attribute[0].as_str(), f.attribute_proto[0].i), ("k", 2));
        assert_eq!(f.node[0].attribute[0].ref_attr_name, "k");
        assert_eq!(ModelProto::from_bytes(&model.to_bytes()).unwrap(), model);
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse("<ir_version: 8>\ng (flt x").unwrap_err(), "line 2: unknown element type flt");
    }
}
