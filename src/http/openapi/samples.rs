//! Request samples in three languages, generated from each operation.
//!
//! `BASE` is the address of the API and `TOKEN` an access token; both are environment variables, as in the guide.

use serde_json::{Map, Value, json};

/// Operations with samples, in addition to all operations on tasks.
const OTHERS: [&str; 9] = [
    "user_register",
    "session_login",
    "session_refresh",
    "user_me",
    "token_create",
    "list_create",
    "list_list",
    "trash_list",
    "change_undo",
];

/// Part of an operation whose response is a stream.
const STREAM: &str = "/responses/200/content/text~1event-stream";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Parts of a sample request.
struct Sample {
    method: String,
    path: String,
    needs_token: bool,
    body: Option<Body>,
    /// Whether the response has a body.
    is_answered: bool,
}

enum Body {
    Json(Value),
    Form(Value),
}

/// Adds samples to the main operations.
pub(super) fn add(
    prefix: &str,
    paths: &mut Map<String, Value>,
    schemas: &Map<String, Value>,
) {
    for (path, operations) in paths {
        let Some(path) = path.strip_prefix(prefix) else { continue };
        for (method, operation) in
            operations.as_object_mut().into_iter().flat_map(Map::iter_mut)
        {
            let id = operation.get("operationId").and_then(Value::as_str);
            let is_of_tasks = operation.get("tags") == Some(&json!(["Tasks"]));
            if !is_of_tasks && !id.is_some_and(|id| OTHERS.contains(&id)) {
                continue;
            }
            // A client of a stream takes more than a sample.
            if operation.pointer(STREAM).is_some() {
                continue;
            }
            let sample = Sample::of(method, path, operation, schemas);
            if let Some(members) = operation.as_object_mut() {
                members.insert("x-codeSamples".to_owned(), sample.in_all_languages());
            }
        }
    }
}

impl Sample {
    fn of(
        method: &str,
        path: &str,
        operation: &Value,
        schemas: &Map<String, Value>,
    ) -> Self {
        let content = |media| operation.pointer("/requestBody/content")?.get(media);
        let json = content(JSON).and_then(|it| example(it, schemas)).map(Body::Json);
        let form = content(FORM).and_then(|it| example(it, schemas)).map(Body::Form);
        Self {
            method: method.to_ascii_uppercase(),
            path: path.replace("{id}", "1"),
            needs_token: operation.get("security").is_some(),
            body: json.or(form),
            is_answered: operation.pointer("/responses/204").is_none(),
        }
    }

    fn in_all_languages(&self) -> Value {
        json!([
            { "lang": "Shell", "label": "curl", "source": self.curl() },
            { "lang": "Python", "label": "Python", "source": self.python() },
            { "lang": "JavaScript", "label": "JavaScript", "source": self.javascript() },
        ])
    }

    fn curl(&self) -> String {
        let method = if self.method == "GET" {
            String::new()
        } else {
            format!(" -X {}", self.method)
        };
        let mut parts = vec![format!("curl{method} \"$BASE{}\"", self.path)];
        if self.needs_token {
            parts.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        match &self.body {
            Some(Body::Json(body)) => {
                parts.push(format!("-H \"Content-Type: {JSON}\""));
                parts.push(format!("-d {}", quoted(&body.to_string())));
            }
            Some(Body::Form(body)) => {
                parts.extend(super::members(Some(body)).map(|(name, value)| {
                    let value = value.as_str().unwrap_or_default();
                    format!("--data-urlencode {}", quoted(&format!("{name}={value}")))
                }));
            }
            None => {}
        }
        parts.join(" \\\n  ")
    }

    fn python(&self) -> String {
        let mut parts = vec![format!(
            "os.environ[\"BASE\"] + \"{}\", method=\"{}\"",
            self.path, self.method
        )];
        if let Some(headers) = self.headers("\"Bearer \" + os.environ[\"TOKEN\"]") {
            parts.push(format!("headers={{{headers}}}"));
        }
        let mut imports = "json, os, urllib.request";
        match &self.body {
            Some(Body::Json(body)) => {
                parts.push(format!("data=json.dumps({}).encode()", literal(body)));
            }
            Some(Body::Form(body)) => {
                imports = "json, os, urllib.parse, urllib.request";
                let body = literal(body);
                parts.push(format!("data=urllib.parse.urlencode({body}).encode()"));
            }
            None => {}
        }
        let shown =
            if self.is_answered { "json.load(response)" } else { "response.status" };
        let parts = parts.join(",\n    ");
        format!(
            "import {imports}\n\nrequest = urllib.request.Request(\n    {parts},\n)\n\
             with urllib.request.urlopen(request) as response:\n    print({shown})",
        )
    }

    fn javascript(&self) -> String {
        let mut parts = vec![format!("method: \"{}\"", self.method)];
        if let Some(headers) = self.headers("`Bearer ${process.env.TOKEN}`") {
            parts.push(format!("headers: {{ {headers} }}"));
        }
        parts.extend(self.body.as_ref().map(|body| match body {
            Body::Json(body) => format!("body: JSON.stringify({body})"),
            Body::Form(body) => format!("body: new URLSearchParams({body})"),
        }));
        let shown = if self.is_answered { ", await response.json()" } else { "" };
        format!(
            "const response = await fetch(`${{process.env.BASE}}{}`, {{\n  {},\n}});\n\
             console.log(response.status{shown});",
            self.path,
            parts.join(",\n  "),
        )
    }

    /// Formats the headers in the syntax that Python and JavaScript share.
    fn headers(&self, bearer: &str) -> Option<String> {
        let authorization =
            self.needs_token.then(|| format!("\"Authorization\": {bearer}"));
        let is_json = matches!(self.body, Some(Body::Json(_)));
        let content_type = is_json.then(|| format!("\"Content-Type\": \"{JSON}\""));
        let both: Vec<String> = authorization.into_iter().chain(content_type).collect();
        (!both.is_empty()).then(|| both.join(", "))
    }
}

/// Returns the first example of a body, or that of its schema.
fn example(media_type: &Value, schemas: &Map<String, Value>) -> Option<Value> {
    let mut named = super::members(media_type.get("examples"));
    if let Some((_, example)) = named.next() {
        return example.get("value").cloned();
    }
    let reference = media_type.pointer("/schema/$ref").and_then(Value::as_str)?;
    let (_, name) = reference.rsplit_once('/')?;
    schemas.get(name)?.get("example").cloned()
}

/// Formats a value as a Python literal.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members
                .map(|(name, value)| format!("{}: {}", json!(name), literal(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        // JSON escapes are valid in Python.
        Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
