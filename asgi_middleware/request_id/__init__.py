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
    normal return    put the outer holder back if it is still live, otherwise leave ours
    exception        leave ours: the server's error line is about this request

What remains: Daphne's exception line and Granian's WebSocket line are written in other contexts, and a
BaseHTTPMiddleware outside loses what is set here.

For those who come from asgi-correlation-id:

    header_name="X-Request-ID"      header="X-Request-ID"
    update_request_header=True      request_header=True
    generator=lambda: ...           generator=lambda: ...
    validator=is_valid_uuid4        validator="uuid", or validator="safe" (the default)
    transformer=lambda x: ...       none: generate what you want to see
    correlation_id.get()            get_request_id()
    CorrelationIdFilter()           RequestIDFilter()
"""

from .context import get_request_id
from .logs import RequestIDFilter
from .middleware import RequestIDMiddleware

__all__ = ["RequestIDFilter", "RequestIDMiddleware", "get_request_id"]
