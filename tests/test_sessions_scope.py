"""Where in the scope the session is, and what happens to one that is replaced, removed or nested."""

import copy
from typing import Any

import pytest

from asgi_middleware.sessions import Session

from .apps import start
from .asgi import App, drive, http
from .baking import (
    KEPT,
    NO_STORE,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    cookies,
    saved,
    signed,
    using,
    wrap,
)

# --- The scope ----------------------------------------------------------------------------------------------------


def replace(scope: Any, value: object) -> object:
    scope["session"] = value
    return scope


def remove(scope: Any) -> object:
    del scope["session"]
    return scope


REPLACED: list[tuple[str, Use, list[tuple[str, str]]]] = [
    ("replaced by a dict", lambda scope: replace(scope, {"x": 1}), []),
    ("replaced by None", lambda scope: replace(scope, None), []),
    ("replaced by a session of its own", lambda scope: replace(scope, Session(x=1)), []),
    ("removed", remove, []),
    ("popped", lambda scope: scope.pop("session"), []),
    ("all keys removed", lambda scope: scope.clear(), []),
    (
        "replaced after a write",
        lambda scope: (add(scope["session"]), replace(scope, {"x": 1})),
        saved({"b": 1, "a": 1}),
    ),
    ("removed after a write", lambda scope: (add(scope["session"]), remove(scope)), saved({"b": 1, "a": 1})),
    ("replaced after a read", lambda scope: (len(scope["session"]), replace(scope, {"x": 1})), [VARY]),
    ("replaced by its copy, then changed", lambda scope: replace(scope, {**scope["session"], "x": 1}), [VARY]),
    ("popped, then written", lambda scope: add(scope.pop("session")), saved({"b": 1, "a": 1})),
]


@pytest.mark.parametrize(("sentence", "use", "headers"), REPLACED, ids=[row[0] for row in REPLACED])
def test_what_is_saved_is_the_session_that_was_put_there(
    sentence: str, use: Use, headers: list[tuple[str, str]]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope)
        await send(start(headers=[]))

    exchange = drive(wrap(app), http(headers=cookies(baked({"b": 1}))))
    assert exchange.error is None
    assert exchange.headers == headers


def test_the_servers_scope_is_left_alone_and_the_apps_writes_reach_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert isinstance(scope["session"], Session)
        scope["route"] = "/items"
        await send(start(headers=[]))

    scope = http(headers=cookies(baked({"a": 1})))
    before = copy.deepcopy(scope)
    drive(wrap(app), scope)
    assert scope == {**before, "route": "/items"}


@pytest.mark.parametrize(
    "headers",
    [
        iter([(b"COOKIE", f"session={baked({'a': 1})}".encode())]),
        ((b"Cookie", f"session={baked({'a': 1})}".encode()),),
        [[b"cookie", f"session={baked({'a': 1})}".encode()]],
    ],
    ids=["an iterator, capitals", "a tuple", "pairs as lists"],
)
def test_request_headers_however_they_come(headers: object) -> None:
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append((dict(scope["session"]), [value for _, value in scope["headers"]]))

    scope = {"type": "http", "headers": headers}
    drive(wrap(app), scope)
    assert found == [({"a": 1}, [f"session={baked({'a': 1})}".encode()])]


def test_a_bare_scope_will_do() -> None:
    assert drive(wrap(using(add)), {"type": "http"}).headers == saved({"a": 1})


def test_sessions_with_another_scope_key_stand_beside_each_other() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (scope["session"], scope["admin"]) == ({"a": 1}, {"b": 2})
        scope["session"]["a"] = 3
        scope["admin"]["b"] = 4
        await send(start(headers=[]))

    middleware = wrap(wrap(app), session_cookie="admin", scope_key="admin")
    admin = signed(b'{"b":2}', name="admin")
    exchange = drive(middleware, http(headers=[("cookie", f"admin={admin}; session={baked({'a': 1})}")]))
    assert exchange.error is None
    assert exchange.headers == [
        NO_STORE,
        ("set-cookie", "admin=" + signed(b'{"b":4}', name="admin") + KEPT),
        ("set-cookie", f"session={baked({'a': 3})}{KEPT}"),
        VARY,
    ]


def test_only_the_one_that_was_touched_sets_its_cookie() -> None:
    middleware = wrap(wrap(using(add)), session_cookie="admin", scope_key="admin")
    assert drive(middleware).headers == saved({"a": 1})


def test_a_session_inside_a_session_does_not_leak_into_it() -> None:
    after: list[Mapping] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        assert scope["session"] == {"in": 1}
        scope["session"]["in"] = 2
        scope["route"] = "/inner"
        await send(start(headers=[]))

    def between(app: App) -> App:
        async def middle(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            after.append({"session": dict(scope["session"]), "route": scope["route"]})

        return middle

    middleware = wrap(between(wrap(inner, session_cookie="inner")), session_cookie="outer")
    values = {name: signed(text, name=name) for name, text in (("outer", b'{"out":1}'), ("inner", b'{"in":1}'))}
    scope = http(headers=[("cookie", "; ".join(f"{name}={value}" for name, value in values.items()))])
    exchange = drive(middleware, scope)
    assert exchange.error is None
    assert after == [{"session": {"out": 1}, "route": "/inner"}]
    assert exchange.headers == [
        NO_STORE,
        ("set-cookie", "inner=" + signed(b'{"in":2}', name="inner") + KEPT),
        VARY,
    ]
    assert "session" not in scope
    assert scope["route"] == "/inner"


def test_an_inner_session_that_is_replaced_leaves_the_outer_one_alone() -> None:
    found: list[Mapping] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = {"theirs": 1}

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await wrap(inner)(scope, receive, send)
        found.append(dict(scope["session"]))
        await send(start(headers=[]))

    exchange = drive(wrap(outer), http(headers=cookies(baked({"a": 1}))))
    assert (found, exchange.headers) == ([{"a": 1}], [VARY])


def test_two_requests_interleaved_keep_their_own_sessions() -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        session["step"] = scope["path"]
        if scope["path"] == "/first":
            second = drive(middleware, http("/second", headers=cookies(baked({"who": "bob"}))))
            seen.append(second.headers)
        seen.append(dict(session))
        await send(start(headers=[]))

    middleware = wrap(app)
    first = drive(middleware, http("/first", headers=cookies(baked({"who": "ada"}))))
    ada, bob = {"who": "ada", "step": "/first"}, {"who": "bob", "step": "/second"}
    assert seen == [bob, saved(bob), ada]
    assert first.headers == saved(ada)
