//! Reads a gauge out of the text in which services tell their metrics.

/// The value of a gauge in Prometheus text (exposition format 0.0.4): the sum over its label sets. None where there is no sample, or one is
/// not a number.
#[must_use]
pub fn gauge(text: &str, name: &str) -> Option<f64> {
    let mut sum = None;
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix(name) else { continue };
        let value = match rest.chars().next() {
            Some('{') => &rest[rest.rfind('}')? + 1..],
            Some(' ' | '\t') => rest,
            _ => continue,
        };
        let number: f64 = value.split_whitespace().next()?.parse().ok().filter(|v: &f64| v.is_finite())?;
        sum = Some(sum.unwrap_or(0.0) + number);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<f64>) {
        assert_eq!(gauge(text, "process_open_fds"), expected, "{text}");
    }

    #[test]
    fn a_gauge_is_read_with_and_without_labels_and_never_guessed() {
        check("# TYPE process_open_fds gauge\nprocess_open_fds 17\n", Some(17.0));
        check("process_open_fds{pid=\"1\"} 3\nprocess_open_fds{pid=\"2\"} 4 1700000000\n", Some(7.0));
        check("process_open_fds_limit 1024\n", None);
        check("process_open_fds NaN\n", None);
        check("", None);
    }
}
