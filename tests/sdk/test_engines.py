"""A real engine behind: llama.cpp's own server with the bundled model. `make test-engines` builds it and runs this; it is
left out of `make test`, since the build takes about eight minutes.
"""

import os
import pathlib
import subprocess

import pytest
from process import PATIENCE_S, ROOT, Dewpoint, free_port, wait_for

SERVER = os.environ.get("DEWPOINT_LLAMA_SERVER")
MODEL = ROOT / "models/edge/dewpoint-edge.gguf"
SAY = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """llama.cpp's server, and Dewpoint in front of it with its own engine off."""
    port = free_port()
    folder = tmp_path_factory.mktemp("engine")
    with open(folder / "engine.txt", "wb") as log:
        engine = subprocess.Popen(
            [SERVER, "--model", str(MODEL), "--host", "127.0.0.1", "--port", str(port), "--metrics", "--jinja"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    place = (
        f'[[place]]\nname = "real"\nprofile = "llama-server"\nbase_url = "http://127.0.0.1:{port}/v1"\ntier = "local"\n'
    )
    dewpoint = Dewpoint(folder, place + "[discovery]\nenabled = false\n[engine]\nenabled = false\n")
    try:
        dewpoint.start(ready=False)
        wait_for("the engine", lambda: engine.poll() is None and dewpoint.answers("/readyz"), PATIENCE_S)
        yield dewpoint
    finally:
        dewpoint.close()
        engine.kill()
        engine.wait()


def model(served):
    [name] = [m.id for m in served.openai().models.list() if m.id.startswith("real/")]
    return name


def test_its_model_is_found(served):
    assert pathlib.Path(model(served)).name


def test_plain_and_stream_agree(served):
    fixed = {"model": model(served), "messages": SAY, "temperature": 0, "max_tokens": 20}
    client = served.openai()
    plain = client.chat.completions.create(**fixed)
    chunks = list(client.chat.completions.create(**fixed, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == plain.choices[0].message.content
    assert plain.usage.completion_tokens > 0


def test_the_other_dialect(served):
    with served.anthropic().messages.stream(model=model(served), max_tokens=20, messages=SAY) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text and final.usage.output_tokens > 0 and final.stop_reason in ("end_turn", "max_tokens")


def test_length(served):
    answer = served.openai().chat.completions.create(model=model(served), messages=SAY, max_tokens=2)
    assert answer.choices[0].finish_reason == "length"
