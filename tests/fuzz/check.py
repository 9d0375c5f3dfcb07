"""What must be true of every case, through any middleware: the oracle, the laws, and cutting a finding down."""

import sys
import zlib
from collections import Counter
from dataclasses import replace
from typing import Any

from asgi_middleware import LintMiddleware
from asgi_middleware.lint import RULES, ASGIViolation

from ..asgi import App, Exchange, decode, deeply, drive
from ..subjects import Wrap
from .scenario import AppError, Application, Scenario, Step

OURS = ("http.response.start", "http.response.body")
STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
# Headers of the application that a middleware may replace, add to, or take away, each for a reason of its own.
MAY_CHANGE = {
    b"vary",
    b"etag",
    b"content-length",
    b"content-encoding",
    b"accept-ranges",
    b"access-control-allow-origin",
}
# Headers of the request that a middleware may replace: its ID, and its place in a trace.
MAY_BE_REPLACED = {b"x-request-id", b"traceparent", b"tracestate"}
# What middlewares have to live with, and what no checker has to report: scopes without what every server gives, and
# names in the case of the application, as Django and Sanic send them.
ON_PURPOSE = ("scope-keys", "start-header-case")
# Responses of the middleware itself, instead of the application's: preflights and refusals.
OWN_STATUSES = {200, 400, 401, 403, 500}


class Run:
    """A case through a middleware, with a checker on either side."""

    def __init__(self, wrap: Wrap, scenario: Scenario) -> None:
        self.outside: list[ASGIViolation] = []
        self.inside: list[ASGIViolation] = []
        self.application = Application(scenario.steps)
        self.late: list[str] = []
        inner = LintMiddleware(self.application.app(), mode=self.inside.append, ignore=ON_PURPOSE)
        outer = LintMiddleware(wrap(inner), mode=self.outside.append, ignore=ON_PURPOSE)
        self.scope = scenario.fresh_scope()
        before = deeply(comparable(self.scope))
        self.exchange = Exchange(self.scope)
        self.application.on_sent = self._sent
        self._live = Liveness(scenario)
        self.exchange = drive(self._recording(outer), self.scope, scenario.received)
        self.scope_changed = comparable(self.scope) != before

    def _recording(self, app: Any) -> Any:
        """The app, with what has come out at any time where `_sent` can see it."""

        async def recorded(scope: Any, receive: Any, send: Any) -> None:
            async def recording(message: Any) -> None:
                await send(message)
                self._live.came_out(message)

            await app(scope, receive, recording)

        return recorded

    def _sent(self) -> None:
        late = self._live.held_back(self.application.sent)
        if late is not None:
            self.late.append(late)


def comparable(scope: dict[str, Any]) -> Any:
    """What can be compared of a scope: a one-shot iterator stays out of it."""
    headers = scope.get("headers")
    kept = {key: value for key, value in scope.items() if key != "headers"}
    return kept, headers if isinstance(headers, (list, tuple)) else None


