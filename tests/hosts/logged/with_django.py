"""Django's half of the application. `request.scope` is the ASGI scope."""

from typing import Any

from django.conf import settings  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    LOGGING_CONFIG=None,  # its lines go where all go
    ROOT_URLCONF=__name__,
    SECRET_KEY="of Django's own, which nothing here uses",
)

# These need the settings.
from django.core.asgi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    get_asgi_application,
)
from django.core.signals import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    got_request_exception,
)
from django.http import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    path,
)

from .inside import Crash, chunks, say, seen  # noqa: E402  # it stands with the other imports


async def plain(request: Any) -> Any:
    say(request.scope, "inside")
    return JsonResponse(seen(request.scope))


def threaded(request: Any) -> Any:
    """A plain function, which Django runs in a thread."""
    say(request.scope, "thread")
    return JsonResponse(seen(request.scope))


async def stream(request: Any) -> Any:
    return StreamingHttpResponse(chunks(request.scope))


async def crash(request: Any) -> Any:
    raise Crash(request.scope["token"])


def threaded_crash(request: Any) -> Any:
    raise Crash(request.scope["token"])


def handler500(request: Any) -> Any:
    say(request.scope, "handler")
    return JsonResponse(seen(request.scope), status=500)


def on_exception(sender: object, request: Any, **_: object) -> None:
    say(request.scope, "signal")


urlpatterns = [
    path("django/plain", plain),
    path("django/threaded", threaded),
    path("django/stream", stream),
    path("django/crash", crash),
    path("django/threaded-crash", threaded_crash),
]
got_request_exception.connect(on_exception)

django: Any = get_asgi_application()
