"""Every middleware around asgiref's applications, and as one: the strictest vocabulary there is, a TypedDict each."""

from collections.abc import Sequence

from asgiref.typing import ASGI3Application, ASGIApplication, ASGIReceiveCallable, ASGISendCallable, Scope
from asgiref.wsgi import WsgiToAsgi

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
)
from asgi_middleware.auth import Bearer


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """An application as asgiref's users annotate theirs."""


def around_asgiref_applications(app: ASGI3Application, wsgi: WsgiToAsgi, bearer: Bearer) -> None:
    AuthMiddleware(app, bearer)
    AuthenticationMiddleware(application, bearer)
    BrotliMiddleware(app)
    CORSMiddleware(application, allow_origins=[])
    CompressionMiddleware(app)
    ErrorsMiddleware(application)
    GZipMiddleware(app)
    LintMiddleware(application)
    RequestIDMiddleware(app)
    SessionMiddleware(application, "key")
    TimingMiddleware(app)
    Stack(["timing"])(application)


def as_asgiref_applications(
    app: ASGI3Application, bearer: Bearer
) -> tuple[ASGIApplication, Sequence[ASGI3Application]]:
    return RequestIDMiddleware(app), [
        AuthMiddleware(app, bearer),
        AuthenticationMiddleware(app, bearer),
        BrotliMiddleware(app),
        CORSMiddleware(app, allow_origins=[]),
        CompressionMiddleware(app),
        ErrorsMiddleware(app),
        GZipMiddleware(app),
        LintMiddleware(app),
        RequestIDMiddleware(app),
        SessionMiddleware(app, "key"),
        TimingMiddleware(app),
        Stack(["timing"])(app),
    ]
