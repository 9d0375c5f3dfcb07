"""Rows of sessions: what is kept, for how long, for whom, and what a cookie can do."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from itsdangerous import TimestampSigner

from asgi_middleware import ConfigError, SessionMiddleware
from asgi_middleware.sessions.stores import Record
from asgi_middleware.sessions.stores.memory import MemoryStore

from ..apps import body, start
from ..asgi import App, Exchange, drive, http, websocket
from ..baking import signed
from ..bench import peers
from ..bench.peers import peer
from ..subjects import SECRET
from .rows import FINE, Row, Seen, Topic, all_of, answered

Use = Callable[[Any], object]
NEWER = "a newer secret of the tests, long enough too"


class OurCookies:
    """Sessions that are kept in the cookie."""

    def make(self, app: App, secret: Any = SECRET, name: str = "session", **options: Any) -> App:
        return SessionMiddleware(app, secret, name, **options)

    def spoiled(self, app: App, content: bytes) -> tuple[App, str]:
        """The application with sessions, and a cookie that brings this in the place of one."""
        made = SessionMiddleware(app, SECRET, clock=lambda: 1_700_000_000)
        return made, signed(content, SECRET)


class Spoiling(MemoryStore):
    """Has the same content for every session."""

    content = b""

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        return Record(self.content, 1)


class OurStore(OurCookies):
    """Sessions that are kept in one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def make(self, app: App, secret: Any = SECRET, name: str = "session", **options: Any) -> App:
        return SessionMiddleware(app, secret, name, store=self.store, **options)

    def spoiled(self, app: App, content: bytes) -> tuple[App, str]:
        store = Spoiling()
        store.content = content
        visitor = Visitor(self)
        visitor.visit(signing_in)
        return SessionMiddleware(app, SECRET, store=store), visitor.cookies["session"]


class Starlette:
    def make(self, app: App, secret: Any = SECRET, name: str = "session", **options: Any) -> App:
        made: App = peer("starlette.middleware.sessions:SessionMiddleware")(app, secret, name, **options)
        return made

    def spoiled(self, app: App, content: bytes) -> tuple[App, str]:
        return self.make(app), starlettes(content)


