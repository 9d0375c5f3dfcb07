"""`Stack.check(app)`: what an application has around it, in its own list, and mounted, is found with the stack."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORS
from starlette.middleware.gzip import GZipMiddleware as StarletteGZip
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions
from starlette.routing import Host, Mount, Router

from asgi_middleware import ErrorsMiddleware, GZipMiddleware, RequestIDMiddleware, Stack
from asgi_middleware.stack.inside import Inside
from asgi_middleware.stack.layers import STRANGERS, import_path
from asgi_middleware.stack.order import RULES

from .apps import text
from .test_stack_order import USERS, auth, cors, entry, found, sessions

GZIP = Middleware(StarletteGZip)
OWN_CORS = Middleware(StarletteCORS, allow_origins=["https://b.example"])
OPEN_CORS = Middleware(StarletteCORS, allow_origins=["*"], allow_credentials=True)
OWN_SESSIONS = Middleware(StarletteSessions, secret_key="x")
FINE = ["request_id", cors(), "errors", "compression", sessions()]


def hidden(app: Any) -> Any:
    """A middleware in a closure."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return wrapped


def mounting(app: Any, path: str = "/sub", **options: Any) -> Starlette:
    return Starlette(routes=[Mount(path, app)], **options)


class Slotted:
    """A third party's middleware that keeps its application in a slot."""

    __slots__ = ("app",)
    middleware_kind = "compression"

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


