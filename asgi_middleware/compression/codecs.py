"""The three codings as one interface: compress a whole body, or encode a stream.

Levels and their costs are measured figures: nanoseconds per byte of ordinary HTML and JSON, rounded up. They decide
what is small enough to compress on the event loop.
"""

import sys
import threading
import zlib
from typing import Any, Protocol

from .._options import Options
from ..exceptions import MissingExtra

# Browsers refuse zstd windows over 8 MiB (RFC 9659, 3); the levels from 20 up would ask for more.
_ZSTD_WINDOW_LOG = 23
_ZSTD_WIDE_LEVEL = 20

DEFAULT_LEVELS = {"zstd": 3, "br": 4, "gzip": 6}
# Lowest and highest level of each coding.
LEVELS = {"zstd": (1, 22), "br": (0, 11), "gzip": (0, 9)}

# zlib's wbits: 15, the largest window, and 16, which asks for gzip's header and trailer.
_GZIP_FORMAT = 31
_ISAL_LEVEL = 2
_ISAL_COST = 3
# From the lowest level on.
_COSTS = {
    "zstd": (4, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120, 150, 200, 300, 400, 500, 600, 700),
    "br": (5, 6, 8, 9, 12, 20, 25, 35, 50, 80, 500, 1500),
    "gzip": (2, 9, 9, 12, 15, 18, 22, 27, 37, 45),
}


class Encoder(Protocol):
    """One stream. Used by one thread at a time."""

    def feed(self, data: bytes) -> bytes:
        """Take `data`; return what is ready, perhaps nothing."""
        ...

    def flush(self) -> bytes:
        """Return all that is needed to decode everything fed so far."""
        ...

    def finish(self) -> bytes:
        """Return the rest and end the stream."""
        ...


class Codec(Protocol):
    """One coding at one level."""

    name: bytes
    cost: float  # nanoseconds per byte

    def compress(self, data: bytes) -> bytes:
        """The whole body, encoded."""
        ...

    def encoder(self, *, idle: bool) -> Encoder:
        """A new stream; with `idle`, one of small tables, for event streams that stay open."""
        ...


def make(owner: str, coding: str, level: int | None) -> Codec:
    """The codec for "zstd", "br" or "gzip". None takes the default level. Raises MissingExtra."""
    if coding == "gzip":
        return Gzip(level)
    if coding == "br":
        return Brotli(owner, "codings", quality=DEFAULT_LEVELS["br"] if level is None else level)
    return Zstd(owner, DEFAULT_LEVELS["zstd"] if level is None else level)


def available() -> tuple[str, ...]:
    """The codings whose packages are installed, in order of preference."""
    found: list[str] = []
    for coding in ("zstd", "br", "gzip"):
        try:
            make("", coding, None)
        except MissingExtra:
            continue
        found.append(coding)
    return tuple(found)


def _cost(coding: str, level: int) -> int:
    return _COSTS[coding][level - LEVELS[coding][0]]


def check_level(options: Options, option: str, coding: str, level: object) -> None:
    lowest, highest = LEVELS[coding]
    options.integer(option, level, minimum=lowest, maximum=highest, remedy=f"write {DEFAULT_LEVELS[coding]}")


class Gzip:
    """gzip by zlib; by isal, several times as fast, where it is installed and no level is asked for."""

    name = b"gzip"

    def __init__(self, level: int | None = None) -> None:
        self._module: Any = zlib
        self._level = DEFAULT_LEVELS["gzip"] if level is None else level
        self.cost: float = _cost("gzip", self._level)
        if level is None:
            try:
                from isal import isal_zlib
            except ImportError:
                return
            self._module, self._level, self.cost = isal_zlib, _ISAL_LEVEL, _ISAL_COST

    def compress(self, data: bytes) -> bytes:
        body: bytes = self._module.compress(data, self._level, _GZIP_FORMAT)
        return body

    def encoder(self, *, idle: bool) -> Encoder:
        # memLevel 5 takes 40 KiB of tables where the default takes 260.
        return _GzipEncoder(self._module.compressobj(self._level, zlib.DEFLATED, _GZIP_FORMAT, 5 if idle else 8))


class _GzipEncoder:
    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._stream.compress(data)
        return out

    def flush(self) -> bytes:
        out: bytes = self._stream.flush(zlib.Z_SYNC_FLUSH)
        return out

    def finish(self) -> bytes:
        out: bytes = self._stream.flush(zlib.Z_FINISH)
        return out


class Brotli:
    """Brotli (RFC 7932)."""

    name = b"br"

    def __init__(
        self, owner: str, option: str, *, quality: int = 4, mode: str = "text", lgwin: int = 22, lgblock: int = 0
    ) -> None:
        try:
            import brotli
        except ImportError:
            raise MissingExtra(owner, option, "brotli", "brotli") from None
        self._brotli: Any = brotli
        self._options: dict[str, Any] = {
            "quality": quality,
            "mode": {"generic": brotli.MODE_GENERIC, "text": brotli.MODE_TEXT, "font": brotli.MODE_FONT}[mode],
            "lgwin": lgwin,
            "lgblock": lgblock,
        }
        self.cost: float = _cost("br", quality)

    def compress(self, data: bytes) -> bytes:
        body: bytes = self._brotli.compress(data, **self._options)
        return body

    def encoder(self, *, idle: bool) -> Encoder:
        options = {**self._options, "quality": min(1, self._options["quality"]), "lgwin": 16} if idle else self._options
        return _BrotliEncoder(self._brotli.Compressor(**options))


class _BrotliEncoder:
    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._stream.process(data)
        return out

    def flush(self) -> bytes:
        out: bytes = self._stream.flush()
        return out

    def finish(self) -> bytes:
        out: bytes = self._stream.finish()
        return out


class Zstd:
    """Zstandard (RFC 8878), by Python 3.14's own module or backports.zstd."""

    name = b"zstd"

    def __init__(self, owner: str, level: int) -> None:
        try:
            if sys.version_info >= (3, 14):
                from compression import zstd
            else:
                from backports import zstd
        except ImportError:
            raise MissingExtra(owner, "codings", "zstd", "backports.zstd") from None
        self._zstd: Any = zstd
        parameters: Any = zstd.CompressionParameter
        self._options = {parameters.compression_level: level}
        if level >= _ZSTD_WIDE_LEVEL:
            self._options[parameters.window_log] = _ZSTD_WINDOW_LOG
        # 88 KiB for a stream, however long it runs; a window of 17 bits came to 252.
        self._idle_options = {parameters.compression_level: 1, parameters.window_log: 14, parameters.hash_log: 12}
        self.cost: float = _cost("zstd", level)
        # A context costs 8 us to make and can be used again; one per thread, for a shared one serialises them.
        self._contexts = threading.local()

    def compress(self, data: bytes) -> bytes:
        context = getattr(self._contexts, "context", None)
        if context is None:
            context = self._contexts.context = self._zstd.ZstdCompressor(options=self._options)
        body: bytes = context.compress(data, context.FLUSH_FRAME)
        return body

    def encoder(self, *, idle: bool) -> Encoder:
        options = self._idle_options if idle else self._options
        return _ZstdEncoder(self._zstd.ZstdCompressor(options=options))


class _ZstdEncoder:
    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._stream.compress(data)
        return out

    def flush(self) -> bytes:
        out: bytes = self._stream.flush(self._stream.FLUSH_BLOCK)
        return out

    def finish(self) -> bytes:
        out: bytes = self._stream.flush(self._stream.FLUSH_FRAME)
        return out
