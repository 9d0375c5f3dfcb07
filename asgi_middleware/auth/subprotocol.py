"""A bearer token among the subprotocols of a WebSocket: the one place where a browser's script can put one.

    new WebSocket(url, ["bearer", token, "chat"])

A marker is offered, and behind it the token. The application sees neither: to it the client has offered `chat` alone.
A browser gives up a connection whose server selects none of what it offered, so where the application selects none, the
marker is selected. The token is never sent back.
"""

from typing import Any

from .. import _headers
from .._responder import Responder
from .._scope import extend
from .._types import Message, Scope, Send
from .identity import AuthError

_PROTOCOLS = b"sec-websocket-protocol"


class Subprotocol:
    """Takes the token that is offered behind `marker`."""

    def __init__(self, marker: str) -> None:
        self._marker = marker

    def token(self, scope: Scope) -> bytes | None:
        """The token, None where there is none. AuthError 400 for several."""
        tokens, _ = self._take_apart(scope)
        if len(tokens) > 1:
            raise AuthError(400, "invalid_request", "The token's subprotocol was offered more than once")
        return tokens[0].encode("latin-1", "replace") if tokens else None

    def conceal(self, scope: Scope, send: Send) -> tuple[Any, Send]:
        """The scope and the `send` for the application: without token and marker, and with an answer to the marker."""
        tokens, others = self._take_apart(scope)
        if not tokens:
            return scope, send
        headers = _headers.drop(scope.get("headers") or (), (_PROTOCOLS,))
        if others:
            headers.append((_PROTOCOLS, ", ".join(others).encode("latin-1", "replace")))
        responder = _Responder(send)
        responder.marker = self._marker
        return extend(scope, {"subprotocols": others, "headers": headers}), responder.send

    def _take_apart(self, scope: Scope) -> tuple[list[str], list[str]]:
        """What stands behind each marker, and the subprotocols that are the application's."""
        tokens: list[str] = []
        others: list[str] = []
        offered = iter(scope.get("subprotocols") or ())
        for name in offered:
            if name == self._marker:
                tokens.append(next(offered, ""))
            else:
                others.append(name)
        return tokens, others


class _Responder(Responder):
    """Selects the marker where the application selects nothing."""

    __slots__ = ("marker",)

    marker: str

    def edit(self, start: Message) -> None:
        if start["type"] == "websocket.accept" and not start.get("subprotocol"):
            start["subprotocol"] = self.marker
