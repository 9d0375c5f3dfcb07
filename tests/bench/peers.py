"""The peers: who is measured beside us, by the names of their packages.

They are imported by name when they are wanted, so that the bench runs, and type-checks, without those that are not
installed.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..asgi import App

# The packages whose versions a table depends on.
PACKAGES = (
    "starlette",
    "asgi-correlation-id",
    "timing-asgi",
    "starlette-exporter",
    "prometheus-fastapi-instrumentator",
    "prometheus-client",
    "opentelemetry-instrumentation-asgi",
    "opentelemetry-sdk",
    "brotli-asgi",
    "starlette-compress",
    "starsessions",
    "litestar",
    "redis",
    "itsdangerous",
    "python-jose",
    "PyJWT",
    "joserfc",
    "cryptography",
    "brotli",
    "backports.zstd",
    "isal",
    "uvicorn",
    "httptools",
    "h11",
    "uvloop",
)


def peer(target: str) -> Any:
    """The object that `module:name` names. ImportError if its package is not installed."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def versions() -> dict[str, str]:
    """The installed packages with their versions."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def correlation_id(app: App) -> App:
    made: App = peer("asgi_correlation_id:CorrelationIdMiddleware")(app)
    return made


class _Unheard:
    """A client of timing-asgi that drops what it is told, as ours without sinks does."""

    def timing(self, metric_name: str, timing: float, tags: list[str]) -> None:
        pass


def timing(app: App) -> App:
    made: App = peer("timing_asgi:TimingMiddleware")(app, client=_Unheard())
    return made


def starlette_exporter(app: App) -> App:
    made: App = peer("starlette_exporter:PrometheusMiddleware")(app)
    return made


def instrumentator(app: Any) -> App:
    """prometheus-fastapi-instrumentator puts itself into the application's own list."""
    peer("prometheus_fastapi_instrumentator:Instrumentator")().instrument(app)
    instrumented: App = app
    return instrumented


def meter_provider() -> Any:
    """OpenTelemetry's SDK, with a reader that nobody asks."""
    reader = peer("opentelemetry.sdk.metrics.export:InMemoryMetricReader")()
    return peer("opentelemetry.sdk.metrics:MeterProvider")([reader])


def opentelemetry(app: App) -> App:
    """Its metrics alone, without any span."""
    middleware = peer("opentelemetry.instrumentation.asgi:OpenTelemetryMiddleware")
    tracers = peer("opentelemetry.trace:NoOpTracerProvider")()
    made: App = middleware(
        app, tracer_provider=tracers, meter_provider=meter_provider(), exclude_spans=["receive", "send"]
    )
    return made


def starlette_cors(app: App, **options: Any) -> App:
    made: App = peer("starlette.middleware.cors:CORSMiddleware")(app, **options)
    return made


def starlette_errors(app: App) -> App:
    made: App = peer("starlette.middleware.errors:ServerErrorMiddleware")(app)
    return made


def starlette_gzip(app: App) -> App:
    made: App = peer("starlette.middleware.gzip:GZipMiddleware")(app)
    return made


def starlette_gzip_inline(app: App) -> App:
    """Without its threads, whatever the size. Before Starlette 1.4 it had none, nor the option."""
    made: Any = starlette_gzip(app)
    if hasattr(made, "thread_minimum_size"):
        made.thread_minimum_size = sys.maxsize
    inline: App = made
    return inline


def starlette_compress(app: App) -> App:
    made: App = peer("starlette_compress:CompressMiddleware")(app)
    return made


def brotli_asgi(app: App) -> App:
    made: App = peer("brotli_asgi:BrotliMiddleware")(app)
    return made


def starlette_sessions(app: App, secret: str) -> App:
    made: App = peer("starlette.middleware.sessions:SessionMiddleware")(app, secret)
    return made


def starsessions(store: Any, **options: Any) -> Callable[[App], App]:
    middleware = peer("starsessions:SessionMiddleware")
    return lambda app: middleware(app, store=store, **options)


def litestar_sessions(config: Any, store: Any = None) -> tuple[Callable[[App], App], dict[str, Any]]:
    """Its session middleware alone, and what Litestar's own router puts into the scope, which the middleware needs.

    Litestar remembers how the last 1,024 Cookie headers were parsed, so here it parses none.
    """

    async def items() -> None:
        pass

    app = peer("litestar:Litestar")(
        [peer("litestar:get")("/items")(items)], stores={} if store is None else {"sessions": store}
    )
    handler = next(handler for route in app.routes for handler in route.route_handlers if handler.fn is items)
    return config.middleware, {"app": app, "litestar_app": app, "route_handler": handler}


class _Nobody:
    """A backend that knows nobody, without a look at the request."""

    async def authenticate(self, conn: Any) -> None:
        return None


def starlette_auth(app: App) -> App:
    made: App = peer("starlette.middleware.authentication:AuthenticationMiddleware")(app, _Nobody())
    return made


def six(app: App, *, origins: list[str], secret: str) -> App:
    """The peers' six around `app`, in the order in which ours stand."""
    app = starlette_auth(app)
    app = starlette_sessions(app, secret)
    app = starlette_gzip(app)
    app = starlette_cors(app, allow_origins=origins)
    app = timing(app)
    return correlation_id(app)


def token_decoder(
    library: str, alg: str, public: Any, text: str, *, issuer: str, audience: str
) -> Callable[[str], Mapping[str, Any]]:
    """How a library checks a token, and gives its claims. `public`: cryptography's key, or the secret."""
    if library == "python-jose":
        decode, key = peer("jose.jwt:decode"), peer("jose.jwk:construct")(text, alg)
        return lambda token: decode(token, key, algorithms=[alg], issuer=issuer, audience=audience)
    if library == "PyJWT":
        pyjwt = peer("jwt:decode")
        return lambda token: pyjwt(token, public, algorithms=[alg], issuer=issuer, audience=audience)
    kind = {"HS256": "OctKey", "RS256": "RSAKey", "ES256": "ECKey"}[alg]
    imported = peer(f"joserfc.jwk:{kind}").import_key(text)
    joserfc = peer("joserfc.jwt:decode")
    registry = peer("joserfc.jwt:JWTClaimsRegistry")(
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience}
    )

    def checked(token: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = joserfc(token, imported, algorithms=[alg]).claims
        registry.validate(claims)
        return claims

    return checked
