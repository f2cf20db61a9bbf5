//! Puts the values of variables into what starts the parts; what is known only once they run stays `${name}`.

use super::provision::{Part, Provision};
use super::values::{Variables, is_name};
use crate::model::Secret;
use crate::provision::{How, ReadyBy, names, put};
use crate::reader::{Problem, Value};

impl Provision {
    /// Puts the values of variables into arguments, variables and addresses. A part knows its own `${host}`, `${port}` and `${dir}`, the
    /// service also what its dependencies set.
    pub(crate) fn put_values(&mut self, values: &Variables, problems: &mut Vec<Problem>) {
        let sets: Vec<String> = self.sets().map(|(name, _)| name).collect();
        self.dependencies.iter_mut().for_each(|part| put_in(part, &[], values, problems));
        put_in(&mut self.service, &sets, values, problems);
    }
}

fn put_in(part: &mut Part, sets: &[String], values: &Variables, problems: &mut Vec<Problem>) {
    let own: &[&str] = if matches!(part.how, How::Process(_)) { &["host", "port", "dir"] } else { &[] };
    let later: Vec<&str> = own.iter().copied().chain(sets.iter().map(String::as_str)).collect();
    let mut filler = Filler { part: part.name.to_string(), later, values, wrong: Vec::new() };
    match &mut part.how {
        How::Embedded { args, .. } => args.iter_mut().for_each(|arg| filler.plain(arg)),
        How::Process(process) => {
            process.run.iter_mut().chain(process.prepare.iter_mut().flatten()).for_each(|word| filler.plain(word));
            for (_, value) in &mut process.env {
                *value = Secret::new(filler.filled(value.expose(), true));
            }
            if let Some(cwd) = &mut process.cwd
                && let Some(text) = cwd.to_str()
            {
                *cwd = filler.filled(text, false).into();
            }
            match &mut process.ready {
                ReadyBy::Tcp(text) | ReadyBy::Get(text) | ReadyBy::Line(text) => filler.plain(text),
            }
        }
    }
    for (what, help) in filler.wrong {
        problems.push(Problem::new(part.origin.clone(), what).with_path("provision").with_help(help));
    }
}

struct Filler<'a> {
    part: String,
    /// Names that are known once the parts run.
    later: Vec<&'a str>,
    values: &'a Variables,
    /// What is wrong, and the way out.
    wrong: Vec<(String, String)>,
}

impl Filler<'_> {
    fn plain(&mut self, text: &mut String) {
        *text = self.filled(text, false);
    }

    fn filled(&mut self, text: &str, may_be_secret: bool) -> String {
        let mut known: Vec<(&str, String)> = Vec::new();
        for name in names(text).into_iter().filter(|name| is_name(name) && !self.later.contains(name)) {
            let what = match self.values.value(name) {
                Some(Value::Plain(value, _)) => {
                    known.push((name, value));
                    continue;
                }
                Some(Value::Secret(secret)) if may_be_secret => {
                    known.push((name, secret.expose().to_owned()));
                    continue;
                }
                Some(Value::Secret(_)) => "is a secret, and arguments of programs can be seen by everyone".to_owned(),
                Some(Value::Deferred) => format!("is set by another dependency, which may start after `{}`", self.part),
                Some(Value::Refused { what, help }) => {
                    self.wrong.push((what, help));
                    continue;
                }
                Some(Value::Unknown { .. } | Value::Empty) | None => "is neither a variable nor set by a dependency".to_owned(),
            };
            let later = self.later.iter().map(|name| format!("`${{{name}}}`")).collect::<Vec<_>>().join(", ");
            let help = match later.is_empty() {
                true => String::from("give it by `--var`"),
                false => format!("known here are {later}; give others by `--var`"),
            };
            self.wrong.push((format!("`${{{name}}}` {what}"), help));
        }
        let known: Vec<(&str, &str)> = known.iter().map(|(name, value)| (*name, value.as_str())).collect();
        put(text, &known)
    }
}