class Liveness:
    """What has come out is all that went in: streams are not held back, and a start for one message at the most."""

    def __init__(self, scenario: Scenario) -> None:
        self._method = scenario.scope.get("method")
        # An application that says that it has encoded is taken at its word.
        self._encodes = any(
            name.lower() == b"content-encoding" and value != b"identity"
            for step in scenario.steps
            for name, value in step.message.get("headers", ())
        )
        self._started = False
        self._decoder: Any = None
        self._decoded = b""

    def came_out(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            codings = [v for n, v in message.get("headers", ()) if n.lower() == b"content-encoding"]
            self._decoder = None if self._encodes or not codings else _decoder(codings[0])
        elif message["type"] == "http.response.body":
            body = bytes(message.get("body", b""))
            if body:  # a decoder whose stream is over takes nothing more, not even nothing
                self._decoded += self._decoder(body) if self._decoder is not None else body

    def held_back(self, sent: list[dict[str, Any]]) -> str | None:
        kinds = [message["type"] for message in sent]
        if "http.response.start" not in kinds:
            return None
        start = sent[kinds.index("http.response.start")]
        headers = {name.lower(): value for name, value in start.get("headers", ())}
        events = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        if not self._started:
            after = len(kinds) - 1 - kinds.index("http.response.start")
            return "the start was held too long" if after or (events and b"content-length" not in headers) else None
        unknown = b"content-length" not in headers and b"content-encoding" not in headers
        if self._method == "HEAD" or not unknown or start["status"] in (204, 206, 304):
            return None
        if not set(kinds) <= {
            "http.response.start",
            "http.response.body",
            "http.response.push",
            "http.response.early_hint",
        }:
            return None
        given = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return None if self._decoded == given else f"{len(given) - len(self._decoded)} bytes were held back"


def _decoder(coding: bytes) -> Any:
    """A function that decodes piece by piece; None where there is nothing to decode."""
    if coding == b"gzip":
        return zlib.decompressobj(31).decompress
    if coding == b"br":
        import brotli

        return brotli.Decompressor().process
    if coding == b"zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        return zstd.ZstdDecompressor().decompress
    return None


class Served:
    """A middleware that is built once and then asked again and again, as servers do, for one application after another.

    Each case comes after all those before it, so what one request leaves to the next is found as well; and building
    takes longer than most cases.
    """

    def __init__(self, wrap: Wrap) -> None:
        self._app: App

        async def current(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)

        self._middleware = wrap(current)

    def __call__(self, app: App) -> App:
        self._app = app
        return self._middleware


def bare(app: App) -> App:
    """No middleware at all: the control."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return called


def findings(wrap: Wrap, scenario: Scenario) -> list[str]:
    """What is wrong with one case, each as a kind, a colon, and the particulars."""
    run = Run(wrap, scenario)
    application, exchange = run.application, run.exchange
    found: list[str] = []
    apps_own = {violation.rule for violation in run.inside if RULES[violation.rule].fault == "application"}
    found += [f"inside: {v}" for v in run.inside if v.rule not in apps_own]
    # A middleware that answers for a crashed application completes what that one did not.
    found += [f"outside: {v}" for v in run.outside if v.rule not in apps_own]
    if exchange.error is not application.error:
        found.append(f"error: {exchange.error!r} came out, {application.error!r} went in")
    if application.called > 1:
        found.append(f"called: {application.called} times")
    if run.scope_changed:
        found.append("scope: the server's was changed")
    found += [f"late: {late}" for late in run.late[:1]]
    found += _lost_request_headers(scenario, application)
    if not application.called:
        found += _wrong_with_own_answer(exchange)
    elif application.error is None:
        found += _not_passed_on(scenario, application.sent, exchange)
    return found


def _lost_request_headers(scenario: Scenario, application: Application) -> list[str]:
    """The application sees every header of the request that nobody has reason to replace."""
    given = [(name.lower(), value) for name, value in scenario.scope.get("headers", ())]
    lost = Counter(pair for pair in given if pair[0] not in MAY_BE_REPLACED) - Counter(application.headers)
    return [f"request: {sorted(lost)} did not reach the app"] if application.called and lost else []


def _wrong_with_own_answer(exchange: Exchange) -> list[str]:
    """The middleware answered by itself."""
    kinds = [message["type"] for message in exchange.sent]
    if kinds == ["websocket.close"] or not kinds:
        return [] if kinds else ["answer: nobody answered"]
    if exchange.start.get("status") not in OWN_STATUSES:
        return [f"answer: an own answer of {exchange.start.get('status')}"]
    return []


def _not_passed_on(scenario: Scenario, sent: list[dict[str, Any]], exchange: Exchange) -> list[str]:
    found: list[str] = []
    if [m.get("type") for m in exchange.sent] != [m["type"] for m in sent]:
        return [f"order: {[m.get('type') for m in exchange.sent]} instead of {[m['type'] for m in sent]}"]
    for before, after in zip(sent, exchange.sent, strict=True):
        if before["type"] in STARTS:
            found += _lost_headers(before, after)
        elif before["type"] != "http.response.body" and before != after:
            found.append(f"message: {before['type']} was changed")
    kinds = {m["type"] for m in sent}
    if (
        scenario.scope["type"] == "http"
        and "http.response.zerocopysend" not in kinds
        and "http.response.start" in kinds
    ):
        found += _wrong_body(scenario, sent, exchange)
    return found


def _lost_headers(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Whatever the application set and nobody has reason to touch is there, in its order, as often as it was."""
    given = [(n.lower(), v) for n, v in before.get("headers", ()) if n.lower() not in MAY_CHANGE]
    kept = Counter(given)
    left: list[Any] = []
    for name, value in after.get("headers", ()):
        if kept[name.lower(), value] > 0:
            kept[name.lower(), value] -= 1
            left.append((name.lower(), value))
    others = {key: value for key, value in before.items() if key != "headers"}
    found = [] if left == given else [f"headers: {given} became {left}"]
    if {key: value for key, value in after.items() if key != "headers"} != others:
        found.append(f"start: {others} was changed")
    return found


def _wrong_body(scenario: Scenario, sent: list[dict[str, Any]], exchange: Exchange) -> list[str]:
    start = next(m for m in sent if m["type"] == "http.response.start")
    own = [v for n, v in start.get("headers", ()) if n.lower() == b"content-encoding" and v != b"identity"]
    if own or scenario.scope.get("method") == "HEAD":
        return []
    given = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    codings = [coding for coding in exchange.header("content-encoding") if coding != "identity"]
    try:
        seen = decode(exchange.raw_body, codings) if codings and exchange.raw_body else exchange.raw_body
    except Exception as error:
        return [f"body: {error!r} when decoding {codings}"]
    return [] if seen == given else [f"body: {len(seen)} bytes seen, {len(given)} given"]


def broken_laws(wrap: Wrap, scenario: Scenario) -> list[str]:
    """What does not matter changes nothing: case of names, containers, a second run, the cut of the body."""
    scope = scenario.scope
    if scope["type"] != "http" or "headers" not in scope:
        return []
    # A known ID makes two runs comparable.
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"x-request-id"]
    scenario = replace(scenario, container="list", scope={**scope, "headers": [*others, (b"x-request-id", b"known")]})
    exchange = _exchange(wrap, scenario)
    reference = _outcome(exchange)
    swapped = [(name.swapcase(), value) for name, value in scenario.scope["headers"]]
    found: list[str] = []
    for law, other in (
        ("the case of request header names", replace(scenario, scope={**scenario.scope, "headers": swapped})),
        ("the container of request headers", replace(scenario, container="iterator")),
        (
            "the container of response headers",
            replace(scenario, steps=tuple(replace(s, container="tuple") for s in scenario.steps)),
        ),
        ("a run before it", scenario),
    ):
        if _outcome(_exchange(wrap, other)) != reference:
            found.append(f"law: {law} matters")
    # HEAD has no body: what a server discards is nobody's.
    if scope.get("method") != "HEAD" and not any(step.action == "raise" or step.needs for step in scenario.steps):
        cut = replace(scenario, steps=tuple(piece for step in scenario.steps for piece in _cut(step)))
        if _decoded(_exchange(wrap, cut)) != _decoded(exchange):
            found.append("law: the cut of the body matters")
    return found


