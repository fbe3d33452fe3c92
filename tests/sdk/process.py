"""The real binary as a process: start it on a free port in a folder of its own, talk to it, stop it in every way.

Never here: an assertion about what Dewpoint answers.
"""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import anthropic
import openai

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("DEWPOINT_BIN", ROOT / "target/release/dewpoint"))
# Generous, since the machine of a CI is slow and shared; a test that passes never waits so long.
PATIENCE_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, patience_s=PATIENCE_S):
    """Polls until `condition()` gives something true, and returns it."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {patience_s} s in vain for: {what}")


class Reply:
    """An HTTP answer, read to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Dewpoint:
    """One Dewpoint with its own home, data and configuration."""

    def __init__(self, folder, config=None, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "dewpoint.toml"
        if config is not None:
            self.configure(config)
        # Nothing of the tester's own environment gets in: no keys, no configuration, no ledger.
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "DEWPOINT_DATA": str(self.folder / "data"),
            **(env or {}),
        }
        (self.folder / "home").mkdir(exist_ok=True)
        self.process = None
        self.port = None

    def configure(self, text):
        """Writes the configuration as an editor does: a new file under the old name."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def command(self, *args):
        return [str(BINARY), *args]

    def launch(self, *args):
        """Starts `dewpoint serve` without waiting for anything."""
        self.port = free_port()
        listen = () if any(a.startswith("--listen") for a in args) else ("--listen", f"127.0.0.1:{self.port}")
        config = ("--config", str(self.config)) if self.config.exists() else ()
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", *config, *listen, *args),
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def start(self, *args, ready=True):
        """Starts `dewpoint serve` and waits until it is alive, and with `ready` until it can answer."""
        self.launch(*args)
        page = "/readyz" if ready else "/healthz"
        wait_for(f"{page}; the log says:\n{self.log()}", lambda: self.alive() and self.answers(page))
        return self

    def alive(self):
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"dewpoint serve ended with {code}:\n{self.log()}")
        return True

    def answers(self, page):
        try:
            return self.request("GET", page).status == 200
        except OSError:
            return False

    def log(self):
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self):
        """SIGKILL: no chance to write anything."""
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE_S)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def run(self, *args, stdin=None):
        """Another command of the binary, in the same folder and environment."""
        config = ("--config", str(self.config)) if self.config.exists() else ()
        return subprocess.run(
            self.command(*args, *config),
            cwd=self.folder,
            env=self.env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def request(self, method, path, body=None, headers=None):
        """One request without any SDK; `body` is bytes, or anything that becomes JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            try:
                connection.request(
                    method, path, body=body, headers={"content-type": "application/json", **(headers or {})}
                )
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:
                    raise  # There was no connection at all.
                # Refused before everything was sent: the answer is there to read.
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def chat(self, model="auto", text="Say hello.", headers=None, **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.request("POST", "/v1/chat/completions", body, headers)

    # The SDKs retry by themselves; a test wants to see the first answer.
    def openai(self, key="none", **more):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=key, max_retries=0, **more)

    def anthropic(self, key="none", **more):
        return anthropic.Anthropic(base_url=f"http://127.0.0.1:{self.port}", api_key=key, max_retries=0, **more)
