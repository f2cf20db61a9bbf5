//! A target: where relative URLs of checks belong, and how it is reached.

use super::find;
use crate::kind::Target;
use crate::model::{Origin, Source};
use crate::reader::{Complaint, Node, Problem, Resolver, Sp, expand, read};
use crate::transport::{CaBundle, Endpoint, Resolve, Speak};
use crate::words::{Base, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use url::Url;

/// The address of a target that gets its own when it is started (RFC 6761 §6.4: nothing ever answers there).
pub(crate) const NOT_YET: &str = "http://not-started.invalid/";

/// One target as it was written: values are put in when a selected check uses it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: Arc<str>,
    pub(crate) source: Arc<Source>,
    pub(crate) key: Node,
    pub(crate) node: Node,
    /// The folder of the file: `ca` is relative to it.
    pub(crate) folder: PathBuf,
}

/// Where a target is and how it is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TargetKeys {
    /// Base URL: `https://stage.example.org`. A path in it is kept before the paths of requests.
    #[serde(default)]
    url: Option<Sp<String>>,
    /// Headers that go to this target's own origin only, and never with `health` and `ready` probes.
    #[serde(default)]
    headers: BTreeMap<String, Sp<Text>>,
    /// Take any certificate. Printed in every report. Default: false.
    #[serde(default)]
    insecure: Option<Sp<bool>>,
    /// PEM file of the authorities to trust instead of the machine's own, relative to this file.
    #[serde(default)]
    ca: Option<Sp<String>>,
    /// Addresses in place of names: `{ "stage.example.org": 10.0.0.7 }`.
    #[serde(default)]
    resolve: BTreeMap<String, Sp<String>>,
    /// HTTP proxy: `http://proxy.example.org:3128`. The variables of the environment are never looked at.
    #[serde(default)]
    proxy: Option<Sp<String>>,
    /// Protocol version. Default: 1.1.
    #[serde(default)]
    http: Option<Sp<Version>>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
enum Version {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

/// The targets of a `targets` map, in order.
pub(crate) fn drafts(map: &Node, source: &Arc<Source>, folder: &Path) -> (Vec<Draft>, Vec<Problem>) {
    let Some(entries) = map.entries() else {
        let origin = Origin { source: Arc::clone(source), at: map.at };
        let problem = Problem::new(origin, "expected targets by name").with_path("targets");
        return (Vec::new(), vec![problem.with_help("write `targets: { api: { url: \"https://stage.example.org\" } }`")]);
    };
    let draft = |(key, node): &(Node, Node)| Draft {
        name: key.text().unwrap_or_default().into(),
        source: Arc::clone(source),
        key: key.clone(),
        node: node.clone(),
        folder: folder.to_owned(),
    };
    (entries.iter().map(draft).collect(), Vec::new())
}

impl Draft {
    pub(crate) fn origin(&self) -> Origin {
        Origin { source: Arc::clone(&self.source), at: self.key.at }
    }

    /// The target with its values. `is_started`: this run starts it, so its URL is not known yet and cannot be given.
    pub(crate) fn finish(&self, values: &dyn Resolver, is_started: bool) -> Result<Target, Vec<Problem>> {
        let base = format!("targets.{}", self.name);
        let mut node = self.node.clone();
        let mut problems = expand(&self.source, &mut node, &base, values);
        let keys = match read::<TargetKeys>(&self.source, &node, &base) {
            Ok(keys) if problems.is_empty() => keys,
            Ok(_) => return Err(problems),
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        let mut told = |at: crate::model::At, key: &str, what: String, help: &str| {
            let origin = Origin { source: Arc::clone(&self.source), at };
            let problem = Problem::new(origin, what).with_path(format!("{base}.{key}"));
            problems.push(if help.is_empty() { problem } else { problem.with_help(help) });
        };
        let url = match (&keys.url, is_started) {
            (Some(url), true) => {
                told(url.at, "url", "this run starts the target, so its URL cannot be given".to_owned(), "take the key out");
                None
            }
            (None, true) => Url::parse(NOT_YET).ok(),
            (None, false) => {
                told(self.key.at, "url", "the target has no URL".to_owned(), "write `url: \"https://stage.example.org\"`");
                None
            }
            (Some(url), false) => match base_url(url) {
                Ok(url) => Some(url),
                Err(what) => {
                    told(url.at, "url", what, "write it with scheme and host: `https://stage.example.org`");
                    None
                }
            },
        };
        let proxy = keys.proxy.as_ref().and_then(|proxy| match Url::parse(proxy) {
            Ok(url) if url.scheme() == "http" && url.has_host() => Some(url),
            _ => {
                told(proxy.at, "proxy", "expected the URL of an HTTP proxy".to_owned(), "write `http://proxy.example.org:3128`");
                None
            }
        });
        let ca = keys.ca.as_ref().and_then(|ca| match find::bytes(&self.folder.join(ca.value.as_str())) {
            Ok(pem) => Some(CaBundle::from_pem(&pem)),
            Err(why) => {
                told(ca.at, "ca", format!("cannot be read: {}", why.to_string().trim_end()), "");
                None
            }
        });
        let mut resolve = Vec::new();
        for (name, address) in &keys.resolve {
            let (host, port) = match name.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().ok()),
                None => (name.as_str(), url.as_ref().and_then(Url::port_or_known_default)),
            };
            match (address.parse::<IpAddr>(), port) {
                (Ok(ip), Some(port)) => resolve.push(Resolve { host: host.to_ascii_lowercase(), port, ip }),
                _ => told(
                    address.at,
                    "resolve",
                    format!("`{name}: {}` is no host and address", address.value),
                    "write `stage.example.org: 10.0.0.7`, or with a port `\"stage.example.org:8443\": 10.0.0.7`",
                ),
            }
        }
        match url {
            Some(url) if problems.is_empty() => {
                let version = match keys.http.map(|v| v.value) {
                    Some(Version::Http2) => Speak::Http2,
                    Some(Version::Http11) | None => Speak::Http11,
                };
                let endpoint = Endpoint {
                    insecure: keys.insecure.is_some_and(|i| i.value),
                    ca,
                    resolve,
                    proxy,
                    version,
                    ..Endpoint::new(url.clone())
                };
                let headers = keys.headers.into_iter().map(|(name, value)| (name, value.value)).collect();
                Ok(Target { name: Arc::clone(&self.name), base: Base { url, headers }, endpoint })
            }
            _ => Err(problems),
        }
    }
}

/// A URL that can be the base of others.
fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("`{text}` is no URL: {e}"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_none() && url.fragment().is_none() => Ok(url),
        "http" | "https" => Err("a base URL has neither query nor fragment".to_owned()),
        scheme => Err(format!("`{scheme}` is no scheme for a target; `http` and `https` are")),
    }
}

/// A target that stands for itself, where a check names only absolute URLs or this run starts the target.
pub(crate) fn bare(name: &str, url: &str) -> Result<Target, Complaint> {
    let url = base_url(url).map_err(Complaint::new)?;
    Ok(Target { name: name.into(), base: Base { url: url.clone(), headers: Vec::new() }, endpoint: Endpoint::new(url) })
}
