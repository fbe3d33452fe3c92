"""`dewpoint explain` says where a prompt would go and why, and asks nobody."""

import json

from conftest import config, place

PROOF = "Prove that there are infinitely many primes"
SENTIMENT = "Classify the sentiment: I love it"


def cloud(own, double):
    # A cloud place as a user has it: a known model of a known vendor, so that the built-in book knows its price.
    text = f'\n[[place]]\nname = "openai"\napi = "openai"\nbase_url = "{double.url}/v1"\napi_key = {{ env = "DOUBLE_KEY" }}\n'
    return own(
        config(
            text + 'tier = "cloud"\nkind = "serverless"\nzone = "vendor-cloud"\nmodels = ["gpt-5-mini"]\n', engine=True
        )
    )


def chosen(dewpoint, *args, stdin=None):
    ran = dewpoint.run("explain", "--json", *args, stdin=stdin)
    assert ran.returncode == 0, ran.stderr
    first = json.loads(ran.stdout)["order"][0]
    return {"place": first["place"]["id"], "tier": first["model"]["tier"] or first["place"]["tier"]}


def test_a_proof_and_a_sentiment_go_to_different_tiers(own, double):
    dewpoint = cloud(own, double)
    before = len([r for r in double.requests if r["path"].startswith("/v1/chat")])
    proof, sentiment = chosen(dewpoint, PROOF), chosen(dewpoint, SENTIMENT)
    assert (proof["tier"], sentiment["tier"]) == ("cloud", "edge")
    assert len([r for r in double.requests if r["path"].startswith("/v1/chat")]) == before


def test_the_text_gives_reasons(own, double):
    dewpoint = cloud(own, double)
    for prompt, place_name, word in ((PROOF, "openai", "math"), (SENTIMENT, "edge", "classify")):
        ran = dewpoint.run("explain", prompt)
        assert ran.returncode == 0, ran.stderr
        assert place_name in ran.stdout and word in ran.stdout.lower(), ran.stdout


def test_standard_input_class_and_model(own, double):
    dewpoint = cloud(own, double)
    assert chosen(dewpoint, "-", stdin=PROOF)["tier"] == "cloud"
    assert chosen(dewpoint, "--class", "secret", PROOF)["tier"] == "edge"
    assert chosen(dewpoint, "--model", "openai/gpt-5-mini", SENTIMENT)["tier"] == "cloud"
    assert chosen(dewpoint, "--model", "auto:local", PROOF)["tier"] == "edge"


def test_refusals_are_shown(own, double):
    dewpoint = cloud(own, double)
    ran = dewpoint.run("explain", "--class", "secret", PROOF)
    assert "secret" in ran.stdout and "openai" in ran.stdout
    assert dewpoint.run("explain", "--model", "no/such", PROOF).returncode != 0


def test_what_explain_says_is_what_serve_does(own, double):
    routed = place("one", "openai", f"{double.url}/v1", models=["plain"]) + place(
        "two", "openai", f"{double.url}/v1", models=["plain"]
    )
    dewpoint = own(config(routed)).start()
    first = chosen(dewpoint, "Say hello.")
    assert dewpoint.chat().headers["x-dewpoint-place"] == first["place"]
