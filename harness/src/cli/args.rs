//! The command line: commands, flags, and the environment variables that stand in for flags.

use crate::model::Size;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

const OVERVIEW: &str = "\
Without a command, `run` is meant. `allclear COMMAND --help` tells its options.

Exit codes: 0 clear · 1 a contract is broken · 2 never started
            3 the harness failed · 4 could not tell · 5 nothing judged
            130/143 interrupted; `allclear explain exit-codes` tells more";

const RUN_EXAMPLES: &str = "\
Examples:
  allclear run                              all of ./suites, here: `local`
  allclear run suites/api.suite.yaml -e stage
  allclear run --tag smoke --deadline 2m --report junit=junit.xml
  allclear run --dry-run                    what would be done; sends nothing";

const WAIT_EXAMPLES: &str = "\
Examples:
  allclear wait http://localhost:8080/ready --timeout 2m
  allclear wait tcp://db:5432 https://auth.example.org/health -- ./start.sh
  allclear wait http://localhost:8080/ready --gone --timeout 30s

Exit codes: that of CMD, 0 without one · 1 time is up · 2 usage
            126/127 CMD cannot be started · 130/143 interrupted";

const INIT_EXAMPLES: &str = "\
Examples:
  allclear init http://localhost:8080
  allclear init https://shop.stage.example.org --name stage --ready /internal/ready
  allclear init http://localhost:8080 --find-size-limit 'POST /api/v1/uploads' --upload-limit 1GiB
  allclear init http://localhost:8080 -H 'authorization: Bearer ${api_token}' --secret api_token=…

It sends GETs, to some fifteen usual paths. Only --find-size-limit sends more:
bodies that grow until one is refused; the service keeps what it takes.

Exit codes: 0 the files are written · 2 nothing is written: usage, a file that is there, no answer
            3 this machine, a folder that cannot be written · 129/130/143 interrupted";

const REPORT_EXAMPLES: &str = "\
Examples:
  allclear report run.json --report markdown=summary.md
  allclear report 1.json 2.json 3.json --report junit=junit.xml   (shards)
  allclear report events.jsonl              what a killed run had seen";

/// Holds a running service to its suites and proves, clause by clause, whether the contract is kept.
#[derive(Debug, Parser)]
#[command(
    name = "allclear",
    version,
    max_term_width = 110,
    override_usage = "allclear [COMMAND]",
    after_help = OVERVIEW
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run suites against a service and tell the verdict (the default)
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<Run>),
    /// Read suites and environment and tell every mistake; sends nothing
    Lint(Lint),
    /// List the checks that a run would make; sends nothing
    List(List),
    /// Show the resolved suites, secrets masked, with every clause that will be judged; sends nothing
    Render(Inputs),
    /// Explain a clause, a kind or the exit codes
    Explain(Explain),
    /// Wait until URLs answer (or, with --gone, until they no longer do), then run a command
    #[command(after_help = WAIT_EXAMPLES)]
    Wait(Wait),
    /// Look at a running service and write a first suite for it: what was seen, and what is left to decide
    #[command(after_help = INIT_EXAMPLES)]
    Init(Box<Init>),
    /// Print a JSON Schema: of a suite, an environment or a record
    Schema(Schema),
    /// Make reports from records of runs; several records are merged as shards
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Report),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Run the reference service by itself (see `allclear serve-reference --help`)
    #[cfg(feature = "reference")]
    #[command(disable_help_flag = true)]
    ServeReference {
        /// Its own arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

/// What is read: suites, environment, values.
#[derive(Args, Clone, Debug)]
pub(crate) struct Inputs {
    /// Suite files, or folders that hold NAME.suite.yaml files [default: ./suites]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Environment: NAME of environments/NAME.env.yaml, or a path [default: local, if it exists]
    #[arg(short, long, env = "ALLCLEAR_ENV", hide_env_values = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Give a variable its value; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) vars: Vec<String>,
    /// Read variables from a file of NAME=VALUE lines or a YAML map; repeatable
    #[arg(long = "var-file", value_name = "FILE")]
    pub(crate) var_files: Vec<PathBuf>,
    /// Give a secret its value; repeatable. Prefer the environment's `secrets`: a command line can be read by others
    #[arg(long = "secret", value_name = "NAME=VALUE")]
    pub(crate) secrets: Vec<String>,
    /// Where sample files are looked for, beside the suite and ./media-samples
    #[arg(long, value_name = "DIR")]
    pub(crate) samples: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) select: Select,
}

/// Which checks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Select {
    /// Only checks with one of these tags (and what they need); repeatable
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// No checks with one of these tags; repeatable
    #[arg(long, value_name = "TAG")]
    pub(crate) skip_tag: Vec<String>,
    /// Only checks whose `suite: name` contains this (and what they need); repeatable: any of them
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Vec<String>,
    /// Only this part of the checks; what needs each other stays together
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
}

/// The heading of the flags that say how checks run.
const RUNNING: &str = "Running";

