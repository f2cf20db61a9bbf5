//! Framings in which a service takes no body at all, and says so: 411 to what has no length, 417 to what is expected of it.

use crate::checks::size_limit::look::{Case, Not, Observation, Shot};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::Framing;
use crate::checks::size_limit::table::ACCEPTS;
use crate::model::ClauseId;

/// Whether this answer to a body that is to be taken says that of its framing (RFC 9110 §15.5.12 and §15.5.18). Without a body nothing is
/// expected of anybody.
pub(in super::super) fn is_said(shot: &Shot) -> bool {
    match (shot.framing, shot.seen.answered()) {
        (Some(Framing::Chunked | Framing::TinyChunks), Some(411)) => true,
        (Some(Framing::ExpectContinue), Some(417)) => shot.bytes > 0,
        _ => false,
    }
}

/// Notes it where all bodies of the framing were answered so, and one of them had a byte: the finding is one, with its way out, and
/// takes the place of those before it.
pub(super) fn note(shot: &mut Shot, framing: Framing, seen: &mut Observation) {
    let end = format!("/{}", framing.word());
    let of_framing = |case: &&mut Case| case.clause == ACCEPTS.0 && case.case.ends_with(&end);
    let is_fine = |case: &&mut Case| case.of > 0 && case.proof.as_ref().is_none_or(|proof| proof.seen.answered() != shot.seen.answered());
    // An empty body says `Expect` to nobody, so that it was taken is no other answer.
    let is_other = |case: &&mut Case| is_fine(case) && !(framing == Framing::ExpectContinue && case.case == format!("0{end}"));
    if shot.bytes == 0 || !is_said(shot) || seen.cases.iter_mut().filter(of_framing).any(|case| is_other(&case)) {
        return;
    }
    let word = framing.word();
    let observed = format!(
        "{}: bodies in this framing are not taken at all; where that is meant, leave `{word}` out of `framings`",
        shot.seen.brief()
    );
    shot.wrong = Some((format!("2xx to {}", show::bytes(shot.bytes)), observed));
    seen.unwilling.push(framing);
    for case in seen.cases.iter_mut().filter(of_framing).filter(|case| case.proof.is_some()) {
        *case = Case {
            clause: std::mem::take(&mut case.clause),
            case: std::mem::take(&mut case.case),
            not: Some(why(framing)),
            ..Case::default()
        };
    }
}

/// Notes that a case was not sent.
pub(super) fn left_out(seen: &mut Observation, clause: ClauseId, name: &str, framing: Framing) {
    let case = seen.case(clause, name);
    // The one that told it stands.
    if case.of == 0 {
        case.not.get_or_insert_with(|| why(framing));
    }
}

fn why(framing: Framing) -> Not {
    let status = if framing == Framing::ExpectContinue { 417 } else { 411 };
    Not::There(format!("`{}` bodies are answered by {status} whatever their size: size/accepts tells it once", framing.word()))
}
