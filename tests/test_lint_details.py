"""`LintMiddleware`: what each rule has seen, as its report says it, and what is never told: bodies, queries, values."""

from collections import defaultdict
from typing import Any

import pytest

from asgi_middleware.lint import RULES

from . import apps
from .asgi import App
from .lint_rows import (
    BREAKS,
    DEBUG,
    DENIAL,
    DENIAL_BODY,
    END,
    EXTENSIONS,
    HINT,
    OK,
    PUSH,
    answers,
    broken_rules,
    file,
    full,
    path,
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
    offered = {name: {} for name in EXTENSIONS if name != extension}
    assert [violation.rule for violation in violations(app, make(extensions=offered))] == ["send-extension"] * times
    assert broken_rules(app, make(extensions={extension: {}})) == []
