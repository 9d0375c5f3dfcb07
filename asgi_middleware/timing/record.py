"""What is known of one request or WebSocket once it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .._scope import header

Outcome = Literal["ok", "error", "cancelled", "aborted"]
# RFC 9110, 9.3, and RFC 5789; case-sensitive (9.1). Any other word is a client's, and would be a label of its own.
_METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
METHODS = {method: method for method in _METHODS}
_SCHEMES = frozenset({"http", "https", "ws", "wss"})
OTHER = "_OTHER"
ACCEPTED = 101  # Switching Protocols, what a WebSocket is answered with (RFC 6455, 4.2.2)
REFUSED = 403  # what a server answers where the application closes before it accepts (ASGI, WebSocket 2.5, "Close")
ABNORMAL = 1006  # the connection broke, without a close frame (RFC 6455, 7.4.1)


class Span(NamedTuple):
    """What `measure` or `add` has noted; `seconds` is how long it took."""

    name: str
    desc: str | None
    seconds: float


@dataclass(slots=True)
class Record:
    """One request or WebSocket, once it is over. Every sink is given the same object, so none changes it.

    Times are seconds on the middleware's clock, from the arrival here.

    - `type`: `"http"` or `"websocket"`. `method`: one of the nine of RFC 9110 and PATCH, or `_OTHER`; of a WebSocket
      GET. `scheme`: `http`, `https`, `ws`, `wss`, or `_OTHER`.
    - `route`: the template of the route (`/items/{id}`), `unmatched`, or `_OTHER` where there were too many.
    - `status`: of the response; 101 for an accepted WebSocket, 403 for one that was closed before; None if nothing
      was sent. `close_code`: the first that was said, by either side.
    - `outcome`: `"ok"`; `"error"`: the application raised, or sent nothing; `"cancelled"`; `"aborted"`: the client
      had gone before the end, or the response never came to it. `error`: the name of the class that was raised.
    - `queue`: how long a proxy kept the request. None if nobody trusted says so.
    - `first_byte`: to the start of the response. `last_byte`: until the server had taken the last part of the body,
      or the WebSocket was closed. None if there was none. `total`: until the application had returned, so background
      work is in it.
    - `bytes_out`: bytes of the body, or of a WebSocket's messages, as handed outwards from here: compressed if
      the compression stands inside, none for HEAD. A file that the server sends by itself counts as what
      Content-Length or `count` says; None where nothing said it.
    - `request_id`, `trace_id`, `sampled`: as a middleware outside left them in `scope["request_id"]` and
      `scope["trace"]`; None, None and False without one.
    - `spans`: of `measure` and `add`, at most 32.
    - `started`: seconds since 1970. `scope`: a copy of the scope as it arrived.
    """

    type: str
    method: str
    route: str
    status: int | None
    outcome: Outcome
    error: str | None
    queue: float | None
    first_byte: float | None
    last_byte: float | None
    total: float
    bytes_out: int | None
    close_code: int | None
    spans: tuple[Span, ...]
    started: float
    scope: Mapping[str, Any] = field(repr=False)

    @property
    def duration(self) -> float:
        """What a metric takes for the time of it: to the last byte, or to the end where none was sent."""
        return self.total if self.last_byte is None else self.last_byte

    # What few sinks ask for is made when it is asked for.

    @property
    def scheme(self) -> str:
        scheme = self.scope.get("scheme") or ("http" if self.type == "http" else "ws")
        return scheme if scheme in _SCHEMES else OTHER

    @property
    def request_id(self) -> str | None:
        return _text(self.scope.get("request_id"))

    @property
    def trace_id(self) -> str | None:
        return _text(getattr(self.scope.get("trace"), "trace_id", None))

    @property
    def sampled(self) -> bool:
        """Whether the lowest of the trace's flags is set (W3C Trace Context, 3.2.2.5.1)."""
        flags = getattr(self.scope.get("trace"), "flags", 0)
        return isinstance(flags, int) and flags & 1 == 1

    def header(self, name: bytes) -> bytes | None:
        """A request header as it arrived, its lines joined, or None. `name` is lower-case."""
        return header(self.scope, name)


def _text(value: Any) -> str | None:
    """What others left in the scope, if it is what it should be."""
    return value if isinstance(value, str) else None


def outcome(
    *,
    websocket: bool,
    status: int | None,
    complete: bool,
    gone: bool,
    disconnected: bool,
    close_code: int | None,
    error: BaseException | None,
) -> Outcome:
    """How it ended: the first line that is true.

        the client had gone before the end, whatever the application made of it      aborted
        the application raised                                                       error
        it was cancelled, or the server let go of it, before the end                 cancelled
        nothing was sent                                                             error
        the end never came; of a WebSocket: the connection broke                     aborted
        otherwise                                                                    ok

    `complete`: the response came to its end, or the application closed the WebSocket. `gone`: `send` raised OSError.
    `disconnected`: `receive` said that the client has gone, which is how an ordinary WebSocket ends: there it counts
    only if the application raised over it. A client that goes while nobody sends or receives is not seen by anybody.
    A WebSocket's code is what the server says: uvicorn and Granian say 1005 of a connection that broke, and Hypercorn
    says 1006 of one that the client closed.
    """
    left = gone or (disconnected and (not websocket or error is not None))
    if left and not complete:
        return "aborted"
    if error is not None:
        if _is_applications(error):
            return "error"
        if not complete and not disconnected:
            return "cancelled"
    if status is None:
        return "aborted" if disconnected else "error"
    if complete:
        return "ok"
    if not websocket or status != ACCEPTED or close_code == ABNORMAL:
        return "aborted"
    return "ok"


def _is_applications(error: BaseException) -> bool:
    """Whether it is a fault, not a cancellation: trio may raise several of both kinds as one group."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Exception) is not None
    return isinstance(error, Exception)
