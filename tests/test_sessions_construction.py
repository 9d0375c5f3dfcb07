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
    (
        "token_bytes that are async",
        {"token_bytes": later},
        [("token_bytes", "an async function")],
        {"token_bytes": bytes},
    ),
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


# HTTP and WebSocket scopes, and the lifespan's state (ASGI 3.0).
SPECIFIED = [
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers"),
    *("client", "server", "subprotocols", "state", "extensions"),
]
KEYS = "must be text or bytes that are not empty, or a list of them, newest first"
MAKE_ONE = "make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
# A sentence, the options, and all that is said of them.
TOLD: list[tuple[str, Mapping, list[str]]] = [
    (
        "Starlette's options",
        {
            "app": 5,
            "secret_key": [KEY, ""],
            "session_cookie": "a b",
            "max_age": -5,
            "path": "x",
            "same_site": "no",
            "https_only": "maybe",
            "domain": "",
            "partitioned": "yes",
            "scope_key": "",
            "clock": 1,
        },
        [
            "app: 5: must be an ASGI application; pass a callable(scope, receive, send)",
            f"secret_key: empty: {KEYS}; {MAKE_ONE}",
            "session_cookie: 'a b': is not a cookie name; use letters, digits and hyphens",
            "path: 'x': must begin with a slash and hold no `;`; write '/'",
            "domain: '': is not a domain name; write 'example.com', or leave it out",
            "same_site: 'no': is not among the choices; use one of 'lax', 'strict', 'none'",
            "partitioned: 'yes': is not among the choices; use one of False, True",
            "https_only: 'maybe': is not among the choices; use one of 'auto', True, False",
            "max_age: -5: must be a whole number, -1 or more seconds, or None; write 1209600",
            "scope_key: '': must be a string that is not empty; write 'session'",
            "clock: 1: must be a function; pass a callable, or leave the option out",
        ],
    ),
    (
        "our own",
        {
            "secret_key": [5],
            "absolute_timeout": 0,
            "on_store_error": "log",
            "store_timeout": 0,
            "validate": later,
            "scope_key": "headers",
            "token_bytes": None,
            "rolling": True,
            "max_age": None,
        },
        [
            f"secret_key: int: {KEYS}; {MAKE_ONE}",
            "absolute_timeout: 0: must be a whole number, 1 or more seconds, or None; write 43200",
            "on_store_error: 'log': is not among the choices; use one of 'raise', 'empty'",
            "store_timeout: 0: must be a number of seconds above 0; write for example 5.0",
            "validate: an async function: must answer at once; pass a plain function",
            "scope_key: 'headers': is a key of the server's own; write 'session'",
            "token_bytes: None: must be a function; pass a callable, or leave the option out",
            "rolling: True: has no term to begin anew; give a max_age, or leave it out",
        ],
    ),
    (
        "no keys, and what is on or off",
        {"secret_key": [], "encrypt": 1, "rolling": 1, "accept_starlette": 1},
        [
            "secret_key: []: holds no key; list at least one",
            "encrypt: 1: is not among the choices; use one of False, True",
            "rolling: 1: is not among the choices; use one of False, True",
            "accept_starlette: 1: is not among the choices; use one of False, True",
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "told"), TOLD, ids=[row[0] for row in TOLD])
def test_everything_that_is_wrong_is_told_at_once_and_no_secret_is(
    sentence: str, options: Mapping, told: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(**{"app": using(nothing), "secret_key": KEY, **options})
    assert list(map(str, caught.value.problems)) == told
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", SPECIFIED)
def test_no_key_of_the_specification_can_be_the_sessions(key: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}': is a key of the server's own"):
        wrap(using(nothing), scope_key=key)


@pytest.mark.parametrize("keys", ["short", b"short", Secret("short"), [KEY, "short"], "x" * 31])
def test_a_short_key_is_logged_without_its_text(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    said = f"SessionMiddleware: secret_key is shorter than 32 bytes, so cookies can be forged with effort; {MAKE_ONE}"
    assert caplog.record_tuples == [("asgi_middleware.sessions", logging.WARNING, said)]


@pytest.mark.parametrize("keys", ["x" * 32, "ü" * 16, b"\x00" * 32, [KEY, OLD]])
def test_a_key_of_32_bytes_is_long_enough(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    assert caplog.records == []
