"""Dewpoint's embedded engine against llama.cpp's own server: the same model file, the same threads, the same run.

Both are driven over HTTP with streamed completions: the same prompts, temperature 0, `ignore_eos`, the same context, slots and
batch, no drafting. They take turns (A, B, A, B, …) and the medians are compared, so that a slow minute of a shared machine
hits both. Never both at once: a program that has no request sleeps.

What is measured, for each number of clients:
  prompt   tokens of prompts nobody has seen before ÷ time until the last client has its first token
  TTFT     median time to the first token of such a request ("cold"), and of the same request asked again ("cached")
  decode   tokens per second of all clients together, between the moment when the last one got its first token and the moment
           when the first one ended

Never here: an assertion about what a model answers.
"""

import argparse
import asyncio
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench_plot import plot  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATIENCE_S = 180
# Everyday words: a real vocabulary has about one token for each.
WORDS = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you "
    "were all her she there would their we him been has when who will no more if out so up said what its about than into them "
    "can only other time new some could these two may first then do any like my now over such our man me even most made after "
    "also did many off before must well back through years much where your way down should because long each just state people "
    "those too mr how little good world make very year still see own work men day get here old between both life being under "
    "three never know same last another while us off might great go come since against right came take used himself few house"
).split()


def text(seed, words):
    """A prompt that shares no beginning with that of another seed."""
    chance = random.Random(repr(seed))
    return " ".join(chance.choice(WORDS) for _ in range(words))


class Failed(Exception):
    """A request that did not end as it should."""


class Server:
    """A program that serves `/v1/completions`, with what it is called in tables."""

    def __init__(self, name, command, port, env, folder, health):
        self.name, self.port, self.health = name, port, health
        self.log = open(folder / f"{name}.log", "w")
        self.process = subprocess.Popen(command, env=env, cwd=folder, stdout=self.log, stderr=self.log)

    def wait(self):
        """Waits until it answers."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended; its last words are in {self.log.name}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.health}", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failed(f"{self.name} did not become ready within {PATIENCE_S} s; see {self.log.name}")

    def processes(self):
        """Its own process id and those of its children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        every = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        found = {int(pid) for file in every for pid in file.read_text().split()} if children.exists() else set()
        return [self.process.pid, *sorted(found)]

    def cpu_s(self):
        """Seconds of processor that each of its processes has used so far (first the parent), from Linux."""
        tick = os.sysconf("SC_CLK_TCK")
        used = []
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            used.append((int(fields[11]) + int(fields[12])) / tick)
        return used

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dewpoint(args, folder, model):
    """`dewpoint serve` with this model and nothing else."""
    port, home = free_port(), folder / "home"
    home.mkdir(exist_ok=True)
    config = folder / "dewpoint.toml"
    config.write_text(
        "[ledger]\nenabled = false\n[discovery]\nenabled = false\n[engine]\nenabled = true\n" + args.engine_lines
        + (f'[[engine.model]]\npath = "{model}"\nname = "m"\ncontext_tokens = {args.context}\nslots = {args.slots}\n'
           f"cache_tokens = {args.context * args.slots}\nthreads = {args.threads}\nlookup = false\npreload = true\n"
           if tables(args.dewpoint) else
           f'model = "{model}"\ncontext_tokens = {args.context}\nthreads = {args.threads}\n')
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "DEWPOINT_DATA": str(folder / "data"), "RUST_LOG": "warn"}
    command = [args.dewpoint, "serve", "--config", str(config), "--listen", f"127.0.0.1:{port}"]
    return Server("dewpoint", command, port, env, folder, "/readyz")


def tables(binary):
    """Whether this Dewpoint has `[[engine.model]]`."""
    schema = json.loads(subprocess.run([binary, "config", "schema"], check=True, capture_output=True).stdout)
    return "model" in schema.get("$defs", {}).get("Engine", {}).get("properties", {}) and "EngineModel" in str(schema)


def llama_server(args, folder, model):
    """llama.cpp's own server with the same values."""
    port = free_port()
    command = [
        args.llama_server, "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "-t", str(args.threads),
        "-tb", str(args.threads), "-c", str(args.context * args.slots), "-np", str(args.slots), "-b", "512", "-ub", "512",
        "--no-webui", "--no-warmup", *args.llama_args.split(),
    ]  # fmt: skip
    return Server("llama-server", command, port, dict(os.environ), folder, "/health")


class Timing:
    """One streamed request: when its pieces came, and how many tokens that was."""

    def __init__(self):
        self.began, self.pieces, self.ended, self.prompt, self.output = time.perf_counter(), [], None, 0, 0


async def lines(reader, head):
    """The lines of a body, chunked or not."""
    chunked = b"transfer-encoding: chunked" in head.lower()
    rest = b""
    while True:
        if chunked:
            size = int((await reader.readline()).split(b";")[0] or b"0", 16)
            data = await reader.readexactly(size + 2) if size else b""
            data = data[:-2]
        else:
            data = await reader.read(65536)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r")


