"""Wrong options of `sessions`: what is refused, and whether the remedy helps."""

import logging
from typing import Any

import pytest
from starlette.datastructures import Secret

from asgi_middleware.exceptions import ConfigError
from asgi_middleware.sessions import SessionMiddleware

from .asgi import drive
from .baking import (
    KEY,
    OLD,
    Mapping,
    nothing,
    using,
    wrap,
)

# --- Wrong configuration ------------------------------------------------------------------------------------------


async def later(*arguments: object) -> bool:
    return True


def bool_of(session: object, scope: object) -> bool:
    return True


# A sentence, the options, what is reported, what the remedy comes to.
REFUSED: list[tuple[str, Mapping, list[tuple[str, str]], Mapping]] = [
    ("no key", {"secret_key": None}, [("secret_key", "NoneType")], {"secret_key": KEY}),
    ("an empty key", {"secret_key": ""}, [("secret_key", "empty")], {"secret_key": KEY}),
    ("an empty key of bytes", {"secret_key": b""}, [("secret_key", "empty")], {"secret_key": KEY}),
    ("an empty Secret", {"secret_key": Secret("")}, [("secret_key", "empty")], {"secret_key": KEY}),
    ("an empty list", {"secret_key": []}, [("secret_key", "[]")], {"secret_key": [KEY]}),
    ("a list of one empty key", {"secret_key": [""]}, [("secret_key", "empty")], {"secret_key": [KEY]}),
    ("None behind a key", {"secret_key": [KEY, None]}, [("secret_key", "NoneType")], {"secret_key": [KEY]}),
    ("two wrong keys", {"secret_key": ["", 5]}, [("secret_key", "empty"), ("secret_key", "int")], {"secret_key": KEY}),
    ("a number", {"secret_key": 5}, [("secret_key", "int")], {"secret_key": KEY}),
    ("a set, which has no order", {"secret_key": {KEY, OLD}}, [("secret_key", "set")], {"secret_key": [KEY, OLD]}),
    ("a list in a list", {"secret_key": [[KEY]]}, [("secret_key", "list")], {"secret_key": [KEY]}),
    ("text that has no bytes", {"secret_key": "\udcff" * 32}, [("secret_key", "str")], {"secret_key": b"\xff" * 32}),
    ("an age that is a fraction", {"max_age": 1.5}, [("max_age", "1.5")], {"max_age": 2}),
    ("an age that is text", {"max_age": "60"}, [("max_age", "'60'")], {"max_age": 60}),
    ("an age of True", {"max_age": True}, [("max_age", "True")], {"max_age": 1}),
    ("an age below -1", {"max_age": -2}, [("max_age", "-2")], {"max_age": -1}),
    ("a name that is no token", {"session_cookie": "a b"}, [("session_cookie", "'a b'")], {"session_cookie": "ab"}),
    (
        "a secret where the name is meant",
        {"session_cookie": "a=/+"},
        [("session_cookie", "'a=/+'")],
        {"session_cookie": "a"},
    ),
    ("a path with an attribute", {"path": "/;x"}, [("path", "'/;x'")], {"path": "/"}),
    ("a domain with an attribute", {"domain": "a;x"}, [("domain", "'a;x'")], {"domain": None}),
    ("SameSite in capitals", {"same_site": "None"}, [("same_site", "'None'")], {"same_site": "none"}),
    (
        "SameSite=None in the open",
        {"same_site": "none", "https_only": False},
        [("https_only", "False")],
        {"https_only": True},
    ),
    (
        "partitioned in the open",
        {"partitioned": True, "https_only": False},
        [("https_only", "False")],
        {"https_only": "auto"},
    ),
    (
        "__Host- with everything that it forbids",
        {"session_cookie": "__Host-s", "https_only": False, "domain": "a.b", "path": "/a"},
        [("https_only", "False"), ("domain", "'a.b'"), ("path", "'/a'")],
        {"https_only": "auto", "domain": None, "path": "/"},
    ),
    ("https_only as a number", {"https_only": 1}, [("https_only", "1")], {"https_only": True}),
    ("an empty scope key", {"scope_key": ""}, [("scope_key", "''")], {"scope_key": "session"}),
    ("a scope key of the server's", {"scope_key": "headers"}, [("scope_key", "'headers'")], {"scope_key": "session"}),
    ("a scope key of bytes", {"scope_key": b"session"}, [("scope_key", "b'session'")], {"scope_key": "session"}),
    ("a clock that is a number", {"clock": 5}, [("clock", "5")], {"clock": lambda: 5.0}),
    ("no clock", {"clock": None}, [("clock", "None")], {"clock": lambda: 5.0}),
    ("encrypt as text", {"encrypt": "yes"}, [("encrypt", "'yes'")], {"encrypt": True}),
    ("encrypt as a number", {"encrypt": 1}, [("encrypt", "1")], {"encrypt": True}),
    ("rolling as a number of seconds", {"rolling": 60}, [("rolling", "60")], {"rolling": True}),
    ("rolling without a term", {"rolling": True, "max_age": None}, [("rolling", "True")], {"rolling": False}),
    (
        "accept_starlette as None",
        {"accept_starlette": None},
        [("accept_starlette", "None")],
        {"accept_starlette": True},
    ),
    ("no absolute time at all", {"absolute_timeout": 0}, [("absolute_timeout", "0")], {"absolute_timeout": 1}),
    ("half a second", {"absolute_timeout": 0.5}, [("absolute_timeout", "0.5")], {"absolute_timeout": None}),
    ("an absolute time of True", {"absolute_timeout": True}, [("absolute_timeout", "True")], {"absolute_timeout": 60}),
    ("validate that is no function", {"validate": "user"}, [("validate", "'user'")], {"validate": None}),
    ("validate that is async", {"validate": later}, [("validate", "an async function")], {"validate": bool_of}),
    ("a clock that is async", {"clock": later}, [("clock", "an async function")], {"clock": lambda: 5.0}),
    ("token_bytes that are bytes", {"token_bytes": b"x"}, [("token_bytes", "b'x'")], {"token_bytes": bytes}),
    ("no token_bytes", {"token_bytes": None}, [("token_bytes", "None")], {"token_bytes": bytes}),
    (
        "encrypt, rolling and accept_starlette at once",
        {"encrypt": None, "rolling": "on", "accept_starlette": 1},
        [("encrypt", "None"), ("rolling", "'on'"), ("accept_starlette", "1")],
        {"encrypt": True, "rolling": True, "accept_starlette": True},
    ),
    ("no app", {"app": None}, [("app", "None")], {"app": using(nothing)}),
]


