"""Compression around what real frameworks do with bodies, ETags, ranges and files, on real servers.

    python -m pytest -m hosts tests/hosts/test_compression_on_hosts.py

test_hosts.py asks every framework, inside the stack of six, for JSON, streams and events in every coding. What is
asked here besides: ETags, HEAD, 304 and ranges; files, with and without pathsend; Starlette's BaseHTTPMiddleware, and
Django's GZipMiddleware, between compression and the application.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import content
from .checks import CHECKS, Client, Host, Reply, framing, framing_of, unknown_length
from .servers import KINDS, Fleet, Pair, Running

pytestmark = pytest.mark.hosts

CODINGS = ("zstd", "br", "gzip")
WEAK = f"W/{content.ETAG}"
BODIES = {"json": content.NOTES, "stream": b"".join(content.CHUNKS), "file": content.WORDS, content.FILE: content.WORDS}

# Starlette on every server, the others on one that is written in Python and on one that is not.
PAIRS = [
    *(Pair(kind, "starlette_files", "compression") for kind in KINDS),
    *(Pair(kind, app, "compression") for app in ("django_gzip", "sanic_files") for kind in ("uvicorn-h11", "granian")),
]
PATHS = {
    "starlette_files": ["/json", "/stream", "/file", "/base/json", "/base/stream", "/base/file"],
    "django_gzip": ["/json", "/stream", "/file"],
    "sanic_files": ["/json", "/stream", "/file"],
}
# Whose lengths a server must be told, compressed or not: the body is whole when compression sees its first message.
WHOLE = {("starlette_files", "/json"), ("starlette_files", "/base/json"), ("django_gzip", "/json")}
WITH_RANGES = {
    "starlette_files": ["/file", "/base/file", "/static/words.txt"],
    "sanic_files": ["/file"],
}
# What Django logs of every file that it sends.
DJANGO_FILES = "StreamingHttpResponse must consume synchronous iterators in order to serve them asynchronously"
# Starlette's own middleware in the place of ours: the control.
PEER = Pair("uvicorn-h11", "starlette_files", "peer")
WITH_304 = {"starlette_files": ["/static/words.txt", "/base/static/words.txt"], "django_gzip": ["/json"]}

Meet = Callable[[Pair, str], Host]


def rows(paths: dict[str, list[str]]) -> list[Any]:
    """A row for each path, by each protocol of each server. Those of one server stand together."""
    return [
        pytest.param(pair, protocol, path, id=f"{pair.kind}-{protocol}-{pair.app}-{path}")
        for pair in PAIRS
        for protocol in KINDS[pair.kind].protocols
        for path in paths.get(pair.app, ())
    ]


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The servers of the tests that were chosen, all started at once: each is asked by several tests."""
    folder = tmp_path_factory.mktemp("compression")
    (folder / content.FILE).write_bytes(content.WORDS)
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen = {spec.params.get("pair", PEER) for spec in specs if spec is not None}
    running = Fleet(folder, PAIRS)
    for pair in (*PAIRS, PEER):
        if pair in chosen and pair.missing() is None:
            running.begin(pair)
    yield running
    running.close()


@pytest.fixture
def meet(fleet: Fleet) -> Meet:
    def met(pair: Pair, protocol: str) -> Host:
        if missing := pair.missing():
            pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
        if protocol == "h2":
            pytest.importorskip("httpx", reason="the client of HTTP/2 is httpx, of the extra `hosts`")
            pytest.importorskip("h2", reason="HTTP/2 needs h2, of the extra `hosts`")
        running: Running = fleet.get(pair)
        return Host(running.url, {}, protocol, printed=running.printed, pardoned=(DJANGO_FILES,))

    return met


def facts(reply: Reply) -> dict[str, Any]:
    """All that compression owes to a response, each line that came."""
    return {
        "status": reply.status,
        "coding": reply.header("content-encoding"),
        "vary": [line.lower() for line in reply.header("vary")],
        "ranges": reply.header("accept-ranges") + reply.header("content-range"),
        "weak": [etag.startswith("W/") for etag in reply.header("etag")],
    }


