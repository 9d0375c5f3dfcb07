"""What JSON libraries and others make of a session that nobody has used yet: what the manual promises, and no more."""

import copy
import importlib
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


def lib(name: str) -> Any:
    """A library that not every environment has: asked for before the request, whose exceptions are caught."""
    return importlib.import_module(name)


def page() -> Any:
    return lib("pydantic").create_model("Page", session=(dict[str, Any], ...))


Use = Callable[[Any], Any]

# A sentence, the library, what it does.
RIGHT: list[tuple[str, str, Use]] = [
    ("dict", "builtins", dict),
    ("{**}", "builtins", lambda s: {**s}),
    ("copy", "copy", copy.copy),
    ("deepcopy", "copy", copy.deepcopy),
    ("pickle", "pickle", lambda s: pickle.loads(pickle.dumps(s))),  # noqa: S301  # our own bytes
    ("json.dumps", "json", lambda s: json.loads(json.dumps(s))),
    ("json.dumps, indented", "json", lambda s: json.loads(json.dumps(s, indent=2))),
    ("json.dumps inside something", "json", lambda s: json.loads(json.dumps([{"s": s}]))[0]["s"]),
    ("Starlette's JSONResponse", "starlette", lambda s: json.loads(bytes(JSONResponse(s).body))),
    ("a field of pydantic's", "pydantic", lambda s: page()(session=s).model_dump()["session"]),
    ("a field, as JSON", "pydantic", lambda s: json.loads(page()(session=s).model_dump_json())["session"]),
    ("validation", "pydantic", lambda s: lib("pydantic").TypeAdapter(dict[str, Any]).validate_python(s)),
]
# These look behind a dict's methods.
UNAWARE: list[tuple[str, str, Use]] = [
    ("orjson", "orjson", lambda s: json.loads(lib("orjson").dumps(s))),
    ("msgspec", "msgspec", lambda s: json.loads(lib("msgspec").json.encode(s))),
    ("msgspec's builtins", "msgspec", lambda s: lib("msgspec").to_builtins(s)),
    ("pydantic's serialiser", "pydantic_core", lambda s: json.loads(lib("pydantic_core").to_json(s))),
    ("pydantic's dump", "pydantic", lambda s: lib("pydantic").TypeAdapter(Any).dump_python(s)),
]


@pytest.mark.parametrize(("state", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
@pytest.mark.parametrize(("sentence", "library", "use"), RIGHT, ids=[row[0] for row in RIGHT])
def test_these_are_right_and_count_as_use(
    sentence: str, library: str, use: Use, state: str, content: Mapping | None
) -> None:
    pytest.importorskip(library)
    found: list[Any] = []
    exchange = visit(lambda s: found.append(use(s)), *([baked(content)] if content else []))
    assert (exchange.error, found, exchange.headers) == (None, [content or {}], [VARY])


@pytest.mark.parametrize(("state", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
@pytest.mark.parametrize(("sentence", "library", "use"), UNAWARE, ids=[row[0] for row in UNAWARE])
def test_these_find_it_unloaded_and_are_right_for_its_copy_and_once_it_is_used(
    sentence: str, library: str, use: Use, state: str, content: Mapping | None
) -> None:
    pytest.importorskip(library)
    content = content or {}
    found: list[Any] = []

    def look(session: Any) -> None:
        found.extend([use(session), session.accessed, use(dict(session)), use(session)])

    assert visit(look, *([baked(content)] if content else [])).error is None
    assert found == [UNLOADED, False, content, content]


@pytest.mark.parametrize(("sentence", "library", "use"), [*RIGHT, *UNAWARE], ids=[row[0] for row in [*RIGHT, *UNAWARE]])
def test_made_alone_it_is_right_for_all(sentence: str, library: str, use: Use) -> None:
    pytest.importorskip(library)
    assert use(Session(a=[1])) == {"a": [1]}


@pytest.mark.parametrize(("sentence", "library", "use"), UNAWARE, ids=[row[0] for row in UNAWARE])
def test_what_starlettes_request_session_gives_is_right_for_all(sentence: str, library: str, use: Use) -> None:
    pytest.importorskip(library)
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(use(Request(scope).session))

    assert drive(wrap(app), http(headers=cookies(baked({"a": [1]})))).error is None
    assert found == [{"a": [1]}]
