"""The example behind the command line on a real uvicorn: every route, every effect, over real connections."""

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .serving import Server, serving

COMMAND = ["asgi_middleware", "run", "examples.notes:app", "--stack", "examples/stack.toml", "--port", "0"]
ALLOWED = "http://localhost:8000"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(COMMAND) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=60) as made:
        yield made


def test_every_response_has_an_id_and_a_time(client: httpx2.Client) -> None:
    # The crash comes last: uvicorn closes the connection behind it.
    for path in ("/", "/api/notes", "/api/me", "/nowhere", "/api/crash"):
        response = client.get(path)
        assert len(response.headers["x-request-id"]) == 32
        assert response.headers["server-timing"].startswith("total;dur=")
        assert "Origin" in response.headers["vary"]


def test_a_client_brings_its_own_id(client: httpx2.Client) -> None:
    assert client.get("/", headers={"X-Request-ID": "my-own-id"}).headers["x-request-id"] == "my-own-id"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_the_list_of_notes_is_compressed(client: httpx2.Client, coding: str) -> None:
    identity = client.get("/api/notes", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/api/notes", headers={"Accept-Encoding": coding}) as response:
        wire = b"".join(response.iter_raw())
    decoded = client.get("/api/notes", headers={"Accept-Encoding": coding})
    assert response.headers["content-encoding"] == coding
    assert int(response.headers["content-length"]) == len(wire) < len(identity.content) / 3
    assert 15_000 < len(identity.content) < 30_000
    assert identity.json() == decoded.json()


def test_a_note_is_added(client: httpx2.Client) -> None:
    made = client.post("/api/notes", json={"text": "call home"})
    assert made.status_code == 201
    assert client.get("/api/notes").json()[-1] == made.json()
    assert client.post("/api/notes", content=b"\xff").status_code == 400


def test_visits_are_counted_for_each_session(client: httpx2.Client, server: Server) -> None:
    assert [client.get("/api/visits").json() for _ in range(3)] == [{"visits": 1}, {"visits": 2}, {"visits": 3}]
    assert httpx2.get(f"{server.url}/api/visits").json() == {"visits": 1}
    forged = httpx2.get(f"{server.url}/api/visits", headers={"Cookie": "session=eyJ2aXNpdHMiOjk5fQ.aaaaaa.bbbb"})
    assert forged.json() == {"visits": 1}


def test_me_needs_a_token(client: httpx2.Client) -> None:
    refused = client.get("/api/me")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    token = client.post("/api/token", json={"user": "Ada"}).json()["access_token"]
    assert client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).json() == {"user": "Ada"}
    forged = client.get("/api/me", headers={"Authorization": f"Bearer {token[:-2]}AA"})
    assert forged.status_code == 401
    assert 'error="invalid_token"' in forged.headers["www-authenticate"]


def test_a_bad_token_is_refused_on_public_paths_too(client: httpx2.Client) -> None:
    assert client.get("/api/notes", headers={"Authorization": "Bearer a.b.c"}).status_code == 401


def test_a_crash_is_readable_for_the_allowed_origin(client: httpx2.Client) -> None:
    response = client.get("/api/crash", headers={"Origin": ALLOWED})
    assert response.status_code == 500
    assert response.headers["access-control-allow-origin"] == ALLOWED
    assert "X-Request-ID" in response.headers["access-control-expose-headers"]
    assert "always crashes" not in response.text


def test_origins_are_told_apart(client: httpx2.Client) -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        assert "access-control-allow-origin" not in client.get("/api/notes", headers={"Origin": origin}).headers
    asked = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = client.options("/api/me", headers=asked)
    assert (preflight.status_code, preflight.text) == (200, "OK")
    assert len(preflight.headers["x-request-id"]) == 32


def test_events_arrive_one_by_one(server: Server) -> None:
    """In every coding, side by side. A machine too busy to read one before the next comes judges nothing: once more."""
    codings = ["identity", "gzip", "br", "zstd"]
    events = [f"data: tick {number}\n\n" for number in range(1, 6)]

    async def one_by_one(client: httpx2.AsyncClient, coding: str) -> bool:
        for _ in range(5):
            async with client.stream("GET", "/api/events", headers={"Accept-Encoding": coding}) as response:
                chunks = [chunk async for chunk in response.aiter_text() if chunk]
            assert "".join(chunks) == "".join(events)
            if chunks == events:
                return True
        return False

    async def main() -> list[bool]:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            return await asyncio.gather(*(one_by_one(client, coding) for coding in codings))

    assert dict(zip(codings, asyncio.run(main()), strict=True)) == dict.fromkeys(codings, True)


def test_the_socket_echoes_and_refuses_foreign_pages(server: Server) -> None:
    address = server.url.replace("http", "ws") + "/ws"
    with connect(address, origin=None) as socket:
        socket.send("hello")
        assert socket.recv(60) == "hello"
        assert socket.response is not None
        assert len(socket.response.headers["x-request-id"]) == 32
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, additional_headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_the_page_is_served(client: httpx2.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>Notes</h1>" in page.text
    assert json.dumps(page.headers.get("content-encoding")) in ('"gzip"', '"br"', '"zstd"')