class Starsessions:
    """With its sessions loaded for every request, and kept in its memory."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}

    def make(self, app: App, secret: Any = None, name: str = "session") -> App:
        store = peer("starsessions:InMemoryStore")()
        store.data = self.records
        return peers.starsessions(store, cookie_name=name)(peer("starsessions:SessionAutoloadMiddleware")(app))

    def spoiled(self, app: App, content: bytes) -> tuple[App, str]:
        self.records["known"] = content
        return self.make(app), "known"


def starlettes(content: bytes) -> str:
    """A cookie as Starlette writes it, with its signer as it is anywhere else in an application."""
    return TimestampSigner(SECRET).sign(base64.b64encode(content)).decode()


class Visitor:
    """A browser of one site, whose application uses its session as it is told for each visit."""

    def __init__(self, subject: Any, **options: Any) -> None:
        self.cookies: dict[str, str] = {}
        self.use: Use = nothing
        self.app = subject.make(self.answer, **options)

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.use(scope["session"])
        await send(start(headers=[(b"content-type", b"text/plain")]))
        await send(body(b"ok"))

    def visit(self, use: Use) -> Exchange:
        self.use = use
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        exchange = answered(drive(self.app, http(headers=[("cookie", pairs)] if pairs else [])))
        for line in exchange.header("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "expires=thu, 01 jan 1970" in line.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return exchange

    def content(self) -> dict[str, Any]:
        """What the application finds in its session."""
        found: dict[str, Any] = {}
        self.visit(found.update)
        return found


def nothing(session: Any) -> None:
    pass


def signing_in(session: Any) -> None:
    session["user"] = "ada"


def signing_out(session: Any) -> None:
    session.clear()


def signed_in(subject: Any, **options: Any) -> Visitor:
    visitor = Visitor(subject, **options)
    visitor.visit(signing_in)
    if visitor.content().get("user") != "ada":
        raise Seen("nothing is kept")
    return visitor


class Collecting(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def logged() -> Iterator[list[logging.LogRecord]]:
    """All warnings and errors that anybody logs."""
    collecting = Collecting(logging.WARNING)
    logging.getLogger().addHandler(collecting)
    try:
        yield collecting.records
    finally:
        logging.getLogger().removeHandler(collecting)


def odd_content(subject: Any) -> str:
    raised = []
    for content in (b"no JSON", b"[1]", b'"text"', b"\xff\xfe"):
        visitor = Visitor(subject)
        app, cookie = subject.spoiled(visitor.answer, content)
        visitor.use = dict
        with logged():
            error = drive(app, http(headers=[("cookie", f"session={cookie}")])).error
        if error is not None and type(error).__name__ not in raised:
            raised.append(type(error).__name__)
    if raised:
        raise Seen(", ".join(raised))
    return FINE


def nested_changes(subject: Any) -> str:
    visitor = Visitor(subject)
    visitor.visit(lambda session: session.update(cart=["tea"]))
    visitor.visit(lambda session: session["cart"].append("cup"))
    if visitor.content().get("cart") != ["tea", "cup"]:
        raise Seen("lost")
    return FINE


def late_changes(subject: Any) -> str:
    visitor = signed_in(subject)

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=[]))
        scope["session"]["late"] = 1
        await send(body(b"ok"))

    inner = subject.make(late)
    with logged() as records:
        answered(drive(inner, http(headers=[("cookie", f"session={visitor.cookies['session']}")])))
    if "late" not in visitor.content() and not records:
        raise Seen("lost without a word")
    return FINE


def too_large(subject: Any) -> str:
    visitor = Visitor(subject)
    visitor.use = lambda session: session.update(text="x" * 6000)
    exchange = drive(visitor.app, http())
    if exchange.error is not None and not exchange.sent:
        return FINE
    (cookie,) = exchange.header("set-cookie")
    if len(cookie) > 4096:
        raise Seen(f"{len(cookie) // 1024} KB are sent, which browsers drop")
    return FINE


def vary(subject: Any) -> str:
    for use in (lambda session: session.get("user"), len, lambda session: "user" in session):
        if "cookie" not in ", ".join(signed_in(subject).visit(use).header("vary")).lower():
            raise Seen('not with `scope["session"]`')
    return FINE


def sockets(subject: Any) -> str:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        signing_in(scope["session"])
        await send({"type": "websocket.accept"})

    if not answered(drive(subject.make(app), websocket())).header("set-cookie"):
        raise Seen("lost without a word")
    return FINE


def secrets(subject: Any) -> str:
    """None is no secret, and a list is several, the newest first."""
    told: list[str] = []
    wrong: tuple[Any, ...] = (None, "", [])
    for secret in wrong:
        try:
            subject.make(nothing, secret)
        except (ConfigError, TypeError, ValueError):
            continue
        told.append(f"`{secret!r}`")
    told = [f"{', '.join(told)} sign"] if told else []
    visitor = signed_in(subject)
    visitor.app = subject.make(visitor.answer, [NEWER, SECRET])
    if visitor.content().get("user") != "ada":
        told.append("a list signs everybody out")
    return all_of(told)


def other_purposes(subject: Any) -> str:
    visitor = signed_in(subject)
    visitor.cookies["admin"] = visitor.cookies["session"]
    visitor.app = subject.make(visitor.answer, name="admin")
    if visitor.content() or reads_starlettes(subject):
        raise Seen("it is")
    return FINE


def starlettes_cookies(subject: Any) -> str:
    if reads_starlettes(subject):
        return FINE
    try:
        asked_for = reads_starlettes(subject, accept_starlette=True)
    except ConfigError:
        asked_for = False
    raise Seen("only with `accept_starlette=True`" if asked_for else "never")


def reads_starlettes(subject: Any, **options: Any) -> bool:
    visitor = Visitor(subject, **options)
    visitor.cookies["session"] = starlettes(json.dumps({"user": "ada"}).encode())
    return bool(visitor.content())


def chosen_id(subject: Any) -> str:
    visitor = Visitor(subject)
    visitor.cookies["session"] = "chosen"
    visitor.visit(signing_in)
    if visitor.cookies["session"] == "chosen":
        raise Seen("it becomes the user's")
    return FINE


def overlapping(subject: Any) -> str:
    visitor = signed_in(subject)

    def slowly(session: Any) -> None:
        session.get("user")
        visitor.visit(signing_out)

    visitor.visit(slowly)
    if visitor.content():
        raise Seen("it does")
    return FINE


def replayed(subject: Any) -> str:
    visitor = signed_in(subject)
    older = dict(visitor.cookies)
    visitor.visit(signing_out)
    visitor.cookies = older
    if visitor.content():
        raise Seen("it does, until it expires")
    return FINE


def only_read(subject: Any) -> str:
    if signed_in(subject).visit(lambda session: session.get("user")).header("set-cookie"):
        raise Seen("saved and sent each time")
    return FINE


def one_in_another(subject: Any) -> str:
    visitor = Visitor(subject, name="inner")
    visitor.app = subject.make(visitor.app, name="outer")
    visitor.visit(signing_in)
    if [*visitor.cookies] != ["inner"]:
        raise Seen("the outer one sends the content of the inner")
    return FINE


STARLETTE, STARSESSIONS = "Starlette", "starsessions"
SIGNED = (STARLETTE,)
REPLAYED = "in the cookie: it does, until it expires"
MIGRATED = "in the cookie: only with `accept_starlette=True`; in a store: never"
TOPIC = Topic(
    "Sessions",
    {"in the cookie": OurCookies(), "in a store": OurStore()},
    {STARLETTE: {STARLETTE: Starlette()}, STARSESSIONS: {STARSESSIONS: Starsessions()}},
    (
        Row("what is no session, though signed or stored, is none", "", odd_content),
        Row("a change inside of a list is saved", "", nested_changes),
        Row("a change after the start of the response is saved, or at least logged", "", late_changes),
        Row("what no cookie can hold is refused before the response starts", "RFC 6265, 6.1", too_large),
        Row("a response that hangs on the session varies by Cookie", "CVE-2023-30861", vary),
        Row("a change before a WebSocket is accepted is saved", "ASGI WebSocket, Accept", sockets),
        Row("without a secret nothing starts, and `secret_key` may be a list of keys", "", secrets, peers=SIGNED),
        Row(
            "what was signed for another cookie, or by other code, is no session",
            "CWE-345",
            other_purposes,
            peers=SIGNED,
        ),
        Row("an ID that a client makes up does not become a session's", "CWE-384", chosen_id),
        Row("a slow request does not undo a logout", "CVE-2025-46336", overlapping),
        Row("a cookie from before a logout does not sign in", "CWE-613", replayed, ours=REPLAYED),
        Row("a session that is only read is neither saved nor sent", "", only_read),
        Row("of two, one in the other, each keeps its own", "ASGI 3.0, Middleware", one_in_another),
        Row("cookies that Starlette has signed go on", "", starlettes_cookies, ours=MIGRATED, peers=SIGNED),
    ),
)