# A sentence, the entries, the application inside, what is found.
OUTSIDE: list[tuple[str, list[Any], Any, list[tuple[str, str]]]] = [
    ("a plain app", FINE, text(), []),
    ("a Starlette without any", FINE, Starlette(), []),
    ("its own compression", FINE, Starlette(middleware=[GZIP]),
        [("app: middleware 1 (GZipMiddleware)", "two-compression")]),
    ("its own cors and sessions", FINE, Starlette(middleware=[OWN_CORS, OWN_SESSIONS]),
        [("app: middleware 1 (CORSMiddleware)", "two-cors"),
         ("app: middleware 2 (SessionMiddleware)", "two-sessions")]),
    ("sessions with another cookie, in the same place of the scope", FINE,
        Starlette(middleware=[Middleware(StarletteSessions, "x", "other")]),
        [("app: middleware 1 (SessionMiddleware)", "two-sessions")]),
    ("what belongs outside of the stack", [auth()], Starlette(middleware=[OWN_CORS]),
        [("app: middleware 1 (CORSMiddleware)", "cors-outside-auth"),
         ("app: middleware 1 (CORSMiddleware)", "cors-without-errors")]),
    ("the answer to crashes inside the stack's cors", [cors()], Starlette(), []),
    ("and inside its own", ["timing"], Starlette(middleware=[OWN_CORS, Middleware(ErrorsMiddleware)]), []),
    ("its list answers crashes, too far outside", [],
        Starlette(middleware=[Middleware(ErrorsMiddleware), OWN_CORS]),
        [("app: middleware 2 (CORSMiddleware)", "cors-outside-errors")]),
    ("options by name", ["errors"], Starlette(middleware=[OPEN_CORS]),
        [("app: middleware 1 (CORSMiddleware)", "cors-outside-errors"),
         ("app: middleware 1 (CORSMiddleware)", "cors-without-errors"),
         ("app: middleware 1 (CORSMiddleware)", "cors-any-origin-with-credentials")]),
    ("options by position", [sessions(scope_key="b")],
        Starlette(middleware=[Middleware(StarletteSessions, "x", "c")]), []),
    ("a BaseHTTPMiddleware outside the ID", [],
        Starlette(middleware=[Middleware(BaseHTTPMiddleware), Middleware(RequestIDMiddleware)]),
        [("app: middleware 2 (RequestIDMiddleware)", "request-id-without-errors"),
         ("app: middleware 2 (RequestIDMiddleware)", "request-id-outside-base-http")]),
    ("one inside the stack's", ["request_id"], Starlette(middleware=[Middleware(BaseHTTPMiddleware)]), []),
    ("around it", FINE, StarletteGZip(Starlette()), [("app: GZipMiddleware", "two-compression")]),
    ("around what is around it", FINE, StarletteCORS(GZipMiddleware(text())),
        [("app: CORSMiddleware", "two-cors"), ("app: GZipMiddleware", "two-compression")]),
    ("in a slot", FINE, Slotted(text()), [("app: Slotted", "two-compression")]),
    ("in a closure, where nobody sees it", FINE, hidden(StarletteGZip(text())), []),
    ("sessions around it, of whose options nothing is known", FINE, StarletteSessions(text(), "x"),
        [("app: SessionMiddleware", "two-sessions")]),
    ("of another stack", FINE, Stack(["lint", "gzip"])(text()),
        [("app: entry 2 (gzip)", "two-compression")]),
    ("of another stack, for its paths", [cors(exclude=["/a/*"])], Stack([cors(paths=["/a/*"])])(text()), []),
    ("for the same paths", [cors(paths=["/a/b"])], Stack([cors(paths=["/a/*"])])(StarletteGZip(text())),
        [("app: entry 1 (cors)", "two-cors")]),
    ("past an entry for some paths", FINE, Stack([entry("lint", paths=["/a"])])(StarletteGZip(text())),
        [("app: GZipMiddleware", "two-compression")]),
    # mounted
    ("mounted", FINE, mounting(Starlette(middleware=[GZIP])),
        [("app at /sub: middleware 1 (GZipMiddleware)", "two-compression")]),
    ("mounted, where the stack's is not for it", [cors(exclude=["/sub/*"])],
        mounting(Starlette(middleware=[OWN_CORS, Middleware(ErrorsMiddleware)])), []),
    ("mounted beside it", [cors(exclude=["/other/*"])],
        mounting(Starlette(middleware=[OWN_CORS, Middleware(ErrorsMiddleware)])),
        [("app at /sub: middleware 1 (CORSMiddleware)", "two-cors")]),
    ("mounted at a pattern, which may be anywhere", [cors(paths=["/a/*"])], mounting(StarletteCORS(text()), "/{any}"),
        [("app at /{any}: CORSMiddleware", "cors-without-errors"), ("app at /{any}: CORSMiddleware", "two-cors")]),
    ("with something between that answers no crash", [], mounting(StarletteCORS(Slotted(text()))),
        [("app at /sub: CORSMiddleware", "cors-without-errors")]),
    ("with something that answers some", [],
        mounting(StarletteCORS(Stack([entry("errors", paths=["/x"])])(text()))),
        [("app at /sub: CORSMiddleware", "cors-without-errors")]),
    ("mounted, and its own answer to crashes", [], mounting(StarletteCORS(Starlette())), []),
    ("mounted in what is mounted, in a router", [], mounting(Router([Mount("/b", mounting(StarletteGZip(text())))]),
        middleware=[GZIP]), [("app at /sub at /b at /sub: GZipMiddleware", "two-compression")]),
    ("for a host", [], Starlette(routes=[Host("b.example", StarletteGZip(text()))], middleware=[GZIP]),
        [("app: GZipMiddleware", "two-compression")]),
    ("beside one another", [],
        Starlette(routes=[Mount("/a", StarletteGZip(text())), Mount("/b", StarletteGZip(text()))]), []),
    ("with a Mount's own list", FINE, Starlette(routes=[Mount("/a", routes=[], middleware=[GZIP])]),
        [("app at /a: GZipMiddleware", "two-compression")]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "entries", "app", "expected"), OUTSIDE, ids=[row[0] for row in OUTSIDE])
def test_a_stack_around_an_application(
    sentence: str, entries: list[Any], app: Any, expected: list[tuple[str, str]]
) -> None:
    assert found(Stack(entries, log=False).check(app)) == expected


def in_its_list(stack: Stack) -> Any:
    return Starlette(middleware=stack)


def added(stack: Stack) -> Any:
    app = Starlette()
    app.add_middleware(stack)
    return app


def added_one_by_one(stack: Stack) -> Any:
    app = Starlette()
    for one in reversed(stack):
        app.add_middleware(one)
    return app


def among_others(stack: Stack) -> Any:
    return Starlette(middleware=[OWN_SESSIONS, *stack])


HOSTS = [in_its_list, added, added_one_by_one]


@pytest.mark.parametrize("host", HOSTS)
def test_a_stack_in_the_list_is_not_taken_for_another_one(host: Callable[[Stack], Any], tmp_path: Path) -> None:
    path = tmp_path / "stack.toml"
    path.write_text('[[middleware]]\nuse = "timing"\n[[middleware]]\nuse = "cors"\nallow_origins = []\n')
    stack = Stack.from_file(path)
    assert found(stack.check(host(stack))) == [("entry 2 (cors), line 3", "cors-without-errors")]
    assert stack.check() == stack.check(Starlette()) == []


