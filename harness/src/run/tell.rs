//! The event gate: every event leaves here, in order, with every secret taken out of every text.

use crate::model::event::RunInfo;
use crate::model::{ClauseOutcome, Event, Finding, Outcome, Place, Redactor, Secret};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};

/// Hands events to the one consumer of a session.
pub(crate) struct Teller {
    sink: Mutex<Box<dyn FnMut(Event) + Send>>,
    redactor: Arc<Redactor>,
    captured: Mutex<(Vec<Secret>, Option<Arc<Redactor>>)>,
}

impl Teller {
    pub(crate) fn new(redactor: Arc<Redactor>, sink: Box<dyn FnMut(Event) + Send>) -> Self {
        Self { sink: Mutex::new(sink), redactor, captured: Mutex::default() }
    }

    /// A secret that was captured from an answer: masked from now on, like those of the environment.
    pub(crate) fn learn(&self, secret: Secret) {
        let mut captured = self.captured.lock().expect("no panic while secrets are held");
        if !captured.0.contains(&secret) {
            captured.0.push(secret);
            captured.1 = Some(Arc::new(Redactor::new(&captured.0)));
        }
    }

    /// Masks an outcome in every text it has.
    pub(crate) fn mask(&self, outcome: &mut Outcome) {
        self.with(|mask| mask.outcome(outcome));
    }

    /// Something the harness noticed.
    pub(crate) fn notice(&self, what: impl Into<String>) {
        let mut what = what.into();
        self.with(|mask| mask.text(&mut what));
        self.tell(Event::Noticed { what });
    }

    /// The head of the run.
    pub(crate) fn started(&self, mut info: RunInfo) {
        self.with(|mask| {
            mask.text(&mut info.aimed_at);
            info.suites.iter_mut().flat_map(|suite| &mut suite.again).for_each(|word| mask.text(word));
            info.targets.iter_mut().for_each(|(_, url)| mask.text(url));
            info.warnings.iter_mut().for_each(|warning| mask.text(warning));
        });
        self.tell(Event::RunStarted(Box::new(info)));
    }

    /// Hands on an event that holds no text of others, or was masked already.
    pub(crate) fn tell(&self, event: Event) {
        (self.sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner))(event);
    }

    fn with(&self, mask: impl FnOnce(&Mask<'_>)) {
        let captured = self.captured.lock().expect("no panic while secrets are held").1.clone();
        mask(&Mask { redactors: [Some(&self.redactor), captured.as_ref()] });
    }
}

struct Mask<'a> {
    redactors: [Option<&'a Arc<Redactor>>; 2],
}

impl Mask<'_> {
    fn text(&self, text: &mut String) {
        for redactor in self.redactors.iter().flatten() {
            if let Cow::Owned(masked) = redactor.mask(text) {
                *text = masked;
            }
        }
    }

    fn maybe(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn outcome(&self, outcome: &mut Outcome) {
        let Outcome { reason, summary, clauses, notes, observation, about, runbook, place, .. } = outcome;
        self.maybe(reason);
        self.text(summary);
        clauses.iter_mut().for_each(|clause| self.clause(clause));
        notes.iter_mut().for_each(|note| self.text(note));
        if let Some(observation) = observation {
            self.redactors.iter().flatten().for_each(|r| r.mask_json(observation));
        }
        self.maybe(about);
        self.maybe(runbook);
        self.place(place);
    }

    fn clause(&self, clause: &mut ClauseOutcome) {
        self.text(&mut clause.case);
        self.maybe(&mut clause.why);
        let Some(finding) = &mut clause.finding else { return };
        let Finding { expected, observed, sent, details, request_id, trace_id, again, at: _, place } = finding;
        for text in [expected, observed, sent] {
            self.text(text);
        }
        for (label, text) in details {
            self.text(label);
            self.text(text);
        }
        for text in [request_id, trace_id, again] {
            self.maybe(text);
        }
        if let Some(place) = place {
            self.place(place);
        }
    }

    fn place(&self, place: &mut Place) {
        self.text(&mut place.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_secret_is_masked_in_what_is_told_after_it() {
        let (tx, rx) = std::sync::mpsc::channel();
        let teller = Teller::new(Arc::new(Redactor::new([&Secret::new("first-secret")])), Box::new(move |e| tx.send(e).unwrap()));
        teller.notice("first-secret and second-secret");
        teller.learn(Secret::new("second-secret"));
        teller.notice("first-secret and second-secret");
        let told: Vec<String> = rx.try_iter().map(|e| format!("{e:?}")).collect();
        assert!(told[0].contains("*** and second-secret"), "{told:?}");
        assert!(told[1].contains("*** and ***"), "{told:?}");
    }
}
