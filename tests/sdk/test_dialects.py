"""Every SDK against every protocol behind: plain, streamed, usage, tools. Nothing is lost on the way."""

import json

import pytest

from conftest import WEATHER

PLACES = ["oai", "ant", "oll"]
SAY = [{"role": "user", "content": "Say hello."}]
ANSWER = "Hello from the double."
OPENAI_TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": WEATHER}}
]
ANTHROPIC_TOOLS = [{"name": "get_weather", "description": "Weather of a city", "input_schema": WEATHER}]


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


def test_openai_plain(behind, place):
    raw = behind.openai().chat.completions.with_raw_response.create(model=f"{place}/plain", messages=SAY)
    answer = raw.parse()
    assert answer.choices[0].message.content == ANSWER
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 5, 12)
    assert answer.choices[0].finish_reason == "stop" and answer.model == "plain"
    assert raw.headers["x-dewpoint-place"] == place
    # 7 tokens at 1 $ and 5 at 2 $ per million: exact to the nano-dollar.
    assert raw.headers["x-dewpoint-cost-usd"] == "0.000017000"


def test_openai_stream(behind, place):
    chunks = list(behind.openai().chat.completions.create(model=f"{place}/plain", messages=SAY, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == ANSWER
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert all(c.usage is None and c.choices for c in chunks), "usage was not asked for"


def test_openai_stream_with_usage(behind, place):
    more = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(behind.openai().chat.completions.create(model=f"{place}/plain", messages=SAY, **more))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 12


def test_openai_tools(behind, place):
    more = {"messages": SAY, "tools": OPENAI_TOOLS, "tool_choice": "auto"}
    answer = behind.openai().chat.completions.create(model=f"{place}/tools", **more)
    [call] = answer.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    assert call.id and call.type == "function" and answer.choices[0].finish_reason == "tool_calls"


def test_openai_tools_streamed(behind, place):
    more = {"messages": SAY, "tools": OPENAI_TOOLS, "stream": True}
    names, arguments, finish = [], "", None
    for chunk in behind.openai().chat.completions.create(model=f"{place}/tools", **more):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                names += [call.function.name] if call.function.name else []
                arguments += call.function.arguments or ""
    assert (names, json.loads(arguments), finish) == (["get_weather"], {"city": "Paris"}, "tool_calls")


def test_openai_tool_results_go_back(behind, double, place):
    call = {"id": "call_9", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    mark = f"22 degrees, says {place}"
    messages = [
        *SAY,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_9", "content": mark},
    ]
    behind.openai().chat.completions.create(model=f"{place}/plain", messages=messages, tools=OPENAI_TOOLS)
    [seen] = double.asked(mark)
    assert "get_weather" in json.dumps(seen["body"]["messages"])


def test_anthropic_plain(behind, place):
    message = behind.anthropic().messages.create(model=f"{place}/plain", max_tokens=50, messages=SAY, system="Be kind.")
    assert message.content[0].text == ANSWER
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 5)
    assert message.stop_reason == "end_turn" and message.model == "plain"


def test_anthropic_stream(behind, place):
    with behind.anthropic().messages.stream(model=f"{place}/plain", max_tokens=50, messages=SAY) as stream:
        assert "".join(stream.text_stream) == ANSWER
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn" and final.usage.output_tokens == 5


def test_anthropic_tools(behind, place):
    message = behind.anthropic().messages.create(
        model=f"{place}/tools", max_tokens=50, messages=SAY, tools=ANTHROPIC_TOOLS
    )
    [use] = [block for block in message.content if block.type == "tool_use"]
    assert (use.name, use.input, message.stop_reason) == ("get_weather", {"city": "Paris"}, "tool_use")
    assert use.id


def test_anthropic_tools_streamed(behind, place):
    more = {"max_tokens": 50, "messages": SAY, "tools": ANTHROPIC_TOOLS}
    with behind.anthropic().messages.stream(model=f"{place}/tools", **more) as stream:
        final = stream.get_final_message()
    [use] = [block for block in final.content if block.type == "tool_use"]
    assert (use.name, use.input, final.stop_reason) == ("get_weather", {"city": "Paris"}, "tool_use")


def test_unicode_and_whitespace_survive(behind, place):
    text = 'naïve – 中文 🌫️\ttab "quotes" \\ backslash\nline é end'
    answer = behind.openai().chat.completions.create(
        model=f"{place}/echo", messages=[{"role": "user", "content": text}]
    )
    assert answer.choices[0].message.content == text
    stream = behind.openai().chat.completions.create(
        model=f"{place}/echo", messages=[{"role": "user", "content": text}], stream=True
    )
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == text


def test_fields_of_the_api_reach_a_place_of_the_same_api(behind, double):
    mark = "keep every field"
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": WEATHER, "strict": True}}
    sent = {
        "temperature": 0.25,
        "top_p": 0.5,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "seed": 3,
        "stop": ["END"],
        "n": 1,
        "logit_bias": {"50256": -100},
        "user": "u-1",
        "response_format": schema,
        "parallel_tool_calls": False,
        "tools": OPENAI_TOOLS,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "top_logprobs": 2,
        "logprobs": True,
    }
    behind.openai().chat.completions.create(model="oai/plain", messages=[{"role": "user", "content": mark}], **sent)
    [seen] = double.asked(mark)
    assert {name: seen["body"].get(name) for name in sent} == sent
    assert seen["body"]["model"] == "plain"


def test_the_limit_of_tokens_has_the_name_that_the_place_knows(behind, double):
    """Engines that speak OpenAI's protocol know `max_tokens`; OpenAI itself wants `max_completion_tokens`."""
    for name in ("max_tokens", "max_completion_tokens"):
        behind.chat("oai/plain", f"the limit as {name}", **{name: 9})
        [seen] = double.asked(f"the limit as {name}")
        assert seen["body"]["max_tokens"] == 9 and "max_completion_tokens" not in seen["body"]


def test_unknown_fields_are_forwarded(behind, double):
    behind.chat("oai/plain", "an unknown field", x_new_field={"deep": [1, 2.50, 12345678901234567890]})
    [seen] = double.asked("an unknown field")
    assert seen["body"]["x_new_field"] == {"deep": [1, 2.5, 12345678901234567890]}


def test_images_reach_the_place(behind, double, place):
    url = "data:image/png;base64,iVBORw0KGgo="
    mark = f"an image for {place}"
    content = [{"type": "text", "text": mark}, {"type": "image_url", "image_url": {"url": url}}]
    behind.openai().chat.completions.create(model=f"{place}/plain", messages=[{"role": "user", "content": content}])
    [seen] = double.asked(mark)
    assert "iVBORw0KGgo=" in json.dumps(seen["body"])


def test_the_key_of_the_place_is_used_and_the_callers_is_not(behind, double):
    behind.openai(key="callers-own-key").chat.completions.create(
        model="oai/plain", messages=[{"role": "user", "content": "whose key"}]
    )
    [seen] = double.asked("whose key")
    assert seen["headers"]["authorization"] == "Bearer sk-double"
    assert "callers-own-key" not in json.dumps(seen["headers"])
    behind.anthropic(key="callers-own-key").messages.create(
        model="ant/plain", max_tokens=5, messages=[{"role": "user", "content": "whose key, anthropic"}]
    )
    [seen] = double.asked("whose key, anthropic")
    assert seen["headers"]["x-api-key"] == "sk-double" and seen["headers"]["anthropic-version"]
