"""`_paths`: the one path grammar, and every path that two programs could read differently."""

import posixpath
import random
from typing import Any
from urllib.parse import unquote

import pytest

from asgi_middleware._options import Options
from asgi_middleware._paths import Paths, route_path
from asgi_middleware.exceptions import ConfigError

from .asgi import http


def paths(*patterns: str) -> Paths:
    options = Options("Test")
    made = Paths(options, "public", patterns)
    options.raise_problems()
    return made


ROUTES = [
    ("no root path", {"path": "/a"}, "/a"),
    ("the root path is taken off", {"path": "/app/a", "root_path": "/app"}, "/a"),
    ("a root path that ends with a slash", {"path": "/app/a", "root_path": "/app/"}, "/a"),
    ("the root path alone is the root", {"path": "/app", "root_path": "/app"}, "/"),
    ("the root path and a slash is the root", {"path": "/app/", "root_path": "/app"}, "/"),
    ("a longer first segment is not the root path", {"path": "/apple", "root_path": "/app"}, "/apple"),
    ("a server that leaves the root path out of the path", {"path": "/a", "root_path": "/app"}, "/a"),
    ("a root path of one slash", {"path": "/a", "root_path": "/"}, "/a"),
    ("a doubled slash stays, whatever the root path is", {"path": "//a", "root_path": "/"}, "//a"),
    ("case counts in the root path", {"path": "/App/a", "root_path": "/app"}, "/App/a"),
    ("only once", {"path": "/app/app/a", "root_path": "/app"}, "/app/a"),
    ("no path", {}, "/"),
    ("an empty path", {"path": ""}, "/"),
    ("a root path of None", {"path": "/a", "root_path": None}, "/a"),
]


@pytest.mark.parametrize(("sentence", "scope", "expected"), ROUTES, ids=[row[0] for row in ROUTES])
def test_route_path(sentence: str, scope: dict[str, Any], expected: str) -> None:
    given = dict(scope)
    assert route_path(scope) == expected
    assert scope == given


GRAMMAR = [
    ("a path is exactly that path", "/docs", "/docs", True),
    ("not what is below it", "/docs", "/docs/a", False),
    ("not with a slash behind it", "/docs", "/docs/", False),
    ("not a longer name", "/docs", "/docs2", False),
    ("not another case", "/docs", "/Docs", False),
    ("not the root", "/docs", "/", False),
    ("a slash at the end is part of it", "/docs/", "/docs/", True),
    ("and asked for", "/docs/", "/docs", False),
    ("a star is the path itself", "/docs/*", "/docs", True),
    ("and with a slash", "/docs/*", "/docs/", True),
    ("and everything below", "/docs/*", "/docs/a/b.c", True),
    ("but not a longer name", "/docs/*", "/docs2", False),
    ("nor a longer name's children", "/docs/*", "/docs2/a", False),
    ("nor what is above", "/docs/*", "/", False),
    ("nor another case", "/docs/*", "/DOCS/a", False),
    ("the root is the root only", "/", "/", True),
    ("and nothing below", "/", "/a", False),
    ("a star at the root is the root", "/*", "/", True),
    ("and everything", "/*", "/a/b/c", True),
    ("but not the asterisk form of OPTIONS", "/*", "*", False),
    ("decoded text is compared as it is", "/grüße/*", "/grüße/a", True),
    ("a space is a character", "/a b", "/a b", True),
    ("a dot inside a name is a character", "/.well-known/*", "/.well-known/security.txt", True),
    ("three dots are a name", "/a/*", "/a/...", True),
    ("dots before a name are a name", "/a/*", "/a/..b", True),
    ("dots behind a name are a name", "/a/*", "/a/b..", True),
    ("a percent sign is a character", "/a/*", "/a/100%", True),
    ("an encoded space, decoded once, is text", "/a/*", "/a/%20", True),
    ("what would be an escape with its sign is text", "/a/*", "/a/2e2f5c", True),
    ("nor is every escape a slash", "/a/*", "/a/%5b", True),
]


@pytest.mark.parametrize(("sentence", "pattern", "path", "expected"), GRAMMAR, ids=[row[0] for row in GRAMMAR])
def test_grammar(sentence: str, pattern: str, path: str, expected: bool) -> None:
    scope = http(path)
    assert (paths(pattern).exempts(scope), paths(pattern).covers(scope)) == (expected, expected)


def test_several_patterns_match_whatever_one_of_them_matches() -> None:
    several = paths("/health", "/docs/*", "/static/*")
    seen = [path for path in ("/health", "/docs", "/static/x", "/other", "/health/x") if several.exempts(http(path))]
    assert seen == ["/health", "/docs", "/static/x"]


