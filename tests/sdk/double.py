"""A double of an upstream that speaks the OpenAI, Anthropic and Ollama APIs and fails on order: for faults that a real
engine does not show when asked. The model's name is its script:

    plain        a short answer
    tools        a call of the tool `get_weather`, its arguments in two pieces
    slow         the answer in ten pieces over three seconds
    status-NNN   that HTTP status with the API's own error body (429 with `retry-after: 7`)
    inband       HTTP 200, then an error instead of the first piece
    cut          a stream that ends without its terminal event
    garbage      HTTP 200 and a page of HTML
    echo         the last user message, word by word
    letters      the last user message, letter by letter
    call         a call of `get_weather` whose city is the last user message, in pieces of three letters
    quote        HTTP 400 with an error message that quotes the last user message

Never here: anything that knows Dewpoint.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = ["Hello", " from", " the", " double", "."]
ARGUMENTS = ['{"city":', ' "Paris"}']
USAGE = (7, 5)
MODELS = ["plain", "tools", "slow", "inband", "cut", "garbage", "echo", "letters", "call", "quote"]
STATUSES = [400, 401, 403, 404, 429, 500, 503]
ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class Upstream:
    """The double, serving on a port of loopback, with the requests it got."""

    def __init__(self):
        self.requests = []
        upstream = self

        class Bound(Handler):
            seen = upstream.requests

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self, text):
        """The requests whose body holds `text`."""
        return [request for request in self.requests if text in json.dumps(request["body"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Speaks all three APIs, told apart by the path."""

    protocol_version = "HTTP/1.1"
    seen = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        models = MODELS + [f"status-{status}" for status in STATUSES]
        if self.path.startswith("/v1/models"):
            self.send(
                {
                    "object": "list",
                    "data": [{"id": m, "object": "model", "created": 1, "owned_by": "double"} for m in models],
                }
            )
        elif self.path == "/api/tags":
            self.send({"models": [{"name": m, "model": m, "size": 1, "details": {}} for m in models]})
        elif self.path == "/api/version":
            self.send({"version": "0.0.0"})
        elif self.path == "/api/ps":
            self.send({"models": []})
        elif self.path == "/health":
            self.send({"status": "ok"})
        else:
            self.send({"error": "not found"}, 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append({"path": self.path, "headers": headers, "body": body})
        if self.path == "/api/show":
            return self.send(
                {
                    "capabilities": ["completion", "tools"],
                    "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
                }
            )
        if self.path == "/v1/embeddings":
            return self.embeddings(body)
        dialect = {"/v1/chat/completions": Openai, "/v1/messages": Anthropic, "/api/chat": Ollama}.get(self.path)
        if dialect is None:
            return self.send(
                {"error": {"message": "no such path", "type": "not_found", "param": None, "code": None}}, 404
            )
        self.play(dialect(body), body)

    def embeddings(self, body):
        """A vector of three per text, always as floats: many servers do not know base64."""
        rows = [
            {"object": "embedding", "index": i, "embedding": [len(text), i, 0.1]} for i, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": len(rows), "total_tokens": len(rows)}
        self.send({"object": "list", "data": rows, "model": body["model"], "usage": usage})

    def play(self, dialect, body):
        script = body["model"]
        if script.startswith("status-"):
            status = int(script.removeprefix("status-"))
            more = {"retry-after": "7"} if status == 429 else {}
            return self.send(dialect.error(status, f"the double says {status}"), status, more)
        if script == "garbage":
            return self.raw(b"<html><body>Please log in.</body></html>", 200, "text/html")
        if script == "quote":
            return self.send(dialect.error(400, f"cannot answer: {last_text(body)}"), 400)
        if script == "reader":
            # What a second reader is asked; this one knows one name.
            asked = last_text(body)
            mark, found = asked[1 : asked.index(">")], "personal" if "Jane Roe" in asked else "none"
            return self.send(dialect.whole(json.dumps({"mark": mark, "class": found})))
        words = last_text(body).split(" ") if script == "echo" else ANSWER
        pieces = [w if script != "echo" or i == 0 else f" {w}" for i, w in enumerate(words)]
        if script == "letters":
            pieces = list(last_text(body))
        if script == "call":
            text = json.dumps({"city": last_text(body)})
            dialect.arguments = [text[i : i + 3] for i in range(0, len(text), 3)]
        if not dialect.stream:
            if script == "inband":
                return self.send(dialect.error(500, "the double fails inside 200"))
            if script == "slow":
                time.sleep(3)
            return self.send(dialect.tool_call() if script in ("tools", "call") else dialect.whole("".join(pieces)))
        frames = (
            dialect.tool_frames() if script in ("tools", "call") else dialect.frames(pieces * 2 if script == "slow" else pieces)
        )
        self.stream(script, dialect, frames)

    def stream(self, script, dialect, frames):
        self.send_response(200)
        self.send_header("content-type", dialect.content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            if script == "inband":
                frames = [dialect.error_frame("the double fails inside 200")]
            for frame in frames[:3] if script == "cut" else frames:
                if script == "slow":
                    time.sleep(0.3)
                self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def send(self, value, status=200, headers=None):
        self.raw(json.dumps(value).encode(), status, "application/json", headers)

    def raw(self, body, status, content_type, headers=None):
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def last_text(body):
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def sse(value, event=None):
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()


class Openai:
    content_type = "text/event-stream"
    arguments = ARGUMENTS

    def __init__(self, body):
        self.model, self.stream = body["model"], body.get("stream", False)
        self.with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self.usage = {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)}

    def error(self, status, message):
        return {"error": {"message": message, "type": f"type_{status}", "param": None, "code": f"code_{status}"}}

    def error_frame(self, message):
        return sse(self.error(500, message))

    def whole(self, text):
        return self.answer({"role": "assistant", "content": text}, "stop")

    def tool_call(self):
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": "".join(self.arguments)},
        }
        return self.answer({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")

    def answer(self, message, finish):
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage,
        }

    def chunk(self, delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": self.model,
                "choices": [choice],
            }
        )

    def close(self, finish):
        frames = [self.chunk({}, finish)]
        if self.with_usage:
            frames.append(
                sse(
                    {
                        "id": "chatcmpl-1",
                        "object": "chat.completion.chunk",
                        "created": 1,
                        "model": self.model,
                        "choices": [],
                        "usage": self.usage,
                    }
                )
            )
        return frames + [sse("[DONE]")]

    def frames(self, pieces):
        return (
            [self.chunk({"role": "assistant", "content": ""})]
            + [self.chunk({"content": p}) for p in pieces]
            + self.close("stop")
        )

    def tool_frames(self):
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
        first = self.chunk({"role": "assistant", "content": None, "tool_calls": [call]})
        rest = [self.chunk({"tool_calls": [{"index": 0, "function": {"arguments": a}}]}) for a in self.arguments]
        return [first, *rest, *self.close("tool_calls")]


class Anthropic:
    content_type = "text/event-stream"
    arguments = ARGUMENTS

    def __init__(self, body):
        self.model, self.stream = body["model"], body.get("stream", False)

    def error(self, status, message):
        return {
            "type": "error",
            "error": {"type": ANTHROPIC_TYPES.get(status, "api_error"), "message": message},
            "request_id": "req_1",
        }

    def error_frame(self, message):
        return sse(self.error(500, message), "error")

    def message(self, content, stop, output):
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": USAGE[0], "output_tokens": output},
        }

    def whole(self, text):
        return self.message([{"type": "text", "text": text}], "end_turn", USAGE[1])

    def tool_call(self):
        use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": json.loads("".join(self.arguments))}
        return self.message([use], "tool_use", USAGE[1])

    def block(self, start, deltas, stop):
        events = [{"type": "message_start", "message": self.message([], None, 1)}]
        events.append({"type": "content_block_start", "index": 0, "content_block": start})
        events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": 0})
        events.append(
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": USAGE[1]},
            }
        )
        return [sse(event, event["type"]) for event in [*events, {"type": "message_stop"}]]

    def frames(self, pieces):
        return self.block({"type": "text", "text": ""}, [{"type": "text_delta", "text": p} for p in pieces], "end_turn")

    def tool_frames(self):
        start = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
        return self.block(start, [{"type": "input_json_delta", "partial_json": a} for a in self.arguments], "tool_use")


class Ollama:
    content_type = "application/x-ndjson"
    arguments = ARGUMENTS

    def __init__(self, body):
        self.model, self.stream = body["model"], body.get("stream", True)

    def error(self, _status, message):
        return {"error": message}

    def error_frame(self, message):
        return self.line({"error": message})

    @staticmethod
    def line(value):
        return json.dumps(value).encode() + b"\n"

    def part(self, message, done=False):
        value = {
            "model": self.model,
            "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", **message},
            "done": done,
        }
        if done:
            value |= {"done_reason": "stop", "prompt_eval_count": USAGE[0], "eval_count": USAGE[1], "total_duration": 1}
        return value

    def call(self):
        return {
            "content": "",
            "tool_calls": [{"function": {"name": "get_weather", "arguments": json.loads("".join(self.arguments))}}],
        }

    def whole(self, text):
        return self.part({"content": text}, done=True)

    def tool_call(self):
        return self.part(self.call(), done=True)

    def frames(self, pieces):
        return [self.line(self.part({"content": p})) for p in pieces] + [
            self.line(self.part({"content": ""}, done=True))
        ]

    def tool_frames(self):
        return [self.line(self.part(self.call())), self.line(self.part({"content": ""}, done=True))]
