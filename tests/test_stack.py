"""`stack`: every form of an entry, the order, and a stack in a framework."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from asgi_middleware import (
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
)

from .apps import silent
from .asgi import App, drive, http
from .stacking import (
    HERE,
    KEY,
    Marks,
    Typed,
    marks,
    order,
)


class Slotted(Marks):
    __slots__ = ("app",)

    def __init__(self, app: App) -> None:
        super().__init__(app, mark="s")


# --- forms and order ---------------------------------------------------------

FORMS: list[tuple[str, Any, list[str]]] = [
    ("an import string", f"{HERE}:Marks", ["?"]),
    ("a class", Marks, ["?"]),
    ("a function", marks, ["?"]),
    ("a lambda", lambda app: Marks(app, mark="l"), ["l"]),
    ("a partial", functools.partial(Marks, mark="p"), ["p"]),
    ("a class whose instances have a slot for the app", Slotted, ["s"]),
    ("a function whose signature nobody can read", f"{HERE}:unsigned", ["?"]),
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
