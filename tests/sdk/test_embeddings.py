"""Embeddings by the openai SDK, which asks for base64 by itself and decodes it, through a place that knows floats only."""

import openai
import pytest

from conftest import config


@pytest.fixture
def encoder(own, double):
    text = config(
        f'''
[[place]]
name = "vec"
api = "openai"
base_url = "{double.url}/v1"
zone = "vendor-cloud"
models = [{{ id = "small", embeddings = true, price = {{ input_per_mtok = 1, output_per_mtok = 0 }} }}, {{ id = "plain" }}]
'''
    )
    return own(text).start()


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float"])
def test_vectors_in_either_encoding(encoder, encoding):
    client = encoder.openai()
    got = client.embeddings.create(model="auto", input=["one", "three"], encoding_format=encoding)
    assert [row.index for row in got.data] == [0, 1]
    assert [row.embedding for row in got.data] == [
        pytest.approx([3, 0, 0.1], abs=1e-6),
        pytest.approx([5, 1, 0.1], abs=1e-6),
    ]
    assert (got.usage.prompt_tokens, got.usage.total_tokens) == (2, 2)


def test_a_text_by_itself_is_one_vector(encoder, double):
    raw = encoder.openai().embeddings.with_raw_response.create(model="vec/small", input="alone at the double")
    assert len(raw.parse().data) == 1
    assert raw.headers["x-dewpoint-place"] == "vec"
    assert raw.headers["x-dewpoint-cost-usd"] == "0.000001000"
    assert double.asked("alone at the double")[-1]["body"]["input"] == ["alone at the double"]


def test_what_cannot_be_is_said(encoder):
    client = encoder.openai()
    with pytest.raises(openai.BadRequestError) as empty:
        client.embeddings.create(model="auto", input=["a", ""])
    assert empty.value.param == "input[1]"
    with pytest.raises(openai.BadRequestError) as chat:
        client.chat.completions.create(model="vec/small", messages=[{"role": "user", "content": "x"}])
    assert chat.value.code == "unsupported_feature"
    with pytest.raises(openai.BadRequestError) as writer:
        client.embeddings.create(model="vec/plain", input="a")
    assert writer.value.code == "unsupported_feature"