def test_no_patterns_match_no_plain_path() -> None:
    assert (paths().exempts(http("/a")), paths().covers(http("/a"))) == (False, False)


DOUBT = [
    ("parent segment", "/public/../private", None),
    ("parent segment at the end", "/public/..", None),
    ("parent segment at the start", "/../public/a", None),
    ("parent segment with a parameter", "/public/..;/private", None),
    ("parent segment with a named parameter", "/public/..;a=b/private", None),
    ("parent segment and back", "/public/a/../b", None),
    ("dot segment", "/public/./a", None),
    ("dot segment at the end", "/public/.", None),
    ("dot segment with a parameter", "/public/.;/a", None),
    ("doubled slash", "/public//a", None),
    ("doubled slash at the start", "//public/a", None),
    ("doubled slash at the end", "/public/a//", None),
    ("backslash", "/public/..\\private", None),
    ("backslash alone", "/public\\a", None),
    ("backslash at the start", "\\public/a", None),
    ("encoded slash, seen in the raw path", "/public/a/b", b"/public/a%2fb"),
    ("encoded slash in capitals", "/public/a/b", b"/public/a%2Fb"),
    ("encoded backslash", "/public/a\\b", b"/public/a%5cb"),
    ("encoded backslash that a server decoded to a slash", "/public/a/b", b"/public/a%5Cb"),
    ("encoded dots", "/public/../private", b"/public/%2e%2e/private"),
    ("dots encoded twice", "/public/%2e%2e/private", b"/public/%252e%252e/private"),
    ("one dot encoded twice", "/public/.%2e/private", b"/public/.%252e/private"),
    ("slash encoded twice", "/public/..%2fprivate", b"/public/..%252fprivate"),
    ("slash encoded twice, in capitals", "/public/a%2Fb", b"/public/a%252Fb"),
    ("backslash encoded twice", "/public/..%5cprivate", b"/public/..%255cprivate"),
    ("a percent sign that decodes to an escape", "/public/%2e%2e/private", b"/public/%%32e%%32e/private"),
    ("a null", "/public/a\x00.txt", b"/public/a%00.txt"),
    ("a line feed at the end", "/public/a\n", b"/public/a%0a"),
    ("a carriage return", "/public/\r/a", b"/public/%0d/a"),
    ("a tab inside dots", "/public/.\t./private", b"/public/.%09./private"),
    ("delete", "/public/\x7f", b"/public/%7f"),
    ("absolute form", "http://host/public/a", b"http://host/public/a"),
]


@pytest.mark.parametrize(("sentence", "path", "raw"), DOUBT, ids=[row[0] for row in DOUBT])
def test_doubt_never_opens_and_always_covers(sentence: str, path: str, raw: bytes | None) -> None:
    scope = http(path, raw_path=raw)
    named = paths("/*", "/public/*", "/public", "/public/a/b")
    assert (named.exempts(scope), named.covers(scope)) == (False, True)
    assert (paths("/elsewhere").exempts(scope), paths("/elsewhere").covers(scope)) == (False, True)
    assert (paths().exempts(scope), paths().covers(scope)) == (False, True)


@pytest.mark.parametrize(("sentence", "path", "raw"), DOUBT, ids=[row[0] for row in DOUBT])
def test_doubt_is_seen_below_a_root_path(sentence: str, path: str, raw: bytes | None) -> None:
    scope = http("/app" + path, root_path="/app", raw_path=None if raw is None else b"/app" + raw)
    assert (paths("/*").exempts(scope), paths("/*").covers(scope)) == (False, True)


@pytest.mark.parametrize("path", ["public/a", "public", "..", "?", "*/", "*public", "public*", "http:/public"])
def test_a_path_without_its_slash_is_in_doubt(path: str) -> None:
    """Litestar, Falcon and Starlette's StaticFiles look for `/public/a` then."""
    scope = http(path)
    named = paths("/*", "/public/*", "/public")
    assert (named.exempts(scope), named.covers(scope)) == (False, True)
    assert (paths("/elsewhere").exempts(scope), paths("/elsewhere").covers(scope)) == (False, True)


def test_a_missing_raw_path_is_no_doubt() -> None:
    for raw in (None, b"/public/a", b"/public/%5b"):
        scope = http("/public/a")
        scope["raw_path"] = raw
        assert paths("/public/*").exempts(scope)
    bare = {"type": "http", "path": "/public/a"}
    assert paths("/public/*").exempts(bare)


