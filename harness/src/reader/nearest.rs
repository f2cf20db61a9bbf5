//! Finds the word that was probably meant.

/// The candidate that is close enough to `word` to be worth a "did you mean"; none when nothing is.
/// Close: at most a third of the letters differ (a swapped pair counts once), or one begins with the other.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase().replace('_', "-");
    if lower.chars().count() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|c| {
            let distance = strsim::damerau_levenshtein(&lower, &c.to_lowercase().replace('_', "-"));
            let longest = lower.chars().count().max(c.chars().count());
            let prefix = lower.len() >= 3 && (c.starts_with(&lower) || lower.starts_with(c) && c.len() >= 3);
            (distance <= longest.div_ceil(3).min(4) && distance < longest || prefix).then_some((distance, c))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, ["within", "status", "headers", "get", "expect", "steady-for"]), expected, "{word}");
    }

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_strange_one_does_not() {
        check("wihtin", Some("within"));
        check("Status", Some("status"));
        check("steady_for", Some("steady-for"));
        check("header", Some("headers"));
        check("expects", Some("expect"));
        check("ge", Some("get"));
        check("frobnicate", None);
        check("", None);
        check("q", None);
    }
}
