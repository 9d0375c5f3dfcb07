"""Channels with its own session and login on WebSockets, inside sessions and auth of ours.

Below /everything ours are on WebSockets too, below /http they are not. /visits counts in Django's session, and /ws
tells whose session and whose user it is given, and what is in the session.
"""

import json
from typing import Any

from django.conf import settings  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of Django's own, with which it signs its session",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)

# These need the settings.
from django.core.asgi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    get_asgi_application,
)

django = get_asgi_application()

from channels.auth import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    AuthMiddlewareStack,
)
from channels.generic.websocket import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402
    AsyncWebsocketConsumer,
)
from channels.routing import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    ProtocolTypeRouter,
    URLRouter,
)
from django.http import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    JsonResponse,
)
from django.urls import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    path,
)

from asgi_middleware import Stack  # noqa: E402  # it stands with the other imports
from asgi_middleware.auth import JWT, Bearer, HMACKey  # noqa: E402  # it stands with the other imports

from .. import content  # noqa: E402  # it stands with the other imports
from ..stacks import SECRET  # noqa: E402  # it stands with the other imports


def visits(request: Any) -> Any:
    return JsonResponse(content.count(request.session))


class Told(AsyncWebsocketConsumer):  # type: ignore[misc,unused-ignore]  # it has no types
    async def connect(self) -> None:
        await self.accept()
        scope: Any = self.scope
        session, user = scope["session"], scope["user"]
        await self.send(json.dumps([type(session).__module__, type(user).__module__, dict(session.items())]))


def wrapped(**own: Any) -> Any:
    """The router inside both, with these keys of theirs."""
    backend = Bearer(JWT(HMACKey(SECRET), issuer="issuer", audience="audience"))
    entries = [{"use": "sessions", "secret_key": SECRET, **own}, {"use": "auth", "backend": backend, **own}]
    return Stack(entries)(router)


consumer: Any = Told.as_asgi()
urlpatterns = [path(f"{name}/visits", visits) for name in ("everything", "http")]
sockets: Any = URLRouter([path(f"{name}/ws", consumer) for name in ("everything", "http")])
router: Any = ProtocolTypeRouter({"http": django, "websocket": AuthMiddlewareStack(sockets)})
everything, http = wrapped(), wrapped(types=["http"])


async def app(scope: Any, receive: Any, send: Any) -> None:
    inner = http if scope.get("path", "").startswith("/http/") else everything
    await inner(scope, receive, send)
