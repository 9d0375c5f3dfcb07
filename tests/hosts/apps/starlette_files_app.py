"""Starlette with files and ETags; below /base the same again, with its BaseHTTPMiddleware around it.

That middleware sends every body as a stream, whatever its length. Files leave by pathsend where the server offers it.
"""

import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from .. import content

FOLDER = Path(os.environ["HOSTS_FOLDER"])


async def notes(request: Request) -> Response:
    return JSONResponse(content.NOTES, headers={"etag": content.ETAG})


async def stream(request: Request) -> Response:
    return StreamingResponse(content.chunks(), media_type="text/plain", headers={"etag": content.ETAG})


async def file(request: Request) -> Response:
    return FileResponse(FOLDER / content.FILE)


async def passed_on(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


def routes() -> list[BaseRoute]:
    return [
        Route("/json", notes),
        Route("/stream", stream),
        Route("/file", file),
        Mount("/static", StaticFiles(directory=FOLDER)),
    ]


base = Mount("/base", routes=routes(), middleware=[Middleware(BaseHTTPMiddleware, dispatch=passed_on)])
app = Starlette(routes=[*routes(), base])
