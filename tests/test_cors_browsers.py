"""`cors`, judged by a browser's side of the Fetch standard and by a shared cache: see `browser_model.py`."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import body, sends, start, text
from .asgi import App, drive
from .browser_model import ACAC, ACAO, EVIL, A, B, Fetch, Pairs, SharedCache, get, preflight, verdict
from .test_cors import (
    ANY,
    ANY_HEADER,
    ANY_METHOD,
    CREDENTIALS,
    LISTED,
    NAMES,
    NETWORK,
    OWN,
    PUTS,
    REALLY_ANY,
    Options,
    whole,
)

# --- a browser --------------------------------------------------------------------------------------------------------


def answering() -> App:
    """Two headers of its own, and CORS headers that must not count."""
    own = [(b"x-one", b"1"), (b"x-two", b"2"), (ACAO.encode(), EVIL.encode()), (ACAC.encode(), b"true")]
    return sends(start(headers=[(b"content-type", b"text/plain"), *own]), body(b"ok"))


READS = "reads content-type"
PREFLIGHT = "stopped by the preflight"
RESPONSE = "stopped by the response"
BROWSED: list[tuple[str, Options, Fetch, str]] = [
    ("a simple request", LISTED, Fetch(A), READS),
    ("a simple request of another origin", LISTED, Fetch(EVIL), RESPONSE),
    ("the same host by another scheme", LISTED, Fetch("http://a.example"), RESPONSE),
    ("a form's POST", LISTED, Fetch(A, "POST"), READS),
    ("JSON", LISTED, Fetch(A, "POST", ("content-type",)), READS),
    ("JSON of another origin never reaches the app", LISTED, Fetch(EVIL, "POST", ("content-type",)), PREFLIGHT),
    ("a method that was not listed", LISTED, Fetch(A, "DELETE"), PREFLIGHT),
    ("a listed method", PUTS, Fetch(A, "PUT"), READS),
    (
        "patch in small letters, which browsers do not mend",
        {**LISTED, "allow_methods": ["PATCH"]},
        Fetch(A, "patch"),
        PREFLIGHT,
    ),
    ("any method", ANY_METHOD, Fetch(A, "PATCH"), READS),
    (
        "any method with credentials",
        {**ANY_METHOD, "allow_credentials": True},
        Fetch(A, "PATCH", credentials=True),
        READS,
    ),
    ("a header that was not listed", LISTED, Fetch(A, "GET", ("x-a",)), PREFLIGHT),
    ("listed headers", NAMES, Fetch(A, "GET", ("X-B", "Authorization")), READS),
    ("any header covers Authorization", ANY_HEADER, Fetch(A, "GET", ("Authorization", "X-Any")), READS),
    (
        "any header with credentials",
        {**ANY_HEADER, "allow_credentials": True},
        Fetch(A, "GET", ("X-Any",), True),
        READS,
    ),
    ("credentials", CREDENTIALS, Fetch(A, credentials=True), READS),
    ("credentials that are not allowed", LISTED, Fetch(A, credentials=True), RESPONSE),
    ("credentials that are not allowed, with a preflight", PUTS, Fetch(A, "PUT", credentials=True), PREFLIGHT),
    ("credentials of another origin", CREDENTIALS, Fetch(EVIL, credentials=True), RESPONSE),
    ("any origin", ANY, Fetch(EVIL), READS),
    ("any origin, from a sandboxed frame", ANY, Fetch("null"), READS),
    ("any origin never with credentials", ANY, Fetch(EVIL, credentials=True), RESPONSE),
    ("any origin with credentials, as asked for", REALLY_ANY, Fetch(EVIL, credentials=True), READS),
    ("exposed headers can be read", {**LISTED, "expose_headers": ["X-Two"]}, Fetch(A), "reads content-type x-two"),
    ("all headers can be read", {**ANY, "expose_headers": ["*"]}, Fetch(A), "reads content-type x-one x-two"),
    (
        "a star exposes nothing to a page with credentials",
        {**ANY, "expose_headers": ["*"]},
        Fetch(A, credentials=True),
        RESPONSE,
    ),
    ("null where it is allowed", {"dangerously_allow_null_origin": True}, Fetch("null"), READS),
]


@pytest.mark.parametrize(("sentence", "options", "page", "expected"), BROWSED, ids=[row[0] for row in BROWSED])
def test_a_browser_gives_its_verdict(sentence: str, options: Options, page: Fetch, expected: str) -> None:
    assert verdict(page, CORSMiddleware(answering(), **options)) == expected


def says(*headers: tuple[str, str], status: int = 200) -> App:
    """Answers everything, preflights too, with these headers."""
    return sends(start(status, [(name.encode(), value.encode()) for name, value in headers]), body(b""))


ACAM, ACAH = "access-control-allow-methods", "access-control-allow-headers"
# Replies that no browser takes, and beside each the nearest one that it does.
WRONG_REPLIES: list[tuple[str, App, Fetch, str]] = [
    ("no header", says(), Fetch(A), RESPONSE),
    ("the origin", says((ACAO, A)), Fetch(A), "reads "),
    ("another origin", says((ACAO, B)), Fetch(A), RESPONSE),
    ("a slash behind the origin", says((ACAO, f"{A}/")), Fetch(A), RESPONSE),
    ("the origin in capitals", says((ACAO, A.upper())), Fetch(A), RESPONSE),
    ("the origin in two lines", says((ACAO, A), (ACAO, A)), Fetch(A), RESPONSE),
    ("two origins", says((ACAO, f"{A}, {B}")), Fetch(A), RESPONSE),
    ("a star with credentials", says((ACAO, "*"), (ACAC, "true")), Fetch(A, credentials=True), RESPONSE),
    ("a truth in capitals", says((ACAO, A), (ACAC, "True")), Fetch(A, credentials=True), RESPONSE),
    ("credentials in two lines", says((ACAO, A), (ACAC, "true"), (ACAC, "true")), Fetch(A, credentials=True), RESPONSE),
    ("credentials", says((ACAO, A), (ACAC, "true")), Fetch(A, credentials=True), "reads "),
    ("a refused preflight", says((ACAO, A), (ACAM, "PUT"), status=403), Fetch(A, "PUT"), PREFLIGHT),
    ("a redirected preflight", says((ACAO, A), (ACAM, "PUT"), status=307), Fetch(A, "PUT"), PREFLIGHT),
    ("a method in small letters", says((ACAO, A), (ACAM, "put")), Fetch(A, "PUT"), PREFLIGHT),
    ("a malformed list of methods", says((ACAO, A), (ACAM, "PUT, A B")), Fetch(A, "PUT"), PREFLIGHT),
    ("a list of methods", says((ACAO, A), (ACAM, "PUT, PATCH")), Fetch(A, "PUT"), "reads "),
    ("a star for methods", says((ACAO, "*"), (ACAM, "*")), Fetch(A, "PUT"), "reads "),
    (
        "a star for methods with credentials",
        says((ACAO, A), (ACAC, "true"), (ACAM, "*")),
        Fetch(A, "PUT", credentials=True),
        PREFLIGHT,
    ),
    ("a star for names", says((ACAO, "*"), (ACAH, "*")), Fetch(A, "GET", ("X-A",)), "reads "),
    (
        "a star for names with credentials",
        says((ACAO, A), (ACAC, "true"), (ACAH, "*")),
        Fetch(A, "GET", ("X-A",), True),
        PREFLIGHT,
    ),
    (
        "a star does not cover Authorization",
        says((ACAO, A), (ACAH, "*")),
        Fetch(A, "GET", ("Authorization",)),
        PREFLIGHT,
    ),
    ("a malformed list of names", says((ACAO, A), (ACAH, "X-A, b c")), Fetch(A, "GET", ("X-A",)), PREFLIGHT),
    ("names in another case", says((ACAO, A), (ACAH, "x-a,\tX-B")), Fetch(A, "GET", ("X-A", "x-b")), "reads "),
    ("one name of two", says((ACAO, A), (ACAH, "X-A")), Fetch(A, "GET", ("X-A", "X-B")), PREFLIGHT),
]


@pytest.mark.parametrize(("sentence", "app", "page", "expected"), WRONG_REPLIES, ids=[row[0] for row in WRONG_REPLIES])
def test_the_browser_would_have_told(sentence: str, app: App, page: Fetch, expected: str) -> None:
    assert verdict(page, app) == expected


# Each entry of an origin list, and by hand the origins of the universe that it means.
UNIVERSE = [
    A,
    B,
    EVIL,
    "http://a.example",
    "https://a.example:8443",
    "https://a.example.evil.example",
    "https://xa.example",
    "https://example.com",
    "https://x.example.com",
    "https://x.y.example.com",
    "https://xexample.com",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost.evil.example",
    "null",
]
MEANS: dict[str, set[str]] = {
    A: {A},
    B: {B},
    "https://a.example:8443": {"https://a.example:8443"},
    "https://*.example.com": {"https://x.example.com", "https://x.y.example.com"},
    "https://*.example.com:*": {"https://x.example.com", "https://x.y.example.com"},
    "http://localhost:*": {"http://localhost", "http://localhost:3000"},
}


def random_options(chance: random.Random) -> tuple[Options, set[str]]:
    """Options, and the origins of the universe that they allow."""
    options: Options = {
        "allow_methods": chance.choice(
            [["GET", "HEAD", "POST"], ["GET", "PUT", "PATCH"], ["*"], [], ["purge", "POST"]]
        ),
        "allow_headers": chance.choice([[], ["X-A"], ["x-a", "Authorization", "X-B"], ["*"], ["*", "X-A"]]),
        "max_age": chance.choice([None, 0, 600]),
        "expose_headers": chance.choice([[], ["X-One"], ["x-one", "X-Two"]]),
    }
    allowed: set[str] = set()
    if chance.random() < 0.2:
        options["allow_origins"] = ["*"]
        return options, set(UNIVERSE)
    options["allow_credentials"] = chance.random() < 0.5
    entries = chance.sample(sorted(MEANS), chance.randrange(4))
    options["allow_origins"] = entries
    for entry in entries:
        allowed |= MEANS[entry]
    if chance.random() < 0.3:
        options["allow_origin_regex"] = r"https?://b\.(example|invalid)"
        allowed |= {B}
    if chance.random() < 0.3:
        options["allow_origin_func"] = lambda origin, scope: origin == "https://xexample.com"
        allowed |= {"https://xexample.com"}
    if chance.random() < 0.2:
        options["dangerously_allow_null_origin"] = True
        allowed |= {"null"}
    return options, allowed


def meant(options: Options, allowed: set[str], page: Fetch) -> str:
    """The verdict that the options mean, in words of the options alone."""
    asks_first = page.method not in ("GET", "HEAD", "POST") or bool(page.headers)
    stopped = page.origin not in allowed or (page.credentials and not options.get("allow_credentials", False))
    if stopped:
        return PREFLIGHT if asks_first else RESPONSE
    if asks_first:
        methods, names = options["allow_methods"], [name.lower() for name in options["allow_headers"]]
        if "*" not in methods and page.method not in methods:
            return PREFLIGHT
        names += ["accept", "accept-language", "content-language", "content-type"]
        if "*" not in names and any(name.lower() not in names for name in page.headers):
            return PREFLIGHT
    readable = ["content-type", *(name.lower() for name in options["expose_headers"])]
    return "reads " + " ".join(sorted(readable))


def test_browsers_decide_what_random_options_mean() -> None:
    chance = random.Random(20240711)  # noqa: S311  # repeatable, not secret
    verdicts: dict[str, int] = {}
    for _ in range(300):
        options, allowed = random_options(chance)
        app = CORSMiddleware(answering(), **options)
        for _ in range(20):
            page = Fetch(
                chance.choice(UNIVERSE),
                chance.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "purge", "PURGE", "DELETE"]),
                tuple(chance.sample(["X-A", "x-b", "Authorization", "Content-Type"], chance.choice([0, 0, 1, 2]))),
                chance.random() < 0.3,
            )
            found = verdict(page, app)
            assert found == meant(options, allowed, page), (options, page)
            verdicts[found] = verdicts.get(found, 0) + 1
            explanation = explained(app, page)
            assert explanation in ("reads" if found.startswith("reads") else found, "depends"), (options, page)
            verdicts[f"explained: {explanation}"] = verdicts.get(f"explained: {explanation}", 0) + 1
    assert min(verdicts.values()) > 50, verdicts


def explained(app: CORSMiddleware, page: Fetch) -> str:
    """What `explain` says of the page, in the words of `verdict`."""
    told = app.policy.explain(page.origin, page.method, page.headers, credentials=page.credentials)
    if told.readable is None:
        return "depends"
    if told.readable:
        return "reads"
    return PREFLIGHT if "does not send" in told.outcome else RESPONSE


# --- a shared cache ---------------------------------------------------------------------------------------------------


CACHED_APPS: list[Pairs] = [
    [],
    [("vary", "Accept-Encoding")],
    [("vary", "Accept-Encoding"), ("Vary", "Cookie")],
    [("vary", "*")],
    [("vary", "origin")],
    OWN,
    [("vary", "Accept-Language"), (ACAO, "*")],
]


def unsafe_answers(make: Callable[[App, Options], App], rounds: int = 150) -> tuple[int, int]:
    """How many answers out of a cache differ from a fresh one, and how many came out of the cache."""
    chance = random.Random(9111)  # noqa: S311  # repeatable, not secret
    unsafe = hits = 0
    for _ in range(rounds):
        options, _ = random_options(chance)
        pairs = [(name.encode(), value.encode()) for name, value in chance.choice(CACHED_APPS)]
        status = chance.choice([200, 200, 203, 301, 304, 404, 500])
        app = make(sends(start(status, pairs), body(b"")), options)
        cache = SharedCache(app)
        for _ in range(25):
            more = [("cookie", chance.choice("ab")), ("accept-encoding", chance.choice(["gzip", "br"]))]
            scope = get(chance.choice([*UNIVERSE, None]), *more)
            unsafe += cache.get(scope).headers != drive(app, scope).headers
        hits += cache.hits
    return unsafe, hits


def test_a_shared_cache_never_serves_one_origins_answer_to_another() -> None:
    unsafe, hits = unsafe_answers(lambda app, options: CORSMiddleware(app, **options))
    assert unsafe == 0
    assert hits > 500


def test_the_shared_cache_would_have_told() -> None:
    def careless(app: App, options: Options) -> App:
        """Varies only where it names an origin, as several peers do."""
        inner = CORSMiddleware(app, **options)

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def forgetful(message: Any) -> None:
                if message["type"] == "http.response.start" and not any(
                    key == ACAO.encode() for key, _ in message["headers"]
                ):
                    message = {**message, "headers": [pair for pair in message["headers"] if pair[0] != b"vary"]}
                await send(message)

            await inner(scope, receive, forgetful)

        return wrapped

    unsafe, _ = unsafe_answers(careless, rounds=30)
    assert unsafe > 20


def misled(make: Callable[[App, Options], App], rounds: int = 100) -> tuple[int, int]:
    """How many preflights a cache that keeps them answers otherwise than the app, and how many out of the cache."""
    chance = random.Random(2616)  # noqa: S311  # repeatable, not secret
    wrong = hits = 0
    for _ in range(rounds):
        options, _ = random_options(chance)
        app = make(text(b"ok"), {**options, "allow_private_network": True})
        cache = SharedCache(app)
        for _ in range(30):
            scope = preflight(
                chance.choice([A, B, EVIL, "null"]),
                chance.choice(["GET", "PUT"]),
                *chance.choice([[], ["x-a"], ["x-a,x-b"]]),
                more=chance.choice([[], NETWORK]),
            )
            wrong += whole(cache.get(scope)) != whole(drive(app, scope))
        hits += cache.hits
    return wrong, hits


def test_a_cache_that_keeps_preflights_against_the_rules_is_not_misled() -> None:
    wrong, hits = misled(lambda app, options: CORSMiddleware(app, **options))
    assert wrong == 0
    assert hits > 300


@pytest.mark.parametrize("forgotten", ["Origin", "Method", "Headers", "Private-Network"])
def test_the_cache_of_preflights_would_have_told(forgotten: str) -> None:
    """Each of the four fields that a preflight varies by is needed."""

    def forgetful(app: App, options: Options) -> App:
        inner = CORSMiddleware(app, **options)

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def without(message: Any) -> None:
                if message["type"] == "http.response.start":
                    pairs = [(name, value.replace(forgotten.encode(), b"X")) for name, value in message["headers"]]
                    message = {**message, "headers": pairs}
                await send(message)

            await inner(scope, receive, without)

        return wrapped

    wrong, _ = misled(forgetful, rounds=30)
    assert wrong > 5
