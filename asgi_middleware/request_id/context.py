"""What a context knows of the request that it belongs to."""

import asyncio
from contextvars import ContextVar
from typing import Any

from .trace import Trace


class Holder:
    """What the context variable holds: the ID, and whether its request is still under way.

    Made without `__init__`, which would cost every request a call; the middleware sets all six.
    """

    __slots__ = ("client", "header", "live", "task", "trace", "value")

    client: Any  # whose request it is, as the scope says
    header: str  # under which the ID goes out
    live: bool
    task: Any  # which runs the request; None once it is over
    trace: Trace | None
    value: str


def running_task() -> Any:
    """The task that runs this; None where asyncio does not.

    A caller runs the request inside of it in its own task, or in one that it has begun, but is no client of the server.
    uvicorn begins a pipelined one in a copy of the context of the one before, which may still be live with work in the
    background: in another task, for the same client.
    """
    # This one raises nothing where there is no loop, which is what trio and a call by hand look like.
    loop = asyncio._get_running_loop()
    return None if loop is None else asyncio.current_task(loop)


current: ContextVar[Holder | None] = ContextVar("asgi_middleware.request_id", default=None)


def get_request_id() -> str | None:
    """The ID of the request under way in this context; after it, of the last one; None where there was none."""
    holder = current.get()
    return None if holder is None else holder.value


def get_trace() -> Trace | None:
    """The trace of that request; None also where the middleware does not trace."""
    holder = current.get()
    return None if holder is None else holder.trace
