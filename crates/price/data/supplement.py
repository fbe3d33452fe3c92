"""Derives supplement.json from the Python package genai-prices (MIT, https://github.com/pydantic/genai-prices).

    pip download --no-deps genai-prices==0.1.4 (and 0.1.5), unzip both
    python3 supplement.py FOLDER_OF_0.1.4 FOLDER_OF_0.1.5 CATALOGUE.json > supplement.json

The catalogue `genai_prices_2026-08-21` has the short schema: seven kinds of token. Its publisher's full schema of the
same weeks has more units (text, image, video, reasoning, cache by lifetime, searches), the extractors that fill them,
and a few providers. This file has those, and nothing that the catalogue has already:

- units: the registry of units (0.1.5; the same in 0.1.4).
- extractors: of 0.1.5, without what it added for Azure after the catalogue's date (`cache_write_tokens`, `realtime`).
- prices: of 0.1.4, the release next before 0.1.5, for models whose full prices name a unit that the catalogue's cannot.
- providers, and OpenAI's models at AWS, that the catalogue does not have: of 0.1.4. Of prices that were cut on
  30 July 2026 the ones before the cut, as in the catalogue's own rows for the same models (gpt-5.6).
"""
import dataclasses, importlib, json, sys, types, warnings
from decimal import Decimal

warnings.simplefilter("ignore")
sys.modules["httpx2"] = types.ModuleType("httpx2")  # imported for updates only, never used here


def plain(o):
    if isinstance(o, Decimal):
        return int(o) if o == int(o) else float(o)
    if type(o).__name__ == "ModelPrice":
        return {k: plain(v) for k, v in vars(o).items() if v is not None and not k.startswith("_")}
    if dataclasses.is_dataclass(o):
        names = [f.name for f in dataclasses.fields(o) if not f.name.startswith("_") and getattr(o, f.name, None) is not None]
        return {n.rstrip("_"): plain(getattr(o, n)) for n in names}
    if isinstance(o, (list, tuple)):
        return [plain(x) for x in o]
    if isinstance(o, dict):
        return {k: plain(v) for k, v in o.items()}
    return o.isoformat() if hasattr(o, "isoformat") else o


def load(path):
    for name in [n for n in sys.modules if n.startswith("genai_prices")]:
        del sys.modules[name]
    sys.path.insert(0, path)
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    units = importlib.import_module("genai_prices.data_units").unit_data
    sys.path.pop(0)
    return {p["id"]: p for p in plain(snapshot.providers)}, units


SHORT = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "input_audio_mtok", "output_audio_mtok",
         "cache_audio_read_mtok", "requests_kcount"}
CUT = "2026-07-30"
earlier, _ = load(sys.argv[1])
later, units = load(sys.argv[2])
catalogue = {p["id"]: p for p in json.load(open(sys.argv[3]))}


def sets(prices):
    return [p["prices"] for p in prices] if isinstance(prices, list) else [prices]


def before_cut(prices):
    if isinstance(prices, list):
        kept = [p for p in prices if (p.get("constraint") or {}).get("start_date") != CUT]
        return kept[0]["prices"] if len(kept) == 1 and "constraint" not in kept[0] else kept
    return prices


def extractors(provider, found):
    if provider != "azure":
        return found
    kept = [dict(e) for e in found if e["api_flavor"] != "realtime"]
    for e in kept:
        if e["api_flavor"] in ("chat", "responses"):
            e["mappings"] = [m for m in e["mappings"] if m["dest"] != "cache_write_tokens"]
    return kept


def brief(model):
    kept = {k: model[k] for k in ("id", "name", "match", "context_window", "deprecated") if model.get(k) is not None}
    return {**kept, "prices": before_cut(model["prices"])}


def head(p):
    keys = ("id", "name", "pricing_urls", "api_pattern", "model_match", "provider_match", "fallback_model_providers")
    return {k: p[k] for k in keys if p.get(k) is not None}


out = {
    "source": "genai-prices 0.1.4 and 0.1.5 (MIT)",
    "units": units,
    "extractors": {i: extractors(i, p["extractors"]) for i, p in sorted(later.items()) if i in earlier and p.get("extractors")},
    "prices": {}, "models": {}, "providers": [],
}
for i, p in sorted(earlier.items()):
    if i not in catalogue:
        out["providers"].append({**head(p), "models": [brief(m) for m in p["models"]]})
        continue
    known = {m["id"]: m for m in catalogue[i]["models"]}
    for m in p["models"]:
        if m["id"] not in known:
            if i == "aws" and m["id"].startswith("openai."):
                out["models"].setdefault(i, []).append(brief(m))
        elif any(set(s) - SHORT for s in sets(m["prices"])):
            out["prices"].setdefault(i, {})[m["id"]] = before_cut(m["prices"])
json.dump(out, sys.stdout, separators=(",", ":"), ensure_ascii=False)
print()
