//! From flags to what a plan is made of, and from a refusal to its exit code.

use super::World;
use super::args;
use super::failure::Failure;
use crate::plan::{Inputs, Selection};
use crate::report::writer;
use crate::suite::{Given, Meaning, Refused};

/// What `plan::make` needs, from the flags that all commands share.
pub(super) fn inputs(args: &args::Inputs, world: &World) -> Result<Inputs, Failure> {
    let pairs = |flag: &str, given: &[String]| {
        given
            .iter()
            .map(|pair| {
                let (name, value) = pair.split_once('=').ok_or_else(|| {
                    // The value of a secret is not repeated, however it was mistyped.
                    let shown = if flag == "--secret" { "…" } else { pair.as_str() };
                    Failure::NeverStarted(format!("{flag} {shown}: expected NAME=VALUE, got no `=`"))
                })?;
                Ok((name.to_owned(), value.to_owned()))
            })
            .collect::<Result<Vec<_>, Failure>>()
    };
    let shard = args.select.shard.as_deref().map(str::parse).transpose();
    Ok(Inputs {
        paths: args.paths.clone(),
        environment: args.env.clone(),
        given: Given {
            vars: pairs("--var", &args.vars)?,
            secrets: pairs("--secret", &args.secrets)?,
            var_files: args.var_files.clone(),
            process: world.vars.clone(),
            samples: args.samples.clone(),
            running: None,
            listing: false,
        },
        selection: Selection {
            tags: args.select.tag.clone(),
            skip_tags: args.select.skip_tag.clone(),
            filters: args.select.filter.clone(),
            exactly: None,
            shard: shard.map_err(|e| Failure::NeverStarted(format!("--shard: {e}")))?,
        },
        ..Inputs::default()
    })
}

/// What a refused plan means for the exit code; its text tells every reason.
pub(super) fn refused(refused: &Refused) -> Failure {
    let text = refused.to_string();
    match refused.meaning {
        Meaning::Usage => Failure::NeverStarted(text),
        Meaning::NothingToRun => Failure::NothingToJudge(text),
    }
}

/// Makes the plan and lets the writer know its secrets before a word is said about it.
pub(super) fn plan(inputs: &Inputs) -> Result<crate::plan::Plan, Failure> {
    let plan = crate::plan::make(inputs).map_err(|e| refused(&e))?;
    writer::learn(plan.redactor.clone());
    Ok(plan)
}
