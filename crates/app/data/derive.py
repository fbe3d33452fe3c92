#!/usr/bin/env python3
"""Derives models.json, the price and capability book inside the binary, from two public price lists.

    python3 crates/app/data/derive.py FOLDER > crates/app/data/models.json

FOLDER holds litellm_*_prices.min.json.gz (LiteLLM, MIT), models_dev_*.min.json.gz (models.dev, MIT) and
openrouter_list_in_models_dev.min.json.gz (the public list of OpenRouter, kept by models.dev, MIT).

Rules
- Price: LiteLLM where it has one (it is the newer list), else models.dev. Integers, nano-dollars per million tokens;
  JSON numbers are read as decimals, so nothing passes through a float. Prices are list prices for text tokens in the
  first context tier; surcharges for very long prompts, audio tokens and time of day are not in here.
- A zero price at a vendor is a free preview whose terms change: written as unknown.
- Capabilities: what either list says; what neither says is absent. `logprobs` stands in OpenRouter's list only; for
  OpenAI's own API it holds for models that do not reason (general knowledge).
- `quality` is a prior, not a measurement of these models. Scale: 920 is what claude-3-5-sonnet-20241022 and
  gpt-4o-2024-08-06 are on ZeroEval (mean of GSM, CRUX, MATH level 5; Apache-2.0; about 0.835); in the same data
  gpt-4o-mini, claude-3-5-haiku and gemini-1.5-flash reach 0.83 to 0.95 of it, 70B open models 0.88, 8B models 0.66.
  A model takes the number of its family's size class below; a later issue learns it.
- `usual` marks the models that are offered when only a key was found, in that order.
"""
import gzip, json, re, sys, glob, os
from decimal import Decimal

VERSION = "book-2026-11-22"
TODAY = "2026-11-22"

# Our provider name: (LiteLLM's provider, LiteLLM's id prefix, models.dev's provider).
PROVIDERS = {
    "openai": ("openai", "", "openai"),
    "anthropic": ("anthropic", "", "anthropic"),
    "gemini": ("gemini", "gemini/", "google"),
    "openrouter": ("openrouter", "openrouter/", "openrouter"),
    "groq": ("groq", "groq/", "groq"),
    "together": ("together_ai", "together_ai/", "togetherai"),
    "mistral": ("mistral", "mistral/", "mistral"),
    "deepseek": ("deepseek", "deepseek/", "deepseek"),
    "xai": ("xai", "xai/", "xai"),
}

USUAL = {
    "openai": ["gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna", "gpt-5-mini"],
    "anthropic": ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"],
    "gemini": ["gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-3.5-flash-lite"],
    "openrouter": ["anthropic/claude-sonnet-4.6", "openai/gpt-5.4-mini", "google/gemini-3.1-flash-lite", "deepseek/deepseek-v4-flash"],
    "groq": ["openai/gpt-oss-120b", "openai/gpt-oss-20b"],
    "together": ["deepseek-ai/DeepSeek-V4-Pro-0813", "zai-org/GLM-5.3", "openai/gpt-oss-120b"],
    "mistral": ["mistral-large-latest", "mistral-medium-latest", "mistral-small-latest"],
    "deepseek": ["deepseek-v4-pro", "deepseek-v4-flash"],
    "xai": ["grok-4.7", "grok-4.3"],
}

# First match counts. Sizes in the name go first, then the vendors' words for small and large.
QUALITY = [
    (r"opus|fable|mythos|astra|\bsol\b|sonnet-5|gpt-5\.[45](-pro)?(-20.*)?$|-pro\b|^o3|gemini-4|grok-4", 950),
    (r"(?<![\d.a-z])([1-4])(\.\d+)?b\b|lfm", 550),
    (r"(?<![\d.a-z])([5-9]|1[0-4])(\.\d+)?b\b|flash-lite|nano\b|\bluna\b|ministral|tiny|instant", 650),
    (r"gpt-3\.5|nemo\b|mixtral", 650),
    (r"(?<!ge)mini\b|haiku|flash|small|lite|fast|gpt-oss|scout|(?<![\d.a-z])[23]\d(\.\d+)?b\b", 820),
    (r"70b|72b|codestral|devstral|medium|gpt-4-turbo|gpt-4$|gpt-4-", 830),
]

SKIP = re.compile(r"^ft:|image|embed|tts|whisper|guard|realtime|transcribe|codex|moderation|search|deep-research|audio|lyria|live|"
                  r"computer-use|robotics|orpheus|omni|veo|imagine|voxtral|cyber|daybreak|rosalind|astra-law|:free$|^~|"
                  r"^openrouter/|vibe|fim|multi-agent|lora|safeguard|experimental|exp-|gemma|together-ai-|learnlm|beta", re.I)
VENDORS = ("anthropic/", "openai/", "google/", "deepseek/", "qwen/", "x-ai/", "moonshotai/", "z-ai/", "minimax/",
           "mistralai/", "meta-llama/", "nvidia/")


