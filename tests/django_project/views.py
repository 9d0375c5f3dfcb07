"""Views of both kinds."""

from collections.abc import AsyncIterator
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse

from asgi_middleware.auth import login, logout

PAGE = "A page of words that compress well. " * 100
CHUNKS = [b"the first part ", b"and the second ", b"and the last"]


def page(request: Any) -> HttpResponse:
    return HttpResponse(PAGE, content_type="text/plain")


async def page_async(request: Any) -> HttpResponse:
    return page(request)


def item(request: Any, pk: int) -> JsonResponse:
    return JsonResponse({"pk": pk, "request_id": request.request_id})


def visits(request: Any) -> JsonResponse:
    request.asgi_session["visits"] = request.asgi_session.get("visits", 0) + 1
    return JsonResponse({"visits": request.asgi_session["visits"]})


async def visits_async(request: Any) -> JsonResponse:
    return visits(request)


def sign_in(request: Any) -> JsonResponse:
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return JsonResponse({"error": "nobody"}, status=403)
    login(request.scope, str(user.pk))
    return JsonResponse({"signed in": user.get_username()})


def sign_out(request: Any) -> HttpResponse:
    logout(request.scope)
    return HttpResponse(status=204)


def me(request: Any) -> JsonResponse:
    return JsonResponse({"user": request.user.get_username(), "is_authenticated": request.user.is_authenticated})


async def me_async(request: Any) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "is_authenticated": user.is_authenticated})


def crash(request: Any) -> HttpResponse:
    raise RuntimeError("on purpose")


async def crash_async(request: Any) -> HttpResponse:
    raise RuntimeError("on purpose")


async def stream(request: Any) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in CHUNKS:
            yield part

    return StreamingHttpResponse(parts(), content_type="text/plain")


def server_error(request: Any) -> JsonResponse:
    """The 500 handler."""
    return JsonResponse({"error": "ours", "request_id": request.request_id}, status=500)
