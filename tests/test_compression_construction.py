"""`compression`: options, how wrong ones are refused, and packages that are absent."""

import inspect
import sys
import threading
from typing import Any

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, ConfigError, GZipMiddleware, MissingExtra

from .apps import TEXT, stream, text
from .compressing import CLASSES, Make, ask, ids

# A sentence, the class, its wrong options, each problem as (option, remedy), and options as the remedies say.
WRONG: list[tuple[str, Make, dict[str, Any], list[tuple[str, str]], dict[str, Any]]] = [
    (
        "codings as one string",
        CompressionMiddleware,
        {"codings": "gzip"},
        [("codings", "write ['gzip']")],
        {"codings": ["gzip"]},
    ),
    (
        "an unknown coding",
        CompressionMiddleware,
        {"codings": ["gzip", "deflate"]},
        [("codings", "use one of 'zstd', 'br', 'gzip'")],
        {"codings": ["zstd", "br", "gzip"]},
    ),
    (
        "codings in capitals",
        CompressionMiddleware,
        {"codings": ["GZIP", "BR"]},
        [("codings", "use one of 'zstd', 'br', 'gzip'")] * 2,
        {"codings": ["gzip", "br"]},
    ),
    (
        "no codings",
        CompressionMiddleware,
        {"codings": []},
        [("codings", "list some, or leave the middleware out")],
        {"codings": ["br"]},
    ),
    (
        "a coding that is no string",
        CompressionMiddleware,
        {"codings": [1]},
        [("codings", "write ['br', 'gzip']")],
        {"codings": ["br", "gzip"]},
    ),
    (
        "codings as a number",
        CompressionMiddleware,
        {"codings": 7},
        [("codings", "write ['br', 'gzip']")],
        {"codings": ["br", "gzip"]},
    ),
    (
        "a negative minimum",
        CompressionMiddleware,
        {"minimum_size": -1},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "a minimum as text",
        CompressionMiddleware,
        {"minimum_size": "1024"},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "a minimum of True",
        CompressionMiddleware,
        {"minimum_size": True},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "levels as a list",
        CompressionMiddleware,
        {"levels": [("br", 5)]},
        [("levels", "write {'br': 5}")],
        {"levels": {"br": 5}},
    ),
    (
        "levels as a number",
        CompressionMiddleware,
        {"levels": 5},
        [("levels", "write {'br': 5}")],
        {"levels": {"br": 5}},
    ),
    (
        "a level of an unknown coding",
        CompressionMiddleware,
        {"levels": {"deflate": 5}},
        [("levels", "use 'zstd', 'br' or 'gzip'")],
        {"levels": {"zstd": 5, "br": 5, "gzip": 5}},
    ),
    (
        "levels too high",
        CompressionMiddleware,
        {"levels": {"zstd": 23, "br": 12, "gzip": 10}},
        [("levels['zstd']", "write 3"), ("levels['br']", "write 4"), ("levels['gzip']", "write 6")],
        {"levels": {"zstd": 3, "br": 4, "gzip": 6}},
    ),
    (
        "levels too low",
        CompressionMiddleware,
        {"levels": {"zstd": 0, "br": -1, "gzip": -1}},
        [("levels['zstd']", "write 3"), ("levels['br']", "write 4"), ("levels['gzip']", "write 6")],
        {"levels": {"zstd": 1, "br": 0, "gzip": 0}},
    ),
    (
        "a level of None",
        CompressionMiddleware,
        {"levels": {"br": None}},
        [("levels['br']", "write 4")],
        {"levels": {"br": 4}},
    ),
    (
        "types as one string",
        CompressionMiddleware,
        {"content_types": "text/*"},
        [("content_types", "write ['text/*']")],
        {"content_types": ["text/*"]},
    ),
    (
        "types that are none",
        CompressionMiddleware,
        {"content_types": ["text", "text/", "/html", "text/h\xe9", "a/b/c"]},
        [("content_types", "write 'text/html', or 'text/*' for all of a kind")] * 5,
        {"content_types": ["text/html", "text/*"]},
    ),
    (
        "types that would never match",
        CompressionMiddleware,
        {"content_types": ["*/*", "*/json", "application/*+json", "text/x*"]},
        [("content_types", "write 'text/html', or 'text/*' for all of a kind")] * 4,
        {"content_types": ["text/html", "text/*"]},
    ),
    (
        "offload as a number",
        CompressionMiddleware,
        {"offload": 1},
        [("offload", "use one of False, True")],
        {"offload": True},
    ),
    (
        "several at once",
        CompressionMiddleware,
        {"codings": ["gz"], "minimum_size": 1.5, "levels": {"br": 99}, "content_types": ["x"], "offload": None},
        [
            ("codings", "use one of 'zstd', 'br', 'gzip'"),
            ("minimum_size", "write 1024"),
            ("levels['br']", "write 4"),
            ("content_types", "write 'text/html', or 'text/*' for all of a kind"),
            ("offload", "use one of False, True"),
        ],
        {"codings": ["gzip"], "minimum_size": 1024, "levels": {"br": 4}, "content_types": ["text/*"], "offload": False},
    ),
    (
        "several at once",
        GZipMiddleware,
        {"minimum_size": -1, "compresslevel": 10, "thread_minimum_size": "1", "exclude_content_types": ["audio"]},
        [
            ("minimum_size", "write 500"),
            ("compresslevel", "write 6"),
            ("thread_minimum_size", "write 131072"),
            ("exclude_content_types", "write 'text/html', or 'text/*' for all of a kind"),
        ],
        {"minimum_size": 500, "compresslevel": 6, "thread_minimum_size": 131072, "exclude_content_types": ["audio/*"]},
    ),
    (
        "excluded types as one string",
        GZipMiddleware,
        {"exclude_content_types": "audio/*"},
        [("exclude_content_types", "write ['audio/*']")],
        {"exclude_content_types": ["audio/*"]},
    ),
    ("a level of True", GZipMiddleware, {"compresslevel": True}, [("compresslevel", "write 6")], {"compresslevel": 6}),
    (
        "several at once",
        BrotliMiddleware,
        {
            "quality": 12,
            "mode": "TEXT",
            "lgwin": 9,
            "lgblock": 15,
            "minimum_size": None,
            "gzip_fallback": 1,
            "excluded_handlers": ["(", "ok", "*"],
        },
        [
            ("quality", "write 4"),
            ("mode", "use one of 'text', 'generic', 'font'"),
            ("lgwin", "write 22"),
            ("lgblock", "write 0"),
            ("minimum_size", "write 400"),
            ("gzip_fallback", "use one of False, True"),
            ("excluded_handlers", "mend it"),
            ("excluded_handlers", "mend it"),
        ],
        {"quality": 4, "mode": "text", "lgwin": 22, "lgblock": 0, "minimum_size": 400, "gzip_fallback": True},
    ),
    ("a window too wide", BrotliMiddleware, {"lgwin": 25}, [("lgwin", "write 22")], {"lgwin": 22}),
    ("a block too large", BrotliMiddleware, {"lgblock": 25}, [("lgblock", "write 0")], {"lgblock": 0}),
    (
        "excluded handlers as one string",
        BrotliMiddleware,
        {"excluded_handlers": "^/admin"},
        [("excluded_handlers", "write ['^/admin']")],
        {"excluded_handlers": ["^/admin"]},
    ),
]


