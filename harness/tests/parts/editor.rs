//! The published schema in a real YAML language server: completion of kinds and keys, diagnostics on a misspelt key.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) fn an_editor_completes_kinds_and_tells_a_misspelt_key(server: &Path) -> Result<(), String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites/suite.schema.json").canonicalize().map_err(|e| e.to_string())?;
    let head = format!("# yaml-language-server: $schema=file://{}\n", schema.display());
    let mut editor = Editor::start(server)?;

    let good = "suite: s\nchecks:\n  - name: a\n    gate: true\n    health: { get: /health, within: 200ms }\n";
    let none = editor.diagnostics("good.yaml", &format!("{head}{good}"))?;
    if !none.is_empty() {
        return Err(format!("a good suite is complained about: {none:?}"));
    }

    let misspelt = "suite: s\nchecks:\n  - name: a\n    health: { get: /health, wihtin: 200ms }\n";
    let told = editor.diagnostics("misspelt.yaml", &format!("{head}{misspelt}"))?;
    if !told.iter().any(|d| d.contains("wihtin")) {
        return Err(format!("a misspelt key is not told: {told:?}"));
    }

    let two = "suite: s\nchecks:\n  - name: a\n    health: { get: /health }\n    ready: { get: /ready }\n";
    if editor.diagnostics("two.yaml", &format!("{head}{two}"))?.is_empty() {
        return Err("two kinds on one check are not told".to_owned());
    }

    let kinds = editor.completions("kinds.yaml", &format!("{head}suite: s\nchecks:\n  - name: a\n    "), 4, 4)?;
    for wanted in ["http", "health", "ready", "needs", "timeout"] {
        if !kinds.iter().any(|k| k == wanted) {
            return Err(format!("`{wanted}` is not offered in a check: {kinds:?}"));
        }
    }
    let keys =
        editor.completions("keys.yaml", &format!("{head}suite: s\nchecks:\n  - name: a\n    health:\n      get: /health\n      "), 6, 6)?;
    for wanted in ["within", "expect"] {
        if !keys.iter().any(|k| k == wanted) {
            return Err(format!("`{wanted}` is not offered in health: {keys:?}"));
        }
    }
    Ok(())
}

/// A language server and a conversation with it.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
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
        let mut editor = Self { child, to, from, id: 0 };
        let capabilities =
            json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": false } }, "publishDiagnostics": {} } });
        editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }))?;
        editor.tell("initialized", json!({}))?;
        let settings = json!({ "settings": { "yaml": { "schemaStore": { "enable": false }, "validate": true, "completion": true } } });
        editor.tell("workspace/didChangeConfiguration", settings)?;
        Ok(editor)
    }

    fn open(&mut self, name: &str, text: &str) -> Result<String, String> {
        let uri = format!("file:///{name}");
        self.tell("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "yaml", "version": 1, "text": text } }))?;
        Ok(uri)
    }

    /// Opens a document and waits for what the server says of it.
    fn diagnostics(&mut self, name: &str, text: &str) -> Result<Vec<String>, String> {
        let uri = self.open(name, text)?;
        loop {
            let message = self.next()?;
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str() {
                let list = message["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
                return Ok(list.iter().map(|d| d["message"].to_string()).collect());
            }
        }
    }

    fn completions(&mut self, name: &str, text: &str, line: u32, character: u32) -> Result<Vec<String>, String> {
        let uri = self.open(name, text)?;
        let place = json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
        let answer = self.ask("textDocument/completion", place)?;
        let items = answer.get("items").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
        Ok(items.iter().filter_map(|i| i["label"].as_str().map(str::to_owned)).collect())
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
