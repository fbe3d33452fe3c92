"""With nothing configured the embedded engine answers, through both SDKs."""

import re

import openai
import pytest

SAY = [{"role": "user", "content": "Say hello."}]


def is_sentence(text):
    """Begins like a sentence, ends like one, and has words between."""
    text = text.strip()
    return bool(re.match(r"[A-Z]", text)) and text[-1] in ".!?" and len(text.split()) >= 2


def test_the_first_answer_is_a_sentence(embedded):
    answer = embedded.openai().chat.completions.create(model="auto", messages=SAY)
    assert is_sentence(answer.choices[0].message.content), answer
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model != "auto"
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_readme_example(embedded):
    """The five lines of the README, with the port of this test."""
    client = openai.OpenAI(base_url=f"http://localhost:{embedded.port}/v1", api_key="none")
    answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Say hello."}])
    assert answer.choices[0].message.content


def test_a_stream_gives_the_same_text_in_pieces(embedded):
    client = embedded.openai()
    fixed = {"model": "auto", "messages": SAY, "temperature": 0, "seed": 7}
    plain = client.chat.completions.create(**fixed)
    chunks = list(client.chat.completions.create(**fixed, stream=True))
    pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(pieces) == plain.choices[0].message.content
    assert len([p for p in pieces if p]) > 1, "it came in one piece"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert all(c.usage is None for c in chunks), "usage was not asked for"
    assert len({c.id for c in chunks}) == 1


