"""`stack`: nothing secret is ever printed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware

from asgi_middleware import (
    Stack,
)

from .apps import remembers
from .asgi import App, drive
from .stacking import BEARER, HERE, KEY, SECRET, leaks, told


@pytest.fixture
def secret_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STACK_SECRET", SECRET)
    (tmp_path / "secret").write_text(SECRET + "\n")
    return tmp_path


def test_the_ruler_measures() -> None:
    assert leaks(f"a {SECRET.upper()[3:7]} b", SECRET) == [SECRET[3:7].lower()]
    assert leaks("nothing at all", SECRET, "") == []
    assert leaks("a§b", "§") == ["§"]


def anything_goes(app: App, **options: Any) -> App:
    return app


def quotes(app: App, **options: Any) -> App:
    raise ValueError(f"cannot use {options!r}")


# Where a secret stands in the options of a middleware.
KEPT: list[tuple[str, dict[str, Any]]] = [
    ("from the environment", {"secret": {"env": "STACK_SECRET"}}),
    ("from the environment, under any name", {"colour": {"env": "STACK_SECRET"}}),
    ("from a file", {"secret": {"file": "secret"}}),
    ("from a file, under any name", {"colour": {"file": "secret"}}),
    ("from the environment, in a list", {"colour": ["a", {"env": "STACK_SECRET"}]}),
    ("from the environment, in a tuple", {"colour": ("a", {"env": "STACK_SECRET"})}),
    ("from the environment, deep down", {"colour": {"a": [{"b": {"env": "STACK_SECRET"}}]}}),
    ("as a default", {"secret": {"env": "STACK_NO_VALUE", "default": SECRET}}),
    *(
        (f"inline as {name}", {name: SECRET})
        for name in ("secret_key", "api_key", "KEY", "db_password", "Token", "tokens")
    ),
    ("inline as bytes", {"secret": SECRET.encode()}),
    ("inline in a list", {"secret_keys": [SECRET, SECRET]}),
    ("inline in a tuple", {"secret_keys": (SECRET,)}),
    ("inline in a set", {"secret_keys": {SECRET}}),
    ("inline in a mapping of a secret name", {"passwords": {"ada": SECRET}}),
    ("inline under a secret name in a mapping", {"database": {"user": "ada", "password": SECRET}}),
    ("inline under a secret name in a list of mappings", {"databases": [{"user": "ada", "password": SECRET}]}),
    ("inline under a secret name in a tuple of mappings", {"databases": ({"user": "ada", "password": SECRET},)}),
    ("inline, far behind the point where a repr is cut", {"database": {"a": "b" * 200, "password": SECRET}}),
]


@pytest.mark.parametrize(("sentence", "options"), KEPT, ids=[row[0] for row in KEPT])
def test_a_secret_is_never_printed(sentence: str, options: dict[str, Any], secret_places: Path) -> None:
    text = told([(anything_goes, options)], base=secret_places)
    assert "anything_goes" in text
    assert leaks(text, SECRET) == []


@pytest.mark.parametrize(("sentence", "options"), KEPT, ids=[row[0] for row in KEPT])
def test_a_secret_is_not_printed_beside_another_problem(
    sentence: str, options: dict[str, Any], secret_places: Path
) -> None:
    entry = {"use": anything_goes, "types": ["htp"], "options": options}
    text = told([entry, ("errors", {"debgu": 1})], base=secret_places)
    assert "did you mean 'debug'?" in text
    assert leaks(text, SECRET) == []


@pytest.mark.parametrize(("sentence", "options"), KEPT, ids=[row[0] for row in KEPT])
def test_a_secret_is_not_printed_with_the_constructors_own_words(
    sentence: str, options: dict[str, Any], secret_places: Path
) -> None:
    text = told([(quotes, options)], base=secret_places)
    assert "were refused" in text or "<hidden>" in text
    assert leaks(text, SECRET) == []


def test_a_number_under_a_secret_name_is_a_secret_too() -> None:
    assert leaks(told([(anything_goes, {"token": 7391824655})]), "7391824655") == []
    assert leaks(told([(quotes, {"token": 7391824655})]), "7391824655") == []


def test_an_imported_secret_is_a_secret_too() -> None:
    options = {"secret": {"import": f"{HERE}:SECRET"}}
    assert leaks(told([(anything_goes, options)]), SECRET) == []
    assert leaks(told([(quotes, options)]), SECRET) == []


def test_a_positional_secret_is_a_secret_too() -> None:
    def quotes(app: App, secret: str) -> App:
        raise ValueError(f"cannot use {secret!r}")

    def content(app: App, secret: str) -> App:
        return app

    assert leaks(told([Middleware(content, SECRET)]), SECRET) == []
    assert leaks(told([Middleware(quotes, SECRET)]), SECRET) == []


# What a constructor does to the secret before it complains of it.
QUOTED: list[tuple[str, str, Callable[[str], object]]] = [
    ("as it is", SECRET, str),
    ("its beginning", SECRET, lambda text: text[:9]),
    ("four characters of its beginning", SECRET, lambda text: text[:4]),
    ("its end", SECRET, lambda text: text[-9:]),
    ("its middle", SECRET, lambda text: text[5:12]),
    ("in lower case", SECRET, str.lower),
    ("in upper case", SECRET, str.upper),
    ("as bytes", SECRET, str.encode),
    ("cut by a repr", SECRET, lambda text: repr("a" * 70 + text)[:77]),
    ("without the blanks around it", f"  {SECRET}  ", str.strip),
    ("split at its comma", f"a, {SECRET}", lambda text: text.split(",")[1].strip()),
    ("behind a comma, where the rest is longer", f"{SECRET[::-1]}, {SECRET}", lambda text: text.split(", ")[1]),
    ("with its backslash escaped", "Zq\\xjKvwyPpfgh", repr),
    ("with its quotes escaped", "Zq'\"xjKvwyPpfgh", repr),
    ("with its tab escaped", "Zq\txjKvwyPpfgh", repr),
    ("in ASCII", "Zqöxjßkvwyppfgh", ascii),
    ("the second of its lines", f"-----BEGIN KEY-----\n{SECRET}\n-----END KEY-----", lambda text: text.split("\n")[1]),
    ("percent-encoded", "Zq/xj+kvwyppfgh", lambda text: text.replace("/", "%2F").replace("+", "%2B")),
]


@pytest.mark.parametrize(("sentence", "secret", "done"), QUOTED, ids=[row[0] for row in QUOTED])
def test_a_constructor_cannot_give_a_secret_away(
    sentence: str, secret: str, done: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def quotes(app: App, *, text: str) -> App:
        raise ValueError(f"cannot use {done(text)}")

    monkeypatch.setenv("STACK_SECRET", secret)
    text = told([(quotes, {"text": {"env": "STACK_SECRET"}})])
    assert "entry 1 (quotes)" in text
    assert leaks(text, *re.findall(r"[A-Za-z0-9]{4,}", secret.replace("-----BEGIN KEY-----", ""))) == []


SHORT = ["§", "§7", "§7µ", "§7µþ"]


@pytest.mark.parametrize("secret", SHORT)
def test_a_short_secret_is_a_secret_too(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_SECRET", secret)
    for options in ({"colour": {"env": "STACK_SECRET"}}, {"password": secret}):
        for factory in (anything_goes, quotes):
            assert leaks(told([(factory, options)]), secret) == []


# What our own middlewares answer to values by reference: rules and remedies like to repeat what they saw.
OWN: list[tuple[str, str, Any]] = [
    ("an origin without scheme", "zqxjkvwy.example", ("cors", {"allow_origins": {"env": "STACK_SECRET"}})),
    (
        "the second of two origins",
        "https://a.example, zqxjkvwy.example",
        ("cors", {"allow_origins": {"env": "STACK_SECRET"}}),
    ),
    ("the second of two hosts", "a.example, zqxjkvwy.example", ("cors", {"allow_origins": {"env": "STACK_SECRET"}})),
    ("an origin in upper case", "HTTPS://ZQXJKVWY.EXAMPLE", ("cors", {"allow_origins": {"env": "STACK_SECRET"}})),
    ("an origin with a path", "https://zqxjkvwy.example/", ("cors", {"allow_origins": {"env": "STACK_SECRET"}})),
    (
        "an origin beside a star",
        "https://zqxjkvwy.example",
        ("cors", {"allow_origins": ["*", {"env": "STACK_SECRET"}]}),
    ),
    ("a regular expression", "(zqxjkvwy", ("cors", {"allow_origin_regex": {"env": "STACK_SECRET"}})),
    (
        "a method in lower case",
        "patch",
        ("cors", {"allow_origins": [], "allow_methods": {"env": "STACK_SECRET"}}),
    ),
    ("a number", "739182465", ("gzip", {"compresslevel": {"env": "STACK_SECRET"}})),
    (
        "a cookie's name",
        "__Host-zqxjkvwy",
        (
            "sessions",
            {"secret_key": KEY, "session_cookie": {"env": "STACK_SECRET"}, "https_only": False, "domain": "a.example"},
        ),
    ),
    ("a secret that is too short", "zqxjkvwy", ("auth", {"backend": {**BEARER, "secret": {"env": "STACK_SECRET"}}})),
    (
        "a secret that is too short, in a list",
        "zqxjkvwy",
        ("auth", {"backend": [BEARER, {**BEARER, "secret": {"env": "STACK_SECRET"}}]}),
    ),
    (
        "a hash that is none",
        "zqxjkvwy",
        ("auth", {"backend": {"use": "basic", "users": {"ada": {"env": "STACK_SECRET"}}}}),
    ),
    (
        "a path of keys",
        "zqxjkvwy.pem",
        (
            "auth",
            {"backend": {"use": "bearer", "keys": {"env": "STACK_SECRET"}, "any_issuer": True, "any_audience": True}},
        ),
    ),
    ("a part of others", SECRET, ("auth", {"backend": {"use": f"{HERE}:fails", "secret": {"env": "STACK_SECRET"}}})),
    (
        "a part of others that raises something else",
        SECRET,
        ("auth", {"backend": {"use": f"{HERE}:fails", "kind": "KeyError", "secret": {"env": "STACK_SECRET"}}}),
    ),
]


@pytest.mark.parametrize(("sentence", "secret", "entry"), OWN, ids=[row[0] for row in OWN])
def test_our_own_refusals_repeat_no_referenced_value(
    sentence: str, secret: str, entry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_SECRET", secret)
    text = told([entry])
    assert "ConfigError" in text
    assert leaks(text, *re.findall(r"zqxj\w*|patch|739182465", secret, re.IGNORECASE), SECRET) == []


# The same inline, in options of a secret name.
INLINE: list[tuple[str, Any]] = [
    ("a bearer's secret", ("auth", {"backend": {**BEARER, "secret": "zqxjkvwy"}})),
    ("a bearer's secret in a list", ("auth", {"backend": [{**BEARER, "secret": "zqxjkvwy"}]})),
    ("a bearer's secret in a tuple", ("auth", {"backend": ({**BEARER, "secret": "zqxjkvwy"},)})),
    ("a part without use", ("auth", {"backend": {"secret": "zqxjkvwy"}})),
    ("a part's misspelt use", ("auth", {"backend": {"us": "bearer", "secret": "zqxjkvwy"}})),
    ("an entry's misspelt use", {"us": "sessions", "secret_key": "zqxjkvwy"}),
    ("options as a list of tables", {"use": "sessions", "options": [{"secret_key": "zqxjkvwy"}]}),
    ("options as a list of pairs", {"use": "sessions", "options": [("secret_key", "zqxjkvwy")]}),
    ("a pair with a list of tables", ("sessions", [{"secret_key": "zqxjkvwy"}])),
    ("a mapping as a key", ("sessions", {"secret_key": {"now": "zqxjkvwy"}})),
    ("a table among origins", ("cors", {"allow_origins": [{"secret": "zqxjkvwy"}]})),
    ("a table as use", {"use": {"secret": "zqxjkvwy"}}),
    ("a table as enabled", {"use": "errors", "enabled": {"secret": "zqxjkvwy"}}),
    ("a table among paths", {"use": "errors", "paths": [{"secret": "zqxjkvwy"}]}),
    ("a table among types", {"use": "errors", "types": [{"secret": "zqxjkvwy"}]}),
]


@pytest.mark.parametrize(("sentence", "entry"), INLINE, ids=[row[0] for row in INLINE])
def test_a_misplaced_secret_is_not_printed(sentence: str, entry: Any) -> None:
    text = told([entry])
    assert "ConfigError" in text
    assert leaks(text, "zqxjkvwy") == []


def test_a_repr_cut_in_the_middle_of_a_secret_is_hidden_too(secret_places: Path) -> None:
    for length in range(70):
        origins = ["*", "https://" + "a" * length, {"env": "STACK_SECRET"}]
        assert leaks(told([("cors", {"allow_origins": origins})]), SECRET) == []


URLS: list[tuple[str, Any]] = [
    ("name and password", "redis://ada:zqxjkvwy@host:6379/0"),
    ("a name alone", "https://zqxjkvwy@host/"),
    ("a password alone", "redis://:zqxjkvwy@host"),
    ("percent-encoded", "redis://ada:zqxj%40kvwy@host"),
    ("an @ in the password", "redis://ada:pass@zqxjkvwy@host"),
    ("a slash in the password, which SQLAlchemy takes", "postgresql+asyncpg://ada:pa/zqxjkvwy@host/db"),
    ("an apostrophe in the password", "redis://ada:it's-zqxjkvwy@host"),
    ("sub-delimiters in the password", "redis://ada:!$&()*+,;=zqxjkvwy@host"),
    ("a scheme with a plus", "postgresql+asyncpg://ada:zqxjkvwy@host/db"),
    ("inside other text", "connect to redis://ada:zqxjkvwy@host please"),
    ("in the query", "redis://localhost:6379/0?db=1&password=zqxjkvwy"),
    ("in the query, as another name", "rediss://localhost?ssl_password=zqxjkvwy&db=1"),
    ("two of them", "redis://ada:zqxjkvwy@one,redis://ada:zqxjkvwy@two"),
    ("in a list", ["redis://ada:zqxjkvwy@host"]),
    ("in a tuple", ("redis://ada:zqxjkvwy@host",)),
    ("in a mapping", {"url": "redis://ada:zqxjkvwy@host"}),
    ("as a key of a mapping", {"redis://ada:zqxjkvwy@host": 1}),
    ("as bytes", b"redis://ada:zqxjkvwy@host"),
    ("as a default", {"env": "STACK_NO_VALUE", "default": "redis://ada:zqxjkvwy@host"}),
]


# Where such a value may stand, rightly or not.
PLACES: list[tuple[str, Callable[[Any], Any]]] = [
    ("an option", lambda value: (anything_goes, {"url": value})),
    ("an option that the constructor quotes", lambda value: (quotes, {"url": value})),
    ("an option of ours", lambda value: ("cors", {"allow_origins": [value]})),
    ("another option of ours", lambda value: ("errors", {"debug": value})),
    ("paths", lambda value: {"use": "errors", "paths": [value]}),
    ("types", lambda value: {"use": "errors", "types": [value]}),
    ("enabled", lambda value: {"use": "errors", "enabled": value}),
    ("options", lambda value: {"use": "errors", "options": value}),
    ("use", lambda value: {"use": value}),
    ("name", lambda value: {"use": "errors", "name": value}),
]


@pytest.mark.parametrize(("place", "entry"), PLACES, ids=[row[0] for row in PLACES])
@pytest.mark.parametrize(("sentence", "value"), URLS, ids=[row[0] for row in URLS])
def test_the_userinfo_of_a_url_is_never_printed(
    sentence: str, value: Any, place: str, entry: Callable[[Any], Any]
) -> None:
    assert leaks(told([entry(value)]), "zqxjkvwy", "zqxj%40kvwy") == []


def test_the_rest_of_a_url_is_printed() -> None:
    urls = ["redis://ada:pass@one:6379/0", "https://b.example/@c", "mailto:ada@example.com"]
    assert Stack([(anything_goes, {"urls": urls})]).describe() == (
        "Stack\n└─ anything_goes\n"
        "     urls = ['redis://<hidden>@one:6379/0', 'https://b.example/@c', 'mailto:ada@example.com']\n"
        "  └─ app"
    )


def test_a_modules_own_error_gives_no_userinfo_away(module: Callable[[str, str], None]) -> None:
    module("cannot_connect", "raise RuntimeError('cannot reach postgres://ada:zqxjkvwy@db')")
    for entry in ("cannot_connect:make", (anything_goes, {"a": {"import": "cannot_connect:make"}})):
        text = told([entry])
        assert "raised RuntimeError" in text
        assert leaks(text, "zqxjkvwy") == []


def test_nothing_secret_is_logged_or_printed_while_a_stack_is_built_and_used(
    secret_places: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    stack = Stack(
        [
            ("sessions", {"secret_key": {"env": "STACK_SECRET"}}),
            ("auth", {"backend": {**BEARER, "secret": SECRET * 2}}),
        ],
        base=secret_places,
    )
    app, scopes = remembers()
    assert drive(stack(app)).status == 200
    assert len(scopes) == 1
    captured = capfd.readouterr()
    assert "is shorter than 32 bytes" in caplog.text
    assert leaks(caplog.text + captured.out + captured.err, SECRET) == []


def test_a_created_secret_is_not_printed(tmp_path: Path) -> None:
    text = told([("sessions", {"secret_key": {"file": "new.key", "create": 32}})], base=tmp_path)
    assert "secret_key = <from file new.key>" in text
    assert leaks(text, (tmp_path / "new.key").read_text()) == []
