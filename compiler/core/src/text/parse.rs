//! Statements of the text form, before names and types mean anything.

use super::lex::{Spanned, Token, line as tokens};
use crate::types::{DType, Shape, TensorType, Type};

/// What is wrong, and where: line and column from 1.
#[derive(Debug)]
pub struct Error {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// A name with its column.
#[derive(Debug)]
pub struct Name {
    pub text: String,
    pub column: usize,
}

#[derive(Debug)]
pub enum Contents {
    List(Vec<Name>),
    /// Entry of the side table.
    Data(usize),
    Random(u64),
}

#[derive(Debug)]
pub enum Value {
    One(String),
    List(Vec<String>),
}

#[derive(Debug)]
pub struct Attribute {
    pub name: Name,
    pub value: Value,
}

#[derive(Debug)]
pub enum Body {
    Input,
    Const(Contents),
    Op { op: Name, operands: Vec<Option<Name>>, attributes: Vec<Attribute> },
    Get { index: usize, tuple: Name },
    Output,
}

#[derive(Debug)]
pub struct Statement {
    pub line: usize,
    /// What it defines, or outputs.
    pub name: Name,
    pub body: Body,
    pub ty: Option<Type>,
    pub quoted: Vec<String>,
    pub value: Option<String>,
}

#[derive(Debug)]
pub struct File {
    pub name: String,
    pub statements: Vec<Statement>,
    /// Names that lines with a syntax error were to define.
    pub failed: Vec<String>,
}

/// Reads a whole text; on failure, every line that is wrong.
pub fn file(text: &str) -> (File, Vec<Error>) {
    let mut file = File { name: String::new(), statements: Vec::new(), failed: Vec::new() };
    let mut errors = Vec::new();
    let mut state = State::Before;
    let mut last = 1;
    for (i, text) in text.lines().enumerate() {
        last = i + 1;
        if let Err((column, message)) = read_line(text, last, &mut state, &mut file) {
            errors.push(Error { line: last, column, message });
            // Without its header the rest of a text would only repeat the error.
            if matches!(state, State::Before) {
                return (file, errors);
            }
        }
    }
    let missing = match state {
        State::Before => "`graph @name {` is missing",
        State::Inside => "the closing `}` is missing",
        State::After => return (file, errors),
    };
    errors.push(Error { line: last, column: 1, message: missing.into() });
    (file, errors)
}

enum State {
    Before,
    Inside,
    After,
}

fn read_line(text: &str, line: usize, state: &mut State, file: &mut File) -> Result<(), (usize, String)> {
    let tokens = tokens(text)?;
    let mut r = Reader { tokens: &tokens, at: 0 };
    if *r.peek() == Token::End {
        return Ok(());
    }
    match state {
        State::Before => {
            r.keyword("graph")?;
            r.sign('@')?;
            file.name = match r.next() {
                Token::Word(n) | Token::Quoted(n) => n.clone(),
                _ => return Err(r.wrong("a name")),
            };
            r.sign('{')?;
            *state = State::Inside;
        }
        State::Inside if r.accept('}') => *state = State::After,
        State::Inside => {
            if let Token::Value(name) = r.peek() {
                file.failed.push(name.clone());
            }
            let statement = statement(&mut r, line)?;
            file.failed.retain(|f| *f != statement.name.text);
            file.statements.push(statement);
        }
        State::After => return Err((1, "text after the closing `}`".into())),
    }
    match r.next() {
        Token::End => Ok(()),
        _ => Err(r.wrong("the end of the line")),
    }
}

fn statement(r: &mut Reader<'_>, line: usize) -> Result<Statement, (usize, String)> {
    let (name, body) = if matches!(r.peek(), Token::Word(w) if w == "output") {
        r.next();
        (r.value()?, Body::Output)
    } else {
        let name = r.value()?;
        r.sign('=')?;
        (name, body(r)?)
    };
    let ty = if r.accept(':') { Some(ty(r)?) } else { None };
    let (mut quoted, mut value) = (Vec::new(), None);
    if r.accept(';') {
        while let Token::Quoted(q) = r.peek() {
            quoted.push(q.clone());
            r.next();
            if !r.accept(',') {
                break;
            }
        }
        if matches!(r.peek(), Token::Word(w) if w == "as") {
            r.next();
            match r.next() {
                Token::Quoted(q) => value = Some(q.clone()),
                _ => return Err(r.wrong("a quoted name")),
            }
        }
    }
    Ok(Statement { line, name, body, ty, quoted, value })
}

fn body(r: &mut Reader<'_>) -> Result<Body, (usize, String)> {
    let op = match r.next() {
        Token::Word(w) => Name { text: w.clone(), column: r.column() },
        _ => return Err(r.wrong("an operator")),
    };
    match op.text.as_str() {
        "input" => Ok(Body::Input),
        "const" => Ok(Body::Const(contents(r)?)),
        "get" => Ok(Body::Get { index: r.number("an index")?, tuple: r.value()? }),
        _ => {
            let mut operands = Vec::new();
            while matches!(r.peek(), Token::Value(_)) || matches!(r.peek(), Token::Word(w) if w == "_") {
                operands.push(if let Token::Word(_) = r.peek() {
                    r.next();
                    None
                } else {
                    Some(r.value()?)
                });
                if !r.accept(',') {
                    break;
                }
            }
            let attributes = if r.accept('{') { attributes(r)? } else { Vec::new() };
            Ok(Body::Op { op, operands, attributes })
        }
    }
}

fn contents(r: &mut Reader<'_>) -> Result<Contents, (usize, String)> {
    if r.accept('[') {
        return Ok(Contents::List(r.list()?));
    }
    let form = match r.next() {
        Token::Word(w) if w == "data" || w == "random" => w.clone(),
        _ => return Err(r.wrong("`[`, `data` or `random`")),
    };
    r.sign('(')?;
    let contents = match form.as_str() {
        "data" => Contents::Data(r.number("an index")?),
        _ => Contents::Random(r.number("a seed")?),
    };
    r.sign(')')?;
    Ok(contents)
}

fn attributes(r: &mut Reader<'_>) -> Result<Vec<Attribute>, (usize, String)> {
    let mut attributes = Vec::new();
    while !r.accept('}') {
        let name = match r.next() {
            Token::Word(w) => Name { text: w.clone(), column: r.column() },
            _ => return Err(r.wrong("an attribute")),
        };
        r.sign(':')?;
        let value = if r.accept('[') {
            Value::List(r.list()?.into_iter().map(|n| n.text).collect())
        } else {
            Value::One(r.scalar()?.text)
        };
        attributes.push(Attribute { name, value });
        if !r.accept(',') {
            r.sign('}')?;
            break;
        }
    }
    Ok(attributes)
}

fn ty(r: &mut Reader<'_>) -> Result<Type, (usize, String)> {
    if !r.accept('(') {
        return Ok(Type::Tensor(tensor_type(r)?));
    }
    let mut parts = Vec::new();
    while !r.accept(')') {
        parts.push(tensor_type(r)?);
        if !r.accept(',') {
            r.sign(')')?;
            break;
        }
    }
    Ok(Type::Tuple(parts))
}

fn tensor_type(r: &mut Reader<'_>) -> Result<TensorType, (usize, String)> {
    let dtype = match r.next() {
        Token::Word(w) => DType::from_name(w),
        _ => None,
    };
    let dtype = dtype.ok_or_else(|| r.wrong("an element type"))?;
    r.sign('[')?;
    let mut dims = Vec::new();
    while !r.accept(']') {
        dims.push(r.number("an extent")?);
        if !r.accept(',') {
            r.sign(']')?;
            break;
        }
    }
    Ok(TensorType { dtype, shape: Shape::new(dims) })
}

/// The tokens of one line, read from left to right.
struct Reader<'a> {
    tokens: &'a [Spanned],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].token
    }

    fn next(&mut self) -> &'a Token {
        let t = self.peek();
        self.at += 1;
        t
    }

    /// Column of the token read last.
    fn column(&self) -> usize {
        self.tokens[(self.at - 1).min(self.tokens.len() - 1)].column
    }

    /// That the token read last is none of what is expected.
    fn wrong(&self, expected: &str) -> (usize, String) {
        let token = &self.tokens[(self.at - 1).min(self.tokens.len() - 1)].token;
        (self.column(), format!("expected {expected}, found {token}"))
    }

    fn accept(&mut self, sign: char) -> bool {
        let here = *self.peek() == Token::Sign(sign);
        self.at += usize::from(here);
        here
    }

    fn sign(&mut self, sign: char) -> Result<(), (usize, String)> {
        match self.next() {
            Token::Sign(c) if *c == sign => Ok(()),
            _ => Err(self.wrong(&format!("`{sign}`"))),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), (usize, String)> {
        match self.next() {
            Token::Word(w) if w == word => Ok(()),
            _ => Err(self.wrong(&format!("`{word}`"))),
        }
    }

    fn value(&mut self) -> Result<Name, (usize, String)> {
        match self.next() {
            Token::Value(v) => Ok(Name { text: v.clone(), column: self.column() }),
            _ => Err(self.wrong("a value such as `%x`")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, (usize, String)> {
        match self.next() {
            Token::Number(n) => n.parse().map_err(|_| self.wrong(what)),
            _ => Err(self.wrong(what)),
        }
    }

    /// A number or word.
    fn scalar(&mut self) -> Result<Name, (usize, String)> {
        match self.next() {
            Token::Number(s) | Token::Word(s) => Ok(Name { text: s.clone(), column: self.column() }),
            _ => Err(self.wrong("a number or word")),
        }
    }

    /// Scalars up to the closing bracket; the opening one is read.
    fn list(&mut self) -> Result<Vec<Name>, (usize, String)> {
        let mut list = Vec::new();
        while !self.accept(']') {
            list.push(self.scalar()?);
            if !self.accept(',') {
                self.sign(']')?;
                break;
            }
        }
        Ok(list)
    }
}
