"""`sessions`: what a response says, what is saved, and what cannot be kept."""

import copy
import functools
import random
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware.sessions import SessionMiddleware, SessionTooLarge

from .apps import start
from .asgi import Message, drive, http
from .baking import (
    DELETED,
    GONE,
    KEPT,
    KEY,
    NO_STORE,
    NOW,
    OLD,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    cookies,
    ior,
    read,
    saved,
    signed,
    storing,
    using,
    visit,
    wrap,
)

# --- What a response says -----------------------------------------------------------------------------------------

ATTRIBUTES: list[tuple[str, Mapping, str, str, str]] = [
    ("the defaults, in the open", {}, "http", KEPT, GONE),
    ("the defaults on https", {}, "https", KEPT + "; secure", GONE + "; secure"),
    ("never secure", {"https_only": False}, "https", KEPT, GONE),
    ("always secure", {"https_only": True}, "http", KEPT + "; secure", GONE + "; secure"),
    ("without a scheme", {}, "", KEPT, GONE),
    (
        "until the browser ends",
        {"max_age": None},
        "http",
        "; path=/; httponly; samesite=lax",
        GONE,
    ),
    ("a minute", {"max_age": 60}, "http", "; path=/; Max-Age=60; httponly; samesite=lax", GONE),
    ("an age of 0", {"max_age": 0}, "http", "; path=/; Max-Age=0; httponly; samesite=lax", GONE),
    ("a path", {"path": "/app"}, "http", KEPT.replace("path=/", "path=/app"), GONE.replace("path=/", "path=/app")),
    ("strict", {"same_site": "strict"}, "http", KEPT.replace("lax", "strict"), GONE.replace("lax", "strict")),
    (
        "from everywhere: secure, even in the open",
        {"same_site": "none"},
        "http",
        KEPT.replace("lax", "none") + "; secure",
        GONE.replace("lax", "none") + "; secure",
    ),
    (
        "partitioned: secure, even in the open",
        {"partitioned": True},
        "http",
        KEPT + "; secure; partitioned",
        GONE + "; secure; partitioned",
    ),
    ("a domain", {"domain": "a.b"}, "http", KEPT + "; domain=a.b", GONE + "; domain=a.b"),
    (
        "everything",
        {"max_age": 5, "path": "/x", "same_site": "none", "https_only": True, "domain": ".a.b", "partitioned": True},
        "http",
        "; path=/x; Max-Age=5; httponly; samesite=none; secure; domain=.a.b; partitioned",
        GONE.replace("path=/", "path=/x").replace("lax", "none") + "; secure; domain=.a.b; partitioned",
    ),
]


@pytest.mark.parametrize(
    ("sentence", "options", "scheme", "kept", "gone"), ATTRIBUTES, ids=[row[0] for row in ATTRIBUTES]
)
def test_set_cookie(sentence: str, options: Mapping, scheme: str, kept: str, gone: str) -> None:
    changes: Mapping = {"scheme": scheme or None}
    written = drive(wrap(using(add), **options), http(**changes))
    assert written.headers == saved({"a": 1}, kept)
    headers = cookies(baked({"b": 2}))
    cleared = drive(wrap(using(lambda session: session.clear()), **options), http(headers=headers, **changes))
    assert cleared.headers == [NO_STORE, ("set-cookie", f"session=null{gone}"), VARY]


@pytest.mark.parametrize("name", ["__Host-s", "__Secure-s", "__host-s"])
def test_a_prefixed_name_is_secure_in_the_open_too(name: str) -> None:
    value = signed(b'{"a":1}', name=name)
    assert visit(add, session_cookie=name).headers == [NO_STORE, ("set-cookie", f"{name}={value}{KEPT}; secure"), VARY]


def test_starlettes_nine_options_stand_in_its_order() -> None:
    app = SessionMiddleware(using(add), KEY, "s", None, "/x", "none", True, "a.b", True, clock=lambda: NOW)
    value = signed(b'{"a":1}', name="s")
    expected = f"s={value}; path=/x; httponly; samesite=none; secure; domain=a.b; partitioned"
    assert drive(app).headers == [NO_STORE, ("set-cookie", expected), VARY]


