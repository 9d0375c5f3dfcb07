"""What a context knows of the request that it belongs to."""

from contextvars import ContextVar

from .trace import Trace


class Holder:
    """What the context variable holds: the ID, and whether its request is still under way.

    Made without `__init__`, which would cost every request a call; the middleware sets all four.
    """

    __slots__ = ("header", "live", "trace", "value")

    header: str  # under which the ID goes out
    live: bool
    trace: Trace | None
    value: str


current: ContextVar[Holder | None] = ContextVar("asgi_middleware.request_id", default=None)


def get_request_id() -> str | None:
    """The ID of the request under way in this context; after it, of the last one; None where there was none."""
    holder = current.get()
    return None if holder is None else holder.value


def get_trace() -> Trace | None:
    """The trace of that request; None also where the middleware does not trace."""
    holder = current.get()
    return None if holder is None else holder.trace
