"""An application that knows nothing of asgi_middleware: notes, visits, a login, events and an echo.

    asgi-middleware run examples.notes:app --stack examples/stack.toml

It relies on Starlette's contracts alone: `request.session` and `request.user` are whatever the stack puts there.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from jose import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

HERE = Path(__file__).parent
TOKEN_KEY = HERE / "token.key"  # made on the first run by examples/stack.toml, which reads the same file
TOKEN_LIFE = 3600  # seconds
LONGEST_NOTE = 500  # characters
GOODS = ("milk", "bread", "butter", "apples", "olive oil", "a pound of coffee", "rice")

notes = [
    {
        "id": number,
        "title": f"Note {number}",
        "text": " ".join(f"Item {number * item}: {GOODS[number * item % 7]}." for item in range(1, 9)),
    }
    for number in range(1, 101)
]


async def page(request: Request) -> Response:
    return FileResponse(HERE / "notes.html")


async def list_notes(request: Request) -> Response:
    return JSONResponse(notes)


async def _field(request: Request, name: str, longest: int) -> str | None:
    """One text field of a JSON body; None if it is not there, or not text of that length."""
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    value = content.get(name) if isinstance(content, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


async def add_note(request: Request) -> Response:
    text = await _field(request, "text", LONGEST_NOTE)
    if text is None:
        return JSONResponse({"error": f"send {{'text': ...}} of 1 to {LONGEST_NOTE} characters"}, 400)
    # A demo: the last hundred are kept, so that nobody fills the memory.
    note = {"id": int(str(notes[-1]["id"])) + 1, "title": text[:20], "text": text}
    notes[:] = [*notes[-99:], note]
    return JSONResponse(note, 201)


async def visits(request: Request) -> Response:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JSONResponse({"visits": request.session["visits"]})


async def token(request: Request) -> Response:
    user = await _field(request, "user", 100)
    if user is None:
        return JSONResponse({"error": "send {'user': ...} of 1 to 100 characters"}, 400)
    now = int(time.time())
    claims = {"iss": "notes", "aud": "notes", "sub": user, "iat": now, "exp": now + TOKEN_LIFE}
    access_token = jwt.encode(claims, TOKEN_KEY.read_text(), "HS256")
    return JSONResponse({"access_token": access_token, "token_type": "bearer", "expires_in": TOKEN_LIFE})


async def me(request: Request) -> Response:
    return JSONResponse({"user": request.user.display_name})


async def crash(request: Request) -> Response:
    raise RuntimeError("this route always crashes")


async def _ticks() -> AsyncIterator[str]:
    for number in range(1, 6):
        yield f"data: tick {number}\n\n"
        await asyncio.sleep(0.3)


async def events(request: Request) -> Response:
    return StreamingResponse(_ticks(), media_type="text/event-stream")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


app = Starlette(
    routes=[
        Route("/", page),
        Route("/api/notes", list_notes),
        Route("/api/notes", add_note, methods=["POST"]),
        Route("/api/visits", visits),
        Route("/api/token", token, methods=["POST"]),
        Route("/api/me", me),
        Route("/api/crash", crash),
        Route("/api/events", events),
        WebSocketRoute("/ws", echo),
    ]
)
