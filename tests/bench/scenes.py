"""The tables in process: each middleware and the stack beside the peers, on ordinary and on hostile input.

The limits in the last column are the budgets that each middleware was given when it was designed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from asgi_middleware import (
    CORSMiddleware,
    ErrorsMiddleware,
    RequestIDMiddleware,
    Stack,
    TimingMiddleware,
)
from asgi_middleware.timing import add

from ..asgi import App
from . import calls, peers
from .calls import KIB, ORIGIN, SECRET, answer, calling, floor, in_process, request
from .measuring import Row, Scene


def stack() -> Scene:
    def twelve(six: Callable[[App], App]) -> App:
        return six(six(answer))

    peers_six = partial(peers.six, origins=[ORIGIN], secret=SECRET)
    ours, theirs = partial(calls.ours, answer), partial(peers_six, answer)
    many = request(*((f"x-{number}", "value") for number in range(10_000)))
    cookies = request(("cookie", calls.foreign_cookies()))
    seen = ("access-control-allow-origin", ORIGIN)
    return in_process(
        "The stack",
        {
            **floor(),
            "ours: ordinary": calling(ours, header=seen),
            "the peers' six: ordinary": calling(theirs, header=seen),
            "ours: none": calling(lambda: Stack([])(answer)),
            "ours: one": calling(lambda: Stack(["request_id"])(answer)),
            "asgi-correlation-id: one": calling(lambda: peers.correlation_id(answer)),
            "ours: twelve": calling(lambda: twelve(calls.ours), header=seen),
            "the peers' six: twelve": calling(lambda: twelve(peers_six), header=seen),
            "bare: many": calling(lambda: answer, many, base=None),
            "ours: many": calling(ours, many, header=seen, base="bare: many"),
            "the peers' six: many": calling(theirs, many, header=seen, base="bare: many"),
            "ours: cookies": calling(ours, cookies, header=seen),
            "the peers' six: cookies": calling(theirs, cookies, header=seen),
        },
        [
            Row("six middlewares, and in ours errors", "ours: ordinary", "the peers' six: ordinary", 0.4, True),
            Row("none, in a stack", "ours: none", "the peers' six: ordinary"),
            Row("one, in a stack: request_id", "ours: one", "asgi-correlation-id: one"),
            Row("twelve: the six twice", "ours: twelve", "the peers' six: twelve"),
            Row("10,000 header lines", "ours: many", "the peers' six: many"),
            Row("60 KB of foreign cookies", "ours: cookies", "the peers' six: cookies"),
        ],
    )


def observability() -> Scene:
    known = request(("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"))
    hostile = request(("x-request-id", "a" * 20 * KIB))
    ours = partial(RequestIDMiddleware, answer)
    theirs = partial(peers.correlation_id, answer)
    echoed = ("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e")
    aci = "asgi-correlation-id"
    return in_process(
        "request_id and timing",
        {
            **floor(),
            "ours: id": calling(ours),
            f"{aci}: id": calling(theirs),
            "ours: known": calling(ours, known, header=echoed),
            f"{aci}: known": calling(theirs, known, header=echoed),
            "ours: hostile": calling(ours, hostile),
            f"{aci}: hostile": calling(theirs, hostile),
            "ours: timing": calling(lambda: TimingMiddleware(answer)),
            "timing-asgi: timing": calling(lambda: peers.timing(answer)),
            "ours: both": calling(lambda: RequestIDMiddleware(TimingMiddleware(answer))),
            "ours: spans": calling(lambda: TimingMiddleware(_spanned, server_timing="all"), base="bare: spans"),
            "bare: spans": calling(lambda: _spanned, base=None),
        },
        [
            Row("request_id: a new ID", "ours: id", f"{aci}: id", 0.4, True),
            Row("request_id: the client's ID", "ours: known", f"{aci}: known"),
            Row("request_id: a client's ID of 20 KB", "ours: hostile", f"{aci}: hostile"),
            Row("timing: the time to the response", "ours: timing", "timing-asgi: timing", 0.4, True),
            Row("timing: 1,000 spans, of which 31 are told", "ours: spans", "ours: timing"),
            Row("request_id and timing together", "ours: both", f"{aci}: id", 0.65),
        ],
    )


_SPANS = [f"step{number}" for number in range(1000)]


async def _spanned(scope: Any, receive: Any, send: Any) -> None:
    for name in _SPANS:
        add(name, 1.5)
    await answer(scope, receive, send)


def cors() -> Scene:
    options: dict[str, Any] = {
        "allow_origins": [ORIGIN],
        "allow_methods": ["GET", "PUT"],
        "allow_headers": ["Authorization"],
    }
    ours = partial(CORSMiddleware, answer, **options)
    theirs = partial(peers.starlette_cors, answer, **options)
    asked = (("access-control-request-method", "PUT"), ("access-control-request-headers", "authorization,content-type"))
    preflight = request(*asked, method="OPTIONS")
    repeated = ",".join(["content-type"] * (64 * KIB // len("content-type,")))
    hostile = request(asked[0], ("access-control-request-headers", repeated), method="OPTIONS")
    stranger = request(("origin", "https://elsewhere.example.net"))
    long = request(("origin", "https://" + "a" * 20 * KIB))
    same_origin = request(without="origin")
    allowed = ("access-control-allow-origin", ORIGIN)
    varied = ("vary", "Origin")
    return in_process(
        "cors",
        {
            **floor(),
            "ours: allowed": calling(ours, header=allowed),
            "Starlette: allowed": calling(theirs, header=allowed),
            "ours: without": calling(ours, same_origin, header=varied),
            "Starlette: without": calling(theirs, same_origin, header=varied),
            "ours: preflight": calling(ours, preflight, header=allowed),
            "Starlette: preflight": calling(theirs, preflight, header=allowed),
            "ours: stranger": calling(ours, stranger),
            "Starlette: stranger": calling(theirs, stranger),
            "ours: long": calling(ours, long),
            "Starlette: long": calling(theirs, long),
            "ours: hostile": calling(ours, hostile, status=400),
            "Starlette: hostile": calling(theirs, hostile),
        },
        [
            Row("cors: a GET from an allowed origin", "ours: allowed", "Starlette: allowed", 0.45, True),
            Row("cors: a GET without Origin", "ours: without", "Starlette: without", 0.4, True),
            Row("cors: a preflight", "ours: preflight", "Starlette: preflight", 0.5, True),
            Row("cors: a GET from a foreign origin", "ours: stranger", "Starlette: stranger"),
            Row("cors: an origin of 20 KB", "ours: long", "Starlette: long"),
            Row("cors: 64 KiB of request headers, to a preflight", "ours: hostile", "ours: preflight", 10),
            Row("Starlette's: 64 KiB of request headers, to a preflight", "Starlette: hostile", "Starlette: preflight"),
        ],
    )


def errors() -> Scene:
    return in_process(
        "errors",
        {
            **floor(),
            "ours: well": calling(lambda: ErrorsMiddleware(answer)),
            "Starlette: well": calling(lambda: peers.starlette_errors(answer)),
            "ours: crash": calling(lambda: ErrorsMiddleware(calls.crash), status=500),
            "Starlette: crash": calling(lambda: peers.starlette_errors(calls.crash), status=500),
        },
        [
            Row("errors: no crash", "ours: well", "Starlette: well", None, True),
            Row("errors: a crash", "ours: crash", "Starlette: crash"),
        ],
    )
