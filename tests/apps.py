"""Tiny ASGI applications, each legal in one unusual way. Made anew for every use: nothing is shared between tests."""

from collections.abc import Callable, Iterable
from typing import Any

from .asgi import App

TEXT = b"the quick brown fox jumps over the lazy dog. " * 64  # 2,880 bytes: compressible, above every minimum


def start(status: int = 200, headers: Any = ((b"content-type", b"text/plain"),), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: Any = TEXT, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sends(*messages: dict[str, Any]) -> App:
    """Sends these messages, the very objects, on every call."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def text(data: bytes = TEXT, headers: Iterable[tuple[str, str]] = (("content-type", "text/plain"),)) -> App:
    """A complete response with Content-Length."""
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return sends(start(headers=[*pairs, (b"content-length", b"%d" % len(data))]), body(data))


def stream(*chunks: bytes, content_type: bytes = b"text/plain") -> App:
    """A response of unknown length, chunk by chunk, with an empty last message."""
    bodies = (body(chunk, more=True) for chunk in chunks)
    return sends(start(headers=[(b"content-type", content_type)]), *bodies, body(b""))


def raises(error: BaseException, *before: dict[str, Any]) -> App:
    """Sends these messages, then raises."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in before:
            await send(message)
        raise error

    return app


def silent() -> App:
    """Returns without a word."""
    return sends()


def remembers() -> tuple[App, list[Any]]:
    """An app that answers `ok` and keeps the scopes it was called with."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(start(headers=[(b"content-type", b"text/plain")]))
        await send(body(b"ok"))

    return app, scopes


def accepts(**message: Any) -> App:
    """Accepts a WebSocket, echoes until the client goes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", **message})
        while (received := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": received["text"]})

    return app


def denies() -> App:
    """Refuses a WebSocket by a denial response."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(
            {"type": "websocket.http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]}
        )
        await send({"type": "websocket.http.response.body", "body": b"no"})

    return app


def generator() -> Any:
    yield b"content-type", b"text/plain"
    yield b"x-kept", b"1"


class FreshHeaders:
    """Sends a start whose headers are a one-shot iterator, made anew on each call, as Sanic does."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=generator()))
        await send(body())


# Every legal shape of a response: a sentence, the app's maker, the body that a client must see.
RESPONSES: list[tuple[str, Callable[[], App], bytes]] = [
    ("a complete response", text, TEXT),
    ("a small one", lambda: text(b"ok"), b"ok"),
    ("an empty one", lambda: text(b""), b""),
    ("a stream", lambda: stream(b"one, ", b"two, ", TEXT), b"one, two, " + TEXT),
    ("a stream with empty chunks", lambda: stream(b"", b"one", b"", b"two"), b"onetwo"),
    (
        "the whole body first, though more is promised",
        lambda: sends(
            start(headers=[(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(TEXT))]),
            body(TEXT, more=True),
            body(b""),
        ),
        TEXT,
    ),
    ("headers as a tuple of lists", lambda: sends(start(headers=([b"content-type", b"text/plain"],)), body()), TEXT),
    ("headers as a generator", FreshHeaders, TEXT),
    ("no headers", lambda: sends({"type": "http.response.start", "status": 200}, body()), TEXT),
    (
        "names in mixed case",
        lambda: sends(
            start(
                headers=[(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(TEXT)), (b"Vary", b"Host")]
            ),
            body(),
        ),
        TEXT,
    ),
    ("a body message without body", lambda: sends(start(), {"type": "http.response.body"}), b""),
    ("a body message without more_body", lambda: sends(start(), {"type": "http.response.body", "body": TEXT}), TEXT),
    ("a body of bytearray", lambda: sends(start(), body(bytearray(TEXT))), TEXT),
    ("a body of memoryview", lambda: sends(start(), body(memoryview(TEXT), more=True), body(memoryview(b""))), TEXT),
    ("204", lambda: sends(start(204, []), body(b"")), b""),
    ("304 with an entity tag", lambda: sends(start(304, [(b"etag", b'"abc"')]), body(b"")), b""),
    (
        "206",
        lambda: sends(start(206, [(b"content-type", b"text/plain"), (b"content-range", b"bytes 0-2/9")]), body(b"abc")),
        b"abc",
    ),
    ("a redirect", lambda: sends(start(307, [(b"location", b"/elsewhere")]), body(b"")), b""),
    ("encoded already", lambda: text(b"x" * 2000, (("content-type", "image/png"),)), b"x" * 2000),
    (
        "an event stream",
        lambda: stream(b"data: 1\n\n", b"data: 2\n\n", content_type=b"text/event-stream"),
        b"data: 1\n\ndata: 2\n\n",
    ),
]
