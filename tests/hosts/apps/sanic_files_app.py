"""Sanic with files, ranges and ETags. The headers of its responses are a generator."""

import os
from pathlib import Path
from typing import Any

from sanic import Sanic  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from sanic.compat import stat_async  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from sanic.handlers import ContentRangeHandler  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from sanic.response import file as file_response  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from sanic.response import json  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

from .. import content

FILE = Path(os.environ["HOSTS_FOLDER"]) / content.FILE


async def notes(request: Any) -> Any:
    return json(content.NOTES, headers={"ETag": content.ETAG})


async def stream(request: Any) -> None:
    response = await request.respond(content_type="text/plain", headers={"ETag": content.ETAG})
    async for part in content.chunks():
        await response.send(part)
    await response.eof()


async def file(request: Any) -> Any:
    wanted = ContentRangeHandler(request, await stat_async(FILE)) if "range" in request.headers else None
    return await file_response(FILE, headers={"ETag": content.ETAG, "Accept-Ranges": "bytes"}, _range=wanted)


app: Any = Sanic("files")
app.add_route(notes, "/json", methods=["GET", "HEAD"])
app.add_route(stream, "/stream", methods=["GET", "HEAD"])
app.add_route(file, "/file", methods=["GET", "HEAD"])
