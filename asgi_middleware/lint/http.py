"""One HTTP request and its response."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from .conversations import Conversation, check_headers, values_of
from .values import Report, is_number, is_text, type_of

_LONGEST = 20  # digits of a Content-Length: more bytes than any disk holds


def check_start(line: Conversation, message: Any) -> list[tuple[bytes, bytes]]:
    """The status and the headers of a response, or of a WebSocket's denial; the header pairs."""
    status = message.get("status")
    line.check("start-status", is_number(status) and 200 <= int(status) <= 599, status)
    pairs = check_headers(line, "start-headers", message)
    codings = values_of(pairs, b"transfer-encoding")
    line.check("start-transfer-encoding", not codings, codings)
    return pairs


def check_body(line: Conversation, message: Any) -> tuple[int, bool]:
    """One piece of a body; its length in bytes, and whether more is to come."""
    body, more = message.get("body", b""), message.get("more_body", False)
    line.check("body-bytes", isinstance(body, bytes), type_of(body))
    line.check("body-more", isinstance(more, bool), more)
    return len(body) if isinstance(body, (bytes, bytearray, memoryview)) else 0, bool(more)


class HTTP(Conversation):
    namespace = "http"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._request_over = False
        self._started = False
        self._ended = False
        self._trailers: bool | None = None  # promised and not over
        self._status: Any = None
        self._declared: int | None = None
        self._sent_bytes = 0
        self._uncounted = False  # by a path or a descriptor
        self._debugged = False

    def on_received(self, kind: str, message: Any) -> None:
        if kind == "http.disconnect":
            self._gone = True
        elif kind == "http.request":
            self.check("request-after-end", not self._request_over and not self._gone, kind)
            self.check("request-body", isinstance(message.get("body", b""), bytes), type_of(message.get("body")))
            more = message.get("more_body", False)
            self.check("request-more", isinstance(more, bool), more)
            self._request_over = not more
        else:
            self.report("receive-type", kind)

    def on_sent(self, kind: str, message: Any) -> None:
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            handler(self, message)

    def _start(self, message: Any) -> None:
        self.check("start-once", not self._started, message.get("status"))
        self._started = True
        pairs = check_start(self, message)
        self._status = message.get("status")
        lengths = values_of(pairs, b"content-length")
        fine = not lengths or (len(lengths) == 1 and lengths[0].isdigit() and len(lengths[0]) <= _LONGEST)
        self.check("content-length-once", fine, lengths)
        self._declared = int(lengths[0]) if lengths and fine else None
        trailers = message.get("trailers", False)
        self.check("start-trailers", isinstance(trailers, bool), trailers)
        self._trailers = True if trailers else None

    def _body(self, message: Any) -> None:
        self.check("start-first", self._started, "a body first")
        self.check("body-after-end", not self._ended, "a body after the last")
        size, more = check_body(self, message)
        self._sent_bytes += size
        self.check("body-forbidden", not size or self._status not in (204, 304), f"{self._status} with {size} bytes")
        if not more:
            self._end()

    def _end(self) -> None:
        self._ended = True
        bodiless = self._scope.get("method") == "HEAD" or self._status == 304 or self._uncounted
        if self._declared is not None and not bodiless:
            seen = f"{self._sent_bytes} bytes, {self._declared} declared"
            self.check("content-length-kept", self._sent_bytes == self._declared, seen)

    def _trailer(self, message: Any) -> None:
        self.check("trailers-promised", self._trailers is not None, "trailers")
        seen = "trailers before the last chunk" if not self._ended else "trailers after the last ones"
        self.check("trailers-last", self._ended and self._trailers is not False, seen)
        check_headers(self, "start-headers", message)
        more = message.get("more_trailers", False)
        self.check("trailers-more", isinstance(more, bool), more)
        if not more:
            self._trailers = False

    def _pathsend(self, message: Any) -> None:
        path = message.get("path")
        self.check("start-first", self._started, "a path first")
        self.check("pathsend-path", is_text(path) and str(path).startswith("/"), path)
        self.check("pathsend-alone", not self._ended and not self._sent_bytes, path)
        self._uncounted = True
        self._end()

    def _zerocopysend(self, message: Any) -> None:
        self.check("start-first", self._started, "a file first")
        self.check("body-after-end", not self._ended, "a file after the last chunk")
        numbers = [message[key] for key in ("offset", "count") if message.get(key) is not None]
        file = message.get("file")
        fine = hasattr(file, "fileno") and all(map(is_number, numbers))
        self.check("zerocopysend-file", fine, [type_of(file), *numbers])
        self._uncounted = True
        _, more = check_body(self, {"more_body": message.get("more_body", False)})
        if not more:
            self._end()

    def _push(self, message: Any) -> None:
        within = self._started and not self._ended
        self.check("push-path", is_text(message.get("path")) and within, message.get("path"))
        check_headers(self, "start-headers", message)

    def _early_hint(self, message: Any) -> None:
        links = message.get("links")
        fine = isinstance(links, Iterable) and not isinstance(links, (str, bytes, dict))
        if isinstance(links, (list, tuple)):  # what can be read once is left to the server
            fine = all(isinstance(link, bytes) for link in links)
        self.check("early-hint-links", fine and not self._ended, links)

    def _debug(self, message: Any) -> None:
        self.check("debug-first", not self._started and not self._debugged, "debug information")
        info = message.get("info")
        self.check("debug-info", isinstance(info, dict) and all(map(is_text, info)), type_of(info))
        self._debugged = True

    def on_returned(self) -> None:
        # One whose client has gone may stop.
        if not self._gone:
            seen = "no last chunk" if self._started else "no response"
            self.check("response-complete", self._ended and self._trailers is not True, seen)

    _HANDLERS: ClassVar[dict[str, Callable[["HTTP", Any], None]]] = {
        "http.response.start": _start,
        "http.response.body": _body,
        "http.response.trailers": _trailer,
        "http.response.pathsend": _pathsend,
        "http.response.zerocopysend": _zerocopysend,
        "http.response.push": _push,
        "http.response.early_hint": _early_hint,
        "http.response.debug": _debug,
    }
