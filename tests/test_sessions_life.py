"""The life of a session without a store: regenerate, destroy, clear, subject, save, in every order; refused starts."""

import copy
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from asgi_middleware.sessions import Session, SessionTooLarge

from .apps import body, start
from .asgi import App, drive, http, websocket
from .baking import (
    DELETED,
    KEPT,
    NO_STORE,
    NOW,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    belonging,
    cookies,
    doing,
    saved,
    signed,
    visit,
    wrap,
)

# --- Every order --------------------------------------------------------------------------------------------------

BEFORE = NOW - 5000


@dataclass(frozen=True)
class Model:
    """A session as the manual describes it. Each step gives the next one; none changes it."""

    content: Mapping = field(default_factory=dict)
    created: int | None = None
    lifetime: int | None = None
    subject: str | None = None
    again: bool = False  # whether it is sent even if it is the same
    came_as: str | None = field(default=None, compare=False)  # whose it was when it came

    def value(self) -> str:
        """The cookie's."""
        text = json.dumps(self.content, separators=(",", ":"))
        if self.lifetime is not None or self.subject is not None:
            text += "\n" + json.dumps([self.created or NOW, self.lifetime, self.subject], separators=(",", ":"))
        elif self.created not in (None, NOW):
            text += f"\n{self.created}"
        return signed(text.encode())

    def headers(self, came: "Model | None") -> list[tuple[str, str]]:
        """What the response says, where `came` came with the request."""
        if not self.content and self.subject is None:
            return [VARY] if came is None else DELETED
        if came is not None and replace(self, again=False) == came and not self.again:
            return [VARY]
        attributes = KEPT if self.lifetime is None else KEPT.replace("1209600", str(self.lifetime))
        return [NO_STORE, ("set-cookie", f"session={self.value()}{attributes}"), VARY]


def become(subject: str | None) -> Callable[[Model], Model]:
    def step(model: Model) -> Model:
        if model.subject == subject:
            return model
        if {model.subject, model.came_as} <= {None, subject}:
            return replace(model, subject=subject)
        return replace(model, subject=subject, created=None, again=True)

    return step


STEPS: dict[str, tuple[Use, Callable[[Model], Model]]] = {
    "read": (len, lambda m: m),
    "write": (add, lambda m: replace(m, content={**m.content, "a": 1})),
    "write inside": (
        lambda s: s.setdefault("n", []).append(1),
        lambda m: replace(m, content={**m.content, "n": [*m.content.get("n", []), 1]}),
    ),
    "pop": (
        lambda s: s.pop("a", None),
        lambda m: replace(m, content={key: value for key, value in m.content.items() if key != "a"}),
    ),
    "clear": (lambda s: s.clear(), lambda m: replace(become(None)(m), content={}, lifetime=None)),
    "destroy": (lambda s: s.destroy(), lambda m: Model(again=m.again, came_as=m.came_as)),
    "regenerate": (lambda s: s.regenerate(), lambda m: replace(m, created=None, again=True)),
    "ada": (belonging("ada"), become("ada")),
    "nobody": (belonging(None), become(None)),
    "expiry": (lambda s: s.set_expiry(60), lambda m: replace(m, lifetime=60)),
    "no expiry": (lambda s: s.set_expiry(None), lambda m: replace(m, lifetime=None)),
    "mark": (lambda s: s.mark_modified(), lambda m: replace(m, again=True)),
}

CAME: list[tuple[str, Model | None]] = [
    ("without a cookie", None),
    ("with a session", Model({"a": 1}, BEFORE)),
    ("with a nested one of bob's, for ten thousand seconds", Model({"n": [2]}, BEFORE, 10_000, "bob")),
    ("with one of ada's that is empty", Model({}, BEFORE, None, "ada")),
]


@pytest.mark.parametrize(("sentence", "came"), CAME, ids=[row[0] for row in CAME])
@pytest.mark.parametrize("first", STEPS)
def test_in_every_order_of_three(first: str, sentence: str, came: Model | None) -> None:
    headers = [] if came is None else cookies(came.value())
    for others in itertools.product(STEPS, repeat=2):
        names = (first, *others)
        model = replace(came, came_as=came.subject) if came else Model()
        seen: list[object] = []

        def use(session: Any, names: tuple[str, ...] = names, seen: list[object] = seen) -> None:
            for name in names:
                STEPS[name][0](session)
                seen.append((copy.deepcopy(session), session.created, session.subject, session.id))

        exchange = visit(use, headers=headers)
        expected: list[object] = []
        for name in names:
            model = STEPS[name][1](model)
            expected.append((model.content, model.created, model.subject, None))
        assert (names, exchange.error, seen) == (names, None, expected)
        assert (names, exchange.headers) == (names, model.headers(came))