async def complete(port, model, prompt, tokens):
    """One streamed completion."""
    body = {
        "model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True, "ignore_eos": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    payload = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    timing = Timing()
    try:
        writer.write(
            b"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(payload) + payload
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise Failed(f"{head.splitlines()[0].decode()}: {(await reader.read(2000)).decode(errors='replace')}")
        done = False
        async for line in lines(reader, head):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                done = True
                break
            now = time.perf_counter()
            event = json.loads(data)
            if "error" in event:
                raise Failed(str(event["error"]))
            if usage := event.get("usage"):
                timing.prompt, timing.output = usage["prompt_tokens"], usage["completion_tokens"]
            # An event for each token, also for one that makes no text of its own yet.
            if any(choice.get("finish_reason") is None for choice in event.get("choices", [])):
                timing.pieces.append(now)
        timing.ended = time.perf_counter()
        if not done or timing.output != tokens:
            raise Failed(f"{tokens} tokens were asked for and {timing.output} came")
    finally:
        writer.close()
    if not timing.pieces:
        timing.pieces.append(timing.ended)
    return timing


async def together(port, model, prompts, tokens):
    return await asyncio.gather(*(complete(port, model, prompt, tokens) for prompt in prompts))


def decode_speed(timings):
    """Tokens per second while every client decodes. A piece is a token, or rarely a few of them (characters of several tokens): the
    share of the pieces that fell in the window is the share of the tokens."""
    begin, end = max(t.pieces[0] for t in timings), min(t.pieces[-1] for t in timings)
    if end <= begin:
        raise Failed("no moment in which every client decoded; ask for more tokens (--generate)")
    within = sum(t.output * sum(begin < p <= end for p in t.pieces) / len(t.pieces) for t in timings)
    return within / (end - begin)


def measure(server, args, clients, seed):
    """One round."""
    prompts = [text((seed, clients, i), args.words) for i in range(clients)]
    cold = asyncio.run(together(server.port, args.model_name, prompts, 1))
    began, last = min(t.began for t in cold), max(t.pieces[0] for t in cold)
    warm = asyncio.run(together(server.port, args.model_name, prompts, args.generate))
    median = statistics.median
    return {
        "prompt_tps": sum(t.prompt for t in cold) / (last - began),
        "ttft_cold_ms": 1000 * median(t.pieces[0] - t.began for t in cold),
        "ttft_cached_ms": 1000 * median(t.pieces[0] - t.began for t in warm),
        "decode_tps": decode_speed(warm),
        "prompt_tokens": cold[0].prompt,
    }


def overhead(server, args, clients, tokens=256):
    """Wall-clock and processor time per streamed token, of a model that computes next to nothing: an upper bound of what
    everything around the model costs."""
    prompts = [f"{i} a" for i in range(clients)]
    asyncio.run(together(server.port, args.model_name, prompts, 8))
    before, began = server.cpu_s(), time.perf_counter()
    rounds = max(1, 4096 // (tokens * clients))
    for _ in range(rounds):
        asyncio.run(together(server.port, args.model_name, prompts, tokens))
    wall, after = time.perf_counter() - began, server.cpu_s()
    count = rounds * clients * tokens
    cpu = [1e6 * (b - a) / count for a, b in zip(before, after)]
    return {"clients": clients, "wall_us": 1e6 * wall / count, "gateway_us": cpu[0], "rest_us": sum(cpu[1:]), "tokens": count}


def ratio(figures, key, less_is_better):
    a, b = figures["dewpoint"][key], figures["llama-server"][key]
    return b / a if less_is_better else a / b


ROWS = [
    ("prompt", "prompt_tps", "tokens/s", False),
    ("decode", "decode_tps", "tokens/s", False),
    ("TTFT, cold", "ttft_cold_ms", "ms", True),
    ("TTFT, cached", "ttft_cached_ms", "ms", True),
]
# A cached first token is a few milliseconds: below this difference nobody notices, and the ratio says nothing.
NOTICEABLE_MS = 15


def verdicts(results):
    """(clients, row, unit, Dewpoint, llama-server, ratio, least, passed) for every figure."""
    for clients, figures in results.items():
        least = 1.0 if clients >= 8 else 0.95
        for name, key, unit, less in ROWS:
            a, b = figures["dewpoint"][key], figures["llama-server"][key]
            r = ratio(figures, key, less)
            close = less and a - b <= NOTICEABLE_MS
            yield clients, name, unit, a, b, r, least, r >= least or close


def table(results):
    out = ["| clients | | Dewpoint | llama-server | ratio | wanted |", "|---|---|---|---|---|---|"]
    for clients, name, unit, a, b, r, least, passed in verdicts(results):
        mark = "" if passed else " **missed**"
        out.append(f"| {clients} | {name}, {unit} | {a:.1f} | {b:.1f} | {r:.2f} | ≥ {least:.2f}{mark} |")
    return "\n".join(out)


def machine():
    cpu = platform.processor() or platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{os.cpu_count()} logical cores, {cpu}"


def page(args, results, costs):
    """Puts the figures between the marks of the page, and leaves the words around them as they are."""
    path = pathlib.Path(args.page)
    begin, end = "<!-- figures:begin -->", "<!-- figures:end -->"
    old = path.read_text()
    day = datetime.date.today().isoformat()
    slots = f"context {args.context}, {args.slots} slots"
    parts = [
        f"{day}, {machine()}; {args.model.name} ({args.model.stat().st_size / 1e6:.0f} MB), {args.threads} threads, prompts of "
        f"{next(iter(results.values()))['dewpoint']['prompt_tokens']:.0f} tokens, {args.generate} tokens generated, {slots}; "
        f"medians of {args.rounds} rounds.",
        "",
        table(results),
        "",
        "![Decode and prompt speed by clients](engine-speed.svg)",
    ]
    if costs:
        parts += ["", "| clients | wall-clock per token | CPU of the gateway | CPU of the worker, its model included |", "|---|---|---|---|"]
        parts += [f"| {c['clients']} | {c['wall_us']:.0f} µs | {c['gateway_us']:.0f} µs | {c['rest_us']:.0f} µs |" for c in costs]
    new = old[: old.index(begin) + len(begin)] + "\n" + "\n".join(parts) + "\n" + old[old.index(end) :]
    path.write_text(new)
    path.with_suffix(".svg").write_text(plot(results))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path, required=True, help="a GGUF file of real size")
    parser.add_argument("--tiny", type=pathlib.Path, help="a GGUF file that computes next to nothing, for the cost per token")
    parser.add_argument("--dewpoint", default=str(ROOT / "target/release/dewpoint"))
    parser.add_argument("--llama-server", default=os.environ.get("DEWPOINT_LLAMA_SERVER"))
    parser.add_argument("--llama-args", default="", help="more arguments of llama-server")
    parser.add_argument("--engine-lines", default="", help="more lines of [engine]")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--clients", default="1,8,16", help="numbers of clients")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--context", type=int, default=1024, help="tokens of one request at most")
    parser.add_argument("--words", type=int, default=400, help="words of a prompt")
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["dewpoint", "llama-server"], help="measure one, compare nothing")
    parser.add_argument("--page", help="page of the book to put the figures into")
    parser.add_argument("--json", type=pathlib.Path, help="where to write all rounds")
    args = parser.parse_args()
    args.model = args.model.resolve()
    args.dewpoint = str(pathlib.Path(args.dewpoint).resolve())
    args.model_name = args.model.stem if args.only == "llama-server" or not tables(args.dewpoint) else "m"
    return args


