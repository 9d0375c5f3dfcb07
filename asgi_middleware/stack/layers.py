"""What stands in a chain, as the rules of the order see it: its kinds, its options, and the requests that it is for.

A class or factory says its kind by the attribute `middleware_kind`; those of others that are in wide use are known by
their import path, and never imported. An auth has the kinds of its backends too.
"""

import dataclasses
import functools
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._cookies import forces_secure
from .entry import Entry
from .reach import EVERYTHING, Reach, of_conditions

STRANGERS = {
    "starlette.middleware.authentication.AuthenticationMiddleware": "auth",
    "starlette.middleware.base.BaseHTTPMiddleware": "base_http",
    "starlette.middleware.body_limit.RequestBodyLimitMiddleware": "limits",
    "starlette.middleware.cors.CORSMiddleware": "cors",
    "starlette.middleware.errors.ServerErrorMiddleware": "errors",
    "starlette.middleware.gzip.GZipMiddleware": "compression",
    "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware": "https_redirect",
    "starlette.middleware.sessions.SessionMiddleware": "sessions",
    "starlette.middleware.trustedhost.TrustedHostMiddleware": "trusted_host",
    "asgi_correlation_id.middleware.CorrelationIdMiddleware": "request_id",
    "brotli_asgi.BrotliMiddleware": "compression",
    "corsheaders.middleware.CorsMiddleware": "cors",
    "django.contrib.sessions.middleware.SessionMiddleware": "sessions",
    "django.middleware.gzip.GZipMiddleware": "compression",
    "hypercorn.middleware.http_to_https.HTTPToHTTPSRedirectMiddleware": "https_redirect",
    "hypercorn.middleware.proxy_fix.ProxyFixMiddleware": "forwarded",
    "litestar.middleware.compression.middleware.CompressionMiddleware": "compression",
    "litestar.middleware.session.base.SessionMiddleware": "sessions",
    "starlette_compress.CompressMiddleware": "compression",
    "starsessions.middleware.SessionMiddleware": "sessions",
    "timing_asgi.middleware.TimingMiddleware": "timing",
    "uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware": "forwarded",
}
# A session's options, by the names that they have here, in Starlette, and in starsessions.
_PLACE = ("scope_key",)
_COOKIE = ("session_cookie", "cookie_name")
_SAME_SITE = ("same_site", "cookie_same_site")
_SECURE = ("https_only", "cookie_https_only")


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing in a chain. `where` is what a finding says of its place, `label` what one about another calls it."""

    where: str
    kinds: frozenset[str]
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # there are secrets among them
    reach: Reach = EVERYTHING
    label: str = ""

    def option(self, names: tuple[str, ...], default: Any) -> Any:
        return next((self.options[name] for name in names if name in self.options), default)

    def is_apart_from(self, other: "Layer") -> bool:
        """Whether these are two sessions that share neither the place in the scope nor the cookie."""
        return all(self.option(names, "session") != other.option(names, "session") for names in (_PLACE, _COOKIE))


def import_path(factory: Any) -> str:
    return f"{getattr(factory, '__module__', '')}.{getattr(factory, '__qualname__', '')}"


def name_of(factory: Any) -> str:
    return getattr(factory, "__name__", None) or type(factory).__name__


def lineage(factory: Any) -> list[str]:
    """The import paths of a class and of those that it inherits from."""
    return [import_path(base) for base in getattr(factory, "__mro__", ())]


def made_by(where: str, factory: Any, args: Sequence[Any] = (), options: Mapping[str, Any] | None = None) -> Layer:
    """What a factory called with these options makes."""
    given = dict(options or {})
    while isinstance(factory, functools.partial):
        args, given = (*factory.args, *args), {**factory.keywords, **given}
        factory = factory.func
    layer = Layer(where, frozenset(_kinds(factory)), _with_defaults(factory, args, given))
    return dataclasses.replace(layer, kinds=layer.kinds.union(*(trait(layer) for trait in _TRAITS)))


def made_already(where: str, middleware: Any) -> Layer:
    """A middleware that was made elsewhere: of its options nothing is known."""
    return Layer(where, frozenset(_kinds(type(middleware))))


def of_entry(where: str, entry: Entry, label: str = "") -> list[Layer]:
    """What an entry stands for: one layer, or, if it is a stack itself, the layers of that."""
    own = of_conditions(*entry._conditions)
    if isinstance(entry.factory, Sequence):
        parts = (of_entry(f"{where}: {part.label}", part, f"{label or where}: {part.label}") for part in entry.factory)
        return [dataclasses.replace(layer, reach=layer.reach.within(own)) for part in parts for layer in part]
    made = made_by(where, entry.factory, entry._args, entry._options)
    return [dataclasses.replace(made, reach=own, label=label)]


def _with_defaults(factory: Any, args: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options by name, also those that are not given."""
    try:
        bound = inspect.signature(factory).bind_partial(None, *args)
    except (TypeError, ValueError):
        return dict(given)
    bound.apply_defaults()
    return {**bound.arguments, **given}


def _kinds(factory: Any) -> Iterator[str]:
    for path in lineage(factory):
        if path in STRANGERS:
            yield STRANGERS[path]
    yield from _declared(factory)


def _declared(factory: Any) -> Iterator[str]:
    kind = getattr(factory, "middleware_kind", None)
    if isinstance(kind, str):
        yield kind


def _backends(layer: Layer) -> Iterator[str]:
    """The kinds of an auth's backends; one of Starlette's contract may read anything, unless it says otherwise."""
    backend = layer.options.get("backend") if "auth" in layer.kinds else ()
    for one in backend if isinstance(backend, (list, tuple)) else (backend,):
        declared = list(_declared(one))
        yield from declared
        if not declared and hasattr(one, "authenticate") and not hasattr(one, "identify"):
            yield "starlette_backend"


def _sessions(layer: Layer) -> Iterator[str]:
    """Whether a session is in a store, and its cookie always Secure, or wherever the scope says https."""
    if "sessions" not in layer.kinds:
        return
    if layer.options.get("store") is not None:
        yield "stored_sessions"
    secure, name, same_site = (layer.option(names, "") for names in (_SECURE, _COOKIE, _SAME_SITE))
    partitioned = layer.options.get("partitioned") is True
    if secure is True or forces_secure(str(name), str(same_site), partitioned):
        yield "secure_cookie"
    elif secure == "auto":
        yield "auto_secure_cookie"


def _sinks(layer: Layer) -> Iterator[str]:
    """Whether a timing tells anybody else than the client."""
    if "timing" in layer.kinds and layer.options.get("sinks"):
        yield "recording"


def _credentials(layer: Layer) -> Iterator[str]:
    """Whether a CORS gives every origin the user's credentials, without having been told that this is dangerous."""
    origins = layer.options.get("allow_origins")
    if (
        "cors" in layer.kinds
        and layer.options.get("allow_credentials") is True
        and isinstance(origins, Collection)
        and "*" in origins  # Starlette asks so too, also of a text
        and not layer.options.get("dangerously_allow_any_origin_with_credentials")
    ):
        yield "any_origin_with_credentials"


# What the options make of a layer.
_TRAITS = (_backends, _sessions, _sinks, _credentials)
