"""PrometheusSink: the text that a scrape gets, by prometheus-client itself."""

import itertools
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from asgi_middleware import ConfigError, MissingExtra, TimingMiddleware
from asgi_middleware.timing import PrometheusSink
from asgi_middleware.timing.sinks import buckets, metrics
from asgi_middleware.timing.sinks.children import Children
from asgi_middleware.timing.sinks.tally import Tally

from . import apps
from .asgi import App, drive, http, websocket
from .timed import Clock, Trace

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(registry: CollectorRegistry) -> Samples:
    """Every sample of the text, but for the times at which prometheus-client's own metrics were made."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def lines(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def taking(clock: Clock, seconds: float, status: int = 200, size: int = 2) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += seconds
        await send(apps.start(status))
        await send(apps.body(b"x" * size))
        clock.now += 100  # in the background

    return app


def test_the_whole_text_of_a_scrape() -> None:
    registry, clock = CollectorRegistry(), Clock()
    sink = PrometheusSink(registry=registry, buckets=[0.125, 1, 10])
    for seconds, size in ((0.125, 10), (0.5, 0), (11.0, 90)):
        drive(TimingMiddleware(taking(clock, seconds, 200, size), sinks=[sink], clock=clock), http(route="/a"))
    drive(TimingMiddleware(apps.raises(KeyError()), sinks=[sink], clock=clock), http(method="BREW"))
    drive(TimingMiddleware(apps.accepts(), sinks=[sink], clock=clock), websocket(route="/live"))
    labels = 'method="GET",route="/a",status="200"'
    crashed = 'method="_OTHER",route="unmatched",status="none"'
    broken = 'route="/live",status="101"'
    connection = "websocket_server_connection_duration_seconds"
    assert lines(registry) == [
        f"# HELP http_server_request_duration_seconds {metrics.DURATIONS.help}",
        "# TYPE http_server_request_duration_seconds histogram",
        f'http_server_request_duration_seconds_bucket{{le="0.125",{labels}}} 1.0',
        f'http_server_request_duration_seconds_bucket{{le="1.0",{labels}}} 2.0',
        f'http_server_request_duration_seconds_bucket{{le="10.0",{labels}}} 2.0',
        f'http_server_request_duration_seconds_bucket{{le="+Inf",{labels}}} 3.0',
        f"http_server_request_duration_seconds_count{{{labels}}} 3.0",
        f"http_server_request_duration_seconds_sum{{{labels}}} 11.625",
        f'http_server_request_duration_seconds_bucket{{le="0.125",{crashed}}} 1.0',
        f'http_server_request_duration_seconds_bucket{{le="1.0",{crashed}}} 1.0',
        f'http_server_request_duration_seconds_bucket{{le="10.0",{crashed}}} 1.0',
        f'http_server_request_duration_seconds_bucket{{le="+Inf",{crashed}}} 1.0',
        f"http_server_request_duration_seconds_count{{{crashed}}} 1.0",
        f"http_server_request_duration_seconds_sum{{{crashed}}} 0.0",
        "# HELP http_server_response_body_size_bytes Bytes of response bodies.",
        "# TYPE http_server_response_body_size_bytes summary",
        f"http_server_response_body_size_bytes_count{{{labels}}} 3.0",
        f"http_server_response_body_size_bytes_sum{{{labels}}} 100.0",
        f"http_server_response_body_size_bytes_count{{{crashed}}} 1.0",
        f"http_server_response_body_size_bytes_sum{{{crashed}}} 0.0",
        "# HELP http_server_active_requests Requests under way.",
        "# TYPE http_server_active_requests gauge",
        'http_server_active_requests{method="GET"} 0.0',
        'http_server_active_requests{method="_OTHER"} 0.0',
        "# HELP http_server_request_failures_total Requests that did not end well.",
        "# TYPE http_server_request_failures_total counter",
        'http_server_request_failures_total{method="_OTHER",outcome="error",route="unmatched"} 1.0',
        "# HELP websocket_server_connection_duration_seconds Seconds from the arrival of a WebSocket to its end.",
        "# TYPE websocket_server_connection_duration_seconds histogram",
        *(
            f'{connection}_bucket{{code="1006",le="{bound}",{broken}}} 1.0'
            for bound in (*map(str, buckets.CONNECTIONS), "+Inf")
        ),
        f'{connection}_count{{code="1006",{broken}}} 1.0',
        f'{connection}_sum{{code="1006",{broken}}} 0.0',
        "# HELP websocket_server_active_connections WebSockets under way.",
        "# TYPE websocket_server_active_connections gauge",
        "websocket_server_active_connections 0.0",
    ]


# The numbers of one process, and prometheus-client's own


def records(number: int, seed: int) -> list[Any]:
    """Records of random requests and WebSockets."""
    rng = random.Random(seed)  # noqa: S311  # repeatable on purpose
    kept: list[Any] = []

    class Keeping:
        def ended(self, record: Any) -> None:
            kept.append(record)

    clock = Clock()
    for _ in range(number):
        seconds = rng.choice((*buckets.REQUESTS, *buckets.CONNECTIONS, 0.0, rng.random() * 20))
        app = rng.choice(
            (
                taking(clock, seconds, rng.choice((200, 404, 503, 999)), rng.randrange(1000)),
                apps.raises(KeyError()),
                apps.sends(apps.start(), {"type": "http.response.pathsend", "path": "/a"}),
            )
        )
        scope = http(method=rng.choice(("GET", "POST", "BREW")), route=rng.choice(("/a", "/b", None)))
        if rng.random() < 0.2:
            scope = websocket(route=rng.choice(("/live", None)))
            close = {"type": "websocket.close", "code": rng.choice((1000, 1011, 1016, 3000, 4999, 5000, 0))}
            app = apps.sends({"type": "websocket.accept"}, *rng.choice(([close], [])))
        drive(TimingMiddleware(app, sinks=[Keeping()], clock=clock), scope)
        kept[-1].total = kept[-1].last_byte = seconds  # exactly on a bound, too
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_both_kinds_of_numbers_give_the_same_text(seed: int) -> None:
    registries = []
    for kind in (Tally, Children):
        numbers, registry = kind("same_", buckets.REQUESTS), CollectorRegistry()
        for collector in numbers.collectors():
            registry.register(collector)
        for record in records(200, seed):
            numbers.began(record.type, record.method)
            numbers.ended(record)
        numbers.began("http", "PUT")
        numbers.began("websocket", "GET")
        registries.append(scraped(registry))
    assert registries[0] == registries[1]
    assert len(registries[0]) > 100


def test_the_check_of_both_can_fail() -> None:
    numbers = Tally("other_", (1.0, 2.0)), Tally("other_", (1.0, 3.0))
    texts = []
    for tally in numbers:
        registry = CollectorRegistry()
        registry.register(tally)
        tally.began("http", "GET")
        (record,) = [record for record in records(20, 1) if record.type == "http"][:1]
        tally.began("http", record.method)
        tally.ended(record)
        texts.append(scraped(registry))
    assert texts[0] != texts[1]


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


GAUGE = "http_server_active_requests"


def test_a_gauge_tells_what_is_under_way() -> None:
    registry, seen = CollectorRegistry(), []
    sink = PrometheusSink(registry=registry)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(sample(registry, GAUGE, method="GET"))
        seen.append(sample(registry, "websocket_server_active_connections"))
        raise KeyError

    drive(TimingMiddleware(app, sinks=[sink]))
    drive(TimingMiddleware(app, sinks=[sink]), websocket())
    seen += [sample(registry, GAUGE, method="GET"), sample(registry, "websocket_server_active_connections")]
    assert seen == [1, 0, 0, 1, 0, 0]


def test_a_file_of_unknown_length_is_no_size() -> None:
    registry = CollectorRegistry()
    app = apps.sends(apps.start(), {"type": "http.response.pathsend", "path": "/a"})
    drive(TimingMiddleware(app, sinks=[PrometheusSink(registry=registry)]))
    served = {"method": "GET", "route": "unmatched", "status": "200"}
    assert sample(registry, "http_server_request_duration_seconds_count", **served) == 1
    assert sample(registry, "http_server_response_body_size_bytes_count", **served) == 0


# Exemplars


class Unsampled(Trace):
    flags = 0


class Foreign(Trace):
    trace_id = "no trace id of ours"


@pytest.mark.parametrize(("trace", "told"), [(Trace(), True), (Unsampled(), False), (Foreign(), False), (None, False)])
def test_a_sampled_trace_is_an_exemplar(trace: Any, told: bool) -> None:
    registry, clock = CollectorRegistry(), Clock()
    app = TimingMiddleware(taking(clock, 0.5), sinks=[PrometheusSink(registry=registry)], clock=clock)
    drive(app, http(trace=trace))
    text: str = openmetrics(registry).decode()  # type: ignore[no-untyped-call]  # prometheus-client says nothing of it
    found = [line for line in text.splitlines() if "# {" in line]
    assert len(found) == told
    for line in found:
        bucket, _, exemplar = line.partition(" # ")
        assert 'le="0.5"' in bucket
        assert exemplar.startswith(f'{{trace_id="{Trace.trace_id}"}} 0.5 ')


# Registries


def test_sinks_of_one_registry_and_prefix_share_their_metrics() -> None:
    registry = CollectorRegistry()
    for _ in range(3):
        drive(TimingMiddleware(apps.text(), sinks=[PrometheusSink(registry=registry)]))
    name = "http_server_request_duration_seconds_count"
    assert sample(registry, name, method="GET", route="unmatched", status="200") == 3


def test_prefixes_stand_beside_each_other() -> None:
    registry = CollectorRegistry()
    for prefix in ("", "shop_", "a:b"):
        drive(TimingMiddleware(apps.text(), sinks=[PrometheusSink(registry=registry, prefix=prefix)]))
        assert sample(registry, f"{prefix}{GAUGE}", method="GET") == 0


def test_the_registry_is_prometheus_clients_own_by_default() -> None:
    from prometheus_client import REGISTRY

    drive(TimingMiddleware(apps.text(), sinks=[PrometheusSink(prefix="test_default_")]))
    assert REGISTRY.get_sample_value(f"test_default_{GAUGE}", {"method": "GET"}) == 0


REFUSED: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("no registry", {"registry": "default"}, [("registry", "pass a prometheus_client.CollectorRegistry")]),
    ("no bucket", {"buckets": []}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("buckets that fall", {"buckets": [1, 0.1]}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("one twice", {"buckets": [1, 1.0]}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("one that is none", {"buckets": ["1"]}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("one below nothing", {"buckets": [0, 1]}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("infinity", {"buckets": [1, float("inf")]}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("a text of buckets", {"buckets": "1,2"}, [("buckets", "write for example [0.1, 1, 10]")]),
    ("a hyphen", {"prefix": "my-shop"}, [("prefix", "use letters, digits and underscores, such as 'shop_'")]),
    ("a digit first", {"prefix": "1_"}, [("prefix", "use letters, digits and underscores, such as 'shop_'")]),
    (
        "everything at once",
        {"registry": 7, "buckets": None, "prefix": None},
        [
            ("registry", "pass a prometheus_client.CollectorRegistry"),
            ("buckets", "write for example [0.1, 1, 10]"),
            ("prefix", "use letters, digits and underscores, such as 'shop_'"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_configuration_is_refused(
    sentence: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        PrometheusSink(**options)
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == expected


def test_other_buckets_under_the_same_names_are_refused() -> None:
    registry = CollectorRegistry()
    PrometheusSink(registry=registry)
    with pytest.raises(ConfigError, match="are others than those of the sink that was there first"):
        PrometheusSink(registry=registry, buckets=[1])


@pytest.mark.parametrize("several", [False, True])
def test_names_that_somebody_else_has_are_refused_and_nothing_is_left_behind(
    several: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if several:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    registry = CollectorRegistry()
    Counter("http_server_request_failures", "Somebody else's.", registry=registry)
    before = scraped(registry)
    with pytest.raises(ConfigError, match="choose another one, or another registry"):
        PrometheusSink(registry=registry)
    assert scraped(registry) == before
    PrometheusSink(registry=registry, prefix="other_")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtra, match=r"pip install 'asgi-middleware\[prometheus\]'"):
        PrometheusSink()


# Several processes

WORKER = """
from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import PrometheusSink
from tests import apps
from tests.asgi import drive, http

