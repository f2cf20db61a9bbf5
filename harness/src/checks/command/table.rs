//! The clauses of `command`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const EXIT: ClauseId = ClauseId("command/exit");
pub(super) const STDOUT: ClauseId = ClauseId("command/stdout");
pub(super) const STDERR: ClauseId = ClauseId("command/stderr");
pub(super) const WITHIN: ClauseId = ClauseId("command/within");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Read, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        EXIT,
        Declared::Always,
        "ends with a declared exit code",
        "The code is one of `exit` (default 0). Another code, or an end by a signal, is proof: no noise makes a program say it. One that still runs after `wait` is \
         ended with its whole process group, and counted.",
    ),
    row(
        STDOUT,
        Declared::Key("stdout"),
        "its standard output is as declared",
        "Held against the matcher as one text, without the line end that closes it. Of more than 1 MiB only the beginning is kept, and then it cannot be told.",
    ),
    row(
        STDERR,
        Declared::Key("stderr"),
        "its standard error is as declared",
        "As `command/stdout`. `stderr: absent` says that nothing may be written.",
    ),
    row(
        WITHIN,
        Declared::Key("within"),
        "ends in time",
        "From the start of the program to its end, less what this machine lost. A time could be noise: it is counted, and a program that is not marked `repeatable` is \
         not run again to see.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("command/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
