"""`LintMiddleware`: what each rule has seen, as its report says it, and what is never told: bodies, queries, values."""

from collections import defaultdict
from typing import Any

import pytest

from asgi_middleware import LintMiddleware
from asgi_middleware.lint import RULES, ASGIViolation

from . import apps
from .asgi import CONNECT, REQUEST, App, drive, http
from .lint_rows import (
    ACCEPT,
    BREAKS,
    CLOSE,
    DEBUG,
    DENIAL,
    DENIAL_BODY,
    DISCONNECT,
    END,
    EXTENSIONS,
    HINT,
    OK,
    OLD,
    PUSH,
    SENT,
    answers,
    answers_in_turn,
    broken_rules,
    file,
    full,
    path,
    receives,
    sends_by_name,
    socket,
    start,
    trailers,
    violations,
)

# For each rule what is seen in its rows of `BREAKS`, in their order.
SEEN = {
    "scope-dict": ["'dict'"],
    "scope-type": ["b'http'"],
    "scope-version": ["'4.0'", "None"],
    "scope-spec-version": ["2.3"],
    "scope-extensions": ["['tls']", "[]", "dict"],
    "scope-state": ["'NoneType'"],
    "scope-kept": ["'method'", "'extensions'", "'headers'", "'headers'"],
    "scope-http-version": ["'HTTP/1.1'"],
    "scope-method": ["'get'", "None"],
    "scope-scheme": ["''"],
    "scope-keys": ["['http_version']", "['query_string']", "['headers']"],
    "scope-path": ["b'/'"],
    "scope-path-decoded": ["('/a%20b', '')", "('/a', '?')"],
    "scope-path-whole": ["['/', '/sub']"],
    "scope-raw-path": ["(b'/', b'?')"],
    "scope-query": ["'str'"],
    "scope-root-path": ["None"],
    "scope-headers": ["'list'", "'dict'"],
    "scope-pseudo-headers": ["[b':authority']"],
    "scope-address": ["('127.0.0.1', '80')", "('127.0.0.1', None)", "('127.0.0.1',)"],
    "scope-tls": [
        "'without TLS'",
        "['server_cert', 'tls_version', 'cipher_suite']",
        "['tls_version']",
        "['client_cert_chain']",
    ],
    "scope-subprotocols": ["'str'"],
    "receive-message": ["'list'", "'dict'"],
    "receive-values": ["['http.request', 'extra']", "['http.request', 'extra']"],
    "receive-type": ["'http.novel'", "'websocket.novel'", "'lifespan.novel'", "'startup'"],
    "send-message": ["'str'", "'dict'"],
    "send-values": ["['http.response.start', 'extra']"],
    "send-namespace": ["'novel.message'"],
    "send-kept": ["'http.response.start'"],
    "send-extension": [
        "'http.response.early_hint'",
        "'websocket.http.response.start'",
        "'websocket.http.response.body'",
    ],
    "returns-none": ["'str'"],
    "call-arguments": ["'send'", "'send'"],
    "gone-stops": ["'100 messages since'", "'100 messages since'"],
    "request-body": ["'str'"],
    "request-more": ["None"],
    "request-after-end": ["'http.request'", "'http.request'"],
    "start-first": ["'a body first'"],
    "start-once": ["200"],
    "start-status": ["103", "600", "'200'"],
    "start-headers": ["'list'", "'list'"],
    "start-header-names": ["b'x a'", "b':status'"],
    "start-header-case": ["b'Content-Type'", "b'X-A'"],
    "start-header-values": ["b'x-a'"],
    "start-transfer-encoding": ["[b'chunked']"],
    "start-trailers": ["0"],
    "content-length-once": ["[b'0', b'0']", "[b'+0']"],
    "content-length-kept": ["'4 bytes, 3 declared'", "'0 bytes, 3 declared'"],
    "body-bytes": ["'str'", "'bytearray'"],
    "body-more": ["0", "0", "None"],
    "body-after-end": ["'a body after the last'", "'a body after the last'"],
    "body-forbidden": ["'204 with 1 bytes'", "'304 with 1 bytes'"],
    "response-complete": ["'no response'", "'no last chunk'", "'no last chunk'", "'no last chunk'"],
    "trailers-promised": ["'trailers'"],
    "trailers-last": ["'trailers before the last chunk'", "'trailers after the last ones'"],
    "trailers-more": ["0"],
    "pathsend-path": ["'a.txt'"],
    "pathsend-alone": ["'/srv/a.txt'", "'/srv/a.txt'"],
    "zerocopysend-file": ["['File', '0']", "['str']"],
    "push-path": ["None", "'/a.css'", "'/a.css'"],
    "early-hint-links": ["['</a.css>']", "[b'</a.css>; rel=preload']"],
    "debug-first": ["'debug information'", "'debug information'"],
    "debug-info": ["'str'"],
    "connect-first": ["'websocket.connect'"],
    "connect-answered": ["'asked'", "'denying'"],
    "receive-one": ["'bytes: NoneType, text: NoneType'", "'bytes: bytes, text: str'", "'bytes: NoneType, text: bytes'"],
    "receive-after-end": ["'websocket.receive'"],
    "receive-before-accept": ["'websocket.receive'"],
    "disconnect-code": ["['1000', None]", "[1000, b'bye']"],
    "accept-first": ["'data before the accept'"],
    "accept-once": ["'a second answer'", "'a second answer'"],
    "accept-subprotocol": ["'other'"],
    "accept-headers": ["'a subprotocol'", "'list'"],
    "accept-headers-version": ["[b'a']"],
    "send-one": ["'bytes: bytes, text: str'", "'bytes: NoneType, text: NoneType'"],
    "close-code": ["['1000', None]", "[1000, b'bye']"],
    "send-after-close": ["'websocket.close'", "'websocket.send'"],
    "denial-order": ["'a close inside a denial'", "'data inside a denial'", "'a body without its start'"],
    "lifespan-receive": ["'lifespan.shutdown'", "'lifespan.startup'"],
    "lifespan-send": ["'lifespan.startup.complete'", "'lifespan.startup.complete'", "'lifespan.startup.failed'"],
    "lifespan-answered": ["['startup']", "['startup']", "['shutdown']"],
    "lifespan-message": ["5"],
}