@pytest.mark.parametrize(("sentence", "options", "problems", "mended"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_option_is_refused_and_the_remedy_helps(
    sentence: str, options: Mapping, problems: list[tuple[str, str]], mended: Mapping
) -> None:
    good = {"app": using(nothing), "secret_key": KEY}
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(**{**good, **options})
    assert caught.value.owner == "SessionMiddleware"
    assert [(problem.option, problem.seen) for problem in caught.value.problems] == problems
    assert all(problem.rule and problem.remedy for problem in caught.value.problems)
    assert drive(SessionMiddleware(**{**good, **options, **mended})).error is None


def test_everything_that_is_wrong_is_told_at_once_and_no_secret_is() -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(
            5,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            [KEY, ""],
            "a b",
            -5,
            "x",
            "no",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            "maybe",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            "",
            "yes",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            scope_key="",
            clock=1,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
        )
    assert sorted(problem.option for problem in caught.value.problems) == [
        "app",
        "clock",
        "domain",
        "https_only",
        "max_age",
        "partitioned",
        "path",
        "same_site",
        "scope_key",
        "secret_key",
        "session_cookie",
    ]
    assert str(caught.value).startswith("SessionMiddleware: 11 problems\n  - ")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("keys", ["short", b"short", Secret("short"), [KEY, "short"], "x" * 31])
def test_a_short_key_is_logged_without_its_text(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("asgi_middleware.sessions", logging.WARNING)
    ]
    assert "secret_key is shorter than 32 bytes" in caplog.text
    assert "short'" not in caplog.text
    assert "x" * 31 not in caplog.text


@pytest.mark.parametrize("keys", ["x" * 32, "ü" * 16, b"\x00" * 32, [KEY, OLD]])
def test_a_key_of_32_bytes_is_long_enough(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    assert caplog.records == []