def test_the_flags_after_each() -> None:
    flags: dict[str, tuple[bool, bool, bool]] = {}
    for name, (use, _) in STEPS.items():
        found: list[Any] = []
        visit(doing(use, found.append), baked({"a": 1, "n": []}))
        flags[name] = found[0].accessed, found[0].modified, found[0].is_new
    unchanged = {"read", "write inside", "nobody"}  # nobody's it was before; a change inside is seen by comparing
    assert flags == {name: (True, name not in unchanged, False) for name in STEPS}


# --- After the start ----------------------------------------------------------------------------------------------

LATE: list[tuple[str, Use, str]] = [
    ("regenerate", lambda s: s.regenerate(), "a session is regenerated before the response starts"),
    ("another subject", belonging("bob"), "a session is regenerated before the response starts"),
]


@pytest.mark.parametrize(("sentence", "use", "message"), LATE, ids=[row[0] for row in LATE])
def test_a_new_id_after_the_start_is_refused_and_changes_nothing(sentence: str, use: Use, message: str) -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=[]))
        with pytest.raises(RuntimeError, match=message):
            use(scope["session"])
        seen.append((dict(scope["session"]), scope["session"].subject, scope["session"].modified))

    assert drive(wrap(app), http(headers=cookies(signed(b'{"a":1}\n[1700000000,null,"ada"]')))).error is None
    assert seen == [({"a": 1}, "ada", False)]


SAVES: list[tuple[str, Use, Use, list[tuple[str, str]], str | None]] = [
    ("before the start, changed: the response does it", add, len, saved({"b": [], "a": 1}), None),
    ("before the start, untouched: counts as a use", lambda s: None, len, [VARY], None),
    ("after the start, not changed since", add, len, saved({"b": [], "a": 1}), None),
    ("after the start, changed", len, add, [VARY], "the response has started"),
    ("after the start, changed inside", len, lambda s: s["b"].append(1), [VARY], "the response has started"),
]


@pytest.mark.parametrize("make", [http, websocket], ids=["http", "websocket"])
@pytest.mark.parametrize(("sentence", "before", "after", "headers", "refusal"), SAVES, ids=[row[0] for row in SAVES])
def test_save(
    sentence: str,
    before: Use,
    after: Use,
    headers: list[tuple[str, str]],
    refusal: str | None,
    make: Callable[..., Any],
) -> None:
    said: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        before(session)
        await session.save()
        await send(start(headers=[]) if scope["type"] == "http" else {"type": "websocket.accept"})
        await session.save()
        after(session)
        try:
            await session.save()
        except RuntimeError as error:
            said.append(str(error))

    exchange = drive(wrap(app), make(headers=cookies(baked({"b": []}))))
    assert (exchange.error, exchange.headers) == (None, headers)
    assert [message.startswith(refusal or "-") for message in said] == ([True] if refusal else [])


ALONE: list[tuple[str, Use, Mapping, bool]] = [
    ("destroy", lambda s: s.destroy(), {}, True),
    ("clear", lambda s: s.clear(), {}, True),
    ("regenerate", lambda s: s.regenerate(), {"a": 1}, True),
    ("subject", belonging("ada"), {"a": 1}, True),
    ("subject, the same", belonging(None), {"a": 1}, False),
    ("set_expiry", lambda s: s.set_expiry(5), {"a": 1}, True),
    ("asking for everything", lambda s: [s.id, s.subject, s.created, s.is_new], {"a": 1}, False),
]


@pytest.mark.parametrize(("sentence", "use", "content", "modified"), ALONE, ids=[row[0] for row in ALONE])
def test_made_alone_it_has_them_too(sentence: str, use: Use, content: Mapping, modified: bool) -> None:
    session = Session(a=1)
    use(session)
    assert (dict(session), session.modified, session.id) == (content, modified, None)


def test_made_alone_it_cannot_be_saved() -> None:
    with pytest.raises(RuntimeError, match="made on its own"):
        Session(a=1).save().send(None)


@pytest.mark.parametrize("subject", ["", 5, b"ada", True, ["ada"]])
def test_a_subject_is_text(subject: object) -> None:
    exchange = visit(lambda s: setattr(s, "subject", subject), baked({"a": 1}))
    assert isinstance(exchange.error, TypeError)
    assert str(exchange.error) == "a session's subject is text that is not empty, or None"


