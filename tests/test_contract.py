"""Every middleware keeps the contract: one check for each clause, over every configuration and every tiny app.

A check takes a way to wrap an app and returns what it found wrong, so that the same check runs over the middlewares,
where it must find nothing, and over middlewares broken on purpose (breaking.py), where it must find something.

Long, because the contract is read in its order, clause by clause.
"""

import asyncio
import copy
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from asgi_middleware import LintMiddleware
from asgi_middleware.lint import RULES, ASGIViolation

from . import apps
from .asgi import REQUEST, App, Exchange, Pause, drive, http, plain, step, websocket
from .breaking import (
    AnswersTheCancelled,
    Broken,
    CallsItsScopeOtherwise,
    ChangesTheBody,
    CopiesEveryScope,
    DemandsHeaders,
    DropsWhatItDoesNotKnow,
    EditsMessages,
    ForgetsWebSockets,
    HoldsTheStart,
    KeepsTheRequest,
    LowersTheScope,
    MixesRequestsUp,
    NeedsAsyncio,
    StandsOnlyOnce,
    StartsTwice,
    SwallowsErrors,
    UsesHeadersUp,
    WritesIntoTheScope,
)
from .subjects import SUBJECTS, Wrap, stopped

Check = Callable[[Wrap], list[str]]

ORIGIN = ("origin", "https://app.example.com")
# An ID of the request's own makes responses comparable from one call to the next.
KNOWN = ("x-request-id", "known-id")
CODINGS = ("", "identity", "gzip", "br", "zstd;q=0.5, *;q=0.1")


def request_headers(accept_encoding: str = "gzip") -> list[tuple[str, str]]:
    return [("host", "api.example.com"), ORIGIN, KNOWN, ("accept-encoding", accept_encoding), ("cookie", "theme=dark")]


def unlike(exchange: Exchange, other: Exchange) -> bool:
    return exchange.sent != other.sent or repr(exchange.error) != repr(other.error)


# Clause 1: the shape of `__call__`, and other scope types


