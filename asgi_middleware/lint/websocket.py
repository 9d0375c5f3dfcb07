"""One WebSocket, from its handshake to its close."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

from .conversations import Conversation, check_headers, values_of
from .http import check_body, check_start
from .values import Report, is_number, is_text, type_of


class WebSocket(Conversation):
    """`_state` goes from new (nothing received) over asked to accepted, denying or over."""

    namespace = "websocket"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._state = "new"
        self._connected = False

    def on_received(self, kind: str, message: Any) -> None:
        if kind == "websocket.connect":
            self.check("connect-first", not self._connected, kind)
            self._connected = True
            self._state = "asked" if self._state == "new" else self._state
        elif kind == "websocket.receive":
            self.check("connect-first", self._connected, kind)
            self.check("receive-before-accept", self._state in ("accepted", "over"), kind)
            self.check("receive-after-end", not self._gone, kind)
            self._check_data("receive-one", message)
        elif kind == "websocket.disconnect":
            self._gone = True
            self._check_code("disconnect-code", message)
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
        offered = self._scope.get("subprotocols", ())
        # What can be read once is left to the application.
        known = chosen in list(offered) if isinstance(offered, Collection) else isinstance(offered, Iterable)
        self.check("accept-subprotocol", chosen is None or known, chosen)
        pairs = check_headers(self, "accept-headers", message)
        self.check("accept-headers", not values_of(pairs, b"sec-websocket-protocol"), "a subprotocol")
        # One that names no version, as Daphne, has not told that it knows of none.
        asgi = self._scope.get("asgi")
        old = isinstance(asgi, dict) and asgi.get("spec_version") == "2.0"
        self.check("accept-headers-version", not (pairs and old), [name for name, _ in pairs])
        self._state = "accepted"

    def _send(self, message: Any) -> None:
        self.check("accept-first", self._state not in ("new", "asked"), "data before the accept")
        self.check("denial-order", self._state != "denying", "data inside a denial")
        self._check_data("send-one", message)

    def _close(self, message: Any) -> None:
        self._check_code("close-code", message)
        self.check("denial-order", self._state != "denying", "a close inside a denial")
        self._state = "over"

    def _denial_start(self, message: Any) -> None:
        self.check("accept-once", self._state in ("new", "asked"), "a second answer")
        check_start(self, message)
        self._state = "denying"

    def _denial_body(self, message: Any) -> None:
        self.check("denial-order", self._state == "denying", "a body without its start")
        _, more = check_body(self, message)
        if not more:
            self._state = "over"

    def _check_data(self, rule: str, message: Any) -> None:
        data, text = message.get("bytes"), message.get("text")
        fine = (isinstance(data, bytes) and text is None) or (is_text(text) and data is None)
        self.check(rule, fine, f"bytes: {type_of(data)}, text: {type_of(text)}")

    def _check_code(self, rule: str, message: Any) -> None:
        code, reason = message.get("code"), message.get("reason")
        self.check(rule, (code is None or is_number(code)) and (reason is None or is_text(reason)), [code, reason])

    def on_returned(self) -> None:
        # One whose client has gone has nobody to answer. A socket that was accepted is closed by the server.
        if not self._gone:
            self.check("connect-answered", self._state in ("accepted", "over"), self._state)

    _HANDLERS: ClassVar[dict[str, Callable[["WebSocket", Any], None]]] = {
        "websocket.accept": _accept,
        "websocket.send": _send,
        "websocket.close": _close,
        "websocket.http.response.start": _denial_start,
        "websocket.http.response.body": _denial_body,
    }