@pytest.mark.parametrize(
    ("sentence", "make", "options", "problems", "mended"), WRONG, ids=[f"{row[1].__name__}: {row[0]}" for row in WRONG]
)
def test_a_wrong_configuration_is_refused_with_remedies_that_help(
    sentence: str, make: Make, options: dict[str, Any], problems: list[tuple[str, str]], mended: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(text(), **options)
    assert [(problem.option, problem.remedy) for problem in refusal.value.problems] == problems
    assert refusal.value.owner == make.__name__
    assert ask(make(text(), **mended)).body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_is_none_is_refused_with_the_rest(make: Make, coding: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(None, minimum_size=-1)
    assert [problem.option for problem in refusal.value.problems] == ["app", "minimum_size"]


def test_the_text_of_a_refusal_says_who_what_and_what_to_do() -> None:
    with pytest.raises(ConfigError) as refusal:
        GZipMiddleware(text(), compresslevel=10)
    assert str(refusal.value) == "GZipMiddleware: compresslevel: 10: must be a whole number, 0 to 9; write 6"


def test_constructing_starts_no_thread() -> None:
    before = threading.active_count()
    for make in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware):
        make(text())
    assert threading.active_count() == before


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


ZSTD = ("compression", "backports")

FALLBACKS: list[tuple[str, tuple[str, ...], str]] = [
    ("nothing", (), "zstd"),
    ("zstd", ZSTD, "br"),
    ("brotli", ("brotli",), "zstd"),
    ("zstd and brotli", (*ZSTD, "brotli"), "gzip"),
    ("all, and isal", (*ZSTD, "brotli", "isal"), "gzip"),
]


@pytest.mark.parametrize(("sentence", "absent", "coding"), FALLBACKS, ids=ids(FALLBACKS))
def test_codings_of_none_do_without_what_is_absent(
    monkeypatch: pytest.MonkeyPatch, sentence: str, absent: tuple[str, ...], coding: str
) -> None:
    without(monkeypatch, *absent)
    middleware = CompressionMiddleware(text(), levels={"zstd": 4, "br": 5})
    exchange = ask(middleware)
    monkeypatch.undo()
    assert exchange.header("content-encoding") == [coding]
    assert exchange.body == TEXT


@pytest.mark.parametrize(
    "make", [GZipMiddleware, lambda app: CompressionMiddleware(app, codings=["gzip"])], ids=["GZipMiddleware", "gzip"]
)
def test_gzip_always_works(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    without(monkeypatch, *ZSTD, "brotli", "isal")
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = ask(make(app))
        assert exchange.header("content-encoding") == ["gzip"]
        assert exchange.body == expected


MISSING: list[tuple[str, tuple[str, ...], Make, dict[str, Any], str, str]] = [
    ("zstd", ZSTD, CompressionMiddleware, {"codings": ["zstd", "gzip"]}, "zstd", "backports.zstd"),
    ("br", ("brotli",), CompressionMiddleware, {"codings": ["gzip", "br"]}, "brotli", "brotli"),
    ("BrotliMiddleware", ("brotli",), BrotliMiddleware, {}, "brotli", "brotli"),
    ("BrotliMiddleware with options", ("brotli",), BrotliMiddleware, {"quality": 5}, "brotli", "brotli"),
]


@pytest.mark.parametrize(("sentence", "absent", "make", "options", "extra", "package"), MISSING, ids=ids(MISSING))
def test_a_package_that_is_asked_for_and_absent_is_named(
    monkeypatch: pytest.MonkeyPatch,
    sentence: str,
    absent: tuple[str, ...],
    make: Make,
    options: dict[str, Any],
    extra: str,
    package: str,
) -> None:
    without(monkeypatch, *absent)
    with pytest.raises(MissingExtra) as refusal:
        make(text(), **options)
    assert refusal.value.extra == extra
    assert refusal.value.owner == make.__name__
    (problem,) = refusal.value.problems
    assert problem.rule == f"needs the package {package}"
    assert problem.remedy == f"install it: pip install 'asgi-middleware[{extra}]'"
    # The option is one that the reader can find.
    assert problem.option in inspect.signature(make).parameters


def test_other_problems_are_told_before_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "brotli")
    with pytest.raises(ConfigError) as refusal:
        CompressionMiddleware(text(), codings=["br"], minimum_size=-1)
    assert "minimum_size" in [problem.option for problem in refusal.value.problems]


def test_a_middleware_made_with_a_package_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    middleware = CompressionMiddleware(stream(TEXT, b"end"))
    without(monkeypatch, *ZSTD, "brotli", "isal")
    exchanges = [ask(middleware, coding) for coding in ("zstd", "br", "gzip")]
    monkeypatch.undo()
    assert [exchange.body for exchange in exchanges] == [TEXT + b"end"] * 3
