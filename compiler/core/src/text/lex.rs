//! Words of one line of the text form.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Letters, digits and `_`, not beginning with a digit.
    Word(String),
    /// `%name`, without the sign.
    Value(String),
    /// As written; also `-inf`.
    Number(String),
    Quoted(String),
    Sign(char),
    End,
}

/// A token and the column (from 1) where it begins.
#[derive(Clone, Debug)]
pub struct Spanned {
    pub token: Token,
    pub column: usize,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(s) | Token::Number(s) => write!(f, "`{s}`"),
            Token::Value(s) => write!(f, "`%{s}`"),
            Token::Quoted(s) => write!(f, "{}", quote(s)),
            Token::Sign(c) => write!(f, "`{c}`"),
            Token::End => f.write_str("the end of the line"),
        }
    }
}

/// Whether a value name may hold the character.
pub fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The tokens of a line, [`Token::End`] last; or the column and message of what is no token.
pub fn line(text: &str) -> Result<Vec<Spanned>, (usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let start = at;
        let token = match c {
            '#' => break,
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '"' => quoted(&chars, &mut at).map_err(|m| (start + 1, m))?,
            '%' => {
                at += 1;
                let name = take(&chars, &mut at, |c| is_name(c) || c == '.');
                if name.is_empty() {
                    return Err((start + 1, "a value name is missing after `%`".into()));
                }
                Token::Value(name)
            }
            c if c.is_ascii_digit() || c == '-' => {
                at += 1;
                let mut last = c;
                let rest = take(&chars, &mut at, |c| {
                    let exponent = matches!(last, 'e' | 'E') && matches!(c, '+' | '-');
                    last = c;
                    is_name(c) || c == '.' || exponent
                });
                Token::Number(format!("{c}{rest}"))
            }
            c if is_name(c) => Token::Word(take(&chars, &mut at, is_name)),
            '=' | ':' | ',' | ';' | '@' | '[' | ']' | '{' | '}' | '(' | ')' => {
                at += 1;
                Token::Sign(c)
            }
            c => return Err((start + 1, format!("unexpected character {c:?}"))),
        };
        tokens.push(Spanned { token, column: start + 1 });
    }
    tokens.push(Spanned { token: Token::End, column: at + 1 });
    Ok(tokens)
}

fn take(chars: &[char], at: &mut usize, mut fits: impl FnMut(char) -> bool) -> String {
    let start = *at;
    while chars.get(*at).is_some_and(|&c| fits(c)) {
        *at += 1;
    }
    chars[start..*at].iter().collect()
}

fn quoted(chars: &[char], at: &mut usize) -> Result<Token, String> {
    let mut text = String::new();
    *at += 1;
    loop {
        let Some(&c) = chars.get(*at) else { return Err("the closing quote is missing".into()) };
        *at += 1;
        match c {
            '"' => return Ok(Token::Quoted(text)),
            '\\' => text.push(escape(chars, at).ok_or("unknown escape sequence")?),
            c => text.push(c),
        }
    }
}

fn escape(chars: &[char], at: &mut usize) -> Option<char> {
    let c = *chars.get(*at)?;
    *at += 1;
    match c {
        '"' | '\\' => Some(c),
        'n' => Some('\n'),
        't' => Some('\t'),
        'u' if chars.get(*at) == Some(&'{') => {
            *at += 1;
            let digits = take(chars, at, |c| c.is_ascii_hexdigit());
            *at += 1;
            (chars.get(*at - 1) == Some(&'}')).then_some(())?;
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        _ => None,
    }
}

/// The name in quotes, as [`line`] reads it back.
pub fn quote(name: &str) -> String {
    let mut text = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
