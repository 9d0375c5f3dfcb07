"""What is timed by a clock that its client moves: `/TOKEN/WORD`. What tells of it stands outside: `/control/...`.

/control/move/SECONDS     the clock goes on
/control/release/TOKEN    what holds that request lets go of it
/control/told/TOKEN       {"holds": whether it is held, "records": the records of it}
/control/gauges           what is under way, by the metric and its labels
"""

import json
import logging
import sys
from dataclasses import fields
from typing import Any

import anyio
from prometheus_client import CollectorRegistry

from asgi_middleware import RequestIDMiddleware, TimingMiddleware
from asgi_middleware.timing import LogSink, PrometheusSink, Record
from tests.timed import Clock

_clock = Clock(0.0)
_registry = CollectorRegistry()
_held: dict[str, anyio.Event] = {}
_told: dict[str, list[dict[str, Any]]] = {}


class _Keeps:
    """Keeps what a record says, by the token of the request."""

    def ended(self, record: Record) -> None:
        seen = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "scope"}
        _told.setdefault(_token(record.scope), []).append({**seen, "request_id": record.request_id})


def _token(scope: Any) -> str:
    token: str = scope["path"].split("/")[1]
    return token


async def _hold(scope: Any) -> None:
    await _held.setdefault(_token(scope), anyio.Event()).wait()


async def _site(scope: Any, receive: Any, send: Any) -> None:
    word = scope["path"].rpartition("/")[2]
    if scope["type"] == "websocket":
        await _socket(receive, send)
    elif word == "crash":
        raise LookupError(_token(scope))
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await _body(word, scope, receive, send)


async def _body(word: str, scope: Any, receive: Any, send: Any) -> None:
    part = {"type": "http.response.body", "body": b"part", "more_body": True}
    if word == "stream":
        await send(part)
        await _hold(scope)
    elif word == "leaves":
        await send(part)
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    elif word == "crash-amid":
        await send(part)
        raise LookupError(_token(scope))
    await send({"type": "http.response.body", "body": b"last"})
    if word == "background":
        await _hold(scope)


async def _socket(receive: Any, send: Any) -> None:
    """Says again what is said; `close` is answered by a close."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message["text"] == "close":
            await send({"type": "websocket.close", "code": 4001})
            return
        await send({"type": "websocket.send", "text": message["text"]})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


_timed = RequestIDMiddleware(
    TimingMiddleware(
        _site,
        sinks=[_Keeps(), PrometheusSink(registry=_registry), LogSink(slow=None, access="json")],
        clock=_clock,
    ),
    trace="continue",
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif not scope["path"].startswith("/control/"):
        await _timed(scope, receive, send)
    else:
        body = json.dumps(_control(*scope["path"].split("/")[2:])).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _control(word: str, value: str = "") -> Any:
    match word:
        case "move":
            _clock.now += float(value)
        case "release":
            _held.setdefault(value, anyio.Event()).set()
        case "told":
            return {"holds": value in _held, "records": _told.get(value, [])}
        case "gauges":
            samples = [sample for family in _registry.collect() for sample in family.samples]
            return [[one.name, list(one.labels.values()), one.value] for one in samples if "_active_" in one.name]
    return None


_lines = logging.getLogger("asgi_middleware.access")
_lines.addHandler(logging.StreamHandler(sys.stderr))
_lines.setLevel(logging.INFO)
_lines.propagate = False
