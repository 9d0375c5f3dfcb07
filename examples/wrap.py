"""In code: wrap any ASGI application, here one without a framework.

uvicorn examples.wrap:app
"""

from typing import Any

from asgi_middleware import CompressionMiddleware, CORSMiddleware, ErrorsMiddleware, RequestIDMiddleware


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Greets over HTTP; refuses everything else, as the specification asks."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = b"Hello from a plain ASGI application. " * 100
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


app = RequestIDMiddleware(
    CORSMiddleware(
        ErrorsMiddleware(CompressionMiddleware(hello)),
        allow_origins=["https://app.example.com"],
    )
)
