"""`sessions`: a dict in a signed cookie, compared with plain dicts and with an independent itsdangerous signer."""

import base64
import copy
import functools
import hashlib
import json
import logging
import operator
import pickle
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from itsdangerous import BadSignature, Signer, TimestampSigner
from starlette.datastructures import Secret
from starlette.requests import Request
from starlette.responses import JSONResponse

from asgi_middleware.exceptions import ConfigError
from asgi_middleware.sessions import Session, SessionMiddleware, SessionTooLarge

from .apps import accepts, body, denies, sends, silent, start
from .asgi import App, Exchange, Message, drive, http, websocket

Mapping = dict[str, Any]
Use = Callable[[Any], object]

KEY = "the newest key of all, 32 or more"
OLD = "an older key, also of 32 bytes or more"
NOW = 1_700_000_000
KEPT = "; path=/; Max-Age=1209600; httponly; samesite=lax"
GONE = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax"
VARY = ("vary", "Cookie")
NO_STORE = ("cache-control", "no-store")
DELETED = [NO_STORE, ("set-cookie", f"session=null{GONE}"), VARY]


class Clocked(TimestampSigner):
    """itsdangerous' own, with a clock that stands still."""

    now = NOW

    def get_timestamp(self) -> int:
        return self.now


def signer(key: str | bytes = KEY, name: str = "session", now: int = NOW) -> Clocked:
    """Configured from the documentation alone: nothing of the package is used."""
    made = Clocked(
        key, salt=f"asgi_middleware.sessions:{name}", sep=".", key_derivation="hmac", digest_method=hashlib.sha256
    )
    made.now = now
    return made


def coded(payload: bytes) -> bytes:
    return base64.urlsafe_b64encode(payload).rstrip(b"=")


def signed(payload: bytes, key: str | bytes = KEY, name: str = "session", now: int = NOW) -> str:
    return signer(key, name, now).sign(coded(payload)).decode()


def baked(content: Mapping, key: str | bytes = KEY, name: str = "session", now: int = NOW) -> str:
    """The cookie value that holds `content`."""
    return signed(json.dumps(content, separators=(",", ":")).encode(), key, name, now)


def saved(content: Mapping, attributes: str = KEPT) -> list[tuple[str, str]]:
    """All headers of a response that saved `content`."""
    return [NO_STORE, ("set-cookie", f"session={baked(content)}{attributes}"), VARY]


