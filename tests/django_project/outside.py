"""A middleware of ASGI that stands outside of Django and tells what Django's router found."""

from typing import Any

from tests.asgi import App


class ShowsRoute:
    """Adds the route to the response, if there was one."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def telling(message: Any) -> None:
            if message["type"] == "http.response.start" and "route" in scope:
                message = {**message, "headers": [*message["headers"], (b"x-route", scope["route"].encode())]}
            await send(message)

        await self.app(scope, receive, telling)
