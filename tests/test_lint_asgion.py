"""A second opinion on `lint`: the package asgion, on the same conversations, and why the two differ.

All of asgion's 163 rules are named here: what it says where a rule of ours is broken, where it is silent, what it holds
against legal conversations, and what it has advice about. No middleware of ours makes it say more than the app alone.
"""

import fnmatch
import importlib
from collections import defaultdict
from typing import Any

import pytest

from . import apps
from .asgi import CONNECT, REQUEST, App, drive, http, step
from .lint_rows import BREAKS, LEGAL, TOLERATED, broken_rules, full
from .subjects import SUBJECTS, Wrap

asgion: Any = pytest.importorskip("asgion", reason="asgion is not installed: the extra `hosts`, from Python 3.12 on")

# What is no rule of ASGI, and legal.
ADVICE = {
    "SEM-00[124-9]": "Content-Type once and there, Secure cookies, times, sizes: advice about HTTP",
    "SEM-01*": "times, sizes, CORS, charset: advice about HTTP",
    "HF-010": "a stream is a stream",
    "HF-011": "frameworks send a body on HEAD, servers leave it out",
    "LF-010": "a state is offered",
    "WF-007": "a close before the accept is a refusal",
}

# What it says where a rule of ours is broken; "" where it says nothing on any of the rows.
SAYS = {
    "scope-dict": "",
    "scope-type": "",
    "scope-version": "G-012",
    "scope-spec-version": "G-013",
    "scope-extensions": "HS-027",
    "scope-state": "HS-028",
    "scope-kept": "",
    "scope-keys": "HS-002 HS-016 HS-020",
    "scope-http-version": "HS-004",
    "scope-method": "HS-006 HS-007",
    "scope-scheme": "HS-010",
    "scope-path": "HS-012",
    "scope-path-decoded": "",
    "scope-path-whole": "",
    "scope-raw-path": "",
    "scope-query": "HS-017",
    "scope-root-path": "HS-019",
    "scope-headers": "HS-021 HS-022 HS-023",
    "scope-pseudo-headers": "",
    "scope-address": "HS-025 HS-026",
    "scope-tls": "",
    "scope-subprotocols": "",
    "receive-message": "G-005 G-007 HE-004",
    "receive-values": "G-010",
    "receive-type": "HE-004 LE-001 WF-002",
    "send-message": "G-005 G-007 HE-014",
    "send-values": "G-008",
    "send-namespace": "HE-014",
    "send-kept": "",
    "send-extension": "EX-009",
    "returns-none": "",
    "call-arguments": "",
    "gone-stops": "HF-005 WF-005 WF-006",
    "request-body": "HE-002",
    "request-more": "HE-003",
    "request-after-end": "HF-005 HF-007",
    "start-first": "HF-002 HF-006",
    "start-once": "HF-003",
    "start-status": "HE-006 HE-007",
    "start-headers": "HE-008 HE-018",
    "start-header-names": "",
    "start-header-case": "HE-009",
    "start-header-values": "",
    "start-transfer-encoding": "HE-010",
    "start-trailers": "HE-011",
    "content-length-once": "",
    "content-length-kept": "SEM-003",
    "body-bytes": "G-010 HE-012",
    "body-more": "G-010 HE-013 HF-006 WE-016",
    "body-after-end": "HF-004",
    "body-forbidden": "HF-012",
    "response-complete": "HF-001 HF-006 HF-008",
    "trailers-promised": "HF-009",
    "trailers-last": "",
    "trailers-more": "",
    "pathsend-path": "HF-006",
    "pathsend-alone": "HF-006",
    "zerocopysend-file": "G-010 HF-006",
    "push-path": "HE-017",
    "early-hint-links": "EX-010",
    "debug-first": "EX-011 G-010",
    "debug-info": "HE-023",
    "connect-first": "WF-001",
    "connect-answered": "",
    "receive-one": "WE-001 WE-003",
    "receive-after-end": "WF-011",
    "receive-before-accept": "",
    "disconnect-code": "WE-004 WE-005",
    "accept-first": "WF-003",
    "accept-once": "WF-006 WF-008 WF-009",
    "accept-subprotocol": "",
    "accept-headers": "WE-007",
    "accept-headers-version": "",
    "send-one": "WE-008",
    "close-code": "WE-011 WE-012",
    "send-after-close": "WF-004",
    "denial-order": "WF-009 WF-010",
    "lifespan-receive": "LF-001 LF-002 LF-005",
    "lifespan-send": "LF-002 LF-003 LF-004",
    "lifespan-answered": "LF-008 LF-009",
    "lifespan-message": "LE-003",
}

