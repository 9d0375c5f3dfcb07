"""Conversations that break one rule of the lint alone, and conversations that break none: one row each."""

from collections.abc import Callable
from typing import Any

from asgi_middleware import LintMiddleware
from asgi_middleware.lint import ASGIViolation

from . import apps
from .asgi import CONNECT, REQUEST, App, http, step, websocket

ASGI = {"version": "3.0"}
LIFESPAN: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}
COMPLETE = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}
GONE = {"type": "websocket.disconnect", "code": 1000}
HELLO = {"type": "websocket.receive", "text": "hello"}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 1000}
DENIAL = {"type": "websocket.http.response.start", "status": 403, "headers": []}
DENIAL_BODY = {"type": "websocket.http.response.body", "body": b"no"}
END = apps.body(b"")

# Every extension, so that a message breaks no more than the rule it is meant for.
EXTENSIONS: dict[str, Any] = {
    name: {}
    for name in (
        "http.response.trailers",
        "http.response.pathsend",
        "http.response.zerocopysend",
        "http.response.push",
        "http.response.early_hint",
        "http.response.debug",
        "websocket.http.response",
    )
}


def violations(app: App, scope: dict[str, Any], messages: list[Any] | None = None) -> list[ASGIViolation]:
    """What a conversation breaks, in order."""
    found: list[ASGIViolation] = []
    waiting = list(messages if messages is not None else [CONNECT if scope["type"] == "websocket" else REQUEST])

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        """Takes anything: here no server looks at it."""

    step(LintMiddleware(app, mode=found.append)(scope, receive, send))
    return found


def broken_rules(app: App, scope: dict[str, Any], messages: list[Any] | None = None) -> list[str]:
    """The rules that a conversation breaks, each once, in order."""
    return list(dict.fromkeys(violation.rule for violation in violations(app, scope, messages)))


def after_accept(times: int) -> App:
    """Accepts a WebSocket, then receives so many messages."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        for _ in range(times):
            await receive()

    return app


def receives(times: int, *then: dict[str, Any]) -> App:
    """Receives so many messages, then sends these."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(times):
            await receive()
        for message in then:
            await send(message)

    return app


def answers(*messages: Any) -> App:
    """Receives one message, sends these."""
    return receives(1, *messages)


def answers_in_turn(*messages: Any) -> App:
    """Receives and sends by turns; None stands for nothing to send."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await receive()
            if message is not None:
                await send(message)

    return app


def start(status: Any = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return apps.start(status, headers, **more)


OK = (start(), END)


def full(**changes: Any) -> dict[str, Any]:
    """An HTTP scope that offers everything; `changes` may also hold what no server should send."""
    return {**http(extensions=EXTENSIONS), **changes}


def socket(**changes: Any) -> dict[str, Any]:
    return {**websocket(extensions=EXTENSIONS, subprotocols=["chat"]), **changes}


async def edits_its_message(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-a", b"1")]
    message = apps.start(headers=headers)
    await send(message)
    headers.append((b"x-b", b"2"))
    await send(END)


async def answers_something(scope: Any, receive: Any, send: Any) -> Any:
    for message in OK:
        await send(message)
    return "done"


async def sends_by_name(scope: Any, receive: Any, send: Any) -> None:
    for message in OK:
        await send(message=message)


async def offers_more(scope: Any, receive: Any, send: Any) -> None:
    scope["extensions"][f"novel.{len(scope['extensions'])}"] = {}
    for message in OK:
        await send(message)


async def replaces_the_method(scope: Any, receive: Any, send: Any) -> None:
    scope["method"] += "S"
    for message in OK:
        await send(message)


def with_headers(edit: Callable[[Any], Any]) -> App:
    """Puts into the scope what `edit` makes of its headers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"] = edit(scope["headers"])
        for message in OK:
            await send(message)

    return app


def added(headers: Any) -> Any:
    headers.append((b"x-a", b"1"))
    return headers


class File:
    def fileno(self) -> int:
        return 3


