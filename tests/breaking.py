"""Middlewares broken on purpose, each in the way that one clause of the contract forbids."""

import asyncio
from typing import Any

from . import apps
from .asgi import App


class Broken:
    _broken = True

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class CopiesEveryScope(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(dict(scope), receive, send)


class CallsItsScopeOtherwise(Broken):
    async def __call__(self, s: Any, receive: Any, send: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # on purpose
        await self.app(s, receive, send)


class WritesIntoTheScope(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["seen"] = True
        await self.app(scope, receive, send)


class EditsMessages(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def editing(message: Any) -> None:
            if message["type"] == "http.response.start" and isinstance(message.get("headers"), list):
                message["headers"].append((b"x-seen", b"1"))
            await send(message)

        await self.app(scope, receive, editing)


class DemandsHeaders(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def reading(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-seen", b"1")]}
            await send(message)

        await self.app(scope, receive, reading)


class ChangesTheBody(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def shouting(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": bytes(message.get("body", b"")).upper()}
            await send(message)

        await self.app(scope, receive, shouting)


class UsesHeadersUp(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            list(scope.get("headers", ()))
        await self.app(scope, receive, send)


class DropsWhatItDoesNotKnow(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def choosy(message: Any) -> None:
            if message["type"] in ("http.response.start", "http.response.body", "websocket.accept"):
                await send(message)

        await self.app(scope, receive, choosy)


class HoldsTheStart(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        held: list[Any] = []

        async def holding(message: Any) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                for kept in held:
                    await send(kept)

        await self.app(scope, receive, holding)


class StartsTwice(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def doubling(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                await send(message)

        await self.app(scope, receive, doubling)


class SwallowsErrors(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception:
            return


class AnswersTheCancelled(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        except BaseException:
            await send(apps.start(500))
            raise


class ForgetsWebSockets(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"x-seen", b"1")]}
            await send(message)

        await self.app(scope, receive, adding)


class KeepsTheRequest(Broken):
    last: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.last = scope.get("query_string")
        await self.app(scope, receive, send)


class MixesRequestsUp(Broken):
    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.shared = [b""]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.shared[0] = scope.get("query_string", b"")

        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"x-query", self.shared[0])]}
            await send(message)

        await self.app(scope, receive, adding)


class NeedsAsyncio(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                await self.app(scope, receive, send)
            else:
                await send(apps.start(503))


class StandsOnlyOnce(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("once"):
            raise RuntimeError("twice")
        await self.app({**scope, "once": True}, receive, send)


class LowersTheScope(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "method": "get"} if scope["type"] == "http" else scope, receive, send)
