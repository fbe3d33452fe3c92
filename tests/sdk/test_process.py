"""The process itself: how it starts, refuses to start, reloads and ends."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import config, place, places
from process import free_port, wait_for


def refused(own, text, *args, env=None):
    """Starts a server that must not come up; returns what it said."""
    dewpoint = own(text, env)
    dewpoint.launch(*args)
    code = dewpoint.process.wait(timeout=30)
    log = dewpoint.log()
    assert code != 0 and "panicked" not in log, (code, log)
    return log


def children(pid):
    """The processes whose parent is `pid`, by `ps`, which Linux and macOS have."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent, state in rows if int(parent) == pid and not state.startswith("Z")]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def models(dewpoint):
    return {m["id"] for m in dewpoint.request("GET", "/v1/models").json()["data"]}


def test_it_is_alive_within_a_second_or_so(own):
    """The aim is one second without the model; the rest is for a slow and shared machine."""
    dewpoint = own()
    began = time.monotonic()
    dewpoint.start(ready=False)
    assert time.monotonic() - began < 4


def test_not_loopback_without_keys(own):
    log = refused(own, config(""), "--listen", "0.0.0.0:0")
    assert "key" in log and "0.0.0.0" in log


def test_not_loopback_with_keys(own, double):
    keys = '\n[[key]]\nname = "team"\nsecret = { env = "TEAM_KEY" }\n'
    dewpoint = own(config(places(double.url) + keys), {"TEAM_KEY": "dp_team_0123456789abcdefghijklmnopqrstuv"})
    port = free_port()
    dewpoint.launch("--listen", f"0.0.0.0:{port}")
    dewpoint.port = port
    wait_for("healthz", lambda: dewpoint.alive() and dewpoint.answers("/healthz"))


def test_a_port_in_use(own):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert str(port) in refused(own, config(""), "--listen", f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nlistn = 1\n", ["listn", "listen", "2"]),
        ('[[place]]\nname = "x"\nbas_url = "http://127.0.0.1:1"\n', ["bas_url", "base_url", "3"]),
        ("[server\n", ["1"]),
        ("[server]\nlisten = 7\n", ["listen"]),
        (
            '[[place]]\nname = "x"\napi = "openai"\nbase_url = "http://127.0.0.1:1/v1"\napi_key = { env = "NOT_THERE" }\n',
            ["NOT_THERE"],
        ),
        ('[[place]]\nname = "x"\napi = "telepathy"\n', ["telepathy", "openai"]),
        ('[[place]]\nname = "x"\napi = "openai"\nbase_url = "not a url"\n', ["not a url", "4"]),
        ('[policy.reach]\nsecret = "moon"\n', ["moon", "same-host"]),
    ],
)
def test_an_invalid_configuration(own, text, said):
    log = refused(own, text)
    checked = own(text, name="checked").run("check")
    assert checked.returncode != 0
    for word in said:
        assert word in log and word in checked.stderr + checked.stdout, (word, log, checked)


def test_a_configuration_that_is_not_there(own):
    log = refused(own, None, "--config", "nowhere.toml")
    assert "nowhere.toml" in log


def test_check_says_where_values_come_from_and_hides_secrets(own, double):
    ran = own(config(places(double.url))).run("check")
    assert ran.returncode == 0, ran.stderr
    assert "dewpoint.toml" in ran.stdout and "default" in ran.stdout and "body_max_mb" in ran.stdout
    assert "sk-double" not in ran.stdout and "DOUBLE_KEY" in ran.stdout


def test_init_writes_a_file_that_holds(own):
    dewpoint = own(None, {"OPENAI_API_KEY": "sk-not-real"})
    assert dewpoint.run("init").returncode == 0
    text = dewpoint.config.read_text()
    assert "sk-not-real" not in text and "OPENAI_API_KEY" in text
    assert dewpoint.run("check").returncode == 0
    assert dewpoint.run("init").returncode != 0, "it must not replace a file unasked"


def test_reload_on_sighup_and_on_change(own, double):
    dewpoint = own(config(place("one", "openai", f"{double.url}/v1", models=["plain"]))).start()
    assert "one/plain" in models(dewpoint)
    dewpoint.configure(config(place("two", "openai", f"{double.url}/v1", models=["plain"])))
    dewpoint.signal(signal.SIGHUP)
    wait_for("the new place", lambda: "two/plain" in models(dewpoint))
    assert "one/plain" not in models(dewpoint)
    dewpoint.configure(config(place("three", "openai", f"{double.url}/v1", models=["plain"])))
    wait_for("the change to be seen without a signal", lambda: "three/plain" in models(dewpoint))
    assert dewpoint.chat("three/plain").status == 200


def test_an_invalid_file_leaves_the_old_one_in_force(own, double):
    dewpoint = own(config(place("one", "openai", f"{double.url}/v1", models=["plain"]))).start()
    dewpoint.configure("[server]\nlistn = 1\n")
    dewpoint.signal(signal.SIGHUP)
    wait_for("a line in the log", lambda: dewpoint.alive() and "listn" in dewpoint.log())
    assert dewpoint.chat("one/plain").status == 200


def test_sigterm_lets_streams_finish(own, double):
    dewpoint = own(config(places(double.url))).start()
    stream = dewpoint.openai().chat.completions.create(
        model="oai/slow", messages=[{"role": "user", "content": "x"}], stream=True
    )
    pieces = []
    reader = threading.Thread(
        target=lambda: pieces.extend(c.choices[0].delta.content or "" for c in stream if c.choices)
    )
    reader.start()
    wait_for("the stream to begin", lambda: pieces)
    dewpoint.signal(signal.SIGTERM)
    reader.join(timeout=30)
    assert "".join(pieces) == "Hello from the double." * 2
    assert dewpoint.process.wait(timeout=30) == 0


def test_sigint_ends_it_too(own):
    dewpoint = own(config("")).start(ready=False)
    dewpoint.signal(signal.SIGINT)
    assert dewpoint.process.wait(timeout=30) == 0


def test_environment_keys_are_discovered_and_not_shown(own):
    dewpoint = own(None, {"OPENAI_API_KEY": "sk-found-in-env"}).start(ready=False)
    wait_for("the table", lambda: "openai" in dewpoint.log())
    assert "sk-found-in-env" not in dewpoint.log()


def test_the_worker_that_dies_is_restarted(own):
    """ggml may abort its process; then only that process is gone, and another takes its place."""
    dewpoint = own(config("", engine=True)).start()

    parent = dewpoint.process.pid
    [worker] = wait_for("the worker", lambda: children(parent))
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker", lambda: children(parent) not in ([], [worker]))
    wait_for("an answer", lambda: dewpoint.chat().status == 200)
    [worker] = children(parent)
    assert dewpoint.stop() == 0
    wait_for("the worker to end with its parent", lambda: not is_running(worker))


def test_a_model_file_that_is_broken_or_missing(own):
    for text in (b"GGUF\x03\0\0\0" + b"\xff" * 64, b"not a model", None):
        dewpoint = own(None, name=f"model-{len(text or b'')}")
        path = dewpoint.folder / "broken.gguf"
        if text is not None:
            path.write_bytes(text)
        dewpoint.configure(config(f'model = "{path}"\n', engine=True))
        dewpoint.launch()
        wait_for("a word about the file", lambda d=dewpoint: "broken.gguf" in d.log())
        ended = lambda d=dewpoint: d.process.poll() is not None
        wait_for("the server, or its end", lambda d=dewpoint: ended(d) or d.answers("/healthz"))
        if not ended():
            assert dewpoint.chat().status >= 500
        assert "panicked" not in dewpoint.log()
