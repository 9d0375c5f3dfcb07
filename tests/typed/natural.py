"""What users write without a thought, each taken from a README, a tutorial or a migration. It must type-check."""

import functools
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
    SimpleUser,
)
from starlette.config import Config
from starlette.datastructures import CommaSeparatedStrings, Secret
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_middleware import (
    AuthenticationMiddleware,
    AuthMiddleware,
    CompressionMiddleware,
    ConfigError,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
    measure,
)
from asgi_middleware.auth import JWT, AuthError, Basic, Bearer, HMACKey, User

# Applications, in every way that people annotate them.


async def any_app(scope: Any, receive: Any, send: Any) -> None: ...


async def starlette_app(scope: Scope, receive: Receive, send: Send) -> None: ...


async def dict_app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None: ...


async def mapping_app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None: ...


def plain_function_app(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    return starlette_app(scope, receive, send)


class OwnMiddleware:
    """Somebody else's middleware, around ours and inside of them."""

    def __init__(self, app: ASGIApp, *, name: str = "own") -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def other_method(self, scope: Scope, receive: Receive, send: Send) -> None: ...


def applications() -> None:
    RequestIDMiddleware(any_app)
    RequestIDMiddleware(starlette_app)
    RequestIDMiddleware(dict_app)
    RequestIDMiddleware(mapping_app)
    RequestIDMiddleware(plain_function_app)
    RequestIDMiddleware(OwnMiddleware(RequestIDMiddleware(any_app)))
    RequestIDMiddleware(OwnMiddleware(any_app).other_method)
    RequestIDMiddleware(StaticFiles(directory="static"))
    RequestIDMiddleware(Router(routes=[Mount("/", RequestIDMiddleware(any_app))]))
    RequestIDMiddleware(functools.partial(starlette_app))
    RequestIDMiddleware(Response("ok"))


def annotated_and_wrapped_again_and_again() -> ASGIApp:
    """The way to reassign one name under mypy: say once that it is an application. See `must_fail.py`."""
    app: ASGIApp = Starlette()
    app = CompressionMiddleware(app)
    app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    app = Stack(["timing"])(app)
    return RequestIDMiddleware(app)


def chosen_at_run_time(debug: bool) -> ASGIApp:
    app = Starlette()
    return ErrorsMiddleware(app, debug=True) if debug else app


class OurCORS(CORSMiddleware):
    """A project's own defaults, by subclassing. Without the `/`, mypy refuses it inside Starlette's `Middleware`."""

    def __init__(self, app: ASGIApp, /, **options: Any) -> None:
        super().__init__(app, allow_origins=["https://app.example.com"], **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)


def in_other_places() -> None:
    own_defaults = functools.partial(CORSMiddleware, allow_origins=["https://app.example.com"])
    gzip = [Middleware(GZipMiddleware)]
    Starlette(
        routes=[
            Mount("/static", StaticFiles(directory="static"), middleware=gzip),
            Route("/", Response("ok"), middleware=[Middleware(CompressionMiddleware)]),
        ],
        middleware=[
            Middleware(own_defaults),
            Middleware(OurCORS, allow_credentials=True),
            Middleware(OwnMiddleware, name="between"),
        ],
    )


# Options, from wherever they come.


def options_from_outside(app: ASGIApp, config: Config, collection: Collection[str], untyped: dict[str, Any]) -> None:
    CORSMiddleware(app, allow_origins=os.environ["ORIGINS"].split(","))
    CORSMiddleware(app, allow_origins=config("ORIGINS", cast=CommaSeparatedStrings))
    CORSMiddleware(app, allow_origins=collection, allow_methods={"GET", "PUT"}, allow_headers=frozenset(["x-own"]))
    CORSMiddleware(app, allow_origins=(), expose_headers={"X-Request-ID": "why"}.keys())
    CORSMiddleware(app, **untyped)
    SessionMiddleware(app, os.environ["SESSION_KEY"])
    SessionMiddleware(app, config("SESSION_KEY", cast=Secret))
    SessionMiddleware(app, [os.environ["NEW_KEY"], b"old key", Secret("older")])
    SessionMiddleware(app, "key", https_only="auto" if config("DEBUG", cast=bool, default=False) else True)
    CompressionMiddleware(app, levels={"br": 5, "gzip": 9}, codings=("br", "gzip"))


def hooks(app: ASGIApp) -> None:
    async def asks_the_database(origin: str, scope: Scope) -> bool:
        return origin in scope

    def exposes(scope: Scope) -> bool:
        return "user" in scope

    def is_short(value: str) -> bool:
        return len(value) < 40

    CORSMiddleware(app, allow_origin_func=lambda origin, scope: origin.endswith(".example.com"))
    CORSMiddleware(app, allow_origin_func=asks_the_database)
    RequestIDMiddleware(app, trust=lambda scope: scope["client"][0] == "10.0.0.1", generator=lambda: uuid.uuid4().hex)
    RequestIDMiddleware(app, trust=exposes, validator=is_short)
    RequestIDMiddleware(app, accept=["X-Amzn-Trace-Id", "X-Request-ID"], generator="uuid7", clock=time.time)
    RequestIDMiddleware(app, generator="trace", trace="continue", token_bytes=os.urandom)
    TimingMiddleware(app, expose=exposes, clock=time.monotonic)
    SessionMiddleware(app, "key", clock=time.time)


class StarletteBackend(AuthenticationBackend):
    """As in Starlette's manual."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        return AuthCredentials(["authenticated"]), SimpleUser(conn.headers["x-user"])


class OwnBackend:
    scheme = "Own"

    async def identify(self, scope: Scope) -> User | None:
        if "x" in scope:
            raise AuthError(401, None, "Not good")
        return User("ada", scheme=self.scheme)


class OwnVerifier:
    async def verify(self, token: bytes) -> Mapping[str, Any]:
        return {"sub": token.decode()}


class OwnKeys:
    async def find(self, alg: str, kid: str | None) -> Any: ...


def authentication(app: ASGIApp) -> None:
    AuthMiddleware(app, StarletteBackend())
    AuthMiddleware(app, [OwnBackend(), StarletteBackend(), Bearer(OwnVerifier())], required=True, public=["/"])
    AuthMiddleware(app, Bearer(JWT(OwnKeys(), issuer="https://idp.example", audience="api"), user=user_of))
    Middleware(AuthenticationMiddleware, backend=Bearer(JWT(HMACKey("secret"), any_issuer=True, any_audience=True)))


async def user_of(claims: Mapping[str, Any]) -> User | None:
    return User(claims["sub"], scheme="Bearer", scopes=tuple(claims["roles"]))


def starlettes_error_hook(conn: HTTPConnection, error: AuthenticationError) -> Response:
    """The signature of `on_error` in Starlette's manual."""
    return JSONResponse({"error": str(error)}, status_code=401)


def any_error_hook(conn: HTTPConnection, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=401)


def error_hooks(app: ASGIApp) -> None:
    AuthenticationMiddleware(app, StarletteBackend(), any_error_hook)
    AuthenticationMiddleware(app, StarletteBackend(), starlettes_error_hook)
    Middleware(AuthenticationMiddleware, backend=StarletteBackend(), on_error=starlettes_error_hook)


def password_checks() -> None:
    """The manual says: `check(name, password) -> bool | User | None`, sync or async."""

    async def asks(name: str, password: str) -> bool:
        return name == password

    async def finds(name: str, password: str) -> User | None:
        return User(name, scheme="Basic") if password else None

    def compares(name: str, password: str) -> bool:
        return name == password

    Basic(check=asks)
    Basic(check=finds)
    Basic(check=compares)
    Basic(check=lambda name, password: name == password)


# Inside of applications.


@measure("endpoint")
async def endpoint(request: Request) -> Response:
    request.session["visits"] = request.session.get("visits", 0) + 1
    with measure("db", desc="visits"):
        visits: int = request.session["visits"]
    user: User = request.user
    return JSONResponse({"visits": visits, "user": user.display_name, "id": request.scope["request_id"]})


def told(app: ASGIApp) -> list[str]:
    try:
        Stack.from_file("stack.toml")(app)
    except ConfigError as error:
        return [f"{problem.option}: {problem.rule}" for problem in error.problems]
    return [entry.name for entry in Stack([CORSMiddleware, (GZipMiddleware, {"minimum_size": 0}), {"use": "errors"}])]


Route("/", endpoint)