# Where it lets at least one row of ours pass, and why.
SILENT = {
    **dict.fromkeys(("scope-kept", "send-kept"), "it compares nothing with what was"),
    **dict.fromkeys(("returns-none", "call-arguments"), "it does not look at calls"),
    "scope-dict": "it does not look at keys",
    "scope-type": "what is of no known type it does not check",
    "scope-version": "its own check fails on an `asgi` of None",
    "scope-extensions": "nor at an extension's value",
    **dict.fromkeys(("scope-path-decoded", "scope-raw-path"), "it looks at types alone: any bytes"),
    "scope-path-whole": "nor at `path` and `root_path` together",
    "scope-pseudo-headers": "nor at what the names are",
    "scope-subprotocols": "text, which is an iterable of text",
    "scope-tls": "it does not know the extension",
    "receive-values": "integers of any size",
    "send-extension": "denial responses",
    "start-status": "1xx: statuses from 100 on",
    **dict.fromkeys(("start-header-names", "start-header-values", "content-length-once"), "it looks at types alone"),
    "start-header-case": "the names of `websocket.accept`",
    "body-after-end": "a body after a path",
    **dict.fromkeys(("trailers-last", "trailers-more"), "it asks that there are some"),
    "push-path": "when it comes",
    "early-hint-links": "it checks `headers`, which there are none of",
    "connect-answered": "a WebSocket may be left without an answer",
    "receive-before-accept": "it does not ask for an accept",
    "accept-subprotocol": "any text",
    **dict.fromkeys(("accept-headers", "accept-headers-version"), "pairs of bytes, whichever"),
    "send-after-close": "a second close",
    "denial-order": "a close",
    "lifespan-answered": "who returns at once",
}

# What it holds against conversations that the specification allows, and the words that allow them.
STRICTER: dict[str, tuple[str, str]] = {
    "headers as a generator": ("G-010", "`headers` is an iterable"),
    "HEAD with GET's length": ("SEM-003", "RFC 9110, 8.6: the length that a GET would have"),
    "hints before and after the start": ("EX-010", "at any time after the start, says the extension; servers: before"),
    "a path": ("HF-006 SEM-003", "a path is a body, whole"),
    "files": ("G-010 HF-006", "a file is a body, and may be its end"),
    "a push and debug information": ("G-010", "`info` holds what the framework wants to tell"),
    "a message of an extension invented later": ("HE-014", "extensions add messages"),
    "an app that stops when its client has gone": ("HF-005", "a send may come later: it does nothing, or raises"),
    "a repeated disconnect": ("HF-005", "likewise"),
    "what was under way when the client went": ("HF-005", "likewise"),
    "no optional key": ("HS-008 HS-014 HS-018", "they are optional"),
    "Daphne's scope": ("WS-002 WS-004 WS-009 WS-011 WS-013 WS-020", "likewise"),
    "headers in the case of the client": ("HS-024", "lower case is not required of servers"),
    "OPTIONS *": ("HS-013", "RFC 9112, 3.2.4: the asterisk form"),
    "a query of None in a WebSocket's scope": ("WS-012", "None stands for none"),
}

