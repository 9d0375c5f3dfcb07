"""Lifespan, answered for an application that does not speak it.

The specification lets an application refuse a lifespan by raising, and Django does. Servers then log a warning or a
traceback, uvicorn with `--lifespan on` does not start, and nobody around the application hears of the shutdown, at
which a stack closes its stores. So what raises before it has asked for anything is answered for:

    the application                         what happens
    raises before its first `receive()`     startup and shutdown are answered in its place
    raises later                            it has taken part, so the exception travels on
    raises ConfigError                      travels on, whenever that is: it is no refusal
    returns                                 nothing: whatever it has answered is its answer

Which exception it was is logged at the level INFO: a framework that builds itself at its first call may have meant more
than a refusal, and each of its requests will say so again.
"""

import functools
import logging
from typing import Any

from .._options import Options
from .._types import ASGIApp, Receive, Scope, Send, returns_awaitable
from ..exceptions import ConfigError

logger = logging.getLogger("asgi_middleware.stack")


def shielded(app: ASGIApp) -> ASGIApp:
    """The application, which from now on completes every lifespan that it does not know. Other scopes go straight in.

    It stands innermost, so that the middlewares around it hear of startup and shutdown. A plain function: a request
    pays for no further coroutine. Raises ConfigError for what is no application.
    """
    options = Options("Stack")
    options.app(app)
    options.raise_problems()

    @returns_awaitable
    def call(scope: Scope, receive: Receive, send: Send) -> Any:
        return app(scope, receive, send) if scope["type"] != "lifespan" else _lifespan(app, scope, receive, send)

    # For those who print what they wrap, and for those who look inside.
    vars(call)["app"] = app
    return functools.update_wrapper(call, app, updated=())


async def _lifespan(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    asked = False

    @returns_awaitable
    def watched() -> Any:
        nonlocal asked
        asked = True
        return receive()

    try:
        await app(scope, watched, send)
        return
    except ConfigError:
        raise
    except Exception as error:
        if asked:
            raise
        # Not its text, which may hold anything.
        logger.info("the application takes no part in the lifespan (%s); it is answered for", type(error).__name__)
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})