OWN_HEADERS: list[tuple[str, list[tuple[bytes, bytes]], list[tuple[str, str]]]] = [
    ("Vary is merged", [(b"Vary", b"Accept")], [NO_STORE, ("vary", "Accept, Cookie")]),
    ("Vary that names it stays", [(b"vary", b"cookie, x")], [NO_STORE, ("vary", "cookie, x")]),
    ("a star stays", [(b"vary", b"*")], [NO_STORE, ("vary", "*")]),
    ("the app's Cache-Control stays", [(b"Cache-Control", b"private")], [("cache-control", "private"), VARY]),
    (
        "other cookies stay",
        [(b"set-cookie", b"csrf=1"), (b"set-cookie", b"x=2")],
        [NO_STORE, ("set-cookie", "csrf=1"), ("set-cookie", "x=2"), VARY],
    ),
    ("none", [], [NO_STORE, VARY]),
]


@pytest.mark.parametrize(("sentence", "own", "others"), OWN_HEADERS, ids=[row[0] for row in OWN_HEADERS])
@pytest.mark.parametrize("make", [list, tuple, iter], ids=["a list", "a tuple", "an iterator"])
def test_the_apps_own_headers(
    sentence: str, own: list[tuple[bytes, bytes]], others: list[tuple[str, str]], make: Callable[[Any], Any]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        await send(start(headers=make(own)))

    exchange = drive(wrap(app))
    assert exchange.headers == sorted([*others, ("set-cookie", f"session={baked({'a': 1})}{KEPT}")])


def test_a_start_without_headers_and_constant_messages_are_left_as_they_are() -> None:
    message: Message = {"type": "http.response.start", "status": 200}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        await send(message)

    middleware = wrap(app)
    for _ in range(3):
        assert drive(middleware).headers == saved({"a": 1})
    assert message == {"type": "http.response.start", "status": 200}


# --- Writing ------------------------------------------------------------------------------------------------------


def delete(session: Any, key: str) -> None:
    del session[key]


WRITES: list[tuple[str, Mapping | None, Use, Mapping | None]] = [
    ("[]= without a cookie", None, add, {"a": 1}),
    ("[]= of another key", {"b": 2}, add, {"b": 2, "a": 1}),
    ("[]= of another value", {"a": 2}, add, {"a": 1}),
    ("[]= of the same value", {"a": 1}, add, None),
    ("del", {"a": 1, "b": 2}, lambda s: delete(s, "b"), {"a": 1}),
    ("del of the last key", {"a": 1}, lambda s: delete(s, "a"), {}),
    ("update", None, lambda s: s.update({"a": 1}, b=2), {"a": 1, "b": 2}),
    ("update with pairs", None, lambda s: s.update([("a", 1)]), {"a": 1}),
    ("update of a key named self", None, lambda s: s.update(self=1), {"self": 1}),
    ("update with the same", {"a": 1}, lambda s: s.update(a=1), None),
    ("|=", {"b": 2}, lambda s: ior(s, {"a": 1}), {"b": 2, "a": 1}),
    ("setdefault", None, lambda s: s.setdefault("a", 1), {"a": 1}),
    ("setdefault without a value", None, lambda s: s.setdefault("a"), {"a": None}),
    ("setdefault of a key that is there", {"a": 1}, lambda s: s.setdefault("a", 2), None),
    ("change of what setdefault gave", {"a": []}, lambda s: s.setdefault("a", []).append(1), {"a": [1]}),
    ("pop", {"a": 1, "b": 2}, lambda s: s.pop("b"), {"a": 1}),
    ("pop of a missing key", {"a": 1}, lambda s: s.pop("b", None), None),
    ("popitem", {"a": 1, "b": 2}, lambda s: s.popitem(), {"a": 1}),
    ("clear", {"a": 1}, lambda s: s.clear(), {}),
    ("clear, and another value", {"a": 1}, lambda s: (s.clear(), s.update(b=2)), {"b": 2}),
    ("clear without a cookie", None, lambda s: s.clear(), None),
    ("write and take back", None, lambda s: (add(s), s.pop("a")), None),
    ("write and take back, with a cookie", {"b": 2}, lambda s: (add(s), s.pop("a")), None),
    ("a change inside a list", {"a": [1]}, lambda s: s["a"].append(2), {"a": [1, 2]}),
    ("a change inside a dict", {"a": {"b": 1}}, lambda s: s["a"].update(b=2), {"a": {"b": 2}}),
    ("a change deep inside", {"a": [{"b": [{}]}]}, lambda s: s["a"][0]["b"][0].update(c=1), {"a": [{"b": [{"c": 1}]}]}),
    ("a change inside through values", {"a": [1]}, lambda s: [v.clear() for v in s.values()], {"a": []}),
    ("a change inside and back", {"a": [1]}, lambda s: (s["a"].append(2), s["a"].pop()), None),
    ("a change of type that == does not see", {"a": [1]}, lambda s: s.update(a=[True]), {"a": [True]}),
    ("a change inside a copy", {"a": [1]}, lambda s: copy.deepcopy(s)["a"].append(2), None),
    ("a change of a shallow copy", {"a": [1]}, lambda s: s.copy().clear(), None),
    ("a change of a union", {"a": 1}, lambda s: (s | {}).clear(), None),
    ("mark_modified", {"a": 1}, lambda s: s.mark_modified(), {"a": 1}),
    ("mark_modified of an empty new one", None, lambda s: s.mark_modified(), None),
    (
        "text beyond ASCII",
        None,
        lambda s: s.update(a="ü\x00\U0001f600\ud800;\r\n"),
        {"a": "ü\x00\U0001f600\ud800;\r\n"},
    ),
    ("keys that JSON makes text", None, lambda s: s.update({1: 1, None: 2, 2.5: 3}), {"1": 1, "null": 2, "2.5": 3}),
    ("a tuple becomes a list", None, lambda s: s.update(a=(1, 2)), {"a": [1, 2]}),
]


@pytest.mark.parametrize(("sentence", "before", "use", "after"), WRITES, ids=[row[0] for row in WRITES])
def test_a_write_sets_the_cookie_if_the_bytes_changed(
    sentence: str, before: Mapping | None, use: Use, after: Mapping | None
) -> None:
    exchange = visit(use, *([] if before is None else [baked(before)]))
    assert exchange.error is None
    if after is None:
        assert exchange.headers == [VARY]
    else:
        assert exchange.headers == (saved(after) if after else DELETED)


@pytest.mark.parametrize("value", ["forged", "null", "", baked({"a": 1}, now=NOW - 3_000_000), baked({"a": 1}, OLD)])
def test_a_cookie_that_is_no_session_is_never_deleted(value: str) -> None:
    # A parallel request may just have replaced it.
    for use in (lambda s: s.clear(), lambda s: s.get("a"), lambda s: s.pop("a", None), lambda s: (add(s), s.clear())):
        assert visit(use, value).headers == [VARY]


def test_mark_modified_sends_the_same_content_with_a_new_time() -> None:
    old = baked({"a": 1}, now=NOW - 1000)
    again = signed(b'{"a":1}\n%d' % (NOW - 1000))  # it keeps the time at which it was made
    assert visit(lambda session: session.mark_modified(), old).headers == [
        NO_STORE,
        ("set-cookie", f"session={again}{KEPT}"),
        VARY,
    ]
    assert visit(lambda session: session.update(a=1), old).headers == [VARY]


def test_what_was_saved_is_read_back() -> None:
    for content in ({"a": 1}, {"a": [1, {"b": None}], "c": "ü", "d": 1.5, "e": True}, {"": ""}, {"x": "a" * 2000}):
        exchange = visit(storing(content))
        (cookie,) = exchange.header("set-cookie")
        value = cookie.partition(";")[0].partition("=")[2]
        assert read(value) == content
        assert read(f'"{value}"') == content


def test_the_bytes_are_those_of_itsdangerous() -> None:
    rng = random.Random(1)  # noqa: S311  # seeded, no secret
    for _ in range(500):
        key = "".join(rng.choices("abcXYZ019-_ü/ ", k=rng.randint(32, 80)))
        name = "".join(rng.choices("abcXYZ019-_", k=rng.randint(1, 20)))
        now = rng.randrange(2**32)
        content = {"".join(rng.choices("abü.=", k=3)): rng.choice([1, "x.y", None, [2.5], {"z": "é"}])}
        exchange = visit(
            storing(content),
            secret_key=key,
            session_cookie=name,
            clock=functools.partial(float, now + 0.75),
        )
        assert exchange.header("set-cookie") == [f"{name}={baked(content, key, name, now)}{KEPT}"]


# --- What cannot be kept ------------------------------------------------------------------------------------------


def size_of(content: Mapping) -> int:
    return len(f"session={baked(content)}{KEPT}")


def test_the_whole_set_cookie_may_take_4093_bytes_and_not_one_more() -> None:
    content = {"a": "x" * 2900}
    spare = 4093 - size_of(content)
    fits, too_long = "/" + "p" * spare, "/" + "p" * (spare + 1)
    exchange = visit(lambda session: session.update(content), path=fits)
    assert len(exchange.header("set-cookie")[0]) == 4093
    exchange = visit(lambda session: session.update(content), path=too_long)
    assert isinstance(exchange.error, SessionTooLarge)
    assert (exchange.error.size, exchange.error.limit) == (4094, 4093)
    assert exchange.error.args == (4094, 4093)
    assert str(exchange.error) == (
        "the session's Set-Cookie takes 4094 bytes and browsers drop it above 4093; "
        "keep less in the session, or keep it in a store"
    )
    assert exchange.sent == []


def test_an_app_that_is_told_so_may_answer_otherwise() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["a"] = "x" * 4000
        with pytest.raises(SessionTooLarge):
            await send(start(headers=[]))
        scope["session"].clear()
        add(scope["session"])
        await send(start(507, headers=[]))

    exchange = drive(wrap(app))
    assert (exchange.status, exchange.headers, len(exchange.sent)) == (507, saved({"a": 1}), 1)


def nested(depth: int, value: object) -> object:
    for _ in range(depth):
        value = [value]
    return value


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


UNSERIALISABLE: list[tuple[str, Mapping, str]] = [
    ("at the top", {"ok": 1, "bad": object()}, "session['bad']"),
    ("a set", {"bad": {1}}, "session['bad']"),
    ("bytes", {"bad": b"x"}, "session['bad']"),
    ("in a list", {"ok": [1], "bad": [1, {2}]}, "session['bad'][1]"),
    ("in a tuple", {"bad": (1, 2, {3})}, "session['bad'][2]"),
    ("in a dict", {"a": {"b": {"c": b""}}}, "session['a']['b']['c']"),
    ("in a dict in a list", {"a": [{}, {"b": object()}]}, "session['a'][1]['b']"),
    ("a key that is a tuple", {"a": {"b": {(1, 2): 3}}}, "session['a']['b']"),
    ("under a key with a quote", {"it's": object()}, 'session["it\'s"]'),
    ("the first of two", {"x": object(), "y": object()}, "session['x']"),
    ("a list that holds itself", {"ok": 1, "bad": circle()}, "session['bad']"),
    ("a number too long for text", {"ok": 1, "bad": 10**5000}, "session['bad']"),
    ("nested too deeply", {"ok": 1, "bad": nested(100_000, 1)}, "session['bad']"),
]


@pytest.mark.parametrize(("sentence", "content", "where"), UNSERIALISABLE, ids=[row[0] for row in UNSERIALISABLE])
def test_what_has_no_json_form_is_named_before_the_response_starts(sentence: str, content: Mapping, where: str) -> None:
    exchange = visit(lambda session: session.update(content))
    assert isinstance(exchange.error, (TypeError, ValueError))
    assert str(exchange.error).startswith(f"{where} cannot be kept")
    assert exchange.sent == []


def test_a_session_that_holds_itself_is_named() -> None:
    exchange = visit(lambda session: session.update(me=session))
    assert isinstance(exchange.error, (TypeError, ValueError))
    assert str(exchange.error).startswith("session['me'] cannot be kept")
