"""`stack`: what a stack says of itself."""

import functools
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware

from asgi_middleware import (
    CORSMiddleware,
    Stack,
)

from .stacking import BEARER, HERE, KEY, Marks, Typed, marks, write


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


def test_as_json_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_JWT", KEY)
    stack = Stack(
        [
            {
                "use": "errors",
                "name": "crashes",
                "paths": ["/a"],
                "exclude": ["/a/*", "/b"],
                "types": ["websocket", "http"],
            },
            (marks, {"mark": {"env": "STACK_JWT"}}),
            (functools.partial(Marks, mark="p"), {}),
        ]
    )
    nothing: dict[str, Any] = {"paths": None, "exclude": None, "types": None, "options": {}}
    assert stack.as_json() == [
        {
            "name": "crashes",
            "use": "asgi_middleware.errors:ErrorsMiddleware",
            "paths": ["/a"],
            "exclude": ["/a/*", "/b"],
            "types": ["http", "websocket"],
            "options": {},
        },
        {**nothing, "name": "marks", "use": f"{HERE}:marks", "options": {"mark": "<from env STACK_JWT>"}},
        {**nothing, "name": "", "use": "functools:partial"},
    ]
    assert stack.describe().splitlines()[-2:] == ["    └─ partial", "      └─ app"]


def test_each_condition_stands_alone_too() -> None:
    entries = [{"use": "errors", **own} for own in ({"paths": ["/a"]}, {"exclude": ["/b"]}, {"types": ["http"]}, {})]
    told = [["paths: /a"], ["exclude: /b"], ["types: http"], []]
    assert [entry.conditions() for entry in Stack(entries, silence=["two-errors"])] == told
