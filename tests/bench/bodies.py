"""The tables of compression: small responses, whole bodies beside the codec alone, and what a body does to the loop."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from asgi_middleware.compression import codecs

from ..asgi import App, Message
from . import peers
from .calls import MakeScope, answer, answering, calling, cycled, empty, floor, in_process, ordinary, request
from .measuring import Row, Sample, Scene, Unavailable, Variant, looped

# The words of the documents are made up of these, two thousand of them. From a few words a document would repeat itself
# so much that zlib's highest levels, which look longest for repetitions, took several times what they take otherwise.
_ONSETS, _VOWELS, _CODAS = "bcdfghjklmnprstvwz", "aeiou", "nrlst "


def _vocabulary(size: int) -> list[str]:
    chance = random.Random(size)  # noqa: S311  # words to compress, no secret

    def syllable() -> str:
        return chance.choice(_ONSETS) + chance.choice(_VOWELS) + chance.choice(_CODAS).strip()

    return ["".join(syllable() for _ in range(chance.choice((1, 2, 2, 3)))) for _ in range(size)]


_WORDS = _vocabulary(2000)

# Between the looks at the clock that show how long the event loop was held up.
BEAT = 0.0005  # seconds


def document(size: int) -> bytes:
    """JSON of about `size` bytes, which compresses as such documents do; the same one every time."""
    chance = random.Random(size)  # noqa: S311  # a document to compress, no secret
    items: list[dict[str, Any]] = []
    length = 0
    while length < size:
        item = {
            "id": chance.getrandbits(32),
            "name": " ".join(chance.choices(_WORDS, k=3)),
            "price": round(chance.uniform(1, 1000), 2),
            "tags": chance.sample(_WORDS, 2),
            "text": " ".join(chance.choices(_WORDS, k=8)),
        }
        items.append(item)
        length += len(json.dumps(item)) + 2
    return json.dumps(items).encode()


def page(size: int) -> bytes:
    """HTML of about `size` bytes."""
    items = json.loads(document(3 * size))
    rows = "".join(f"<tr><td>{item['id']}<td>{item['text']}</tr>\n" for item in items)
    whole = f"<!doctype html><title>Trees</title><table>{rows}</table>".encode()
    assert len(whole) >= size
    return whole[:size]


def _accepting(*codings: str) -> MakeScope:
    return request(("accept-encoding", ", ".join(codings)))


def small() -> Scene:
    """A response that is too small to be compressed: what a middleware costs where it has nothing to do."""
    long = cycled([request(("accept-encoding", "gzip;q=0.1, x, " * 1000 + f"y{number}")) for number in range(300)])
    made: dict[str, Callable[[], App]] = {
        "ours": lambda: CompressionMiddleware(answer),
        "ours, gzip": lambda: GZipMiddleware(answer),
        "ours, brotli": lambda: BrotliMiddleware(answer),
        "starlette-compress": lambda: peers.starlette_compress(answer),
        "Starlette": lambda: peers.starlette_gzip(answer),
        "brotli-asgi": lambda: peers.brotli_asgi(answer),
    }
    rows: list[Row] = []
    for key, what in (("small", "37 bytes, left alone"), ("long", "15 KB of Accept-Encoding, new each time")):
        limit = 0.8 if key == "small" else None
        rows += [
            Row(f"compression: {what}", f"ours: {key}", f"starlette-compress: {key}", limit, key == "small"),
            Row(f"gzip: {what}", f"ours, gzip: {key}", f"Starlette: {key}", None, key == "small"),
            Row(f"brotli: {what}", f"ours, brotli: {key}", f"brotli-asgi: {key}"),
        ]
    return in_process(
        "compression of small responses",
        {
            **floor(),
            **{f"{who}: small": calling(make) for who, make in made.items()},
            **{f"{who}: long": calling(make, long) for who, make in made.items()},
        },
        rows,
    )


def whole() -> Scene:
    """20 KB of JSON in every coding."""
    app = answering(document(20_000))
    floors = floor(app, request(without="accept-encoding"))

    def compressed(make: Callable[[App], App], coding: str) -> Variant:
        return calling(partial(make, app), _accepting(coding), header=("content-encoding", coding))

    def ours(coding: str, level: int | None = None) -> Variant:
        levels = None if level is None else {coding: level}
        return compressed(lambda app: CompressionMiddleware(app, codings=[coding], levels=levels), coding)

    def fast_gzip() -> Sample:
        if codecs.Gzip().cost >= codecs.Gzip(codecs.DEFAULT_LEVELS["gzip"]).cost:
            raise Unavailable("isal is not installed")
        return ours("gzip").make()

    return in_process(
        "compression of 20 KB of JSON",
        {
            **floors,
            "ours: zstd": ours("zstd"),
            "ours: br": ours("br"),
            "ours: gzip": ours("gzip", codecs.DEFAULT_LEVELS["gzip"]),
            "ours: isal": Variant(fast_gzip),
            "Starlette: gzip": compressed(peers.starlette_gzip, "gzip"),
            "brotli-asgi: br": compressed(peers.brotli_asgi, "br"),
            "starlette-compress: zstd": compressed(peers.starlette_compress, "zstd"),
            "starlette-compress: br": compressed(peers.starlette_compress, "br"),
            "starlette-compress: gzip": compressed(peers.starlette_compress, "gzip"),
        },
        [
            Row("compression: 20 KB of JSON, zstd to Starlette's gzip", "ours: zstd", "Starlette: gzip", 0.3, True),
            Row("compression: 20 KB of JSON, gzip by zlib", "ours: gzip", "Starlette: gzip", 0.65, True),
            Row("compression: 20 KB of JSON, gzip by isal", "ours: isal", "Starlette: gzip", 0.25, True),
            Row("compression: 20 KB of JSON, br", "ours: br", "brotli-asgi: br", None, True),
            Row("compression: 20 KB of JSON, zstd", "ours: zstd", "starlette-compress: zstd"),
            Row("compression: 20 KB of JSON, br", "ours: br", "starlette-compress: br"),
            Row("compression: 20 KB of JSON, gzip by isal", "ours: isal", "starlette-compress: gzip"),
        ],
    )


def sizes() -> Scene:
    """Bodies of other sizes than that of `whole`, everybody on the thread that calls, at their own defaults."""
    variants: dict[str, Variant] = {}
    rows: list[Row] = []
    theirs: dict[str, dict[str, Callable[[App], App]]] = {
        "zstd": {"starlette-compress": peers.starlette_compress},
        "br": {"brotli-asgi": peers.brotli_asgi, "starlette-compress": peers.starlette_compress},
        "gzip": {"Starlette": peers.starlette_gzip_inline, "starlette-compress": peers.starlette_compress},
    }
    for name, size in {"1.2 KB": 1200, "110 KB": 110_000, "1 MB": 1_000_000}.items():
        app = answering(document(size))
        base = f"bare: {name}"
        variants[base] = calling(partial(empty, app, 0), base=None)
        for coding, by_whom in theirs.items():
            key = f"{name}, {coding}"
            makers: dict[str, Callable[[App], App]] = {"ours": partial(_inline, coding=coding, level=None), **by_whom}
            for who, make in makers.items():
                variants[f"{who}: {key}"] = calling(
                    partial(make, app), _accepting(coding), header=("content-encoding", coding), base=base
                )
                if who != "ours":
                    rows.append(Row(f"compression: {key}", f"ours: {key}", f"{who}: {key}"))
    return in_process("compression of other sizes", {**floor(), **variants}, rows, rounds=15)


def codec() -> Scene:
    return _beside_the_codec({"1.2 KB": 1200, "20 KB": 20_000}, rounds=40)


def codec_long() -> Scene:
    return _beside_the_codec({"110 KB": 110_000, "1 MB": 1_000_000}, rounds=15)


def _beside_the_codec(sizes: dict[str, int], rounds: int) -> Scene:
    """What is added to a response, but 6 us of it, to the codec alone; both on the thread that calls."""
    variants = floor()
    rows: list[Row] = []
    for size_name, size in sizes.items():
        body = document(size)
        app = answering(body)
        for coding, level in (("zstd", None), ("br", None), ("gzip", codecs.DEFAULT_LEVELS["gzip"]), ("gzip", None)):
            name = f"{coding} at its default" if level is None else f"{coding} {level}"
            variants |= {
                f"ours: {size_name}, {name}": calling(
                    partial(_inline, app, coding, level),
                    _accepting(coding),
                    header=("content-encoding", coding),
                    allowance=6e-6,
                ),
                f"the codec: {size_name}, {name}": Variant(partial(_alone, coding, level, body), base=None),
            }
            key = f"{size_name}, {name}"
            rows.append(Row(f"compression: {key}, less 6 us", f"ours: {key}", f"the codec: {key}", 1.1))
    return in_process(f"compression beside the codec alone, {' and '.join(sizes)}", variants, rows, rounds)


def _inline(app: App, coding: str, level: int | None) -> App:
    levels = None if level is None else {coding: level}
    return CompressionMiddleware(app, codings=[coding], levels=levels, offload=False)


def _alone(coding: str, level: int | None, body: bytes) -> Sample:
    made = codecs.make("the bench", coding, level)
    return looped(lambda: made.compress(body))


def stalls() -> Scene:
    """The longest time for which the event loop was held up, on asyncio's own loop."""
    loads = {"10 MB": (document(10_000_000), 1), "50 x 110 KB": (page(110_000), 50)}
    variants: dict[str, Variant] = {}
    rows: list[Row] = []
    for name, (body, at_once) in loads.items():
        app = answering(body, b"text/html")
        variants[f"uncompressed: {name}"] = _stalling(partial(empty, app, 0), ordinary, at_once)
        variants[f"Starlette: {name}"] = _stalling(partial(peers.starlette_gzip, app), _accepting("gzip"), at_once)
        for coding in ("zstd", "br", "gzip"):
            ours = f"ours: {name}, {coding}"
            variants[ours] = _stalling(partial(CompressionMiddleware, app), _accepting(coding), at_once)
            rows.append(Row(f"{name} with {coding}, to uncompressed", ours, f"uncompressed: {name}", 10))
            limit = 0.2 if at_once > 1 else None
            rows.append(Row(f"{name} with {coding}, to Starlette's gzip", ours, f"Starlette: {name}", limit))
    return in_process("the longest stall of the event loop", variants, rows, 9)


def _stalling(make: Callable[[], App], scope: MakeScope, at_once: int) -> Variant:
    def sample() -> Sample:
        app = make()
        return lambda: asyncio.run(longest_stall(lambda: _requests(app, scope, at_once)))

    return Variant(sample, base=None)


async def _requests(app: App, scope: MakeScope, at_once: int) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    await asyncio.gather(*(app(scope(), receive, send) for _ in range(at_once)))


async def longest_stall(load: Callable[[], Awaitable[None]]) -> float:
    """The longest time between two turns of a task that asks for one every BEAT, while `load` runs."""
    longest = 0.0
    done = False

    async def beat() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done:
            await asyncio.sleep(BEAT)
            now = time.perf_counter()
            longest = max(longest, now - last)
            last = now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(BEAT)
    await load()
    done = True
    await beating
    return longest
