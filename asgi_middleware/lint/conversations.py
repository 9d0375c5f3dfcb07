"""A conversation: one object for each call, with the state of both sides. Here is what all protocols share."""

from collections.abc import Iterable
from typing import Any, ClassVar

from .._headers import TOKEN
from .._options import shown
from .rules import ASGIViolation
from .values import Report, as_list, is_plain, is_text, pairs_of, type_of

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
# Checked by rules of their own: header pairs, bodies, descriptors, and what debug information may be.
_OWN_RULES = ("headers", "body", "file", "info", "links")
# How many messages may follow once an application knows that its client has gone. The specification says only that
# `send` may fail from then on: what was under way may be finished, and an answer to a broken request be sent.
STILL_UNDER_WAY = 100


class Conversation:
    """What HTTP, WebSocket and lifespan have in common."""

    namespace: ClassVar[str]
    _faultless: bool  # the call of `send` that is under way

    def __init__(self, report_to: Report, scope: Any) -> None:
        self._report_to = report_to
        self._scope = scope
        extensions = scope.get("extensions")
        self._extensions = extensions if isinstance(extensions, dict) else {}
        self._kept: list[tuple[Any, dict[str, Any], list[Any] | None]] = []
        self._gone = False  # the client, as far as the application has been told
        self._since_gone = 0

    def report(self, rule: str, seen: Any) -> None:
        self._faultless = False
        self._report_to(ASGIViolation(rule, shown(seen)))

    def check(self, rule: str, fine: bool, seen: Any) -> None:
        if not fine:
            self.report(rule, seen)

    def called(self, name: str, fine: bool) -> None:
        """How `receive` or `send` was called."""
        self._faultless = True
        self.check("call-arguments", fine, name)

    def received(self, message: Any) -> None:
        if not isinstance(message, dict) or not is_text(message.get("type")) or not all(map(is_text, message)):
            self.report("receive-message", type_of(message))
            return
        kind: str = message["type"]
        wrong = [key for key, value in message.items() if not is_plain(value)]
        self.check("receive-values", not wrong, [kind, *wrong])
        self.on_received(kind, message)

    def sent(self, message: Any) -> None:
        self._check_kept()
        if not isinstance(message, dict) or not is_text(message.get("type")) or not all(map(is_text, message)):
            self.report("send-message", type_of(message))
            return
        kind: str = message["type"]
        self.check("send-namespace", kind.startswith(f"{self.namespace}."), kind)
        needed = _EXTENSIONS.get(kind)
        self.check("send-extension", needed is None or needed in self._extensions, kind)
        wrong = [key for key, value in message.items() if key not in _OWN_RULES and not is_plain(value)]
        self.check("send-values", not wrong, [kind, *wrong])
        self._kept = [*self._kept[-3:], (message, dict(message), as_list(message.get("headers")))]
        if self._gone:
            self._since_gone += 1
            self.check("gone-stops", self._since_gone != STILL_UNDER_WAY, f"{self._since_gone} messages since")
        self.on_sent(kind, message)

    def send_failed(self, error: Exception) -> None:
        """What the server raises on a message without fault, when it has said that nobody is there to get it."""
        if self._gone and self._faultless and not isinstance(error, (OSError, ASGIViolation)):
            self.report("gone-send", type_of(error))

    def returned(self) -> None:
        self._check_kept()
        self.on_returned()

    def ended(self) -> None:
        """The call is over, however it ended."""

    def _check_kept(self) -> None:
        """The last messages are still what they were; whoever edits one later edits what the server may still read."""
        for message, copied, headers in self._kept:
            if message != copied or headers != as_list(message.get("headers")):
                self.report("send-kept", message.get("type"))
        self._kept = [(m, dict(m), as_list(m.get("headers"))) for m, _, _ in self._kept]

    def on_received(self, kind: str, message: Any) -> None: ...
    def on_sent(self, kind: str, message: Any) -> None: ...
    def on_returned(self) -> None: ...


def check_headers(line: Conversation, rule: str, message: Any) -> list[tuple[bytes, bytes]]:
    """The header pairs of a message that is sent, checked."""
    pairs = pairs_of(message.get("headers", []))
    line.check(rule, pairs is not None, type_of(message.get("headers")))
    for name, value in pairs or ():
        line.check("start-header-names", TOKEN.fullmatch(name) is not None, name)
        line.check("start-header-case", name == name.lower(), name)
        line.check("start-header-values", not any(byte in value for byte in (b"\r", b"\n", b"\0")), name)
    return pairs or []


def values_of(pairs: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in pairs if key.lower() == name]
