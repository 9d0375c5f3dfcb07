"""Rows of authentication: who is let in, and what those are told who are not."""

from typing import Any

from starlette.authentication import AuthCredentials, AuthenticationError, SimpleUser

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import JWT, Bearer, HMACKey

from .. import apps
from ..asgi import App, Exchange, drive, http, websocket
from ..bench.peers import peer
from ..tokens import AUDIENCE, GOOD, ISSUER, SECRET, part, token
from .rows import FINE, Row, Seen, Topic, answered

CLAIMS = {**GOOD, "exp": 4_102_444_800, "iat": 1_700_000_000}  # until 2100: the peer's clock is the machine's
GOOD_TOKEN = token(claims=CLAIMS).decode()
PUBLIC = "/public"


class Ours:
    def around(self, app: App, backend: Any) -> App:
        """With a backend of Starlette's kind."""
        return AuthMiddleware(app, backend)

    def bearer(self, app: App, secret: bytes = SECRET) -> App:
        """With JWTs, everywhere but on one public path."""
        verifier = JWT(HMACKey(secret), issuer=ISSUER, audience=AUDIENCE)
        return AuthMiddleware(app, Bearer(verifier), required=True, public=[PUBLIC])


class Starlette:
    def around(self, app: App, backend: Any) -> App:
        made: App = peer("starlette.middleware.authentication:AuthenticationMiddleware")(app, backend)
        return made


class Litestar:
    """Its own JWTs, in front of an application that stands behind one of its routes."""

    def bearer(self, app: App, secret: bytes = SECRET) -> App:
        async def mounted(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        async def user(token: Any, connection: Any) -> str:
            return str(token.sub)

        types = {name.lower(): peer(f"litestar.types:{name}") for name in ("Scope", "Receive", "Send")}
        mounted.__annotations__.update(types)
        jwt = peer("litestar.security.jwt:JWTAuth")(
            token_secret=secret.decode(), retrieve_user_handler=user, exclude=[PUBLIC]
        )
        handler = peer("litestar:asgi")("/", is_mount=True, copy_scope=True)(mounted)
        made: App = peer("litestar:Litestar")(
            [handler], on_app_init=[jwt.on_app_init], openapi_config=None, logging_config=None
        )
        return made


class Named:
    """A backend of Starlette's kind, which knows everybody by one name; None: nobody."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    async def authenticate(self, conn: Any) -> Any:
        return None if self.name is None else (AuthCredentials(["authenticated"]), SimpleUser(self.name))


class Refusing:
    async def authenticate(self, conn: Any) -> Any:
        raise AuthenticationError("no")


def ask(subject: Any, *authorization: str, path: str = "/", method: str = "GET") -> Exchange:
    headers = [("authorization", line) for line in authorization]
    return answered(drive(subject.bearer(apps.text()), http(path, headers=headers, method=method)))


def let_in(subject: Any) -> None:
    """Whoever refuses everything would be right by accident."""
    if ask(subject, f"Bearer {GOOD_TOKEN}").status != 200:
        raise Seen("a good token is refused")


def refused(exchange: Exchange) -> str:
    if 200 <= exchange.status < 300:
        raise Seen("let in")
    if exchange.status >= 500:
        raise Seen(str(exchange.status))
    return FINE


def starlettes_backends(subject: Any) -> str:
    app, scopes = apps.remembers()
    answered(drive(subject.around(app, Named("ada")), http()))
    if (scopes[0]["user"].display_name, scopes[0]["auth"].scopes) != ("ada", ["authenticated"]):
        raise Seen("another user")
    return FINE


def one_in_another(subject: Any) -> str:
    app, scopes = apps.remembers()
    answered(drive(subject.around(subject.around(app, Named(None)), Named("ada")), http()))
    if not scopes[0]["user"].is_authenticated:
        raise Seen(FORGOTTEN)
    return FINE


def seen_outside(subject: Any) -> str:
    exchange = answered(drive(subject.around(apps.text(), Named("ada")), http()))
    if "user" not in exchange.scope:
        raise Seen(INSIDE)
    return FINE


def denied_sockets(subject: Any) -> str:
    exchange = answered(drive(subject.around(apps.accepts(), Refusing()), websocket()))
    if exchange.sent[0]["type"] != "websocket.http.response.start":
        raise Seen("closed, without a reason")
    return FINE


def challenges(subject: Any) -> str:
    for authorization in ((), ("Bearer wrong",)):
        exchange = ask(subject, *authorization)
        if exchange.status != 401:
            raise Seen(str(exchange.status))
        if not exchange.header("www-authenticate"):
            raise Seen("401 without a challenge")
    return FINE


def public_paths(subject: Any) -> str:
    let_in(subject)
    if ask(subject, path=PUBLIC).status != 200:
        raise Seen("it is closed")
    if opened := [path for path in (f"/a{PUBLIC}x", f"{PUBLIC}x") if ask(subject, path=path).status == 200]:
        raise Seen(f"{' and '.join(f'`{path}`' for path in opened)} too")
    return FINE


def head(subject: Any) -> str:
    let_in(subject)
    return refused(ask(subject, method="HEAD"))


def unsigned(subject: Any) -> str:
    let_in(subject)
    for header in ({"alg": "none", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT"}):
        refused(ask(subject, f"Bearer {b'.'.join((part(header), part(CLAIMS), b'')).decode()}"))
    return FINE


STARLETTE, LITESTAR = "Starlette", "Litestar's JWTAuth"
DENIAL = "ASGI WebSocket, Denial Response"
FORGOTTEN, INSIDE = "the user is anonymous", "not there: the server's scope is not written to"
BACKENDS, TOKENS = (STARLETTE,), (LITESTAR,)
TOPIC = Topic(
    "Authentication",
    {"AuthMiddleware": Ours()},
    {STARLETTE: {STARLETTE: Starlette()}, LITESTAR: {LITESTAR: Litestar()}},
    (
        Row("backends written for Starlette work", "", starlettes_backends, peers=BACKENDS),
        Row("a WebSocket is refused with a status that its client can read", DENIAL, denied_sockets, peers=BACKENDS),
        Row("no token, or a bad one: 401 with a challenge", "RFC 9110, 15.5.2", challenges, peers=TOKENS),
        Row("a public path opens no other", "CWE-863", public_paths, peers=TOKENS),
        Row("HEAD asks for what GET asks for", "RFC 9110, 9.3.2", head, peers=TOKENS),
        Row("`alg: none` and missing signatures are refused", "RFC 8725, 3.1", unsigned, peers=TOKENS),
        Row(
            "of two, one in the other, the inner does not forget whom the outer knows",
            "",
            one_in_another,
            ours=FORGOTTEN,
            peers=BACKENDS,
        ),
        Row(
            "who has signed in can be read from the server's scope afterwards",
            "",
            seen_outside,
            ours=INSIDE,
            peers=BACKENDS,
        ),
    ),
)
