"""Requests beside, behind and inside each other: none sees another one's spans."""

import asyncio
import contextvars
import functools
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from asgi_middleware import TimingMiddleware, measure
from asgi_middleware.timing import add

from . import apps
from .asgi import App, Exchange, Pause, drive, http
from .timed import Clock, Metric, Reader, calling, names, spans, timed

# Requests beside each other


class Turns:
    """Calls stepped one await at a time, each in a context of its own, as an event loop gives every task one."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.sent: dict[str, list[Any]] = {}
        self.calls: dict[str, tuple[contextvars.Context, Any]] = {}

    def begin(self, name: str) -> None:
        async def receive() -> Any: ...

        async def send(message: Any) -> None:
            self.sent.setdefault(name, []).extend(message.get("headers", ()))

        call = self.app(http("/" + name), receive, send)
        self.calls[name] = (contextvars.copy_context(), call)

    def step(self, name: str) -> bool:
        """Whether it goes on."""
        context, call = self.calls[name]
        try:
            context.run(call.send, None)
        except StopIteration:
            return False
        return True


@pytest.mark.parametrize("order", ["abababab", "aabbabab", "abbbbaaa", "baababab", "aaaabbbb"])
def test_interleaved_requests_do_not_see_each_other(order: str) -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"][1:]
        add(name, 1)
        await Pause()
        async with measure(name + ".block"):
            await Pause()
        add(name, 2)
        await Pause()
        await send(apps.start(headers=[]))

    turns = Turns(TimingMiddleware(app, server_timing="all", clock=clock))
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for name in "ab":
        turns.begin(name)
    for name in order:
        began.setdefault(name, clock.now)
        ended[name] = clock.now
        turns.step(name)
        clock.now += 1
    for name in "ab":
        ((_, value),) = turns.sent[name]
        metrics = Reader(value.decode()).metrics()
        assert names(metrics) == ["total", name, name + ".block", name]
        assert metrics[0] == ("total", None, f"{(ended[name] - began[name]) * 1000:.2f}")
        assert (metrics[1], metrics[3]) == ((name, None, "1.00"), (name, None, "2.00"))


def serve_at_once(wrapped: App, paths: list[str]) -> list[list[Metric]]:
    """Serve these requests at once under asyncio; what each one's header says behind total."""

    async def one(path: str) -> list[Metric]:
        sent: list[Any] = []

        async def receive() -> Any: ...

        async def send(message: Any) -> None:
            sent.append(message)

        await wrapped(http(path), receive, send)
        ((_, value),) = sent[0]["headers"]
        return Reader(value.decode()).metrics()[1:]

    async def main() -> list[list[Metric]]:
        return await asyncio.gather(*map(one, paths))

    return asyncio.run(main())


def test_requests_at_once_do_not_see_each_other() -> None:
    @measure("shared")
    async def shared() -> None:
        await asyncio.sleep(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"][1:]
        for number in range(3):
            add(name, number)
            await shared()
        await asyncio.gather(asyncio.to_thread(add, name, 7), asyncio.create_task(child(name)))
        await send(apps.start(headers=[]))

    async def child(name: str) -> None:
        await asyncio.sleep(0)
        add(name, 8)

    paths = [f"/request-{number}" for number in range(20)]
    given = serve_at_once(TimingMiddleware(app, server_timing="all"), paths)
    for path, metrics in zip(paths, given, strict=True):
        own = sorted(metric for metric in metrics if metric[0] != "shared")
        assert own == [(path[1:], None, took) for took in ("0.00", "1.00", "2.00", "7.00", "8.00")]
        assert names(metrics).count("shared") == 3
        assert len(metrics) == 8


def test_requests_in_a_row_in_one_context_do_not_see_each_other() -> None:
    number = 0

    def work() -> None:
        nonlocal number
        number += 1
        add(f"request-{number}", 1)

    def serve() -> list[list[tuple[str, str]]]:
        wrapped = TimingMiddleware(calling(work), server_timing="all", clock=Clock())
        found = []
        for _ in range(3):
            found.append(drive(wrapped).headers)
            add("between", 1)
        return found

    assert contextvars.Context().run(serve) == [
        [("server-timing", f"total;dur=0.00, request-{number};dur=1.00")] for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("error", [None, KeyError("inner")], ids=["that returns", "that raises"])
def test_a_nested_call_keeps_its_spans_to_itself(error: BaseException | None) -> None:
    exchanges: list[Exchange] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        add("inner", 1)
        await send(apps.start(headers=[]))
        if error is not None:
            raise error

    def work() -> None:
        add("before", 1)
        exchanges.append(drive(TimingMiddleware(inner, server_timing="all", clock=Clock())))
        add("after", 1)

    assert names(spans(work)) == ["before", "after"]
    assert exchanges[0].headers == [("server-timing", "total;dur=0.00, inner;dur=1.00")]
    assert exchanges[0].error is error


def test_twice_in_one_chain_gives_two_lines_and_the_inner_one_the_spans() -> None:
    wrapped = TimingMiddleware(calling(lambda: add("db", 1)), server_timing="all", clock=Clock())
    exchange = timed(wrapped, server_timing="all")
    assert exchange.headers == [("server-timing", "total;dur=0.00"), ("server-timing", "total;dur=0.00, db;dur=1.00")]


def test_threads_of_one_request_write_into_its_header() -> None:
    def work() -> None:
        context = contextvars.copy_context()
        threads = [threading.Thread(target=functools.partial(flood, context.copy())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def flood(context: contextvars.Context) -> None:
        for _ in range(500):
            context.run(add, "thread", 1)

    assert spans(work) == [("thread", None, "1.00")] * 31


def test_a_background_task_of_a_request_that_is_over_writes_into_no_other() -> None:
    contexts: list[contextvars.Context] = []

    def work() -> None:
        for context in contexts:
            context.run(add, "late", 1)
        contexts.append(contextvars.copy_context())
        add("own", 1)

    assert [spans(work) for _ in range(3)] == [[("own", None, "1.00")]] * 3


@pytest.mark.parametrize("level", ["total", "all", "off"])
def test_a_request_that_its_loop_abandons_ends_quietly(level: Any) -> None:
    """As when a loop is closed: the coroutine is closed in another context than the one it ran in."""
    ended: list[type[BaseException]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await Pause()
        except BaseException as error:
            ended.append(type(error))
            raise

    turns = Turns(TimingMiddleware(app, server_timing=level))
    turns.begin("a")
    assert turns.step("a")
    contextvars.Context().run(turns.calls["a"][1].close)
    assert ended == [GeneratorExit]


def test_a_request_that_is_given_up_neither_takes_spans_from_the_one_in_which_it_is_closed_nor_gives_any() -> None:
    """As by the garbage collector, which closes a task that waits for what nobody knows any more."""

    @measure("function")
    async def measured() -> None:
        await Pause()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        with measure("block"):
            await measured()

    turns = Turns(TimingMiddleware(waiting, server_timing="all"))
    turns.begin("a")
    turns.step("a")

    def work() -> None:
        turns.calls["a"][1].close()
        add("own", 1)

    assert spans(work) == [("own", None, "1.00")]


def test_cancellation_travels_on_and_leaves_nothing_behind() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("lost", 1)
        await asyncio.Event().wait()

    async def main() -> Awaitable[Any]:
        async def nothing(*_: Any) -> Any: ...

        task = asyncio.ensure_future(TimingMiddleware(app, server_timing="all")(http(), nothing, nothing))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task

    assert asyncio.run(main()).cancelled()  # type: ignore[attr-defined]  # a task
    assert spans(lambda: None) == []
