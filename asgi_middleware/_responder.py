"""The way out: what each middleware's send wrapper has in common.

A `Responder` is the state of one response in one middleware; its `send` is what the application inside is given. A
subclass writes down what it does to the headers, as `edit`, and gets a start message of its own to do it to:

    message from inside                       what `send` does
    the start (see `_types.STARTS`)           copies it and its headers, edits the copy, sends that
    any other                                 sends it on as it is

Where two of ours stand next to each other, they share that work. The inner one sees that the `send` it was given is
a responder's, so nobody stands between: it copies the start once, lets the outer ones edit the same copy, and goes
straight to the first `send` that is not ours. A wrapper of somebody else's in between ends such a chain, and so what
anybody else is given is never edited again. Each responder stays the `send` of its own layer: what a middleware
answers itself passes those around it, and none inside.
"""

from typing import Any, ClassVar

from ._types import STARTS, Message, Send, returns_awaitable


class Responder:
    """`send` is the one that the middleware was given."""

    __slots__ = ("_next", "_others", "_send", "_starts")

    # Whether `send` of this class does more than edit the start, so that other messages must pass it too.
    watches: ClassVar[bool] = False

    def __init__(self, send: Send) -> None:
        self._send = send
        outer: Any = getattr(send, "__self__", None)
        if isinstance(outer, Responder):
            self._next: Responder | None = outer  # who edits the start after us
            self._starts: Send = outer._starts  # where a start goes that all have edited
            self._others: Send = send if outer.watches else outer._others  # where other messages go
        else:
            self._next = None
            self._starts = self._others = send

    @returns_awaitable
    def send(self, message: Message) -> Any:
        if message["type"] not in STARTS:
            return self._others(message)
        headers = message.get("headers")
        message = dict(message)
        message["headers"] = [] if headers is None else [*headers]
        held = self.edit(message)
        if held is not None:
            return held
        return self._starts(message) if self._next is None else self.pass_on(message)

    def edit(self, start: Message) -> Any:
        """Change `start`, whose dict and list of headers are ours.

        None lets it go on. Anything else is awaited in its place: the start stays with this responder, which hands it
        to `pass_on`, or to the `send` it was given, when it may go.
        """
        raise NotImplementedError

    @returns_awaitable
    def pass_on(self, start: Message) -> Any:
        """Let those around us edit the start, and send it."""
        responder = self._next
        while responder is not None:
            held = responder.edit(start)
            if held is not None:
                return held
            responder = responder._next
        return self._starts(start)


async def nothing() -> None:
    """What a start is answered with that somebody holds until the next message."""
