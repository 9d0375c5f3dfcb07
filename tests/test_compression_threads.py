"""`compression` in threads: big bodies, cancellation, and no more than four at a time."""

import asyncio
import threading
import zlib
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from asgi_middleware._threads import Allowance, Threads
from asgi_middleware.compression import responder as engine
from asgi_middleware.compression.responder import CodingResponder, Policy

from .apps import TEXT, body, start, stream, text
from .asgi import App, Message, decode, drive, http, plain
from .compressing import (
    BIG,
    CLASSES,
    EVERY,
    LOOPS,
    PLAIN,
    WAYS,
    Counted,
    Make,
    ask,
    needs_a_thread,
    run,
)


@pytest.fixture(autouse=True)
def four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there may be where there are processors for them."""
    monkeypatch.setattr(engine, "_threads", Threads("four at once", at_once=4))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), WAYS)
@pytest.mark.parametrize("app", [text(BIG), stream(BIG, b"tail", BIG)], ids=["one shot", "stream"])
def test_a_thread_makes_what_the_event_loop_would_have_made(app: App, make: Make, coding: str, loop: str) -> None:
    scope = http(headers=[("accept-encoding", coding)])
    assert needs_a_thread(make(app))
    threaded = drive(make(app), scope, loop=loop)
    inline = drive(make(app, offload=False), scope)
    assert threaded.error is None
    assert inline.error is None
    assert threaded.sent == inline.sent
    assert threaded.body == ask(app).raw_body


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_big_bodies_of_every_class_decode(make: Make, coding: str, loop: str) -> None:
    exchange = drive(make(text(BIG)), http(headers=[("accept-encoding", EVERY)]), loop=loop)
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-length", str(len(exchange.raw_body))),
        ("content-type", "text/plain"),
        ("vary", "Accept-Encoding"),
    ]
    assert exchange.body == BIG


def test_bodies_that_are_small_one_by_one_need_threads_together(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Counted()
    monkeypatch.setattr(engine, "_threads", threads)
    monkeypatch.setattr(engine, "_on_the_loop", Allowance(1_000_000, lambda: 0))
    for _ in range(10):
        ask(BrotliMiddleware(text(BIG[:20_000])))
    assert threads.calls == 6
    assert not any(needs_a_thread(make(text(BIG[:2000]))) for make in (GZipMiddleware, BrotliMiddleware))


def test_without_an_event_loop_there_is_nothing_to_hold_up() -> None:
    exchange = ask(CompressionMiddleware(stream(BIG, b"tail", BIG)))
    assert exchange.error is None
    assert exchange.body == BIG + b"tail" + BIG


def test_small_bodies_need_no_thread() -> None:
    for make in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware):
        assert not needs_a_thread(make(text(BIG[:40_000])))
        assert needs_a_thread(make(text(BIG)))


def asked_at_once(middleware: App, requests: int, coding: str, loop: str) -> dict[str, list[Message]]:
    """What each of so many requests gets that are under way together, by its path."""
    found: dict[str, list[Message]] = {f"/{number}": [] for number in range(requests)}

    async def request(path: str) -> None:
        async def send(message: Message) -> None:
            found[path].append(plain(message))

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await middleware(http(path, headers=[("accept-encoding", coding)]), receive, send)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for path in found:
                group.start_soon(request, path)

    run(main, loop)
    return found


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_many_big_bodies_at_once_do_not_mix(make: Make, coding: str, loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [PLAIN]))
        for _ in range(2):
            await send(body(scope["path"].encode() + BIG[:300_000], more=True))
        await send(body(b""))

    found = asked_at_once(make(app), 8, coding, loop)
    for path, messages in found.items():
        raw = b"".join(message["body"] for message in messages[1:])
        assert decode(raw, [coding]) == (path.encode() + BIG[:300_000]) * 2
    assert len(found) == 8


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_many_big_bodies_in_one_shot_at_once_do_not_mix(make: Make, coding: str) -> None:
    # A context of zstd is kept for the next body, one for each thread.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await text(scope["path"].encode() + BIG[:300_000])(scope, receive, send)

    found = asked_at_once(make(app), 12, coding, "asyncio")
    for path, messages in found.items():
        assert decode(messages[1]["body"], [coding]) == path.encode() + BIG[:300_000]


class Gate:
    """A codec that tells when it is entered, and waits for leave to end."""

    name = b"gzip"
    cost = 1.0

    def __init__(self) -> None:
        self.entered = anyio.Semaphore(0)
        self.leave = threading.Event()
        self.inside = 0
        self.most = 0
        self.lock = threading.Lock()

    def compress(self, data: bytes) -> bytes:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            anyio.from_thread.run_sync(self.entered.release)
            assert self.leave.wait(60)
            return zlib.compress(data, wbits=31)
        finally:
            with self.lock:
                self.inside -= 1

    def encoder(self, *, idle: bool) -> Any:
        raise NotImplementedError


ALWAYS_A_THREAD = Policy(minimum_size=0, negotiable_type=lambda _: True, offload=True, thread_minimum_size=0)


def responder(codec: Gate, sent: list[Message]) -> CodingResponder:
    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()  # as a server's send, it can be cancelled
        sent.append(plain(message))

    return CodingResponder(ALWAYS_A_THREAD, codec, send, "GET")


async def turns() -> None:
    """Let the event loop turn: whoever could go on has gone on after it."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_cancelled_in_the_thread_waits_for_it_and_leaves_nothing_behind(loop: str) -> None:
    async def cancel_one() -> None:
        gate, sent, log = Gate(), list[Message](), list[str]()
        engine = responder(gate, sent)
        cancelled = anyio.CancelScope()

        async def request() -> None:
            with cancelled:
                await engine.send(start(200, [PLAIN]))
                await engine.send(body())
                log.append("answered")
            log.append("ended")

        async with anyio.create_task_group() as group:
            group.start_soon(request)
            await gate.entered.acquire()
            cancelled.cancel()
            await turns()
            log.append("thread released")
            gate.leave.set()
        assert log == ["thread released", "ended"]
        assert sent == []
        assert gate.inside == 0

    async def main() -> None:
        # More often than there are threads: a place that was not given back would be missed.
        for _ in range(6):
            await cancel_one()

    run(main, loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_cancelled_in_the_thread_waits_for_it_too(loop: str) -> None:
    # What asyncio.timeout(), asyncio.TaskGroup and servers built on them do: Task.cancel(), which knows no shields.

    async def main() -> list[str]:
        gate, sent, log = Gate(), list[Message](), list[str]()
        engine = responder(gate, sent)

        async def request() -> None:
            try:
                await engine.send(start(200, [PLAIN]))
                await engine.send(body())
            finally:
                log.append("ended")

        task = asyncio.create_task(request())
        try:
            await gate.entered.acquire()
            task.cancel()
            await turns()
            log.append("thread released")
        finally:
            gate.leave.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return log

    assert run(main, loop) == ["thread released", "ended"]


async def two_tasks_send(gate: Gate, *, cancelled: bool) -> list[Message]:
    """One task sends the start and a first body, which is held up in a thread; another one meanwhile the last."""
    sent: list[Message] = []
    engine = responder(gate, sent)
    scope = anyio.CancelScope()

    async def first() -> None:
        with scope:
            await engine.send(start(200, [PLAIN, (b"content-length", b"1000")]))
            await engine.send(body(b"a" * 1000, more=True))

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await gate.entered.acquire()
        group.start_soon(engine.send, body(b""))
        await turns()
        assert sent == []
        if cancelled:
            scope.cancel()
        gate.leave.set()
    return sent


@pytest.mark.parametrize("loop", LOOPS)
def test_what_another_task_sends_waits_for_the_first_body_that_is_in_a_thread(loop: str) -> None:
    async def main() -> None:
        sent = await two_tasks_send(Gate(), cancelled=False)
        encoded = sent[1].pop("body")
        assert zlib.decompress(encoded, wbits=31) == b"a" * 1000
        fields = [
            *[PLAIN, (b"vary", b"Accept-Encoding"), (b"content-encoding", b"gzip")],
            (b"content-length", b"%d" % len(encoded)),
        ]
        assert sent == [start(200, fields), {"type": "http.response.body", "more_body": True}, body(b"")]

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_where_the_first_body_is_cancelled_in_a_thread_the_next_one_gets_the_one_start(loop: str) -> None:
    async def main() -> None:
        sent = await two_tasks_send(Gate(), cancelled=True)
        fields = [PLAIN, (b"content-length", b"1000"), (b"vary", b"Accept-Encoding")]
        assert sent == [start(200, fields), body(b"")]

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_application_that_ends_while_a_task_of_its_own_sends_the_first_body_has_one_start(loop: str) -> None:
    async def main() -> None:
        gate, sent = Gate(), list[Message]()
        engine = responder(gate, sent)
        async with anyio.create_task_group() as group:
            await engine.send(start(200, [PLAIN]))
            group.start_soon(engine.send, body(b"a" * 1000))
            await gate.entered.acquire()
            group.start_soon(engine.release)
            await turns()
            assert sent == []
            gate.leave.set()
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_no_more_than_four_bodies_are_compressed_at_a_time(loop: str) -> None:
    async def main() -> None:
        gate = Gate()
        answers: list[list[Message]] = [[] for _ in range(9)]

        async def request(sent: list[Message]) -> None:
            engine = responder(gate, sent)
            await engine.send(start(200, [PLAIN]))
            await engine.send(body())

        async with anyio.create_task_group() as group:
            for sent in answers:
                group.start_soon(request, sent)
            for _ in range(4):
                await gate.entered.acquire()
            await turns()
            assert gate.inside == 4
            assert answers == [[]] * 9
            gate.leave.set()
        assert gate.most == 4
        assert [zlib.decompress(sent[1]["body"], 31) for sent in answers] == [TEXT] * 9

    run(main, loop)
