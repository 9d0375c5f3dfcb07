"""An issuer that publishes its keys: as a function in place of HTTP, and as a real server."""

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asgi_middleware.auth import JWT
from asgi_middleware.auth.jwks import JWKS

from .tokens import AUDIENCE, ISSUER, NOW, P256, jwk, signer, token

URL = "https://idp.example/keys"
PATIENCE = 60  # seconds until a test that waits for a thread fails


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self, now: float = 1000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Published:
    """A `fetch` that gives these keys, counts its calls, and can be made to wait or to fail."""

    def __init__(self, *keys: Any) -> None:
        self.keys: list[Any] = [*keys] or [jwk(P256, kid="a")]
        self.fails: Exception | None = None
        self.calls: list[str] = []
        self.entered = threading.Event()
        self.may_leave = threading.Event()
        self.may_leave.set()

    def __call__(self, url: str) -> bytes:
        self.calls.append(url)
        self.entered.set()
        if not self.may_leave.wait(PATIENCE):
            raise TimeoutError
        if self.fails is not None:
            raise self.fails
        return json.dumps({"keys": self.keys}).encode()


def source(published: Published, clock: Clock) -> JWKS:
    return JWKS(URL, fetch=published, clock=clock)


def reading(keys: Any, **options: Any) -> JWT:
    """A verifier of the good token, whose own clock stands still."""
    issuer = {} if hasattr(keys, "issuers") else {"issuer": ISSUER}
    return JWT(keys, **{**issuer, "audience": AUDIENCE, "clock": lambda: NOW, **options})


def signed(key: Any = P256, kid: str | None = "a", alg: str = "ES256", **claims: Any) -> bytes:
    header = {"alg": alg} if kid is None else {"alg": alg, "kid": kid}
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 600}
    return token({**good, **claims}, header, signer(key, alg))


def settle() -> bool:
    """Wait for what goes on in the background; True, so that it can stand in a row of what happened."""
    for thread in threading.enumerate():
        if thread.name == "asgi_middleware.auth.jwks":
            thread.join(PATIENCE)
    return True


def run_on(loop: str, main: Callable[[], Awaitable[Any]]) -> Any:
    """The result of `main()` on an event loop: "asyncio", "uvloop" or "trio"."""
    if loop == "trio":
        import trio

        return trio.run(main)

    async def awaited() -> Any:
        return await main()

    if loop == "uvloop":
        import uvloop

        return uvloop.run(awaited())
    return asyncio.run(awaited())


Answer = Callable[[BaseHTTPRequestHandler], None]


def document(content: Any, status: int = 200, **headers: str) -> Answer:
    """An answer: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Server:
    """A real one. `answers` by path; `asked` holds path and headers of each request so far; `heard`: any at all."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.heard = threading.Event()
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serving_keys(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the standard library's
            server.asked.append((self.path, dict(self.headers)))
            server.heard.set()
            try:
                server.answers.get(self.path, document(b"", 404))(self)
            except OSError:  # who asked has gone
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the standard library's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        if tls is not None:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        server = Server(http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join(PATIENCE)
