"""PrometheusSink: counts and measures, for prometheus-client to show. Needs the extra `prometheus`.

    app = TimingMiddleware(app, sinks=[PrometheusSink()])

    from prometheus_client import make_asgi_app      # a page for the scraper is prometheus-client's own business
    app.mount("/metrics", make_asgi_app())

    metric                                             labels                   what it is
    http_server_request_duration_seconds               method, route, status    histogram: to the last byte
    http_server_response_body_size_bytes               method, route, status    summary (sum and count) of bytes
    http_server_active_requests                        method                   gauge
    http_server_request_failures_total                 method, route, outcome   error, cancelled, aborted
    websocket_server_connection_duration_seconds       route, status, code      histogram: from arrival to the end
    websocket_server_active_connections                                         gauge

The names are those that OpenTelemetry's stable conventions have in Prometheus. `status` is `none` where nothing was
sent, `code` of a close frame 1000 to 1015, 3xxx, 4xxx or `none`. No label is a client's word: methods, statuses and
codes that are not known are `_OTHER`, and so is every label from the 5,000th combination on.

Of one process the numbers are kept here, and shown by a custom collector, see `tally`. With PROMETHEUS_MULTIPROC_DIR
set before the sink is made, they are prometheus-client's own metrics, and it adds up what the workers of one machine
count. Exemplars (`trace_id`, of sampled traces) stand in the OpenMetrics text, of one process alone: prometheus-client
keeps none among several.
"""

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..._options import Options, shown
from ...exceptions import ConfigError, MissingExtra, Problem
from ..record import Record
from .buckets import REQUESTS
from .children import Children
from .tally import Tally

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*|")


class PrometheusSink:
    """Tells prometheus-client.

    - `registry`: where the metrics stand; prometheus-client's own, if None. Sinks of one registry and prefix share
      their metrics.
    - `buckets`: upper bounds of the request durations in seconds, rising.
    - `prefix`: stands before every name, such as `"shop_"`.

    Raises ConfigError with every problem, and MissingExtra.
    """

    def __init__(
        self,
        *,
        registry: "CollectorRegistry | None" = None,
        buckets: Sequence[float] = REQUESTS,
        prefix: str = "",
    ) -> None:
        try:
            import prometheus_client
        except ImportError:
            raise MissingExtra("PrometheusSink", "registry", "prometheus", "prometheus-client") from None
        options = Options("PrometheusSink")
        if registry is not None and not callable(getattr(registry, "register", None)):
            options.problem("registry", shown(registry), "is no registry", "pass a prometheus_client.CollectorRegistry")
        bounds = _checked_buckets(options, buckets)
        if not isinstance(prefix, str) or not _NAME.fullmatch(prefix):
            rule = "is not the beginning of a metric's name"
            options.problem("prefix", shown(prefix), rule, "use letters, digits and underscores, such as 'shop_'")
        options.raise_problems()
        self._numbers = _numbers(prometheus_client.REGISTRY if registry is None else registry, prefix, bounds)

    def began(self, kind: str, method: str, scheme: str) -> None:
        self._numbers.began(kind, method)

    def ended(self, record: Record) -> None:
        self._numbers.ended(record)


# What stands in a registry, by its prefix, with its buckets: for as long as the registry lives.
_made: "WeakKeyDictionary[CollectorRegistry, dict[str, tuple[tuple[float, ...], Tally | Children]]]"
_made = WeakKeyDictionary()
_VARIABLES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")


def _numbers(registry: "CollectorRegistry", prefix: str, bounds: tuple[float, ...]) -> Tally | Children:
    """The numbers of a registry, which the first sink that asks for them puts there."""
    made = _made.setdefault(registry, {})
    if prefix not in made:
        several = any(os.environ.get(name) for name in _VARIABLES)
        numbers = Children(prefix, bounds) if several else Tally(prefix, bounds)
        _register(registry, prefix, numbers.collectors())
        made[prefix] = (bounds, numbers)
    others, numbers = made[prefix]
    if others != bounds:
        rule = "are others than those of the sink that was there first"
        problem = Problem("buckets", shown(bounds), rule, "use the same, or another prefix, or another registry")
        raise ConfigError("PrometheusSink", [problem])
    return numbers


def _register(registry: "CollectorRegistry", prefix: str, collectors: Iterable[Any]) -> None:
    """All of them or none. ConfigError if somebody else has metrics of these names."""
    done: list[Any] = []
    for collector in collectors:
        try:
            registry.register(collector)
        except ValueError:
            for other in done:
                registry.unregister(other)
            rule = "is the beginning of names that the registry has already"
            problem = Problem("prefix", repr(prefix), rule, "choose another one, or another registry")
            raise ConfigError("PrometheusSink", [problem]) from None
        done.append(collector)


def _checked_buckets(options: Options, buckets: Any) -> tuple[float, ...]:
    numbers = isinstance(buckets, (list, tuple)) and all(
        isinstance(bound, (int, float)) and not isinstance(bound, bool) and 0 < bound < float("inf")
        for bound in buckets
    )
    if not numbers or not buckets or list(buckets) != sorted(set(buckets)):
        options.problem(
            "buckets", shown(buckets), "must be rising numbers of seconds", "write for example [0.1, 1, 10]"
        )
        return REQUESTS
    return tuple(map(float, buckets))
