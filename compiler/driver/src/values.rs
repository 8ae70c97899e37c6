//! Values on the command line that are more than a word.

/// `NAME=VALUE`; the name may hold equal signs.
pub fn dim(s: &str) -> Result<(String, usize), String> {
    let (name, value) = s.rsplit_once('=').ok_or("expected NAME=VALUE")?;
    match value.parse() {
        Ok(v) if v > 0 && !name.is_empty() => Ok((name.to_owned(), v)),
        _ => Err(format!("{value:?} is not a positive extent")),
    }
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
    fn dims_may_hold_equal_signs() {
        assert_eq!(dim("a=b=3"), Ok(("a=b".to_owned(), 3)));
        assert!(dim("a=0").is_err() && dim("a").is_err() && dim("=1").is_err());
    }
}
