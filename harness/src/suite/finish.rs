//! Puts values into a selected check, types it, and holds it against itself: captures, durations, promises.

use super::check::{Check, Eventually, Planning};
use super::declare;
use super::draft::Draft;
use super::file::SuiteFile;
use super::folder::Folder;
use super::keys::Late;
use super::kind_key::KindKey;
use super::values::{Variables, empty};
use crate::checks::Kind;
use crate::kind::{CheckKind, Demands, Visit};
use crate::model::quantity::write_duration;
use crate::model::{At, Impact, Origin, Source};
use crate::reader::{Kind as NodeKind, Node, Problem, Resolver, Value, expand, nearest, read};
use crate::words::{Files, Part, with_files};
use serde::de;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fmt,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// What a check gets beside its own draft.
pub(crate) struct Surroundings<'a> {
    pub(crate) file: &'a SuiteFile,
    pub(crate) variables: &'a Variables,
    /// Where samples and schemas are found.
    pub(crate) folder: &'a Rc<Folder>,
    /// Captures of the checks that it needs, near and far, with the check that gives each.
    pub(crate) captures: &'a [(String, Arc<str>)],
    /// The target where the check names none.
    pub(crate) first_target: Option<Arc<str>>,
    /// Whether the expanded nodes are kept, to be shown.
    pub(crate) keep: bool,
}

/// The values of one check, strongest first; whoever gives a name gives it alone.
struct Names<'a> {
    around: &'a Surroundings<'a>,
    draft: &'a Draft,
    /// Own captures that were used in the spec.
    own: RefCell<BTreeSet<String>>,
    /// Whether the spec of the kind is read, where its own names are known.
    in_spec: Cell<bool>,
}

impl Resolver for Names<'_> {
    fn value(&self, name: &str) -> Value {
        if let Some(value) = self.draft.set.as_ref().and_then(|set| set.get(name)) {
            return Value::Plain(value.clone(), "for-each".to_owned());
        }
        if self.around.captures.iter().any(|(capture, _)| capture == name) {
            return Value::Deferred;
        }
        if self.draft.gives.iter().any(|(capture, _)| capture == name) {
            self.own.borrow_mut().insert(name.to_owned());
            return Value::Deferred;
        }
        if super::kind_key::locals(self.draft.kind.name).contains(&name) {
            if !self.in_spec.get() {
                return Value::Refused {
                    what: format!("`${{{name}}}` is known only inside `{}`", self.draft.kind.name),
                    help: "use it there: each thing that is made has its own".to_owned(),
                };
            }
            let variable = self.around.variables.giver(name).or(self.around.file.vars.get(name).map(|(_, origin)| origin.to_string()));
            return match variable {
                None => Value::Deferred,
                Some(from) => Value::Refused {
                    what: format!("`${{{name}}}` is given by `{}` itself, and is a variable ({from})", self.draft.kind.name),
                    help: "give the variable another name".to_owned(),
                },
            };
        }
        if let Some(value) = self.around.variables.value(name) {
            return value;
        }
        if let Some((value, origin)) = self.around.file.vars.get(name) {
            return if value.is_empty() { empty(name, &origin.to_string()) } else { Value::Plain(value.clone(), origin.to_string()) };
        }
        let file = self.around.file;
        if let Some(giver) = file.drafts.iter().find(|d| d.gives.iter().any(|(capture, _)| capture == name)) {
            return Value::Refused {
                what: format!("`${{{name}}}` is captured by the check `{}`, which this one does not need", giver.id.name),
                help: format!("add `needs: {}`", quoted(&giver.id.name)),
            };
        }
        let set = self.draft.set.iter().flat_map(|set| set.keys());
        let captures = self.around.captures.iter().map(|(name, _)| name).chain(self.draft.gives.iter().map(|(name, _)| name));
        let known = set.chain(captures).chain(file.vars.keys()).map(String::as_str).chain(self.around.variables.names());
        Value::Unknown { did_you_mean: nearest(name, known).map(str::to_owned) }
    }
}

/// A name as it stands in YAML.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'));
    if plain { name.to_owned() } else { format!("{name:?}") }
}

/// A kind with its spec, read from a map with one entry.
struct Spec(Kind);

