"""What JSON libraries and others make of a session that nobody has used yet: what the manual promises, and no more."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from asgi_middleware.sessions import Session

from .asgi import drive, http
from .baking import VARY, Mapping, baked, cookies, visit, wrap

CONTENTS: list[tuple[str, Mapping | None]] = [
    ("a session", {"a": 1, "n": {"x": [1, None]}, "ü": "é"}),
    ("a flat session", {"a": 1}),
    ("no cookie", None),
]
UNLOADED = {"(not loaded)": None}


def orjson(value: Any) -> Any:
    module = pytest.importorskip("orjson")
    return json.loads(module.dumps(value))


def msgspec(value: Any) -> Any:
    module = pytest.importorskip("msgspec")
    return json.loads(module.json.encode(value))


def msgspec_builtins(value: Any) -> Any:
    return pytest.importorskip("msgspec").to_builtins(value)


def pydantic_field(value: Any) -> Any:
    module = pytest.importorskip("pydantic")
    model = module.create_model("Page", session=(dict[str, Any], ...))
    return model(session=value).model_dump()["session"]


def pydantic_json_field(value: Any) -> Any:
    module = pytest.importorskip("pydantic")
    model = module.create_model("Page", session=(dict[str, Any], ...))
    return json.loads(model(session=value).model_dump_json())["session"]


def pydantic_adapter(value: Any) -> Any:
    return pytest.importorskip("pydantic").TypeAdapter(dict[str, Any]).validate_python(value)


def pydantic_serialiser(value: Any) -> Any:
    return json.loads(pytest.importorskip("pydantic_core").to_json(value))


def pydantic_dump(value: Any) -> Any:
    return pytest.importorskip("pydantic").TypeAdapter(Any).dump_python(value)


RIGHT: list[tuple[str, Callable[[Any], Any]]] = [
    ("dict", dict),
    ("{**}", lambda s: {**s}),
    ("copy", copy.copy),
    ("deepcopy", copy.deepcopy),
    ("pickle", lambda s: pickle.loads(pickle.dumps(s))),  # noqa: S301  # our own bytes
    ("json.dumps", lambda s: json.loads(json.dumps(s))),
    ("json.dumps, indented", lambda s: json.loads(json.dumps(s, indent=2))),
    ("json.dumps inside something", lambda s: json.loads(json.dumps([{"s": s}]))[0]["s"]),
    ("Starlette's JSONResponse", lambda s: json.loads(bytes(JSONResponse(s).body))),
    ("a field of pydantic's", pydantic_field),
    ("a field of pydantic's, as JSON", pydantic_json_field),
    ("pydantic's validation", pydantic_adapter),
]
# These look behind a dict's methods.
UNAWARE: list[tuple[str, Callable[[Any], Any]]] = [
    ("orjson", orjson),
    ("msgspec", msgspec),
    ("msgspec's builtins", msgspec_builtins),
    ("pydantic's serialiser", pydantic_serialiser),
    ("pydantic's dump", pydantic_dump),
]


@pytest.mark.parametrize(("state", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
@pytest.mark.parametrize(("sentence", "use"), RIGHT, ids=[row[0] for row in RIGHT])
def test_these_are_right_and_count_as_use(
    sentence: str, use: Callable[[Any], Any], state: str, content: Mapping | None
) -> None:
    found: list[Any] = []
    exchange = visit(lambda s: found.append(use(s)), *([baked(content)] if content else []))
    assert (exchange.error, found, exchange.headers) == (None, [content or {}], [VARY])


@pytest.mark.parametrize(("state", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
@pytest.mark.parametrize(("sentence", "use"), UNAWARE, ids=[row[0] for row in UNAWARE])
def test_these_find_it_unloaded_and_are_right_for_its_copy_and_once_it_is_used(
    sentence: str, use: Callable[[Any], Any], state: str, content: Mapping | None
) -> None:
    content = content or {}
    found: list[Any] = []

    def look(session: Any) -> None:
        found.extend([use(session), session.accessed, use(dict(session)), use(session)])

    assert visit(look, *([baked(content)] if content else [])).error is None
    assert found == [UNLOADED, False, content, content]


@pytest.mark.parametrize(("sentence", "use"), [*RIGHT, *UNAWARE], ids=[row[0] for row in [*RIGHT, *UNAWARE]])
def test_made_alone_it_is_right_for_all(sentence: str, use: Callable[[Any], Any]) -> None:
    assert use(Session(a=[1])) == {"a": [1]}


@pytest.mark.parametrize(("sentence", "use"), UNAWARE, ids=[row[0] for row in UNAWARE])
def test_what_starlettes_request_session_gives_is_right_for_all(sentence: str, use: Callable[[Any], Any]) -> None:
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(use(Request(scope).session))

    assert drive(wrap(app), http(headers=cookies(baked({"a": [1]})))).error is None
    assert found == [{"a": [1]}]
