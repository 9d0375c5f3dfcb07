"""Conversations: one object for each call, with the state of both sides."""

from collections.abc import Callable
from typing import Any, ClassVar

from .._headers import TOKEN
from .._options import shown
from .rules import ASGIViolation
from .values import Report, is_number, is_plain, is_text, pairs_of

# Which extension a message needs to be offered in the scope.
_EXTENSIONS = {
    "http.response.trailers": "http.response.trailers",
    "http.response.pathsend": "http.response.pathsend",
    "http.response.zerocopysend": "http.response.zerocopysend",
    "http.response.push": "http.response.push",
    "http.response.early_hint": "http.response.early_hint",
    "http.response.debug": "http.response.debug",
    "websocket.http.response.start": "websocket.http.response",
    "websocket.http.response.body": "websocket.http.response",
}


def as_list(headers: Any) -> list[Any] | None:
    """A copy of what can be read twice, to compare with later; None for what cannot."""
    return [tuple(pair) for pair in headers] if isinstance(headers, (list, tuple)) else None


class Conversation:
    """What HTTP, WebSocket and lifespan have in common."""

    namespace = ""

    def __init__(self, report_to: Report, scope: Any) -> None:
        self._report_to = report_to
        self._scope = scope
        self._extensions: Any = scope.get("extensions") or {}
        self._kept: list[tuple[Any, dict[str, Any], list[Any] | None]] = []

    def report(self, rule: str, seen: Any) -> None:
        self._report_to(ASGIViolation(rule, shown(seen)))

    def check(self, rule: str, fine: bool, seen: Any) -> None:
        if not fine:
            self.report(rule, seen)

    def received(self, message: Any) -> None:
        if not isinstance(message, dict) or not is_text(message.get("type")) or not all(map(is_text, message)):
            self.report("receive-message", message)
            return
        self.check("receive-values", all(is_plain(value) for value in message.values()), message)
        self.on_received(message["type"], message)

    def sent(self, message: Any) -> None:
        self._check_kept()
        if not isinstance(message, dict) or not is_text(message.get("type")) or not all(map(is_text, message)):
            self.report("send-message", message)
            return
        kind: str = message["type"]
        self.check("send-namespace", kind.startswith(f"{self.namespace}."), kind)
        needed = _EXTENSIONS.get(kind)
        self.check("send-extension", needed is None or needed in self._extensions, kind)
        plain = {key: value for key, value in message.items() if key not in ("headers", "body", "file", "info")}
        self.check("send-values", all(is_plain(value) for value in plain.values()), message)
        self._kept = [*self._kept[-3:], (message, dict(message), as_list(message.get("headers")))]
        self.on_sent(kind, message)

    def returned(self) -> None:
        self._check_kept()
        self.on_returned()

    def _check_kept(self) -> None:
        """The last messages are still what they were; whoever edits one later edits what the server may still read."""
        for message, copied, headers in self._kept:
            if message != copied or headers != as_list(message.get("headers")):
                self.report("send-kept", message.get("type"))
        self._kept = [(m, dict(m), as_list(m.get("headers"))) for m, _, _ in self._kept]

    def on_received(self, kind: str, message: Any) -> None: ...
    def on_sent(self, kind: str, message: Any) -> None: ...
    def on_returned(self) -> None: ...


class _HTTP(Conversation):
    namespace = "http"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._request_over = False
        self._gone = False
        self._started = False
        self._ended = False
        self._trailers: bool | None = None  # promised and not over
        self._status = 0
        self._declared: int | None = None
        self._sent_bytes = 0
        self._uncounted = False  # by a path or a descriptor
        self._debugged = False

    def on_received(self, kind: str, message: Any) -> None:
        if kind == "http.disconnect":
            self._gone = True
        elif kind == "http.request":
            self.check("request-after-end", not self._request_over and not self._gone, kind)
            self.check("request-body", isinstance(message.get("body", b""), bytes), message.get("body"))
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
        status = message.get("status")
        self.check("start-status", is_number(status) and 200 <= int(status) <= 599, status)
        self._status = int(status) if is_number(status) else 0
        pairs = _check_headers(self, "start-headers", message)
        self.check("start-transfer-encoding", not _values(pairs, b"transfer-encoding"), pairs)
        lengths = _values(pairs, b"content-length")
        fine = not lengths or (len(lengths) == 1 and lengths[0].isdigit())
        self.check("content-length-once", fine, lengths)
        self._declared = int(lengths[0]) if lengths and fine else None
        trailers = message.get("trailers", False)
        self.check("start-trailers", isinstance(trailers, bool), trailers)
        self._trailers = True if trailers else None

    def _body(self, message: Any) -> None:
        self.check("start-first", self._started, "a body first")
        self.check("body-after-end", not self._ended, "a body after the last")
        body, more = message.get("body", b""), message.get("more_body", False)
        self.check("body-bytes", isinstance(body, bytes), body)
        self.check("body-more", isinstance(more, bool), more)
        size = len(body) if isinstance(body, (bytes, bytearray, memoryview)) else 0
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
        self.check("trailers-promised", self._trailers is not None, message)
        self.check("trailers-last", self._ended and self._trailers is not False, message)
        _check_headers(self, "start-headers", message)
        if not message.get("more_trailers", False):
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
        fine = hasattr(message.get("file"), "fileno") and all(map(is_number, numbers))
        self.check("zerocopysend-file", fine, message)
        self._uncounted = True
        if not message.get("more_body", False):
            self._end()

    def _push(self, message: Any) -> None:
        self.check("push-path", is_text(message.get("path")) and not self._ended, message.get("path"))

    def _early_hint(self, message: Any) -> None:
        links = message.get("links")
        fine = isinstance(links, (list, tuple)) and all(isinstance(link, bytes) for link in links)
        self.check("early-hint-links", fine, links)

    def _debug(self, message: Any) -> None:
        self.check("debug-first", not self._started and not self._debugged, "debug information")
        self._debugged = True

    def on_returned(self) -> None:
        # One whose client has gone may stop.
        if not self._gone:
            seen = "no last chunk" if self._started else "no response"
            self.check("response-complete", self._ended and self._trailers is not True, seen)

    _HANDLERS: ClassVar[dict[str, Callable[["_HTTP", Any], None]]] = {
        "http.response.start": _start,
        "http.response.body": _body,
        "http.response.trailers": _trailer,
        "http.response.pathsend": _pathsend,
        "http.response.zerocopysend": _zerocopysend,
        "http.response.push": _push,
        "http.response.early_hint": _early_hint,
        "http.response.debug": _debug,
    }


