"""Drive the project in this process, as httpx2, Django's own test clients, or a server's messages do."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
from django.test import override_settings

from asgi_middleware.django import get_asgi_application
from tests.asgi import App

# What the settings take, for the time of a `with`; None stands for a setting that is not there.
ABSENT = object()


def changed(**settings: Any) -> Any:
    """Other settings, for the time of a `with`."""
    return override_settings(**settings)


def ask(
    *requests: tuple[str, str], app: App | None = None, headers: dict[str, str] | None = None, **more: Any
) -> list[httpx2.Response]:
    """What a client that keeps cookies is answered; each request is a method and a path."""
    application: Any = get_asgi_application() if app is None else app

    async def talk() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(application, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
            return [await client.request(method, path, **more) for method, path in requests]

    return asyncio.run(talk())


def get(path: str, **more: Any) -> httpx2.Response:
    (response,) = ask(("GET", path), **more)
    return response


def lines(response: httpx2.Response, *names: str) -> list[tuple[bytes, bytes]]:
    """The headers as the application sent them, those of these names, or all; sorted."""
    return sorted(pair for pair in response.headers.raw if not names or pair[0].decode().lower() in names)


def run(function: Callable[[], Any]) -> Any:
    """What a coroutine function gives."""
    return asyncio.run(function())
