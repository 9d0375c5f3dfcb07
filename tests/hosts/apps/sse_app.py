"""sse-starlette: `EventSourceResponse` sends, pings and watches for a disconnect in tasks of its own."""

from typing import Any

from sse_starlette import EventSourceResponse  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .. import content


async def events(request: Request) -> Any:
    return EventSourceResponse(content.events(request.query_params["key"]))


async def release(request: Request) -> Response:
    content.release(request.query_params["key"])
    return PlainTextResponse("released")


app = Starlette(routes=[Route("/events", events), Route("/release", release)], lifespan=content.lifespan)
