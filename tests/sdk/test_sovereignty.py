"""What may not leave never leaves: prompts with personal data and secrets, through the SDKs, to a cloud that records what it got
and echoes it. Every check on what the cloud saw has its control: the same value arrives where it may."""

import json

import anthropic
import openai
import pytest

from conftest import WEATHER, config, place
from ledger import records

CARD = "4111 1111 1111 1111"
MAIL = "jane.roe@acme-corp.example"
PROMPT = f"Book it on card {CARD} and write to {MAIL}, Jörg."
# Put together, so that no scanner of this repository takes it for a secret of ours.
TOKEN = "ghp_" + "x7Kq2mV9tR4wZ8nB3cF6jL1pD5sG0hYaTe2U"
DETECT = """
[[detect.dictionary]]
name = "CUSTOMER"
terms = ["Zephyr Ltd"]
class = "sensitive"
"""
PLACES = ["oai", "ant", "oll"]
MODELS = ["echo", "letters", "call", "quote", "status-503"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The double as three clouds, and another one as a place on this host."""
    from double import Upstream
    from process import Dewpoint

    cloud, local = Upstream(), Upstream()
    text = (
        place("oai", "openai", f"{cloud.url}/v1", models=MODELS)
        + place("ant", "anthropic", f"{cloud.url}/v1", models=MODELS)
        + place("oll", "ollama", cloud.url, models=MODELS)
        + place("home", "openai", f"{local.url}/v1", zone="same-host", tier="local", models=MODELS)
    )
    folder = tmp_path_factory.mktemp("guarded")
    dewpoint = Dewpoint(folder, config(DETECT + text), {"DOUBLE_KEY": "sk-double"}).start()
    dewpoint.cloud, dewpoint.local = cloud, local
    yield dewpoint
    dewpoint.close()
    cloud.close()
    local.close()


@pytest.fixture(autouse=True)
def forget(guarded):
    guarded.cloud.requests.clear()
    guarded.local.requests.clear()


@pytest.fixture(params=PLACES)
def where(request):
    return request.param


def saw(upstream):
    """Everything that arrived there, as text."""
    return json.dumps(upstream.requests, ensure_ascii=False)


def kept_home(guarded):
    """The cloud was asked, and none of the values was in what it got."""
    posts = [r for r in guarded.cloud.requests if r["path"] != "/api/show"]
    assert posts, "the cloud was not asked at all"
    for value in (CARD, MAIL, CARD.replace(" ", ""), "jane.roe", TOKEN, "Zephyr"):
        assert value not in saw(guarded.cloud), value


def say(text):
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("script", ["echo", "letters"])
def test_openai_plain_and_streamed(guarded, where, script):
    client, model = guarded.openai(), f"{where}/{script}"
    raw = client.chat.completions.with_raw_response.create(model=model, messages=say(PROMPT))
    assert raw.parse().choices[0].message.content == PROMPT
    assert raw.headers["x-dewpoint-class"] == "personal"
    assert raw.headers["x-dewpoint-redacted"] == "CREDIT_CARD=1, EMAIL_ADDRESS=1"
    chunks = list(client.chat.completions.create(model=model, messages=say(PROMPT), stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == PROMPT
    kept_home(guarded)


@pytest.mark.parametrize("script", ["echo", "letters"])
def test_anthropic_plain_and_streamed(guarded, where, script):
    client, more = guarded.anthropic(), {"model": f"{where}/{script}", "max_tokens": 100, "messages": say(PROMPT)}
    assert client.messages.create(**more).content[0].text == PROMPT
    with client.messages.stream(**more) as stream:
        assert "".join(stream.text_stream) == PROMPT
    kept_home(guarded)


def test_arguments_of_tool_calls(guarded, where):
    quoted = PROMPT + ' "quoted" \\ and more'
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    more = {"model": f"{where}/call", "messages": say(quoted), "tools": tools}
    [call] = guarded.openai().chat.completions.create(**more).choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": quoted}
    arguments = ""
    for chunk in guarded.openai().chat.completions.create(**more, stream=True):
        for choice in chunk.choices:
            for piece in choice.delta.tool_calls or []:
                arguments += piece.function.arguments or ""
    assert json.loads(arguments) == {"city": quoted}
    tools = [{"name": "get_weather", "input_schema": WEATHER}]
    more = {"model": f"{where}/call", "max_tokens": 100, "messages": say(quoted), "tools": tools}
    [use] = [b for b in guarded.anthropic().messages.create(**more).content if b.type == "tool_use"]
    assert use.input == {"city": quoted}
    with guarded.anthropic().messages.stream(**more) as stream:
        [use] = [b for b in stream.get_final_message().content if b.type == "tool_use"]
    assert use.input == {"city": quoted}
    kept_home(guarded)


def test_structured_outputs(guarded):
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    form = {"type": "json_schema", "json_schema": {"name": "mail", "schema": schema, "strict": True}}
    asked = json.dumps({"to": f"{MAIL} {CARD}"})
    for script in ("echo", "letters"):
        more = {"model": f"oai/{script}", "messages": say(asked), "response_format": form}
        answer = guarded.openai().chat.completions.create(**more).choices[0].message.content
        assert json.loads(answer) == {"to": f"{MAIL} {CARD}"}
    kept_home(guarded)


def test_every_text_of_a_request_counts(guarded):
    tools = [
        {"type": "function", "function": {"name": "get_weather", "description": f"ask {MAIL}", "parameters": WEATHER}}
    ]
    messages = [
        {"role": "system", "content": f"The card of the house is {CARD}."},
        {"role": "user", "name": "jane", "content": [{"type": "text", "text": f"Mail {MAIL}"}]},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"m": MAIL})}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": f"sent to {MAIL}"},
        {"role": "user", "content": "thanks"},
    ]
    more = {"model": "oai/echo", "messages": messages, "tools": tools, "user": MAIL}
    assert guarded.openai().chat.completions.create(**more).choices[0].message.content == "thanks"
    kept_home(guarded)


def test_a_secret_never_leaves_and_never_comes_back(guarded, where):
    for stream in (False, True):
        reply = guarded.chat(f"{where}/letters", f"deploy with {TOKEN} for {MAIL}", stream=stream)
        assert reply.status == 200 and reply.headers["x-dewpoint-class"] == "secret"
        assert TOKEN not in reply.body.decode()
    kept_home(guarded)


def test_a_sensitive_request_is_answered_at_home(guarded):
    reply = guarded.chat("auto", PROMPT, headers={"x-dewpoint-class": "sensitive"})
    assert reply.status == 200, reply.body
    assert reply.headers["x-dewpoint-place"] == "home" and "x-dewpoint-redacted" not in reply.headers
    assert CARD in saw(guarded.local), "the control: own ground sees it as it is"
    # Found, not declared.
    assert guarded.chat("auto", "about Zephyr Ltd").headers["x-dewpoint-place"] == "home"
    assert guarded.cloud.requests == []


def test_there_is_no_quiet_way_to_a_cloud(guarded):
    for text, headers in ((PROMPT, {"x-dewpoint-class": "sensitive"}), ("about Zephyr Ltd", {})):
        with pytest.raises(openai.PermissionDeniedError) as denied:
            guarded.openai().chat.completions.create(model="oai/echo", messages=say(text), extra_headers=headers)
        assert denied.value.code == "policy_denied"
        assert CARD not in str(denied.value) and "Zephyr" not in str(denied.value)
        with pytest.raises(anthropic.PermissionDeniedError):
            more = {"model": "ant/echo", "max_tokens": 9, "messages": say(text), "extra_headers": headers}
            guarded.anthropic().messages.create(**more)
    assert guarded.cloud.requests == []


def test_logs_and_metrics_hold_nothing(guarded):
    """Also where a place quotes what it was asked."""
    for model, class_ in (("home/quote", "sensitive"), ("oai/quote", "personal"), ("home/status-503", "sensitive")):
        reply = guarded.chat(model, PROMPT, headers={"x-dewpoint-class": class_})
        assert reply.status >= 400
    assert CARD in saw(guarded.local), "the control"
    metrics = guarded.request("GET", "/metrics").body.decode()
    assert 'dewpoint_findings_total{kind="CREDIT_CARD"}' in metrics
    data = b"".join(p.read_bytes() for p in (guarded.folder / "data").rglob("*") if p.is_file())
    for value in (CARD, MAIL, "jane.roe"):
        assert value not in guarded.log() and value not in metrics and value.encode() not in data, value
    assert "attempt failed" in guarded.log(), "the control: failures are logged"


def test_scan_and_explain(guarded):
    lines = [{"id": 1, "text": f"ä {MAIL}"}, {"id": "two", "text": "nothing"}]
    ran = guarded.run("scan", "--json", stdin="\n".join(map(json.dumps, lines)) + "\nno json\n")
    assert ran.returncode == 1
    first, second, bad = map(json.loads, ran.stdout.splitlines())
    assert first["id"] == 1 and first["class"] == "personal"
    assert [2, 2 + len(MAIL), "EMAIL_ADDRESS"] in [span[:3] for span in first["spans"]]
    assert second == {"id": "two", "spans": [], "class": "internal"}
    assert bad["line"] == 3 and "error" in bad
    ran = guarded.run("explain", "--model", "oai/echo", PROMPT)
    assert "CREDIT_CARD ×1 (personal)" in ran.stdout and "EMAIL_ADDRESS ×1 (personal)" in ran.stdout, ran.stdout
    assert CARD not in ran.stdout and MAIL not in ran.stdout
    ran = guarded.run("explain", "--json", "--model", "oai/echo", "about Zephyr Ltd")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert told["found"]["kinds"]["CUSTOMER"]["n"] == 1 and told["refused"][0]["place"]["id"] == "oai"


@pytest.mark.parametrize("api", ["openai", "anthropic", "ollama"])
def test_a_second_reader_on_this_host(own, api):
    """A name that no pattern knows goes to no cloud when a model at home knows it; streams and both SDKs."""
    from double import Upstream

    cloud, home = Upstream(), Upstream()
    url = home.url if api == "ollama" else f"{home.url}/v1"
    text = (
        '[detect]\nreader = "home/reader"\nreader_ms = 20000\n'
        + place("oai", "openai", f"{cloud.url}/v1", models=["letters"])
        + place("home", api, url, zone="same-host", tier="local", models=["reader"])
    )
    dewpoint = own(config(text)).start()
    try:
        name = "Ask Jane Roe about it."
        with pytest.raises(openai.PermissionDeniedError) as denied:
            dewpoint.openai().chat.completions.create(model="oai/letters", messages=say(name), stream=True)
        assert denied.value.code == "policy_denied" and "Jane" not in str(denied.value)
        with pytest.raises(anthropic.PermissionDeniedError):
            with dewpoint.anthropic().messages.stream(model="oai/letters", max_tokens=9, messages=say(name)) as stream:
                stream.get_final_text()
        assert cloud.requests == [] and "Jane Roe" in saw(home), "the control: the reader saw it"
        # What it does not know goes on, with what patterns find taken out and restored.
        chunks = dewpoint.openai().chat.completions.create(model="oai/letters", messages=say(PROMPT), stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == PROMPT
        assert MAIL not in saw(cloud) and MAIL in saw(home)
        asked = {"messages": say(PROMPT), "model": "oai/letters", "max_tokens": 99}
        with dewpoint.anthropic().messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == PROMPT
        assert MAIL not in saw(cloud)
        for value in ("Jane Roe", MAIL):
            assert value not in dewpoint.log(), value
        # Where the reader is not there nothing leaves, and the answer says why.
        gone = own(config(text.replace(home.url, "http://127.0.0.1:1")), name="gone").start()
        before = len(cloud.requests)
        reply = gone.chat("oai/letters", "hello")
        assert reply.status == 403 and b"the second reader did not answer" in reply.body, reply.body
        assert len(cloud.requests) == before
    finally:
        home.close()
        cloud.close()


def test_the_bundled_model_is_asked_and_nothing_it_cannot_read_leaves(own):
    """A real model behind the reader. It is too small for the task, and says nothing that means anything."""
    from double import Upstream

    cloud = Upstream()
    text = '[detect]\nreader = "edge/dewpoint-edge"\nreader_ms = 60000\n'
    text += place("oai", "openai", f"{cloud.url}/v1", models=["letters"])
    dewpoint = own(config(text, engine=True)).start()
    try:
        reply = dewpoint.chat("oai/letters", "Ask Jane Roe about it.")
        assert reply.status == 403 and b"policy_denied" in reply.body and b"Jane" not in reply.body, reply.body
        assert cloud.requests == []
        dewpoint.stop()
        rows = sorted(records(dewpoint), key=lambda row: row["endpoint"])
        assert [(r["endpoint"], r["place"], r["outcome"]) for r in rows] == [
            ("chat", None, "refused"),
            ("detect", "edge", "ok"),
        ]
        assert rows[0]["request_id"] == rows[1]["request_id"]
    finally:
        cloud.close()


def test_a_bad_pattern_refuses_the_new_configuration_and_keeps_the_old(own, double):
    good = config(DETECT + place("oai", "openai", f"{double.url}/v1", models=["echo"]))
    dewpoint = own(good).start()
    assert dewpoint.chat("oai/echo", "about Zephyr Ltd").status == 403
    dewpoint.configure(good + '[[detect.pattern]]\nname = "A"\nregex = "("\nclass = "personal"\n')
    from process import wait_for

    wait_for("the refusal", lambda: "is not taken over" in dewpoint.log())
    assert dewpoint.chat("oai/echo", "about Zephyr Ltd").status == 403
    dewpoint.configure(good.replace("Zephyr Ltd", "Quill Inc"))
    wait_for("the new terms", lambda: dewpoint.chat("oai/echo", "about Quill Inc").status == 403)
    assert dewpoint.chat("oai/echo", "about Zephyr Ltd").status == 200