def test_what_was_seen() -> None:
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for _, app, scope, messages in BREAKS:
        for violation in violations(app, scope, messages):
            seen[violation.rule].append(violation.seen)
    assert seen == SEEN


def test_every_rule_says_who_is_at_fault_and_what_should_be() -> None:
    assert {rule.fault for rule in RULES.values()} == {"server", "application", "either"}
    assert [name for name, rule in RULES.items() if len(rule.sentence) < 10] == []


# Each extension, and what is sent of it: without it in the scope each of its messages breaks a rule.
OF_EXTENSIONS: list[tuple[str, App, int]] = [
    ("http.response.trailers", apps.sends(start(trailers=True), END, trailers()), 1),
    ("http.response.pathsend", apps.sends(start(), path()), 1),
    ("http.response.zerocopysend", apps.sends(start(), file(more_body=True), file()), 2),
    ("http.response.push", apps.sends(start(), PUSH, END), 1),
    ("http.response.early_hint", apps.sends(HINT, *OK), 1),
    ("http.response.debug", apps.sends(DEBUG, *OK), 1),
    ("websocket.http.response", answers(DENIAL, DENIAL_BODY), 2),
]


@pytest.mark.parametrize(("extension", "app", "times"), OF_EXTENSIONS, ids=[row[0] for row in OF_EXTENSIONS])
def test_an_extension_is_used_where_it_is_offered(extension: str, app: App, times: int) -> None:
    make: Any = socket if extension.startswith("websocket") else full
    offered: dict[str, Any] = {name: {} for name in EXTENSIONS if name != extension}
    assert [violation.rule for violation in violations(app, make(extensions=offered))] == ["send-extension"] * times
    assert broken_rules(app, make(extensions={extension: {}})) == []


