"""`stack`: every form of an entry, what is refused and how, references, and that nothing secret is ever printed."""

import functools
import os
import re
import secrets
import stat
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from asgi_middleware import (
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    ConfigError,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
)
from asgi_middleware.stack import registry

from .apps import remembers, silent
from .asgi import App, drive, http, step, websocket

HERE = __name__
IN_THAT_FORM = """the entry itself takes it, in the form {"use": ..., 'exclude': ...}"""
WRITE_SECRET = 'write secret_key = { file = "secret_key", create = 32 }, or { env = "..." }'
KNOWN = ", ".join(sorted(registry.MIDDLEWARE))
KEY = "k" * 40


class Marks:
    """Adds its mark to the scope, so that the order shows."""

    def __init__(self, app: App, *, mark: str = "?") -> None:
        self.app = app
        self.mark = mark

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "marks": [*scope.get("marks", ()), self.mark]}, receive, send)


def marks(app: App, **options: Any) -> Marks:
    return Marks(app, **options)


class Typed:
    """Keeps the options that it is given, of every declared type."""

    def __init__(  # type: ignore[no-untyped-def]  # one row is about a missing annotation
        self,
        app: App,
        *,
        number: int = 0,
        maybe: int | None = None,
        older: Optional[int] = None,  # noqa: UP045  # people still write it
        flag: bool = False,
        either: bool | Literal["auto"] = "auto",
        texts: Collection[str] = (),
        frozen: frozenset[str] = frozenset(),
        several: str | Collection[str] = (),
        text: str = "",
        anything: Any = None,
        loose=None,
    ) -> None:
        self.given = {name: value for name, value in locals().items() if name not in ("self", "app")}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("never called")