def path(name: Any = "/srv/a.txt") -> dict[str, Any]:
    return {"type": "http.response.pathsend", "path": name}


def file(**more: Any) -> dict[str, Any]:
    return {"type": "http.response.zerocopysend", "file": File(), **more}


def trailers(**more: Any) -> dict[str, Any]:
    return {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], **more}


PUSH = {"type": "http.response.push", "path": "/a.css", "headers": []}
HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
DEBUG: dict[str, Any] = {"type": "http.response.debug", "info": {"template": object()}}

NUMBERED: Any = {**full(), 5: "five"}
TLS: dict[str, Any] = {"server_cert": None, "tls_version": 0x0304, "cipher_suite": 0x1301}
SENT = {"type": "websocket.send", "text": "a"}
OLD = socket(asgi={"version": "3.0", "spec_version": "2.0"})


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in full().items() if name != key}


Case = tuple[str, App, dict[str, Any], list[Any] | None]

# A rule, and conversations that break it alone.
BREAKS: list[Case] = [
    ("scope-dict", apps.sends(*OK), NUMBERED, None),
    ("scope-type", apps.silent(), {**full(), "type": b"http"}, []),
    ("scope-version", apps.sends(*OK), full(asgi={"version": "4.0"}), None),
    ("scope-version", apps.sends(*OK), full(asgi=None), None),
    ("scope-spec-version", apps.sends(*OK), full(asgi={"version": "3.0", "spec_version": 2.3}), None),
    ("scope-extensions", apps.sends(*OK), full(extensions=["tls"]), None),
    ("scope-extensions", apps.sends(*OK), full(extensions=[]), None),
    ("scope-extensions", apps.sends(*OK), full(extensions={"tls": True}), None),
    ("scope-state", apps.sends(*OK), full(state=None), None),
    ("scope-kept", replaces_the_method, full(), None),
    ("scope-kept", offers_more, full(extensions={}), None),
    ("scope-kept", with_headers(added), full(headers=[(b"host", b"a")]), None),
    ("scope-kept", with_headers(lambda headers: [*headers, *headers]), full(headers=[(b"host", b"a")]), None),
    ("scope-http-version", apps.sends(*OK), full(http_version="HTTP/1.1"), None),
    ("scope-method", apps.sends(*OK), full(method="get"), None),
    ("scope-method", apps.sends(*OK), full(method=None), None),
    ("scope-scheme", apps.sends(*OK), full(scheme=""), None),
    ("scope-keys", apps.sends(*OK), without("http_version"), None),
    ("scope-keys", apps.sends(*OK), without("query_string"), None),
    ("scope-keys", apps.sends(*OK), without("headers"), None),
    ("scope-path", apps.sends(*OK), full(path=b"/"), None),
    ("scope-path-decoded", apps.sends(*OK), full(path="/a%20b", raw_path=b"/a%20b"), None),
    ("scope-path-decoded", apps.sends(*OK), full(path="/a?b", raw_path=b"/a"), None),
    ("scope-path-whole", apps.sends(*OK), full(root_path="/sub"), None),
    ("scope-raw-path", apps.sends(*OK), full(raw_path=b"/?a=1"), None),
    ("scope-query", apps.sends(*OK), full(query_string="a=1"), None),
    ("scope-root-path", apps.sends(*OK), full(root_path=None), None),
    ("scope-headers", apps.sends(*OK), full(headers=[("host", "a")]), None),
    ("scope-headers", apps.sends(*OK), full(headers={"host": "a"}), None),
    ("scope-pseudo-headers", apps.sends(*OK), full(headers=[(b":authority", b"a")]), None),
    ("scope-address", apps.sends(*OK), full(client=("127.0.0.1", "80")), None),
    ("scope-address", apps.sends(*OK), full(client=("127.0.0.1", None)), None),
    ("scope-address", apps.sends(*OK), full(server=("127.0.0.1",)), None),
    ("scope-tls", apps.sends(*OK), full(extensions={**EXTENSIONS, "tls": TLS}), None),
    ("scope-tls", apps.sends(*OK), full(scheme="https", extensions={**EXTENSIONS, "tls": {}}), None),
    ("scope-tls", apps.sends(*OK), full(scheme="https", extensions={"tls": {**TLS, "tls_version": "1.3"}}), None),
    ("scope-tls", apps.sends(*OK), full(scheme="https", extensions={"tls": {**TLS, "client_cert_chain": "a"}}), None),
    ("scope-subprotocols", answers(ACCEPT, CLOSE), socket(subprotocols="chat"), None),
    ("receive-message", answers(*OK), full(), [["http.request"]]),
    ("receive-message", answers(*OK), full(), [{"type": None}]),
    ("receive-values", answers(*OK), full(), [{**REQUEST, "extra": object()}]),
    ("receive-values", answers(*OK), full(), [{**REQUEST, "extra": 2**63}]),
    ("receive-type", answers(*OK), full(), [{"type": "http.novel"}]),
    ("receive-type", answers(ACCEPT, CLOSE), socket(), [{"type": "websocket.novel"}]),
    ("receive-type", receives(2, COMPLETE), LIFESPAN, [{"type": "lifespan.novel"}, STARTUP]),
    ("receive-type", receives(2, COMPLETE), LIFESPAN, [{"type": "startup"}, STARTUP]),
    ("send-message", apps.sends("start", *OK), full(), None),  # type: ignore[arg-type]  # on purpose
    ("send-message", apps.sends({"type": 1}, *OK), full(), None),
    ("send-values", apps.sends(start(extra=float("nan")), END), full(), None),
    ("send-namespace", apps.sends(*OK, {"type": "novel.message"}), full(), None),
    ("send-kept", edits_its_message, full(), None),
    ("send-extension", apps.sends(HINT, *OK), full(extensions={}), None),
    ("send-extension", answers(DENIAL, DENIAL_BODY), socket(extensions=None), None),
    ("returns-none", answers_something, full(), None),
    ("call-arguments", sends_by_name, full(), None),
    ("gone-stops", receives(1, start(), *[apps.body(more=True)] * 99), full(), [{"type": "http.disconnect"}]),
    ("gone-stops", receives(2, *[ACCEPT, *[SENT] * 100]), socket(), [CONNECT, GONE]),
    ("request-body", answers(*OK), full(), [{**REQUEST, "body": "text"}]),
    ("request-more", answers(*OK), full(), [{**REQUEST, "more_body": None}]),
    ("request-after-end", receives(2, *OK), full(), [REQUEST, REQUEST]),
    ("request-after-end", receives(2, *OK), full(), [{"type": "http.disconnect"}, REQUEST]),
    ("start-first", apps.sends(END, start()), full(), None),
    ("start-once", apps.sends(start(), start(), END), full(), None),
    ("start-status", apps.sends(start(103), END), full(), None),
    ("start-status", apps.sends(start(600), END), full(), None),
    ("start-status", apps.sends(start("200"), END), full(), None),
    ("start-headers", apps.sends(start(headers=[("x-a", "1")]), END), full(), None),
    ("start-header-names", apps.sends(start(headers=[(b"x a", b"1")]), END), full(), None),
    ("start-header-names", apps.sends(start(headers=[(b":status", b"200")]), END), full(), None),
    ("start-header-case", apps.sends(start(headers=[(b"Content-Type", b"text/plain")]), END), full(), None),
    ("start-header-case", answers({**ACCEPT, "headers": [(b"X-A", b"1")]}, CLOSE), socket(), None),
    ("start-header-values", apps.sends(start(headers=[(b"x-a", b"1\r\nx-b: 2")]), END), full(), None),
    ("start-transfer-encoding", apps.sends(start(headers=[(b"transfer-encoding", b"chunked")]), END), full(), None),
    ("start-trailers", apps.sends(start(trailers=0), END), full(), None),
    (
        "content-length-once",
        apps.sends(start(headers=[(b"content-length", b"0"), (b"content-length", b"0")]), END),
        full(),
        None,
    ),
    ("content-length-once", apps.sends(start(headers=[(b"content-length", b"+0")]), END), full(), None),
    ("content-length-kept", apps.sends(start(headers=[(b"content-length", b"3")]), apps.body(b"four")), full(), None),
    ("content-length-kept", apps.sends(start(headers=[(b"content-length", b"3")]), END), full(), None),
    ("body-bytes", apps.sends(start(), apps.body("text")), full(), None),
    ("body-bytes", apps.sends(start(), apps.body(bytearray(b"text"))), full(), None),
    ("body-more", apps.sends(start(), {"type": "http.response.body", "more_body": 0}), full(), None),
    ("body-more", apps.sends(start(), file(more_body=0)), full(), None),
    ("body-more", answers(DENIAL, {**DENIAL_BODY, "more_body": None}), socket(), None),
    ("body-after-end", apps.sends(start(), END, END), full(), None),
    ("body-after-end", apps.sends(start(), path(), END), full(), None),
    ("body-forbidden", apps.sends(start(204), apps.body(b"x")), full(), None),
    ("body-forbidden", apps.sends(start(304), apps.body(b"x")), full(), None),
    ("response-complete", apps.silent(), full(), None),
    ("response-complete", apps.sends(start()), full(), None),
    ("response-complete", apps.sends(start(), apps.body(more=True)), full(), None),
    ("response-complete", apps.sends(start(trailers=True), END), full(), None),
    ("trailers-promised", apps.sends(*OK, trailers()), full(), None),
    ("trailers-last", apps.sends(start(trailers=True), trailers(more_trailers=True), END, trailers()), full(), None),
    ("trailers-last", apps.sends(start(trailers=True), END, trailers(), trailers()), full(), None),
    ("trailers-more", apps.sends(start(trailers=True), END, trailers(more_trailers=0)), full(), None),
    ("pathsend-path", apps.sends(start(), path("a.txt")), full(), None),
    ("pathsend-alone", apps.sends(start(), apps.body(b"a", more=True), path()), full(), None),
    ("pathsend-alone", apps.sends(start(), path(), path()), full(), None),
    ("zerocopysend-file", apps.sends(start(), file(offset="0")), full(), None),
    ("zerocopysend-file", apps.sends(start(), {"type": "http.response.zerocopysend", "file": "a"}), full(), None),
    ("push-path", apps.sends(start(), {**PUSH, "path": None}, END), full(), None),
    ("push-path", apps.sends(*OK, PUSH), full(), None),
    ("push-path", apps.sends(PUSH, *OK), full(), None),
    ("start-headers", apps.sends(start(), {**PUSH, "headers": [("a", "b")]}, END), full(), None),
    ("early-hint-links", apps.sends({**HINT, "links": ["</a.css>"]}, *OK), full(), None),
    ("early-hint-links", apps.sends(*OK, HINT), full(), None),
    ("debug-first", apps.sends(start(), DEBUG, END), full(), None),
    ("debug-first", apps.sends(DEBUG, DEBUG, *OK), full(), None),
    ("debug-info", apps.sends({**DEBUG, "info": "text"}, *OK), full(), None),
    ("connect-first", receives(2, CLOSE), socket(), [CONNECT, CONNECT]),
    ("connect-answered", answers(), socket(), None),
    ("connect-answered", answers(DENIAL), socket(), None),
    ("receive-one", after_accept(2), socket(), [CONNECT, {"type": "websocket.receive"}, GONE]),
    ("receive-one", after_accept(2), socket(), [CONNECT, {**HELLO, "bytes": b"a"}, GONE]),
    ("receive-one", after_accept(2), socket(), [CONNECT, {**HELLO, "text": b"a"}, GONE]),
    ("receive-after-end", after_accept(3), socket(), [CONNECT, GONE, HELLO, GONE]),
    ("receive-before-accept", receives(2, ACCEPT, CLOSE), socket(), [CONNECT, HELLO]),
    ("disconnect-code", receives(2), socket(), [CONNECT, {**GONE, "code": "1000"}]),
    ("disconnect-code", receives(2), socket(), [CONNECT, {**GONE, "reason": b"bye"}]),
    ("accept-first", answers(SENT, CLOSE), socket(), None),
    ("accept-once", answers(ACCEPT, ACCEPT, CLOSE), socket(), None),
    ("accept-once", answers(ACCEPT, DENIAL, DENIAL_BODY), socket(), None),
    ("accept-subprotocol", answers({**ACCEPT, "subprotocol": "other"}, CLOSE), socket(), None),
    ("accept-headers", answers({**ACCEPT, "headers": [(b"sec-websocket-protocol", b"chat")]}, CLOSE), socket(), None),
    ("accept-headers", answers({**ACCEPT, "headers": [("a", "b")]}, CLOSE), socket(), None),
    ("accept-headers-version", answers({**ACCEPT, "headers": [(b"a", b"b")]}, CLOSE), OLD, None),
    ("send-one", answers(ACCEPT, {"type": "websocket.send", "text": "a", "bytes": b"a"}, CLOSE), socket(), None),
    ("send-one", answers(ACCEPT, {"type": "websocket.send"}, CLOSE), socket(), None),
    ("close-code", answers(ACCEPT, {**CLOSE, "code": "1000"}), socket(), None),
    ("close-code", answers(ACCEPT, {**CLOSE, "reason": b"bye"}), socket(), None),
    ("send-after-close", answers(ACCEPT, CLOSE, CLOSE), socket(), None),
    ("send-after-close", answers(ACCEPT, CLOSE, SENT), socket(), None),
    ("denial-order", answers(DENIAL, CLOSE), socket(), None),
    ("denial-order", answers(DENIAL, SENT, DENIAL_BODY), socket(), None),
    ("denial-order", answers(ACCEPT, DENIAL_BODY), socket(), None),
    ("lifespan-receive", receives(2, COMPLETE, STOPPED), LIFESPAN, [STARTUP, SHUTDOWN]),
    ("lifespan-receive", receives(2, COMPLETE), LIFESPAN, [STARTUP, STARTUP]),
    ("lifespan-send", apps.sends(COMPLETE), LIFESPAN, []),
    ("lifespan-send", answers(COMPLETE, COMPLETE), LIFESPAN, [STARTUP]),
    ("lifespan-send", answers(COMPLETE, {"type": "lifespan.startup.failed"}), LIFESPAN, [STARTUP]),
    ("lifespan-answered", apps.silent(), LIFESPAN, []),
    ("lifespan-answered", answers(), LIFESPAN, [STARTUP]),
    ("lifespan-answered", answers_in_turn(COMPLETE, None), LIFESPAN, [STARTUP, SHUTDOWN]),
    ("lifespan-message", answers({"type": "lifespan.startup.failed", "message": 5}), LIFESPAN, [STARTUP]),
]

