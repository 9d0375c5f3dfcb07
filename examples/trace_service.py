"""A service within a trace: it is told whom to call, and calls them with the ID and the trace of the request.

    pip install uvicorn httpx2                                  # or httpx
    uvicorn examples.trace_service:app --port 5000
    curl -H "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" \\
        -d '[{"url": "http://127.0.0.1:7777/", "arguments": []}]' http://127.0.0.1:5000/

That is what the W3C's test-suite of Trace Context asks of a service (w3c/trace-context, test/README.md). It calls
whatever it is told to, so it is for tests alone.
"""

import importlib.util

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id import get_trace, propagate

httpx = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")
KNOW = ["127.0.0.1", "localhost", "::1"]


async def call(request: Request) -> Response:
    """POST a JSON list of `{"url", "arguments"}`: each URL is sent its arguments."""
    async with httpx.AsyncClient(event_hooks={"request": [propagate(allow=KNOW)]}, timeout=30) as client:
        for task in await request.json():
            await client.post(task["url"], json=task["arguments"])
    trace = get_trace()
    return JSONResponse({"trace": None if trace is None else trace.traceparent})


app = RequestIDMiddleware(
    Starlette(routes=[Route("/{path:path}", call, methods=["POST"])]),
    trace="continue",
)
