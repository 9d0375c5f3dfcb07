"""One request as its messages tell it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _headers
from .._responder import Responder
from .._types import STARTS, Message, Receive, Scope, returns_awaitable
from .record import ACCEPTED, REFUSED, Outcome, Record, outcome
from .spans import Noted

if TYPE_CHECKING:
    from .recording import Recorder

_DIGITS = 18  # of a length in bytes; more is no file's
_BODIES = ("http.response.body", "websocket.http.response.body")


class Watch(Responder):
    """Writes down in a record what passes.

    what passes                                          what is noted
    a start (see `_types.STARTS`)                        status, the time to the first byte; Server-Timing is added
    a part of a body, or of a WebSocket                  its bytes; the time, once the server has taken it
    the last part, trailers where they were promised,    that it is complete
        a file that the server sends by itself
    websocket.close                                      the code; that it is complete
    from the client: a disconnect                        that it is one; of a WebSocket the code and the time
    OSError from `send`                                  that the client has gone

    Its attributes are set by the recorder that made it.
    """

    __slots__ = (
        "began",
        "complete",
        "deaf",
        "disconnected",
        "from_client",
        "gone",
        "headers",
        "record",
        "recorder",
        "scope",
        "spans",
        "trailing",
    )

    watches = True

    recorder: "Recorder"
    record: Record
    scope: Scope  # the one that went inwards
    from_client: Receive
    spans: list[Noted]
    began: float
    headers: Any  # of the response
    complete: bool
    trailing: bool  # trailers are to come
    gone: bool
    disconnected: bool
    deaf: tuple[object, ...]  # sinks that are not told of the end

    def edit(self, start: Message) -> Any:
        recorder, record = self.recorder, self.record
        took = recorder.clock() - self.began
        if record.first_byte is None:
            record.first_byte = took if took > 0 else 0.0
            status = start.get("status", ACCEPTED)  # an accept has none
            record.status = status if isinstance(status, int) else None
        if "trailers" in start:
            self.trailing = bool(start["trailers"])
        self.headers = start["headers"]
        if recorder.value is not None:
            self.headers.append((b"server-timing", recorder.value(took, self.scope, self.spans)))
        return self._start(start)

    async def _start(self, start: Message) -> None:
        try:
            await self.pass_on(start)
        except OSError:
            self.gone = True
            raise

    @returns_awaitable
    def send(self, message: Message) -> Any:
        return Responder.send(self, message) if message["type"] in STARTS else self._passed(message)

    async def _passed(self, message: Message) -> None:
        try:
            await self._others(message)
        except OSError:
            self.gone = True
            raise
        kind = message["type"]
        if kind in _BODIES:  # every response has one: `_count` and `_ended_part`, without their calls
            record = self.record
            took = self.recorder.clock() - self.began
            record.last_byte = took if took > 0 else 0.0
            body = message.get("body")
            if body and record.bytes_out is not None:
                record.bytes_out += body.nbytes if isinstance(body, memoryview) else len(body)
            if not message.get("more_body") and not self.trailing:
                self.complete = True
        elif kind in _NOTES:
            _NOTES[kind](self, message)

    def _frame(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            self._count(len(message.get("bytes") or b""))
        else:  # it goes out as UTF-8
            self._count(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))

    def _count(self, size: int | None) -> None:
        """More bytes went out. Once a number is not known, the sum is not."""
        before = self.record.bytes_out
        self.record.bytes_out = None if size is None or before is None else before + size

    def _ended_part(self, more: Any) -> None:
        self.record.last_byte = self._since()
        if not more and not self.trailing:
            self.complete = True

    def _trailers(self, message: Message) -> None:
        self.trailing = False
        self._ended_part(message.get("more_trailers"))

    def _path(self, message: Message) -> None:
        length = _headers.get(self.headers, b"content-length")
        self._count(int(length) if length is not None and length.isdigit() and len(length) <= _DIGITS else None)
        self._ended_part(more=False)

    def _file(self, message: Message) -> None:
        self._count(message.get("count"))
        self._ended_part(message.get("more_body"))

    def _close(self, message: Message) -> None:
        if self.record.status is None:
            self.record.status = REFUSED
        self._said(message.get("code", 1000))
        self.complete = True

    def _said(self, code: Any) -> None:
        """Somebody closed the WebSocket; who is first counts."""
        if self.record.close_code is None and isinstance(code, int):
            self.record.close_code = code
            self.record.last_byte = self._since()

    async def receive(self) -> Message:
        message = await self.from_client()
        kind = message["type"]
        if kind == "http.disconnect":
            self.disconnected = True
        elif kind == "websocket.disconnect":
            self.disconnected = True
            self._said(message.get("code", 1005))
        return message

    def _since(self) -> float:
        """Seconds since the arrival; 0 on a strange machine whose clock has gone back."""
        took = self.recorder.clock() - self.began
        return took if took > 0 else 0.0

    def outcome(self, error: BaseException | None) -> Outcome:
        return outcome(
            websocket=self.record.type == "websocket",
            status=self.record.status,
            complete=self.complete,
            gone=self.gone,
            disconnected=self.disconnected,
            close_code=self.record.close_code,
            error=error,
        )


_NOTES: dict[str, Callable[[Watch, Message], None]] = {
    "http.response.trailers": Watch._trailers,
    "http.response.pathsend": Watch._path,
    "http.response.zerocopysend": Watch._file,
    "websocket.send": Watch._frame,
    "websocket.close": Watch._close,
}
