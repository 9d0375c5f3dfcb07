"""A plugin of Datasette that counts in scope["session"]. It is copied into a folder of plugins."""

from typing import Any

from datasette import hookimpl  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`
from datasette.utils.asgi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`
    Response,
)

from tests.hosts import content


async def visits(scope: Any) -> Any:
    return Response.json(content.count(scope["session"]))


def register_routes() -> Any:
    return [(r"^/-/visits$", visits)]


hookimpl(register_routes)
