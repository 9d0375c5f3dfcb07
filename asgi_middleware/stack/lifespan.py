"""Lifespan, answered for an application that does not speak it.

The specification lets an application refuse a lifespan by raising, and Django does. Servers then log a warning or a
traceback, uvicorn with `--lifespan on` does not start, and nobody around the application hears of the shutdown, at
which a stack closes its stores. So what raises before it has asked for anything is answered for:

    the application                         what happens
    raises before its first `receive()`     startup and shutdown are answered in its place
    raises later                            it has taken part, so the exception travels on
    raises ConfigError                      travels on, whenever that is: it is no refusal
    returns                                 what it has left unanswered is answered in its place

Which exception it was is logged at the level INFO: a framework that builds itself at its first call may have meant more
than a refusal, and each of its requests will say so again.
"""

import functools
import logging
from typing import Any

from .._options import Options
from .._types import ASGIApp, Message, Receive, Scope, Send, returns_awaitable
from ..exceptions import ConfigError
from .closing import LAST

_STEPS = ("startup", "shutdown")
# How many of them are settled by an answer.
_SETTLED = {"lifespan.startup.complete": 1, **dict.fromkeys(LAST, 2)}

logger = logging.getLogger("asgi_middleware.stack")


def shielded(app: ASGIApp) -> ASGIApp:
    """The application, which from now on completes every lifespan that it does not know. Other scopes go straight in.

    It stands innermost, so that the middlewares around it hear of startup and shutdown. A plain function: a request
    pays for no further coroutine. In its dict `made` a stack notes which of its entries has made what stands around it,
    by its `id`, for those who look inside. Raises ConfigError for what is no application.
    """
    options = Options("Stack")
    options.app(app)
    options.raise_problems()

    @returns_awaitable
    def call(scope: Scope, receive: Receive, send: Send) -> Any:
        return app(scope, receive, send) if scope["type"] != "lifespan" else _lifespan(app, scope, receive, send)

    # For those who print what they wrap, and for those who look inside.
    vars(call)["app"] = app
    vars(call)["made"] = {}
    return functools.update_wrapper(call, app, updated=())


async def _lifespan(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    asked = answered = 0

    @returns_awaitable
    def asking() -> Any:
        nonlocal asked
        asked += 1
        return receive()

    @returns_awaitable
    def answering(message: Message) -> Any:
        nonlocal answered
        answered = _SETTLED.get(message["type"], answered)
        return send(message)

    try:
        await app(scope, asking, answering)
    except ConfigError:
        raise
    except Exception as error:
        if asked:
            raise
        # Not its text, which may hold anything.
        logger.info("the application takes no part in the lifespan (%s); it is answered for", type(error).__name__)
    for number, step in enumerate(_STEPS):
        if number >= answered:
            if number >= asked:
                await receive()
            await send({"type": f"lifespan.{step}.complete"})
