"""`LintMiddleware`: the edges of its rules: what just breaks them, and what just does not."""

from typing import Any

import pytest

from asgi_middleware import ConfigError, LintMiddleware

from . import apps
from .asgi import REQUEST, App
from .lint_rows import (
    ACCEPT,
    CLOSE,
    COMPLETE,
    DEBUG,
    DISCONNECT,
    END,
    HINT,
    LIFESPAN,
    OK,
    PUSH,
    SHUTDOWN,
    STARTUP,
    STOPPED,
    TLS,
    answers,
    broken_rules,
    file,
    full,
    path,
    receives,
    socket,
    start,
    trailers,
    violations,
    with_headers,
)

# Scopes of requests, and the rules that each breaks.
REQUESTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ASGI 2", full(asgi={"version": "2.0"}), []),
    ("HTTP/1.0", full(http_version="1.0"), []),
    ("HTTP/2", full(http_version="2"), []),
    ("no extensions", full(extensions=None), []),
    ("no scheme", full(scheme=None), ["scope-scheme"]),
    ("no query", full(query_string=None), ["scope-query"]),
    ("a client as a list", full(client=["127.0.0.1", 5]), []),
    ("a port that is a bool", full(client=("127.0.0.1", True)), ["scope-address"]),
    ("a client of two letters", full(client="ab"), ["scope-address"]),
    ("a client of two numbers", full(client=(1, 2)), ["scope-address"]),
    ("a client and more", full(client=("a", 1, 2)), ["scope-address"]),
    ("a server's port as text", full(server=("a", "80")), ["scope-address"]),
    ("a raw path as text", full(raw_path="/"), ["scope-raw-path"]),
    ("a pair of three", full(headers=[(b"a", b"b", b"c")]), ["scope-headers"]),
    ("a pair that is bytes", full(headers=[b"ab"]), ["scope-headers"]),
    ("headers as bytes", full(headers=b""), ["scope-headers"]),
    ("headers as text", full(headers=""), ["scope-headers"]),
    ("headers that can be read once", full(headers=iter([("a", "b")])), []),
    ("TLS with a name and an error", full(scheme="https", extensions={"tls": {**TLS, "client_cert_name": "a"}}), []),
    (
        "a name that is a number",
        full(scheme="https", extensions={"tls": {**TLS, "client_cert_name": 5}}),
        ["scope-tls"],
    ),
    ("an error of None", full(scheme="https", extensions={"tls": {**TLS, "client_cert_error": None}}), []),
    ("a chain of bytes", full(scheme="https", extensions={"tls": {**TLS, "client_cert_chain": b""}}), ["scope-tls"]),
    (
        "a chain that is a number",
        full(scheme="https", extensions={"tls": {**TLS, "client_cert_chain": 5}}),
        ["scope-tls"],
    ),
    ("a chain", full(scheme="https", extensions={"tls": {**TLS, "client_cert_chain": ["a"]}}), []),
]


