"""Databases: connected in Starlette's lifespan, and asked by a handler. /json comes from a table."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from databases import Database  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import content

# Each process makes its own.
FILE = Path(os.environ["HOSTS_FOLDER"]) / f"notes-{os.getpid()}.db"
database = Database(f"sqlite+aiosqlite:///{FILE}")


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    async with database, content.lifespan(_app):
        await database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, text TEXT)")
        await database.execute_many("INSERT INTO notes VALUES (:id, :title, :text)", content.NOTES)
        yield


async def notes(request: Request) -> Response:
    rows = await database.fetch_all("SELECT id, title, text FROM notes ORDER BY id")
    return JSONResponse([dict(row._mapping) for row in rows])


async def visits(request: Request) -> Response:
    return JSONResponse(content.count(request.session))


app = Starlette(routes=[Route("/json", notes), Route("/visits", visits)], lifespan=lifespan)
