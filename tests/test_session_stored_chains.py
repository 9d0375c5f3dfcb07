"""Sessions in a store, and what stands around them: a start that waits for the store, and other sessions."""

from typing import Any

from starlette.authentication import AuthCredentials, SimpleUser

from asgi_middleware.auth import AuthMiddleware
from asgi_middleware.compression import CompressionMiddleware
from asgi_middleware.cors import CORSMiddleware
from asgi_middleware.request_id import RequestIDMiddleware
from asgi_middleware.sessions import SessionMiddleware

from .apps import TEXT, body, start
from .asgi import App, drive, http, step
from .storing import NEW, NOW, OLD, TERM, Site, cookie, key, record, saved, sends, using

O = key(OLD)  # noqa: E741  # the old one
UPDATE = ("update", O, record({"a": 1, "b": 2}), TERM, 1)


def site_of_one() -> Site:
    site = Site()
    step(site.put({"a": 1}))
    return site


def test_a_start_that_waits_for_the_store_passes_everybody_outside() -> None:
    """Compression, which holds it once more, CORS and the request ID; a wrapper of somebody else's between."""

    def theirs(app: App) -> App:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                await send(message)

            await app(scope, receive, sending)

        return wrapped

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["b"] = 2
        await send(start(headers=[(b"content-type", b"text/plain")]))
        await send(body(TEXT))

    for between in (lambda app: app, theirs):
        site = site_of_one()
        chain = RequestIDMiddleware(
            CORSMiddleware(
                CompressionMiddleware(between(site.wrap(app))),
                allow_origins=["https://a.example"],
                allow_credentials=True,
            ),
            generator=lambda: "an-id",
        )
        headers = [("accept-encoding", "gzip"), ("origin", "https://a.example"), *sends(cookie())]
        exchange = drive(chain, http(headers=headers))
        assert exchange.error is None
        assert exchange.body == TEXT
        assert [value for name, value in saved() if name == "set-cookie"] == exchange.header("set-cookie")
        assert exchange.header("x-request-id") == ["an-id"]
        assert exchange.header("content-encoding") == ["gzip"]
        assert exchange.header("access-control-allow-origin") == ["https://a.example"]
        assert site.store.names == ["read", "update"]


class ByTheSession:
    """A backend that reads the session, and writes into it as well."""

    async def authenticate(self, connection: Any) -> Any:
        session = connection.scope["session"]
        session["seen"] = True
        return (AuthCredentials(["all"]), SimpleUser("ada")) if session.get("a") else None


def test_an_auth_inside_reads_the_session_and_its_refusal_saves_what_it_wrote() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["user"] = scope["user"].username
        await send(start(headers=[]))
        await send(body(b""))

    site = site_of_one()
    chain = CompressionMiddleware(site.wrap(AuthMiddleware(app, ByTheSession(), required=True)))
    exchange = drive(chain, http(headers=sends(cookie())))
    assert (exchange.error, exchange.status) == (None, 200)
    assert [pair for pair in exchange.headers if pair[0] != "vary"] == saved()[:2]
    assert site.content() == record({"a": 1, "seen": True, "user": "ada"})
    refused = drive(chain)
    assert (refused.error, refused.status) == (None, 401)
    assert ("set-cookie", saved(NEW)[1][1]) in refused.headers
    assert site.content(NEW) == record({"seen": True}, NOW)


def test_two_sessions_in_one_chain_in_the_store_and_in_a_cookie() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["b"] = 2
        scope["light"]["theme"] = "dark"
        await send(start(headers=[]))
        await send(body(b""))

    for outside in (True, False):
        site = site_of_one()
        light: dict[str, Any] = {"session_cookie": "light", "scope_key": "light", "clock": lambda: NOW}
        if outside:
            chain = SessionMiddleware(site.wrap(app), "x" * 32, **light)
        else:
            chain = site.wrap(SessionMiddleware(app, "x" * 32, **light))
        exchange = drive(chain, http(headers=sends(cookie())))
        assert exchange.error is None
        ours, others = sorted(exchange.header("set-cookie"), key=lambda text: text.startswith("light"))
        assert ("set-cookie", ours) in saved()
        assert others.startswith("light=")
        assert [name for name, _ in exchange.headers] == ["cache-control", "set-cookie", "set-cookie", "vary"]
        assert site.store.took() == [("read", O), UPDATE]


def test_two_middlewares_that_share_a_store_and_a_key_do_not_take_each_others_ids() -> None:
    site = site_of_one()
    admin = site.wrap(using(lambda session: session.get("a")), session_cookie="admin")
    assert drive(admin, http(headers=sends(cookie(), name="admin"))).error is None
    assert site.store.took() == []
