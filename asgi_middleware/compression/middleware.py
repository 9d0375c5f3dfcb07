"""The three classes: ours, and two with the signatures of the packages that people come from."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from .. import _headers
from .._options import Options, shown
from .._scope import extend, fields, readable
from .._types import ASGIApp, Receive, Scope, Send, Strings
from . import codecs
from .codecs import Brotli, Codec, Gzip
from .negotiation import choose
from .responder import CodingResponder, IdentityResponder, Policy, forbids_transform

# The application types worth compressing; text/*, +json and +xml always are.
_COMPRESSIBLE = frozenset(
    {
        b"application/ecmascript",
        b"application/graphql",
        b"application/javascript",
        b"application/json",
        b"application/jsonlines",
        b"application/ld+json",
        b"application/manifest+json",
        b"application/ndjson",
        b"application/sql",
        b"application/toml",
        b"application/vnd.ms-fontobject",
        b"application/wasm",
        b"application/x-javascript",
        b"application/x-ndjson",
        b"application/x-sh",
        b"application/x-yaml",
        b"application/xml",
        b"application/yaml",
        b"font/otf",
        b"font/ttf",
        b"image/bmp",
        b"image/svg+xml",
    }
)
# What is read of a request.
_ASKED = (b"cache-control", b"accept-encoding")
# How many raw Content-Type values one middleware remembers its verdict on.
_MOST_REMEMBERED = 256

# Their bytes would go past the encoder. An application that is not offered them sends bodies instead.
_HIDDEN = frozenset({"http.response.pathsend", "http.response.zerocopysend"})

# Starlette's own list of what is compressed already.
DEFAULT_EXCLUDED_CONTENT_TYPES = (
    "application/grpc",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "audio/*",
    "font/woff",
    "font/woff2",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/event-stream",
    "video/*",
)


class _Compression:
    """What the three have in common: negotiate, and hand the response to the engine."""

    middleware_kind = "compression"

    app: ASGIApp
    _policy: Policy
    _codecs: dict[bytes, Codec]

    def _configure(self, app: ASGIApp, chosen: Iterable[Codec], policy: Policy) -> None:
        self.app = app
        self._codecs = {codec.name: codec for codec in chosen}
        self._order = tuple(self._codecs)
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        cache_control, accept_encoding = fields(scope, _ASKED)
        if cache_control is not None and forbids_transform([cache_control]):
            await self.app(scope, receive, send)
            return
        coding = choose(accept_encoding, self._order)
        if coding is None:
            plain = IdentityResponder(send)
            plain.policy = self._policy
            await self.app(scope, receive, plain.send)
            return
        extensions = scope.get("extensions")
        if extensions and not _HIDDEN.isdisjoint(extensions):
            offered = {name: value for name, value in extensions.items() if name not in _HIDDEN}
            scope = extend(scope, {"extensions": offered})
        responder = CodingResponder(self._policy, self._codecs[coding], send, scope.get("method"))
        await self.app(scope, receive, responder.send)
        if responder.held is not None:
            await responder.release()


class CompressionMiddleware(_Compression):
    """Compresses responses in the coding that the client weighs highest.

    - `codings`: among `"zstd"`, `"br"` and `"gzip"`, best first; it breaks ties. None takes all three, without those
      whose package is not installed; one that is named must be installed, else MissingExtra.
    - `minimum_size`: bytes; smaller bodies of known size go out as they are.
    - `levels`: per coding, by default `{"zstd": 3, "br": 4, "gzip": 6}`. Without a level for gzip, isal is used where
      it is installed.
    - `content_types`: the types to compress instead of the built-in list, such as `["text/*", "application/json"]`.
    - `offload`: compress in threads what would hold up the event loop, by itself or together with what other requests
      compress at the time, for more than about a millisecond.

    Raises ConfigError with every problem.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        codings: Strings | None = None,
        minimum_size: int = 1024,
        levels: Mapping[str, int] | None = None,
        content_types: Strings | None = None,
        offload: bool = True,
    ) -> None:
        options = Options("CompressionMiddleware")
        options.app(app)
        names = codecs.available() if codings is None else options.strings("codings", codings, example="['br', 'gzip']")
        for name in names:
            options.choice("codings", name, ("zstd", "br", "gzip"))
        if not names and not options.problems:
            options.problem("codings", shown(codings), "names none", "list some, or leave the middleware out")
        options.integer("minimum_size", minimum_size, minimum=0, unit="bytes", remedy="write 1024")
        if levels is not None and not isinstance(levels, Mapping):
            options.problem("levels", shown(levels), "must be a mapping", "write {'br': 5}")
            levels = None
        for coding, level in (levels or {}).items():
            if coding in codecs.LEVELS:
                codecs.check_level(options, f"levels[{coding!r}]", coding, level)
            else:
                options.problem("levels", shown(coding), "is no coding", "use 'zstd', 'br' or 'gzip'")
        allowed: tuple[str, ...] | None = None
        if content_types is not None:
            allowed = _check_types(options, "content_types", content_types)
        options.boolean("offload", offload)
        options.raise_problems()
        chosen = [codecs.make("CompressionMiddleware", name, (levels or {}).get(name)) for name in names]
        policy = Policy(
            minimum_size=minimum_size,
            negotiable_type=_remembered(_is_compressible if allowed is None else _in(allowed)),
            offload=offload,
        )
        self._configure(app, chosen, policy)