app = TimingMiddleware(apps.text(b"ok"), sinks=[PrometheusSink(buckets=[60])])
for _ in range(3):
    drive(app, http(route="/a"))
"""
SCRAPE = """
import sys
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
sys.stdout.write(generate_latest(registry).decode())
"""


def test_workers_of_one_machine_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    printed = [
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout
        for code in (WORKER, WORKER, SCRAPE)
    ]
    served = 'method="GET",route="/a",status="200"'
    expected = {
        f'http_server_request_duration_seconds_bucket{{le="60.0",{served}}} 6.0',
        f"http_server_response_body_size_bytes_sum{{{served}}} 12.0",
        'http_server_active_requests{method="GET"} 0.0',
    }
    assert expected <= set(printed[2].splitlines())


# Bounds


@pytest.mark.parametrize("kind", [Tally, Children])
def test_there_are_so_many_combinations_and_one_for_the_rest(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST", 10)
    numbers, registry = kind("", (1.0,)), CollectorRegistry()
    for collector in numbers.collectors():
        registry.register(collector)
    (record, *_) = [record for record in records(20, 1) if record.type == "http"]
    (socket, *_) = [record for record in records(200, 1) if record.type == "websocket"]
    for number, kept in itertools.product(range(50), (record, socket)):
        kept.route, kept.outcome = f"/{number}", "error"
        numbers.began(kept.type, kept.method)
        numbers.ended(kept)
    counted = [name for name in scraped(registry) if name[0].endswith(("_duration_seconds_count", "_failures_total"))]
    assert len(counted) == 3 * 11
    assert sum(value for name, value in scraped(registry).items() if name in counted) == 150