def using(use: Use, key: str = "session") -> App:
    """An app that uses its session and answers with nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope[key])
        await send(start(headers=[]))
        await send(body(b""))

    return app


def cookies(*values: str, name: str = "session") -> list[tuple[str, str]]:
    return [("cookie", "; ".join(f"{name}={value}" for value in values))] if values else []


def wrap(app: App, **options: Any) -> SessionMiddleware:
    return SessionMiddleware(app, **{"secret_key": KEY, "clock": lambda: NOW, **options})


def visit(use: Use, *values: str, headers: Iterable[tuple[str, str]] | None = None, **options: Any) -> Exchange:
    """One request with these session cookies (or these headers) whose app uses the session."""
    return drive(wrap(using(use), **options), http(headers=cookies(*values) if headers is None else headers))


def read(*values: str, headers: Iterable[tuple[str, str]] | None = None, **options: Any) -> Mapping:
    """What an app reads; the response must show that it only read."""
    found: list[Any] = []
    exchange = visit(
        lambda session: found.append((session.is_new, session.copy())), *values, headers=headers, **options
    )
    assert exchange.error is None
    assert exchange.headers == [VARY]
    ((is_new, content),) = found
    assert is_new is not bool(content)
    made: Mapping = content
    return made


def add(session: Any) -> object:
    session["a"] = 1
    return session


def storing(content: Mapping) -> Use:
    return lambda session: session.update(content)


def nothing(session: Any) -> None:
    pass


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


# --- Reading ------------------------------------------------------------------------------------------------------

READS: list[tuple[str, Use]] = [
    ("[]", lambda s: s["a"] if "a" in dict(s) else None),
    ("[] of a missing key", lambda s: refused(s, "missing")),
    ("get", lambda s: s.get("a")),
    ("get of a missing key", lambda s: s.get("missing")),
    ("get with a default", lambda s: s.get("missing", 5)),
    ("in", lambda s: "a" in s),
    ("in, for what cannot be a key of JSON", lambda s: 5 in s),
    ("len", len),
    ("bool", bool),
    ("not", lambda s: not s),
    ("iteration", list),
    ("a for loop", lambda s: [key for key in s]),  # noqa: C416  # the loop itself is meant
    ("reversed", lambda s: list(reversed(s))),
    ("sorted", sorted),
    ("a set", set),
    ("unpacking", lambda s: [*s]),
    ("keys", lambda s: list(s.keys())),
    ("values", lambda s: list(s.values())),
    ("items", lambda s: list(s.items())),
    ("==", lambda s: s == {"a": 1, "n": {"x": [1]}}),
    ("== the other way", lambda s: operator.eq({"a": 1, "n": {"x": [1]}}, s)),
    ("!=", lambda s: s != {}),
    ("!= the other way", lambda s: operator.ne({}, s)),
    ("== something else", lambda s: s == 5),
    ("repr", repr),
    ("str", str),
    ("format", lambda s: f"{s}"),
    ("copy", lambda s: s.copy()),
    ("copy.copy", copy.copy),
    ("copy.deepcopy", copy.deepcopy),
    ("pickle", lambda s: pickle.loads(pickle.dumps(s))),  # noqa: S301  # our own bytes
    ("pickle, the oldest", lambda s: pickle.loads(pickle.dumps(s, 0))),  # noqa: S301  # our own bytes
    ("json.dumps", json.dumps),
    ("json.dumps, indented", lambda s: json.loads(json.dumps(s, indent=1))),
    ("json.dumps, sorted", lambda s: json.dumps(s, sort_keys=True)),
    ("json.dumps, inside another", lambda s: json.dumps({"session": [s]})),
    ("json.dumps, in pieces", lambda s: list(json.JSONEncoder().iterencode(s))),
    ("Starlette's JSONResponse", lambda s: JSONResponse(s).body),
    ("dict", dict),
    ("dict with more", lambda s: dict(s, b=2)),
    ("{**}", lambda s: {**s}),
    ("{**} behind another", lambda s: {"z": 0, **s}),
    ("keyword arguments", lambda s: dict(**s)),
    ("|", lambda s: s | {"b": 2}),
    ("| the other way", lambda s: {"b": 2} | s),
    ("|= of another dict", lambda s: ior({"b": 2}, s)),
    ("update of another dict", lambda s: updated({"b": 2}, s)),
    ("setdefault of a key that is there or not", lambda s: dict(s).setdefault("a")),
    ("a pattern", lambda s: matched(s)),
    ("a format string", lambda s: "{a}".format_map(s) if "a" in s else ""),
]


def refused(value: Any, key: str) -> object:
    with pytest.raises(KeyError) as caught:
        value[key]
    return caught.value.args


def ior(left: Any, right: Any) -> Any:
    left |= right
    return left


def updated(left: Any, right: Any) -> Any:
    left.update(right)
    return left


def matched(value: object) -> object:
    match value:
        case {"a": found}:
            return found
        case {}:
            return "a mapping"
        case _:
            return "something else"


CONTENTS: list[tuple[str, Mapping | None]] = [
    ("a session", {"a": 1, "n": {"x": [1]}}),
    ("a flat session", {"a": 1}),
    ("no cookie", None),
]


@pytest.mark.parametrize(("state", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
@pytest.mark.parametrize(("sentence", "use"), READS, ids=[row[0] for row in READS])
def test_every_kind_of_read_answers_as_a_dict_and_says_vary(
    sentence: str, use: Use, state: str, content: Mapping | None
) -> None:
    results: list[object] = []
    flags: list[tuple[bool, bool]] = []

    def record(session: Any) -> None:
        results.append(use(session))
        flags.append((session.accessed, session.modified))

    values = [] if content is None else [baked(content)]
    exchange = visit(record, *values)
    assert exchange.error is None
    expected = use(dict(content or {}))
    assert (results, [type(result) for result in results]) == ([expected], [type(expected)])
    assert exchange.headers == [VARY]
    assert flags == [(True, False)]


@pytest.mark.parametrize("header", ["", "other=1", "session=forged", "session=null", "xsession=1; sessions=2"])
@pytest.mark.parametrize("use", [json.dumps, dict, len, bool, repr], ids=lambda use: str(use.__name__))
def test_every_kind_of_read_says_vary_whatever_cookies_came(header: str, use: Use) -> None:
    results: list[object] = []
    exchange = visit(lambda s: results.append(use(s)), headers=[("cookie", header)])
    assert (results, exchange.headers) == ([use({})], [VARY])


def test_a_session_equals_another_that_nobody_has_read_yet() -> None:
    same = baked({"a": 1}), signed(b'{"a":1}', name="other")
    found: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(Session(a=1) == scope["session"])
        found.append(scope["session"] == scope["other"])
        found.append(scope["session"] != scope["other"])

    middleware = wrap(wrap(app), session_cookie="other", scope_key="other")
    drive(middleware, http(headers=[("cookie", f"session={same[0]}; other={same[1]}")]))
    assert found == [True, True, False]


def test_asking_whether_a_session_is_new_loads_it() -> None:
    found: list[bool] = []
    for values in ((), (baked({"a": 1}),), ("forged",)):
        assert visit(lambda session: found.append(session.is_new), *values).headers == [VARY]
    assert found == [True, False, True]


UNTOUCHED: list[tuple[str, list[tuple[str, str]]]] = [
    ("no cookie", []),
    ("a valid cookie", cookies(baked({"a": [1]}))),
    ("a forged cookie", cookies("forged")),
    ("another cookie", [("cookie", "other=1")]),
]


@pytest.mark.parametrize(("sentence", "headers"), UNTOUCHED, ids=[row[0] for row in UNTOUCHED])
def test_a_session_that_nobody_touched_costs_nothing(sentence: str, headers: list[tuple[str, str]]) -> None:
    def clock() -> float:
        raise AssertionError("the clock was read")

    first, second = start(headers=[]), body(b"ok")
    exchange = drive(wrap(sends(first, second), clock=clock), http(headers=headers))
    assert exchange.error is None
    assert [sent is given for sent, given in zip(exchange.objects, (first, second), strict=True)] == [True, True]
    assert first == start(headers=[])


def test_the_flags_can_be_asked_without_access() -> None:
    flags: list[tuple[bool, bool]] = []
    exchange = visit(lambda session: flags.append((session.accessed, session.modified)), baked({"a": 1}))
    assert (flags, exchange.headers) == ([(False, False)], [])


def test_starlettes_request_session_loads_and_counts_as_access() -> None:
    found: list[Mapping] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(Request(scope, receive).session)
        await JSONResponse(Request(scope).session)(scope, receive, send)

    exchange = drive(wrap(app), http(headers=cookies(baked({"a": [1]}))))
    assert found == [{"a": [1]}]
    assert exchange.body == b'{"a":[1]}'
    assert exchange.headers == [("content-length", "9"), ("content-type", "application/json"), VARY]


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


# --- As a dict ----------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]

# Every operation of a dict, and when it counts as a write. `s`: the dict, `k` and `o`: keys, `v`: a value.
STEPS: list[tuple[str, Callable[[Any, str, str, Any], object]]] = [
    ("always", lambda s, k, o, v: s.__setitem__(k, v)),
    ("always", lambda s, k, o, v: s.update({k: v, o: 1})),
    ("always", lambda s, k, o, v: s.update([(k, v)], **{o: 2})),
    ("always", lambda s, k, o, v: dict(ior(s, {k: v}))),
    ("always", lambda s, k, o, v: s.clear()),
    ("if there", lambda s, k, o, v: s.__delitem__(k)),
    ("if there", lambda s, k, o, v: s.pop(k)),
    ("if there", lambda s, k, o, v: s.pop(k, v)),
    ("if any", lambda s, k, o, v: s.popitem()),
    ("if missing", lambda s, k, o, v: s.setdefault(k, v)),
    ("if missing", lambda s, k, o, v: s.setdefault(k)),
    ("never", lambda s, k, o, v: s[k]),
    ("never", lambda s, k, o, v: s[[]]),
    ("never", lambda s, k, o, v: s.get(k)),
    ("never", lambda s, k, o, v: s.get(k, v)),
    ("never", lambda s, k, o, v: k in s),
    ("never", lambda s, k, o, v: len(s)),
    ("never", lambda s, k, o, v: bool(s)),
    ("never", lambda s, k, o, v: list(s)),
    ("never", lambda s, k, o, v: list(reversed(s))),
    ("never", lambda s, k, o, v: list(s.keys())),
    ("never", lambda s, k, o, v: list(s.values())),
    ("never", lambda s, k, o, v: list(s.items())),
    ("never", lambda s, k, o, v: sorted(s.keys() & {k, o})),
    ("never", lambda s, k, o, v: s == {k: v}),
    ("never", lambda s, k, o, v: s != {k: v}),
    ("never", lambda s, k, o, v: repr(s)),
    ("never", lambda s, k, o, v: s.copy()),
    ("never", lambda s, k, o, v: copy.copy(s)),
    ("never", lambda s, k, o, v: copy.deepcopy(s)),
    ("never", lambda s, k, o, v: pickle.loads(pickle.dumps(s))),  # noqa: S301  # our own bytes
    ("never", lambda s, k, o, v: dict(s)),
    ("never", lambda s, k, o, v: {**s}),
    ("never", lambda s, k, o, v: s | {k: v}),
    ("never", lambda s, k, o, v: {k: v} | s),
    ("never", lambda s, k, o, v: s | 5),
    ("never", lambda s, k, o, v: json.dumps(s)),
]


class Step:
    """One operation with its arguments, the same on every dict that it is tried on."""

    def __init__(self, rng: random.Random) -> None:
        self.when, self._do = rng.choice(STEPS)
        self.key, self._other = rng.choice(NAMES), rng.choice(NAMES)
        self._value = rng.choice([0, 1, "x", None, [1], {"x": 1}])

    def writes(self, before: Mapping) -> bool:
        """Whether it counts as a write to a dict with this content."""
        there = {"always": True, "if there": self.key in before, "if missing": self.key not in before}
        return there.get(self.when, self.when == "if any" and bool(before))

    def outcome(self, value: Any) -> tuple[object, object]:
        """The result as text and its type, or the type of the exception."""
        try:
            result = self._do(value, self.key, self._other, copy.deepcopy(self._value))
        except Exception as error:
            return "raised", type(error)
        return repr(result), type(result)


@pytest.mark.parametrize("seed", range(30))
def test_alone_it_is_a_dict_that_marks_writes(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # seeded, no secret
    for _ in range(60):
        content = {name: 1 for name in NAMES if rng.random() < 0.5}
        session, model, written = Session(content), dict(content), False
        for step in [Step(rng) for _ in range(rng.randint(1, 12))]:
            assert (session.accessed, session.modified, session.is_new) == (written, written, True)
            written = written or step.writes(model)
            assert step.outcome(session) == step.outcome(model)
            assert list(dict.items(session)) == list(model.items())
        assert (session.accessed, session.modified) == (written, written)


@pytest.mark.parametrize("seed", range(30))
def test_in_a_request_it_is_a_dict_whose_every_use_counts(seed: int) -> None:
    rng = random.Random(1000 + seed)  # noqa: S311  # seeded, no secret
    for _ in range(30):
        content: Mapping = {name: rng.choice([1, [2]]) for name in NAMES if rng.random() < 0.5}
        model = copy.deepcopy(content)
        steps = [Step(rng) for _ in range(rng.randint(1, 12))]
        seen: list[object] = []

        def use(session: Any, steps: list[Step] = steps, seen: list[object] = seen) -> None:
            seen.extend((step.outcome(session), session.accessed, session.modified) for step in steps)

        exchange = visit(use, *([baked(content)] if content else []))
        expected: list[object] = []
        written = False
        for step in steps:
            written = written or step.writes(model)
            expected.append((step.outcome(model), True, written))
        assert seen == expected
        same = json.dumps(model) == json.dumps(content)
        assert exchange.headers == ([VARY] if same else saved(model) if model else DELETED)


MADE: list[tuple[str, Callable[[], Session], Mapping]] = [
    ("of nothing", Session, {}),
    ("of a mapping", lambda: Session({"a": 1}), {"a": 1}),
    ("of pairs", lambda: Session([("a", 1)]), {"a": 1}),
    ("of keywords", lambda: Session(a=1), {"a": 1}),
    ("of both", lambda: Session({"a": 1}, b=2), {"a": 1, "b": 2}),
    ("of a session", lambda: Session(Session(a=1)), {"a": 1}),
    ("of a key named self", lambda: Session(self=1), {"self": 1}),
]


@pytest.mark.parametrize(("sentence", "make", "content"), MADE, ids=[row[0] for row in MADE])
def test_made_alone(sentence: str, make: Callable[[], Session], content: Mapping) -> None:
    session = make()
    assert (dict(session), session == content, len(session)) == (content, True, len(content))
    assert (session.accessed, session.modified, session.is_new) == (False, False, True)


def test_the_two_marks() -> None:
    session = Session()
    session.mark_accessed()
    assert (session.accessed, session.modified) == (True, False)
    session.mark_modified()
    assert (session.accessed, session.modified) == (True, True)


def test_it_has_no_hash_and_no_order_as_dicts_have_none() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Session())
    with pytest.raises(TypeError, match="not supported"):
        Session() < Session()  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]  # noqa: B015  # wrong on purpose


# --- Which cookies are believed -----------------------------------------------------------------------------------

BELIEVED: list[tuple[str, str, Mapping, bool]] = [
    ("ours", baked({"a": 1}), {}, True),
    ("in quotes", f'"{baked({"a": 1})}"', {}, True),
    ("signed by the second key", baked({"a": 1}, OLD), {"secret_key": [KEY, OLD]}, True),
    ("signed by the first of two", baked({"a": 1}), {"secret_key": (KEY, OLD)}, True),
    ("signed by a key of bytes", baked({"a": 1}), {"secret_key": KEY.encode()}, True),
    ("signed by a Secret", baked({"a": 1}), {"secret_key": Secret(KEY)}, True),
    ("signed by a Secret in a list", baked({"a": 1}, OLD), {"secret_key": [KEY, Secret(OLD)]}, True),
    ("signed by a key of raw bytes", baked({"a": 1}, b"\xff" * 32), {"secret_key": b"\xff" * 32}, True),
    ("signed by a key that is listed no more", baked({"a": 1}, OLD), {}, False),
    ("signed by the list as text", baked({"a": 1}, str([KEY, OLD])), {"secret_key": [KEY, OLD]}, False),
    ("signed by no key", baked({"a": 1}, "None"), {}, False),
    ("issued under another name", signed(b'{"a":1}', name="admin"), {}, False),
    ("another TimestampSigner's of the same secret", TimestampSigner(KEY).sign(coded(b'{"a":1}')).decode(), {}, False),
    (
        "another's, SHA-256, without our salt",
        TimestampSigner(KEY, digest_method=hashlib.sha256, key_derivation="hmac").sign(coded(b'{"a":1}')).decode(),
        {},
        False,
    ),
    (
        "signed without a time",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}'))
        .decode(),
        {},
        False,
    ),
    ("not signed", coded(b'{"a":1}').decode(), {}, False),
    ("not signed, with empty parts", coded(b'{"a":1}').decode() + "..", {}, False),
    ("the deletion cookie's value", "null", {}, False),
    ("empty", "", {}, False),
    ("dots", "....", {}, False),
    ("percent escapes are not undone", baked({"a": 1}).replace(".", "%2e"), {}, False),
    ("as old as is allowed", baked({"a": 1}, now=NOW - 60), {"max_age": 60}, True),
    ("one second older", baked({"a": 1}, now=NOW - 61), {"max_age": 60}, False),
    ("14 days by default", baked({"a": 1}, now=NOW - 14 * 86400), {}, True),
    ("and a second", baked({"a": 1}, now=NOW - 14 * 86400 - 1), {}, False),
    ("very old, without a limit", baked({"a": 1}, now=1), {"max_age": None}, True),
    ("of this second, where the limit is 0", baked({"a": 1}), {"max_age": 0}, True),
    ("of the second before, where the limit is 0", baked({"a": 1}, now=NOW - 1), {"max_age": 0}, False),
    ("of this second, where the limit is -1", baked({"a": 1}), {"max_age": -1}, False),
    ("a minute ahead", baked({"a": 1}, now=NOW + 60), {}, True),
    ("more than a minute ahead", baked({"a": 1}, now=NOW + 61), {}, False),
    ("more than a minute ahead, without a limit", baked({"a": 1}, now=NOW + 61), {"max_age": None}, False),
    ("from beyond 32 bits", baked({"a": 1}, now=2**33), {"max_age": None}, False),
    ("from beyond the year 9999", baked({"a": 1}, now=2**40), {"max_age": None}, False),
    ("from beyond the platform's clock", baked({"a": 1}, now=2**62), {"max_age": None}, False),
    ("from beyond 64 bits, signed", baked({"a": 1}, now=2**64 - 1), {}, False),
    ("a time of zero", baked({"a": 1}, now=0), {}, False),
]


@pytest.mark.parametrize(("sentence", "value", "options", "believed"), BELIEVED, ids=[row[0] for row in BELIEVED])
def test_which_cookies_are_believed(sentence: str, value: str, options: Mapping, believed: bool) -> None:
    assert read(value, **options) == ({"a": 1} if believed else {})


def test_the_first_key_signs_and_reading_does_not_sign_again() -> None:
    old = baked({"a": 1}, OLD)
    assert visit(lambda session: session["a"], old, secret_key=[KEY, OLD]).headers == [VARY]
    assert visit(lambda session: session.update(b=2), old, secret_key=[KEY, OLD]).headers == saved({"a": 1, "b": 2})
    assert visit(lambda session: session.update(a=1), old, secret_key=[KEY, OLD]).headers == [VARY]


def test_the_time_is_read_when_it_is_needed() -> None:
    times = iter([NOW + 5.9, NOW + 100.9])
    exchange = visit(add, baked({"b": 1}), clock=lambda: next(times))
    value = signed(b'{"b":1,"a":1}\n%d' % NOW, now=NOW + 100)
    assert exchange.headers == [NO_STORE, ("set-cookie", f"session={value}{KEPT}"), VARY]


SEVERAL: list[tuple[str, list[tuple[str, str]], Mapping]] = [
    ("the first that verifies wins", cookies(baked({"a": 1}), baked({"a": 2})), {"a": 1}),
    ("forged ones are passed over", cookies("x", "", '"', baked({"a": 4})), {"a": 4}),
    ("no more than four are tried", cookies("x", "y", "z", "null", baked({"a": 5})), {}),
    ("over-long ones are not counted", cookies(*["x" * 5000] * 5, baked({"a": 6})), {"a": 6}),
    ("an expired one is passed over", cookies(baked({"a": 1}, now=1), baked({"a": 2})), {"a": 2}),
    ("garbage with a good signature is passed over", cookies(signed(b"[]"), baked({"a": 2})), {"a": 2}),
    ("in two lines (RFC 9113, 8.2.3)", [("cookie", "a=1"), ("cookie", f"session={baked({'a': 1})}")], {"a": 1}),
    ("one in each of two lines", [("Cookie", "session=x"), ("cookie", f"session={baked({'a': 2})}")], {"a": 2}),
    ("an empty line first", [("cookie", ""), ("cookie", f"session={baked({'a': 3})}")], {"a": 3}),
]


@pytest.mark.parametrize(("sentence", "headers", "content"), SEVERAL, ids=[row[0] for row in SEVERAL])
def test_several_cookies_of_one_name(sentence: str, headers: list[tuple[str, str]], content: Mapping) -> None:
    assert read(headers=headers) == content


def raw(payload: bytes) -> str:
    return signer().sign(payload).decode()


GARBAGE: list[tuple[str, str]] = [
    ("no base64", raw(b"!!!!")),
    ("base64 of impossible length", raw(b"abcde")),
    ("a line feed inside base64", raw(b"eyJh\nIjoxfQ")),
    ("base64 with padding inside", raw(b"eyJhIjox=fQ")),
    ("nothing", raw(b"")),
    ("bytes above ASCII", signer().sign(b"\xff\xfe").decode("latin-1")),
    ("no JSON", signed(b"{a:1}")),
    ("half of an object", signed(b'{"a":')),
    ("two objects", signed(b"{}{}")),
    ("a list", signed(b"[1,2]")),
    ("a list of pairs", signed(b'[["a",1]]')),
    ("text", signed(b'"text"')),
    ("a number", signed(b"5")),
    ("null", signed(b"null")),
    ("true", signed(b"true")),
    ("not a number", signed(b"NaN")),
    ("a list, deeply nested", signed(b"[" * 1400 + b"]" * 1400)),
    ("an unfinished list, deeply nested", signed(b"[" * 2900)),
    ("an unfinished object, deeply nested", signed(b'{"a":' * 580)),
    ("bad UTF-8", signed(b'{"a":"\xff"}')),
    ("half a surrogate in UTF-8", signed(b'{"a":"\xed\xa0"}')),
    ("a pickle", signed(pickle.dumps({"a": 1}))),
    ("an enormous number", signed(b"9" * 2900)),
    ("an object with half an escape", signed(b'{"a":"\\u12"}')),
    ("a time that is no number", signer().sign(b"x").decode()[:2] + "!.x"),
    (
        "a time that is no base64",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}') + b".!!!!!")
        .decode(),
    ),
    (
        "a time of 20 bytes",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}') + b"." + coded(b"\x7f" * 20))
        .decode(),
    ),
]


@pytest.mark.parametrize(("sentence", "value"), GARBAGE, ids=[row[0] for row in GARBAGE])
def test_garbage_with_a_good_signature_is_no_session(sentence: str, value: str) -> None:
    assert read(value) == {}
    assert visit(add, value).headers == saved({"a": 1})


def test_an_object_of_any_depth_can_be_read_from_wherever_it_is_sent() -> None:
    async def deeper(levels: int, send: Any) -> None:
        if levels:
            await deeper(levels - 1, send)
        else:
            await send(start(headers=[]))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].get("a")
        await deeper(30, send)

    middleware = wrap(app)
    for depth in range(50, 1500, 7):
        value = signed(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
        exchange = drive(middleware, http(headers=cookies(value)))
        assert (depth, exchange.error) == (depth, None)
        assert (depth, exchange.headers) == (depth, [VARY])


ALPHABET = b'ABCxyz019-_=.+/ ;,"\\%\t\x00\x7f\x80\xff'


def mutated(rng: random.Random, value: bytes) -> bytes:
    """A cookie value with a few bytes changed, added, taken out, doubled or exchanged."""
    changed = bytearray(value)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind == 0 and place < len(changed):
            changed[place] = rng.choice(ALPHABET)
        elif kind == 1:
            changed.insert(place, rng.choice(ALPHABET))
        elif kind == 2:
            del changed[place : place + rng.randint(1, 4)]
        elif kind == 3:
            changed[place:place] = changed[place : place + rng.randint(1, 30)]
        elif kind == 4 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        else:
            parts = bytes(changed).split(b".")
            rng.shuffle(parts)
            changed = bytearray(b".".join(parts))
    return bytes(changed)


def believed(header: bytes, *, spelled: bool) -> Mapping | None:
    """What a Cookie header holds: split by semicolons, verified by itsdangerous.

    itsdangerous believes several spellings of one signature; `spelled` asks for the one that it writes.
    """
    values = []
    for part in header.split(b";"):
        name, equals, value = part.strip(b" \t").partition(b"=")
        if name == b"session" and equals:
            value = value.strip(b" \t")
            values.append(value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value)
    for value in [value for value in values if len(value) <= 4096][:4]:
        try:
            payload = signer().unsign(value)
        except BadSignature:
            continue
        inside, _, signature = value.rpartition(b".")
        if spelled and signature != signer().get_signature(inside):
            continue
        found: Mapping = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        return found
    return None


def loaded(headers: Iterable[bytes]) -> list[Mapping]:
    """What an app reads under each of these Cookie headers; every response must show that it only read."""
    found: list[Mapping] = []
    middleware = wrap(using(lambda session: found.append(session.copy())))
    for value in headers:
        exchange = drive(middleware, http(headers=[("cookie", value.decode("latin-1"))]))
        assert (exchange.error, exchange.headers) == (None, [VARY])
    return found


def test_no_mutation_of_10_000_makes_a_session() -> None:
    rng = random.Random(7)  # noqa: S311  # seeded, no secret
    genuine = sorted(baked(content).encode() for content in ({"a": 1}, {"user": "ada", "n": [1, {}]}, {"b": "ü" * 50}))
    headers = [b"session=" + mutated(rng, rng.choice(genuine)) for _ in range(10_000)]
    changed = [header for header in headers if believed(header, spelled=True) is None]
    assert len(changed) > 9000
    for header, content in zip(changed, loaded(changed), strict=True):
        assert content in ({}, believed(header, spelled=False)), header


def test_the_signature_has_one_spelling() -> None:
    value = baked({"a": 1})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = [value[:-1] + last for last in alphabet if last != value[-1]]
    twins += [value + "=", value + "!", value[:-5] + "~" + value[-5:], value[:-5] + "  " + value[-5:]]
    assert [twin for twin in twins if read(twin)] == []


def test_10_000_random_cookie_headers_are_read_as_splitting_and_itsdangerous_read_them() -> None:
    rng = random.Random(8)  # noqa: S311  # seeded, no secret
    good = baked({"a": 1}).encode()
    pieces = [b"session", b"session=", b"=", b";", b"; ", b" ", b"\t", b'"', b".", b"x", b",", b"\xff", b"\x00", b"\\"]
    pieces += [good, b"session=" + good, b"session=x", b"session=" + good + b";", good[:20], good[20:], b"null"]
    headers = [b"".join(rng.choices(pieces, k=rng.randint(0, 12))) for _ in range(10_000)]
    found = loaded(headers)
    for header, content in zip(headers, found, strict=True):
        strict = believed(header, spelled=True)
        assert content == strict if strict else content in ({}, believed(header, spelled=False)), header
    assert 100 < sum(map(bool, found)) < 5000


def test_a_hostile_cookie_of_60_kb_is_no_session() -> None:
    for piece in ("\\", "session", "session=", "session=a;", "session=" + "A." * 2000 + ";", '"', ".", ";", "\xff"):
        assert read(headers=[("cookie", 'session="' + (piece * 60_000)[:60_000] + '"')]) == {}


def test_a_session_behind_60_kb_of_foreign_cookies_is_found() -> None:
    foreign = 'x="' + "\\" * 60_000 + '"; '
    assert read(headers=[("cookie", f"{foreign}session={baked({'a': 1})}")]) == {"a": 1}


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
    assert "4094" in str(exchange.error)
    assert "4093" in str(exchange.error)
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


# --- WebSockets ---------------------------------------------------------------------------------------------------


def writing_before(app: App, use: Use) -> App:
    async def first(scope: Any, receive: Any, send: Any) -> None:
        use(scope["session"])
        await app(scope, receive, send)

    return first


SOCKETS: list[tuple[str, Callable[[], App], Use, list[tuple[str, str]]]] = [
    ("an accept after a write", accepts, add, saved({"b": [], "a": 1})),
    ("an accept after a read", accepts, len, [VARY]),
    ("an accept after nothing", accepts, nothing, []),
    ("an accept after a change inside", accepts, lambda s: s["b"].append(1), saved({"b": [1]})),
    ("an accept after a clear", accepts, lambda s: s.clear(), DELETED),
    (
        "an accept with headers of its own",
        lambda: accepts(headers=((b"x-own", b"1"),), subprotocol="chat"),
        add,
        [*saved({"b": [], "a": 1}), ("x-own", "1")],
    ),
    ("a denial after a write", denies, add, sorted([*saved({"b": [], "a": 1}), ("content-type", "text/plain")])),
    ("a denial after a read", denies, len, [("content-type", "text/plain"), VARY]),
    ("a denial after nothing", denies, nothing, [("content-type", "text/plain")]),
]


@pytest.mark.parametrize(("sentence", "make", "use", "headers"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_websocket(sentence: str, make: Callable[[], App], use: Use, headers: list[tuple[str, str]]) -> None:
    exchange = drive(wrap(writing_before(make(), use)), websocket(headers=cookies(baked({"b": []}))))
    assert exchange.error is None
    assert exchange.headers == headers


def test_a_secure_websocket_gets_a_secure_cookie() -> None:
    exchange = drive(wrap(writing_before(accepts(subprotocol="chat"), add)), websocket(scheme="wss"))
    assert exchange.sent == [
        {
            "type": "websocket.accept",
            "subprotocol": "chat",
            "headers": [
                (b"vary", b"Cookie"),
                (b"cache-control", b"no-store"),
                (b"set-cookie", f"session={baked({'a': 1})}{KEPT}; secure".encode()),
            ],
        }
    ]


def test_a_websocket_closed_before_it_is_accepted_gets_what_the_app_sent() -> None:
    close = {"type": "websocket.close", "code": 1000, "reason": "no"}
    exchange = drive(wrap(writing_before(sends(close), add)), websocket())
    assert (exchange.error, exchange.sent) == (None, [close])


def test_a_websocket_messages_are_passed_on() -> None:
    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]
    exchange = drive(wrap(accepts()), websocket(headers=cookies(baked({"a": 1}))), messages)
    assert exchange.sent == [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "hi"}]


@pytest.mark.parametrize("kind", ["lifespan", "webtransport", "http2.later"])
def test_other_scopes_pass_through_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    async def receive() -> Message:
        raise AssertionError("nothing is received")

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    scope = {"type": kind}
    with pytest.raises(StopIteration):
        wrap(app)(scope, receive, send).send(None)
    assert [one is other for one, other in zip(seen, (scope, receive, send), strict=True)] == [True] * 3
    assert scope == {"type": kind}


# --- Changes that come too late -----------------------------------------------------------------------------------

OPENINGS: list[tuple[str, Message, Callable[..., Mapping]]] = [
    ("a response", start(headers=[]), http),
    ("an accept", {"type": "websocket.accept"}, websocket),
    ("a denial", {"type": "websocket.http.response.start", "status": 403, "headers": []}, websocket),
]

LATE: list[tuple[str, Use, Use, bool]] = [
    ("a write", nothing, add, True),
    ("a second write", add, lambda s: s.update(c=1), True),
    ("a clear", nothing, lambda s: s.clear(), True),
    ("mark_modified", nothing, lambda s: s.mark_modified(), True),
    ("a change inside", lambda s: s["b"], lambda s: s["b"].append(1), True),
    ("a change inside what was written", lambda s: s.update(c=[]), lambda s: s["c"].append(1), True),
    ("a change inside what was not read before", nothing, lambda s: s["b"].append(1), True),
    ("a read", add, len, False),
    ("a pop of a missing key", add, lambda s: s.pop("missing", None), False),
    ("nothing", add, nothing, False),
    ("nothing at all", nothing, nothing, False),
]


@pytest.mark.parametrize(("opening", "message", "scope"), OPENINGS, ids=[row[0] for row in OPENINGS])
@pytest.mark.parametrize(("sentence", "before", "after", "logged"), LATE, ids=[row[0] for row in LATE])
def test_a_change_after_the_start_is_logged_and_never_raised(
    sentence: str,
    before: Use,
    after: Use,
    logged: bool,
    opening: str,
    message: Message,
    scope: Callable[..., Mapping],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        before(scope["session"])
        await send(message)
        after(scope["session"])

    value = baked({"b": []})
    middleware = wrap(app)
    exchange = drive(middleware, scope(headers=cookies(value)))
    assert (exchange.error, len(exchange.sent)) == (None, 1)
    warned = [(record.name, record.levelno) for record in caplog.records]
    assert warned == ([("asgi_middleware.sessions", logging.WARNING)] if logged else [])
    assert value not in caplog.text


def test_an_exception_of_the_app_travels_on_and_leaves_nothing_behind() -> None:
    error = RuntimeError("mine")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        raise error

    middleware = wrap(app)
    exchange = drive(middleware)
    assert (exchange.error, exchange.sent) == (error, [])


def test_a_client_that_has_gone_is_the_apps_to_see() -> None:
    gone = OSError("gone")
    assert drive(wrap(using(add)), send_fails=gone).error is gone


def test_an_app_that_never_answers_is_no_error() -> None:
    exchange = drive(wrap(writing_before(silent(), add)))
    assert (exchange.error, exchange.sent) == (None, [])


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


# --- Wrong configuration ------------------------------------------------------------------------------------------

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
    ("a scope key of bytes", {"scope_key": b"session"}, [("scope_key", "b'session'")], {"scope_key": "session"}),
    ("a clock that is a number", {"clock": 5}, [("clock", "5")], {"clock": lambda: 5.0}),
    ("no clock", {"clock": None}, [("clock", "None")], {"clock": lambda: 5.0}),
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


def test_everything_that_is_wrong_is_told_at_once_and_no_secret_is() -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(
            5,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            [KEY, ""],
            "a b",
            -5,
            "x",
            "no",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            "maybe",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            "",
            "yes",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
            scope_key="",
            clock=1,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
        )
    assert sorted(problem.option for problem in caught.value.problems) == [
        "app",
        "clock",
        "domain",
        "https_only",
        "max_age",
        "partitioned",
        "path",
        "same_site",
        "scope_key",
        "secret_key",
        "session_cookie",
    ]
    assert str(caught.value).startswith("SessionMiddleware: 11 problems\n  - ")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("keys", ["short", b"short", Secret("short"), [KEY, "short"], "x" * 31])
def test_a_short_key_is_logged_without_its_text(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("asgi_middleware.sessions", logging.WARNING)
    ]
    assert "secret_key is shorter than 32 bytes" in caplog.text
    assert "short'" not in caplog.text
    assert "x" * 31 not in caplog.text


@pytest.mark.parametrize("keys", ["x" * 32, "ü" * 16, b"\x00" * 32, [KEY, OLD]])
def test_a_key_of_32_bytes_is_long_enough(keys: Any, caplog: pytest.LogCaptureFixture) -> None:
    wrap(using(nothing), secret_key=keys)
    assert caplog.records == []
