"""One ID for each request: in the response, in the scope, in every log line whose format asks for it.

    from asgi_middleware import RequestIDMiddleware, get_request_id
    from asgi_middleware.request_id import RequestIDFilter

    app = RequestIDMiddleware(app)

    handler = logging.StreamHandler()                  # and likewise for the handlers of "uvicorn" and "uvicorn.access"
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s [%(request_id)s]"))
    logging.getLogger().addHandler(handler)

Stands outermost, so that errors, preflights and refusals carry the ID too. It never rejects a request, never echoes
an ID that it did not check, never writes a raw one to a log, and leaves an ID that the application set itself.

Where the ID is: the response header (also on `websocket.accept` and on denial responses), the inner request's
header (collapsed to one), `scope["request_id"]`, and `get_request_id()`.

The context variable follows a rule that was tried on six servers; every simpler one logged a wrong or missing ID
somewhere. uvicorn reuses one context for pipelined requests, gunicorn and Granian write the access line after the
application has returned, and error logs are written outside of us:

    entry            remember the outer holder, set ours
    any exit         our holder is no longer live
    normal return    put the outer holder back if it is still live, and of the same task or for another client;
                     otherwise leave ours: the request before on a connection may be live too, in its background
                     work, but is no caller
    exception        leave ours: the server's error line is about this request

What remains: Granian's WebSocket line is written in another context, Daphne's exception line in one that may be another
request's, and a BaseHTTPMiddleware outside loses what is set here.

Logging, other than by the filter: `install_record_factory()` gives the ID to every record, whoever handles it, and
`add_request_id` is a processor for structlog. What an application binds to structlog's own context stays there for the
next request of the same context: begin a request with `structlog.contextvars.clear_contextvars()`.

Requests that the application sends itself, to hosts that may know, and to no other:

    client = httpx.AsyncClient(event_hooks={"request": [propagate(allow=["api.example.com", "*.internal.example"])]})
    requests.get(url, headers=propagation_headers(url, allow=["api.example.com"]))

    before_task_publish.connect(lambda headers, **_: headers.update(request_id=get_request_id()), weak=False)  # Celery
    task.request.get("request_id")                                                                # there, in the worker

Traces: `trace="continue"` follows W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/). A request is
part of its caller's trace, if that is trusted and well-formed, or else begins one. `scope["trace"]` and `get_trace()`
are a `Trace`. Nothing is recorded here: the caller's word on recording is passed on as it is, and a new trace as one
that nobody records yet. The inner request has one `traceparent`:

    of the caller            its trace and its span, which a tracer inside takes for the parent
    none, or not believed    a new trace, with the span of this request; the tracestate goes

A tracer that records what its parent records, as OpenTelemetry's does by default, then records no trace that begins
here: let it stand outside, or leave the inner headers alone with `request_header=False`.

For those who come from asgi-correlation-id:

    header_name="X-Request-ID"      header="X-Request-ID"
    update_request_header=True      request_header=True
    generator=lambda: ...           generator=lambda: ..., "uuid4" (the default) or "uuid7"
    validator=is_valid_uuid4        validator="uuid", or validator="safe" (the default)
    validator=None                  validator="safe": what goes into logs and responses is always checked
    transformer=lambda x: ...       none: generate what you want to see
    correlation_id.get()            get_request_id()
    CorrelationIdFilter()           RequestIDFilter()
    its uuid_length=8               none: "%(request_id).8s" in the format
    its recipe for Celery           above
    its tag for Sentry              sentry_sdk.set_tag("request_id", get_request_id())
"""

from .context import get_request_id, get_trace
from .logs import RequestIDFilter, add_request_id, install_record_factory
from .middleware import RequestIDMiddleware
from .propagation import propagate, propagation_headers
from .trace import Trace

__all__ = [
    "RequestIDFilter",
    "RequestIDMiddleware",
    "Trace",
    "add_request_id",
    "get_request_id",
    "get_trace",
    "install_record_factory",
    "propagate",
    "propagation_headers",
]
