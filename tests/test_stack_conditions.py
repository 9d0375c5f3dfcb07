"""`stack`: enabled, paths, exclude, types."""

from typing import Any

import pytest

from asgi_middleware import (
    Stack,
)

from .asgi import http, step, websocket
from .stacking import Marks, order, problems

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
    past = Stack([{"use": "errors", "exclude": ["/a"]}, {"use": "lint", "types": ["websocket"]}])

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
