//! Who listens on a loopback port: engines are told apart by what they answer to harmless questions.
//!
//! Never here: ports of other hosts, or a key. Nothing is sent but three `GET`s without content.

use crate::call::{Seen, fetch};
use crate::catalog;
use crate::{Auth, Dialer, Origin, Peer, Profile};
use std::time::Duration;

/// Loopback ports where engines usually listen: Ollama, llama-server, vLLM and TensorRT-LLM, SGLang.
pub const LOOPBACK_PORTS: [u16; 4] = [11434, 8080, 8000, 30000];

/// For all questions together, which are asked at once.
const LIMIT: Duration = Duration::from_millis(800);
const DOCUMENT_MAX: usize = 1 << 20;

/// Finds out which engine listens at a loopback address (`http://127.0.0.1:8000`, without a path). `generic` stands for
/// a server that lists models in OpenAI's form but signs with no name that is known; `None` for everything else, for
/// silence, for another Dewpoint, and for addresses that are not loopback.
pub async fn identify(base: &str, dialer: &Dialer) -> Option<&'static Profile> {
    let origin = Origin::parse(base).ok().filter(Origin::is_loopback)?;
    let upstream = dialer.upstream(origin, None, Auth::None, Peer::Unknown).ok()?;
    let ask = async |path: &str| {
        let route = upstream.beside(path).ok()?;
        let seen = tokio::time::timeout(LIMIT, fetch(&upstream, &route, &[], DOCUMENT_MAX)).await;
        seen.ok()?.ok()
    };
    let (version, models, info) = tokio::join!(ask("/api/version"), ask("/v1/models"), ask("/model_info"));
    recognise(version.as_ref(), models.as_ref(), info.as_ref()).and_then(Profile::find)
}

/// The name of the profile that gives these answers to `/api/version`, `/v1/models` and `/model_info`.
fn recognise(version: Option<&Seen>, models: Option<&Seen>, info: Option<&Seen>) -> Option<&'static str> {
    let has = |seen: &Seen, key: &str| {
        serde_json::from_slice::<serde_json::Value>(&seen.body).is_ok_and(|v| v.get(key).is_some())
    };
    let owner = models.filter(|s| s.status == 200).and_then(|s| catalog::owner(&s.body));
    match owner.as_deref() {
        Some("vllm") => return Some("vllm"),
        Some("sglang") => return Some("sglang"),
        Some("llamacpp") => return Some("llama-server"),
        Some("tensorrt_llm") => return Some("tensorrt-llm"),
        Some("dewpoint") => return None,
        _ => {}
    }
    if info.is_some_and(|s| s.status == 200 && has(s, "model_path")) {
        return Some("sglang");
    }
    if version.is_some_and(|s| s.status == 200 && has(s, "version")) {
        return Some("ollama");
    }
    // llama-server answers every path with this while it loads its model.
    if models.is_some_and(|s| s.status == 503 && contains(&s.body, b"Loading model")) {
        return Some("llama-server");
    }
    owner.map(|_| "generic")
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|w| w == part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(status: u16, body: &'static str) -> Option<Seen> {
        Some(Seen { status, body: body.into() })
    }

    fn name(version: Option<Seen>, models: Option<Seen>, info: Option<Seen>) -> Option<&'static str> {
        recognise(version.as_ref(), models.as_ref(), info.as_ref())
    }

    #[test]
    fn engines_sign_their_lists() {
        let missing = || seen(404, r#"{"detail":"Not Found"}"#);
        for (body, expected) in [
            (r#"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#, Some("vllm")),
            (r#"{"object":"list","data":[{"id":"m","owned_by":"tensorrt_llm"}]}"#, Some("tensorrt-llm")),
            (r#"{"models":[],"data":[{"id":"m","owned_by":"llamacpp"}]}"#, Some("llama-server")),
            (r#"{"object":"list","data":[{"id":"m","owned_by":"sglang"}]}"#, Some("sglang")),
            (r#"{"object":"list","data":[{"id":"m","owned_by":"somebody"}]}"#, Some("generic")),
            (r#"{"object":"list","data":[{"id":"m","owned_by":"dewpoint"}]}"#, None),
            (r#"{"hello":"world"}"#, None),
        ] {
            assert_eq!(name(missing(), seen(200, body), missing()), expected, "{body}");
        }
    }

    #[test]
    fn others_are_known_by_their_own_paths() {
        let list = || seen(200, r#"{"object":"list","data":[]}"#);
        assert_eq!(name(seen(200, r#"{"version":"0.12.1"}"#), list(), seen(404, "")), Some("ollama"));
        assert_eq!(name(None, list(), seen(200, r#"{"model_path":"x"}"#)), Some("sglang"));
        let loading = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
        assert_eq!(name(seen(503, loading), seen(503, loading), None), Some("llama-server"));
        assert_eq!(name(None, None, None), None);
        assert_eq!(name(seen(200, "<html>"), seen(200, "<html>"), seen(200, "<html>")), None);
    }

    #[tokio::test]
    async fn only_loopback_is_asked() {
        let dialer = Dialer::new(crate::DialerOptions::default()).unwrap();
        assert_eq!(identify("http://192.0.2.1:8000", &dialer).await, None);
        assert_eq!(identify("not a url", &dialer).await, None);
    }
}
