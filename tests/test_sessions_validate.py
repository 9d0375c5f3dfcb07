"""`validate`: who is asked, when, and what becomes of a session that it does not hold for, or that it cannot judge."""

from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ConfigError
from asgi_middleware.sessions import Session

from .apps import start
from .asgi import App, drive, http, websocket
from .baking import (
    DELETED,
    NOW,
    OLD,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    cookies,
    doing,
    nothing,
    saved,
    signed,
    using,
    visit,
    wrap,
)

Validate = Callable[[Any, Any], object]


class Asked:
    """Answers what it is told to, or raises it, and notes who was asked about."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.about: list[Mapping] = []

    def __call__(self, session: Session, scope: Any) -> object:
        self.about.append(dict(session))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


# A sentence, the answer, the use, what is read, the headers.
ANSWERS: list[tuple[str, object, Use, Mapping, list[tuple[str, str]]]] = [
    ("True lets it be read", True, len, {"a": 1}, [VARY]),
    ("whatever is true does", "yes", len, {"a": 1}, [VARY]),
    ("and written", True, lambda s: s.update(b=2), {"a": 1, "b": 2}, saved({"a": 1, "b": 2})),
    ("False destroys it", False, len, {}, DELETED),
    ("None does", None, len, {}, DELETED),
    ("0 does", 0, len, {}, DELETED),
    ("and one that is begun anew holds nothing of it", False, lambda s: s.update(b=2), {"b": 2}, saved({"b": 2})),
    ("not even the same content is the same session", False, add, {"a": 1}, saved({"a": 1})),
]


@pytest.mark.parametrize(("sentence", "answer", "use", "content", "headers"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_the_answer(sentence: str, answer: object, use: Use, content: Mapping, headers: list[tuple[str, str]]) -> None:
    asked, found = Asked(answer), []
    exchange = visit(doing(use, lambda s: found.append(s.copy())), baked({"a": 1}), validate=asked)
    assert (exchange.error, exchange.headers) == (None, headers)
    assert (asked.about, found) == ([{"a": 1}], [content])


def ask_often(session: Any) -> object:
    return [session.get("a"), len(session), session.subject, session.is_new, session.update(a=1), session.destroy()]


NOT_ASKED: list[tuple[str, Use, tuple[str, ...], int]] = [
    ("nobody used it", nothing, (baked({"a": 1}),), 0),
    ("there is none", len, (), 0),
    ("a forged one", len, ("forged",), 0),
    ("one by a key that is not listed", len, (baked({"a": 1}, OLD),), 0),
    ("one that has expired", len, (baked({"a": 1}, now=1),), 0),
    ("the first of two alone", len, (baked({"a": 1}), baked({"a": 2})), 1),
    ("once, however much it is used", ask_often, (baked({"a": 1}),), 1),
]


@pytest.mark.parametrize(("sentence", "use", "values", "times"), NOT_ASKED, ids=[row[0] for row in NOT_ASKED])
def test_how_often_it_is_asked(sentence: str, use: Use, values: tuple[str, ...], times: int) -> None:
    asked = Asked(True)
    assert visit(use, *values, validate=asked).error is None
    assert len(asked.about) == times


def test_the_first_that_is_refused_is_not_followed_by_another() -> None:
    """The cookie that the browser thinks best is first; whoever it logs out stays logged out."""
    asked = Asked(False, True)
    assert visit(len, baked({"a": 1}), baked({"a": 2}), validate=asked).headers == DELETED


@pytest.mark.parametrize("make", [http, websocket], ids=["http", "websocket"])
def test_it_sees_the_scope_and_everything_of_the_session(make: Callable[..., Any]) -> None:
    seen: list[object] = []

    def validate(session: Session, scope: Any) -> bool:
        seen.append((scope["type"], scope["path"], scope["state"], session.subject, session.created, session.is_new))
        return True

    async def app(scope: Any, receive: Any, send: Any) -> None:
        len(scope["session"])

    value = signed(b'{"a":1}\n[1600000000,null,"ada"]')
    drive(wrap(app, validate=validate), make("/x", headers=cookies(value), state={"epoch": 7}))
    assert seen == [(make()["type"], "/x", {"epoch": 7}, "ada", 1_600_000_000, False)]


def test_what_it_writes_is_saved() -> None:
    def validate(session: Session, scope: Any) -> bool:
        session["seen"] = True
        return True

    assert visit(len, baked({"a": 1}), validate=validate).headers == saved({"a": 1, "seen": True})


def trying(*uses: Use, found: list[object]) -> App:
    """An app that goes on after each use that raises, and answers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for use in uses:
            try:
                found.append(use(scope["session"]))
            except OSError as error:
                found.append(error)
        await send(start(headers=[]))

    return app


VALUES = [
    ("a flat session", signed(b'{"a":1}'), {"a": 1}),
    ("a nested one", signed(b'{"a":[1]}'), {"a": [1]}),
    ("one that is due", signed(b'{"a":1}', now=NOW - 1_000_000), {"a": 1}),
]


@pytest.mark.parametrize(("sentence", "value", "content"), VALUES, ids=[row[0] for row in VALUES])
def test_while_it_raises_nobody_reads_the_session_and_nothing_is_saved(
    sentence: str, value: str, content: Mapping
) -> None:
    """A database that is down logs nobody out, and lets nobody in."""
    down = OSError("down")
    found: list[object] = []
    asked = Asked(down, down, down)
    app = trying(dict, add, lambda s: s.destroy(), found=found)
    exchange = drive(wrap(app, validate=asked, rolling=True), http(headers=cookies(value)))
    assert found == [down, down, down]
    assert asked.about == [content] * 3
    assert (exchange.error, exchange.headers) == (None, [VARY])


def test_one_that_answers_after_all_is_believed() -> None:
    found: list[object] = []
    app = trying(dict, dict, add, found=found)
    asked = Asked(OSError("down"), True)
    exchange = drive(wrap(app, validate=asked), http(headers=cookies(baked({"b": [2]}))))
    assert found[1:] == [{"b": [2]}, {"b": [2], "a": 1}]
    assert exchange.headers == saved({"b": [2], "a": 1})


def test_what_one_wrote_that_raised_is_dropped() -> None:
    def validate(session: Session, scope: Any) -> bool:
        session["half"] = session.subject = "done"
        raise OSError("down")

    found: list[object] = []
    app = trying(dict, found=found)
    exchange = drive(wrap(app, validate=validate), http(headers=cookies(baked({"a": 1}))))
    assert (exchange.error, exchange.headers, str(found[0])) == (None, [VARY], "down")


def test_its_exception_is_the_applications() -> None:
    error = OSError("down")
    exchange = visit(len, baked({"a": 1}), validate=Asked(error))
    assert (exchange.error, exchange.sent) == (error, [])


class AsksAsync:
    async def __call__(self, session: Session, scope: Any) -> bool:
        return False


def test_an_async_function_is_refused_in_every_disguise() -> None:
    """Its coroutine would be true of every session."""
    with pytest.raises(ConfigError, match="validate: an async function: must answer at once"):
        wrap(using(len), validate=AsksAsync())

    async def answer() -> bool:
        return False

    later = answer()
    exchange = visit(len, baked({"a": 1}), validate=lambda session, scope: later)
    assert repr(exchange.error) == "TypeError('`validate` must answer at once, and gave something to await')"
    later.close()