class GZipMiddleware(_Compression):
    """Starlette's GZipMiddleware in signature and rules, on this package's engine.

    - `minimum_size`: bytes. `compresslevel`: 0 to 9; None takes 6, or isal where it is installed.
    - `thread_minimum_size`: bytes from which on a body is always compressed in a thread.
    - `exclude_content_types`: what is not compressed, `audio/*` for all of a kind; a missing type is compressed.

    Raises ConfigError with every problem.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = 500,
        compresslevel: int | None = None,
        thread_minimum_size: int = 128 * 1024,
        *,
        exclude_content_types: Strings = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        options = Options("GZipMiddleware")
        options.app(app)
        options.integer("minimum_size", minimum_size, minimum=0, unit="bytes", remedy="write 500")
        if compresslevel is not None:
            codecs.check_level(options, "compresslevel", "gzip", compresslevel)
        options.integer("thread_minimum_size", thread_minimum_size, minimum=0, unit="bytes", remedy="write 131072")
        excluded = _check_types(options, "exclude_content_types", exclude_content_types)
        options.raise_problems()
        policy = Policy(
            minimum_size=minimum_size,
            negotiable_type=_remembered(_not_in(excluded)),
            offload=True,
            thread_minimum_size=thread_minimum_size,
        )
        self._configure(app, [Gzip(compresslevel)], policy)


class BrotliMiddleware(_Compression):
    """brotli-asgi's BrotliMiddleware in signature, on this package's engine.

    - `quality`: 0 to 11. `mode`: `"text"`, `"generic"` or `"font"`. `lgwin`: 10 to 24, the window's logarithm.
      `lgblock`: 0 (automatic), or 16 to 24.
    - `minimum_size`: bytes. `gzip_fallback`: gzip for clients without Brotli.
    - `excluded_handlers`: regular expressions; a path in which one is found is left alone.

    Raises ConfigError with every problem, MissingExtra without the package brotli.
    """

    def __init__(
        self,
        app: ASGIApp,
        quality: int = 4,
        mode: Literal["text", "generic", "font"] = "text",
        lgwin: int = 22,
        lgblock: int = 0,
        minimum_size: int = 400,
        gzip_fallback: bool = True,
        excluded_handlers: Strings | None = None,
    ) -> None:
        options = Options("BrotliMiddleware")
        options.app(app)
        codecs.check_level(options, "quality", "br", quality)
        options.choice("mode", mode, ("text", "generic", "font"))
        options.integer("lgwin", lgwin, minimum=10, maximum=24, remedy="write 22")
        if lgblock != 0:
            options.integer("lgblock", lgblock, minimum=16, maximum=24, remedy="write 0")
        options.integer("minimum_size", minimum_size, minimum=0, unit="bytes", remedy="write 400")
        options.boolean("gzip_fallback", gzip_fallback)
        self._excluded: list[re.Pattern[str]] = []
        for pattern in options.strings("excluded_handlers", excluded_handlers or (), example="['^/admin']"):
            try:
                self._excluded.append(re.compile(pattern))
            except re.error as error:
                options.problem("excluded_handlers", shown(pattern), f"is no regular expression ({error})", "mend it")
        options.raise_problems()
        chosen: list[Codec] = [
            Brotli("BrotliMiddleware", "quality", quality=quality, mode=mode, lgwin=lgwin, lgblock=lgblock),
        ]
        if gzip_fallback:
            chosen.append(Gzip())
        policy = Policy(
            minimum_size=minimum_size,
            negotiable_type=_remembered(_not_in(DEFAULT_EXCLUDED_CONTENT_TYPES)),
            offload=True,
        )
        self._configure(app, chosen, policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._excluded and scope["type"] == "http":
            path = scope.get("path", "")
            if any(pattern.search(path) for pattern in self._excluded):
                await self.app(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def _check_types(options: Options, option: str, types: Strings) -> tuple[str, ...]:
    given = options.strings(option, types, example="['text/*', 'application/json']")
    checked = tuple(name.partition(";")[0].strip() for name in given)
    for name in checked:
        kind, _, sub = name.partition("/")
        names = [kind] if sub == "*" else [kind, sub]
        if not all(_headers.is_token(part) and "*" not in part for part in names):
            options.problem(option, shown(name), "is no media type", "write 'text/html', or 'text/*' for all of a kind")
    return checked


def _bare(content_type: bytes | None) -> bytes:
    """The type without its parameters, in lower case; empty where there is none."""
    return (content_type or b"").partition(b";")[0].strip().lower()


def _is_compressible(content_type: bytes | None) -> bool:
    bare = _bare(content_type)
    return bare.startswith(b"text/") or bare.endswith((b"+json", b"+xml")) or bare in _COMPRESSIBLE


def _matcher(names: tuple[str, ...]) -> Callable[[bytes], bool]:
    bare = frozenset(name.lower().encode() for name in names)

    def matches(content_type: bytes) -> bool:
        kind = content_type.partition(b"/")[0]
        return (
            content_type in bare
            or kind + b"/*" in bare
            or (content_type.startswith(b"application/grpc+") and b"application/grpc" in bare)
        )

    return matches


def _in(names: tuple[str, ...]) -> Callable[[bytes | None], bool]:
    matches = _matcher(names)
    return lambda content_type: matches(_bare(content_type))


def _not_in(names: tuple[str, ...]) -> Callable[[bytes | None], bool]:
    matches = _matcher(names)
    return lambda content_type: not matches(_bare(content_type))


def _remembered(judge: Callable[[bytes | None], bool]) -> Callable[[bytes | None], bool]:
    """The judge with a bounded memory: applications send few different types, again and again."""
    verdicts: dict[bytes | None, bool] = {}

    def remembered(content_type: bytes | None) -> bool:
        verdict = verdicts.get(content_type)
        if verdict is None:
            verdict = judge(content_type)
            if len(verdicts) < _MOST_REMEMBERED:
                verdicts[content_type] = verdict
        return verdict

    return remembered
