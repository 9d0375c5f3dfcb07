"""tartiflette-asgi: queries at /, subscriptions in the older protocol `graphql-ws` at /ws."""

from collections.abc import AsyncIterator
from typing import Any

from tartiflette import Resolver, Subscription  # type: ignore[import-not-found,unused-ignore]  # environment of its own
from tartiflette_asgi import (  # type: ignore[import-not-found,unused-ignore]  # in an environment of its own
    Subscriptions,
    TartifletteApp,
)

from .. import content

SCHEMA = """
type Note { id: Int!, title: String!, text: String! }
type Query { notes: [Note!]!, visits: Int!, release(key: String!): Boolean! }
type Subscription { events(key: String!): String! }
"""


async def notes(*_told: Any) -> list[dict[str, Any]]:
    return content.NOTES


async def visits(parent: Any, args: Any, context: Any, info: Any) -> int:
    return content.count(context["req"].session)["visits"]


async def release(parent: Any, args: Any, context: Any, info: Any) -> bool:
    content.release(args["key"])
    return True


async def events(parent: Any, args: Any, context: Any, info: Any) -> AsyncIterator[dict[str, str]]:
    async for event in content.events(args["key"]):
        yield {"events": event.decode().strip()}


# The decorators are called by hand, so that the functions keep their types.
for resolver in (notes, visits, release):
    Resolver(f"Query.{resolver.__name__}")(resolver)
Subscription("Subscription.events")(events)

app: Any = TartifletteApp(sdl=SCHEMA, graphiql=False, subscriptions=Subscriptions(path="/ws"))
