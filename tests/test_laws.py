"""Laws: what does not matter changes nothing, and what is not touched is the same object.

Seeded cases of the fuzz, through every middleware. The fuzz itself checks four of these in each of its cases
(`fuzz/check.py`, `broken_laws`): the case of request header names, request headers as an iterator, response headers as
a tuple, and a body that is cut in two. Here are the others, in 60 cases for each (1,000 of another seed: nothing):

- response header names in another case, in which they also come out;
- request and response headers in every other container;
- a body cut anywhere, with empty pieces between, or sent in one;
- constant messages: the 1,000th response is the first, and the messages are what they were;
- identity: other messages, bodies as they are, header values, what the server put into the scope, and what it said.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from . import apps
from .asgi import App, Exchange, decode, deeply, drive, http, plain, step
from .breaking import Broken, EditsMessages
from .fuzz.check import MAY_CHANGE, Run
from .fuzz.scenario import Scenario, Step, generate
from .subjects import SUBJECTS, Wrap
from .test_contract import ORIGIN, asks, request_headers

SEED = 5
CASES = 60
Law = Callable[[Wrap, Scenario, random.Random], list[str]]

# What a middleware may replace in the scope: request_id writes the ID and the trace into the headers of the request,
# compression hides the extensions that would take a body past it.
REPLACED = {"headers", "extensions"}


@functools.cache
def cases() -> list[Scenario]:
    """Cases over HTTP that a known ID makes comparable."""
    found: list[Scenario] = []
    number = 0
    while len(found) < CASES:
        case = generate(SEED, number)
        number += 1
        if case.scope["type"] == "http" and "headers" in case.scope:
            others = [(name, value) for name, value in case.scope["headers"] if name.lower() != b"x-request-id"]
            scope = {**case.scope, "headers": [*others, (b"x-request-id", b"known")]}
            found.append(replace(case, container="list", scope=scope, steps=contained(case, "list")))
    return found


def contained(case: Scenario, container: str) -> tuple[Step, ...]:
    return tuple(replace(each, container=container) for each in case.steps)


def outcome(exchange: Exchange) -> Any:
    return exchange.sent, repr(exchange.error)


def run(wrap: Wrap, case: Scenario) -> Exchange:
    return Run(wrap, case).exchange


# --- what does not matter ---------------------------------------------------------------------------------------------


def lowered(exchange: Exchange) -> Any:
    """The outcome, with header names in lower case."""
    sent = [
        {**message, "headers": [(name.lower(), value) for name, value in message["headers"]]}
        if "headers" in message
        else message
        for message in exchange.sent
    ]
    return sent, repr(exchange.error)


def the_case_of_response_header_names(wrap: Wrap, case: Scenario, rng: random.Random) -> list[str]:
    def swapped(each: Step) -> Step:
        if "headers" not in each.message:
            return each
        headers = [(rng.choice((name.upper(), name.title())), value) for name, value in each.message["headers"]]
        return replace(each, message={**each.message, "headers": headers})

    other = replace(case, steps=tuple(map(swapped, case.steps)))
    return [] if lowered(run(wrap, other)) == lowered(run(wrap, case)) else ["the names of response headers"]


def the_container_of_headers(wrap: Wrap, case: Scenario, rng: random.Random) -> list[str]:
    reference = outcome(run(wrap, case))
    found = [
        f"request headers as {container}"
        for container in ("tuple", "lists")
        if outcome(run(wrap, replace(case, container=container))) != reference
    ]
    return found + [
        f"response headers as {container}"
        for container in ("lists", "iterator")
        if outcome(run(wrap, replace(case, steps=contained(case, container)))) != reference
    ]


def the_pieces_of_the_body(wrap: Wrap, case: Scenario, rng: random.Random) -> list[str]:
    if case.scope.get("method") == "HEAD" or any(each.action == "raise" or each.needs for each in case.steps):
        return []
    reference = seen(run(wrap, case))
    others = {"many": tuple(piece for each in case.steps for piece in pieces(each, rng)), "one": joined(case.steps)}
    return [
        f"a body in {name}"
        for name, steps in others.items()
        if seen(run(wrap, replace(case, steps=steps))) != reference
    ]


def seen(exchange: Exchange) -> Any:
    """What a client sees, whatever it was sent in; a length and a coding may depend on whether the body is whole."""
    if exchange.error is not None or exchange.sent[0]["type"] != "http.response.start":
        return repr(exchange.error), [message["type"] for message in exchange.sent]
    headers = [(name, value) for name, value in exchange.headers if name.encode() not in MAY_CHANGE]
    codings = [coding for coding in exchange.header("content-encoding") if coding in ("gzip", "br", "zstd")]
    try:
        body = decode(exchange.raw_body, codings)
    except Exception:
        body = exchange.raw_body  # the application's own coding
    return exchange.status, headers, body


def pieces(each: Step, rng: random.Random) -> list[Step]:
    body = each.message.get("body", b"")
    if each.message.get("type") != "http.response.body":
        return [each]
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(5)))
    parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    more = [replace(each, message={**each.message, "body": part, "more_body": True}) for part in parts[:-1]]
    return [*more, replace(each, message={**each.message, "body": parts[-1]})]


def joined(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The whole body in its last message."""
    bodies = [each for each in steps if each.message.get("type") == "http.response.body"]
    if not bodies:
        return steps
    whole = b"".join(each.message.get("body", b"") for each in bodies)
    last = replace(bodies[-1], message={**bodies[-1].message, "body": whole})
    return tuple(last if each is bodies[-1] else each for each in steps if each is bodies[-1] or each not in bodies)


