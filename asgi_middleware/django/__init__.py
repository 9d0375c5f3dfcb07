"""The Django drop-in: the settings name a stack, and one line in asgi.py puts it around Django.

    # settings.py
    INSTALLED_APPS = [..., "asgi_middleware.django"]        # for the system checks and `manage.py asgi_stack`
    MIDDLEWARE = [..., "asgi_middleware.django.middleware.ScopeMiddleware"]     # behind AuthenticationMiddleware
    ASGI_MIDDLEWARE = [
        "request_id",
        ("cors", {"allow_origins": ["https://app.example.com"]}),
        "compression",
        "sessions",
    ]

    # asgi.py
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from asgi_middleware.django import get_asgi_application
    application = get_asgi_application()

    # a view
    request.request_id, request.asgi_session["visits"], request.scope["user"]

What it does besides the stack: the names of response headers are in lower case, as HTTP/2 and HTTP/3 demand and
Django does not do; WebSockets, which Django cannot serve, are refused without a traceback; lifespan is answered. An
application of yours that hands requests to Django's, such as Channels' ProtocolTypeRouter, goes into `wrap`.

The settings:

    ASGI_MIDDLEWARE      the list that `Stack` takes, outermost first; or the path of a stack file; or a Stack. Relative
                         paths start at BASE_DIR. It is checked when the application is made.
    ASGI_USER_LOOKUP     "mysite.users.find" or "mysite.users:find": find(user) -> Django's user or None, sync or async.
                         With it ScopeMiddleware sets `request.user` for whoever an `auth` in the stack has identified.

A `sessions` without `secret_key` gets one that is derived from SECRET_KEY, and one from each of SECRET_KEY_FALLBACKS,
which still opens what it has sealed. Its cookie must not have the name of one of Django's.

What goes past the stack: WSGI servers, and `manage.py runserver`, which is one unless "daphne" stands first in
INSTALLED_APPS, and then its static files; and Django's test clients. There `request.request_id` is None, and where the
stack has sessions `request.asgi_session` is one that is kept nowhere, so that views can be tested. To test the whole,
call the application itself: `httpx2.AsyncClient(transport=httpx2.ASGITransport(application))`.

Django's admin and its `login()` need Django's own sessions; both kinds work side by side under different names.
"""

from .application import get_asgi_application, wrap

__all__ = ["get_asgi_application", "wrap"]