def places(path: str) -> set[str]:
    """Where a path leads, as different programs read it: decoded again or not, backslash as slash, `;` cut off."""
    found = set()
    for once in (path, unquote(path), unquote(unquote(path))):
        for slashes in (once, once.replace("\\", "/")):
            for text in (slashes, "/".join(segment.partition(";")[0] for segment in slashes.split("/"))):
                found.add(posixpath.normpath("/" + text.lstrip("/")))
    return found


def test_no_exempt_path_leads_out_of_its_folder_whatever_the_reader() -> None:
    rng = random.Random(20)  # noqa: S311  # seeded, no secret
    pieces = [
        "a",
        "..",
        ".",
        "",
        "%2e",
        "%2E%2e",
        "%252e%252e",
        "..;",
        ";",
        ";..",
        "...",
        "..%2f",
        "%5c..",
        "\\..",
        "%00",
    ]
    public = paths("/public/*")
    exempt = 0
    for _ in range(20_000):
        raw = "/public/" + "/".join(
            "".join(rng.choices(pieces, weights=[6] + [1] * 14, k=rng.choice((1, 1, 2))))
            for _ in range(rng.randint(1, 4))
        )
        path = unquote(raw)
        if public.exempts(http(path, raw_path=raw.encode())):
            exempt += 1
            outside = [place for place in places(path) if place != "/public" and not place.startswith("/public/")]
            assert outside == [], raw
        else:
            assert public.covers(http(path, raw_path=raw.encode())), raw
    assert exempt > 1000


SLASH = "a path begins with a slash"
STAR = "`*` stands only at the end, after a slash"
DECODED = ("patterns match the decoded path alone", "leave out query, fragment, escapes")
NEVER = ("dot segments, `//` and backslashes never match", "write the plain path")
REFUSED = [
    ("a path begins with a slash", "docs", SLASH, "write '/docs'"),
    ("a star alone", "*", SLASH, "write '/*'"),
    ("an empty pattern", "", SLASH, "write '/'"),
    ("a star without its slash", "/docs*", STAR, "write '/docs/*'"),
    ("a star in the middle", "/a/*/b", STAR, "write '/docs/*'"),
    ("two stars", "/docs/**", STAR, "write '/docs/*'"),
    ("a star below a star", "/*/*", STAR, "write '/docs/*'"),
    ("a query", "/a?b=c", *DECODED),
    ("a fragment", "/a#b", *DECODED),
    ("an escape", "/a%20b", *DECODED),
    ("a parent segment", "/a/../b", *NEVER),
    ("a dot segment below a star", "/a/./*", *NEVER),
    ("a doubled slash", "/a//b", *NEVER),
    ("a doubled slash before the star", "/docs//*", *NEVER),
    ("a doubled slash at the root, before the star", "//*", *NEVER),
    ("a backslash", "/a\\b", *NEVER),
    ("a line feed", "/a\n", *NEVER),
]


@pytest.mark.parametrize(("sentence", "pattern", "rule", "remedy"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_pattern_that_could_not_match_is_refused(sentence: str, pattern: str, rule: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        paths(pattern)
    (problem,) = caught.value.problems
    assert (problem.option, problem.seen, problem.rule, problem.remedy) == ("public", repr(pattern), rule, remedy)
    if "'" in remedy:
        paths(remedy.split("'")[1])


def test_what_several_patterns_look_like_is_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        paths(3)  # type: ignore[arg-type]  # wrong on purpose
    assert [problem.remedy for problem in caught.value.problems] == ["write ['/health', '/docs/*']"]


NOT_COLLECTIONS: list[tuple[str, Any, list[str]]] = [
    ("one string", "/docs", ["'/docs'"]),
    ("bytes", b"/docs", ["b'/docs'"]),
    ("None", None, ["None"]),
    ("bytes among them", ["/a", b"/b", 3], ["b'/b'", "3"]),
]


@pytest.mark.parametrize(("sentence", "value", "seen"), NOT_COLLECTIONS, ids=[row[0] for row in NOT_COLLECTIONS])
def test_what_is_not_a_collection_of_strings_is_refused(sentence: str, value: Any, seen: list[str]) -> None:
    options = Options("Test")
    Paths(options, "public", value)
    assert [(problem.option, problem.seen) for problem in options.problems] == [("public", text) for text in seen]


def test_every_wrong_pattern_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        paths("docs", "/ok", "/a*", "/a/..", "/b?")
    assert [problem.seen for problem in caught.value.problems] == ["'docs'", "'/a*'", "'/a/..'", "'/b?'"]


def test_any_collection_will_do() -> None:
    for patterns in (["/a"], ("/a",), {"/a"}, frozenset({"/a"}), {"/a": 1}.keys()):
        options = Options("Test")
        made = Paths(options, "public", patterns)
        assert options.problems == []
        assert made.exempts(http("/a"))
