"""Strawberry: `GraphQL` is itself the application. It raises for a lifespan."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from strawberry.asgi import GraphQL  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

from .. import content
from ..stacks import ORIGIN


@strawberry.type
class Note:
    id: int
    title: str
    text: str


def notes() -> list[Note]:
    return [Note(**note) for note in content.NOTES]


def visits(info: strawberry.Info[Any, Any]) -> int:
    return content.count(info.context["request"].session)["visits"]


def release(key: str) -> bool:
    content.release(key)
    return True


async def events(key: str) -> AsyncIterator[str]:
    async for event in content.events(key):
        yield event.decode().strip()


# The decorators are called by hand, so that the functions keep their types where Strawberry is not installed.
@strawberry.type
class Query:
    notes: list[Note] = strawberry.field(resolver=notes)
    visits: int = strawberry.field(resolver=visits)
    release: bool = strawberry.field(resolver=release)


@strawberry.type
class Subscription:
    events = strawberry.subscription(resolver=events)


app: Any = GraphQL(
    strawberry.Schema(Query, subscription=Subscription),
    graphql_ide=None,
    subscription_protocols=["graphql-transport-ws", "graphql-sse", "multipart-subscription"],
    allowed_origins=[ORIGIN],
)
