//! `sse/framed`: payloads come back byte for byte.

use super::{case, cut_short, finding, nothing, unopened, unsure};
use crate::checks::sse::look::{Framed, Observation, Payload, Tape};
use crate::checks::sse::table;
use crate::model::{Found, Reading, Unseen};

pub(super) fn framed(seen: &Observation) -> Vec<Reading> {
    let framed = &seen.framed;
    let Some(tape) = framed.tape.as_ref().filter(|_| !framed.payloads.is_empty()) else {
        return vec![Reading::of(table::FRAMED, Found::Unseen { why: Unseen::Deadline })];
    };
    if let Some(found) = unopened(tape) {
        return vec![Reading::of(table::FRAMED, found)];
    }
    framed.payloads.iter().map(|p| case(table::FRAMED, p.name.clone(), of(framed, tape, p))).collect()
}

fn of(framed: &Framed, tape: &Tape, payload: &Payload) -> Found {
    if payload.is_whole {
        return Found::held(1, "one came");
    }
    if let Some(refusal) = &payload.refusal {
        return nothing(format!("the service did not take it: {refusal}"));
    }
    let expected = format!("{} bytes come back as they were sent", payload.len);
    let job = payload.job.clone().unwrap_or_else(|| "none".to_owned());
    if let Some(differs) = &payload.differs {
        return Found::Proof(finding(tape, expected, differs.clone()).detail("job", job));
    }
    if let Some(slip) = tape.slips.first() {
        return Found::Proof(finding(tape, expected, slip.text.clone()).detail("job", job));
    }
    if let Some(found) = cut_short(tape) {
        return found;
    }
    if payload.is_crowded {
        return unsure("so much of others came that its own event may not have been looked at");
    }
    match (framed.is_drained, &payload.job) {
        (true, Some(_)) => {
            let others = tape.arrivals.iter().filter(|a| a.job.is_none()).count();
            let observed = match (payload.events, others) {
                (0, 0) => "no event of its job came".to_owned(),
                (0, n) => format!("no event of its job came; {n} events came whose data names no job, or is no JSON"),
                (n, _) => format!("{n} events of its job came, and none carried it"),
            };
            Found::Proof(finding(tape, expected, observed).detail("job", job))
        }
        (true, None) => unsure("its job was not acknowledged"),
        (false, _) => Found::Unseen { why: Unseen::Deadline },
    }
}
