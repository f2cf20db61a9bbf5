//! Text in columns: cut and padded by what a terminal shows, not by bytes or characters.

use std::time::Duration;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// At most `columns` wide; what does not fit ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Filled with spaces on the right to `columns`; longer text stays as it is.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// A duration in five columns: `0.04s`, `22.8s`, `123s`, `16m40`, `2h46m`. Longer ones take what they need.
pub(super) fn time(took: Duration) -> String {
    let s = took.as_secs_f64();
    match took.as_secs() {
        _ if s < 9.995 => format!("{s:.2}s"),
        _ if s < 99.95 => format!("{s:.1}s"),
        secs @ ..1_000 => format!("{secs}s"),
        secs @ ..6_000 => format!("{}m{:02}", secs / 60, secs % 60),
        secs => format!("{}h{:02}m", secs / 3600, secs % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_what_is_shown() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語日本語", 6), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(pad("日本", 6), "日本  ");
    }

    #[test]
    fn times_keep_their_column() {
        for (millis, shown) in [
            (0, "0.00s"),
            (41, "0.04s"),
            (6_200, "6.20s"),
            (9_996, "10.0s"),
            (22_800, "22.8s"),
            (99_960, "99s"),
            (123_000, "123s"),
            (1_000_000, "16m40"),
            (10_000_000, "2h46m"),
        ] {
            assert_eq!(time(Duration::from_millis(millis)), shown);
        }
    }
}