@pytest.mark.parametrize("seconds", [0, -1, 1.5, True, "60", float("inf")])
def test_an_expiry_is_a_whole_number_of_seconds(seconds: object) -> None:
    exchange = visit(lambda s: s.set_expiry(seconds), baked({"a": 1}))
    assert isinstance(exchange.error, ValueError)
    assert "a whole number of seconds" in str(exchange.error)


# --- Starts that are refused --------------------------------------------------------------------------------------


def refusing(app: App, times: int = 1) -> App:
    """Stands outside, and refuses the first starts."""

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        left = [OSError("refused")] * times

        async def refuse(message: Any) -> None:
            if left and message["type"] == "http.response.start":
                raise left.pop()
            await send(message)

        await app(scope, receive, refuse)

    return outer


def starting_again(first: Use, then: Use, times: int = 1) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        first(scope["session"])
        for _ in range(times):
            with pytest.raises((OSError, SessionTooLarge)):
                await send(start(headers=[]))
        then(scope["session"])
        await send(start(500, headers=[]))

    return app


AGAIN: list[tuple[str, Use, Use, list[tuple[str, str]]]] = [
    ("a change goes with the second", add, len, saved({"b": [], "a": 1})),
    ("a change inside does", lambda s: s["b"].append(1), len, saved({"b": [1]})),
    ("a deletion does", lambda s: s.destroy(), len, DELETED),
    ("what is changed in between does", add, lambda s: s.update(c=2), saved({"b": [], "a": 1, "c": 2})),
    ("what is taken back in between is gone", add, lambda s: s.pop("a"), saved({"b": []})),
    ("a deletion in between wins", add, lambda s: s.destroy(), DELETED),
    ("a new session in between wins", lambda s: s.destroy(), add, saved({"a": 1})),
    ("a read has nothing to send", len, len, [VARY]),
]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("sentence", "first", "then", "headers"), AGAIN, ids=[row[0] for row in AGAIN])
def test_the_start_after_one_that_was_refused_outside(
    sentence: str, first: Use, then: Use, headers: list[tuple[str, str]], times: int
) -> None:
    app = refusing(wrap(starting_again(first, then, times)), times)
    exchange = drive(app, http(headers=cookies(baked({"b": []}))))
    assert (exchange.error, exchange.status, exchange.headers) == (None, 500, headers)


def test_the_inner_of_two_sessions_keeps_its_change_when_the_outer_does_not_fit() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        scope["admin"]["b"] = "x" * 4000
        with pytest.raises(SessionTooLarge):
            await send(start(headers=[]))
        del scope["admin"]["b"]
        await send(start(507, headers=[]))

    exchange = drive(wrap(wrap(app), session_cookie="admin", scope_key="admin"))
    assert (exchange.error, exchange.status, exchange.headers) == (None, 507, saved({"a": 1}))


# --- Where and how it is used -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "anything", None])
@pytest.mark.parametrize("status", [200, 204, 206, 301, 304, 404, 500])
def test_every_method_and_status_is_served_alike(method: str | None, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        await send(start(status, headers=[]))

    exchange = drive(wrap(app), http(method=method))
    assert (exchange.error, exchange.headers) == (None, saved({"a": 1}))


def test_of_two_with_one_name_and_one_key_the_inner_counts() -> None:
    """The outer one's session is hidden, so nobody uses it."""
    exchange = drive(wrap(wrap(using_both)), http(headers=cookies(baked({"b": 1}))))
    assert (exchange.error, exchange.headers) == (None, saved({"b": 1, "a": 1}))


async def using_both(scope: Any, receive: Any, send: Any) -> None:
    add(scope["session"])
    await send(start(headers=[]))


def test_a_session_that_outlives_its_request_is_a_dict_still(caplog: pytest.LogCaptureFixture) -> None:
    held: list[Any] = []
    exchange = visit(held.append, baked({"a": [1]}))
    assert exchange.headers == []
    (session,) = held
    assert session == {"a": [1]}
    session["b"] = 2
    assert (dict(session), caplog.records) == ({"a": [1], "b": 2}, [])


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_it_may_be_used_from_a_worker_thread(loop: str) -> None:
    import anyio

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await anyio.to_thread.run_sync(add, scope["session"])
        await send(start(headers=[]))
        await send(body(b""))

    exchange = drive(wrap(app), http(headers=cookies(baked({"b": 1}))), loop=loop)
    assert (exchange.error, exchange.headers) == (None, saved({"b": 1, "a": 1}))
