//! A small kind with which the floors above are tested: GET, counted by status, timed, and one clause of proof.

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Script, ScriptStep, Told, Twin};
use crate::model::interval::Against;
use crate::model::{Clause, ClauseId, Declared, FaultKind, Finding, Found, Impact, Interval, Reading};
use crate::transport::{Outgoing, Timeouts, Wishes};
use crate::words::{Json, Values};
use std::num::NonZeroU32;
use std::time::Duration;

/// Counted: the status is 200.
pub(crate) const CODE: ClauseId = ClauseId("fake/code");
/// Counted by time: within the limit.
pub(crate) const FAST: ClauseId = ClauseId("fake/fast");
/// Proof: the body does not say `leak`.
pub(crate) const CLEAN: ClauseId = ClauseId("fake/clean");

/// The spec.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
pub struct Fake {
    pub(crate) path: String,
    pub(crate) samples: u32,
    pub(crate) within: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) repeatable: bool,
    /// What the probe does in place of looking.
    pub(crate) instead: Option<Instead>,
    /// The name of a capture that it gives, and its value.
    pub(crate) gives: Option<(String, String)>,
    /// Whether it asks for `/left` when it leaves.
    pub(crate) leaves: bool,
    /// How its controls come out.
    pub(crate) control: Twins,
    /// The part and fault that are in force while it looks.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) breaks: Option<(&'static str, FaultKind)>,
}

/// What the probe does in place of looking.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(crate) enum Instead {
    Panic,
    PanicInJudge,
    HarnessTrouble,
    Hang,
    SeeNothing,
}

/// How the controls come out.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(crate) enum Twins {
    Honest,
    None,
    /// The good twin is a bad one: as on a machine that cannot be trusted.
    BothBad,
    /// The bad twin is a good one.
    BothGood,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            samples: 5,
            within: None,
            timeout: Duration::from_secs(5),
            repeatable: true,
            instead: None,
            gives: None,
            leaves: false,
            control: Twins::Honest,
            breaks: None,
        }
    }
}

/// What was seen.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Seen {
    looks: Vec<Look>,
    instead: bool,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Look {
    said: String,
    is_ok: bool,
    leaks: bool,
    took: Interval,
}

const fn clause(id: ClauseId, declared: Declared) -> Clause {
    Clause { id, declared, impact: Impact::Read, faults: &[], sentence: "it does", about: "" }
}

impl CheckKind for Fake {
    const NAME: &'static str = "fake";
    const CLAUSE_PREFIX: &'static str = "fake";
    const DOC: &'static str = "";
    const CLAUSES: &'static [Clause] =
        &[clause(CODE, Declared::Always), clause(FAST, Declared::Key("within")), clause(CLEAN, Declared::Promise)];
    type Observation = Seen;

    fn demands(&self) -> Demands {
        Demands { single_shot: true, ..Demands::default() }
    }

    async fn probe(&self, round: &Round, cx: &Context, seen: &mut Seen) -> Result<(), ProbeError> {
        let lease = match self.breaks {
            Some((part, fault)) => Some(cx.stand().inject(part, fault).await.map_err(|e| ProbeError(e.0))?),
            None => None,
        };
        cx.saw("in force");
        match self.instead {
            Some(Instead::Panic) => panic!("as it was told, with first-secret"),
            Some(Instead::HarnessTrouble) => return Err(ProbeError("the sample is missing".to_owned())),
            Some(Instead::Hang) => std::future::pending().await,
            Some(Instead::SeeNothing | Instead::PanicInJudge) => {
                seen.instead = true;
                return Ok(());
            }
            None => {}
        }
        let url = cx.target().endpoint.url.join(&self.path).expect("a path joins every URL");
        let total = self.timeout;
        let wishes = Wishes { fresh: true, timeouts: Timeouts { connect: total, first_byte: total, total }, ..Wishes::default() };
        for _ in 0..round.samples_or(self.samples) {
            let began = cx.stopwatch().now();
            let sent = cx.exchange().send(&cx.target().endpoint, &Outgoing::get(url.clone()), &wishes).await;
            let took = cx.stopwatch().since(began);
            seen.looks.push(match sent {
                Ok(answer) => Look {
                    said: answer.status.to_string(),
                    is_ok: answer.status == 200,
                    leaks: String::from_utf8_lossy(&answer.body).contains("leak"),
                    took,
                },
                Err(failed) if failed.trouble.own().is_some() => return Err(ProbeError(failed.to_string())),
                Err(failed) => Look { said: failed.to_string(), is_ok: false, leaks: false, took },
            });
            cx.saw(seen.looks.last().map(|l| l.said.clone()).unwrap_or_default());
            let bad = seen.looks.iter().filter(|l| !l.is_ok).count();
            if round.focus.is_some() && bad >= round.enough_bad as usize {
                break;
            }
        }
        match lease {
            Some(lease) => lease.mend().await.map_err(|e| ProbeError(e.0)),
            None => Ok(()),
        }
    }

