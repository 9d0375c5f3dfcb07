"""Bocadillo, of the time of Starlette 0.12: `request.session` is scope["session"]."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from bocadillo import (  # type: ignore[import-not-found,unused-ignore]  # in an environment of its own
    App,
    configure,
)

from .. import content


async def notes(req: Any, res: Any) -> None:
    res.json = content.NOTES


async def stream(req: Any, res: Any) -> None:
    res.stream(provided(content.chunks))


async def events(req: Any, res: Any) -> None:
    res.event_stream(provided(lambda: content.events(req.query_params["key"])))


def provided(parts: Callable[[], AsyncIterator[bytes]]) -> Callable[[], AsyncIterator[bytes]]:
    async def provide() -> AsyncIterator[bytes]:  # it asks for a function that is written with `yield`
        async for part in parts():
            yield part

    return provide


async def release(req: Any, res: Any) -> None:
    content.release(req.query_params["key"])
    res.text = "released"


async def visits(req: Any, res: Any) -> None:
    res.json = content.count(req.session)


class Echo:
    async def post(self, req: Any, res: Any) -> None:
        res.headers["content-type"] = "text/plain"
        res.content = await req.body()


async def socket(ws: Any) -> None:
    async for text in ws:
        await ws.send(text)


app: Any = App()
configure(app)
app.on("startup", content.started)
app.on("shutdown", content.ended)
app.route("/json")(notes)
app.route("/stream")(stream)
app.route("/events")(events)
app.route("/release")(release)
app.route("/visits")(visits)
app.route("/echo")(Echo)
app.websocket_route("/ws")(socket)