def owed(coding: str | None = None, status: int = 200, *, ranges: list[str] | None = None) -> dict[str, Any]:
    """What `facts` must be. What is encoded has a weak ETag, and no ranges."""
    return {
        "status": status,
        "coding": [coding] if coding else [],
        "vary": ["accept-encoding"],
        "ranges": ranges or [],
        "weak": [coding is not None],
    }


def check_body(path: str, body: bytes) -> None:
    expected = BODIES[path.rpartition("/")[2]]
    assert (json.loads(body) if isinstance(expected, list) else body) == expected


def check_framing(reply: Reply, pair: Pair, path: str, host: Host) -> None:
    """One length that is right, or chunks or frames; the length where it can be known, and none where it cannot."""
    if (pair.app, path) in WHOLE:
        assert framing(reply, host) == "length"
    elif path.endswith("/stream"):
        assert framing(reply, host) == unknown_length(host)
    else:
        framing_of(reply, host)


@pytest.mark.parametrize(("pair", "protocol", "path"), rows(PATHS))
def test_every_coding_brings_the_same_body(pair: Pair, protocol: str, path: str, meet: Meet) -> None:
    host = meet(pair, protocol)
    with Client(host) as client:
        plain = client.ask("GET", path, {"Accept-Encoding": "identity"})
        assert facts(plain) == owed(ranges=["bytes"] if path in WITH_RANGES.get(pair.app, ()) else [])
        check_framing(plain, pair, path, host)
        check_body(path, plain.raw)
        (etag,) = plain.header("etag")
        for coding in CODINGS:
            reply = client.ask("GET", path, {"Accept-Encoding": coding})
            assert facts(reply) == owed(coding)
            assert reply.header("etag") == [f"W/{etag}"]
            check_framing(reply, pair, path, host)
            check_body(path, reply.body)
            assert len(reply.raw) < len(plain.raw) / 2


@pytest.mark.parametrize(("pair", "protocol", "path"), rows({app: paths[:3] for app, paths in PATHS.items()}))
def test_head_says_what_get_says(pair: Pair, protocol: str, path: str, meet: Meet) -> None:
    host = meet(pair, protocol)
    with Client(host) as client:
        for coding in CODINGS:
            head = client.ask("HEAD", path, {"Accept-Encoding": coding})
            assert (facts(head), head.raw) == (owed(coding), b"")
            # The connection is in step.
            check_body(path, client.ask("GET", path, {"Accept-Encoding": coding}).body)


@pytest.mark.parametrize(("pair", "protocol", "path"), rows(WITH_RANGES))
def test_ranges_are_those_of_the_plain_bytes(pair: Pair, protocol: str, path: str, meet: Meet) -> None:
    host = meet(pair, protocol)
    size = len(content.WORDS)
    offered = {"Accept-Encoding": "zstd, br, gzip"}
    with Client(host) as client:
        (etag,) = client.ask("GET", path, {"Accept-Encoding": "identity"}).header("etag")
        part = client.ask("GET", path, {**offered, "Range": "bytes=100000-100999"})
        assert facts(part) == {**owed(None, 206, ranges=["bytes", f"bytes 100000-100999/{size}"]), "vary": []}
        assert part.header("etag") == [etag]
        assert part.raw == content.WORDS[100_000:101_000]
        framing_of(part, host)
        if pair.app == "starlette_files":
            # The encoded whole has another ETag than the plain one, and is no base for a range.
            whole = client.ask("GET", path, {**offered, "Range": "bytes=0-9", "If-Range": f"W/{etag}"})
            assert facts(whole) == owed("zstd")
            assert whole.body == content.WORDS
            both = client.ask("GET", path, {**offered, "Range": "bytes=0-9,200000-200009"})
            assert (both.status, both.header("content-encoding")) == (206, [])
            assert both.raw.count(content.WORDS[:10]) == both.raw.count(content.WORDS[200_000:200_010]) == 1
            assert framing(both, host) == "length"


