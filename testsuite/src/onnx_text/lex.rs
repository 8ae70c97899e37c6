//! Words, names in quotes, numbers and signs of the textual syntax of ONNX.

use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Identifier; dots are part of it.
    Word(String),
    /// In double quotes.
    Text(String),
    Int(i64),
    Float(f64),
    Punct(&'static str),
}

const PUNCT: [&str; 14] = ["=>", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", "=", "@", "?"];

/// The tokens that are left, with their lines.
pub struct Lexer {
    tokens: VecDeque<(Token, usize)>,
    line: usize,
}

impl Lexer {
    pub fn new(text: &str) -> Result<Lexer, String> {
        let mut tokens = VecDeque::new();
        for (i, line) in text.lines().enumerate() {
            let mut rest = line.trim_start();
            while !rest.is_empty() && !rest.starts_with('#') {
                let (token, tail) = token(rest).ok_or_else(|| format!("line {}: cannot read {rest:?}", i + 1))?;
                tokens.push_back((token, i + 1));
                rest = tail.trim_start();
            }
        }
        Ok(Lexer { tokens, line: 1 })
    }

    /// The line of the token last taken.
    pub fn line(&self) -> usize {
        self.line
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.front().map(|(t, _)| t)
    }

    pub fn peek_after(&self) -> Option<&Token> {
        self.tokens.get(1).map(|(t, _)| t)
    }

    pub fn next(&mut self) -> Option<Token> {
        let (token, line) = self.tokens.pop_front()?;
        self.line = line;
        Some(token)
    }

    /// Takes a sign if it comes next.
    pub fn eat(&mut self, punct: &str) -> bool {
        let here = matches!(self.peek(), Some(Token::Punct(p)) if *p == punct);
        if here {
            self.next();
        }
        here
    }
}

fn token(text: &str) -> Option<(Token, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (inside, tail) = rest.split_once('"')?;
        return Some((Token::Text(inside.to_owned()), tail));
    }
    if let Some(p) = PUNCT.iter().find(|p| text.starts_with(**p)) {
        return Some((Token::Punct(p), &text[p.len()..]));
    }
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    let part = |c: char| c.is_alphanumeric() || "_.".contains(c) || number && "+-".contains(c);
    let (word, tail) = text.split_at(text.find(|c| !part(c)).unwrap_or(text.len()));
    let token = match (number, word.parse(), word.parse()) {
        (false, _, _) if !word.is_empty() => Token::Word(word.to_owned()),
        (true, Ok(int), _) => Token::Int(int),
        (true, _, Ok(float)) => Token::Float(float),
        _ => return None,
    };
    Some((token, tail))
}
