//! Errors and the list of models, for a caller of OpenAI's dialect.

use crate::json::write::{Object, body};

/// The body of an error; all four keys always, as OpenAI's description of it demands.
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    body(256, |o| {
        o.object("error", |o| {
            o.str("message", message);
            o.str("type", kind);
            o.str_or_null("param", param);
            o.str_or_null("code", code);
        });
    })
}

/// The same inside a stream: one whole frame. No `[DONE]` follows it.
pub fn error_frame(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    [b"data: ", &error_body(message, kind, param, code)[..], b"\n\n"].concat()
}

/// One row of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelRow {
    /// The name to ask for.
    pub id: String,
    /// Unix seconds; 0 where unknown.
    pub created: u64,
    /// Who offers it.
    pub owned_by: String,
    /// A remark for people (a demonstration model says so here); left out if `None`.
    pub description: Option<String>,
    /// Context window in tokens, under vLLM's name `max_model_len`; left out if `None`.
    pub context_tokens: Option<u32>,
}

/// The body of `GET /v1/models`.
pub fn models_body(rows: impl Iterator<Item = ModelRow>) -> Vec<u8> {
    body(1024, |o| {
        o.str("object", "list");
        o.list("data", |l| rows.for_each(|row| l.object(|o| members(o, &row))));
    })
}

/// The body of `GET /v1/models/{id}`.
pub fn model_body(row: &ModelRow) -> Vec<u8> {
    body(256, |o| members(o, row))
}

fn members(o: &mut Object<'_>, row: &ModelRow) {
    o.str("id", &row.id);
    o.str("object", "model");
    o.int("created", row.created);
    o.str("owned_by", &row.owned_by);
    if let Some(text) = &row.description {
        o.str("description", text);
    }
    if let Some(tokens) = row.context_tokens {
        o.int("max_model_len", tokens);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_error_has_all_four_keys() {
        let text = String::from_utf8(error_body("no \"x\"", "invalid_request_error", None, None)).unwrap();
        assert_eq!(text, r#"{"error":{"message":"no \"x\"","type":"invalid_request_error","param":null,"code":null}}"#);
        let frame = error_frame("m", "t", Some("p"), Some("c"));
        assert_eq!(frame, b"data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}\n\n");
    }

    #[test]
    fn the_list_of_models() {
        let row = ModelRow { id: "a/b".to_owned(), created: 1, owned_by: "a".to_owned(), ..ModelRow::default() };
        let more = ModelRow { description: Some("demo".to_owned()), context_tokens: Some(9), ..row.clone() };
        assert_eq!(
            String::from_utf8(models_body([row, more].into_iter())).unwrap(),
            concat!(
                r#"{"object":"list","data":[{"id":"a/b","object":"model","created":1,"owned_by":"a"},"#,
                r#"{"id":"a/b","object":"model","created":1,"owned_by":"a","description":"demo","max_model_len":9}]}"#
            )
        );
    }
}