STORED = entry("sessions", secret_key="k" * 32, store="memory:")


def test_a_stack_is_not_taken_for_another_one_where_it_has_wrapped() -> None:
    stack = Stack([entry("lint", paths=["/a"]), STORED, *FINE[:2], "compression"], log=False)
    assert stack.check(stack(text())) == stack.check()
    (twin,) = (finding for finding in stack.check(StarletteCORS(stack(text()))) if finding.code == "two-cors")
    assert twin.where == "entry 4 (cors)"
    assert found(stack.check(stack(StarletteGZip(text()))))[-1] == ("app: GZipMiddleware", "two-compression")


def test_what_a_stranger_has_made_is_his_own() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    vars(app)["made"] = {id(app): "a table"}
    assert Stack(FINE).check(app) == []


def test_a_stack_that_has_wrapped_twice_is_there_twice() -> None:
    stack = Stack(["compression"])
    assert found(stack.check(stack(stack(text())))) == [("entry 1 (compression)", "two-compression")]


@pytest.mark.parametrize("host", HOSTS)
def test_another_stack_in_the_list_is_seen_too(host: Callable[[Stack], Any]) -> None:
    (where, code), *others = found(Stack(FINE).check(host(Stack(["gzip"]))))
    assert (code, others) == ("two-compression", [])
    assert where in ("app: middleware 1 (gzip)", "app: middleware 1 (Stack): entry 1 (gzip)")


def test_what_stands_outside_of_the_stack_in_the_list_counts() -> None:
    stack = Stack([auth(USERS)], log=False)
    assert found(stack.check()) == [("entry 1 (auth)", "sessions-outside-session-user")]
    assert stack.check(among_others(stack)) == []


def test_an_application_that_holds_itself_comes_to_an_end() -> None:
    app = Starlette(middleware=[GZIP])
    app.mount("/again", app)
    wrapper = Slotted(None)
    wrapper.app = wrapper
    app.mount("/wrapped", wrapper)
    assert found(Stack([]).check(app)) == [("app at /wrapped: Slotted", "two-compression")]


def test_fastapi_is_a_starlette() -> None:
    fastapi = pytest.importorskip("fastapi", reason="fastapi is not installed: the extra `types`")
    app = fastapi.FastAPI()
    app.add_middleware(StarletteGZip)
    app.middleware("http")(lambda request, call_next: call_next(request))
    app.add_middleware(RequestIDMiddleware)
    app.mount("/sub", fastapi.FastAPI(middleware=[GZIP]))
    assert found(Stack(FINE).check(app)) == [
        ("app: middleware 1 (RequestIDMiddleware)", "two-request-id"),
        ("app: middleware 3 (GZipMiddleware)", "two-compression"),
        ("app at /sub: middleware 1 (GZipMiddleware)", "two-compression"),
    ]


def test_nothing_is_run_and_nothing_changed() -> None:
    app = Starlette(middleware=[GZIP])
    before = dict(vars(app))
    Stack(FINE).check(app)
    assert vars(app) == before


@pytest.mark.parametrize("path", STRANGERS)
def test_a_stranger_is_where_it_is_said_to_be(path: str) -> None:
    """What is installed is found at that path, as a class."""
    module, _, name = path.rpartition(".")
    if module.startswith("django.contrib"):
        pytest.skip("wants settings")
    kind = getattr(pytest.importorskip(module), name)
    assert (import_path(kind), isinstance(kind, type)) == (path, True)


def test_what_is_in_the_application_is_named_beside_another() -> None:
    app = Starlette(middleware=[GZIP, Middleware(ErrorsMiddleware)])
    (finding,) = Stack([]).check(app)
    assert (finding.where, finding.remedy) == (
        "app: middleware 2 (ErrorsMiddleware)",
        "move it above app: middleware 1 (GZipMiddleware)",
    )


def test_strangers_are_of_kinds_that_there_are() -> None:
    assert set(STRANGERS.values()) <= {kind for rule in RULES for kind in (rule.outer, rule.inner)} - {""}


def test_an_application_without_end_is_left() -> None:
    assert Stack(FINE).check(mock.Mock()) == []


def test_a_chain_of_nothing() -> None:
    assert list(Inside({}).chains(None)) == [[]]
