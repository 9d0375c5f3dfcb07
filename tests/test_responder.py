"""The way out: what a chain of responders does to a message, and what a stranger between two of them sees."""

import inspect
from typing import Any

import pytest

from asgi_middleware._responder import Responder, nothing

from .asgi import Message, step

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"1")]}
BODY: Message = {"type": "http.response.body", "body": b"x"}


class Adds(Responder):
    """Adds its name."""

    __slots__ = ("name",)

    name: bytes

    def edit(self, start: Message) -> None:
        start["headers"].append((b"by", self.name))


class Holds(Responder):
    """Keeps the start back."""

    __slots__ = ("held",)

    held: Message

    def edit(self, start: Message) -> Any:
        self.held = start
        return nothing()


class Counts(Adds):
    """Counts what its `send` is given, and says nowhere that it watches."""

    __slots__ = ("count",)

    count: int

    def send(self, message: Message) -> Any:
        self.count += 1
        return super().send(message)


class Releases(Holds):
    """Sends what it has kept with whatever comes next."""

    __slots__ = ()

    watches = True

    def send(self, message: Message) -> Any:
        if message["type"] == "http.response.start":
            return super().send(message)
        step(self._send(self.held))
        return self._send(message)


class Watches(Responder):
    """Sees every message."""

    __slots__ = ("seen",)

    watches = True

    seen: list[Message]

    def send(self, message: Message) -> Any:
        self.seen.append(message)
        return super().send(message)

    def edit(self, start: Message) -> None:
        self.seen.append(start)


def adds(name: bytes, send: Any) -> Adds:
    responder = Adds(send)
    responder.name = name
    return responder


class Server:
    """What arrives at the end."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)


STARTS = ["http.response.start", "websocket.accept", "websocket.http.response.start"]


@pytest.mark.parametrize("kind", STARTS)
def test_a_chain_edits_one_copy_from_the_inside_out(kind: str) -> None:
    server = Server()
    chain = adds(b"inner", adds(b"middle", adds(b"outer", server.send).send).send)
    pairs = [(b"a", b"1")]
    message = {"type": kind, "headers": pairs}
    step(chain.send(message))
    assert server.sent == [
        {"type": kind, "headers": [(b"a", b"1"), (b"by", b"inner"), (b"by", b"middle"), (b"by", b"outer")]}
    ]
    assert message == {"type": kind, "headers": pairs}
    assert pairs == [(b"a", b"1")]


HEADERS: list[tuple[str, Any]] = [
    ("a tuple", ((b"a", b"1"),)),
    ("an iterator", [(b"a", b"1")].__iter__),
    ("pairs as lists", [[b"a", b"1"]]),
]


@pytest.mark.parametrize(("sentence", "headers"), HEADERS, ids=[row[0] for row in HEADERS])
def test_headers_of_any_shape_become_a_list(sentence: str, headers: Any) -> None:
    server = Server()
    given = headers() if callable(headers) else headers
    step(adds(b"us", server.send).send({**START, "headers": given}))
    assert [(tuple(pair)) for pair in server.sent[0]["headers"]] == [(b"a", b"1"), (b"by", b"us")]


@pytest.mark.parametrize("absent", [{}, {"headers": None}])
def test_headers_that_are_absent_become_a_list(absent: dict[str, Any]) -> None:
    server = Server()
    step(adds(b"us", server.send).send({"type": "websocket.accept", **absent}))
    assert server.sent == [{"type": "websocket.accept", "headers": [(b"by", b"us")]}]


@pytest.mark.parametrize("message", [BODY, {"type": "http.response.push"}, {"type": "invented.later"}])
def test_every_other_message_goes_on_as_it_is(message: Message) -> None:
    server = Server()
    step(adds(b"inner", adds(b"outer", server.send).send).send(message))
    assert [sent is message for sent in server.sent] == [True]


def test_what_a_stranger_was_given_is_not_edited_again() -> None:
    server = Server()
    outer = adds(b"outer", server.send)
    seen: list[Message] = []

    async def stranger(message: Message) -> None:
        seen.append(message)
        await outer.send(message)

    step(adds(b"inner", stranger).send(START))
    assert seen == [{**START, "headers": [(b"a", b"1"), (b"by", b"inner")]}]
    assert server.sent == [{**START, "headers": [(b"a", b"1"), (b"by", b"inner"), (b"by", b"outer")]}]


def test_what_a_layer_answers_itself_passes_none_inside() -> None:
    server = Server()
    outer = adds(b"outer", server.send)
    adds(b"inner", outer.send)
    step(outer.send(START))
    assert server.sent == [{**START, "headers": [(b"a", b"1"), (b"by", b"outer")]}]


def test_a_start_that_is_held_reaches_nobody_outside() -> None:
    server = Server()
    holds = Holds(adds(b"outer", server.send).send)
    step(adds(b"inner", holds.send).send(START))
    assert server.sent == []
    assert holds.held == {**START, "headers": [(b"a", b"1"), (b"by", b"inner")]}


def test_who_held_a_start_releases_it_to_who_stands_outside() -> None:
    server = Server()
    inner = adds(b"inner", Releases(adds(b"outer", server.send).send).send)
    step(inner.send(START))
    step(inner.send(BODY))
    assert server.sent == [{**START, "headers": [(b"a", b"1"), (b"by", b"inner"), (b"by", b"outer")]}, BODY]


def test_who_does_not_watch_is_passed_by() -> None:
    server = Server()
    counts = Counts(server.send)
    counts.name, counts.count = b"outer", 0
    inner = adds(b"inner", counts.send)
    step(inner.send(START))
    step(inner.send(BODY))
    assert counts.count == 0
    assert server.sent == [{**START, "headers": [(b"a", b"1"), (b"by", b"inner"), (b"by", b"outer")]}, BODY]


def test_who_watches_sees_what_goes_past_the_others() -> None:
    server = Server()
    watches = Watches(adds(b"outer", server.send).send)
    watches.seen = []
    inner = adds(b"inner", watches.send)
    step(inner.send(START))
    step(inner.send(BODY))
    # it edits the copy that all share, so by now it has everybody's headers
    edited = {**START, "headers": [(b"a", b"1"), (b"by", b"inner"), (b"by", b"outer")]}
    assert watches.seen == [edited, BODY]
    assert server.sent == [edited, BODY]


def test_an_object_with_a_send_of_its_own_is_no_neighbour() -> None:
    class Cycle(Server):
        """A server's, whose `send` is a method too."""

    cycle = Cycle()
    step(adds(b"us", cycle.send).send(START))
    assert cycle.sent == [{**START, "headers": [(b"a", b"1"), (b"by", b"us")]}]


def test_what_an_edit_raises_reaches_who_sends() -> None:
    unnamed = Adds(Server().send)
    with pytest.raises(AttributeError, match="name"):
        unnamed.send(START)


def test_a_class_must_say_what_it_edits() -> None:
    with pytest.raises(NotImplementedError):
        Responder(Server().send).send(START)


def test_its_send_is_known_as_something_to_await() -> None:
    assert inspect.iscoroutinefunction(Responder(Server().send).send) or hasattr(Responder.send, "_is_coroutine")
