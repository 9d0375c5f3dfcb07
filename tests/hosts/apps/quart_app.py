"""Quart: `request.scope` is the ASGI scope. It ends each body, also one of known length, with an empty message."""

from typing import Any

from quart import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    Quart,
    Response,
    jsonify,
    request,
    websocket,
)

from asgi_middleware import Stack

from .. import content


async def notes() -> Any:
    return jsonify(content.NOTES)


async def stream() -> Any:
    return Response(content.chunks(), content_type="text/plain")


async def events() -> Any:
    return Response(content.events(request.args["key"]), content_type="text/event-stream")


async def release() -> Any:
    content.release(request.args["key"])
    return Response("released", content_type="text/plain")


async def visits() -> Any:
    scope: Any = request.scope  # Hypercorn's TypedDict does not list what middleware adds
    return jsonify(content.count(scope["session"]))


async def echo() -> Any:
    return Response(await request.get_data(), content_type="text/plain")


async def socket() -> None:
    while True:
        await websocket.send(await websocket.receive())


def native(stack: Stack) -> Any:
    """With the stack where Quart wants middleware: in front of its own `asgi_app`."""
    app.asgi_app = stack(app.asgi_app)
    return app


app: Any = Quart(__name__)
app.before_serving(content.started)
app.after_serving(content.ended)
app.add_url_rule("/json", view_func=notes)
app.add_url_rule("/stream", view_func=stream)
app.add_url_rule("/events", view_func=events)
app.add_url_rule("/release", view_func=release)
app.add_url_rule("/visits", view_func=visits)
app.add_url_rule("/echo", view_func=echo, methods=["POST"])
app.add_websocket("/ws", view_func=socket)
