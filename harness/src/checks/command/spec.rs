//! What a suite says of `command`: keys, units, defaults, and the mistakes that only the whole shows.

use crate::kind::{Demands, Mistake};
use crate::model::At;
use crate::reader::{Dur, Many, Sp};
use crate::words::{Matcher, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Keys of `command`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Spec {
    /// The program and its arguments, one item each; no shell reads them.
    pub(super) run: Many<Sp<Text>>,
    /// Exit codes that are fine. Default: 0.
    #[serde(default)]
    pub(super) exit: Option<Many<Sp<i32>>>,
    /// What its standard output is: a text, or matchers such as `{ contains: OK }`.
    #[serde(default)]
    pub(super) stdout: Option<Sp<Matcher>>,
    /// What its standard error is.
    #[serde(default)]
    pub(super) stderr: Option<Sp<Matcher>>,
    /// Longest time that it may take.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// Longest time that it is waited for; then its process group is ended. Default: twice `within` and at least 1 s more, else 25s.
    #[serde(default)]
    pub(super) wait: Option<Sp<Dur>>,
    /// Variables that it gets beside those of this process; null takes one out.
    #[serde(default)]
    pub(super) env: BTreeMap<String, Option<Sp<Text>>>,
    /// The folder in which it runs. Default: the one in which the run was started.
    #[serde(default)]
    pub(super) cwd: Option<Sp<Text>>,
    /// It may be run again to tell noise from a flaw. Default: false.
    #[serde(default)]
    pub(super) repeatable: Option<Sp<bool>>,
}

/// How long a program is waited for where nothing is said: less than a check is given.
const WAIT: Duration = Duration::from_secs(25);

impl Spec {
    pub(super) fn limit(&self) -> Option<Duration> {
        self.within.as_ref().map(|w| w.value.0)
    }

    pub(super) fn wait(&self) -> Duration {
        match (&self.wait, self.limit()) {
            (Some(wait), _) => wait.value.0,
            (None, Some(limit)) => (limit * 2).max(limit + Duration::from_secs(1)),
            (None, None) => WAIT,
        }
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable.as_ref().is_some_and(|r| r.value)
    }

    /// Exit codes that are fine.
    pub(super) fn codes(&self) -> Vec<i32> {
        self.exit.as_ref().map_or_else(|| vec![0], |many| many.iter().map(|c| c.value).collect())
    }

    /// Every text that may hold a value, with its place.
    fn texts(&self) -> Vec<(&Text, At)> {
        let own = self.run.iter().chain(self.env.values().flatten()).chain(&self.cwd).map(|text| (&text.value, text.at));
        let matchers = [&self.stdout, &self.stderr].into_iter().flatten();
        own.chain(matchers.flat_map(|m| m.value.texts().into_iter().map(|text| (text, m.at)))).collect()
    }
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let uses = spec.texts().into_iter().flat_map(|(text, at)| text.captures().map(move |name| (name.to_owned(), at))).collect();
    // The default wait is no promise of the suite: a shorter `timeout` is no contradiction.
    let declares_time = spec.wait.is_some() || spec.within.is_some();
    Demands {
        longest: if declares_time { spec.wait() } else { Duration::ZERO },
        single_shot: true,
        starts_programs: true,
        uses,
        mistakes: mistakes(spec),
        ..Demands::default()
    }
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: String| all.push(Mistake { at, what, help });
    match spec.run.0.as_slice() {
        [] => say(At::default(), "run: names no program".to_owned(), "write `run: [./smoke.sh, --fast]`".to_owned()),
        [one] => {
            let words: Vec<&str> = one.value.literal().unwrap_or_default().split_whitespace().collect();
            if words.len() > 1 {
                let list = words.join(", ");
                say(one.at, "run: one text is one program, and no shell splits it".to_owned(), format!("write `run: [{list}]`"));
            }
        }
        _ => {}
    }
    for (key, value) in [("within", &spec.within), ("wait", &spec.wait)] {
        if let Some(duration) = value
            && duration.value.0.is_zero()
        {
            say(duration.at, format!("{key}: expected more than 0"), "write a time such as 10s, or take the key out".to_owned());
        }
    }
    if let (Some(wait), Some(limit)) = (&spec.wait, spec.limit())
        && wait.value.0 <= limit
    {
        let what = "wait: a program that is not waited for longer than `within` cannot be seen to be slow".to_owned();
        say(wait.at, what, "leave `wait` out, or make it longer than `within`".to_owned());
    }
    for code in spec.exit.iter().flat_map(|codes| codes.iter()).filter(|code| !(0..=255).contains(&code.value)) {
        say(code.at, format!("exit: expected 0 to 255, got {}", code.value), "exit codes of processes are one byte".to_owned());
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            let at = value.as_ref().map(|v| v.at).unwrap_or_default();
            say(at, format!("env: `{name}` is no name of a variable"), "names hold no `=`".to_owned());
        }
    }
    all
}