# --- what is not touched ----------------------------------------------------------------------------------------------


class Witness:
    """Between server, middleware and application: the very objects that each of them was given."""

    def __init__(self, wrap: Wrap, case: Scenario) -> None:
        self.inner: Any = None  # the scope that the application got
        self.heard: list[Any] = []
        self.told: list[Any] = []
        self.given: list[Any] = []
        self.sent: list[Any] = []
        self.case = case
        self.scope = case.fresh_scope()
        self.before = dict(self.scope)
        self._waiting = [dict(message) for message in case.received]
        self.error: Exception | None = None
        try:
            step(wrap(self._app)(self.scope, self._receive, self._send))
        except Exception as error:
            self.error = error

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.inner = scope
        offered = scope.get("extensions") or {}
        for each in self.case.steps:
            if each.action == "receive":
                self.heard.append(await receive())
            elif each.action == "raise":
                raise ValueError
            elif (each.needs is None or each.needs in offered) and each.unless not in offered:
                self.given.append(each.made())
                await send(self.given[-1])

    async def _receive(self) -> Any:
        self.told.append(self._waiting.pop(0) if self._waiting else {"type": "http.disconnect"})
        return self.told[-1]

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


def what_is_not_touched(wrap: Wrap, case: Scenario, rng: random.Random) -> list[str]:
    seen = Witness(wrap, case)
    if seen.inner is None:
        return []  # the middleware has answered by itself
    found = [
        f"scope[{key!r}]"
        for key, value in seen.before.items()
        if key not in REPLACED and seen.inner.get(key, None) is not value
    ]
    before, after = seen.before.get("extensions") or {}, seen.inner.get("extensions") or {}
    found += [f"the extension {name}" for name, value in after.items() if before.get(name) is not value]
    found += ["a message that was received" for a, b in zip(seen.heard, seen.told, strict=True) if a is not b]
    if seen.error is None:
        encoded = any(name.lower() == b"content-encoding" for each in seen.sent for name, _ in each.get("headers", ()))
        for given, sent in zip(seen.given, seen.sent, strict=True):
            found += other_object(given, sent, encoded=encoded)
    return found


def other_object(given: Any, sent: Any, *, encoded: bool) -> list[str]:
    if given["type"] != "http.response.start":
        # What is encoded is another message, and what is nobody's is as if it were.
        return [given["type"]] if given is not sent and plain(given) == plain(sent) and not encoded else []
    # The values: Django's drop-in lowers the names, in pairs of its own.
    return [
        f"the pair {pair}"
        for pair in given.get("headers", ())
        if pair[0].lower() not in MAY_CHANGE
        and (values := [each[1] for each in sent["headers"] if tuple(each) == pair])
        and not any(value is pair[1] for value in values)
    ]


LAWS: list[Law] = [
    the_case_of_response_header_names,
    the_container_of_headers,
    the_pieces_of_the_body,
    what_is_not_touched,
]


def broken(law: Law, wrap: Wrap) -> tuple[int, list[str]] | None:
    """The first case that breaks the law, and how."""
    for number, case in enumerate(cases()):
        found = law(wrap, case, random.Random(number))  # noqa: S311  # repeatable on purpose
        if found:
            return number, found
    return None


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_middleware_keeps_the_law(subject: str, law: Law) -> None:
    assert broken(law, SUBJECTS[subject]) is None


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_no_middleware_at_all_keeps_the_law(law: Law) -> None:
    assert broken(law, Broken) is None