def edits(key: str, value: Any, *then: Any, last: bool = False) -> App:
    """Edits its first message, or its last, once it has sent all."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        messages = [start(), *then]
        for message in messages:
            await send(message)
        messages[-1 if last else 0][key] = value

    return app


def more(times: int) -> list[Any]:
    return [apps.body(b"x", more=True) for _ in range(times)]


NUMBERED_START: Any = {**start(), 5: 5}

# What an application sends after what it received, and the rules that are broken by it.
ALSO: list[tuple[str, App, list[Any], list[str]]] = [
    ("links that can be read once", apps.sends({**HINT, "links": iter([b"</a>"])}, *OK), [], []),
    ("a key that is no text, received", answers(*OK), [{**REQUEST, 5: 5}], ["receive-message"]),
    ("a key that is no text, sent", apps.sends(NUMBERED_START, *OK), [], ["send-message"]),
    ("a request without body and more_body", receives(2, *OK), [{"type": "http.request"}, DISCONNECT], []),
    ("and it was whole", receives(2, *OK), [{"type": "http.request"}, REQUEST], ["request-after-end"]),
    ("a namespace that begins alike", apps.sends({"type": "https.novel"}, *OK), [], ["send-namespace"]),
    ("a message that is edited", edits("status", 201, END), [], ["send-kept"]),
    ("headers that are replaced", edits("headers", [(b"x-a", b"1")], END), [], ["send-kept"]),
    ("the last message, edited", edits("novel", 1, dict(END), last=True), [], ["send-kept"]),
    ("the fourth to the last", edits("status", 201, *more(2), END), [], ["send-kept"]),
    ("the fifth to the last, which nobody looks at any more", edits("status", 201, *more(3), END), [], []),
    ("more than a hundred messages", apps.sends(start(), *more(120), END), [], []),
    ("the last status", apps.sends(start(599), END), [], []),
    ("the one before the first", apps.sends(start(199), END), [], ["start-status"]),
    ("no body at all", apps.sends(start(headers=[(b"content-length", b"0")]), {"type": END["type"]}), [], []),
    (
        "a body that is a number, and counts nothing",
        apps.sends(start(headers=[(b"content-length", b"0")]), {**END, "body": 5}),
        [],
        ["body-bytes"],
    ),
    ("trailers before the start", apps.sends(trailers(), *OK), [], ["trailers-promised", "trailers-last"]),
    (
        "the longest length",
        apps.sends(start(304, headers=[(b"content-length", b"9" * 20)]), END),
        [],
        [],
    ),
    (
        "a length that is longer",
        apps.sends(start(304, headers=[(b"content-length", b"9" * 21)]), END),
        [],
        ["content-length-once"],
    ),
    (
        "names are compared in lower case",
        apps.sends(start(headers=[(b"Content-Length", b"3")]), END),
        [],
        ["start-header-case", "content-length-kept"],
    ),
]


@pytest.mark.parametrize(("sentence", "app", "messages", "rules"), ALSO, ids=[row[0] for row in ALSO])
def test_also(sentence: str, app: App, messages: list[Any], rules: list[str]) -> None:
    assert broken_rules(app, full(), messages) == rules


def test_an_edit_is_told_with_the_next_message() -> None:
    first = start()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(first)
        first["status"] = 201
        await send(END)

    exchange = drive(LintMiddleware(app), http())
    assert isinstance(exchange.error, ASGIViolation)
    assert (exchange.error.rule, len(exchange.sent)) == ("send-kept", 1)


def test_what_a_server_makes_of_a_wrong_call_is_not_its_fault() -> None:
    found: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await sends_by_name(scope, receive, send)

    lint = LintMiddleware(app, mode=lambda violation: found.append(violation.rule))
    drive(lint, http(), [DISCONNECT], send_fails=TypeError("by position"))
    assert found == ["call-arguments"]


SOCKETS: list[tuple[str, App, Any, list[Any], list[str]]] = [
    ("a second connect, after the accept", answers_in_turn(ACCEPT, SENT), socket(), [CONNECT] * 2, ["connect-first"]),
    ("data before the connect", apps.sends(SENT, CLOSE), socket(), [], ["accept-first"]),
    ("no headers where there may be none", answers(ACCEPT, CLOSE), OLD, [CONNECT], []),
    (
        "headers where the server says no versions",
        answers({**ACCEPT, "headers": [(b"a", b"b")]}, CLOSE),
        socket(asgi="3.0"),
        [CONNECT],
        ["scope-version"],
    ),
    ("a denial before the connect", apps.sends(DENIAL, DENIAL_BODY), socket(), [], []),
    ("a denial of no status", answers({**DENIAL, "status": 99}, DENIAL_BODY), socket(), [CONNECT], ["start-status"]),
    (
        "bytes, a close without a code, and with a reason",
        answers(ACCEPT, {"type": "websocket.send", "bytes": b"a"}, {**CLOSE, "code": None, "reason": "bye"}),
        socket(),
        [CONNECT],
        [],
    ),
    (
        "an offer that can be read once is left alone",
        answers({**ACCEPT, "subprotocol": "other"}, CLOSE),
        socket(subprotocols=iter(["chat"])),
        [CONNECT],
        [],
    ),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "messages", "rules"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_sockets(sentence: str, app: App, scope: Any, messages: list[Any], rules: list[str]) -> None:
    assert broken_rules(app, scope, messages) == rules