def _values(pairs: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in pairs if key.lower() == name]


def _check_headers(line: Conversation, rule: str, message: Any) -> list[tuple[bytes, bytes]]:
    """The header pairs of a message that is sent, checked."""
    pairs = pairs_of(message.get("headers", []))
    line.check(rule, pairs is not None, message.get("headers"))
    for name, value in pairs or ():
        line.check("start-header-names", TOKEN.fullmatch(name) is not None, name)
        line.check("start-header-values", not any(byte in value for byte in (b"\r", b"\n", b"\0")), name)
    return pairs or []


class _WebSocket(Conversation):
    """`_state` goes from new (nothing received) over asked to accepted, denying or over."""

    namespace = "websocket"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._state = "new"
        self._connected = False
        self._gone = False

    def on_received(self, kind: str, message: Any) -> None:
        if kind == "websocket.connect":
            self.check("connect-first", not self._connected, kind)
            self._connected = True
            self._state = "asked" if self._state == "new" else self._state
        elif kind == "websocket.receive":
            self.check("connect-first", self._connected, kind)
            self.check("receive-before-accept", self._state in ("accepted", "over"), kind)
            self.check("receive-after-end", not self._gone, kind)
            self.check("receive-one", _has_one(message), message)
        elif kind == "websocket.disconnect":
            self._gone = True
            self._check_code("disconnect-code", message, 1005)
        else:
            self.report("receive-type", kind)

    def on_sent(self, kind: str, message: Any) -> None:
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            self.check("send-after-close", self._state != "over", kind)
            handler(self, message)

    def _accept(self, message: Any) -> None:
        self.check("accept-once", self._state in ("new", "asked"), "a second answer")
        chosen = message.get("subprotocol")
        fine = chosen is None or chosen in list(self._scope.get("subprotocols") or ())
        self.check("accept-subprotocol", fine, chosen)
        pairs = _check_headers(self, "accept-headers", message)
        self.check("accept-headers", not _values(pairs, b"sec-websocket-protocol"), pairs)
        self._state = "accepted"

    def _send(self, message: Any) -> None:
        self.check("accept-first", self._state not in ("new", "asked"), "data before the accept")
        self.check("send-one", _has_one(message), message)

    def _close(self, message: Any) -> None:
        self._check_code("close-code", message, 1000)
        self.check("denial-order", self._state != "denying", "a close inside a denial")
        self._state = "over"

    def _denial_start(self, message: Any) -> None:
        self.check("accept-once", self._state in ("new", "asked"), "a second answer")
        status = message.get("status")
        self.check("start-status", is_number(status) and 200 <= int(status) <= 599, status)
        _check_headers(self, "start-headers", message)
        self._state = "denying"

    def _denial_body(self, message: Any) -> None:
        self.check("denial-order", self._state == "denying", "a body without its start")
        self.check("body-bytes", isinstance(message.get("body", b""), bytes), message.get("body"))
        if not message.get("more_body", False):
            self._state = "over"

    def _check_code(self, rule: str, message: Any, default: int) -> None:
        code, reason = message.get("code", default), message.get("reason")
        self.check(rule, (code is None or is_number(code)) and (reason is None or is_text(reason)), message)

    _HANDLERS: ClassVar[dict[str, Callable[["_WebSocket", Any], None]]] = {
        "websocket.accept": _accept,
        "websocket.send": _send,
        "websocket.close": _close,
        "websocket.http.response.start": _denial_start,
        "websocket.http.response.body": _denial_body,
    }


def _has_one(message: Any) -> bool:
    data, text = message.get("bytes"), message.get("text")
    return (isinstance(data, bytes) and text is None) or (isinstance(text, str) and data is None)


class _Lifespan(Conversation):
    namespace = "lifespan"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._asked: list[str] = []
        self._answered: list[str] = []

    def on_received(self, kind: str, message: Any) -> None:
        name = kind.removeprefix("lifespan.")
        if name == "startup":
            self.check("lifespan-receive", not self._asked, kind)
        elif name == "shutdown":
            self.check("lifespan-receive", self._answered == ["startup.complete"] and self._asked == ["startup"], kind)
        else:
            self.report("receive-type", kind)
        self._asked.append(name)

    def on_sent(self, kind: str, message: Any) -> None:
        answer = kind.removeprefix("lifespan.")
        asked = answer.partition(".")[0]
        if answer not in ("startup.complete", "startup.failed", "shutdown.complete", "shutdown.failed"):
            return
        once = not any(given.startswith(asked) for given in self._answered)
        self.check("lifespan-send", asked in self._asked and once, kind)
        self.check("lifespan-message", is_text(message.get("message", "")), message.get("message"))
        self._answered.append(answer)


CONVERSATIONS: dict[str, type[Conversation]] = {"http": _HTTP, "websocket": _WebSocket, "lifespan": _Lifespan}