def test_a_stream_ends_with_usage_when_asked(embedded):
    stream = embedded.openai().chat.completions.create(
        model="auto", messages=SAY, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0
    assert all(c.usage is None for c in chunks[:-1])


def test_headers_name_the_place(embedded):
    raw = embedded.openai().chat.completions.with_raw_response.create(model="auto", messages=SAY)
    assert raw.headers["x-dewpoint-place"] and raw.headers["x-dewpoint-place"] != "none"
    assert "task=" in raw.headers["x-dewpoint-decision"]
    assert re.fullmatch(r"unknown|\d+\.\d{9}", raw.headers["x-dewpoint-cost-usd"])
    assert raw.headers["x-request-id"]
    assert raw.parse().model in raw.headers["x-dewpoint-decision"]


def test_a_request_id_of_the_caller_is_kept(embedded):
    assert embedded.chat(headers={"x-request-id": "mine-42"}).headers["x-request-id"] == "mine-42"
    assert embedded.chat().headers["x-request-id"] != embedded.chat().headers["x-request-id"]


@pytest.mark.parametrize("model", ["auto", "auto:cheap", "auto:best", "auto:local"])
def test_auto_names(embedded, model):
    answer = embedded.openai().chat.completions.create(model=model, messages=SAY, max_tokens=8)
    assert answer.choices[0].message.content


def test_models_list_and_retrieve(embedded):
    client = embedded.openai()
    models = {m.id: m for m in client.models.list()}
    assert "auto" in models
    [edge] = [name for name in models if "/" in name]
    assert client.models.retrieve(edge).id == edge
    assert "demonstration" in embedded.request("GET", "/v1/models").body.decode(), "it does not say what the model is"
    answer = client.chat.completions.create(model=edge, messages=SAY)
    assert edge.endswith(answer.model)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no/such")


def test_the_same_seed_gives_the_same_text(embedded):
    def answer(seed):
        reply = embedded.openai().chat.completions.create(model="auto", messages=SAY, temperature=1.5, seed=seed)
        return reply.choices[0].message.content

    assert answer(1) == answer(1)


def test_max_tokens_ends_with_length(embedded):
    answer = embedded.openai().chat.completions.create(model="auto", messages=SAY, max_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3


def test_stop_sequences_stop(embedded):
    fixed = {"model": "auto", "messages": SAY, "temperature": 0, "seed": 7}
    client = embedded.openai()
    whole = client.chat.completions.create(**fixed).choices[0].message.content
    word = whole.split()[1]
    stopped = client.chat.completions.create(**fixed, stop=[word])
    assert stopped.choices[0].message.content == whole.split(word)[0]
    assert stopped.choices[0].finish_reason == "stop"


def test_logprobs(embedded):
    answer = embedded.openai().chat.completions.create(
        model="auto", messages=SAY, logprobs=True, top_logprobs=2, max_tokens=4
    )
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert all(t.logprob <= 0 and len(t.top_logprobs) == 2 for t in tokens)


def test_who_does_not_ask_for_logprobs_sees_none(embedded):
    client = embedded.openai()
    fixed = {"model": "auto", "messages": SAY, "temperature": 0, "max_tokens": 6}
    raw = client.chat.completions.with_raw_response.create(**fixed)
    assert raw.parse().choices[0].logprobs is None and "top_logprobs" not in raw.text
    for chunk in client.chat.completions.create(**fixed, stream=True):
        assert all(choice.logprobs is None for choice in chunk.choices), chunk
    raw = client.completions.with_raw_response.create(model="auto", prompt="The sky is", max_tokens=6)
    assert raw.parse().choices[0].logprobs is None and "token_logprobs" not in raw.text
    said = {"model": "auto", "messages": SAY, "max_tokens": 6}
    raw = embedded.anthropic().messages.with_raw_response.create(**said)
    assert raw.parse().content and "logprob" not in raw.text()
    with embedded.anthropic().messages.stream(**said) as stream:
        assert all("logprob" not in event.to_json() for event in stream)


@pytest.mark.parametrize("most", [None, 0, 3])
def test_who_asks_for_logprobs_gets_exactly_those(embedded, most):
    client = embedded.openai()
    fixed = {"model": "auto", "messages": SAY, "temperature": 0, "seed": 7, "max_tokens": 6, "logprobs": True}
    if most is not None:
        fixed["top_logprobs"] = most
    plain = client.chat.completions.create(**fixed).choices[0]
    tokens = plain.logprobs.content
    assert "".join(t.token for t in tokens) == plain.message.content
    assert all(len(t.top_logprobs) == (most or 0) for t in tokens)
    streamed = [c.choices[0] for c in client.chat.completions.create(**fixed, stream=True) if c.choices]
    pieces = [t for choice in streamed if choice.logprobs for t in choice.logprobs.content]
    assert [t.token for t in pieces] == [t.token for t in tokens]
    assert all(len(t.top_logprobs) == (most or 0) for t in pieces)
    for choice in (c for c in streamed if c.logprobs):
        assert "".join(t.token for t in choice.logprobs.content) == choice.delta.content


def test_completions(embedded):
    answer = embedded.openai().completions.create(model="auto", prompt="The sky is", max_tokens=8)
    assert answer.object == "text_completion" and answer.choices[0].text
    stream = embedded.openai().completions.create(model="auto", prompt="The sky is", max_tokens=8, stream=True)
    assert "".join(c.choices[0].text for c in stream if c.choices)


def test_anthropic_plain_and_count(embedded):
    client = embedded.anthropic()
    message = client.messages.create(model="auto", max_tokens=64, messages=SAY)
    assert is_sentence(message.content[0].text), message
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0
    count = client.messages.count_tokens(model="auto", messages=SAY)
    longer = client.messages.count_tokens(model="auto", messages=[{"role": "user", "content": "Say hello. " * 50}])
    assert 0 < count.input_tokens < longer.input_tokens


def test_anthropic_stream(embedded):
    with embedded.anthropic().messages.stream(model="auto", max_tokens=64, messages=SAY) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text and is_sentence(text)
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


def test_health_and_metrics(embedded):
    embedded.chat(stream=True)  # The time to the first token is that of streams.
    assert embedded.request("GET", "/healthz").status == 200
    # Once ready it stays so: a balancer in front must not take it out while the model is there.
    assert {embedded.request("GET", "/readyz").status for _ in range(20)} == {200}
    text = embedded.request("GET", "/metrics").body.decode()
    for name in ("gen_ai_client_token_usage", "gen_ai_client_operation_duration", "gen_ai_server_time_to_first_token"):
        assert name in text, name
    assert "mine-42" not in text, "a request id must never be a label"


def test_the_start_says_what_was_found(embedded):
    log = embedded.log()
    assert "edge" in log and "embedded" in log
    assert "11434" in log or "ollama" in log.lower(), "what was looked for and not found is not said"
    assert "demonstration" in log
