//! The published schema in a real YAML language server: completion of kinds and keys, diagnostics on a misspelt key.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A suite with one check, up to the lines under test.
const CHECK: &str = "suite: s\nchecks:\n  - name: a\n";
/// Where somebody types, in a text.
const HERE: char = '@';

/// What is typed, what must be offered there, and what must not.
const OFFERED: &[(&str, &str, &[&str], &[&str])] = &[
    ("the keys of a file", "@", &["suite", "about", "vars", "targets", "defaults", "expect-clauses", "checks"], &["null"]),
    ("the keys of an item", "suite: s\nchecks:\n  - @", &["name", "http", "health", "ready"], &[]),
    (
        "kinds and keys of a check",
        "{CHECK}    @",
        &["http", "health", "ready", "needs", "gate", "timeout", "for-each", "cleanup", "severity"],
        &["name", "get", "get:"],
    ),
    ("the same, half a word typed", "{CHECK}    hea@", &["health"], &[]),
    ("the keys of health", "{CHECK}    health:\n      get: /\n      @", &["within", "expect", "under-load", "growth"], &["real", "get"]),
    ("the keys of ready", "{CHECK}    ready:\n      get: /\n      @", &["within", "steady-for", "hard", "falls-within"], &["growth"]),
    ("the keys of http", "{CHECK}    http:\n      @", &["get", "post", "query", "json", "expect", "capture"], &["within"]),
    (
        "what can be expected",
        "{CHECK}    http:\n      get: /\n      expect:\n        @",
        &["status", "within", "headers", "json", "schema"],
        &[],
    ),
    (
        "matchers",
        "{CHECK}    http:\n      get: /\n      expect:\n        json:\n          $.a:\n            @",
        &["at-least", "one-of"],
        &[],
    ),
    ("what a capture can be", "{CHECK}    http:\n      get: /\n      capture:\n        id:\n          @", &["header", "secret"], &[]),
    ("words of a closed set", "{CHECK}    severity: @", &["required", "advisory"], &["null"]),
    ("yes and no", "{CHECK}    gate: @", &["true", "false"], &["null"]),
    (
        "what this kind can promise",
        "{CHECK}    health: { get: / }\n    promises:\n      - @",
        &["health/open", "health/no-leak"],
        &["health/fast", "ready/truthful"],
    ),
];

/// A mistake, and what an editor must say of it; nothing: it is none.
const TOLD: &[(&str, &str)] = &[
    ("{CHECK}    gate: true\n    health: { get: /health, within: 200ms }\n", ""),
    ("{CHECK}    gate: \"${is_gate}\"\n    health: { get: /health, within: \"${limit}\", samples: \"${samples}\" }\n", ""),
    ("{CHECK}    timeout: 0\n    http: { get: /, expect: { json: { $.a: null, $.b: { at-least: 1 } } } }\n", ""),
    ("{CHECK}    health: { get: /health, wihtin: 200ms }\n", "wihtin"),
    ("{CHECK}    helth: { get: /health }\n", "helth"),
    ("{CHECK}    about: nothing is asked\n", "exactly one kind: http, health, ready"),
    ("{CHECK}    health: { get: / }\n    ready: { get: / }\n", "rate-limit, time-limit, command; this one has `health` already"),
    ("{CHECK}    http: { get: /, expect: { within: 30 } }\n", "expected a duration such as"),
    ("{CHECK}    http: { get: /, expect: { status: \"200\" } }\n", "Expected"),
    ("{CHECK}    http: { get: /, expect: { json: { $.a: { at-lest: 1 } } } }\n", "at-lest"),
    ("{CHECK}    gate: yes please\n    http: { get: / }\n", "true or false"),
    ("{CHECK}    promises: [health/opne]\n    health: { get: / }\n", "health/open"),
    ("suite: s\nchekcs: []\n", "chekcs"),
    ("suite: s\nchecks: []\n", "1 or more"),
];