@pytest.mark.parametrize(("sentence", "scope", "rules"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_scopes_of_requests(sentence: str, scope: dict[str, Any], rules: list[str]) -> None:
    assert broken_rules(apps.sends(*OK), scope) == rules


SOCKETS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no headers", {key: value for key, value in socket().items() if key != "headers"}, ["scope-keys"]),
    ("a subprotocol that is no text", socket(subprotocols=[b"chat"]), ["scope-subprotocols"]),
    ("subprotocols as bytes", socket(subprotocols=b"chat"), ["scope-subprotocols"]),
    ("subprotocols that are a number", socket(subprotocols=5), ["scope-subprotocols"]),
    ("subprotocols that can be read once", socket(subprotocols=iter(["chat"])), []),
    ("TLS", socket(scheme="wss", extensions={"tls": TLS}), []),
    ("a method of any case", socket(method="get"), []),
]


@pytest.mark.parametrize(("sentence", "scope", "rules"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_scopes_of_sockets(sentence: str, scope: dict[str, Any], rules: list[str]) -> None:
    assert broken_rules(answers(ACCEPT, CLOSE), scope) == rules


def edited(pairs: Any) -> Any:
    pairs[0][1] = b"2"
    return pairs


@pytest.mark.parametrize(
    ("sentence", "edit", "headers"),
    [("inside a pair", edited, [[b"a", b"1"]]), ("read once from now on", iter, [(b"a", b"1")])],
)
def test_headers_that_are_edited(sentence: str, edit: Any, headers: list[Any]) -> None:
    assert broken_rules(with_headers(edit), full(headers=headers)) == ["scope-kept"]


def length(*values: bytes) -> dict[str, Any]:
    return start(headers=[(b"content-length", value) for value in values])


# What is sent, and what is seen that is wrong.
SENT: list[tuple[str, list[Any], list[tuple[str, str]]]] = [
    ("a status that is text", [start("x"), END], [("start-status", "'x'")]),
    ("two lengths", [length(b"3", b"3"), END], [("content-length-once", "[b'3', b'3']")]),
    ("a length with a sign", [length(b"+3"), END], [("content-length-once", "[b'+3']")]),
    ("a length in pieces", [length(b"4"), apps.body(b"ab", more=True), apps.body(b"cd")], []),
    ("a path first", [path(), start()], [("start-first", "'a path first'")]),
    ("a file first", [file(), start()], [("start-first", "'a file first'")]),
    ("a path after the end", [*OK, path()], [("pathsend-alone", "'/srv/a.txt'")]),
    ("a file after the end", [*OK, file()], [("body-after-end", "'a file after the last chunk'")]),
    ("a path that is none", [start(), path(None)], [("pathsend-path", "None")]),
    ("a file of any length", [length(b"9"), file()], []),
    ("a file without numbers", [start(), file(offset=None, count=None)], []),
    ("a count that is text", [start(), file(offset=1, count="3")], [("zerocopysend-file", "['File', 1, '3']")]),
    ("a file that is not the end", [start(), file(more_body=True)], [("response-complete", "'no last chunk'")]),
    ("links as text", [{**HINT, "links": "a"}, *OK], [("early-hint-links", "'a'")]),
    ("links as bytes", [{**HINT, "links": b"a"}, *OK], [("early-hint-links", "b'a'")]),
    ("links as a dict", [{**HINT, "links": {}}, *OK], [("early-hint-links", "dict")]),
    ("one link as text", [{**HINT, "links": [b"a", "b"]}, *OK], [("early-hint-links", "[b'a', 'b']")]),
    ("links that can be read once", [{**HINT, "links": iter(["a"])}, *OK], []),
    ("no links", [{**HINT, "links": None}, *OK], [("early-hint-links", "None")]),
    ("a key of debug information", [{**DEBUG, "info": {"a": 5, 5: 5}}, *OK], [("debug-info", "'dict'")]),
    ("204 without a body", [start(204), END], []),
    ("headers of trailers", [start(trailers=True), END, trailers(headers=[("a", "b")])], [("start-headers", "'list'")]),
    ("a path to push that is a number", [start(), {**PUSH, "path": 5}, END], [("push-path", "5")]),
    ("a NUL", [start(headers=[(b"a", b"\0")]), END], [("start-header-values", "b'a'")]),
    ("a line feed", [start(headers=[(b"a", b"\n")]), END], [("start-header-values", "b'a'")]),
    ("a carriage return", [start(headers=[(b"a", b"\r")]), END], [("start-header-values", "b'a'")]),
]


@pytest.mark.parametrize(("sentence", "messages", "seen"), SENT, ids=[row[0] for row in SENT])
def test_what_is_sent(sentence: str, messages: list[Any], seen: list[tuple[str, str]]) -> None:
    found = [(violation.rule, violation.seen) for violation in violations(apps.sends(*messages), full())]
    assert found == seen


def nested(depth: int, kind: Any) -> Any:
    value: Any = None
    for _ in range(depth):
        value = kind(value)
    return value


# Values that any message may hold, and such as none may.
VALUES: list[tuple[str, Any, bool]] = [
    ("the least number", -(2**63), True),
    ("a lower one", -(2**63) - 1, False),
    ("the greatest number", 2**63 - 1, True),
    ("a greater one", 2**63, False),
    ("a fraction", 0.5, True),
    ("infinity", float("inf"), False),
    ("a bool", True, True),
    ("a tuple", (1, "a", b"b", None), True),
    ("an object in a list", [1, object()], False),
    ("a dict", {"a": {"b": [1]}}, True),
    ("a key that is a number", {"a": 1, 5: 1}, False),
    ("an object in a dict", {"a": 1, "b": object()}, False),
    ("a set", {1}, False),
    ("twenty lists", nested(20, lambda value: [value]), True),
    ("twenty-one", nested(21, lambda value: [value]), False),
    ("twenty dicts", nested(20, lambda value: {"a": value}), True),
    ("twenty-one of them", nested(21, lambda value: {"a": value}), False),
]


@pytest.mark.parametrize(("sentence", "value", "fine"), VALUES, ids=[row[0] for row in VALUES])
def test_values(sentence: str, value: Any, fine: bool) -> None:
    sent = broken_rules(apps.sends({**start(), "novel": value}, END), full())
    received = broken_rules(answers(*OK), full(), [{**REQUEST, "novel": value}])
    assert (sent, received) == (([], []) if fine else (["send-values"], ["receive-values"]))


LIFESPANS: list[tuple[str, App, list[Any], list[str]]] = [
    ("shutdown alone", answers(), [SHUTDOWN], ["lifespan-receive", "lifespan-answered"]),
    ("the end before it was asked for", answers(COMPLETE, STOPPED), [STARTUP], ["lifespan-send"]),
    (
        "a shutdown after a failure",
        receives(2, {"type": "lifespan.startup.failed"}, STOPPED),
        [STARTUP, SHUTDOWN],
        ["lifespan-receive"],
    ),
    ("an answer invented later", answers({"type": "lifespan.novel"}, COMPLETE), [STARTUP], []),
]


@pytest.mark.parametrize(("sentence", "app", "messages", "rules"), LIFESPANS, ids=[row[0] for row in LIFESPANS])
def test_lifespans(sentence: str, app: App, messages: list[Any], rules: list[str]) -> None:
    assert broken_rules(app, dict(LIFESPAN), messages) == rules


def test_what_is_said_of_wrong_options() -> None:
    with pytest.raises(ConfigError) as refused:
        LintMiddleware(apps.text(), mode="Warn", ignore=["start-state"])  # type: ignore[arg-type]  # on purpose
    assert [(problem.rule, problem.remedy) for problem in refused.value.problems] == [
        ("is not among the choices", "use one of 'raise', 'warn'"),
        ("is not a rule", "use names of asgi_middleware.lint.RULES"),
    ]


def test_a_request_that_is_over_may_be_followed_by_a_disconnect_alone() -> None:
    assert broken_rules(receives(2, *OK), full(), [REQUEST, DISCONNECT]) == []
    more = {**REQUEST, "more_body": True}
    assert broken_rules(receives(3, *OK), full(), [more, more, REQUEST]) == []


KEPT = ("type", "asgi", "http_version", "method", "scheme", "raw_path", "query_string", "headers", "client", "server")


@pytest.mark.parametrize("key", [*KEPT, "extensions", "subprotocols"])
def test_what_nobody_has_reason_to_replace(key: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope[key] = "another"
        for message in OK:
            await send(message)

    found = violations(app, full(subprotocols=[]))
    assert [(violation.rule, violation.seen) for violation in found] == [("scope-kept", repr(key))]


@pytest.mark.parametrize("key", ["path", "path_params", "root_path", "state", "novel"])
def test_what_routers_write(key: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope[key] = "another"
        for message in OK:
            await send(message)

    assert broken_rules(app, full()) == []
