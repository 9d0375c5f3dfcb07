"""The tables of sessions: in a cookie, in a store of this process, in a Redis; and what a Redis is asked.

Everybody is timed with the same four requests, and a session that they gave themselves. The tables of stores run on
asyncio's event loop, as stores wait; their bare application and their empty wrappers run on it too.

Long, because three kinds of stores are asked the same.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from asgi_middleware import SessionMiddleware
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.redis import RedisStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from ..asgi import App, Message
from ..redis_servers import MISSING, READY, RedisServer, binary, redis_server
from . import calls, peers, report
from .calls import SECRET, MakeScope, answer, calling, empty, floor, in_process, request
from .measuring import EMPTY_WRAPPERS, Row, Sample, Scene, Unavailable, Variant, looped, looped_on

Wrap = Callable[[App], App]

DAY = 24 * 3600  # seconds
COOKIELESS = 1000  # requests
_SESSION = {"user": "ada", "visits": 1}


def _as_it_is(app: App) -> App:
    return app


@dataclass(frozen=True, slots=True)
class Way:
    """One way of keeping sessions.

    `wrap` puts the middleware around an application, `load` what the application has to do before it uses its session.
    `scope`: what the framework puts there. `acts`: how a session is given a new ID, and how it is logged out of.
    """

    wrap: Wrap
    load: Wrap = _as_it_is
    scope: Mapping[str, Any] = field(default_factory=dict)
    acts: Mapping[str, App] = field(default_factory=dict)

    def around(self, app: App) -> App:
        return self.wrap(app if app is answer else self.load(app))

    async def requests(self, *, cookie: bool) -> MakeScope:
        """The requests of somebody who was given a session, or of somebody new."""
        if not cookie:
            return request(**self.scope)
        starts: list[Message] = []

        async def send(message: Message) -> None:
            starts.append(message)

        await self.around(_writes)(request(**self.scope)(), calls.receive, send)
        given = next(value for name, value in starts[0]["headers"] if name.lower() == b"set-cookie")
        ours = given.decode().partition(";")[0]
        return request(("cookie", f"{dict(calls.BROWSER)['cookie']}; {ours}"), **self.scope)


async def _writes(scope: Any, receive: Any, send: Any) -> None:
    scope["session"].update(_SESSION)
    await answer(scope, receive, send)


async def _reads(scope: Any, receive: Any, send: Any) -> None:
    if scope["session"]["user"] != "ada":
        raise RuntimeError("the session was lost")
    await answer(scope, receive, send)


async def _changes(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["visits"] += 1
    await answer(scope, receive, send)


async def _touches(scope: Any, receive: Any, send: Any) -> None:
    if scope["session"].get("user") is not None:
        raise RuntimeError("a forged session was taken")
    await answer(scope, receive, send)


def _acting(act: Callable[[Any], object]) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        act(scope)
        await answer(scope, receive, send)

    return app


# A sentence, what is done with the session, and whether the request brings one.
CASES: dict[str, tuple[str, App, bool]] = {
    "none": ("no cookie, untouched", answer, False),
    "untouched": ("a cookie, untouched", answer, True),
    "read": ("a cookie, read", _reads, True),
    "changed": ("a cookie, changed", _changes, True),
}
USED = ("read", "changed")


def _ours(**options: Any) -> Way:
    return Way(
        lambda app: SessionMiddleware(app, SECRET, **options),
        acts={
            "regenerated": _acting(lambda scope: scope["session"].regenerate()),
            "logged out": _acting(lambda scope: scope["session"].destroy()),
        },
    )


def _starlette() -> Way:
    return Way(lambda app: peers.starlette_sessions(app, SECRET))


def _starsessions(store: Any, **options: Any) -> Way:
    connection = peers.peer("starlette.requests:HTTPConnection")
    load = peers.peer("starsessions:load_session")
    regenerate = peers.peer("starsessions:regenerate_session_id")

    def loading(app: App) -> App:
        """Its sessions are loaded by hand."""

        async def load_first(scope: Any, receive: Any, send: Any) -> None:
            await load(connection(scope))
            await app(scope, receive, send)

        return load_first

    return Way(
        peers.starsessions(store, **options),
        loading,
        acts={
            "regenerated": _acting(lambda scope: regenerate(connection(scope))),
            "logged out": _acting(lambda scope: scope["session"].clear()),
        },
    )


def _litestar(store: Any = None, **options: Any) -> Way:
    """In an encrypted cookie if there is no store. It has no way to give a session a new ID."""
    if store is None:
        config = peers.peer("litestar.middleware.session.client_side:CookieBackendConfig")(secret=SECRET.encode()[:32])
    else:
        config = peers.peer("litestar.middleware.session.server_side:ServerSideSessionConfig")(**options)
    wrap, scope = peers.litestar_sessions(config, store)
    connection = peers.peer("litestar.connection:ASGIConnection")
    return Way(wrap, scope=scope, acts={"logged out": _acting(lambda scope: connection(scope).clear_session())})


Ways = Mapping[str, Callable[[], Way]]
Timed = Callable[[Callable[[], Way], App, bool], Variant]


def _by_hand(make: Callable[[], Way], app: App, cookie: bool) -> Variant:
    def sample() -> Sample:
        way = make()
        scope = asyncio.run(way.requests(cookie=cookie))
        return calling(lambda: way.around(app), scope).make()

    return Variant(sample)


def _on_a_loop(make: Callable[[], Way], app: App, cookie: bool, *, waits: bool = False) -> Variant:
    def sample() -> Sample:
        way = make()
        runner = asyncio.Runner()  # for as long as the process of this variant lives
        scope, wrapped = runner.run(way.requests(cookie=cookie)), way.around(app)
        return looped_on(runner, lambda: wrapped(scope(), calls.receive, calls.send), waits=waits)

    return Variant(sample)


_waiting = partial(_on_a_loop, waits=True)


def _variants(ways: Ways, timed: Timed, cases: tuple[str, ...] = tuple(CASES)) -> dict[str, Variant]:
    return {f"{who}: {case}": timed(make, *CASES[case][1:]) for who, make in ways.items() for case in cases}


def _rows(prefix: str, ours: str, others: tuple[str, ...], cases: tuple[str, ...] = tuple(CASES)) -> list[Row]:
    return [
        Row(f"{prefix}: {CASES[case][0]}", f"{ours}: {case}", f"{who}: {case}", None, who == "Starlette")
        for who in others
        for case in cases
    ]


def _floor_on_a_loop() -> dict[str, Variant]:
    bare = _on_a_loop(lambda: Way(_as_it_is), answer, False)
    return {
        "bare": Variant(bare.make, base=None),
        "empty": _on_a_loop(lambda: Way(lambda app: empty(app, EMPTY_WRAPPERS)), answer, False),
    }


def in_cookies() -> Scene:
    from itsdangerous import TimestampSigner

    def unsigning() -> Sample:
        signer = TimestampSigner(SECRET)
        value = signer.sign(base64.b64encode(json.dumps(_SESSION).encode()))
        return looped(lambda: signer.unsign(value, max_age=3600))

    signed: Ways = {
        "ours": _ours,
        "Starlette": _starlette,
        "starsessions": lambda: _starsessions(peers.peer("starsessions:InMemoryStore")()),
    }
    encrypted: Ways = {"ours, encrypted": lambda: _ours(encrypt=True), "Litestar": _litestar}
    foreign = request(("cookie", calls.foreign_cookies()))
    forged = request(("cookie", "; ".join(["session=eyJ1c2VyIjoiZXZlIn0.aaaaaa.bbbbbbbbbbbbbbbbbbbb"] * 1000)))
    limits = {"none": 0.3, "untouched": 0.4, "read": 1.6, "changed": 2.7}
    one = "one unsign"
    return in_process(
        "sessions",
        {
            **floor(),
            one: Variant(unsigning, base=None),
            **_variants(signed, _by_hand),
            **_variants(encrypted, _by_hand, USED),
            "ours: foreign": calling(lambda: _ours().around(answer), foreign),
            "Starlette: foreign": calling(lambda: _starlette().around(answer), foreign),
            "ours: forged": calling(lambda: _ours().around(_touches), forged),
            "Starlette: forged": calling(lambda: _starlette().around(_touches), forged),
        },
        [
            *(
                Row(f"sessions: {CASES[case][0]}, to itsdangerous", f"ours: {case}", one, most)
                for case, most in limits.items()
            ),
            *(
                Row(f"sessions: encrypted, {CASES[case][0]}, to itsdangerous", f"ours, encrypted: {case}", one)
                for case in USED
            ),
            *_rows("sessions", "ours", ("Starlette", "starsessions")),
            *_rows("sessions, encrypted", "ours, encrypted", ("Litestar",), USED),
            Row("sessions: 60 KB of foreign cookies, untouched", "ours: foreign", "Starlette: foreign"),
            Row("sessions: 60 KB of forged cookies, read", "ours: forged", "Starlette: forged"),
        ],
    )


@contextlib.contextmanager
def in_stores() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="sessions-") as folder:
        yield stores(Path(folder))


def stores(folder: Path) -> Scene:
    """In this process; `folder` is for SQLite."""
    ways: Ways = {
        "ours": lambda: _ours(store=MemoryStore()),
        "starsessions": lambda: _starsessions(peers.peer("starsessions:InMemoryStore")()),
        "Litestar": lambda: _litestar(peers.peer("litestar.stores.memory:MemoryStore")()),
    }
    sqlite: Ways = {"ours, SQLite": lambda: _ours(store=SQLiteStore(folder / "sessions.db"))}
    return in_process(
        "sessions in a store",
        {**_floor_on_a_loop(), **_variants(ways, _on_a_loop), **_variants(sqlite, _waiting, USED)},
        [
            *_rows("MemoryStore", "ours", ("starsessions", "Litestar")),
            *_rows("SQLiteStore, to MemoryStore", "ours, SQLite", ("ours",), USED),
        ],
    )


@contextlib.contextmanager
def in_redis() -> Iterator[Scene]:
    if binary() is None:
        yield redis(None)
        return
    with redis_server() as server:
        yield redis(server.port)


def redis(port: int | None) -> Scene:
    """The server is a process of its own, and what it takes is in these figures. None: there is none to be had."""
    ways = _redis_ways(port)
    return in_process(
        "sessions in a Redis",
        {**_floor_on_a_loop(), **_variants(ways, _waiting, USED)},
        _rows("RedisStore", "ours", ("starsessions", "Litestar"), USED),
    )


def _redis_ways(port: int | None, *, rolling: bool = False) -> Ways:
    """A rolling session is always due for a new term: by our clock two days pass between any two looks at it."""

    def client() -> Any:
        if port is None:
            raise Unavailable(MISSING)
        return peers.peer("redis.asyncio:Redis")(host="127.0.0.1", port=port)

    clock = itertools.count(int(time.time()), 2 * DAY).__next__ if rolling else time.time
    return {
        "ours": lambda: _ours(store=RedisStore(client()), rolling=rolling, clock=clock),
        "starsessions": lambda: _starsessions(
            peers.peer("starsessions.stores.redis:RedisStore")(connection=client()), lifetime=14 * DAY, rolling=rolling
        ),
        "Litestar": lambda: _litestar(
            peers.peer("litestar.stores.redis:RedisStore")(client()), renew_on_access=rolling
        ),
    }


# A sentence, what is done, whether sessions are rolling, and what ours may ask the server for it.
COMMANDS = [
    (CASES["none"][0], "none", False, "nothing"),
    (CASES["untouched"][0], "untouched", False, "GET"),
    (CASES["read"][0], "read", False, "GET"),
    ("a cookie, read, rolling", "read", True, "GETEX"),
    (CASES["changed"][0], "changed", False, "GET, EVALSHA"),
    ("given a new ID", "regenerated", False, "GET, DEL, SET"),
    ("logged out", "logged out", False, "GET, DEL"),
]


class Monitor:
    """What a server is asked by its clients, as it says itself; what its scripts call is left out."""

    _LINE = re.compile(rb'\+\S+ \[\d+ (\S+)\] "(\w+)"')

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=READY)
        self._lines = connection.makefile("rb")
        connection.sendall(b"MONITOR\r\n")
        self._lines.readline()
        connection.close()  # with the file

    def close(self) -> None:
        self._lines.close()

    def commands(self) -> list[str]:
        """The names of those since the last time, in order."""
        self._server.command("ECHO", "so far")
        found: list[str] = []
        for line in self._lines:
            said = self._LINE.match(line)
            assert said is not None, line
            asker, name = said[1], said[2].decode().upper()
            if name == "ECHO":
                break
            if asker != b"lua":
                found.append(name)
        return found


def commands(share: float = 1.0) -> str:
    """What each request asks of a Redis. Not of a `share` of the requests: these are few."""
    title = "### what a Redis is asked"
    if binary() is None:
        return f"{title}\n\nLeft out: everybody ({MISSING})"
    asked: dict[str, dict[str, str]] = {}
    left_out: list[str] = []
    with redis_server() as server, contextlib.closing(Monitor(server)) as monitor:
        plain, rolling = (_redis_ways(server.port, rolling=rolling) for rolling in (False, True))
        for who in plain:
            try:
                asked[who] = asyncio.run(_asked(plain[who], rolling[who], monitor))
            except ImportError as error:
                left_out.append(f"\nLeft out: {who} ({error})")
    limits = {what: limit for what, _, _, limit in COMMANDS} | {_MANY: "nothing"}
    rows = [
        [what, *(found[what] for found in asked.values()), limit, "met" if asked["ours"][what] == limit else "missed"]
        for what, limit in limits.items()
    ]
    return "\n".join([title, "", *report.markdown(["one request", *asked, "ours, at most", ""], rows), *left_out])


_MANY = f"{COOKIELESS:,} requests without a cookie"


async def _asked(make: Callable[[], Way], make_rolling: Callable[[], Way], monitor: Monitor) -> dict[str, str]:
    """What one of those who keep sessions asks for each row."""
    ways = {False: make(), True: make_rolling()}
    found: dict[str, str] = {}
    for what, act, rolling, _ in COMMANDS:
        way = ways[rolling]
        app = CASES[act][1] if act in CASES else way.acts.get(act)
        if app is None:
            found[what] = "cannot"
            continue
        for _ in range(2):  # by the second time connections are open, and scripts known
            scope = await way.requests(cookie=act != "none")
            monitor.commands()
            await way.around(app)(scope(), calls.receive, calls.send)
        found[what] = ", ".join(monitor.commands()) or "nothing"
    scope, wrapped = await ways[False].requests(cookie=False), ways[False].around(answer)
    for _ in range(COOKIELESS):
        await wrapped(scope(), calls.receive, calls.send)
    names = Counter(monitor.commands())
    found[_MANY] = ", ".join(f"{number:,} {name}" for name, number in names.items()) or "nothing"
    return found