def passes_other_scopes_through(wrap: Wrap) -> list[str]:
    """async __call__(scope, receive, send); scope types it does not serve get the very same three objects."""
    found: list[str] = []
    seen: list[tuple[Any, ...]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    wrapped = wrap(app)
    call = type(wrapped).__call__
    if not inspect.iscoroutinefunction(call):
        found.append("__call__ is not async")
    if list(inspect.signature(call).parameters) != ["self", "scope", "receive", "send"]:
        found.append("its parameters are not scope, receive, send")

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        raise AssertionError

    for kind in ("lifespan", "invented.later"):
        scope = {"type": kind, "asgi": {"version": "3.0"}}
        coroutine = wrapped(scope=scope, receive=receive, send=send)  # type: ignore[call-arg]  # Daphne calls by keyword
        step(coroutine)
        if not (seen and seen[-1][0] is scope and seen[-1][1] is receive and seen[-1][2] is send):
            found.append(f"{kind} did not get the same objects")
    return found


# Clause 2: nothing that it was given is changed


def recorded(inner: App, given: list[Any]) -> App:
    """The app, with every message that it hands over kept: the object, a copy, and its header list."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def recording(message: Any) -> None:
            given.append((message, copy.deepcopy(plain(message)), message.get("headers")))
            await send(message)

        await inner(scope, receive, recording)

    return app


def changes_nothing_it_was_given(wrap: Wrap) -> list[str]:
    """Not the server's scope, not a message, not a header list; constant messages serve any number of clients."""
    found: list[str] = []
    for sentence, make, _ in apps.RESPONSES:
        if sentence == "headers as a generator":
            continue  # a one-shot iterator cannot be compared afterwards
        given: list[Any] = []
        wrapped = wrap(recorded(make(), given))
        for coding in ("gzip", "identity", "gzip"):
            scope = http(headers=request_headers(coding))
            before, headers = copy.deepcopy(scope), scope["headers"]
            drive(wrapped, scope)
            if scope != before or scope["headers"] is not headers:
                found.append(f"{sentence}: the server's scope was changed")
        for message, as_sent, headers in given:
            if plain(message) != as_sent or message.get("headers") is not headers:
                found.append(f"{sentence}: a message was changed")
        if sentence == "a complete response":
            identity = [drive(wrapped, http(headers=request_headers("identity"))) for _ in range(2)]
            if unlike(*identity) or unlike(identity[0], drive(wrap(make()), http(headers=request_headers("identity")))):
                found.append("a client's response depends on the clients before it")
    return found


# Clause 3: everything legal is accepted


def odd_scopes() -> Iterator[tuple[str, dict[str, Any]]]:
    full = http(headers=request_headers())
    yield "headers as a tuple of lists", {**full, "headers": tuple([name, value] for name, value in full["headers"])}
    yield "headers as a one-shot iterator", {**full, "headers": iter(full["headers"])}
    yield "header names in mixed case", {**full, "headers": [(name.title(), value) for name, value in full["headers"]]}
    yield "no optional key", {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "path": "/"}
    yield "optional keys that are None", {**full, "client": None, "server": None, "raw_path": None, "root_path": None}
    yield "a client port as text", {**full, "client": ["127.0.0.1", "50000"]}


def accepts_everything_legal(wrap: Wrap) -> list[str]:
    """Every legal shape of scope and message is served, and the client sees the app's body."""
    found: list[str] = []
    for sentence, make, expected in apps.RESPONSES:
        for coding in CODINGS:
            exchange = drive(wrap(make()), http(headers=request_headers(coding)))
            found += wrong_with(f"{sentence} for {coding!r}", exchange, expected)
        head = drive(wrap(make()), http(method="HEAD", headers=request_headers()))
        if head.error is not None:
            found.append(f"{sentence}, HEAD: {head.error!r}")
    for sentence, scope in odd_scopes():
        app, scopes = apps.remembers()
        exchange = drive(wrap(app), scope)
        found += wrong_with(sentence, exchange, b"ok")
        names = [name.lower() for name, _ in scopes[0].get("headers", ())] if scopes else []
        if "headers" in scope and names.count(b"cookie") != 1:
            found.append(f"{sentence}: the app does not see the request's headers")
    # Daphne's WebSocket scope
    exchange = drive(wrap(apps.accepts()), {"type": "websocket", "path": "/", "headers": [], "subprotocols": []})
    if exchange.error is not None:
        found.append(f"a bare WebSocket scope: {exchange.error!r}")
    return found


def wrong_with(sentence: str, exchange: Exchange, expected: bytes) -> list[str]:
    """What is wrong with a complete response that should carry `expected`."""
    if exchange.error is not None:
        return [f"{sentence}: {exchange.error!r}"]
    found: list[str] = []
    if exchange.body != expected:
        found.append(f"{sentence}: the body is another one")
    lengths = exchange.header("content-length")
    if lengths not in ([], [str(len(exchange.raw_body))]) and exchange.status != 304:
        found.append(f"{sentence}: Content-Length {lengths} for {len(exchange.raw_body)} bytes")
    if len(exchange.header("vary")) > 1:
        found.append(f"{sentence}: several Vary lines")
    if "generator" in sentence and exchange.header("x-kept") != ["1"]:
        found.append(f"{sentence}: headers were lost")
    return found


# Clause 4: unknown messages pass through


def hint() -> dict[str, Any]:
    return {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}


def push() -> dict[str, Any]:
    return {"type": "http.response.push", "path": "/style.css", "headers": []}


def trailers() -> dict[str, Any]:
    return {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}


CONVERSATIONS: list[tuple[str, list[dict[str, Any]]]] = [
    ("early hints before the start", [hint(), apps.start(), apps.body()]),
    ("early hints after the start", [apps.start(), hint(), apps.body()]),
    ("debug before the start", [{"type": "http.response.debug", "info": {"template": "x"}}, apps.start(), apps.body()]),
    ("push before the body", [apps.start(), push(), apps.body()]),
    ("push inside a stream", [apps.start(), apps.body(more=True), push(), apps.body()]),
    ("trailers", [apps.start(trailers=True), apps.body(), trailers()]),
    ("trailers after a stream", [apps.start(trailers=True), apps.body(more=True), apps.body(b""), trailers()]),
    ("pathsend", [apps.start(), {"type": "http.response.pathsend", "path": "/etc/hostname"}]),
    ("zero-copy send", [apps.start(), {"type": "http.response.zerocopysend", "file": 3, "offset": 0, "count": 9}]),
    ("invented later", [apps.start(), {"type": "http.response.novel", "payload": [1, 2]}, apps.body()]),
    ("invented later, first", [{"type": "http.response.novel"}, apps.start(), apps.body()]),
]


def passes_unknown_messages_on(wrap: Wrap) -> list[str]:
    """What it does not know passes untouched and in order; an extension is never swallowed."""
    found: list[str] = []
    ours = ("http.response.start", "http.response.body")
    for sentence, messages in CONVERSATIONS:
        for coding in ("gzip", "identity"):
            exchange = drive(wrap(apps.sends(*messages)), http(headers=request_headers(coding)))
            if exchange.error is not None:
                found.append(f"{sentence}: {exchange.error!r}")
            if [m["type"] for m in exchange.sent] != [m["type"] for m in messages]:
                found.append(f"{sentence} for {coding}: {[m['type'] for m in exchange.sent]}")
            elif [m for m in exchange.sent if m["type"] not in ours] != [m for m in messages if m["type"] not in ours]:
                found.append(f"{sentence} for {coding}: a message was changed")
    novel = {"type": "websocket.novel", "payload": 1}
    exchange = drive(wrap(apps.sends({"type": "websocket.accept"}, novel)), websocket())
    if exchange.sent[-1:] != [novel]:
        found.append("an unknown WebSocket message was lost")
    return found


# Clause 5: in order, exactly once, nothing held longer than it may be


async def asks() -> Any:
    return REQUEST


def counter(out: list[str]) -> Any:
    """A `send` that keeps the types of what it gets."""

    async def send(message: Any) -> None:
        out.append(message["type"])

    return send


def watched(inner: App, out: list[str], late: list[str]) -> App:
    """The app; `late` gets the type of every message after which the start had still not come `out`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        handed_over = 0
        events = False

        async def watching(message: Any) -> None:
            nonlocal handed_over, events
            if "headers" in message:
                message = {**message, "headers": list(message["headers"])}
                events = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            await send(message)
            handed_over += 1
            if "http.response.start" not in out and (handed_over > 1 or events):
                late.append(message["type"])

        await inner(scope, receive, watching)

    return app


def sends_in_order_and_once(wrap: Wrap) -> list[str]:
    """One start, before any body; held until the next message at the most, for event streams not at all."""
    found: list[str] = []
    for sentence, make, _ in apps.RESPONSES:
        for coding in ("gzip", "identity"):
            out: list[str] = []
            late: list[str] = []
            step(wrap(watched(make(), out, late))(http(headers=request_headers(coding)), asks, counter(out)))
            if out.count("http.response.start") != 1 or out[0] != "http.response.start":
                found.append(f"{sentence} for {coding}: {out}")
            if late:
                found.append(f"{sentence} for {coding}: the start was held beyond {late[0]}")
    return found


# Clause 6: exceptions, cancellation and OSError travel on


def lets_faults_travel(wrap: Wrap) -> list[str]:
    """The very exception comes out, wherever it is raised; nothing is sent after the response has started."""
    found: list[str] = []
    befores: list[list[dict[str, Any]]] = [
        [],
        [apps.start()],
        [apps.start(), apps.body(b"a", more=True)],
        [apps.start(), apps.body()],
    ]
    for before in befores:
        for error in (
            ValueError("x"),
            asyncio.CancelledError(),
            ExceptionGroup("g", [ValueError()]),
            KeyboardInterrupt(),
        ):
            exchange = drive(wrap(apps.raises(error, *before)), http(headers=request_headers()))
            if exchange.error is not error:
                found.append(f"{error!r} after {len(before)} messages came out as {exchange.error!r}")
            if sum(message["type"] == "http.response.start" for message in exchange.sent) > 1:
                found.append(f"a second start after {error!r}")
            if isinstance(error, asyncio.CancelledError) and len(exchange.sent) > len(before):
                found.append("something was sent on behalf of a cancelled app")
    gone = OSError("the client has gone")
    exchange = drive(wrap(apps.text()), http(headers=request_headers()), send_fails=gone)
    if exchange.error is not gone:
        found.append(f"the OSError of send came out as {exchange.error!r}")
    exchange = drive(wrap(apps.raises(gone)), websocket(headers=[KNOWN]))
    if exchange.error is not gone:
        found.append(f"an exception in a WebSocket came out as {exchange.error!r}")
    return found


# Clause 7: WebSockets get what HTTP gets, wherever the standard allows


def counting(inner: App) -> App:
    """Counts visits in the session, if there is one, and goes on."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if "session" in scope:
            scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
        await inner(scope, receive, send)

    return app


# Headers with a meaning in HTTP alone: CORS and content coding are no part of a WebSocket handshake.
HTTP_ONLY = ("access-control-", "content-", "vary")


def serves_websockets_too(wrap: Wrap) -> list[str]:
    """The headers that it puts on a response are on `websocket.accept` and on denial responses as well."""
    bare = {name for name, _ in drive(apps.text(b"ok"), http()).headers}
    added = {name for name, _ in drive(wrap(counting(apps.text(b"ok"))), http(headers=[ORIGIN, KNOWN])).headers} - bare
    expected = {name for name in added if not name.startswith(HTTP_ONLY)}
    found: list[str] = []
    for sentence, inner in (("accept", apps.accepts()), ("a denial", apps.denies())):
        exchange = drive(wrap(counting(inner)), websocket(headers=[ORIGIN, KNOWN]))
        missing = expected - {name for name, _ in exchange.headers}
        if exchange.error is not None or missing:
            found.append(f"{sentence} lacks {missing or exchange.error!r}")
    message = {"type": "websocket.receive", "text": "hello"}
    exchange = drive(wrap(apps.accepts(subprotocol="chat")), websocket(), [{"type": "websocket.connect"}, message])
    if exchange.start.get("subprotocol") != "chat" or exchange.sent[-1] != {"type": "websocket.send", "text": "hello"}:
        found.append("the conversation was changed")
    return found


# Clause 8: an instance is configuration; requests share nothing

# What may change: bounded and named.
CACHES = {"_reported", "_good", "_limiters", "_known", "_given", "_swallowed", "_numbers"}


def state_of(value: Any, depth: int = 0, known: set[int] | None = None) -> Any:
    """Everything in an object of ours, as text."""
    known = set() if known is None else known
    if id(value) in known or depth > 8:
        return "..."
    known.add(id(value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return [state_of(item, depth + 1, known) for item in value]
    if isinstance(value, dict):
        return {repr(key): state_of(item, depth + 1, known) for key, item in value.items()}
    if type(value).__module__.startswith("asgi_middleware") or hasattr(type(value), "_broken"):
        names = {
            *getattr(value, "__dict__", ()),
            *(n for kind in type(value).__mro__ for n in getattr(kind, "__slots__", ())),
        }
        kept = sorted(names - CACHES - {"app"})
        return {name: state_of(getattr(value, name, None), depth + 1, known) for name in kept}
    return repr(value)


def shares_nothing_between_requests(wrap: Wrap) -> list[str]:
    """Attributes stay as they were made; two requests in turn get what each gets alone; constructing opens nothing."""
    found: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if "session" in scope:
            scope["session"]["who"] = scope["query_string"].decode()
        await Pause()
        message = apps.start()
        await Pause()
        await send(message)
        await Pause()
        await send(apps.body(scope["query_string"] * 2000))

    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    wrapped = wrap(app)
    if len(os.listdir("/proc/self/fd")) != files or threading.active_count() != threads:
        found.append("constructing opened something")
    before = state_of(wrapped)

    def scopes() -> list[dict[str, Any]]:
        mine = [("x-request-id", "mine"), ORIGIN, ("accept-encoding", "gzip")]
        yours = [("x-request-id", "yours"), ("origin", "https://evil.example"), ("accept-encoding", "identity")]
        return [http(headers=mine, query_string=b"mine"), http(headers=yours, query_string=b"yours", scheme="https")]

    alone = [in_turn(wrapped, [scope])[0] for scope in scopes()]
    together = in_turn(wrapped, scopes())
    if together != alone:
        found.append("two requests in turn differ from each alone")
    if state_of(wrapped) != before:
        found.append("its attributes have changed")
    return found


def in_turn(app: App, scopes: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Run one request for each scope, a step of each in turn; what each sent."""
    sent: list[list[dict[str, Any]]] = [[] for _ in scopes]

    def sender(messages: list[dict[str, Any]]) -> Any:
        async def send(message: Any) -> None:
            messages.append(plain(message))

        return send

    waiting = [app(scope, asks, sender(messages)).__await__() for scope, messages in zip(scopes, sent, strict=True)]
    while waiting:
        for iterator in list(waiting):
            try:
                iterator.send(None)
            except StopIteration:
                waiting.remove(iterator)
    return sent


# Clause 9: every loop, twice in one chain, around a mounted application


# Two layers of timing measured two times; two sessions have two cookies.
MAY_REPEAT = ("server-timing", "set-cookie")


def works_everywhere(wrap: Wrap) -> list[str]:
    """Under asyncio, uvloop and trio; twice in one chain; around an application mounted in another."""
    found: list[str] = []
    expected = drive(wrap(apps.text()), http(headers=request_headers()))
    found += [
        f"another response under {loop}"
        for loop in ("asyncio", "uvloop", "trio")
        if unlike(drive(wrap(apps.text()), http(headers=request_headers()), loop=loop), expected)
    ]
    twice = drive(wrap(wrap(counting(apps.text()))), http(headers=request_headers()))
    found += wrong_with("twice in one chain", twice, apps.TEXT)
    names = [name for name, _ in twice.headers if name not in MAY_REPEAT]
    if len(set(names)) != len(names):
        found.append("twice in one chain: doubled headers")
    inner, scopes = apps.remembers()
    mounted = wrap(mount("/sub", wrap(inner)))
    found += wrong_with("mounted", drive(mounted, http("/sub/page", headers=request_headers())), b"ok")
    if [(scope["root_path"], scope["path"]) for scope in scopes] != [("/sub", "/sub/page")]:
        found.append("mounted: the inner application sees another path")
    return found


def mount(prefix: str, inner: App) -> App:
    """Mounts an app as Starlette's router does: writes into the scope that it was given, then calls on."""

    async def router(scope: Any, receive: Any, send: Any) -> None:
        scope.update({"root_path": scope.get("root_path", "") + prefix, "route": "mounted"})
        await inner(scope, receive, send)

    return router


# Both sides speak ASGI


def speaks_the_protocol_on_both_sides(wrap: Wrap) -> list[str]:
    """A checker outside finds nothing that one inside has not found in the app; the one inside finds a good server."""
    found: list[str] = []
    offers: dict[str, Any] = {f"http.response.{name}": {} for name in ("trailers", "push", "early_hint")}
    cases = [(sentence, make()) for sentence, make, _ in apps.RESPONSES]
    cases += [(sentence, apps.sends(*messages)) for sentence, messages in CONVERSATIONS]
    for sentence, app in cases:
        for coding in ("gzip", "identity"):
            for method in ("GET", "HEAD"):
                outside: list[ASGIViolation] = []
                inside: list[ASGIViolation] = []
                watched = LintMiddleware(wrap(LintMiddleware(app, mode=inside.append)), mode=outside.append)
                drive(watched, http(method=method, headers=request_headers(coding), extensions=offers))
                apps_own = {violation.rule for violation in inside if RULES[violation.rule].fault == "application"}
                theirs = [violation for violation in inside if violation.rule not in apps_own]
                theirs += [violation for violation in outside if violation.rule not in apps_own]
                found += [f"{sentence}, {method} for {coding}: {violation}" for violation in theirs]
    for sentence, app in (("accept", apps.accepts()), ("a denial", apps.denies())):
        sides: list[ASGIViolation] = []
        watched = LintMiddleware(wrap(LintMiddleware(counting(app), mode=sides.append)), mode=sides.append)
        drive(watched, websocket(headers=[ORIGIN, KNOWN]))
        found += [f"{sentence}: {violation}" for violation in sides]
    return found


CHECKS: list[Check] = [
    passes_other_scopes_through,
    changes_nothing_it_was_given,
    accepts_everything_legal,
    passes_unknown_messages_on,
    sends_in_order_and_once,
    lets_faults_travel,
    serves_websockets_too,
    shares_nothing_between_requests,
    works_everywhere,
    speaks_the_protocol_on_both_sides,
]


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_middleware_keeps_the_contract(subject: str, check: Check) -> None:
    assert check(SUBJECTS[subject]) == []


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_no_middleware_at_all_keeps_the_contract(check: Check) -> None:
    """The control: what the checks find comes from the middleware, not from the apps."""

    class Nothing:
        def __init__(self, app: App) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    assert check(Nothing) == []


BROKEN: list[tuple[Check, type[Broken]]] = [
    (passes_other_scopes_through, CopiesEveryScope),
    (passes_other_scopes_through, CallsItsScopeOtherwise),
    (changes_nothing_it_was_given, WritesIntoTheScope),
    (changes_nothing_it_was_given, EditsMessages),
    (accepts_everything_legal, DemandsHeaders),
    (accepts_everything_legal, ChangesTheBody),
    (accepts_everything_legal, UsesHeadersUp),
    (passes_unknown_messages_on, DropsWhatItDoesNotKnow),
    (sends_in_order_and_once, HoldsTheStart),
    (sends_in_order_and_once, StartsTwice),
    (lets_faults_travel, SwallowsErrors),
    (lets_faults_travel, AnswersTheCancelled),
    (serves_websockets_too, ForgetsWebSockets),
    (shares_nothing_between_requests, KeepsTheRequest),
    (shares_nothing_between_requests, MixesRequestsUp),
    (works_everywhere, NeedsAsyncio),
    (works_everywhere, StandsOnlyOnce),
    (speaks_the_protocol_on_both_sides, StartsTwice),
    (speaks_the_protocol_on_both_sides, EditsMessages),
    (speaks_the_protocol_on_both_sides, LowersTheScope),
]


@pytest.mark.parametrize(("check", "broken"), BROKEN, ids=[f"{c.__name__}-{b.__name__}" for c, b in BROKEN])
def test_the_check_finds_a_middleware_that_breaks_its_clause(check: Check, broken: type[Broken]) -> None:
    try:
        found = check(broken)
    except BaseException as error:  # breaking the driver is being found out too
        found = [repr(error)]
    assert found


def test_the_clock_of_the_subjects_stands() -> None:
    assert stopped() == stopped()