def load(folder, pattern):
    (path,) = glob.glob(os.path.join(folder, pattern))
    with gzip.open(path, "rt", encoding="utf-8") as f:
        return json.load(f, parse_float=Decimal)


def per_mtok(value, scale):
    """A dollar amount to whole nano-dollars per million tokens, or None."""
    if value is None:
        return None
    nano = Decimal(value) * scale
    assert nano == nano.to_integral_value(), f"not whole nano-dollars: {value}"
    return int(nano)


def price(lite, dev):
    for source, scale, names in (
        (lite, Decimal(10) ** 15, ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost")),
        ((dev or {}).get("cost"), Decimal(10) ** 9, ("input", "output", "cache_read")),
    ):
        if source:
            i, o, c = (per_mtok(source.get(n), scale) for n in names)
            if i and o:
                return i, o, c if c else None
    return None


def caps(name, lite, dev, routed):
    out = []
    inputs = ((dev or {}).get("modalities") or {}).get("input", [])
    said = lambda *names: any((lite or {}).get(n) is True for n in names)
    if said("supports_function_calling") or (dev or {}).get("tool_call"):
        out.append("tools")
    if said("supports_response_schema", "supports_native_structured_output") or (dev or {}).get("structured_output"):
        out.append("json_schema")
    if said("supports_vision") or "image" in inputs:
        out.append("vision")
    if said("supports_audio_input") or "audio" in inputs:
        out.append("audio")
    thinks = said("supports_reasoning") or (dev or {}).get("reasoning")
    if "logprobs" in (routed or {}).get("supported_parameters", []) or (name == "openai" and not thinks):
        out.append("logprobs")
    return " ".join(out)


def quality(model):
    for pattern, number in QUALITY:
        if re.search(pattern, model.lower()):
            return number
    return 900


def wanted(name, model, lite, dev):
    if SKIP.search(model) or (dev or {}).get("status") == "deprecated" and not lite:
        return False
    if lite and (lite.get("mode") != "chat" or (lite.get("deprecation_date") or "9999") < TODAY):
        return False
    if lite and lite.get("supported_endpoints") and "/v1/chat/completions" not in lite["supported_endpoints"]:
        return False
    if name == "openrouter":
        fresh = (dev or {}).get("release_date", "0") >= "2025-07"
        return model.startswith(VENDORS) and fresh
    return True


def main():
    folder = sys.argv[1]
    lites, devs = load(folder, "litellm_*_prices.min.json.gz"), load(folder, "models_dev_*.min.json.gz")
    routed = {m["id"]: m for m in load(folder, "openrouter_list_*.min.json.gz")}
    rows = []
    for name, (lite_name, prefix, dev_name) in PROVIDERS.items():
        lite = {}
        for key, value in lites.items():
            if value.get("litellm_provider") == lite_name and key.startswith(prefix):
                lite[key[len(prefix):]] = value
        if name == "deepseek":  # Also stands there without the prefix, which is the newer entry.
            lite |= {k: v for k, v in lites.items() if v.get("litellm_provider") == "deepseek" and "/" not in k}
        dev = {m["id"]: m for m in devs["models"] if m["provider"] == dev_name}
        for model in sorted(set(lite) | set(dev)):
            l, d = lite.get(model), dev.get(model)
            money = price(l, d)
            if money is None or not wanted(name, model, l, d):
                continue
            context = ((d or {}).get("limit") or {}).get("context") or (l or {}).get("max_input_tokens")
            row = {"provider": name, "id": model, "context": context,
                   "caps": caps(name, l, d, routed.get(model) if name == "openrouter" else None),
                   "input": money[0], "output": money[1], "cached": money[2], "quality": quality(model)}
            if model in USUAL[name]:
                row["usual"] = USUAL[name].index(model)
            rows.append({k: v for k, v in row.items() if v not in (None, "")})
        # A dated name that costs what its undated name costs is found by its prefix.
        own = {r["id"]: r for r in rows if r["provider"] == name}
        dated = re.compile(r"[-@](20\d\d-\d\d-\d\d|20\d{6})$")
        same = lambda r: own.get(dated.sub("", r["id"]), r) is not r and all(
            own[dated.sub("", r["id"])].get(k) == r.get(k) for k in ("input", "output", "cached"))
        rows = [r for r in rows if r["provider"] != name or not same(r)]
        missing = [m for m in USUAL[name] if not any(r["provider"] == name and r["id"] == m for r in rows)]
        assert not missing, f"{name}: usual models that are in no list: {missing}"
    head = {"version": VERSION, "unit": "nano-dollars per million tokens",
            "origin": "LiteLLM 1.109.1 model_prices_and_context_window.json (MIT, BerriAI); models.dev of 2026-07-02 "
                      "(MIT, anomalyco); derived by crates/app/data/derive.py, which states the rules"}
    print(json.dumps(head)[:-1] + ',\n"models": [')
    print(",\n".join(json.dumps(r, separators=(",", ":")) for r in rows))
    print("]}")


main()
