"""Crashes, and the answers that `errors` gives to them."""

from typing import Any

from asgi_middleware import ErrorsMiddleware

from .apps import raises
from .asgi import App, Exchange, drive

SECRET = "the password is hunter2"  # must never be told
JSON, HTML, TEXT = "application/problem+json", "text/html; charset=utf-8", "text/plain; charset=utf-8"
PROBLEM = '{"type": "about:blank", "title": "Internal Server Error", "status": 500}'
PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>Internal Server Error</title>{}</html>"
HEADING = "<h1>Internal Server Error</h1>"
BODIES = {JSON: PROBLEM, HTML: PAGE.format(HEADING), TEXT: "Internal Server Error"}


def crash() -> ValueError:
    return ValueError(SECRET)


def answer(content_type: str, data: str, *, head: bool = False, prefix: str = "") -> list[dict[str, Any]]:
    """The two messages of a whole 500."""
    encoded = data.encode()
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(encoded))]
    return [
        {"type": f"{prefix}http.response.start", "status": 500, "headers": headers},
        {"type": f"{prefix}http.response.body", "body": b"" if head else encoded},
    ]


def crashed(scope: dict[str, Any] | None = None, app: App | None = None, **options: Any) -> Exchange:
    return drive(ErrorsMiddleware(raises(crash()) if app is None else app, **options), scope)


class Mute(Exception):
    """Has no text to tell."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)
