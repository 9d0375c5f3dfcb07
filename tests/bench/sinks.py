"""The tables of timing's sinks: what a request costs that is told to somebody, beside peers that tell the same.

The application is Starlette's with twenty routes, of which the last is asked for: some peers match them all again.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import OTelMetricsSink, PrometheusSink, Record

from ..asgi import App
from . import calls, peers
from .calls import answer, calling, floor, in_process
from .measuring import Row, Scene, Variant


class Deaf:
    """A sink that does nothing with what it is told."""

    def ended(self, record: Record) -> None:
        pass


async def _item(request: Request) -> Response:
    return Response(calls.BODY, media_type="application/json")


def routed() -> App:
    """An application of twenty routes, each of which answers."""
    return Starlette(routes=[Route(f"/things-{number}/{{id}}/part", _item) for number in range(20)])


asked = calls.request(path="/things-19/7/part")


def sinks() -> Scene:
    def ours(sink: Callable[[], Any]) -> App:
        return TimingMiddleware(routed(), sinks=[sink()])

    def told(make: Callable[[], App]) -> Variant:
        return calling(make, asked, base="bare: routed")

    return in_process(
        "timing with sinks",
        {
            **floor(),
            "bare: routed": calling(routed, asked, base=None),
            "ours: deaf": calling(lambda: TimingMiddleware(answer, sinks=[Deaf()])),
            "timing-asgi: deaf": calling(lambda: peers.timing(answer)),
            "ours: Prometheus": told(partial(ours, PrometheusSink)),
            "starlette-exporter: Prometheus": told(lambda: peers.starlette_exporter(routed())),
            "prometheus-fastapi-instrumentator: Prometheus": told(lambda: peers.instrumentator(routed())),
            "ours: OpenTelemetry": told(lambda: ours(lambda: OTelMetricsSink(meter_provider=peers.meter_provider()))),
            "opentelemetry-instrumentation-asgi: OpenTelemetry": told(lambda: peers.opentelemetry(routed())),
        },
        [
            Row("timing: a sink that does nothing", "ours: deaf", "timing-asgi: deaf"),
            Row(
                "timing: Prometheus, the last of twenty routes",
                "ours: Prometheus",
                "starlette-exporter: Prometheus",
                0.1,
                True,
            ),
            Row(
                "timing: Prometheus, the last of twenty routes",
                "ours: Prometheus",
                "prometheus-fastapi-instrumentator: Prometheus",
            ),
            Row(
                "timing: OpenTelemetry, the last of twenty routes",
                "ours: OpenTelemetry",
                "opentelemetry-instrumentation-asgi: OpenTelemetry",
            ),
        ],
    )
