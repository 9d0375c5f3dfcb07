"""A Django site in one file, inside of a stack.

    uvicorn examples.django_site:application          # then http://localhost:8000/?name=ada
    python -m examples.django_site asgi_stack         # what the stack is; `check` says what is wrong

In a project the settings are in settings.py, and asgi.py imports `get_asgi_application` as it is imported here. The
sessions are signed with a key made of SECRET_KEY, so that nobody has to keep another.
"""

import os
import secrets
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_urlsafe(32),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["asgi_middleware.django"],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "asgi_middleware.django.middleware.ScopeMiddleware",
    ],
    ASGI_MIDDLEWARE=[
        "request_id",
        ("cors", {"allow_origins": ["https://app.example.com"], "allow_credentials": True}),
        "compression",
        "sessions",
    ],
)

# These need the settings.
from django.core.management import execute_from_command_line  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

from asgi_middleware.django import get_asgi_application  # noqa: E402


def visits(request: HttpRequest) -> JsonResponse:
    session = request.asgi_session  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # ScopeMiddleware's
    session["visits"] = session.get("visits", 0) + 1
    return JsonResponse({"hello": request.GET.get("name", "you"), "visits": session["visits"]})


urlpatterns = [path("", visits)]
application = get_asgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
