"""Bodies, headers and paths that are wrong: the right status, a complete error in the caller's dialect, and it goes on."""

import socket

import openai
import pytest

SAY = [{"role": "user", "content": "Say hello."}]
BROKEN = [
    b"",
    b"{",
    b'{"model":"oai/plain",}',
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"\xff\xfe{}",
    b'{"model":"oai/plain","messages":[',
    b"\x00",
]
WRONG = [
    ({"messages": SAY}, "model"),
    ({"model": 7, "messages": SAY}, "model"),
    ({"model": "oai/plain"}, "messages"),
    ({"model": "oai/plain", "messages": "hello"}, "messages"),
    ({"model": "oai/plain", "messages": []}, "messages"),
    ({"model": "oai/plain", "messages": ["hello"]}, "messages"),
    ({"model": "oai/plain", "messages": [{"role": "user", "content": 7}]}, "messages"),
    ({"model": "oai/plain", "messages": [{"role": "emperor", "content": "x"}]}, "messages"),
    (
        {"model": "oai/plain", "messages": [{"role": "user", "content": [{"type": "hologram", "hologram": {}}]}]},
        "messages",
    ),
    ({"model": "oai/plain", "messages": SAY, "stream": "yes"}, "stream"),
    ({"model": "oai/plain", "messages": SAY, "temperature": "hot"}, "temperature"),
    ({"model": "oai/plain", "messages": SAY, "max_tokens": "many"}, "max_tokens"),
    ({"model": "oai/plain", "messages": SAY, "tools": {}}, "tools"),
]


def is_complete(body):
    error = body["error"]
    return sorted(error) == ["code", "message", "param", "type"] and len(error["message"]) > 10 and error["type"]


@pytest.mark.parametrize("body", BROKEN)
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/messages/count_tokens"]
)
def test_broken_json(behind, path, body):
    reply = behind.request("POST", path, body)
    assert reply.status == 400, reply.body
    if "messages" in path:
        assert reply.json()["type"] == "error" and reply.json()["error"]["type"] == "invalid_request_error"
    else:
        assert is_complete(reply.json()) and reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("body", "param"), WRONG)
def test_wrong_types_name_the_field(behind, body, param):
    reply = behind.request("POST", "/v1/chat/completions", body)
    assert reply.status == 400, reply.body
    assert is_complete(reply.json()) and param in (reply.json()["error"]["param"] or ""), reply.json()


def test_deep_nesting_is_refused_and_nothing_falls_over(behind):
    for bracket in ("[", '{"a":'):
        body = '{"model":"oai/plain","messages":' + bracket * 100_000
        assert behind.request("POST", "/v1/chat/completions", body).status == 400
    assert behind.chat("oai/plain").status == 200


def test_a_body_that_is_too_large(behind):
    big = {"model": "oai/plain", "messages": [{"role": "user", "content": "x" * 2_000_000}]}
    reply = behind.request("POST", "/v1/chat/completions", big)
    assert reply.status == 413 and is_complete(reply.json()), reply.body
    with pytest.raises(openai.APIStatusError) as caught:
        behind.openai().chat.completions.create(**big)
    assert caught.value.status_code == 413
    reply = behind.request("POST", "/v1/messages", {**big, "max_tokens": 5})
    assert reply.json()["error"]["type"] == "request_too_large"


def test_a_chunked_body_is_cut_at_the_limit(behind):
    """Without a length the limit must hold while the body comes in."""
    with socket.create_connection(("127.0.0.1", behind.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(64):
                connection.sendall(piece)
        except OSError:
            pass  # Refused before everything was sent: the answer is there to read.
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/", 404),
        ("POST", "/v1//chat/completions", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("POST", "/V1/chat/completions", 404),
        ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/%2e%2e/healthz", 404),
    ],
)
def test_paths_and_methods(behind, method, path, status):
    reply = behind.request(method, path, b"{}" if method == "POST" else None)
    assert reply.status == status and is_complete(reply.json()), reply.body


@pytest.mark.parametrize(
    "model",
    ["../../etc/passwd", "a\0b", "x" * 10_000, "file:///etc/passwd", "http://169.254.169.254/", "", "oai/", "/plain"],
)
def test_strange_model_names(behind, model):
    reply = behind.chat(model)
    assert reply.status in (400, 404) and is_complete(reply.json()), reply.body


def test_wrong_control_headers(behind):
    reply = behind.chat("oai/plain", headers={"x-dewpoint-class": "cosmic"})
    assert reply.status == 400 and "x-dewpoint-class" in reply.body.decode()
    reply = behind.chat("oai/plain", headers={"x-dewpoint-fallback": "perhaps"})
    assert reply.status == 400 and "x-dewpoint-fallback" in reply.body.decode()


def test_a_foreign_host_header_is_refused(behind):
    """A page in a browser on this machine must not reach an open gateway through a name that points to loopback."""
    reply = behind.request("GET", "/v1/models", headers={"host": "evil.example:4141"})
    assert reply.status in (400, 403)


def test_prompt_beyond_every_window(embedded):
    reply = embedded.chat(text="word " * 60_000)
    assert reply.status == 400 and reply.json()["error"]["code"] == "context_length_exceeded", reply.body[:500]
    with pytest.raises(openai.BadRequestError):
        embedded.openai().chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "word " * 60_000}]
        )
    assert embedded.chat().status == 200


def test_what_no_place_can_do_is_said(embedded):
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    reply = embedded.request(
        "POST", "/v1/chat/completions", {"model": "auto", "messages": [{"role": "user", "content": content}]}
    )
    assert reply.status == 400 and reply.json()["error"]["code"] == "unsupported_feature", reply.body


def test_nothing_of_this_panicked(behind, embedded):
    """Runs last in this file: everything above left the processes alive and their logs free of panics."""
    for dewpoint in (behind, embedded):
        assert dewpoint.alive() and "panicked" not in dewpoint.log()
