//! Changes that know nothing of ONNX: to bytes, and to the fields of a protocol buffer.
//!
//! A message is read as a tree of fields; whatever is changed in it is written with lengths that fit
//! again, so that the change reaches behind the decoder.

use tinyc_core::random::Random;

/// A field: number and value.
#[derive(Clone, Debug)]
struct Field {
    number: u64,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Varint(u64),
    /// Of 4 or 8 bytes.
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

/// Numbers at which things change.
const VARINTS: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    16,
    255,
    256,
    4096,
    65_536,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    u32::MAX as u64,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
    u64::MAX - 1,
    u64::MAX - 4,
];

const MAX_DEPTH: usize = 12;

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut v = 0;
    for shift in (0..64).step_by(7) {
        let b = *bytes.get(*at)?;
        *at += 1;
        v |= u64::from(b & 0x7f) << shift;
        if b < 0x80 {
            return Some(v);
        }
    }
    None
}

fn put_varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// The fields of a message; bytes that read as a message themselves are taken for one.
fn parse(bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let (mut at, mut fields) = (0, Vec::new());
    while at < bytes.len() {
        let tag = varint(bytes, &mut at)?;
        let mut take = |n: usize| {
            let part = bytes.get(at..at.checked_add(n)?)?.to_vec();
            at += n;
            Some(part)
        };
        let value = match tag & 7 {
            0 => Value::Varint(varint(bytes, &mut at)?),
            1 => Value::Fixed(take(8)?),
            5 => Value::Fixed(take(4)?),
            2 => {
                let n = usize::try_from(varint(bytes, &mut at)?).ok()?;
                let part = bytes.get(at..at.checked_add(n)?)?;
                at += n;
                let text = part.iter().all(|b| (b' '..=b'~').contains(b));
                match parse(part, depth + 1).filter(|_| depth < MAX_DEPTH && !part.is_empty() && !text) {
                    Some(fields) => Value::Message(fields),
                    None => Value::Bytes(part.to_vec()),
                }
            }
            _ => return None,
        };
        if tag >> 3 == 0 {
            return None;
        }
        fields.push(Field { number: tag >> 3, value });
    }
    Some(fields)
}

fn write(fields: &[Field], out: &mut Vec<u8>) {
    for f in fields {
        let kind = match &f.value {
            Value::Varint(_) => 0,
            Value::Fixed(b) if b.len() == 8 => 1,
            Value::Fixed(_) => 5,
            _ => 2,
        };
        put_varint(f.number << 3 | kind, out);
        match &f.value {
            Value::Varint(v) => put_varint(*v, out),
            Value::Fixed(b) => out.extend(b),
            Value::Bytes(b) => {
                put_varint(b.len() as u64, out);
                out.extend(b);
            }
            Value::Message(fields) => {
                let mut inner = Vec::new();
                write(fields, &mut inner);
                put_varint(inner.len() as u64, out);
                out.extend(inner);
            }
        }
    }
}

/// A list of fields somewhere in the tree; deep ones are as likely as shallow ones.
fn somewhere<'a>(fields: &'a mut Vec<Field>, r: &mut Random) -> &'a mut Vec<Field> {
    let inner: Vec<usize> = (0..fields.len()).filter(|&i| matches!(fields[i].value, Value::Message(_))).collect();
    if inner.is_empty() || r.below(4) == 0 {
        return fields;
    }
    match &mut fields[inner[r.below(inner.len())]].value {
        Value::Message(inner) => somewhere(inner, r),
        _ => unreachable!("only messages are picked"),
    }
}

fn change_value(value: &mut Value, r: &mut Random) {
    match value {
        Value::Varint(v) if r.below(3) == 0 => *v ^= 1 << r.below(64),
        Value::Varint(v) => *v = VARINTS[r.below(VARINTS.len())],
        Value::Fixed(b) => {
            const FLOATS: [f32; 6] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -0.0, 1e-45];
            let float = FLOATS[r.below(FLOATS.len())];
            *b = if b.len() == 4 { float.to_le_bytes().into() } else { f64::from(float).to_le_bytes().into() };
        }
        Value::Bytes(b) => bytes(b, r),
        Value::Message(_) => *value = Value::Bytes(Vec::new()),
    }
}

/// Changes one field of a message: drops, repeats, swaps, renumbers it, or changes its value.
pub fn fields(message: &mut Vec<u8>, r: &mut Random) {
    let Some(mut tree) = parse(message, 0) else { return bytes(message, r) };
    let list = somewhere(&mut tree, r);
    if list.is_empty() {
        return bytes(message, r);
    }
    let (i, j) = (r.below(list.len()), r.below(list.len()));
    match r.below(8) {
        0 => drop(list.remove(i)),
        1 => list.insert(j, list[i].clone()),
        2 => list.swap(i, j),
        3 => list[i].number = 1 + r.below(30) as u64,
        4 => {
            let value = list[j].value.clone();
            list[i].value = value;
        }
        5 => list.extend(std::iter::repeat_n(list[i].clone(), r.below(300))),
        _ => change_value(&mut list[i].value, r),
    }
    message.clear();
    write(&tree, message);
}

/// Changes bytes: flips a bit, cuts the end off, cuts out, repeats, inserts or overwrites a part.
pub fn bytes(b: &mut Vec<u8>, r: &mut Random) {
    if b.is_empty() {
        return b.push(r.bits() as u8);
    }
    let from = r.below(b.len());
    let to = (from + 1 + r.below(40)).min(b.len());
    match r.below(7) {
        0 | 1 => b[from] ^= 1 << r.below(8),
        2 => b.truncate(from),
        3 => drop(b.drain(from..to)),
        4 => {
            let part = b[from..to].to_vec();
            let at = r.below(b.len());
            b.splice(at..at, part);
        }
        5 => {
            let new: Vec<u8> = (0..1 + r.below(8)).map(|_| r.bits() as u8).collect();
            b.splice(from..from, new);
        }
        _ => {
            let part = b[from..to].to_vec();
            let at = r.below(b.len());
            let end = (at + part.len()).min(b.len());
            b.splice(at..end, part);
        }
    }
}

/// The beginning of one model and the end of another.
pub fn splice(a: &[u8], b: &[u8], r: &mut Random) -> Vec<u8> {
    let (i, j) = (r.below(a.len() + 1), r.below(b.len() + 1));
    [&a[..i], &b[j..]].concat()
}