# --- constant messages ------------------------------------------------------------------------------------------------

CONSTANT = {
    "whole": (apps.start(headers=[(b"content-type", b"text/plain"), (b"vary", b"Host")]), apps.body()),
    "a stream": (apps.start(headers=[]), apps.body(b"one", more=True), apps.body(b"two")),
    "no headers": ({"type": "http.response.start", "status": 404}, {"type": "http.response.body"}),
}
TIMES = 1_000


def worn(wrap: Wrap) -> list[str]:
    """What is wrong with the 1,000th of the same responses, made of the same objects."""
    found: list[str] = []
    for sentence, messages in CONSTANT.items():
        before = deeply(messages)
        app = wrap(apps.sends(*messages))
        # Without an ID of the request's own each response has another one, which is what an ID is for.
        for headers, may_differ in ((request_headers(), ()), ([ORIGIN], ("x-request-id",))):
            first = client_sees(app, headers, may_differ)
            for _ in range(TIMES - 2):
                step(app(http(headers=headers), asks, ignores))
            if client_sees(app, headers, may_differ) != first:
                found.append(f"{sentence}: the last response is another one")
        if messages != before:
            found.append(f"{sentence}: the messages have changed")
    return found


async def ignores(message: Any) -> None:
    pass


def client_sees(app: App, headers: Any, may_differ: Any) -> Any:
    exchange = drive(app, http(headers=headers))
    return exchange.status, [pair for pair in exchange.headers if pair[0] not in may_differ], exchange.sent[1:]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_thousandth_response_is_the_first(subject: str) -> None:
    assert worn(SUBJECTS[subject]) == []


# --- broken on purpose ------------------------------------------------------------------------------------------------


class Editing(Broken):
    """Edits each start by a copy, with one fault."""

    def edited(self, headers: Any) -> Any:
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def editing(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self.edited(message.get("headers", []))}
            await send(message)

        await self.app(scope, receive, editing)


class KnowsOneCase(Editing):
    def edited(self, headers: Any) -> Any:
        headers = list(headers)
        return headers if any(name == b"content-type" for name, _ in headers) else [*headers, (b"x-untyped", b"1")]


class TakesIteratorsForNothing(Editing):
    def edited(self, headers: Any) -> Any:
        return [*headers] if isinstance(headers, (list, tuple)) else []


class CopiesPairs(Editing):
    def edited(self, headers: Any) -> Any:
        return [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in headers]


class Counts(Editing):
    count = 0

    def edited(self, headers: Any) -> Any:
        self.count += 1
        return [*headers, (b"x-count", b"%d" % self.count)]


class WantsLists(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wanted = all(isinstance(pair, tuple) for pair in scope.get("headers", ()))
        await self.app(scope, receive, send) if wanted else await send(apps.start(400))


class ReplacesTheFirstPiece(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        first = True

        async def shouting(message: Any) -> None:
            nonlocal first
            if message["type"] == "http.response.body" and first:
                first = False
                message = {**message, "body": bytes(message.get("body", b"")).replace(b"brown", b"green")}
            await send(message)

        await self.app(scope, receive, shouting)


class CopiesTheState(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "state": dict(scope.get("state") or {})}, receive, send)


class CopiesWhatItHears(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def copying() -> Any:
            return dict(await receive())

        await self.app(scope, copying, send)


class CopiesBodies(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def copying(message: Any) -> None:
            await send(message if message["type"] == "http.response.start" else dict(message))

        await self.app(scope, receive, copying)


BREACHES: list[tuple[Law, type[Broken]]] = [
    (the_case_of_response_header_names, KnowsOneCase),
    (the_container_of_headers, TakesIteratorsForNothing),
    (the_container_of_headers, WantsLists),
    (the_pieces_of_the_body, ReplacesTheFirstPiece),
    (what_is_not_touched, CopiesPairs),
    (what_is_not_touched, CopiesTheState),
    (what_is_not_touched, CopiesWhatItHears),
    (what_is_not_touched, CopiesBodies),
]


@pytest.mark.parametrize(("law", "wrap"), BREACHES, ids=[row[1].__name__ for row in BREACHES])
def test_a_breach_is_found(law: Law, wrap: type[Broken]) -> None:
    assert broken(law, wrap) is not None


@pytest.mark.parametrize("wrap", [EditsMessages, Counts])
def test_wear_is_found(wrap: type[Broken]) -> None:
    assert worn(wrap) != []
