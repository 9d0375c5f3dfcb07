"""Every middleware around Django's handler, in Django's own vocabulary as django-stubs spells it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from django.core.asgi import get_asgi_application

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
from asgi_middleware.django import get_asgi_application as with_the_stack
from asgi_middleware.django import wrap

Handler: TypeAlias = Callable[
    [dict[str, Any], Callable[[], Awaitable[Mapping[str, Any]]], Callable[[Mapping[str, Any]], Awaitable[None]]],
    Awaitable[None],
]


def around_djangos_handler(bearer: Bearer) -> Sequence[Handler]:
    return [
        AuthMiddleware(get_asgi_application(), bearer),
        AuthenticationMiddleware(get_asgi_application(), bearer),
        BrotliMiddleware(get_asgi_application()),
        CORSMiddleware(get_asgi_application(), allow_origins=[]),
        CompressionMiddleware(get_asgi_application()),
        ErrorsMiddleware(get_asgi_application()),
        GZipMiddleware(get_asgi_application()),
        LintMiddleware(get_asgi_application()),
        RequestIDMiddleware(get_asgi_application()),
        SessionMiddleware(get_asgi_application(), "key"),
        TimingMiddleware(get_asgi_application()),
        Stack(["timing"])(get_asgi_application()),
    ]


application: Handler = with_the_stack()
wrapped: Handler = wrap(get_asgi_application())
