//! Values on the command line that are more than a word.

/// `NAME=VALUE`; the name may hold equal signs.
pub fn dim(s: &str) -> Result<(String, usize), String> {
    let (name, value) = s.rsplit_once('=').ok_or("expected NAME=VALUE")?;
    match value.parse() {
        Ok(v) if v > 0 && !name.is_empty() => Ok((name.to_owned(), v)),
        _ => Err(format!("{value:?} is not a positive extent")),
    }
}

/// What the elements of an input lie in, as given.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRange {
    /// Of the only input where there is none.
    pub name: Option<String>,
    pub lo: f64,
    pub hi: f64,
}

/// `NAME=LO:HI` or `LO:HI`; the name may hold equal signs and colons. Whether the numbers make sense is
/// told with what else is wrong about the input.
pub fn input_range(s: &str) -> Result<InputRange, String> {
    let (name, range) = s.rsplit_once('=').map_or((None, s), |(name, range)| (Some(name.to_owned()), range));
    let (lo, hi) = range.split_once(':').ok_or("expected NAME=LO:HI, such as image=0:1")?;
    let number = |s: &str| s.trim().parse().map_err(|_| format!("{s:?} is not a number"));
    Ok(InputRange { name, lo: number(lo)?, hi: number(hi)? })
}

/// A number of bytes, with a unit of 1024 or 1024 * 1024 where it has one.
pub fn bytes(s: &str) -> Result<usize, String> {
    let digits = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let unit = match s[digits..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        _ => return Err("expected a number of bytes, such as 65536 or 64K".to_owned()),
    };
    let number: usize = s[..digits].parse().map_err(|_| "expected a number of bytes, such as 65536 or 64K")?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, want) in [("0", 0), ("512", 512), ("64k", 65536), ("64 KiB", 65536), ("2MB", 2 << 20), ("7B", 7)] {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        for text in ["", "k", "-1", "1.5K", "3 G", "99999999999999999M", "1K1"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_ranges_may_hold_what_separates_them() {
        let range = |name: Option<&str>, lo, hi| Ok(InputRange { name: name.map(str::to_owned), lo, hi });
        assert_eq!(input_range("in:0=-1.5:2e3"), range(Some("in:0"), -1.5, 2000.0));
        assert_eq!(input_range("a=b=0:1"), range(Some("a=b"), 0.0, 1.0));
        assert_eq!(input_range("-1:1"), range(None, -1.0, 1.0));
        for text in ["", "x", "x=1", "x=1:", "x=a:b", "x=1:2:3"] {
            assert!(input_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dims_may_hold_equal_signs() {
        assert_eq!(dim("a=b=3"), Ok(("a=b".to_owned(), 3)));
        assert!(dim("a=0").is_err() && dim("a").is_err() && dim("=1").is_err());
    }
}
