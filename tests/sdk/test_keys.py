"""Keys of callers: wanted when configured, in whichever header an SDK sends them, and limited to their scope."""

import anthropic
import openai
import pytest

from conftest import config, places
from process import Dewpoint

SAY = [{"role": "user", "content": "Say hello."}]
KEYS = """
[[key]]
name = "team"
secret = { env = "TEAM_KEY" }
[[key]]
name = "narrow"
secret = { env = "NARROW_KEY" }
places = ["oai"]
models = ["oai/plain", "oai/tools"]
[[key]]
name = "careful"
secret = { env = "CAREFUL_KEY" }
class = "secret"
"""
REST = "0123456789abcdefghijklmnopqrstuv"
TEAM, NARROW, CAREFUL = (f"dp_{name}_{REST}" for name in ("team", "narrow", "careful"))
ENV = {"TEAM_KEY": TEAM, "NARROW_KEY": NARROW, "CAREFUL_KEY": CAREFUL, "DOUBLE_KEY": "sk-double"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, double):
    dewpoint = Dewpoint(tmp_path_factory.mktemp("keyed"), config(places(double.url) + KEYS), ENV).start()
    yield dewpoint
    dewpoint.close()


def ask(keyed, key, model="oai/plain"):
    return keyed.openai(key=key).chat.completions.create(model=model, messages=SAY)


def test_missing_and_wrong_keys(keyed):
    for key in ("wrong", TEAM + "2", "' OR '1'='1", TEAM[:-1], "x" * 5000):
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(keyed, key)
        assert caught.value.code == "invalid_api_key" and key not in str(caught.value.body)
        with pytest.raises(anthropic.AuthenticationError) as caught:
            keyed.anthropic(key=key).messages.create(model="oai/plain", max_tokens=5, messages=SAY)
        assert caught.value.type == "authentication_error"
    assert keyed.chat("oai/plain").status == 401
    assert keyed.request("GET", "/v1/models").status == 401


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_every_header_of_the_ecosystem(keyed, header):
    value = TEAM if header != "authorization" else f"Bearer {TEAM}"
    assert keyed.chat("oai/plain", headers={header: value}).status == 200


def test_both_sdks(keyed):
    assert ask(keyed, TEAM).choices
    assert keyed.anthropic(key=TEAM).messages.create(model="ant/plain", max_tokens=5, messages=SAY).content


def test_scope(keyed):
    assert ask(keyed, NARROW).choices
    for model in ("oai/echo", "ant/plain"):
        with pytest.raises((openai.PermissionDeniedError, openai.NotFoundError)):
            ask(keyed, NARROW, model)
    seen = {m.id for m in keyed.openai(key=NARROW).models.list() if "/" in m.id}
    assert seen == {"oai/plain", "oai/tools"}


def test_the_class_of_a_key_holds(keyed):
    with pytest.raises(openai.PermissionDeniedError):
        ask(keyed, CAREFUL)
    reply = keyed.chat("oai/plain", headers={"authorization": f"Bearer {CAREFUL}", "x-dewpoint-class": "public"})
    assert reply.status == 403, "a header may only raise the class of the key"


def test_health_is_open_and_no_key_is_logged(keyed):
    assert keyed.request("GET", "/healthz").status == 200
    for secret in ENV.values():
        assert secret not in keyed.log()


def test_a_new_key_works(own, double):
    maker = own()
    made = maker.run("key", "new")
    lines = made.stdout.splitlines()
    start = lines.index("[[key]]")
    dewpoint = own(config(places(double.url)) + "\n" + "\n".join(lines[start:]) + "\n", name="served").start()
    assert ask(dewpoint, lines[0]).choices
    with pytest.raises(openai.AuthenticationError):
        ask(dewpoint, lines[0] + "x")