def compare(args, folder):
    makers = {"dewpoint": dewpoint, "llama-server": llama_server}
    servers = [make(args, folder, args.model) for name, make in makers.items() if args.only in (None, name)]
    rounds = {}
    try:
        for server in servers:
            server.wait()
        for clients in map(int, args.clients.split(",")):
            for turn in range(args.rounds):
                # Who goes first changes, too.
                for server in servers if turn % 2 == 0 else servers[::-1]:
                    began = time.perf_counter()
                    figures = measure(server, args, clients, turn)
                    rounds.setdefault(clients, {}).setdefault(server.name, []).append(figures)
                    shown = ", ".join(f"{name} {figures[key]:.1f} {unit}" for name, key, unit, _ in ROWS)
                    print(f"{clients:>3} clients, {server.name:<12} {shown} ({time.perf_counter() - began:.0f} s)", flush=True)
    finally:
        for server in servers:
            server.stop()
    medians = {
        clients: {
            name: {key: statistics.median(f[key] for f in figures) for key in figures[0]} for name, figures in by_name.items()
        }
        for clients, by_name in rounds.items()
    }
    return rounds, medians


def main():
    args = arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-engine-"))
    rounds, results = compare(args, folder)
    costs = []
    if args.tiny:
        tiny = args.tiny.resolve()
        name, args.model_name = args.model_name, args.model_name if tables(args.dewpoint) else tiny.stem
        server = dewpoint(argparse.Namespace(**{**vars(args), "context": 512, "threads": 1}), folder, tiny)
        try:
            server.wait()
            costs = [overhead(server, args, clients) for clients in (1, 16)]
        finally:
            server.stop()
        args.model_name = name
        for cost in costs:
            print(
                f"{cost['clients']:>3} clients, per streamed token of {tiny.name}: {cost['wall_us']:.0f} µs wall-clock, "
                f"CPU {cost['gateway_us']:.0f} µs gateway + {cost['rest_us']:.0f} µs worker and its model"
            )
    if args.json:
        args.json.write_text(json.dumps({"rounds": rounds, "medians": results, "overhead": costs}, indent=1))
    if args.only:
        return 0
    print()
    print(table(results))
    if args.page:
        page(args, results, costs)
    missed = [row for row in verdicts(results) if not row[-1]]
    for clients, name, *_, r, least, _ in missed:
        print(f"missed: {name} at {clients} clients has a ratio of {r:.2f}, and {least:.2f} is wanted", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