    async fn leave(&self, cx: &Context, _seen: &mut Seen) {
        if self.leaves {
            let url = cx.target().endpoint.url.join("/left").expect("a path joins every URL");
            let _ = cx.exchange().send(&cx.target().endpoint, &Outgoing::get(url), &Wishes::default()).await;
        }
    }

    fn judge(&self, seen: &Seen) -> Vec<Reading> {
        assert!(!matches!(self.instead, Some(Instead::PanicInJudge)), "as it was told");
        let Some(of) = u32::try_from(seen.looks.len()).ok().and_then(NonZeroU32::new) else { return Vec::new() };
        let count = |is: &dyn Fn(&Look) -> bool| u32::try_from(seen.looks.iter().filter(|l| is(l)).count()).unwrap_or(u32::MAX);
        let repeatable = self.repeatable;
        let worst = |is: &dyn Fn(&Look) -> bool, expected: String, shown: &dyn Fn(&Look) -> String| {
            let look = seen.looks.iter().filter(|l| is(l)).max_by_key(|l| l.took.hi).or(seen.looks.last());
            Finding::new(expected, look.map(shown).unwrap_or_default())
        };
        let not_ok = |l: &Look| !l.is_ok;
        let mut readings = vec![Reading::of(
            CODE,
            Found::Counted { bad: count(&not_ok), near: 0, of, worst: worst(&not_ok, "200".into(), &|l| l.said.clone()), repeatable },
        )];
        if let Some(limit) = self.within {
            let is = |against| move |l: &Look| l.is_ok && l.took.against(limit) == against;
            let finding = worst(&is(Against::Beyond), format!("within {limit:?}"), &|l| l.took.to_string());
            let (bad, near) = (count(&is(Against::Beyond)), count(&is(Against::Near)));
            readings.push(Reading::of(FAST, Found::Counted { bad, near, of, worst: finding, repeatable }));
        }
        readings.push(Reading::of(
            CLEAN,
            match seen.looks.iter().any(|l| l.leaks) {
                true => Found::Proof(Finding::new("no leak", "leak")),
                false => Found::Held { n: of },
            },
        ));
        readings
    }

    fn tell(&self, seen: &Seen) -> Told {
        Told { summary: seen.looks.last().map(|l| l.said.clone()).unwrap_or_default(), measurements: Vec::new() }
    }

    fn captures(&self, _seen: &Seen) -> Values {
        self.gives.iter().fold(Values::default(), |values, (name, value)| values.with(name, Json::String(value.as_str().into()), true))
    }

    fn control(&self, clause: ClauseId, twin: Twin) -> Option<Script> {
        let good = Script::answering(200, "{}", Duration::ZERO);
        let bad = match (clause, self.within) {
            (FAST, Some(limit)) => Script::answering(200, "{}", limit * 3 / 2),
            _ => Script::always(ScriptStep::Reset),
        };
        match (self.control, twin) {
            (Twins::None, _) => None,
            (Twins::Honest | Twins::BothGood, Twin::Good) | (Twins::BothGood, Twin::Bad) => Some(good),
            (Twins::Honest | Twins::BothBad, Twin::Bad) | (Twins::BothBad, Twin::Good) => Some(bad),
        }
    }
}
