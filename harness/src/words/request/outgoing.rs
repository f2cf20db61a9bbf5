//! Turns a request into what is sent, with values in it, and what is shown, with secrets masked.

use super::{Auth, Base, Body, Request, RequestError};
use crate::{
    transport::{OutBody, Outgoing},
    words::{
        form,
        text::{Encode, Rendered, Text},
        values::Values,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header};
use url::{Origin, Url};

impl Request {
    /// The request as it is sent to a target. `anonymous`: without the target's headers, as an orchestrator's probe.
    ///
    /// # Errors
    /// When a capture has no value, or a value makes the URL or a header invalid or leads away from the target.
    pub fn outgoing(&self, base: &Base, values: &Values, anonymous: bool) -> Result<Outgoing, RequestError> {
        let rendered = self.url.render_url(values)?;
        let is_captured = self.url.begins_with_capture();
        let mut url = join(base, &rendered.wire, is_captured).map_err(|why| RequestError::Url { shown: rendered.shown.clone(), why })?;
        let is_own = url.origin() == base.url.origin();
        if is_captured && !is_own {
            return Err(RequestError::Leaves { shown: rendered.shown, base: base.url.origin().ascii_serialization() });
        }
        if leaves_its_segment(&self.url, values)? {
            return Err(RequestError::Url { shown: rendered.shown, why: "a value is `.` or `..`, which would change the path".to_owned() });
        }
        let mut shown = shown_url(base, &rendered, &url, is_captured, is_own);
        if !self.query.is_empty() {
            let (wire, masked) = form::encode(&self.query, values)?;
            let joined = url.query().filter(|q| !q.is_empty()).map_or_else(|| wire.clone(), |q| format!("{q}&{wire}"));
            shown = format!("{shown}{}{masked}", if shown.contains('?') { "&" } else { "?" });
            url.set_query(Some(&joined));
        }
        let mut out = Outgoing::new(self.method.clone(), url);
        out.shown = format!("{} {shown}", self.method);
        if is_own && !anonymous {
            for (name, text) in &base.headers {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::Header(name.clone()))?;
                put(&mut out, &name, &text.render(values, Encode::Raw)?)?;
            }
        }
        self.put_auth(&mut out, values)?;
        for (name, text) in &self.headers {
            match text {
                Some(text) => put(&mut out, name, &text.render(values, Encode::Raw)?)?,
                None => out.headers.retain(|(n, _)| n != name),
            }
        }
        self.put_body(&mut out, values)?;
        Ok(out)
    }

    fn put_auth(&self, out: &mut Outgoing, values: &Values) -> Result<(), RequestError> {
        let value = match &self.auth {
            None => return Ok(()),
            Some(Auth::None) => {
                out.headers.retain(|(n, _)| *n != header::AUTHORIZATION);
                return Ok(());
            }
            Some(Auth::Bearer(token)) => format!("Bearer {}", token.render(values, Encode::Raw)?.wire),
            Some(Auth::Basic { user, password }) => {
                let (user, password) = (user.render(values, Encode::Raw)?.wire, password.render(values, Encode::Raw)?.wire);
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
        };
        put(out, &header::AUTHORIZATION, &Rendered { wire: value, shown: String::new(), is_secret: true })
    }

    fn put_body(&self, out: &mut Outgoing, values: &Values) -> Result<(), RequestError> {
        let made = match &self.body {
            Body::Empty => return Ok(()),
            Body::Json(template) => {
                let (wire, shown) = (template.fill(values)?.to_string(), template.show(values).to_string());
                let shown = (wire != shown).then_some(shown);
                form::Made { bytes: wire.into(), content_type: "application/json".to_owned(), shown }
            }
            Body::Form(fields) => form::form(&fields.0, values)?,
            Body::Multipart(parts) => form::multipart(&parts.0, values)?,
            Body::Text(text) => {
                let text = text.render(values, Encode::Raw)?;
                let shown = text.is_secret.then_some(text.shown);
                form::Made { bytes: text.wire.into(), content_type: "text/plain; charset=utf-8".to_owned(), shown }
            }
            Body::Sample { name, bytes } => {
                form::Made { bytes: bytes.clone(), content_type: form::media_type_of(name).to_owned(), shown: None }
            }
        };
        // A header of the suite's own wins, also where it takes the type out; a boundary must be told, whatever the target says.
        if !self.headers.iter().any(|(n, _)| *n == header::CONTENT_TYPE) {
            put(out, &header::CONTENT_TYPE, &Rendered { shown: made.content_type.clone(), wire: made.content_type, is_secret: false })?;
        }
        out.body = OutBody::Bytes(made.bytes);
        out.shown_body = made.shown;
        Ok(())
    }
}

/// The URL, if the text is an absolute one before the run.
pub(super) fn absolute(url: &Text) -> Option<Url> {
    if url.begins_with_capture() {
        return None;
    }
    // What a capture will hold stands behind the host: the reader refuses it anywhere before.
    let known = url.captures().fold(Values::default(), |v, name| v.with(name, crate::words::Json::String("x".to_owned()), false));
    let text = url.render_url(&known).ok()?.wire;
    is_absolute(&text).then(|| Url::parse(&text).ok()).flatten()
}

pub(super) fn is_absolute(text: &str) -> bool {
    let scheme = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    scheme.starts_with("http://") || scheme.starts_with("https://")
}

/// Absolute URLs stand for themselves, relative ones below the base's path. What a service gave (`location`) is a reference by RFC 3986 §5.
fn join(base: &Base, text: &str, is_captured: bool) -> Result<Url, String> {
    let mut url = if is_absolute(text) {
        Url::parse(text).map_err(|e| e.to_string())?
    } else if is_captured {
        base.url.join(text).map_err(|e| e.to_string())?
    } else {
        let text = text.split('#').next().unwrap_or_default();
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let mut url = base.url.clone();
        let prefix = base.url.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
        url.set_query(query);
        url
    };
    if !matches!(url.scheme(), "http" | "https") || matches!(url.origin(), Origin::Opaque(_)) {
        return Err(format!("`{}` is no scheme to send to", url.scheme()));
    }
    url.set_fragment(None);
    Ok(url)
}

/// The path for people, the whole URL where it is not the target's own; as sent, unless a secret stands in it.
fn shown_url(base: &Base, rendered: &Rendered, url: &Url, is_captured: bool, is_own: bool) -> String {
    let url = match rendered.is_secret {
        false => url.clone(),
        true => match join(base, &rendered.shown, is_captured) {
            Ok(masked) => masked,
            Err(_) => return rendered.shown.clone(),
        },
    };
    let mut url = url;
    if url.password().is_some() && url.set_password(Some(crate::model::Secret::MASK)).is_err() {
        return rendered.shown.clone();
    }
    if is_own && rendered.is_secret && is_absolute(&rendered.shown) && url.origin() != base.url.origin() {
        return rendered.shown.clone();
    }
    if is_own {
        let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
        format!("{}{query}", url.path())
    } else {
        url.to_string()
    }
}

/// Whether a value alone is a dot segment: URL parsers take those out, also percent-encoded (RFC 3986 §5.2.4).
fn leaves_its_segment(url: &Text, values: &Values) -> Result<bool, RequestError> {
    if url.literal().is_some() || url.begins_with_capture() {
        return Ok(false);
    }
    for name in url.captures() {
        if matches!(&values.get(name)?.json, crate::words::Json::String(text) if text == "." || text == "..") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Replaces the header, or adds it. `Host` replaces what the URL says.
fn put(out: &mut Outgoing, name: &HeaderName, text: &Rendered) -> Result<(), RequestError> {
    if *name == header::HOST {
        out.host_override = Some(text.wire.clone());
        return Ok(());
    }
    let mut value = HeaderValue::from_bytes(text.wire.as_bytes()).map_err(|_| RequestError::Header(name.to_string()))?;
    value.set_sensitive(text.is_secret || matches!(*name, header::AUTHORIZATION | header::COOKIE | header::PROXY_AUTHORIZATION));
    out.headers.retain(|(n, _)| n != name);
    out.headers.push((name.clone(), value));
    Ok(())
}