def given(options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The options that arrive in a constructor."""
    built: Any = Stack([(Typed, options)], **more)(silent())
    kept: dict[str, Any] = built.given
    return kept


def order(stack: Stack, scope: dict[str, Any] | None = None) -> list[str]:
    """The marks that a scope has when it reaches the app, outermost first."""
    app, scopes = remembers()
    assert drive(stack(app), scope).error is None
    found: list[str] = scopes[0].get("marks", [])
    return found


def problems(entries: Any, **more: Any) -> list[str]:
    """Every problem as text, of a stack that is refused."""
    with pytest.raises(ConfigError) as caught:
        Stack(entries, **more)
    return [str(problem) for problem in caught.value.problems]


# --- forms and order ---------------------------------------------------------

FORMS: list[tuple[str, Any, list[str]]] = [
    ("an import string", f"{HERE}:Marks", ["?"]),
    ("a class", Marks, ["?"]),
    ("a function", marks, ["?"]),
    ("a lambda", lambda app: Marks(app, mark="l"), ["l"]),
    ("a partial", functools.partial(Marks, mark="p"), ["p"]),
    ("a pair with an import string", (f"{HERE}:Marks", {"mark": "a"}), ["a"]),
    ("a pair with a class", (Marks, {"mark": "a"}), ["a"]),
    ("a pair with a function that takes anything", (marks, {"mark": "a"}), ["a"]),
    ("a pair as a list", [Marks, {"mark": "a"}], ["a"]),
    ("a pair without options", (Marks, {}), ["?"]),
    ("a mapping with an import string", {"use": f"{HERE}:Marks", "mark": "a"}, ["a"]),
    ("a mapping with a class", {"use": Marks, "mark": "a"}, ["a"]),
    ("a mapping with a table of options", {"use": Marks, "options": {"mark": "a"}}, ["a"]),
    ("Starlette's Middleware", Middleware(Marks, mark="a"), ["a"]),
    ("another stack", Stack([(Marks, {"mark": "a"}), (Marks, {"mark": "b"})]), ["a", "b"]),
    ("another stack's entry", Stack([(Marks, {"mark": "a"})])[0], ["a"]),
    ("a factory that names its app otherwise", lambda inner: Marks(inner, mark="i"), ["i"]),
]


@pytest.mark.parametrize(("sentence", "entry", "expected"), FORMS, ids=[row[0] for row in FORMS])
def test_every_form_of_an_entry_wraps(sentence: str, entry: Any, expected: list[str]) -> None:
    assert order(Stack([entry])) == expected


def test_starlettes_positional_arguments_arrive() -> None:
    built: Any = Stack([Middleware(CORSMiddleware, ["https://a.example"], allow_credentials=True)])(silent())
    assert (built.policy.allow_origins, built.policy.allow_credentials) == (("https://a.example",), True)


WORDS: list[tuple[str, dict[str, Any], type]] = [
    ("auth", {"backend": {"use": "bearer", "secret": KEY, "any_issuer": True, "any_audience": True}}, AuthMiddleware),
    ("brotli", {}, BrotliMiddleware),
    ("compression", {}, CompressionMiddleware),
    ("cors", {"allow_origins": []}, CORSMiddleware),
    ("errors", {}, ErrorsMiddleware),
    ("gzip", {}, GZipMiddleware),
    ("request_id", {}, RequestIDMiddleware),
    ("sessions", {"secret_key": KEY}, SessionMiddleware),
    ("timing", {}, TimingMiddleware),
]


@pytest.mark.parametrize(("word", "options", "kind"), WORDS, ids=[row[0] for row in WORDS])
def test_a_word_stands_for_its_class(word: str, options: dict[str, Any], kind: type) -> None:
    assert type(Stack([(word, options)])(silent())) is kind


def test_the_first_entry_is_the_outermost() -> None:
    stack = Stack((Marks, {"mark": mark}) for mark in "abc")
    assert order(stack) == ["a", "b", "c"]
    assert order(stack) == ["a", "b", "c"]


def test_the_same_middleware_may_stand_there_twice() -> None:
    assert order(Stack([Marks, Marks])) == ["?", "?"]


def test_an_empty_stack_is_the_app_itself() -> None:
    app = silent()
    assert Stack([])(app) is app
    assert (len(Stack([])), Stack([]).describe(), repr(Stack([]))) == (0, "Stack\n└─ app", "Stack([])")


def test_a_stack_is_a_sequence_of_entries() -> None:
    stack = Stack(["errors", (Marks, {"mark": "a"}), {"use": "timing", "enabled": False}])
    assert len(stack) == 2
    assert list(stack) == [stack[0], stack[1]]
    assert stack[0:1] == (stack[0],)
    assert stack[-1] is stack[1]
    factory, args, kwargs = stack[1]
    assert (type(factory(silent())), args, kwargs) == (Marks, (), {})
    with pytest.raises(IndexError):
        stack[2]


def test_a_stack_wraps_several_apps() -> None:
    stack = Stack([(Marks, {"mark": "a"})])
    first, second = stack(silent()), stack(silent())
    assert first is not second


def test_what_is_given_is_not_changed() -> None:
    entry = {"use": Typed, "texts": ["a"], "options": {"anything": {"b": ["c"]}}}
    entries = [entry]
    Stack(entries)
    assert entries == [{"use": Typed, "texts": ["a"], "options": {"anything": {"b": ["c"]}}}]


# --- frameworks --------------------------------------------------------------


async def homepage(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def crash(request: Any) -> PlainTextResponse:
    raise RuntimeError("crash")


def starlette_app(**options: Any) -> Starlette:
    return Starlette(routes=[Route("/", homepage), Route("/crash", crash)], **options)


ENTRIES = ["request_id", ("cors", {"allow_origins": ["https://a.example"]}), "errors"]
REQUEST = http(headers=[("x-request-id", "abc"), ("origin", "https://a.example")])
HOMEPAGE = [
    ("access-control-allow-origin", "https://a.example"),
    ("content-length", "2"),
    ("content-type", "text/plain; charset=utf-8"),
    ("vary", "Origin"),
    ("x-request-id", "abc"),
]


def added(stack: Stack) -> App:
    app = starlette_app()
    app.add_middleware(stack)
    return app


def added_one_by_one(stack: Stack) -> App:
    app = starlette_app()
    for entry in reversed(stack):  # add_middleware puts each around those before
        app.add_middleware(entry)
    return app


HOSTED: list[tuple[str, Callable[[Stack], App]]] = [
    ("Starlette's list", lambda stack: starlette_app(middleware=stack)),
    ("add_middleware with the stack", added),
    ("add_middleware with each entry", added_one_by_one),
    ("around the app", lambda stack: stack(starlette_app())),
]


@pytest.mark.parametrize(("sentence", "host"), HOSTED, ids=[row[0] for row in HOSTED])
def test_a_stack_in_starlette(sentence: str, host: Callable[[Stack], App]) -> None:
    app = host(Stack(ENTRIES))
    exchange = drive(app, REQUEST, loop="asyncio")
    assert (exchange.error, exchange.status, exchange.headers, exchange.body) == (None, 200, HOMEPAGE, b"ok")
    missing = drive(app, http("/nowhere", headers=[("x-request-id", "abc")]), loop="asyncio")
    assert (missing.status, missing.headers) == (
        404,
        [
            ("content-length", "9"),
            ("content-type", "text/plain; charset=utf-8"),
            ("vary", "Origin"),
            ("x-request-id", "abc"),
        ],
    )


def test_inside_starlette_a_stack_with_errors_answers_the_crash() -> None:
    app = starlette_app(middleware=Stack(ENTRIES))
    scope = http("/crash", headers=[("x-request-id", "abc"), ("origin", "https://a.example")])
    exchange = drive(app, scope, loop="asyncio")
    assert isinstance(exchange.error, RuntimeError)
    assert (exchange.status, exchange.body) == (
        500,
        b'{"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "abc"}',
    )
    assert exchange.headers == [
        ("access-control-allow-origin", "https://a.example"),
        ("content-length", "93"),
        ("content-type", "application/problem+json"),
        ("vary", "Origin"),
        ("x-request-id", "abc"),
    ]


def test_in_starlettes_list_the_first_is_the_outermost() -> None:
    seen: list[list[str]] = []

    async def endpoint(request: Any) -> PlainTextResponse:
        seen.append(request.scope["marks"])
        return PlainTextResponse("ok")

    stack = Stack([(Marks, {"mark": mark}) for mark in "abc"])
    app = Starlette(routes=[Route("/", endpoint)], middleware=stack)
    assert drive(app, http(), loop="asyncio").status == 200
    assert seen == [["a", "b", "c"]]


# --- enabled, paths, exclude, types ------------------------------------------

LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}
INVENTED = {"type": "telepathy", "asgi": {"version": "3.0"}}

# A sentence, the entry's own keys, the scope, whether the middleware sees it.
CONDITIONS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("nothing said: http", {}, http(), True),
    ("nothing said: websocket", {}, websocket(), True),
    ("nothing said: lifespan", {}, LIFESPAN, True),
    ("nothing said: a type invented later", {}, INVENTED, True),
    ("enabled", {"enabled": True}, http(), True),
    ("not enabled", {"enabled": False}, http(), False),
    ("paths: that path", {"paths": ["/a"]}, http("/a"), True),
    ("paths: below it", {"paths": ["/a"]}, http("/a/b"), False),
    ("paths: the slash at the end makes another path", {"paths": ["/a"]}, http("/a/"), False),
    ("paths: a star takes the path itself", {"paths": ["/a/*"]}, http("/a"), True),
    ("paths: a star takes what is below", {"paths": ["/a/*"]}, http("/a/b/c"), True),
    ("paths: a star takes no other beginning", {"paths": ["/a/*"]}, http("/ab"), False),
    ("paths: the second of two", {"paths": ["/a", "/b"]}, http("/b"), True),
    ("paths: in another case", {"paths": ["/a"]}, http("/A"), False),
    ("paths: none", {"paths": []}, http("/a"), False),
    ("paths: without the root path", {"paths": ["/a"]}, http("/root/a", root_path="/root"), True),
    ("paths: with the root path", {"paths": ["/root/a"]}, http("/root/a", root_path="/root"), False),
    ("paths: a path in doubt is covered", {"paths": ["/a"]}, http("/b/../c"), True),
    ("paths: on websockets too", {"paths": ["/a"]}, websocket("/b"), False),
    ("paths: not on lifespan", {"paths": ["/a"]}, LIFESPAN, True),
    ("exclude: that path", {"exclude": ["/a"]}, http("/a"), False),
    ("exclude: another", {"exclude": ["/a"]}, http("/b"), True),
    ("exclude: none", {"exclude": []}, http("/a"), True),
    ("exclude: a path in doubt is not exempt", {"exclude": ["/a/*"]}, http("/a/../b"), True),
    ("exclude: an encoded slash is in doubt", {"exclude": ["/a/*"]}, http("/a/b", raw_path=b"/a%2fb"), True),
    ("exclude: on websockets too", {"exclude": ["/a"]}, websocket("/a"), False),
    ("exclude: everything, not lifespan", {"exclude": ["/*"]}, LIFESPAN, True),
    ("exclude goes before paths", {"paths": ["/a/*"], "exclude": ["/a/b"]}, http("/a/b"), False),
    ("paths without what is excluded", {"paths": ["/a/*"], "exclude": ["/a/b"]}, http("/a/c"), True),
    ("types: that type", {"types": ["http"]}, http(), True),
    ("types: another", {"types": ["http"]}, websocket(), False),
    ("types: not lifespan", {"types": ["http", "websocket"]}, LIFESPAN, False),
    ("types: lifespan", {"types": ["lifespan"]}, LIFESPAN, True),
    ("types: a type invented later", {"types": ["http"]}, INVENTED, False),
    ("types and paths", {"types": ["websocket"], "paths": ["/a"]}, http("/a"), False),
]


@pytest.mark.parametrize(("sentence", "own", "scope", "applies"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_conditions(sentence: str, own: dict[str, Any], scope: dict[str, Any], applies: bool) -> None:
    stack = Stack([(Marks, {"mark": "a"}), {"use": Marks, "mark": "b", **own}, (Marks, {"mark": "c"})])
    assert order(stack, scope) == (["a", "b", "c"] if applies else ["a", "c"])


def test_past_a_middleware_the_three_objects_go_untouched() -> None:
    seen: list[tuple[Any, ...]] = []

    async def app(*three: Any) -> None:
        seen.append(three)

    async def nothing(*_: Any) -> None:
        raise AssertionError("never called")

    scope = http("/a")
    past = Stack([{"use": "errors", "exclude": ["/a"]}, {"use": "errors", "types": ["websocket"]}])

    async def call() -> None:
        await past(app)(scope, nothing, nothing)

    step(call())
    assert [[one is other for one, other in zip(three, (scope, nothing, nothing), strict=True)] for three in seen] == [
        [True, True, True]
    ]


SWITCHES = [("true", 1), ("1", 1), ("Yes", 1), (" on ", 1), ("false", 0), ("0", 0), ("NO", 0), ("off", 0)]


@pytest.mark.parametrize(("text", "entries"), SWITCHES, ids=[row[0] for row in SWITCHES])
def test_enabled_may_come_from_the_environment(text: str, entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_FLAG", text)
    assert len(Stack([{"use": "errors", "enabled": {"env": "STACK_FLAG"}}])) == entries


def test_enabled_may_have_a_default() -> None:
    assert len(Stack([{"use": "errors", "enabled": {"env": "STACK_NO_FLAG", "default": False}}])) == 0


def test_what_is_wrong_with_enabled_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_FLAG", "perhaps")
    assert problems([{"use": "errors", "enabled": {"env": "STACK_FLAG"}}]) == [
        "entry 1 (errors): enabled: <from env STACK_FLAG>: is neither true nor false; mend the value of STACK_FLAG"
    ]
    assert problems([{"use": "errors", "enabled": {"env": "STACK_NO_FLAG"}}]) == [
        "entry 1 (errors): enabled: the environment variable STACK_NO_FLAG is not set; set it, or give a `default`"
    ]


def test_the_options_of_a_disabled_entry_are_checked() -> None:
    assert problems([{"use": "errors", "enabled": False, "debgu": True}]) == [
        "entry 1 (errors): debgu: is no option here; did you mean 'debug'?"
    ]


# --- what is refused ---------------------------------------------------------

NOT_A_LIST = [
    ("a word", "cors", "str"),
    ("bytes", b"cors", "bytes"),
    ("nothing", None, "NoneType"),
    ("a number", 5, "int"),
    ("a class", Marks, "type"),
]


@pytest.mark.parametrize(("sentence", "entries", "seen"), NOT_A_LIST, ids=[row[0] for row in NOT_A_LIST])
def test_entries_must_be_a_list(sentence: str, entries: Any, seen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack(entries)
    assert (
        str(caught.value)
        == f'Stack: entries: {seen}: must be a list; write ["cors"], or Stack.from_file(...) for a file'
    )


def not_which(seen: str) -> list[str]:
    return [f'entry 1: use: {seen}: says not which middleware; write use = "cors", or (CORSMiddleware, {{...}})']


class Refuses:
    """A constructor of others."""

    def __init__(self, app: App, *, error: Any = None) -> None:
        raise error


def needs(app: App, *, zebra: str, yak: str, otter: str, newt: str, emu: str, cat: str, bear: str, ape: str) -> App:
    return app


# A sentence, the entry, every problem as text.
WRONG: list[tuple[str, Any, list[str]]] = [
    ("no entry: None", None, not_which("NoneType")),
    ("no entry: a number", 5, not_which("int")),
    ("no entry: a lonely tuple", ("cors",), not_which("tuple")),
    ("no entry: a pair without a mapping", ("cors", ["allow_origins"]), not_which("tuple")),
    ("no entry: three things", ("cors", {}, {}), not_which("tuple")),
    ("no entry: bytes", b"cors", not_which("bytes")),
    ("no entry: a mapping without use", {"Use": "cors", "a": 1}, ['entry 1: use: is missing; write use = "cors"']),
    ("no entry: an empty mapping", {}, ['entry 1: use: is missing; write use = "cors"']),
    (
        "an unknown word, near a known one",
        "core",
        ["entry 1 (core): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"],
    ),
    (
        "an unknown word, far from all",
        "xyzzy",
        [f"entry 1 (xyzzy): use: 'xyzzy': is no known name; known: {KNOWN} (or 'package.module:Name')"],
    ),
    (
        "an empty word",
        "",
        [f"entry 1: use: '': is no known name; known: {KNOWN} (or 'package.module:Name')"],
    ),
    (
        "a missing module",
        "no_such_module:Name",
        [
            (
                "entry 1 (no_such_module:Name): use: 'no_such_module:Name': there is no module 'no_such_module'; "
                "mend the name, or install it"
            )
        ],
    ),
    (
        "a missing submodule",
        "asgi_middleware.corse:CORSMiddleware",
        [
            (
                "entry 1 (asgi_middleware.corse:CORSMiddleware): use: 'asgi_middleware.corse:CORSMiddleware': "
                "there is no module 'asgi_middleware.corse'; mend the name, or install it"
            )
        ],
    ),
    (
        "a missing class",
        "asgi_middleware.cors:CORSMiddelware",
        [
            (
                "entry 1 (asgi_middleware.cors:CORSMiddelware): use: 'asgi_middleware.cors:CORSMiddelware': "
                "'asgi_middleware.cors' has no 'CORSMiddelware'; did you mean 'CORSMiddleware'?"
            )
        ],
    ),
    (
        "no name behind the colon",
        "asgi_middleware.cors:",
        [
            (
                "entry 1 (asgi_middleware.cors:): use: 'asgi_middleware.cors:': is no import string; "
                "write 'package.module:name'"
            )
        ],
    ),
    (
        "what cannot be called",
        f"{HERE}:KEY",
        [f"entry 1 ({HERE}:KEY): use: str: is not callable; name a class or factory(app, ...)"],
    ),
    (
        "a number for use",
        {"use": 5},
        not_which("int"),
    ),
    (
        "a typing error in an option",
        ("cors", {"alow_origins": []}),
        ["entry 1 (cors): alow_origins: is no option here; did you mean 'allow_origins'?"],
    ),
    (
        "an option far from all",
        ("errors", {"xyzzy": 1}),
        ["entry 1 (errors): xyzzy: is no option here; known: debug, reraise"],
    ),
    (
        "an option where there is none",
        (lambda app: app, {"a": 1}),
        ["entry 1 (<lambda>): a: is no option here; it takes none"],
    ),
    (
        "the app as an option",
        ("errors", {"app": 1}),
        ["entry 1 (errors): app: is no option here; known: debug, reraise"],
    ),
    (
        "a typing error in one of the entry's own keys",
        {"use": "errors", "exclud": ["/a"]},
        ["entry 1 (errors): exclud: is no option here; did you mean 'exclude'?"],
    ),
    (
        "the entry's own key in a form that has none",
        ("errors", {"exclude": ["/a"]}),
        [f"entry 1 (errors): exclude: is no option here; {IN_THAT_FORM}"],
    ),
    ("a missing option", "sessions", [f"entry 1 (sessions): secret_key: is required; {WRITE_SECRET}"]),
    (
        "several missing options, in the order of the signature",
        needs,
        [
            f"entry 1 (needs): {name}: is required; give it"
            for name in ("zebra", "yak", "otter", "newt", "emu", "cat", "bear", "ape")
        ],
    ),
    (
        "what a constructor of ours refuses, whole",
        ("errors", {"debug": 1, "reraise": "no"}),
        [
            "entry 1 (errors): debug: 1: is not among the choices; use one of False, True",
            "entry 1 (errors): reraise: 'no': is not among the choices; use one of False, True",
        ],
    ),
    (
        "conditions and options, at once",
        {"use": "errors", "debug": 1, "enabled": 1, "paths": "/a", "exclude": ["a"], "types": ["htp"]},
        [
            "entry 1 (errors): enabled: 1: must be true or false; write enabled = true",
            "entry 1 (errors): paths: '/a': must be a collection of strings, not one string; write ['/a']",
            "entry 1 (errors): exclude: 'a': a path begins with a slash; write '/a'",
            "entry 1 (errors): types: 'htp': is not among the choices; use one of 'http', 'websocket', 'lifespan'",
            "entry 1 (errors): debug: 1: is not among the choices; use one of False, True",
        ],
    ),
    (
        "one string for types",
        {"use": "errors", "types": "http"},
        ["entry 1 (errors): types: 'http': must be a collection of strings, not one string; write ['http']"],
    ),
    (
        "several wrong types, in their order",
        {"use": "errors", "types": ["f", "e", "d", "c", "b", "a"]},
        [
            f"entry 1 (errors): types: {name!r}: is not among the choices; use one of 'http', 'websocket', 'lifespan'"
            for name in "fedcba"
        ],
    ),
    (
        "a constructor that raises",
        (Refuses, {"error": ValueError("no good")}),
        ["entry 1 (Refuses): options: were refused (ValueError: no good); mend them"],
    ),
    (
        "a constructor that raises what is no ValueError",
        (Refuses, {"error": KeyError("no good")}),
        ["entry 1 (Refuses): options: were refused (KeyError: 'no good'); mend them"],
    ),
    (
        "an entry's name in its problems",
        {"use": "core", "name": "mine"},
        ["entry 1 (mine): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"],
    ),
    (
        "too many positional arguments",
        Middleware(ErrorsMiddleware, True),  # type: ignore[call-arg]  # a wrong use  # pyright: ignore[reportCallIssue]
        [
            (
                "entry 1 (ErrorsMiddleware): options: were refused (TypeError: ErrorsMiddleware.__init__() takes "
                "2 positional arguments but 3 were given); mend them"
            )
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "entry", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_entry_is_explained(sentence: str, entry: Any, expected: list[str]) -> None:
    assert problems([entry]) == expected


def test_an_unknown_option_and_a_wrong_value_are_told_at_once() -> None:
    assert sorted(problems([("errors", {"debgu": True, "reraise": "no"})])) == [
        "entry 1 (errors): debgu: is no option here; did you mean 'debug'?",
        "entry 1 (errors): reraise: 'no': is not among the choices; use one of False, True",
    ]


@pytest.mark.parametrize("options", [5, "debug", [["debug", True]], None])
def test_options_must_be_a_table_and_the_rest_is_checked_all_the_same(options: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack([{"use": "errors", "options": options, "debgu": 1}])
    assert sorted((problem.option, problem.rule) for problem in caught.value.problems) == [
        ("entry 1 (errors): debgu", "is no option here"),
        ("entry 1 (errors): options", "must be a table"),
    ]


def test_all_problems_of_all_entries_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Stack(["core", "errors", None, ("gzip", {"minimum_size": -1}), {"use": "sessions", "name": "login"}])
    assert str(caught.value) == (
        "Stack: 4 problems\n"
        "  - entry 1 (core): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')\n"
        '  - entry 3: use: NoneType: says not which middleware; write use = "cors", or (CORSMiddleware, {...})\n'
        "  - entry 4 (gzip): minimum_size: -1: must be a whole number, 0 or more bytes; write 500\n"
        f"  - entry 5 (login): secret_key: is required; {WRITE_SECRET}"
    )


LOADS = [
    ("no colon", "os", "is no import string", "write 'package.module:name'"),
    ("no module", ":path", "is no import string", "write 'package.module:name'"),
    ("a relative module", ".os:path", "is no import string", "write 'package.module:name'"),
    ("a URL whose scheme is a module's name", "os://ada:secret@host", "is no import string", None),
    ("a missing attribute of an attribute", "os:path.jion", "'os' has no 'jion'", "did you mean 'join'?"),
    ("a missing attribute of a number", "sys:maxsize.x", "'sys' has no 'x'", None),
    ("a missing attribute of an object with slots", f"{HERE}:SLOTTED.x", f"{HERE!r} has no 'x'", None),
    ("an empty attribute", "os:path.", "is no import string", None),
]


class Slotted:
    __slots__ = ("a",)


SLOTTED = Slotted()


@pytest.mark.parametrize(("sentence", "name", "rule", "remedy"), LOADS, ids=[row[0] for row in LOADS])
def test_an_import_string_that_leads_nowhere(sentence: str, name: str, rule: str | None, remedy: str | None) -> None:
    with pytest.raises(registry.UnresolvedError) as caught:
        registry.load(name)
    assert rule in (None, caught.value.rule)
    assert remedy in (None, caught.value.remedy)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a module that can be imported until the end of the test."""
    import importlib
    import sys

    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


BROKEN_MODULES = [
    (
        "it raises",
        "raise KeyError('DATABASE')",
        "module 'broken_one' raised KeyError, in {file}, line 1; mend it there",
    ),
    (
        "it imports what is not installed",
        "import no_such_module",
        (
            "module 'broken_one' cannot be imported (No module named 'no_such_module'), in {file}, line 1; "
            "mend what it imports"
        ),
    ),
    (
        "it has a typing error",
        "def",
        "module 'broken_one' raised SyntaxError, in {file}, line 1; mend it there",
    ),
    ("it lacks the name", "maker = 1", "'broken_one' has no 'make'; did you mean 'maker'?"),
]


@pytest.mark.parametrize(("sentence", "source", "expected"), BROKEN_MODULES, ids=[row[0] for row in BROKEN_MODULES])
def test_a_broken_module_is_named(
    sentence: str, source: str, expected: str, module: Callable[[str, str], None], tmp_path: Path
) -> None:
    module("broken_one", source)
    expected = expected.replace("{file}", str(tmp_path / "broken_one.py"))
    assert problems(["broken_one:make"]) == [f"entry 1 (broken_one:make): use: 'broken_one:make': {expected}"]


def test_a_module_that_exits_does_not_end_the_program(module: Callable[[str, str], None]) -> None:
    # A script without a guard around its main part: a check that exits 0 would be taken for a good one.
    module("exits_at_once", "raise SystemExit(0)")
    with pytest.raises(ConfigError):
        Stack(["exits_at_once:make"])


# --- files -------------------------------------------------------------------


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "stack.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_gives_what_a_list_gives(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f"""
        [[middleware]]
        use = "{HERE}:Marks"
        mark = "a"

        [[middleware]]
        use = "{HERE}:Marks"
        enabled = false

        [[middleware]]
        use = "{HERE}:Marks"
        exclude = ["/internal/*"]
        [middleware.options]
        mark = "b"
        """,
    )
    stack = Stack.from_file(file)
    assert order(stack) == ["a", "b"]
    assert order(stack, http("/internal/x")) == ["a"]
    assert order(Stack.from_file(str(file))) == ["a", "b"]


def test_a_file_may_hold_one_inline_list(tmp_path: Path) -> None:
    file = write(tmp_path, f'middleware = [{{ use = "{HERE}:Marks", mark = "a" }}, {{ use = "{HERE}:Marks" }}]')
    assert order(Stack.from_file(file)) == ["a", "?"]


CORE = "use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"
LIST_OF_TABLES = "middleware: must be a list of tables; write [[middleware]] above each entry"

# A sentence, the file, the error behind the file's name.
FILES: list[tuple[str, str | bytes, str]] = [
    ("an empty file", "", 'middleware: is missing; write [[middleware]] and use = "cors"'),
    ("an empty list", "middleware = []", 'middleware: is missing; write [[middleware]] and use = "cors"'),
    ("one table", '[middleware]\nuse = "cors"', LIST_OF_TABLES),
    ("a list of words", 'middleware = ["cors"]', LIST_OF_TABLES),
    ("text", 'middleware = "cors"', LIST_OF_TABLES),
    (
        "a typing error at the top",
        '[[midleware]]\nuse = "cors"',
        "midleware: is not known at the top of a stack file; did you mean 'middleware'?",
    ),
    (
        "something else at the top",
        'use = "cors"\n[[middleware]]\nuse = "core"',
        "use: is not known at the top of a stack file; known: middleware",
    ),
    (
        "no TOML",
        '[[middleware]\nuse = "cors"',
        "file: is not TOML: Expected ']]' at the end of an array declaration (at line 1, column 13); mend it",
    ),
    (
        "a value without quotes",
        '[[middleware]]\nuse = "sessions"\nsecret_key = zqxjkvwy',
        "file: is not TOML: Invalid value (at line 3, column 14); mend it",
    ),
    (
        "not UTF-8",
        b"# \xff",
        "file: cannot be read ('utf-8' codec can't decode byte 0xff in position 2: invalid start byte); mend it",
    ),
    ("the line of the entry", '\n\n[[middleware]]\n\nuse = "core"', f"entry 1 (core), line 3: {CORE}"),
    (
        "lines of several entries, in every spelling of their heads",
        (
            '[[middleware]] # one\nuse = "core"\n\n  [[ middleware ]]\nuse = "core"\n[["middleware"]]\nuse = "core"\n'
            "[['middleware']]\nuse = \"core\""
        ),
        (
            "4 problems"
            f"\n  - entry 1 (core), line 1: {CORE}"
            f"\n  - entry 2 (core), line 4: {CORE}"
            f"\n  - entry 3 (core), line 6: {CORE}"
            f"\n  - entry 4 (core), line 8: {CORE}"
        ),
    ),
    (
        "lines ended as in Windows",
        '\r\n[[middleware]]\r\nuse = "core"\r\n',
        f"entry 1 (core), line 2: {CORE}",
    ),
    (
        "tables inside an entry are no entries",
        '[[middleware]]\nuse = "errors"\n[middleware.options]\ndebug = true\n[[middleware]]\nuse = "core"',
        f"entry 2 (core), line 5: {CORE}",
    ),
    (
        "a head inside a text: then no lines rather than wrong ones",
        '[[middleware]]\nuse = "core"\nname = """\n[[middleware]]\n"""',
        f"entry 1 ([[middleware]]\\n): {CORE}",
    ),
    ("an inline list has no lines", 'middleware = [\n{ use = "core" }\n]', f"entry 1 (core): {CORE}"),
    (
        "a line separator of Unicode ends no line",
        '# one\u2028two\u0085three\n[[middleware]]\nuse = "core"',
        f"entry 1 (core), line 2: {CORE}",
    ),
]


@pytest.mark.parametrize(("sentence", "text", "expected"), FILES, ids=[row[0] for row in FILES])
def test_a_wrong_file_is_explained(sentence: str, text: str | bytes, expected: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    assert str(caught.value) == f"{file}: {expected}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(missing)
    assert str(caught.value) == f"{missing}: file: does not exist; mend the path"
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(tmp_path)
    assert str(caught.value) == f"{tmp_path}: file: cannot be read ([Errno 21] Is a directory: '{tmp_path}'); mend it"


HOSTILE_FILES = [
    ("an integer of too many digits", "a = " + "9" * 5000),
    ("too deep a nesting", "a = " + "[" * 20_000),
    ("a nesting of tables too deep", "a = " + "{a=" * 20_000),
    ("an impossible date", "a = 2020-13-45"),
]


@pytest.mark.parametrize(("sentence", "text"), HOSTILE_FILES, ids=[row[0] for row in HOSTILE_FILES])
def test_a_hostile_file_is_refused_like_any_other(sentence: str, text: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    assert (caught.value.owner, caught.value.problems[0].option) == (str(file), "file")


# --- references --------------------------------------------------------------

# A sentence, the option, the text in the environment, the value that arrives.
CONVERTED: list[tuple[str, str, str, Any]] = [
    ("int", "number", "5", 5),
    ("int, negative, with blanks", "number", " -5\n", -5),
    ("int or None", "maybe", "5", 5),
    ("Optional[int]", "older", "5", 5),
    ("bool: true", "flag", "true", True),
    ("bool: 1", "flag", "1", True),
    ("bool: YES", "flag", "YES", True),
    ("bool: off", "flag", "off", False),
    ("bool: 0", "flag", "0", False),
    ("bool or a word: the word", "either", "auto", "auto"),
    ("bool or a word: the bool", "either", "true", True),
    ("a collection", "texts", "a,b", ["a", "b"]),
    ("a collection of one", "texts", "a", ["a"]),
    ("a collection with blanks and gaps", "texts", " a b , c,, ", ["a b", "c"]),
    ("an empty collection", "texts", "", []),
    ("a frozenset", "frozen", "a,b", ["a", "b"]),
    ("text or a collection", "several", "a,b", "a,b"),
    ("text", "text", " a,b ", " a,b "),
    ("text of digits", "text", "5", "5"),
    ("text of a bool", "text", "true", "true"),
    ("no text", "text", "", ""),
    ("Any", "anything", "5", "5"),
    ("no annotation", "loose", "5", "5"),
]


@pytest.mark.parametrize(("sentence", "option", "text", "value"), CONVERTED, ids=[row[0] for row in CONVERTED])
def test_text_becomes_the_declared_type(
    sentence: str, option: str, text: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_VALUE", text)
    found = given({option: {"env": "STACK_VALUE"}})[option]
    assert (type(found), found) == (type(value), value)
    (tmp_path / "value").write_text(text + "\n")
    found = given({option: {"file": "value"}}, base=tmp_path)[option]
    assert (type(found), found) == (type(value), value)


NOT_CONVERTED = [
    ("no int", "number", "five", "is no whole number"),
    ("no int: empty", "number", "", "is no whole number"),
    ("no int: a fraction", "maybe", "1.5", "is no whole number"),
    ("no bool", "flag", "perhaps", "is neither true nor false"),
    ("no bool: empty", "flag", "", "is neither true nor false"),
]


@pytest.mark.parametrize(("sentence", "option", "text", "rule"), NOT_CONVERTED, ids=[row[0] for row in NOT_CONVERTED])
def test_text_that_does_not_fit_is_told_without_it(
    sentence: str, option: str, text: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_VALUE", text)
    assert problems([(Typed, {option: {"env": "STACK_VALUE"}})]) == [
        f"entry 1 (Typed): {option}: <from env STACK_VALUE>: {rule}; mend the value of STACK_VALUE"
    ]


def test_nowhere_else_is_text_split_or_converted() -> None:
    options = {"text": "a,b", "anything": "5", "texts": ["a,b"]}
    found = given(options)
    assert {name: found[name] for name in options} == options


def test_a_default_stands_in_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_VALUE", "7")
    options = {
        "number": {"env": "STACK_VALUE", "default": 5},
        "texts": {"env": "STACK_NO_VALUE", "default": ["a"]},
        "anything": {"env": "STACK_NO_VALUE", "default": None},
        "flag": {"env": "STACK_NO_VALUE", "default": False},
    }
    found = given(options)
    assert {name: found[name] for name in options} == {"number": 7, "texts": ["a"], "anything": None, "flag": False}


NESTED: list[tuple[str, Any, Any]] = [
    ("in a list", ["a", {"env": "STACK_VALUE"}], ["a", "v,w"]),
    ("in a mapping", {"a": {"env": "STACK_VALUE"}}, {"a": "v,w"}),
    ("deep down", {"a": [{"b": {"env": "STACK_VALUE"}}]}, {"a": [{"b": "v,w"}]}),
    ("in a tuple", ("a", {"env": "STACK_VALUE"}), ["a", "v,w"]),
    ("a mapping of more keys is itself", {"env": "STACK_VALUE", "a": 1}, {"env": "STACK_VALUE", "a": 1}),
    ("`use` where an option has no parts", {"use": "bearer"}, {"use": "bearer"}),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), NESTED, ids=[row[0] for row in NESTED])
def test_references_stand_anywhere(sentence: str, value: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_VALUE", "v,w")
    found = given({"anything": value})["anything"]
    assert (list(found) if isinstance(found, tuple) else found) == expected


def test_a_reference_inside_a_declared_mapping_is_converted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_LEVEL", "5")
    assert len(Stack([("compression", {"levels": {"br": {"env": "STACK_LEVEL"}}})])) == 1


def test_an_import_gives_the_object_itself() -> None:
    assert given({"anything": {"import": f"{HERE}:SLOTTED"}})["anything"] is SLOTTED
    assert given({"anything": {"import": "os:path.join"}})["anything"] is os.path.join


# What is in the file, what arrives.
CONTENTS = [
    ("abc", "abc"),
    ("abc\n", "abc"),
    ("abc\r\n", "abc"),
    ("abc\n\n", "abc\n"),
    (" abc \n", " abc "),
    ("a\nb\n", "a\nb"),
    ("\n", ""),
    ("", ""),
    ("süß\n", "süß"),
]


@pytest.mark.parametrize(("content", "text"), CONTENTS, ids=[repr(row[0]) for row in CONTENTS])
def test_one_newline_at_the_end_of_a_file_is_dropped(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(content.encode())
    assert given({"text": {"file": "value"}}, base=tmp_path)["text"] == text
    assert given({"text": {"file": str(tmp_path / "value")}})["text"] == text


def test_paths_start_at_the_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "etc"
    elsewhere = tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (tmp_path / "value").write_text("above")
    (folder / "value").write_text("beside")
    (elsewhere / "value").write_text("wrong")
    write(folder, f'[[middleware]]\nuse = "{HERE}:Typed"\ntext = {{ file = "value" }}\nloose = {{ file = "../value" }}')
    monkeypatch.chdir(elsewhere)
    for path in (folder / "stack.toml", Path("../etc/stack.toml")):
        built: Any = Stack.from_file(path)(silent())
        assert (built.given["text"], built.given["loose"]) == ("beside", "above")


REFUSED_REFERENCES: list[tuple[str, dict[str, Any], str]] = [
    (
        "a variable that is not set",
        {"env": "STACK_NO_VALUE"},
        "the environment variable STACK_NO_VALUE is not set; set it, or give a `default`",
    ),
    ("no name of a variable", {"env": ""}, '`env` must be text; write { env = "..." }'),
    ("a number for a variable", {"env": 5}, '`env` must be text; write { env = "..." }'),
    ("a number for a file", {"file": 5}, '`file` must be text; write { file = "..." }'),
    ("a number for an import", {"import": 5}, '`import` must be text; write { import = "..." }'),
    (
        "a file that is missing",
        {"file": "missing"},
        "the file missing cannot be read (No such file or directory); mend the path, or add create = 32",
    ),
    (
        "a folder",
        {"file": "folder"},
        "the file folder cannot be read (Is a directory); mend the path, or add create = 32",
    ),
    (
        "a file that is not UTF-8",
        {"file": "latin"},
        "the file latin cannot be read (not UTF-8); mend the path, or add create = 32",
    ),
    *(
        (
            f"create = {size!r}",
            {"file": "new", "create": size},
            "`create` must be a number of bytes from 16 to 1024; write create = 32",
        )
        for size in (15, 1025, 0, -1, True, "32", 32.0)
    ),
    ("an import without a name", {"import": "os"}, "'os': is no import string; write 'package.module:name'"),
    (
        "an import of a missing module",
        {"import": "no_such_module:x"},
        "'no_such_module:x': there is no module 'no_such_module'; mend the name, or install it",
    ),
    (
        "an import of a missing name",
        {"import": "os:path.jion"},
        "'os:path.jion': 'os' has no 'jion'; did you mean 'join'?",
    ),
]


@pytest.mark.parametrize(
    ("sentence", "reference", "expected"), REFUSED_REFERENCES, ids=[row[0] for row in REFUSED_REFERENCES]
)
def test_a_wrong_reference_is_explained(
    sentence: str, reference: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes(b"\xff")
    assert problems([(Typed, {"text": reference})], base=tmp_path) == [f"entry 1 (Typed): text: {expected}"]
    assert problems([(Typed, {"anything": [{"a": reference}]})], base=tmp_path) == [
        f"entry 1 (Typed): anything[1].a: {expected}"
    ]
    assert sorted(os.listdir(tmp_path)) == ["folder", "latin"]


def test_a_file_name_that_no_file_can_have_is_a_problem(tmp_path: Path) -> None:
    for reference in ({"file": "a\0b"}, {"file": "a\0b", "create": 32}):
        with pytest.raises(ConfigError) as caught:
            Stack([(Typed, {"text": reference})], base=tmp_path)
        assert [problem.option for problem in caught.value.problems] == ["entry 1 (Typed): text"]


MISTYPED: list[dict[str, Any]] = [
    {"env": "STACK_VALUE", "defualt": ["X-A"]},
    {"env": "STACK_VALUE", "required": True},
    {"import": "os:path", "default": ["X-A"]},
    {"file": "value", "default": ["X-A"]},
]


@pytest.mark.parametrize("reference", MISTYPED, ids=[", ".join(row) for row in MISTYPED])
def test_what_is_nearly_a_reference_is_not_taken_for_a_list_of_its_keys(reference: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Stack([("cors", {"allow_origins": [], "allow_headers": reference})])


# --- create ------------------------------------------------------------------

NEW: dict[str, Any] = {"text": {"file": "new.key", "create": 32}}


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        text = given(NEW, base=tmp_path)["text"]
    finally:
        os.umask(before)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text)  # 32 bytes as base64url
    assert os.listdir(tmp_path) == ["new.key"]
    assert (tmp_path / "new.key").read_text().removesuffix("\n") == text
    assert stat.S_IMODE((tmp_path / "new.key").stat().st_mode) == 0o600
    assert given(NEW, base=tmp_path)["text"] == text


@pytest.mark.parametrize(("size", "length"), [(16, 22), (32, 43), (1024, 1366)])
def test_create_is_a_number_of_random_bytes(size: int, length: int, tmp_path: Path) -> None:
    first, second = ({"text": {"file": name, "create": size}} for name in ("one", "two"))
    texts = {given(options, base=tmp_path)["text"] for options in (first, second)}
    assert [len(text) for text in texts] == [length, length]


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "new.key").write_text("old\n")
    assert given(NEW, base=tmp_path)["text"] == "old"
    assert (tmp_path / "new.key").read_text() == "old\n"


def test_to_look_only_makes_nothing(tmp_path: Path) -> None:
    stack = Stack([(Typed, NEW)], base=tmp_path, create_files=False)
    built: Any = stack(silent())
    assert len(built.given["text"]) == 43
    file = write(tmp_path, '[[middleware]]\nuse = "sessions"\nsecret_key = { file = "new.key", create = 32 }')
    assert len(Stack.from_file(file, create_files=False)) == 1
    assert os.listdir(tmp_path) == ["stack.toml"]
    Stack.from_file(file)
    assert sorted(os.listdir(tmp_path)) == ["new.key", "stack.toml"]


def test_of_two_creators_the_slower_takes_the_faster_ones_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = secrets.token_urlsafe
    faster: list[str] = []
    asked: list[int] = []

    def while_another_is_faster(size: int) -> str:
        asked.append(size)
        if len(asked) == 1:
            faster.append(given(NEW, base=tmp_path)["text"])
        return real(size)

    monkeypatch.setattr(secrets, "token_urlsafe", while_another_is_faster)
    slower = given(NEW, base=tmp_path)["text"]
    assert asked == [32, 32]
    assert [slower] == faster == [(tmp_path / "new.key").read_text().removesuffix("\n")]
    assert os.listdir(tmp_path) == ["new.key"]


def test_creators_at_once_agree(tmp_path: Path) -> None:
    ready = threading.Barrier(8, timeout=10)

    def create(_: int) -> str:
        ready.wait()
        text: str = given(NEW, base=tmp_path)["text"]
        return text

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(create, range(8)))) == 1
    assert os.listdir(tmp_path) == ["new.key"]


def test_a_file_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, *_: Any, **__: Any) -> Any:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ConfigError) as caught:
        Stack([(Typed, NEW)], base=tmp_path)
    assert [problem.option for problem in caught.value.problems] == ["entry 1 (Typed): text"]
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_missing_is_not_mended_by_create(tmp_path: Path) -> None:
    options = {"text": {"file": "no_folder/new.key", "create": 32}}
    with pytest.raises(ConfigError) as caught:
        Stack([(Typed, options)], base=tmp_path)
    (problem,) = caught.value.problems
    assert "no_folder/new.key" in problem.rule
    assert "create = 32" not in problem.remedy


# --- parts -------------------------------------------------------------------


def fails(*, kind: str = "ValueError", secret: str = "") -> Any:
    errors = {"ValueError": ValueError, "TypeError": TypeError, "KeyError": KeyError, "OSError": OSError}
    raise errors.get(kind, RuntimeError)(f"no good: {secret}")


BEARER = {"use": "bearer", "secret": KEY, "any_issuer": True, "any_audience": True}


def test_a_part_is_built_from_its_own_words() -> None:
    built: Any = Stack([("auth", {"backend": BEARER})])(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer"]
    hashed = "$2b$12$" + "a" * 53
    built = Stack([("auth", {"backend": [BEARER, {"use": "basic", "users": {"ada": hashed}}]})])(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer", "Basic"]
    built = Stack(
        [("auth", {"backend": {"use": "asgi_middleware.auth.bearer:from_options", **dict(list(BEARER.items())[1:])}})]
    )(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer"]


WRONG_PARTS: list[tuple[str, Any, list[str]]] = [
    (
        "an unknown word",
        {"use": "bearr"},
        ["backend.use: 'bearr': is no known name; did you mean 'bearer'? (or 'package.module:Name')"],
    ),
    (
        "a word of middlewares",
        {"use": "cors"},
        ["backend.use: 'cors': is no known name; known: api_key, basic, bearer, session (or 'package.module:Name')"],
    ),
    (
        "a number",
        {"use": 5},
        ['backend.use: 5: must be text, not int; write use = "..."'],
    ),
    (
        "a typing error in an option",
        {**BEARER, "anyissuer": True},
        ["backend.anyissuer: is no option here; did you mean 'any_issuer'?"],
    ),
    (
        "what the part refuses",
        {"use": "bearer"},
        [
            "backend.secret: exactly one of `secret`, `keys`, `jwks` and `oidc` names the key; give one of them",
            "backend.issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "backend.audience: must be given: any other audience's tokens would pass; or set any_audience=True",
        ],
    ),
    (
        "the second in a list",
        [BEARER, {"use": "basic"}],
        ["backend[2].users: exactly one of `users`, `htpasswd` and `check` is needed; give one of them"],
    ),
    (
        "a variable that is not set",
        [{**BEARER, "secret": {"env": "STACK_NO_VALUE"}}],
        ["backend[1].secret: the environment variable STACK_NO_VALUE is not set; set it"],
    ),
    *(
        (
            f"a part that raises {kind}",
            {"use": f"{HERE}:fails", "kind": kind},
            [f"backend: was refused ({kind}: {text}); look up the options of '{HERE}:fails'"],
        )
        for kind, text in (
            ("ValueError", "no good: "),
            ("TypeError", "no good: "),
            ("KeyError", "'no good: '"),
            ("OSError", "no good: "),
            ("RuntimeError", "no good: "),
        )
    ),
]


@pytest.mark.parametrize(("sentence", "backend", "expected"), WRONG_PARTS, ids=[row[0] for row in WRONG_PARTS])
def test_a_wrong_part_is_explained(sentence: str, backend: Any, expected: list[str]) -> None:
    assert problems([("auth", {"backend": backend})]) == [f"entry 1 (auth): {line}" for line in expected]


# --- printing ----------------------------------------------------------------


def test_describe_shows_order_options_and_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_AGE", "60")
    monkeypatch.setenv("STACK_JWT", KEY)
    stack = Stack(
        [
            "request_id",
            ("cors", {"allow_origins": ["https://app.example.com"], "max_age": {"env": "STACK_AGE"}}),
            {"use": "timing", "enabled": False},
            {
                "use": "sessions",
                "name": "login",
                "secret_key": {"file": "session.key", "create": 32},
                "paths": ["/a", "/b/*"],
                "exclude": ["/b/c"],
                "types": ["websocket", "http"],
                "options": {"path": "/a"},
            },
            ("auth", {"backend": [{**BEARER, "secret": {"env": "STACK_JWT"}}]}),
            (f"{HERE}:Marks", {"mark": {"env": "STACK_NO_VALUE", "default": "d"}}),
            (Typed, {"anything": {"import": "os:path"}, "text": "redis://user:pass@host/1"}),
            Marks,
        ],
        base=tmp_path,
    )
    assert stack.describe() == "\n".join(
        [
            "Stack",
            "└─ request_id  RequestIDMiddleware",
            "  └─ cors  CORSMiddleware",
            "       allow_origins = ['https://app.example.com']",
            "       max_age = <from env STACK_AGE>",
            "    └─ login  SessionMiddleware",
            "         (paths: /a, /b/*)",
            "         (exclude: /b/c)",
            "         (types: http, websocket)",
            "         secret_key = <from file session.key>",
            "         path = '/a'",
            "      └─ auth  AuthMiddleware",
            "           backend = [{use='bearer', secret=<from env STACK_JWT>, any_issuer=True, any_audience=True}]",
            f"        └─ {HERE}:Marks  Marks",
            "             mark = <default of env STACK_NO_VALUE>",
            "          └─ Typed",
            "               anything = <from import os:path>",
            "               text = 'redis://<hidden>@host/1'",
            "            └─ Marks",
            "              └─ app",
        ]
    )
    assert repr(stack) == f"Stack([request_id, cors, login, auth, {HERE}:Marks, Typed, Marks])"
    assert repr(stack[0]) == "Entry(request_id  RequestIDMiddleware)"
    assert repr(stack[1]) == (
        "Entry(cors  CORSMiddleware, allow_origins = ['https://app.example.com'], max_age = <from env STACK_AGE>)"
    )


def test_describe_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[[middleware]]\nuse = "errors"\n')
    assert Stack.from_file(file).describe() == f"{file}\n└─ errors  ErrorsMiddleware\n  └─ app"


def test_describe_shows_what_was_given_by_position() -> None:
    stack = Stack([Middleware(CORSMiddleware, ["https://a.example"], max_age=60)])
    assert stack.describe() == (
        "Stack\n└─ CORSMiddleware\n     allow_origins = ['https://a.example']\n     max_age = 60\n  └─ app"
    )


# --- secrets -----------------------------------------------------------------

SECRET = "ZqxjKvwy-Ppfgh7T3b"  # its letters stand together in no word


def leaks(text: str, *hidden: str) -> list[str]:
    """Every four characters of a secret (all of a shorter one) that are in the text, in any case."""
    pieces = {one[start : start + 4].lower() for one in hidden for start in range(max(1, len(one) - 3)) if one.strip()}
    return sorted(piece for piece in pieces if piece in text.lower())


def told(entries: Any, **more: Any) -> str:
    """Everything that a stack says of itself, or of why it was refused."""
    try:
        stack = Stack(entries, **more)
    except Exception as error:
        parts = [str(error), repr(error), repr(error.args), *traceback.format_exception(error)]
        if isinstance(error, ConfigError):
            parts += [repr(error.problems), repr(error.__reduce__())]
        return "\n".join(parts)
    return "\n".join([stack.describe(), repr(stack), str(stack), repr(list(stack)), *[str(entry) for entry in stack]])


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
