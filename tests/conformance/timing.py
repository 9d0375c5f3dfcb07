"""Rows of timing: what is measured, of which requests, and under which labels."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import Record

from .. import apps
from ..asgi import App, drive, http, websocket
from ..bench.peers import peer
from ..timed import Clock
from .every import ask
from .rows import FINE, Row, Seen, Topic, answered

Handler = Any  # a function of a request, or an application


class Observed(NamedTuple):
    """What is known of one request afterwards."""

    method: str
    status: str
    seconds: float


Measured = tuple[App, Callable[[], list[Observed]]]


class Ours:
    @contextmanager
    def measuring(self, app: App, clock: Clock, told: Callable[[], None] = lambda: None) -> Iterator[Measured]:
        """The application, measured by this clock, and what was observed; `told` is called for each observation."""
        records: list[Record] = []

        class Sink:
            def ended(self, record: Record) -> None:
                told()
                records.append(record)

        yield (
            TimingMiddleware(app, sinks=[Sink()], clock=clock),
            lambda: [Observed(each.method, str(each.status), each.duration) for each in records],
        )


class TimingASGI:
    @contextmanager
    def measuring(self, app: App, clock: Clock, told: Callable[[], None] = lambda: None) -> Iterator[Measured]:
        observed: list[Observed] = []

        class Client:
            def timing(self, name: str, seconds: float, tags: list[str]) -> None:
                told()
                values = dict(tag.split(":", 1) for tag in tags)
                if values["time"] == "wall":
                    observed.append(Observed(values["http_method"], values["http_status"], seconds))

        with mock.patch("timing_asgi.utils.time", SimpleNamespace(time=clock)):
            yield peer("timing_asgi:TimingMiddleware")(app, client=Client()), lambda: observed


class Exporter:
    @contextmanager
    def measuring(self, app: App, clock: Clock, told: Callable[[], None] = lambda: None) -> Iterator[Measured]:
        middleware = peer("starlette_exporter:PrometheusMiddleware")
        wrapped = middleware(app, prefix="conformance")

        def observed() -> list[Observed]:
            (metric,) = wrapped.request_time.collect()
            return [
                Observed(each.labels["method"], each.labels["status_code"], each.value)
                for each in metric.samples
                if each.name.endswith("_sum")
            ]

        metrics: dict[str, Any] = {}
        with (
            mock.patch("starlette_exporter.middleware.time", SimpleNamespace(perf_counter=clock)),
            mock.patch.object(middleware, "_metrics", metrics),
        ):
            try:
                yield wrapped, observed
            finally:
                for metric in metrics.values():
                    peer("prometheus_client:REGISTRY").unregister(metric)


def routed(handler: Handler) -> App:
    """A Starlette application, whose routes the peers look for."""
    return Starlette(routes=[Route("/", handler)])


async def plainly(request: Any) -> Any:
    return PlainTextResponse("ok")


def observe(subject: Any, app: App, clock: Clock | None = None, **changes: Any) -> list[Observed]:
    with subject.measuring(app, clock or Clock()) as (wrapped, observed):
        drive(wrapped, http(**changes))
        found: list[Observed] = observed()
        return found


def streamed(subject: Any) -> str:
    clock = Clock()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"piece"
            clock.now += 1

    async def streaming(request: Any) -> Any:
        return StreamingResponse(pieces())

    # its response has a task of its own, so it takes a loop
    with subject.measuring(routed(streaming), clock) as (wrapped, observed):
        drive(wrapped, http(asgi={"version": "3.0", "spec_version": "2.4"}))
        if [each.seconds for each in observed()] != [3.0]:
            raise Seen("it is not")
    return FINE


def background(subject: Any) -> str:
    clock = Clock()

    async def working() -> None:
        clock.now += 60

    async def answering(request: Any) -> Any:
        return PlainTextResponse("ok", background=BackgroundTask(working))

    if observe(subject, routed(answering), clock)[0].seconds:
        raise Seen("it is")
    return FINE


def methods(subject: Any) -> str:
    # a route of an application, which takes any method, other than one of a function
    with subject.measuring(routed(PlainTextResponse("ok")), Clock()) as (wrapped, observed):
        for number in range(20):
            drive(wrapped, http(method=f"INVENTED{number}"))
        labels = {each.method for each in observed()}
    if len(labels) > 1:
        raise Seen(f"{len(labels)} labels for 20 invented methods")
    return FINE


def unwilling(subject: Any) -> str:
    def failing() -> None:
        raise ConnectionError

    with subject.measuring(routed(plainly), Clock(), failing) as (wrapped, _):
        answered(drive(wrapped, http()))
    return FINE


def cancelled(subject: Any) -> str:
    async def leaving(request: Any) -> Any:
        raise asyncio.CancelledError

    if not observe(subject, routed(leaving)):
        raise Seen("it is not")
    return FINE


def sent_before(subject: Any) -> str:
    async def halfway() -> AsyncIterator[bytes]:
        yield b"a piece"
        raise ValueError

    async def streaming(request: Any) -> Any:
        return StreamingResponse(halfway())

    (found,) = observe(subject, routed(streaming), asgi={"version": "3.0", "spec_version": "2.4"})
    if found.status != "200":
        raise Seen(f"{found.status} is counted")
    return FINE


def sockets(subject: Any) -> str:
    with subject.measuring(apps.accepts(), Clock()) as (wrapped, observed):
        drive(wrapped, websocket())
        if not observed():
            raise Seen("they are not")
    return FINE


def silence(subject: Any) -> str:
    with subject.measuring(apps.text(), Clock()) as (wrapped, _):
        if ask(wrapped).header("server-timing"):
            raise Seen(TOLD)
    return FINE


TOLD = 'Server-Timing has the total; `server_timing="off"` leaves it out'
TIMING, EXPORTER = "timing-asgi", "starlette-exporter"
TOPIC = Topic(
    "Timing",
    {"TimingMiddleware": Ours()},
    {TIMING: {TIMING: TimingASGI()}, EXPORTER: {EXPORTER: Exporter()}},
    (
        Row("a stream is measured to its last byte", "", streamed),
        Row("work in the background is no part of the time that a client waited", "", background),
        Row("no client can make up labels", "RFC 9110, 9.1", methods),
        Row("a request is answered, though nobody can be told of it", "", unwilling, peers=(TIMING,)),
        Row("a request that is cancelled is counted", "", cancelled),
        Row("a crash after 200 was sent is not counted as another status", "RFC 9110, 15", sent_before),
        Row("WebSockets are measured", "", sockets),
        Row("responses do not tell how long they took, unless asked to", "Server Timing, privacy", silence, ours=TOLD),
    ),
)