impl<'de> de::Deserialize<'de> for Spec {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct OneEntry;
        struct Named<'n>(&'n str);
        impl<'de> de::DeserializeSeed<'de> for Named<'_> {
            type Value = Kind;
            fn deserialize<D: de::Deserializer<'de>>(self, d: D) -> Result<Kind, D::Error> {
                Kind::read(self.0, d)
            }
        }
        impl<'de> de::Visitor<'de> for OneEntry {
            type Value = Spec;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind with its spec")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Spec, A::Error> {
                let name: String = map.next_key()?.ok_or_else(|| de::Error::custom("a kind is needed"))?;
                Ok(Spec(map.next_value_seed(Named(&name))?))
            }
        }
        d.deserialize_map(OneEntry)
    }
}

struct DemandsOf;

impl<'a> Visit<'a> for DemandsOf {
    type Out = Demands;
    fn visit<K: CheckKind>(self, kind: &'a K) -> Demands {
        kind.demands()
    }
}

/// The typed check. What it needs that is not there is told, all at once.
pub(crate) fn finish(mut draft: Draft, around: &Surroundings<'_>) -> Result<Check, Vec<Problem>> {
    let source = &around.file.source;
    let origin = |at: At| Origin { source: Arc::clone(source), at };
    let mut problems = Vec::new();
    clashes(&draft, around, &mut problems);

    let (id, at, via) = (draft.late.id, draft.late.at, draft.late.via.clone());
    let kind_name = draft.kind.name;
    let (key, value) = (draft.kind.key.clone(), hollow(&mut draft.kind.value));
    let mut spec = Node { id, at, via, kind: NodeKind::Map(vec![(key, value)]), is_unset: false };
    let mut late_node = hollow(&mut draft.late);
    let names = Names { around, draft: &draft, own: RefCell::default(), in_spec: Cell::new(true) };
    problems.extend(expand(source, &mut spec, "", &names));
    let used_in_spec = names.own.take();
    names.in_spec.set(false);

    problems.extend(expand(source, &mut late_node, "", &names));

    let files: Rc<dyn Files> = Rc::clone(around.folder) as _;
    let defaults = &around.file.defaults;
    let (kind, late) = with_files(files, || {
        let of_kind = |spec: &mut Node, more: &mut [Problem]| match &mut spec.kind {
            NodeKind::Map(entries) => entries.iter_mut().any(|(_, keys)| defaults.take_out(keys, more)),
            _ => false,
        };
        let kind = typed::<Spec>(source, &mut spec, of_kind, &mut problems);
        (kind, typed::<Late>(source, &mut late_node, |keys, more| defaults.take_out(keys, more), &mut problems))
    });
    let (Some(Spec(kind)), Some(late)) = (kind, late) else { return Err(problems) };
    let NodeKind::Map(mut entries) = spec.kind else { return Err(problems) };
    let Some((key, value)) = entries.pop() else { return Err(problems) };
    let written = KindKey { name: kind_name, key, value };

    let demands = kind.with(DemandsOf);
    for mistake in &demands.mistakes {
        let problem = Problem::new(origin(mistake.at), mistake.what.clone()).with_help(mistake.help.clone());
        // Kinds may name the key themselves.
        let names_itself = mistake.what.strip_prefix(kind_name).is_some_and(|rest| rest.starts_with(['.', ':']));
        problems.push(if names_itself { problem } else { problem.with_path(kind_name) });
    }
    for promise in late.promises.iter() {
        if let Some((clause, why)) = demands.pointless.iter().find(|(clause, _)| clause.0 == promise.value) {
            let problem = Problem::new(origin(promise.at), format!("`{clause}` has nothing to judge here: {why}"));
            problems.push(problem.with_path("promises").with_help("take it out of `promises`"));
        }
    }
    if demands.single_shot
        && let Some(name) = used_in_spec.first()
    {
        let at = demands.uses.iter().find(|(used, _)| used == name).map_or(written.key.at, |(_, at)| *at);
        let what = format!("`${{{name}}}` is known only after this check's own request was answered");
        problems
            .push(Problem::new(origin(at), what).with_path(kind_name).with_help("use it in `cleanup`, or in a check that needs this one"));
    }
    polling(&late, &demands, kind_name, &origin, &mut problems);
    let longest = longest(&late, &demands);
    if let Some(timeout) = late.timeout.as_ref().filter(|t| t.value.0 < longest) {
        let what = format!("{} is shorter than the {} that this check declares", write_duration(timeout.value.0), write_duration(longest));
        let help = format!("write at least `timeout: {}`, or leave it out", write_duration(longest + MARGIN));
        problems.push(Problem::new(origin(timeout.at), what).with_path("timeout").with_help(help));
    }
    let gate = late.gate.as_ref().is_some_and(|g| g.value);
    let severity = late.severity.as_ref().map(|s| s.value).unwrap_or_default();
    if let (true, Some(at), crate::model::Severity::Advisory) = (gate, late.severity.as_ref().map(|s| s.at), severity) {
        let problem = Problem::new(origin(at), "a gate cannot be advisory: everything on its target waits for it");
        problems.push(problem.with_path("severity").with_help("take out `gate` or `severity`"));
    }
    let clauses = declare::declared(source, &kind, &written, &late.promises, &mut problems);
    let target = match late.target.as_ref().map(|t| Arc::<str>::from(t.value.as_str())).or_else(|| around.first_target.clone()) {
        Some(target) => target,
        None => {
            let what = "there is no target, so relative URLs lead nowhere";
            let help = "give `targets: { api: { url: \"https://stage.example.org\" } }` in the environment or in the suite";
            problems.push(Problem::new(origin(written.key.at), what).with_help(help));
            "".into()
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let target_at = origin(late.target.as_ref().map_or(written.key.at, |t| t.at));
    Ok(Check {
        origin: origin(draft.at),
        clauses,
        target,
        gate,
        needs: draft.needs.iter().map(|(name, at)| (Arc::clone(name), origin(*at))).collect(),
        tags: draft.tags,
        timeout: late.timeout.map(|t| t.value.0),
        eventually: late.eventually.map(|e| e.value).map(|e| Eventually {
            within: e.within.0,
            every: e.every.map(|d| d.value.0),
            fails_on: e.fails_on,
        }),
        consistently: late.consistently.map(|c| c.value.0),
        impact: late.impact.map(|i| i.value),
        severity,
        cleanup: late.cleanup.into_iter().map(|c| c.value).collect(),
        about: late.about.map(Arc::from),
        runbook: late.runbook.map(Arc::from),
        planning: Planning {
            demands,
            longest,
            target_at: Some(target_at),
            resolved: around.keep.then(|| Box::new((written.key, written.value, late_node))),
        },
        id: draft.id,
        kind,
    })
}

/// Reads what is written. What is wrong is told; where only defaults are, the rest is read without them: what is wrong with the
/// check itself is told as well.
fn typed<T: de::DeserializeOwned>(
    source: &Arc<Source>,
    node: &mut Node,
    without_defaults: impl Fn(&mut Node, &mut [Problem]) -> bool,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    match read::<T>(source, node, "") {
        Ok(read) => Some(read),
        Err(mut more) => {
            let is_less = without_defaults(node, &mut more);
            problems.extend(more);
            is_less.then(|| read::<T>(source, node, "").ok()).flatten()
        }
    }
}

/// Takes the node out without copying what is below it.
fn hollow(node: &mut Node) -> Node {
    let empty = Node { id: node.id, at: node.at, via: None, kind: NodeKind::Seq(Vec::new()), is_unset: false };
    std::mem::replace(node, empty)
}

/// What is kept between the declared durations and the hard deadline: the last sample may begin just before its limit.
pub(crate) const MARGIN: Duration = Duration::from_secs(10);

fn longest(late: &Late, demands: &Demands) -> Duration {
    let polled = late.eventually.as_ref().map(|e| e.value.within.0).max(late.consistently.as_ref().map(|c| c.value.0));
    demands.longest + polled.unwrap_or_default()
}

fn polling(late: &Late, demands: &Demands, kind: &str, origin: &dyn Fn(At) -> Origin, problems: &mut Vec<Problem>) {
    let (eventually, consistently) = (late.eventually.as_ref().map(|e| e.at), late.consistently.as_ref().map(|c| c.at));
    if let (Some(first), Some(second)) = (eventually, consistently) {
        let problem = Problem::new(origin(second), "`eventually` and `consistently` on one check").with_path("consistently");
        problems.push(
            problem.with_note(origin(first), "`eventually` stands here").with_help("make it two checks; let the second need the first"),
        );
    }
    for (key, at) in [("eventually", eventually), ("consistently", consistently)] {
        if let Some(at) = at.filter(|_| !demands.single_shot) {
            let problem = Problem::new(origin(at), format!("a `{kind}` check has its own deadlines and is not polled")).with_path(key);
            problems.push(problem.with_help("only kinds that send one request take it: `http`"));
        } else if let Some(at) = at.filter(|_| demands.sent_once) {
            let problem = Problem::new(origin(at), "polling sends the request again and again, and this one is to be sent once");
            problems.push(
                problem.with_path(key).with_help(
                    "poll a GET in a check that needs this one, or say `repeatable: true` in the request if it may be sent again",
                ),
            );
        }
    }
    if let Some((eventually, fails_on)) = late.eventually.as_ref().and_then(|e| Some((e, e.value.fails_on.as_ref()?))) {
        let mut say = |at: At, what: &str, help: &str| {
            problems.push(Problem::new(origin(at), what).with_path("eventually.fails-on").with_help(help));
        };
        if fails_on.within().is_some() {
            let help = "take it out; put `within` into the check's own `expect`";
            say(fails_on.within_at(), "a state is told by what an answer says, not by its time", help);
        } else if fails_on.declared_status().is_none() && fails_on.counts().all(|(part, _)| part == Part::Status) {
            say(eventually.at, "it names no state, and any 2xx would end the check", "such as `fails-on: { json: { $.state: failed } }`");
        }
    }
    for (key, duration) in [
        ("eventually", late.eventually.as_ref().map(|e| e.value.within.0)),
        ("consistently", late.consistently.as_ref().map(|c| c.value.0)),
    ] {
        if let (Some(Duration::ZERO), Some(at)) = (duration, if key == "eventually" { eventually } else { consistently }) {
            problems.push(
                Problem::new(origin(at), "no time at all").with_path(key).with_help(format!("write how long, for example `{key}: 30s`")),
            );
        }
    }
}

/// A name belongs to one of for-each, capture and variable.
fn clashes(draft: &Draft, around: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let source = &around.file.source;
    let variable = |name: &str| {
        let suite = around.file.vars.get(name).map(|(_, origin)| origin.to_string());
        around.variables.giver(name).or(suite)
    };
    let mut told = |at: At, what: String| {
        problems.push(Problem::new(Origin { source: Arc::clone(source), at }, what).with_help("give one of them another name"));
    };
    for (name, at) in &draft.gives {
        if !super::values::is_name(name) {
            told(*at, format!("`{name}` is no name: {}", super::values::NAME_HELP));
        } else if let Some(from) = variable(name) {
            told(*at, format!("`{name}` is captured here and is a variable ({from})"));
        } else if draft.set.as_ref().is_some_and(|set| set.contains_key(name)) {
            told(*at, format!("`{name}` is captured here and is a `for-each` variable"));
        } else if let Some((_, other)) = around.captures.iter().find(|(capture, _)| capture == name) {
            told(*at, format!("`{name}` is captured here and by `{other}`, which this check needs"));
        }
    }
    for (i, (name, other)) in around.captures.iter().enumerate() {
        if let Some((_, first)) = around.captures[..i].iter().find(|(capture, check)| capture == name && check != other) {
            told(draft.at, format!("`{name}` is captured by `{first}` and by `{other}`, and this check needs both"));
        }
    }
    for name in draft.set.iter().flat_map(|set| set.keys()) {
        if let Some(from) = variable(name) {
            told(draft.at, format!("`{name}` is a `for-each` variable and a variable ({from})"));
        }
    }
}

/// The highest impact of the requests that clean up.
pub(crate) fn cleanup_impact(check: &Check) -> Impact {
    check.cleanup.iter().map(crate::words::Request::impact).max().unwrap_or_default()
}