pub(crate) fn an_editor_completes_kinds_and_keys_where_they_are_typed(server: &Path) -> Result<(), String> {
    let mut editor = Editor::start(server)?;
    let mut wrong = Vec::new();
    for (what, text, wanted, unwanted) in OFFERED {
        let offered = editor.completions(text)?;
        let missing: Vec<_> = wanted.iter().filter(|w| !offered.iter().any(|o| o == *w)).collect();
        let stray: Vec<_> = unwanted.iter().filter(|w| offered.iter().any(|o| o == *w)).collect();
        if !missing.is_empty() || !stray.is_empty() {
            wrong.push(format!("{what}: missing {missing:?}, stray {stray:?}, offered {offered:?}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

pub(crate) fn an_editor_tells_a_mistake_at_its_place(server: &Path) -> Result<(), String> {
    let mut editor = Editor::start(server)?;
    let mut wrong = Vec::new();
    for (text, expected) in TOLD {
        let told = editor.diagnostics(text)?;
        if told.is_empty() != expected.is_empty()
            || !told.iter().all(|(line, _)| *line > 0)
            || !told.iter().any(|(_, t)| t.contains(expected)) && !expected.is_empty()
        {
            wrong.push(format!("{text:?}: expected {expected:?}, told {told:?}"));
        }
    }
    for file in ["api.suite.yaml", "health.suite.yaml", "ready.suite.yaml"] {
        let text = std::fs::read_to_string(suites().join(file)).map_err(|e| format!("{file}: {e}"))?;
        let told = editor.diagnostics(&text.replace(HERE, "at"))?;
        if !told.is_empty() {
            wrong.push(format!("{file} is complained about: {told:?}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

pub(crate) fn an_editor_describes_what_is_pointed_at(server: &Path) -> Result<(), String> {
    let mut editor = Editor::start(server)?;
    for (text, expected) in [
        ("{CHECK}    hea@lth: { get: / }\n", "health/fast: every fresh connection is answered within the limit"),
        ("{CHECK}    health: { get: /, wi@thin: 1s }\n", "Declares health/fast"),
        ("{CHECK}    ga@te: true\n", "Until it passes"),
        ("{CHECK}    http:\n      get: /\n      expect:\n        json: { $.a: { at-le@ast: 1 } }\n", "this or more"),
    ] {
        let told = editor.hover(text)?;
        if !told.contains(expected) {
            return Err(format!("{text:?}: expected {expected:?}, told {told:?}"));
        }
    }
    Ok(())
}

fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites")
}

/// A language server and a conversation with it.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
    /// The line that points an editor at the schema.
    head: String,
}

impl Editor {
    fn start(server: &Path) -> Result<Self, String> {
        let mut child = Command::new(server)
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let to = child.stdin.take().expect("piped above");
        let from = BufReader::new(child.stdout.take().expect("piped above"));
        let schema = suites().join("suite.schema.json").canonicalize().map_err(|e| e.to_string())?;
        let head = format!("# yaml-language-server: $schema=file://{}\n", schema.display());
        let mut editor = Self { child, to, from, id: 0, head };
        let capabilities =
            json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": false } }, "publishDiagnostics": {} } });
        editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }))?;
        editor.tell("initialized", json!({}))?;
        let settings =
            json!({ "settings": { "yaml": { "schemaStore": { "enable": false }, "validate": true, "completion": true, "hover": true } } });
        editor.tell("workspace/didChangeConfiguration", settings)?;
        Ok(editor)
    }

    /// Opens a document; gives its name and the place where somebody types, which is marked in the text.
    fn open(&mut self, text: &str) -> Result<(String, Value), String> {
        self.id += 1;
        let uri = format!("file:///{}.suite.yaml", self.id);
        let marked = format!("{}{}", self.head, text.replace("{CHECK}", CHECK));
        let before = marked.split(HERE).next().unwrap_or_default();
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap_or_default().len();
        let text = marked.replace(HERE, "");
        self.tell("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "yaml", "version": 1, "text": text } }))?;
        Ok((uri.clone(), json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })))
    }

    /// Opens a document and waits for what the server says of it: line and message.
    fn diagnostics(&mut self, text: &str) -> Result<Vec<(u64, String)>, String> {
        let (uri, _) = self.open(text)?;
        loop {
            let message = self.next()?;
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str() {
                let list = message["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
                let told = |d: &Value| Some((d["range"]["start"]["line"].as_u64()?, d["message"].as_str()?.to_owned()));
                return list.iter().map(|d| told(d).ok_or_else(|| format!("not understood: {d}"))).collect();
            }
        }
    }

    fn completions(&mut self, text: &str) -> Result<Vec<String>, String> {
        let (_, place) = self.open(text)?;
        let answer = self.ask("textDocument/completion", place)?;
        let items = answer.get("items").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
        Ok(items.iter().filter_map(|i| i["label"].as_str().map(str::to_owned)).collect())
    }

    fn hover(&mut self, text: &str) -> Result<String, String> {
        let (_, place) = self.open(text)?;
        Ok(self.ask("textDocument/hover", place)?["contents"].to_string())
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let message = self.next()?;
            if message["id"] == id && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    fn tell(&mut self, method: &str, params: Value) -> Result<(), String> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).and_then(|()| self.to.flush()).map_err(|e| e.to_string())
    }

    /// The next message of the server; its own questions are answered with null.
    fn next(&mut self) -> Result<Value, String> {
        let mut len = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).map_err(|e| e.to_string())? == 0 {
                return Err("the language server ended".to_owned());
            }
            if let Some(n) = line.strip_prefix("Content-Length:") {
                len = n.trim().parse().map_err(|_| format!("{line:?}"))?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; len];
        self.from.read_exact(&mut body).map_err(|e| e.to_string())?;
        let message: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
        if message.get("method").is_some() && message.get("id").is_some() {
            let nothing = if message["method"] == "workspace/configuration" { json!([null, null, null, null, null]) } else { Value::Null };
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": nothing }))?;
        }
        Ok(message)
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
