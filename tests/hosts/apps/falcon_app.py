"""Falcon: `request.scope` is the ASGI scope. The message that ends a stream has no `body`."""

from typing import Any

import falcon  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
import falcon.asgi  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

from .. import content


class Notes:
    async def on_get(self, request: Any, response: Any) -> None:
        response.media = content.NOTES


class Stream:
    async def on_get(self, request: Any, response: Any) -> None:
        response.content_type = "text/plain"
        response.stream = content.chunks()


class Events:
    async def on_get(self, request: Any, response: Any) -> None:
        response.content_type = "text/event-stream"
        response.stream = content.events(request.get_param("key"))


class Release:
    async def on_get(self, request: Any, response: Any) -> None:
        content.release(request.get_param("key"))
        response.text = "released"


class Visits:
    async def on_get(self, request: Any, response: Any) -> None:
        response.media = content.count(request.scope["session"])


class Echo:
    async def on_post(self, request: Any, response: Any) -> None:
        response.content_type = "text/plain"
        response.data = await request.stream.read()


class Socket:
    async def on_websocket(self, request: Any, socket: Any) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())


class Lifespan:
    async def process_startup(self, scope: Any, event: Any) -> None:
        await content.started()

    async def process_shutdown(self, scope: Any, event: Any) -> None:
        await content.ended()


app: Any = falcon.asgi.App(middleware=[Lifespan()])
app.add_route("/json", Notes())
app.add_route("/stream", Stream())
app.add_route("/events", Events())
app.add_route("/release", Release())
app.add_route("/visits", Visits())
app.add_route("/echo", Echo())
app.add_route("/ws", Socket())
