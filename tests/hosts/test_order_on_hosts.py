"""What frameworks have of their own is seen by `Stack.check(app)`, and the bugs that come of it happen in them.

    python -m pytest -m hosts tests/hosts/test_order_on_hosts.py

Starlette and FastAPI are in tests/test_stack_inside.py.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import Stack
from tests.asgi import drive, http
from tests.test_stack_order import found

pytestmark = pytest.mark.hosts

SECRET = "a-secret-of-the-tests-that-is-long-enough"
BR = ("compression", {"codings": ["br"], "minimum_size": 1})
ZIP = http(headers=[("accept-encoding", "br, gzip")])
CORS = ("cors", {"allow_origins": ["https://a.example"]})
ASKS = http(method="OPTIONS", headers=[("origin", "https://b.example"), ("access-control-request-method", "GET")])


def quart(**config: Any) -> Any:
    """An application that counts in its own session, and in the stack's, if there is one."""
    app = pytest.importorskip("quart", reason="quart is not installed: the extra `hosts`").Quart("quart")
    app.config.update(config)

    async def visits() -> str:
        from quart import request, session  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

        scope: Any = request.scope
        ours = scope["session"]
        session["visits"] = session.get("visits", 0) + 1
        ours["visits"] = ours.get("visits", 0) + 1
        return f"{session['visits']} {ours['visits']}"

    app.route("/")(visits)
    return app


def visits(app: Any) -> list[bytes]:
    """Two visits by one browser, which keeps the last of two cookies with one name (RFC 6265, 5.3)."""
    bodies: list[bytes] = []
    jar: dict[str, str] = {}
    for _ in range(2):
        cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
        exchange = drive(app, http(headers=[("cookie", cookies), ("host", "a.example")]), loop="asyncio")
        bodies.append(exchange.body)
        for line in exchange.start["headers"]:
            if line[0].lower() == b"set-cookie":
                name, _, rest = line[1].decode().partition("=")
                jar[name] = rest.partition(";")[0]
    return bodies


def test_quarts_own_session_takes_the_cookie_of_the_stacks() -> None:
    stack = Stack([("sessions", {"secret_key": SECRET})])
    clashing = quart(SECRET_KEY="x")
    assert visits(stack(clashing)) != [b"1 1", b"2 2"]
    assert found(stack.check(clashing)) == [("app: the sessions of Quart", "two-sessions")]
    apart = quart(SECRET_KEY="x", SESSION_COOKIE_NAME="quart")
    assert visits(stack(apart)) == [b"1 1", b"2 2"]
    assert stack.check(apart) == []


def test_quarts_own_session_that_is_not_used_is_none() -> None:
    assert Stack([("sessions", {"secret_key": SECRET})]).check(quart()) == []


def test_what_wraps_quarts_asgi_app_is_seen() -> None:
    app = quart()
    app.asgi_app = Stack(["gzip"])(app.asgi_app)
    assert found(Stack([BR]).check(app)) == [("app: entry 1 (gzip)", "two-compression")]


def litestar(**options: Any) -> Any:
    module = pytest.importorskip("litestar", reason="litestar is not installed: the extra `hosts`")

    async def root() -> str:
        return "x" * 2000

    return module.Litestar([module.get("/")(root)], openapi_config=None, **options)


def test_litestars_own_cors_is_never_asked() -> None:
    config = pytest.importorskip("litestar.config.cors").CORSConfig(allow_origins=["https://b.example"])
    stack, app = Stack([CORS]), litestar(cors_config=config)
    assert drive(stack(app), ASKS, loop="asyncio").status == 400
    assert found(stack.check(app)) == [("app: cors_config", "two-cors")]
    assert drive(Stack([])(app), ASKS, loop="asyncio").status == 204
    assert Stack([]).check(app) == []


def test_litestars_own_compression_comes_first() -> None:
    config = pytest.importorskip("litestar.config.compression").CompressionConfig(backend="gzip", minimum_size=1)
    stack, app = Stack([BR]), litestar(compression_config=config)
    assert drive(stack(app), ZIP, loop="asyncio").header("content-encoding") == ["gzip"]
    assert found(stack.check(app)) == [("app: compression_config", "two-compression")]
    assert drive(stack(litestar()), ZIP, loop="asyncio").header("content-encoding") == ["br"]
    assert stack.check(litestar()) == []


def test_litestars_list_is_read_in_each_of_its_forms() -> None:
    pytest.importorskip("litestar", reason="litestar is not installed: the extra `hosts`")
    from litestar.middleware import DefineMiddleware  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    from litestar.middleware.session.server_side import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
        ServerSideSessionConfig,
    )

    from asgi_middleware import GZipMiddleware, TimingMiddleware

    inner = Stack(["errors"])
    forms = [GZipMiddleware, DefineMiddleware(TimingMiddleware), ServerSideSessionConfig().middleware, *inner]
    app = litestar(middleware=forms)
    everything = Stack([BR, "timing", ("sessions", {"secret_key": SECRET}), "errors"], silence=ORDER)
    assert found(everything.check(app)) == [
        ("app: middleware 1 (GZipMiddleware)", "two-compression"),
        ("app: middleware 2 (TimingMiddleware)", "two-timing"),
        ("app: middleware 3 (SessionMiddleware)", "two-sessions"),
        ("app: middleware 4 (errors)", "two-errors"),
    ]
    assert found(inner.check(app)) == [
        ("entry 1 (errors)", "errors-outside-compression"),
        ("entry 1 (errors)", "errors-outside-sessions"),
    ]


ORDER = ["errors-outside-compression", "errors-outside-sessions", "timing-outside-errors"]

# In a process of its own, because Django's settings are the process's.
DJANGO = """
import asyncio, sys
import httpx2
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="x", STATIC_URL="/static/",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", SESSION_COOKIE_NAME=sys.argv[2],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", *sys.argv[3:]],
)
from django.core.asgi import get_asgi_application
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("x" * 2000))]
app = get_asgi_application()
from asgi_middleware import Stack
from tests.hosts.test_order_on_hosts import BR, SECRET
stack = Stack([BR, ("sessions", {"secret_key": SECRET})])
async def get():
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(stack(app)), base_url="http://127.0.0.1") as client:
        return await client.get("/", headers={"Accept-Encoding": "br, gzip"})
print(asyncio.run(get()).headers["content-encoding"])
for one in (app, ASGIStaticFilesHandler(app)) if sys.argv[1] == "both" else (app,):
    for finding in stack.check(one):
        print(finding.where, finding.code)
"""


def django(*words: str) -> list[str]:
    pytest.importorskip("django", reason="django is not installed: the extra `hosts`")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", DJANGO, *words]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_djangos_own_gzip_comes_first() -> None:
    gzip = "django.middleware.gzip.GZipMiddleware"
    told = "app: middleware 2 (GZipMiddleware) two-compression"
    assert django("both", "sessionid", gzip) == ["gzip", told, told]
    assert django("one", "sessionid") == ["br"]


def test_djangos_sessions_may_have_the_cookie_of_the_stacks() -> None:
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    assert django("one", "sessionid", sessions) == ["br"]
    assert django("one", "session", sessions) == ["br", "app: middleware 2 (SessionMiddleware) two-sessions"]
