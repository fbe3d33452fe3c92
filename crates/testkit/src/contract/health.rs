//! Cases of probes.

use super::rig::{Rig, backend_at};
use crate::{Answer, Voice};
use decide::{Api, Health};

fn health_route(voice: Voice) -> Option<String> {
    voice.profile.health.map(|path| format!("GET {path}"))
}

/// A place in good health says what it offers and, where it can, how busy it is.
pub async fn probes_find_health_models_and_load(voice: Voice) {
    let rig = Rig::new(voice).await;
    if let Some(route) = health_route(voice) {
        rig.fake.on(&route, voice.health());
    }
    rig.fake.on(voice.models_route(), voice.models(&["m-1", "m-2"]));
    if let (Some(names), Some(page)) = (voice.profile.metrics, voice.metrics(3, 2, 0.25)) {
        rig.fake.on(&format!("GET {}", names.path), page);
    }
    if voice.profile.api == Api::Ollama {
        let show = r#"{"capabilities":["completion","tools"],"model_info":{"llama.context_length":8192}}"#;
        rig.fake.on("POST /api/show", Answer::json(200, show));
    }
    let probed = rig.backend.probe().await;
    assert_eq!(probed.health, Health::Up);
    let models = probed.models.expect("a list");
    assert_eq!(models.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["m-1", "m-2"]);
    if matches!(voice.profile.name, "vllm" | "sglang" | "llama-server" | "openrouter" | "ollama") {
        assert_eq!(models[0].context_tokens, Some(8192));
    }
    if matches!(voice.profile.name, "openrouter" | "ollama") {
        assert!(models[0].caps.expect("capabilities").tools);
    }
    match voice.profile.metrics {
        Some(names) => {
            let load = probed.load.expect("a load");
            assert_eq!((load.running, load.waiting), (3, 2));
            assert_eq!(load.kv_permille, names.kv.map(|_| 250));
        }
        None => assert_eq!(probed.load, None),
    }
}

/// Trouble has a word, and does not make up an empty list of models.
pub async fn probes_of_a_place_in_trouble(voice: Voice) {
    let rig = Rig::new(voice).await;
    let everything = |answer: &Answer| {
        if let Some(route) = health_route(voice) {
            rig.fake.on(&route, answer.clone());
        }
        rig.fake.on(voice.models_route(), answer.clone());
    };
    everything(&Answer::json(503, r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#));
    let probed = rig.backend.probe().await;
    assert_eq!((probed.health, probed.models), (Health::Loading, None));
    everything(&Answer::json(500, "{}"));
    assert!(matches!(rig.backend.probe().await.health, Health::Down(_)));
    if let Some(route) = health_route(voice) {
        rig.fake.on(&route, voice.health());
    }
    rig.fake.on(voice.models_route(), voice.error(401, "bad key"));
    let probed = rig.backend.probe().await;
    assert!(matches!(&probed.health, Health::Down(why) if why.contains("credentials")), "{:?}", probed.health);
    assert_eq!(probed.models, None);
    rig.fake.on(voice.models_route(), Answer::new(200, "text/html", "<html>"));
    assert_eq!(rig.backend.probe().await.models, None);
    let port = rig.fake.address().port();
    drop(rig);
    let (_, gone) = backend_at(voice, &format!("http://127.0.0.1:{port}{}", voice.base_path()));
    assert_eq!(gone.probe().await.health, Health::Down("cannot be reached".to_owned()));
}