# What every server takes, but the specification does not allow.
TOLERATED = ("a body of bytearray", "a body of memoryview", "names in mixed case")
MANDATORY = ("type", "asgi", "http_version", "method", "path", "query_string", "headers")
BARE = {key: value for key, value in full().items() if key in MANDATORY}
DAPHNES = {"type": "websocket", "asgi": ASGI, "path": "/", "headers": []}
UNNAMED = socket(asgi=ASGI)  # no version of the specification
UNDER_WAY = [apps.body(more=True)] * 98
DISCONNECT = {"type": "http.disconnect"}

# Conversations that break no rule, each unusual in one way.
LEGAL: list[Case] = [
    *((name, make(), full(), None) for name, make, _ in apps.RESPONSES if name not in TOLERATED),
    ("HEAD with GET's length", apps.sends(start(headers=[(b"content-length", b"9")]), END), full(method="HEAD"), None),
    ("hints before and after the start", apps.sends(HINT, start(), HINT, END), full(), None),
    ("trailers", apps.sends(start(trailers=True), END, trailers(more_trailers=True), trailers()), full(), None),
    ("a path", apps.sends(start(headers=[(b"content-length", b"9")]), path()), full(), None),
    ("files", apps.sends(start(), apps.body(more=True), file(more_body=True), file(count=3)), full(), None),
    ("a push and debug information", apps.sends(DEBUG, start(), PUSH, END), full(), None),
    ("a message of an extension invented later", apps.sends({"type": "http.response.novel"}, *OK), full(), None),
    ("an app that stops when its client has gone", receives(1, start()), full(), [{"type": "http.disconnect"}]),
    ("a repeated disconnect", receives(2, *OK), full(), [{"type": "http.disconnect"}, {"type": "http.disconnect"}]),
    ("Starlette's list of the same headers", with_headers(list), full(headers=((b"host", b"a"),)), None),
    ("no optional key", apps.sends(*OK), BARE, None),
    ("keys that nobody knows", apps.sends({**start(), "novel": 1}, {**END, "b": [1.5]}), full(novel=object()), None),
    ("headers in the case of the client", apps.sends(*OK), full(headers=[(b"Host", b"a")]), None),
    ("one header twice", apps.sends(start(headers=[(b"a", b"1"), (b"a", b"2")]), END), full(), None),
    ("OPTIONS *", apps.sends(*OK), full(method="OPTIONS", path="*", raw_path=b"*", root_path="/sub"), None),
    ("a decoded path", apps.sends(*OK), full(path="/100% ?", raw_path=b"/100%25%20%3F"), None),
    ("a path that is no UTF-8", apps.sends(*OK), full(path="/\ufffd", raw_path=b"/%ff"), None),
    ("a root path", apps.sends(*OK), full(path="/sub/a", raw_path=b"/sub/a", root_path="/sub"), None),
    ("TLS", apps.sends(*OK), full(scheme="https", extensions={"tls": TLS}), None),
    ("a query of None in a WebSocket's scope", answers(CLOSE), socket(query_string=None), None),
    ("a Unix socket", apps.sends(*OK), full(client=None, server=["/run/app.sock", None]), None),
    ("HTTP/3", apps.sends(*OK), full(http_version="3"), None),
    ("an echo", apps.accepts(subprotocol="chat"), socket(), [CONNECT, HELLO, GONE]),
    ("both keys, one of them None", apps.accepts(), socket(), [CONNECT, {**HELLO, "bytes": None}, GONE]),  # Hypercorn's
    ("Daphne's scope", apps.accepts(), DAPHNES, [CONNECT, GONE]),
    ("headers of an accept", answers({**ACCEPT, "headers": [(b"a", b"b")]}, CLOSE), UNNAMED, None),
    ("a disconnect that is repeated", after_accept(2), socket(), [CONNECT, GONE, GONE]),
    ("an app that returns without closing", answers(ACCEPT), socket(), None),
    ("one whose client has gone before the answer", receives(2), socket(), [CONNECT, GONE]),
    ("what was under way when the client went", receives(1, start(), *UNDER_WAY), full(), [DISCONNECT]),
    ("a close before accept", answers(CLOSE), socket(), None),
    ("a close without waiting for the connect", apps.sends(CLOSE), socket(), None),
    ("a denial", answers(DENIAL, {**DENIAL_BODY, "more_body": True}, DENIAL_BODY), socket(), None),
    ("a whole lifespan", answers_in_turn(COMPLETE, STOPPED), LIFESPAN, [STARTUP, SHUTDOWN]),
    ("a lifespan without its end", answers(COMPLETE), LIFESPAN, [STARTUP]),
    ("a lifespan that fails", answers({"type": "lifespan.startup.failed", "message": "no"}), LIFESPAN, [STARTUP]),
    ("a scope type invented later", apps.silent(), {"type": "novel", "asgi": {"version": "3.0"}}, []),
]  # fmt: skip