@pytest.mark.parametrize(("pair", "protocol", "path"), rows(WITH_304))
def test_what_is_unchanged_is_told_by_the_weak_etag(pair: Pair, protocol: str, path: str, meet: Meet) -> None:
    host = meet(pair, protocol)
    with Client(host) as client:
        for coding in CODINGS:
            offered = {"Accept-Encoding": coding}
            (etag,) = client.ask("GET", path, offered).header("etag")
            assert etag.startswith('W/"')
            unchanged = client.ask("GET", path, {**offered, "If-None-Match": etag})
            assert facts(unchanged) == {**owed(coding, 304), "coding": []}
            assert (unchanged.header("etag"), unchanged.raw) == ([etag], b"")
            check_body(path, client.ask("GET", path, offered).body)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.app == "django_gzip"], ids=lambda pair: pair.kind)
@pytest.mark.parametrize("path", ["/own/json", "/own/stream", "/own/file"])
def test_what_django_has_compressed_is_left_alone(pair: Pair, path: str, meet: Meet) -> None:
    """It knows gzip alone: what it encodes is not encoded again, and ours does what it does not."""
    host = meet(pair, "h1")
    with Client(host) as client:
        for accepted, coding in (("gzip", "gzip"), ("gzip, zstd", "gzip"), ("zstd, br", "zstd"), ("identity", None)):
            reply = client.ask("GET", path, {"Accept-Encoding": accepted})
            assert facts(reply) == owed(coding)
            framing_of(reply, host)
            check_body(path, reply.body)


@pytest.mark.parametrize("pair", [Pair("granian", "starlette_files", "compression")], ids=["granian"])
@pytest.mark.parametrize("path", ["/file", "/base/file"])
def test_a_file_is_the_same_with_and_without_pathsend(pair: Pair, path: str, meet: Meet) -> None:
    """Granian sends files by itself where a response names one; encoded it would send them past the encoder."""
    without = {"X-Without-Pathsend": "1"}
    start, body, pathsend = (f"http.response.{kind}" for kind in ("start", "body", "pathsend"))
    host = meet(pair, "h1")
    with Client(host) as client:

        def asked(accepted: str, **headers: str) -> tuple[Reply, set[str]]:
            """The answer, and the types of the messages that it was."""
            reply = client.ask("GET", path, {"Accept-Encoding": accepted, **headers})
            return reply, set(json.loads(client.ask("GET", "/sent").body))

        for headers, types in (({}, {start, pathsend}), (without, {start, body})):
            plain, sent = asked("identity", **headers)
            assert (plain.raw, framing(plain, host), sent) == (content.WORDS, "length", types)
        for coding in CODINGS:
            for headers in ({}, without):
                reply, sent = asked(coding, **headers)
                assert (facts(reply), sent) == (owed(coding), {start, body})
                assert reply.body == content.WORDS
                framing_of(reply, host)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/json", {}),
        ("GET", "/base/json", {}),
        ("HEAD", "/json", {}),
        ("GET", "/static/words.txt", {"If-None-Match": "*"}),
    ],
    ids=["json", "base", "head", "304"],
)
def test_the_questions_can_be_answered_wrong(method: str, path: str, headers: dict[str, str], meet: Meet) -> None:
    """The control: another middleware that compresses does not pass for ours."""
    with Client(meet(PEER, "h1")) as client:
        found = facts(client.ask(method, path, headers))
    assert found not in (owed("gzip"), {**owed("gzip", 304), "coding": []})


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.kind}-{pair.app}")
def test_after_all_that_the_server_has_nothing_to_complain_about(pair: Pair, meet: Meet) -> None:
    CHECKS["log"](meet(pair, "h1"))
