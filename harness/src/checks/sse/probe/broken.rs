//! How trouble ended a stream, and whether it was this machine's.

use crate::checks::sse::look::{Ended, Tape};
use crate::kind::Snag;
use crate::transport::Trouble;

/// The end of a stream by trouble. That of this machine says nothing of the service: it is kept apart, and ends the look.
pub(super) fn broken(trouble: &Trouble, in_event: bool, tape: &mut Tape) -> Ended {
    let is_own = trouble.own().is_some();
    if is_own {
        tape.own_trouble.get_or_insert_with(|| trouble.to_string());
    }
    let snag = Snag { name: trouble.name().to_owned(), text: trouble.to_string(), confusable: trouble.confusable() || is_own };
    Ended::Broken { snag, in_event }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sse::look::Observation;
    use crate::transport::{OwnTrouble, Stage};

    #[test]
    fn trouble_of_this_machine_is_never_proof_and_is_told_as_ours() {
        let mut tape = Tape::default();
        let ended = broken(&Trouble::Own(OwnTrouble::Request), false, &mut tape);
        assert!(matches!(&ended, Ended::Broken { snag, .. } if snag.confusable));
        assert!(tape.own_trouble.is_some());
        tape.head.status = Some(200);
        let seen = Observation { opened: vec![Tape::default(), tape], ..Observation::default() };
        assert!(seen.own_trouble().is_some());
        let mut tape = Tape::default();
        broken(&Trouble::Reset { stage: Stage::Body }, false, &mut tape);
        assert!(tape.own_trouble.is_none());
    }
}
