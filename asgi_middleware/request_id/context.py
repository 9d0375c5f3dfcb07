"""What a context knows of its request."""

from contextvars import ContextVar


class Holder:
    """What the context variable holds: the ID, and whether its request is still under way."""

    __slots__ = ("live", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self.live = True


current: ContextVar[Holder | None] = ContextVar("asgi_middleware.request_id", default=None)


def get_request_id() -> str | None:
    """The ID of the request under way in this context; after it, of the last one; None where there was none."""
    holder = current.get()
    return None if holder is None else holder.value
