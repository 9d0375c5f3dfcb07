"""Channels: its router with Django for HTTP and a consumer for WebSockets. It raises for a lifespan."""

from typing import Any

from channels.generic.websocket import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # `hosts`
    AsyncWebsocketConsumer,
)
from channels.routing import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`
    ProtocolTypeRouter,
    URLRouter,
)
from django.urls import path  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`

from asgi_middleware import Stack

from .django_app import app as django


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc,unused-ignore]  # it has no types
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


def native(stack: Stack) -> Any:
    """With the stack around each of the router's branches."""
    return ProtocolTypeRouter({"http": stack(django), "websocket": stack(SOCKETS)})


consumer: Any = Echo.as_asgi()
SOCKETS: Any = URLRouter([path("ws", consumer)])
app: Any = ProtocolTypeRouter({"http": django, "websocket": SOCKETS})
