"""What is wrong, and must be reported. Each line says which error it is for mypy and for pyright, and why.

A line that is no longer reported is itself an error: mypy warns of unused ignores, and `tests/test_typed.py` has
pyright do the same. It also takes all the comments away, and compares what is reported then.

The comments for pyright count only there. The project's own configuration lets `type: ignore` silence both checkers.
"""

import os
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from asgi_middleware import (
    AuthenticationMiddleware,
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    LintMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
    get_request_id,
    measure,
)
from asgi_middleware.auth import JWT, AuthError, Basic, Bearer, HMACKey, StaticKeys, User


def inside_starlettes_middleware(bearer: Bearer) -> None:
    Middleware(CORSMiddleware, allow_orgins=["*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # misspelt
    Middleware(CORSMiddleware, allow_credentials="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a bool
    Middleware(CORSMiddleware, max_age="600")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a number
    Middleware(CORSMiddleware, allow_methods=[b"GET"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # text
    Middleware(CORSMiddleware, websocket="never")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "ignore"
    Middleware(TimingMiddleware, server_timing="everything")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "all"
    Middleware(TimingMiddleware, "all")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    Middleware(ErrorsMiddleware, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    Middleware(CompressionMiddleware, ["br"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    Middleware(CompressionMiddleware, minimum_size="1kB")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bytes
    Middleware(GZipMiddleware, compress_level=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # misspelt
    Middleware(BrotliMiddleware, mode="binary")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "generic"
    Middleware(SessionMiddleware)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without a key
    Middleware(SessionMiddleware, "key", same_site="Lax")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "lax"
    Middleware(AuthMiddleware)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without a backend
    Middleware(AuthMiddleware, bearer, None, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    Middleware(RequestIDMiddleware, header_name="X-ID")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # its name elsewhere
    Middleware(LintMiddleware, mode="log")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "warn"
    Middleware(Stack([]), allow_origins=["*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # options are in the list
    Middleware(get_request_id)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no middleware


def inside_add_middleware(app: Starlette, bearer: Bearer) -> None:
    app.add_middleware(CORSMiddleware, allow_orgins=["*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # misspelt
    app.add_middleware(CORSMiddleware, websocket=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a word
    app.add_middleware(GZipMiddleware, minimum_size="500")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a number
    app.add_middleware(BrotliMiddleware, excluded_handlers=[1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # text
    app.add_middleware(CompressionMiddleware, levels={"br": "5"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]  # a number
    app.add_middleware(ErrorsMiddleware, handler=print)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # Starlette's option
    app.add_middleware(SessionMiddleware, "key", https_only="always")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # True
    app.add_middleware(AuthenticationMiddleware)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without a backend
    app.add_middleware(AuthMiddleware, bearer, realm=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text
    app.add_middleware(RequestIDMiddleware, validator="uuid4")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "uuid"
    app.add_middleware(RequestIDMiddleware, generator=uuid.uuid4)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # gives text
    app.add_middleware(TimingMiddleware, server_timing=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a word
    app.add_middleware(LintMiddleware, "warn")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only


def around_an_application(app: ASGIApp, bearer: Bearer) -> None:
    CORSMiddleware(allow_origins=["*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without an app
    CORSMiddleware("module:app", ["*"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the app, not its name
    CORSMiddleware(CORSMiddleware)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a class is no application
    CORSMiddleware(app, ["*"], (), (), False, None, False, (), 600, None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # beyond Starlette's
    CORSMiddleware(app, allow_origin_func=lambda origin: True)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]  # it gets the scope
    ErrorsMiddleware(app, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    CompressionMiddleware(app, 500)  # type: ignore[arg-type,call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    GZipMiddleware(app, 500, 6, 131072, ["image/*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    SessionMiddleware(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without a key
    SessionMiddleware(app, "key", same_site=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # "none"
    SessionMiddleware(app, "key", max_age=3.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # whole seconds
    RequestIDMiddleware(app, "X-Request-ID")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    TimingMiddleware(app, expose=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a function
    AuthMiddleware(app, bearer, required="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a bool
    Stack(["cors"])("module:app")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the app, not its name
    Stack(["cors"], "config")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    Stack()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without entries
    Stack(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no list


async def elsewhere(user: User, bearer: Bearer, verifier: JWT) -> None:
    JWT(HMACKey("key"), "https://idp.example", "api")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keyword-only
    JWT(HMACKey("key"), audience=b"api")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text
    HMACKey(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the environment had none
    StaticKeys(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no key
    await verifier.verify("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bytes, as they came
    verifier.verify(b"token").get("sub")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # without await
    Basic({"ada": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]  # a hash is text
    Basic("users.htpasswd")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # htpasswd=...
    User("ada")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without its scheme
    AuthError(401, "invalid_token")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without its text
    user.roles.append("admin")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # `scopes`
    get_request_id().upper()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]  # None outside of a request
    measure()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # without a name

    @measure("decorated")
    def decorated(value: int) -> str:
        return str(value)

    @measure("decorated")
    async def awaited(value: int) -> str:
        return str(value)

    decorated("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the signature is kept
    decorated()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    (await awaited(1)).append("")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # likewise


def reassigned_under_mypy(app: ASGIApp) -> ASGIApp:
    """mypy takes the type of a name from its first value, pyright from the latest one.

    Annotate the first (`wrapped: ASGIApp = ...`, as in `natural.py`), nest, use a Stack, or set `allow_redefinition`.
    """
    wrapped = CompressionMiddleware(app)
    wrapped = CORSMiddleware(wrapped, allow_origins=[])  # type: ignore[assignment]  # mypy alone
    return TimingMiddleware(wrapped)


def reassigned_under_both(starlette: Starlette) -> ASGIApp:
    """A name that was declared a Starlette stays one."""
    starlette = CompressionMiddleware(starlette)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # declared
    return TimingMiddleware(starlette)


def a_string_for_several(app: ASGIApp) -> None:
    """A `str` is a collection of strings, letter by letter; these take none."""
    CORSMiddleware(app, allow_origins="https://app.example.com")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read letter by letter
    CORSMiddleware(app, allow_origins=["*"], allow_methods="GET")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read letter by letter
    Middleware(CORSMiddleware, allow_origins=["*"], allow_headers="Authorization")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read letter by letter
    CompressionMiddleware(app, codings="br")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read letter by letter
    AuthMiddleware(app, [], required=True, public="/")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read letter by letter


def seen_by_neither(app: ASGIApp, options: dict[str, Any]) -> None:
    """Wrong, and reported by no checker: what is refused here, is refused when it is constructed.

    `Any` and `object` take everything. What a checker does report one day belongs
    to the lines above.
    """
    CompressionMiddleware(app, codings=["brotli"], levels={"brotli": 5})
    AuthMiddleware(app, "bearer")
    AuthMiddleware(app, Bearer)
    Bearer("secret")
    JWT("secret", any_issuer=True, any_audience=True)
    SessionMiddleware(app, None)
    SessionMiddleware(app, os.environ.get("SESSION_KEY"))
    Stack("cors")
    CORSMiddleware(app, **options)
