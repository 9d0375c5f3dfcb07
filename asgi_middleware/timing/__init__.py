"""How long a response took: in the Server-Timing header, which every browser's network panel shows, and for sinks.

    from asgi_middleware import TimingMiddleware, measure
    from asgi_middleware.timing import LogSink, PrometheusSink

    app = TimingMiddleware(app)                        # Server-Timing: total;dur=12.3
    app = TimingMiddleware(app, sinks=[LogSink(slow=0.5), PrometheusSink()])

    with measure("db", desc="orders"):                 # anywhere inside the request, sync or async
        rows = await fetch()

Stands inside the request ID and outside everything that it is to measure.

The header: `total` is the time from the request's arrival here to the start of the response. With a request's trace
in the scope, `trace` tells it, as W3C Trace Context binds it to the response. Names of spans tell how an application is
built, so by default they do not leave the house. It never adds Timing-Allow-Origin: other origins see nothing unless
the application says so. The application's own Server-Timing lines stay; ours is a line of its own. A cache outside
replays the line of the response that it has kept.

The sinks: With one or more, each request and WebSocket becomes one `Record` when it is over, and each sink is told:
how it ended, how long it took and for what route. A request takes to the last byte: what an application does
afterwards, in the background, is not counted. In a config list:

    [[middleware]]
    use = "timing"
    sinks = [{ use = "log", slow = 0.5, access = "json" }, { use = "prometheus" }]

The sinks, and how to write one: `asgi_middleware.timing.sinks`. There is no tracer here, no exporter, no page of
metrics, and nobody else's library is patched.

The route is the template that the router left in the scope, with the mounts around it:

    Starlette, FastAPI, Litestar    seen as they are
    Django                          ScopeMiddleware of `asgi_middleware.django` says it; or another one: in
                                    `process_view`, request.scope["route"] = request.resolver_match.route
    Quart                           likewise, in `before_request`: request.scope["route"] = request.url_rule.rule
    Falcon                          likewise, in `process_resource`: req.scope["route"] = req.uri_template
    others                          scope["route"] as a text, or the option `route`

What nobody says is `unmatched`, and what comes after 1,000 labels `_OTHER`, as are methods that no standard knows: no
client can make up a label.

Time in a queue: `queue_time` reads X-Request-Start, in the dialects of nginx, Apache and Heroku; see `queueing`.

All times are taken by `time.perf_counter`. Format: W3C Server Timing (https://www.w3.org/TR/server-timing/), on
RFC 9110 tokens and quoted strings.
"""

from typing import TYPE_CHECKING, Any

from . import sinks
from .middleware import TimingMiddleware
from .record import Record
from .spans import add, measure

if TYPE_CHECKING:
    from .sinks import LogSink, OTelMetricsSink, PrometheusSink

__all__ = ["LogSink", "OTelMetricsSink", "PrometheusSink", "Record", "TimingMiddleware", "add", "measure"]


def __getattr__(name: str) -> Any:
    """The sinks, each imported when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(sinks, name)
