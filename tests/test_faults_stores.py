"""The fault sweep of the stores: every operation of every request fails once, before or after it has been done.

A store is down, answers nothing, answers what no store should, or is cancelled. For each operation, and for its answer,
one request is made with that fault, and one after it with the store in order again: 50 cases for each fault.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from asgi_middleware import SessionMiddleware
from asgi_middleware.sessions.stores import Record
from asgi_middleware.sessions.stores.memory import MemoryStore

from .breaking import Broken
from .failing_stores import Case, Down, swept, wrong
from .storing import SECRET

CASES = 50


def down(answer: Any) -> Any:
    raise Down


def cancelled(answer: Any) -> Any:
    raise asyncio.CancelledError


def hangs(answer: Any) -> Any:
    return anyio.sleep_forever()


def always(answer: Any) -> Callable[[Any], Any]:
    return lambda _: answer


EVERY_MODE = pytest.mark.parametrize("on_store_error", ["raise", "empty"])


@EVERY_MODE
@pytest.mark.parametrize(
    ("fault", "raised", "loop"),
    [
        (down, Down, None),
        (cancelled, asyncio.CancelledError, None),
        (hangs, TimeoutError, "trio"),
        (hangs, TimeoutError, "asyncio"),
    ],
    ids=["down", "cancelled", "hangs-trio", "hangs-asyncio"],
)
def test_an_operation_that_fails(
    fault: Callable[[Any], Any], raised: type[BaseException], loop: str | None, on_store_error: str
) -> None:
    number, found = swept(fault, raised, loop=loop, on_store_error=on_store_error)
    assert found == []
    assert number == CASES


# What no store gives as an answer, of the wrong type; and the two others that `update` has.
ANSWERS: list[Any] = [
    None,
    7,
    -1,
    "what",
    b"",
    [],
    {},
    object(),
    True,
    False,
    ("a", "b"),
    "gone",
    "conflict",
    ValueError(),
]


@EVERY_MODE
def test_an_answer_that_is_none(on_store_error: str) -> None:
    """An exception travels on, or there is a whole answer; never half of one, nor one operation after the other."""
    for answer in ANSWERS:
        number, found = swept(always(answer), Exception, on_store_error=on_store_error)
        assert found == []
        assert number == CASES


# What others may have written into a record.
DATA: list[bytes] = [
    b"",
    b"\n",
    b"{",
    b"{}",
    b'{"a":1}',  # without facts
    b'{"a":1}\n-1',
    b'{"a":1}\n[1,2]',
    b'{"a":1}\n["1",null,null]',
    b'{"a":1}\n' + b"9" * 5000,
    b'{"a":1}\n' + b"[" * 100_000,
    b"[]\n1",
    b"null\n1",
    b'{"a":' + b"[" * 100_000 + b"\n1",
    b'{"a":' + b"9" * 5000 + b"}\n1",
    b'{"a":NaN}\n1',
    b'{"a":1}{"b":2}\n1',
    b'{"a":"\\ud800"}\n1',
    b"\xff\xfe\n1",
    bytes(range(256)),
]


@EVERY_MODE
@pytest.mark.parametrize("number", range(len(DATA)))
def test_a_record_that_is_not_ours(number: int, on_store_error: str) -> None:
    """It is no session; the request is answered all the same."""

    def spoilt(answer: Any) -> Any:
        return Record(DATA[number], answer.version) if isinstance(answer, Record) else answer

    assert swept(spoilt, None, on_store_error=on_store_error) == (CASES, [])


# --- broken on purpose ------------------------------------------------------------------------------------------------


class Careless(Broken):
    """Keeps sessions in a store, with one fault."""

    _stored: Any = None

    def __init__(self, app: Any, secret: str, *, store: Any, **options: Any) -> None:
        super().__init__(app)
        self.store = store
        self._saving: dict[int, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        session = SessionMiddleware(self.app, SECRET, store=MemoryStore())
        await session(scope, receive, self.careless(send))

    def careless(self, send: Any) -> Any:
        raise NotImplementedError


class Swallows(Careless):
    def careless(self, send: Any) -> Any:
        async def saving(message: Any) -> None:
            if message["type"] == "http.response.start":
                with contextlib.suppress(BaseException):
                    await self.store.create("a", b"", 60)
            await send(message)

        return saving


class SavesTooLate(Careless):
    def careless(self, send: Any) -> Any:
        async def saving(message: Any) -> None:
            await send(message)
            await self.store.create("a", b"", 60)

        return saving


class LeavesASave(Careless):
    def careless(self, send: Any) -> Any:
        self._stored = self

        async def saving(message: Any) -> None:
            self._saving[0] = None
            await self.store.create("a", b"", 60)
            del self._saving[0]
            await send(message)

        return saving


class HandsOutACookie(Careless):
    def careless(self, send: Any) -> Any:
        async def saving(message: Any) -> None:
            if message["type"] == "http.response.start":
                with contextlib.suppress(Down):
                    await self.store.create("a", b"", 60)
                message = {**message, "headers": [(b"set-cookie", b"session=a")]}
            await send(message)

        return saving


class IsOutOfOrder(Careless):
    broken = False

    def careless(self, send: Any) -> Any:
        async def saving(message: Any) -> None:
            if self.broken:
                raise ValueError
            self.broken = True
            await self.store.create("a", b"", 60)
            self.broken = False
            await send(message)

        return saving


class AsksForEver(Careless):
    def careless(self, send: Any) -> Any:
        async def saving(message: Any) -> None:
            for _ in range(30):
                await self.store.touch("a", 60)
            await send(message)

        return saving


CONTROLS: list[tuple[type[Careless], str]] = [
    (Swallows, "the failure was swallowed"),
    (SavesTooLate, "was sent"),
    (LeavesASave, "a save was left under way"),
    (HandsOutACookie, "a cookie without a session"),
    (IsOutOfOrder, "the next request: ValueError()"),
    (AsksForEver, "operations"),
]


@pytest.mark.parametrize(("broken", "expected"), CONTROLS, ids=[row[0].__name__ for row in CONTROLS])
def test_what_does_harm_is_found(broken: type[Careless], expected: str) -> None:
    found = list[str]()
    for at in range(2):
        case = Case("a new one", at, down, wrap=broken).run()
        found += wrong(case, Down)
        if case.store.number > 50:
            found.append("operations")
    assert [what for what in found if expected in what]
