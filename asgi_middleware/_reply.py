"""Send one small complete response of our own, and refuse a WebSocket the way its server allows."""

from collections.abc import Iterable

from ._types import Header, Receive, Scope, Send


async def reply(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    status: int,
    body: bytes,
    content_type: bytes = b"text/plain; charset=utf-8",
    headers: Iterable[Header] = (),
) -> None:
    """Answer an HTTP request, or refuse a WebSocket, with `status` and `body`.

    A WebSocket is refused with the same response where the server offers the denial response extension, else by a
    close before accept, which servers answer with 403.
    """
    prefix = ""
    if scope["type"] == "websocket":
        if (await receive())["type"] != "websocket.connect":
            return  # the client has gone already
        if not can_deny(scope):
            # 1008, policy violation (RFC 6455, 7.4.1); no server shows the code of a close before accept
            await send({"type": "websocket.close", "code": 1008})
            return
        prefix = "websocket."
    length = b"%d" % len(body)
    start = {
        "type": prefix + "http.response.start",
        "status": status,
        "headers": [(b"content-type", content_type), (b"content-length", length), *headers],
    }
    await send(start)
    if scope.get("method") == "HEAD":
        body = b""
    await send({"type": prefix + "http.response.body", "body": body})


def can_deny(scope: Scope) -> bool:
    """Whether the server offers the WebSocket denial response extension."""
    return "websocket.http.response" in (scope.get("extensions") or ())
