//! Reads numbers and booleans strictly: a spelling that another YAML reader takes for something else is told, not guessed.

use crate::reader::{
    complaint::Complaint,
    node::{Kind, Node},
    scalar::{Core, doubtful, is_json_number, is_whole},
};

/// The whole number of a scalar.
pub(crate) fn whole<T: TryFrom<i128>>(node: &Node, expected: &str) -> Result<T, Complaint> {
    let text = numeric_text(node, expected, |t| is_whole(t.strip_prefix('-').unwrap_or(t)))?;
    if !is_whole(text.strip_prefix('-').unwrap_or(text)) {
        return Err(respelt(text, expected));
    }
    text.parse::<i128>().ok().and_then(|n| T::try_from(n).ok()).ok_or_else(|| Complaint::expected(expected))
}

/// The number of a scalar, with or without a fraction; never infinite.
pub(crate) fn fraction(node: &Node, expected: &str) -> Result<f64, Complaint> {
    let text = numeric_text(node, expected, is_json_number)?;
    if !is_json_number(text) {
        return Err(respelt(text, expected));
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| Complaint::expected(expected))
}

/// `true` or `false`.
pub(crate) fn boolean(node: &Node, expected: &str) -> Result<bool, Complaint> {
    let text = numeric_text(node, expected, |t| matches!(Core::of(t), Core::Bool(_)))?;
    match Core::of(text) {
        Core::Bool(b) => Ok(b),
        _ => {
            let complaint = Complaint::expected(expected);
            match doubtful(text).flatten() {
                Some(b) if b == "true" || b == "false" => Err(complaint.write(b)),
                _ => Err(complaint),
            }
        }
    }
}

/// The text of a scalar that is not quoted, or into which a value was put.
fn numeric_text<'n>(node: &'n Node, expected: &str, fits: impl Fn(&str) -> bool) -> Result<&'n str, Complaint> {
    match &node.kind {
        Kind::Scalar { text, plain, given, .. } if *plain || given.is_some() => Ok(text.trim()),
        Kind::Scalar { text, .. } => {
            let complaint = Complaint::expected(expected);
            Err(if fits(text) { complaint.write(text.as_str()) } else { complaint })
        }
        _ => Err(Complaint::expected(expected)),
    }
}

/// The complaint about a number in a spelling that is not taken, with the plain one where it is clear.
fn respelt(text: &str, expected: &str) -> Complaint {
    let plain = doubtful(text).flatten().or_else(|| {
        let n: f64 = if is_json_number(text) { text.parse().ok()? } else { return None };
        // Beyond 2^53 the digits of a double are no longer what was written.
        (n.fract() == 0.0 && n.abs() < 9e15).then(|| format!("{n:.0}"))
    });
    let complaint = Complaint::expected(expected);
    match plain {
        Some(plain) if is_json_number(&plain) => complaint.write(plain),
        _ => complaint,
    }
}