# The rest of its rules: which rule of ours says the same on rows that stand here for others, or why none does.
OTHERS = {
    "scope-dict": "G-001",
    "scope-type": "G-002 G-003 HS-001 LS-001 WS-001",
    "scope-version": "G-011 LS-002 LS-003",
    "scope-state": "LS-004 WS-025",
    "scope-extensions": "WS-024",
    "scope-keys": "WS-015",
    "scope-http-version": "HS-003 WS-003",
    "scope-method": "HS-005",
    "scope-scheme": "HS-009 WS-005",
    "scope-path": "HS-011 WS-007 WS-008",
    "scope-raw-path": "HS-015 WS-010",
    "scope-root-path": "WS-014",
    "scope-headers": "WS-016 WS-017 WS-018",
    "scope-subprotocols": "WS-021",
    "scope-address": "WS-022 WS-023",
    "send-message": "G-006",
    "send-values": "G-009 G-014",
    "start-status": "HE-005 WE-013",
    "start-headers": "HE-015 WE-014",
    "push-path": "HE-016",
    "pathsend-path": "HE-020 HE-021",
    "zerocopysend-file": "HE-019",
    "receive-one": "WE-002",
    "send-one": "WE-009 WE-010",
    "accept-subprotocol": "WE-006",
    "body-bytes": "WE-015",
    "lifespan-send": "LF-006 LF-007",
    "lifespan-message": "LE-004",
    "none: a scope type or a message invented later passes": "G-004 LE-002",
    "none: the key is optional, or not there": "HE-001 HE-022",
    "none: likely http or https, not necessarily; names in any case": "WS-006 WS-019",
}


def inspected(app: App) -> Any:
    return asgion.Inspector(app, config=asgion.AsgionConfig(exclude_rules=frozenset(ADVICE)))


def opinion(app: App, scope: dict[str, Any], messages: list[Any] | None) -> set[str]:
    """The rules of asgion that a conversation breaks, but for its advice."""
    inspector = inspected(app)
    waiting = list(messages if messages is not None else [CONNECT if scope["type"] == "websocket" else REQUEST])

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        """Takes anything."""

    step(inspector(scope, receive, send))
    return {violation.rule_id for violation in inspector.violations}


def test_what_it_says_where_a_rule_is_broken() -> None:
    said: defaultdict[str, set[str]] = defaultdict(set)
    silent = set()
    for rule, app, scope, messages in BREAKS:
        found = opinion(app, scope, messages)
        said[rule] |= found
        silent |= set() if found else {rule}
    assert {rule: " ".join(sorted(found)) for rule, found in said.items()} == SAYS
    assert silent == set(SILENT)


def test_what_it_holds_against_legal_conversations() -> None:
    found = {sentence: opinion(app, scope, messages) for sentence, app, scope, messages in LEGAL}
    seen = {sentence: " ".join(sorted(rules)) for sentence, rules in found.items() if rules}
    assert seen == {sentence: rules for sentence, (rules, _) in STRICTER.items()}


def test_both_object_to_what_servers_tolerate() -> None:
    for sentence, make, _ in apps.RESPONSES:
        if sentence in TOLERATED:
            assert broken_rules(make(), full())
            assert opinion(make(), full(), None)


def test_every_rule_of_its_is_named() -> None:
    rules = set(importlib.import_module("asgion.rules").RULES)
    named = {name for names in (*SAYS.values(), *OTHERS.values()) for name in names.split()}
    named |= {name for names, _ in STRICTER.values() for name in names.split()}
    advice = {name for name in rules if any(fnmatch.fnmatch(name, pattern) for pattern in ADVICE)}
    assert named | advice == rules
    assert not named & advice


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_middleware_makes_it_say_more(subject: str) -> None:
    def judged(app: App, method: str, coding: str) -> set[str]:
        inspector = inspected(app)
        headers = [("accept-encoding", coding), ("origin", "https://app.example.com")]
        drive(inspector, http(method=method, headers=headers))
        return {violation.rule_id for violation in inspector.violations}

    wrap: Wrap = SUBJECTS[subject]
    for _, make, _ in apps.RESPONSES:
        for method in ("GET", "HEAD"):
            for coding in ("gzip", "identity"):
                assert judged(wrap(make()), method, coding) - judged(make(), method, coding) == set()