def _exchange(wrap: Wrap, scenario: Scenario) -> Exchange:
    """A case without the checkers: the laws compare what comes out."""
    return drive(wrap(Application(scenario.steps).app()), scenario.fresh_scope(), scenario.received)


def _outcome(exchange: Exchange) -> Any:
    return exchange.sent, repr(exchange.error)


def _decoded(exchange: Exchange) -> Any:
    if not exchange.sent or exchange.sent[0].get("type") != "http.response.start":
        return None
    codings = [coding for coding in exchange.header("content-encoding") if coding in ("gzip", "br", "zstd")]
    try:
        return decode(exchange.raw_body, codings)
    except Exception:
        return exchange.raw_body  # the app's own coding, or HEAD


def _cut(step: Step) -> list[Step]:
    """A body message as two, where it is more than one byte."""
    body = step.message.get("body", b"")
    if step.message.get("type") != "http.response.body" or len(body) < 2:
        return [step]
    half = len(body) // 2
    first = {**step.message, "body": body[:half], "more_body": True}
    return [replace(step, message=first), replace(step, message={**step.message, "body": body[half:]})]


def shrunk(wrap: Wrap, scenario: Scenario, kind: str) -> Scenario:
    """The smallest case found that still shows a finding of this kind."""
    for _ in range(200):
        for smaller in scenario.smaller():
            # What is cut down must still be legal: without any middleware nothing is found.
            if any(finding.startswith(kind) for finding in check(wrap, smaller)) and not check(bare, smaller):
                scenario = smaller
                break
        else:
            break
    return scenario


def check(wrap: Wrap, scenario: Scenario) -> list[str]:
    """Findings and broken laws of one case."""
    return [*findings(wrap, scenario), *broken_laws(wrap, scenario)]


__all__ = ["AppError", "Run", "Served", "bare", "broken_laws", "check", "findings", "shrunk"]
