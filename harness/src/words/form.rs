//! Bodies of several fields: URL-encoded forms and multipart, as bytes.

use super::{
    files,
    text::{Encode, Text},
    values::{UnknownCapture, Values},
};
use crate::reader::{Complaint, Kind, Node};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Names and texts in order; a name may stand more than once.
pub(super) type Fields = Vec<(String, Text)>;

/// One part of a multipart body (RFC 7578).
#[derive(Clone, Debug)]
pub(super) struct Part {
    name: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Text(Text),
    File {
        /// The name that is sent.
        filename: Text,
        /// The media type that is sent.
        media_type: Text,
        bytes: Bytes,
    },
}

/// A body made of fields, and the same for people where it holds a secret.
pub(super) struct Made {
    pub(super) bytes: Bytes,
    pub(super) content_type: String,
    pub(super) shown: Option<String>,
}

/// Reads a map of texts; a list stands for several fields of that name.
pub(super) fn fields(node: &Node) -> Result<Fields, Complaint> {
    let entries = node.entries().ok_or_else(|| Complaint::expected("a map of names and texts").at(node))?;
    let mut fields = Vec::new();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        match value.items() {
            Some(items) => {
                for item in items {
                    fields.push((name.to_owned(), Text::of(item)?));
                }
            }
            None => fields.push((name.to_owned(), Text::of(value)?)),
        }
    }
    Ok(fields)
}

/// The fields percent-encoded: for the wire, and for people.
pub(super) fn encode(fields: &Fields, values: &Values) -> Result<(String, String), UnknownCapture> {
    let (mut wire, mut shown) = (String::new(), String::new());
    for (i, (name, text)) in fields.iter().enumerate() {
        let separator = if i == 0 { "" } else { "&" };
        let name = percent(name);
        let text = text.render(values, Encode::Raw)?;
        let value = percent(&text.wire);
        let masked = if text.is_secret { text.shown.as_str() } else { &value };
        write!(wire, "{separator}{name}={value}").expect("a String takes any text");
        write!(shown, "{separator}{name}={masked}").expect("a String takes any text");
    }
    Ok((wire, shown))
}

/// A URL-encoded form.
pub(super) fn form(fields: &Fields, values: &Values) -> Result<Made, UnknownCapture> {
    let (wire, shown) = encode(fields, values)?;
    let shown = (wire != shown).then_some(shown);
    Ok(Made { bytes: wire.into(), content_type: "application/x-www-form-urlencoded".to_owned(), shown })
}

/// Reads the parts of a multipart body, files included. The names of the files are added to `files`.
pub(super) fn parts(node: &Node, names: &mut Vec<(String, crate::model::At)>) -> Result<Vec<Part>, Complaint> {
    let entries = node.entries().filter(|e| !e.is_empty()).ok_or_else(|| Complaint::expected("a map of at least one part").at(node))?;
    let mut parts = Vec::new();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        for item in value.items().unwrap_or(std::slice::from_ref(value)) {
            let value = match &item.kind {
                Kind::Map(entries) => file(item, entries, names)?,
                _ => Value::Text(Text::of(item)?),
            };
            parts.push(Part { name: name.to_owned(), value });
        }
    }
    Ok(parts)
}

fn file(node: &Node, entries: &[(Node, Node)], names: &mut Vec<(String, crate::model::At)>) -> Result<Value, Complaint> {
    let (mut found, mut filename, mut media_type) = (None, None, None);
    for (key, value) in entries {
        match key.text().unwrap_or_default() {
            "sample" | "file" => {
                let (name, bytes) = files::sample(value)?;
                names.push((name.clone(), value.at));
                if found.replace((name, bytes)).is_some() {
                    return Err(Complaint::new("a part is one file: `sample` or `file`").at(key));
                }
            }
            "name" => filename = Some(Text::of(value)?),
            "type" => media_type = Some(Text::of(value)?),
            other => return Err(super::capture::unknown(other, &["sample", "file", "name", "type"]).at(key)),
        }
    }
    let (name, bytes) = found.ok_or_else(|| Complaint::new("which file? `sample: FILE` or `file: FILE` is needed").at(node))?;
    let base = name.rsplit(['/', '\\']).next().unwrap_or(&name);
    Ok(Value::File {
        filename: filename.unwrap_or_else(|| base.into()),
        media_type: media_type.unwrap_or_else(|| media_type_of(base).into()),
        bytes,
    })
}

/// A multipart body. The boundary is made from the content, so that the same request is the same bytes.
pub(super) fn multipart(parts: &[Part], values: &Values) -> Result<Made, UnknownCapture> {
    let mut is_secret = false;
    let mut rendered = Vec::with_capacity(parts.len());
    let mut hash = Sha256::new();
    for part in parts {
        let (head, shown, content) = match &part.value {
            Value::Text(text) => {
                let text = text.render(values, Encode::Raw)?;
                is_secret |= text.is_secret;
                (format!("content-disposition: form-data; name=\"{}\"\r\n", quoted(&part.name)), text.shown, Bytes::from(text.wire))
            }
            Value::File { filename, media_type, bytes } => {
                let (filename, media_type) = (filename.render(values, Encode::Raw)?, media_type.render(values, Encode::Raw)?);
                let head = format!(
                    "content-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n",
                    quoted(&part.name),
                    quoted(&filename.wire),
                    media_type.wire.replace(['\r', '\n'], " ")
                );
                (head, format!("@{}", filename.shown), bytes.clone())
            }
        };
        hash.update(&content);
        hash.update([0]);
        rendered.push((head, shown, content));
    }
    let boundary = hash.finalize().iter().take(12).fold("allclear-".to_owned(), |mut out, b| {
        write!(out, "{b:02x}").expect("a String takes any text");
        out
    });
    let mut bytes = Vec::with_capacity(rendered.iter().map(|(head, _, content)| head.len() + content.len() + 64).sum());
    for (head, _, content) in &rendered {
        bytes.extend_from_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let shown = is_secret
        .then(|| parts.iter().zip(&rendered).map(|(p, (_, shown, _))| format!("{}={shown}", p.name)).collect::<Vec<_>>().join("&"));
    Ok(Made { bytes: bytes.into(), content_type: format!("multipart/form-data; boundary={boundary}"), shown })
}

/// The media type by which a file name's ending is known; `application/octet-stream` for any other.
pub(super) fn media_type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, e)| e.to_ascii_lowercase());
    match ending.as_str() {
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "csv" => "text/csv",
        "html" => "text/html",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "mov" => "video/quicktime",
        "ts" => "video/mp2t",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        _ => "application/octet-stream",
    }
}

/// A name inside quotes, escaped as browsers do (the URL standard's multipart rules).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn percent(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}
