"""The engine's worker is killed while 16 streams run and clouds answer others: nobody is left without an end.

Never here: what the engine answers.
"""

import http.client
import json
import os
import signal
import subprocess
import threading

from conftest import HEAD, place
from process import wait_for

STREAMS = 16
CLOUD_CLIENTS = 4


def workers(parent):
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


class Client(threading.Thread):
    """One stream, read to its end; `frames` are its data lines."""

    def __init__(self, dewpoint, model, started=None):
        super().__init__(daemon=True)
        self.dewpoint, self.model, self.started = dewpoint, model, started
        self.status, self.body, self.failure = None, b"", None

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.dewpoint.port, timeout=60)
        ask = {
            "model": self.model,
            "messages": [{"role": "user", "content": "Tell me a long story."}],
            "stream": True,
            "max_tokens": 4000,
        }
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(ask), {"content-type": "application/json"})
            response = connection.getresponse()
            self.status = response.status
            while piece := response.read1(65536):
                self.body += piece
                if self.started is not None and b"content" in self.body:
                    self.started.release()
                    self.started = None
        except Exception as error:  # noqa: BLE001: any end of the connection but a clean one is what the test looks for
            self.failure = error
        finally:
            connection.close()

    def frames(self):
        return [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]

    def has_error(self):
        return any(f != "[DONE]" and "error" in json.loads(f) for f in self.frames())

    def is_whole(self):
        return self.status == 200 and self.failure is None and self.frames()[-1:] == ["[DONE]"]


class Cloud(threading.Thread):
    """Asks the cloud again and again until it is told to stop."""

    def __init__(self, dewpoint):
        super().__init__(daemon=True)
        self.dewpoint, self.enough, self.answers, self.bad = dewpoint, threading.Event(), 0, []

    def run(self):
        while not self.enough.is_set():
            reply = self.dewpoint.chat(model="cloud/plain")
            if reply.status == 200 and "Hello" in reply.body.decode():
                self.answers += 1
            else:
                self.bad.append((reply.status, reply.body[:300]))


def test_a_worker_killed_under_sixteen_streams(own, double, tiny_models):
    config = HEAD.format(engine="true") + f'model = "{tiny_models / "tiny-qwen2.gguf"}"\ncontext_tokens = 1024\n'
    dewpoint = own(config + place("cloud", "openai", f"{double.url}/v1", models=["plain"])).start()
    models = [m["id"] for m in dewpoint.request("GET", "/v1/models").json()["data"]]
    [edge] = [m for m in models if m.endswith("/tiny-qwen2")]
    [worker] = wait_for("the worker", lambda: workers(dewpoint.process.pid))

    clouds = [Cloud(dewpoint) for _ in range(CLOUD_CLIENTS)]
    started = threading.Semaphore(0)
    clients = [Client(dewpoint, edge, started) for _ in range(STREAMS)]
    for thread in clouds + clients:
        thread.start()
    assert started.acquire(timeout=60), "no stream began"
    before = sum(cloud.answers for cloud in clouds)
    os.kill(worker, signal.SIGKILL)

    for client in clients:
        client.join(timeout=60)
        assert not client.is_alive(), "a client waits for ever"
        assert client.failure is None, client.failure
        if client.status == 200:
            # Either it says that it failed, or another place or the next worker gave the whole answer.
            assert client.has_error() or client.is_whole(), client.body[-500:]
        else:
            assert "error" in json.loads(client.body), (client.status, client.body)
    broken = sum(client.has_error() or client.status != 200 for client in clients)
    assert broken > 0, "the worker was killed after everything had been said: the test has tested nothing"

    again = wait_for("an answer of the next worker", lambda: (r := dewpoint.chat(model=edge, max_tokens=5)).status == 200 and r)
    assert again.json()["usage"]["completion_tokens"] == 5
    assert workers(dewpoint.process.pid) not in ([], [worker])
    wait_for("clouds answering on", lambda: sum(cloud.answers for cloud in clouds) > before)
    for cloud in clouds:
        cloud.enough.set()
        cloud.join(timeout=60)
    assert not any(cloud.bad for cloud in clouds), [cloud.bad[:2] for cloud in clouds]
    dewpoint.alive()
