"""Django, with CommonMiddleware: header names in Title-Case, and a Content-Length before we see the response.

`request.scope` is the ASGI scope. The view that counts is a plain function, which Django runs in a thread.
"""

from typing import Any

from django.conf import settings  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of Django's own, which nothing here uses",
)

# These need the settings.
from django.core.asgi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    get_asgi_application,
)
from django.http import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    path,
)

from .. import content  # noqa: E402  # it stands with the other imports


async def notes(request: Any) -> Any:
    return JsonResponse(content.NOTES, safe=False)


async def stream(request: Any) -> Any:
    return StreamingHttpResponse(content.chunks(), content_type="text/plain")


async def events(request: Any) -> Any:
    return StreamingHttpResponse(content.events(request.GET["key"]), content_type="text/event-stream")


async def release(request: Any) -> Any:
    content.release(request.GET["key"])
    return HttpResponse(b"released", content_type="text/plain")


def visits(request: Any) -> Any:
    return JsonResponse(content.count(request.scope["session"]))


async def echo(request: Any) -> Any:
    return HttpResponse(request.body, content_type="text/plain")


urlpatterns = [
    path("json", notes),
    path("stream", stream),
    path("events", events),
    path("release", release),
    path("visits", visits),
    path("echo", echo),
]

app: Any = get_asgi_application()