#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// Most checks at once [default: 4 x cores, at least 8]
    #[arg(short, long, help_heading = RUNNING, env = "ALLCLEAR_JOBS", hide_env_values = true, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Start no more checks after the first that fails
    #[arg(long, help_heading = RUNNING)]
    pub(crate) fail_fast: bool,
    /// Deadline of the whole run, for example 5m; what is not reached is inconclusive
    #[arg(long, help_heading = RUNNING, env = "ALLCLEAR_DEADLINE", hide_env_values = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// What is not permitted here makes the run inconclusive (exit 4) in place of being skipped
    #[arg(long, help_heading = RUNNING)]
    pub(crate) deny_skips: bool,
    /// Show the plan; send nothing
    #[arg(long, help_heading = RUNNING)]
    pub(crate) dry_run: bool,
    /// Where junit.xml, run.json and events.jsonl go [default: target/allclear in a cargo workspace, else nowhere]
    #[arg(long, help_heading = "Reports", env = "ALLCLEAR_OUT", hide_env_values = true, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reports: Reports,
    #[command(flatten)]
    pub(crate) show: Show,
    /// Further arguments for the embedded reference service, for example --service-arg=--defect=ready-flaps
    #[arg(long, help_heading = RUNNING, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) service_arg: Vec<String>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reports")]
pub(crate) struct Reports {
    /// Write a report: junit, json, jsonl, tap, github or markdown; `-` is standard output; repeatable
    #[arg(long = "report", value_name = "FORMAT=PATH")]
    pub(crate) report: Vec<String>,
    /// The same as --report junit=PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) report_junit: Option<PathBuf>,
    /// `reader` says all that readers use; `strict` keeps to the published schemas
    #[arg(long, value_name = "PROFILE", default_value = "reader")]
    pub(crate) junit_profile: JunitProfile,
    /// Sync report files to disk before the run ends
    #[arg(long)]
    pub(crate) durable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JunitProfile {
    Reader,
    Strict,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Screen")]
pub(crate) struct Show {
    /// Only what did not pass, and the last line
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Every clause with its evidence, and what was not judged
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Colour
    #[arg(long, env = "ALLCLEAR_COLOR", hide_env_values = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Explain {
    /// A clause (health/fast), a kind (health), exit-codes, or nothing for the list of all
    pub(crate) what: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Wait {
    /// http://, https:// or tcp://HOST:PORT; several: all of them
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Give up after this long
    #[arg(short, long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Time between two looks
    #[arg(short, long, value_name = "DURATION", default_value = "50ms", value_parser = duration)]
    pub(crate) interval: Duration,
    /// Longest time for one look, so that a server that hangs is looked at again
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) look: Duration,
    /// Wait until all of them are gone: refused, unreachable, or no longer a status that counts
    #[arg(long, visible_alias = "invert")]
    pub(crate) gone: bool,
    /// Statuses that count: 200, 2xx, or a list such as 200,204,3xx
    #[arg(long, value_name = "STATUS", default_value = "2xx")]
    pub(crate) status: String,
    /// The body must contain this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// A header to send; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// So many good looks in a row
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) successes: std::num::NonZeroU32,
    /// Any certificate will do
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Say nothing but the last word on failure
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say every change as it is seen
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Run this when the wait is over; its exit code is ours
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Init {
    /// Base URL of the service: http://HOST[:PORT][/PATH] or https://…
    pub(crate) url: String,
    /// Folder of suites that is written to
    #[arg(short, long, value_name = "DIR", default_value = "./suites")]
    pub(crate) out: PathBuf,
    /// Name of the suite and of its environment [default: the first word of the host, `service` for an address]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Path that says the process is up [default: the usual ones are tried]
    #[arg(long, value_name = "PATH")]
    pub(crate) health: Option<String>,
    /// Path that says it may be sent traffic [default: the usual ones are tried]
    #[arg(long, value_name = "PATH")]
    pub(crate) ready: Option<String>,
    /// A header for all but health and readiness, which are asked without; a `${name}` in it is a secret; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The value of a secret, which is not written down [default: the environment variable of that name in capitals]; repeatable
    #[arg(long = "secret", value_name = "NAME=VALUE")]
    pub(crate) secrets: Vec<String>,
    /// Any certificate will do
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Longest time for all looks together
    #[arg(short, long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Measure the largest body that is taken there, and write a check of it. POST, PUT or PATCH and a path; then, if need be,
    /// field=NAME (the part of a form that is sized), refused=STATUS, type=MEDIA-TYPE; repeatable
    #[arg(long, help_heading = MEASURING, value_name = "METHOD PATH")]
    pub(crate) find_size_limit: Vec<String>,
    /// Most bytes that are sent for it, in all; also the `limits` of the environment
    #[arg(long, help_heading = MEASURING, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(crate) upload_limit: Size,
}

/// The heading of the flags of `init` that send more than GETs.
const MEASURING: &str = "Measuring";

#[derive(Args, Clone, Debug)]
pub(crate) struct Schema {
    /// Which schema
    #[arg(default_value = "suite")]
    pub(crate) what: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    Suite,
    Environment,
    Record,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Report {
    /// Records (run.json) or event streams (events.jsonl); several are merged
    #[arg(required = true, value_name = "RECORD")]
    pub(crate) records: Vec<PathBuf>,
    /// How many shards there must be; a missing one makes the exit code 4 [default: as many as several records say]
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<u32>,
    #[command(flatten)]
    pub(crate) reports: Reports,
    #[command(flatten)]
    pub(crate) show: Show,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::reader::parse_duration(text).map_err(|e| e.to_string())
}

fn size(text: &str) -> Result<Size, String> {
    crate::reader::parse_size(text).map_err(|e| e.to_string())
}
