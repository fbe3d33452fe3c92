"""Fixtures: a Dewpoint with nothing configured, one with three doubles behind it, and one of a test's own.

The shared ones live for the whole run; a test that stops, breaks or reconfigures takes `own`.
"""

import os
import pathlib
import subprocess

import pytest

from double import MODELS, STATUSES, Upstream
from process import BINARY, ROOT, Dewpoint

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

# The embedded engine stays off where a test does not ask for it: it costs a model load.
HEAD = """
[server]
body_max_mb = 1
[resilience]
# One fault after the other at the same place: what is learned of one must not hide the next.
breaker_failures = 0
breaker_percent = 0
key_open_s = 0
pause_max_s = 0
[discovery]
enabled = false
[engine]
enabled = {engine}
"""


def place(name, api, url, zone="vendor-cloud", tier="cloud", models=None):
    """A place of the configuration; every model can do everything that the doubles can, at a known price."""
    rows = []
    for model in models or MODELS + [f"status-{status}" for status in STATUSES]:
        rows.append(
            f'  {{ id = "{model}", context_tokens = 8192, tools = true, json_schema = true, vision = true, logprobs = true, '
            "price = { input_per_mtok = 1, output_per_mtok = 2 } },"
        )
    return (
        f'\n[[place]]\nname = "{name}"\napi = "{api}"\nbase_url = "{url}"\napi_key = {{ env = "DOUBLE_KEY" }}\n'
        f'tier = "{tier}"\nkind = "serverless"\nzone = "{zone}"\nmodels = [\n' + "\n".join(rows) + "\n]\n"
    )


def places(url):
    """One double under the three protocols."""
    return place("oai", "openai", f"{url}/v1") + place("ant", "anthropic", f"{url}/v1") + place("oll", "ollama", url)


def config(text, engine=False):
    return HEAD.format(engine=str(engine).lower()) + text


def pytest_configure():
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} is not there: run `make build`, or set DEWPOINT_BIN")


def pytest_collection_modifyitems(items):
    # Real engines have their own target, which builds them first.
    if "DEWPOINT_LLAMA_SERVER" not in os.environ:
        items[:] = [item for item in items if item.path.name != "test_engines.py"]


@pytest.fixture(scope="session")
def double():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    """`dewpoint serve` with nothing configured: the bundled model answers."""
    dewpoint = Dewpoint(tmp_path_factory.mktemp("embedded")).start()
    yield dewpoint
    dewpoint.close()


@pytest.fixture(scope="session")
def behind(tmp_path_factory, double):
    """Dewpoint with the double behind it as OpenAI, Anthropic and Ollama."""
    folder = tmp_path_factory.mktemp("behind")
    dewpoint = Dewpoint(folder, config(places(double.url)), {"DOUBLE_KEY": "sk-double"}).start()
    yield dewpoint
    dewpoint.close()


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A folder with the test models, written by the generator of the repository (or DEWPOINT_TEST_MODELS)."""
    if "DEWPOINT_TEST_MODELS" in os.environ:
        return pathlib.Path(os.environ["DEWPOINT_TEST_MODELS"])
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        ["cargo", "run", "--release", "--quiet", "-p", "testkit", "--example", "test-models", "--", str(folder)],
        cwd=ROOT,
        check=True,
    )
    return folder


@pytest.fixture
def own(tmp_path):
    """Makes a Dewpoint for one test: `own(config, env)`; it is not started yet."""
    made = []

    def make(text=None, env=None, name="own"):
        dewpoint = Dewpoint(tmp_path / name, text, {"DOUBLE_KEY": "sk-double", **(env or {})})
        made.append(dewpoint)
        return dewpoint

    yield make
    for dewpoint in made:
        dewpoint.close()
