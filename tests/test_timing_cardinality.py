"""Ten thousand inventions of a client, and how few series come of them."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import OTelMetricsSink, PrometheusSink

from .asgi import App, drive, http, websocket

INVENTIONS = 10_000
# A histogram of three bounds has four buckets, a count and a sum for each combination of labels; a summary the latter.


def word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789-_.", k=rng.randrange(1, 20)))


def invented(seed: int, make: Callable[..., Any] = http) -> Iterator[dict[str, Any]]:
    """Requests with methods, paths, hosts, schemes and versions that nobody has heard of."""
    rng = random.Random(seed)  # noqa: S311  # repeatable on purpose
    for _ in range(INVENTIONS):
        path = "/" + "/".join(word(rng) for _ in range(rng.randrange(4)))
        headers = [("host", word(rng)), ("x-request-id", word(rng)), ("user-agent", word(rng))]
        more = {"method": word(rng).upper()} if make is http else {}
        yield make(
            path, headers=headers, scheme=word(rng) + ".", http_version=word(rng) + ".", client=(word(rng), 1), **more
        )


async def answer(request: Any) -> Response:
    return Response(status_code=int(request.path_params["status"]))


def every_status() -> App:
    """Answers with every status from 0 to 9999 in turn, and closes with such a code."""
    numbers = itertools.cycle(range(10_000))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        number = next(numbers)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": number})
        else:
            await send({"type": "http.response.start", "status": number, "headers": []})
            await send({"type": "http.response.body"})

    return app


def series(registry: CollectorRegistry) -> dict[str, int]:
    """How many samples each metric has."""
    found: dict[str, int] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        found[family.name] = len(family.samples)
    return found


def flooded(app: App, make: Callable[..., Any] = http, **options: Any) -> dict[str, int]:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry=registry, buckets=[1, 2, 3])
    wrapped = TimingMiddleware(app, sinks=[sink], **options)
    for scope in invented(7, make):
        assert drive(wrapped, scope).error is None
    return {name: count for name, count in series(registry).items() if count}


def test_inventions_make_one_method_and_the_routes_that_there_are() -> None:
    """404 everywhere, 404 inside the mount, and a redirect into it, which random paths happen to ask for."""
    routes = [Route("/items/{id}", answer), Mount("/t/{tenant}", routes=[Route("/u", answer)])]
    assert flooded(Starlette(routes=routes)) == {
        "http_server_request_duration_seconds": 3 * (4 + 2),
        "http_server_response_body_size_bytes": 3 * 2,
        "http_server_active_requests": 1,
        "websocket_server_active_connections": 1,
    }


def test_statuses_are_five_hundred_at_the_most() -> None:
    assert flooded(every_status()) == {
        "http_server_request_duration_seconds": 501 * (4 + 2),
        "http_server_response_body_size_bytes": 501 * 2,
        "http_server_active_requests": 1,
        "websocket_server_active_connections": 1,
    }


def test_close_codes_are_nineteen_at_the_most() -> None:
    assert flooded(every_status(), websocket) == {
        "websocket_server_connection_duration_seconds": 19 * (10 + 2),
        "websocket_server_active_connections": 1,
    }


def test_a_route_function_that_gives_paths_makes_a_thousand_and_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    found = flooded(app, route=lambda scope: scope["path"])
    assert found["http_server_request_duration_seconds"] == 1001 * (4 + 2)


@pytest.mark.parametrize("make", [http, websocket])
def test_opentelemetry_gets_as_few(make: Callable[..., Any]) -> None:
    reader = InMemoryMetricReader()
    sink = OTelMetricsSink(meter_provider=MeterProvider([reader]))
    wrapped = TimingMiddleware(every_status(), sinks=[sink])
    for scope in invented(7, make):
        drive(wrapped, scope)
    data: Any = reader.get_metrics_data()
    points = {metric.name: len(metric.data.data_points) for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    if make is http:
        assert points == {
            "http.server.active_requests": 1,
            "http.server.request.duration": 501,
            "http.server.response.body.size": 501,
        }
    else:
        assert points == {"websocket.server.active_connections": 1, "websocket.server.connection.duration": 1}
