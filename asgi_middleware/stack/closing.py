"""What an entry was given to build, such as a store of sessions, is closed when the application has shut down."""

import functools
import logging
from collections.abc import Sequence
from typing import Any

from .._types import ASGIApp, Message, Receive, Scope, Send, returns_awaitable

logger = logging.getLogger("asgi_middleware.stack")

# Answers after which nobody will ask the application for anything: what has not started is not shut down.
LAST = ("lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed")


def closing(app: ASGIApp, parts: Sequence[Any]) -> ASGIApp:
    """The application, with each of `parts` closed (`await part.aclose()`) at its last word of the lifespan.

    It stands inside of the middleware that uses them. A plain function: a request pays for no further coroutine.
    """
    if not parts:
        return app

    @returns_awaitable
    def call(scope: Scope, receive: Receive, send: Send) -> Any:
        return app(scope, receive, send if scope["type"] != "lifespan" else _closing(send, parts))

    # For those who print what they wrap, and for those who look inside.
    vars(call)["app"] = app
    return functools.update_wrapper(call, app, updated=())


def _closing(send: Send, parts: Sequence[Any]) -> Send:
    async def close_and_send(message: Message) -> None:
        if message["type"] in LAST:
            for part in parts:
                try:
                    await part.aclose()
                except Exception as error:  # noqa: BLE001  # whatever a part raises, the server is to hear of the end
                    # Not its text, which may hold anything.
                    logger.error("%s was not closed (%s)", type(part).__name__, type(error).__name__)
        await send(message)

    return close_and_send
