"""`_scope`: what we add stays inside, what others write travels outwards, and headers are found however they come."""

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import _scope
from asgi_middleware._scope import OwnScope, extend, header, is_secure, readable

from .asgi import http

Do = Callable[[dict[str, Any]], object]


def given() -> dict[str, Any]:
    return {"type": "http", "path": "/", "session": "theirs", "state": {}}


def ior(scope: dict[str, Any], other: dict[str, Any]) -> None:
    scope |= other


def delete(scope: dict[str, Any], key: str) -> None:
    del scope[key]


def put(scope: dict[str, Any], key: str, value: object) -> None:
    scope[key] = value


def popitem_until(scope: dict[str, Any], key: str) -> None:
    while scope.popitem()[0] != key:
        pass


# Who writes what, into a scope to which we added `session` (over the server's own) and `auth`:
# a sentence, the write, what it changes in the dict that we were given (None: the key goes; ...: it becomes None).
WRITES: list[tuple[str, Do, dict[str, Any]]] = [
    ("[]= of a new key", lambda scope: put(scope, "route", 1), {"route": 1}),
    ("[]= of a key that was there", lambda scope: put(scope, "path", "/x"), {"path": "/x"}),
    ("[]= of a key that we added", lambda scope: put(scope, "auth", 1), {}),
    ("[]= of a key that we added over another", lambda scope: put(scope, "session", 1), {}),
    ("del", lambda scope: delete(scope, "path"), {"path": None}),
    ("del of a key that we added", lambda scope: delete(scope, "auth"), {}),
    ("del of a key that we added over another", lambda scope: delete(scope, "session"), {}),
    ("update with a mapping", lambda scope: scope.update({"route": 1, "path": "/x"}), {"route": 1, "path": "/x"}),
    ("update with keywords", lambda scope: scope.update(route=1, path="/x"), {"route": 1, "path": "/x"}),
    ("update with pairs", lambda scope: scope.update([("route", 1)], path="/x"), {"route": 1, "path": "/x"}),
    ("update with a one-shot iterator", lambda scope: scope.update(iter([("route", 1)])), {"route": 1}),
    ("update of ours and others", lambda scope: scope.update(route=1, auth=2, session=3), {"route": 1}),
    ("update with nothing", lambda scope: scope.update(), {}),
    ("update of a key named self", lambda scope: scope.update(self=1), {"self": 1}),
    ("setdefault of a new key", lambda scope: scope.setdefault("route", 1), {"route": 1}),
    ("setdefault without a value", lambda scope: scope.setdefault("route"), {"route": ...}),
    ("setdefault of a key that was there", lambda scope: scope.setdefault("path", "/x"), {}),
    ("setdefault of a key that we added", lambda scope: scope.setdefault("auth", 1), {}),
    ("pop", lambda scope: scope.pop("path"), {"path": None}),
    ("pop with a default", lambda scope: scope.pop("path", 1), {"path": None}),
    ("pop of a missing key with a default", lambda scope: scope.pop("nothing", 1), {}),
    ("pop of a key that we added", lambda scope: scope.pop("session"), {}),
    ("popitem of what we added", lambda scope: scope.popitem(), {}),
    (
        "popitem down to the server's keys",
        lambda scope: popitem_until(scope, "path"),
        {"path": None, "state": None},
    ),
    ("clear", lambda scope: scope.clear(), {"type": None, "path": None, "state": None}),
    ("|=", lambda scope: ior(scope, {"route": 1, "auth": 2}), {"route": 1}),
    ("a write inside a value", lambda scope: scope["state"].update(a=1), {"state": {"a": 1}}),
]


@pytest.mark.parametrize("deep", [1, 2], ids=["one copy", "a copy of a copy"])
@pytest.mark.parametrize(("sentence", "write", "changes"), WRITES, ids=[row[0] for row in WRITES])
def test_who_writes_what(sentence: str, write: Do, changes: dict[str, Any], deep: int) -> None:
    server = given()
    scope = extend(server, {"session": "ours", "auth": "ours"})
    for level in range(1, deep):
        scope = extend(scope, {"session": f"ours {level}"})
    model = dict(scope)
    write(scope)
    write(model)
    assert dict(scope) == model
    expected = {**given(), **changes}
    assert server == {key: None if value is ... else value for key, value in expected.items() if value is not None}


def test_updating_in_place_gives_the_same_scope() -> None:
    before = scope = extend(given(), {"auth": "ours"})
    scope |= {"route": 1}
    assert scope is before


def test_additions_are_seen_inside_only() -> None:
    server = given()
    scope = extend(server, {"auth": "ours", "session": "ours"})
    assert scope == {**given(), "auth": "ours", "session": "ours"}
    assert server == given()


FAILING: list[tuple[str, Do]] = [
    ("del of a missing key", lambda scope: delete(scope, "nothing")),
    ("pop of a missing key", lambda scope: scope.pop("nothing")),
    ("popitem of an empty one", lambda scope: [scope.popitem() for _ in range(len(scope) + 1)]),
    ("update with a number", lambda scope: scope.update(3)),  # type: ignore[call-overload]  # wrong on purpose
    ("|= with a number", lambda scope: ior(scope, 3)),  # type: ignore[arg-type]  # wrong on purpose
    ("pop with three arguments", lambda scope: scope.pop("path", 1, 2)),  # type: ignore[call-overload]  # wrong on purpose
]


@pytest.mark.parametrize(("sentence", "write"), FAILING, ids=[row[0] for row in FAILING])
def test_what_a_dict_refuses_is_refused_alike(sentence: str, write: Do) -> None:
    plain = given()
    with pytest.raises(Exception) as expected:  # noqa: PT011  # whatever dict raises is right
        write(plain)
    server = given()
    scope = extend(server, {"auth": "ours"})
    with pytest.raises(type(expected.value)) as caught:
        write(scope)
    assert caught.value.args == expected.value.args
    assert {key: value for key, value in scope.items() if key != "auth"} == plain
    assert server == plain


KEYS = ["type", "path", "session", "auth", "route", "state", "headers"]


def change(rng: random.Random) -> Do:
    key, other, value = rng.choice(KEYS), rng.choice(KEYS), rng.randrange(9)
    changes: list[Do] = [
        lambda scope: put(scope, key, value),
        lambda scope: delete(scope, key),
        lambda scope: scope.update({key: value, other: value}),
        lambda scope: scope.update(route=value),
        lambda scope: scope.setdefault(key, value),
        lambda scope: scope.pop(key),
        lambda scope: scope.pop(key, value),
        lambda scope: ior(scope, {key: value}),
        lambda scope: scope.get(key),
        lambda scope: scope[key],
        lambda scope: len(scope),
        lambda scope: list(scope.items()),
    ]
    return rng.choice(changes)


def outcome(do: Do, scope: dict[str, Any]) -> object:
    try:
        return do(scope)
    except Exception as error:
        return type(error), error.args


@pytest.mark.parametrize("seed", range(40))
def test_a_random_run_behaves_as_a_dict_inside_and_passes_on_all_but_ours(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # seeded, no secret
    server = given()
    outer = extend(server, {"auth": "outer"})
    inner = extend(outer, {"session": "inner", "auth": "inner"})
    model = dict(inner)
    for _ in range(200):
        do = change(rng)
        assert outcome(do, inner) == outcome(do, model)
        assert dict(inner) == model
        ours = {"auth", "session"}
        assert {k: v for k, v in server.items() if k not in ours} == {k: v for k, v in model.items() if k not in ours}
        assert server["session"] == "theirs"
        assert "auth" not in server
        assert outer["auth"] == "outer"


def test_a_chain_of_ours_copies_once() -> None:
    server = given()
    first = extend(server, {"request_id": "1"})
    second = extend(first, {"auth": "2"})
    third = extend(second, {"timing": "3", "user": "4"})
    assert first is second is third
    assert third == {**given(), "request_id": "1", "auth": "2", "timing": "3", "user": "4"}
    third["timing"] = "changed"
    assert server == given()


def test_a_key_that_is_there_is_added_to_a_new_copy() -> None:
    outer = extend({"type": "http"}, {"session": "outer"})
    inner = extend(outer, {"session": "inner"})
    assert inner is not outer
    inner["session"] = "replaced"
    assert (outer, inner) == ({"type": "http", "session": "outer"}, {"type": "http", "session": "replaced"})
    del inner["session"]
    assert outer == {"type": "http", "session": "outer"}


def test_one_addition_of_several_that_is_there_leaves_the_outer_copy_alone() -> None:
    outer = extend({"type": "http"}, {"session": "outer"})
    inner = extend(outer, {"session": "inner", "auth": "inner"})
    assert (outer, inner) == (
        {"type": "http", "session": "outer"},
        {"type": "http", "session": "inner", "auth": "inner"},
    )


def test_a_copy_made_by_someone_else_is_copied_again() -> None:
    ours = extend({"type": "http"}, {"auth": 1})
    for theirs in (dict(ours), {**ours}, ours.copy(), ours | {}):
        assert type(theirs) is dict
        again = extend(theirs, {"timing": 2})
        assert again is not theirs
        assert "timing" not in theirs
        again["route"] = 3
        assert (theirs["route"], "route" in ours) == (3, False)


def test_outer_keys_written_by_inner_stay_with_whoever_added_them() -> None:
    server: dict[str, Any] = {"type": "http"}
    outer = extend(server, {"session": "outer", "request_id": "outer"})
    inner = extend(outer, {"session": "inner"})
    inner["request_id"] = "rewritten"
    inner["route"] = "/items/{id}"
    assert server == {"type": "http", "route": "/items/{id}"}
    assert outer == {"type": "http", "session": "outer", "request_id": "rewritten", "route": "/items/{id}"}


COPIES: list[tuple[str, Callable[[Any], Any]]] = [
    ("copy.copy", copy.copy),
    ("copy.deepcopy", copy.deepcopy),
    (".copy()", lambda scope: scope.copy()),
    ("dict()", dict),
    ("|", lambda scope: scope | {}),
    *(
        (f"pickle {protocol}", lambda scope, protocol=protocol: pickle.loads(pickle.dumps(scope, protocol)))  # noqa: S301  # our own bytes
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
]


@pytest.mark.parametrize(("sentence", "make"), COPIES, ids=[row[0] for row in COPIES])
def test_copies_are_plain_dicts_that_reach_nobody(sentence: str, make: Callable[[Any], Any]) -> None:
    server = given()
    scope = extend(server, {"auth": ["ours"]})
    made = make(scope)
    assert type(made) is dict
    assert made == {**given(), "auth": ["ours"]}
    made["route"] = 1
    assert ("route" in scope, "route" in server) == (False, False)


def test_only_a_deep_copy_copies_the_values() -> None:
    scope = extend({"type": "http"}, {"auth": ["ours"]})
    assert copy.copy(scope)["auth"] is scope["auth"]
    assert copy.deepcopy(scope)["auth"] is not scope["auth"]


PAIRS = [(b"Cookie", b"a=1"), (b"X-One", b"1"), (b"cookie", b"b=2"), (b"accept", b"x"), (b"ACCEPT", b"y")]
LOOK_UPS: list[tuple[str, bytes, bytes | None]] = [
    ("one line, in another case", b"x-one", b"1"),
    ("lines are joined by commas", b"accept", b"x, y"),
    ("cookies are joined by semicolons (RFC 9113, 8.2.3)", b"cookie", b"a=1; b=2"),
    ("none", b"missing", None),
    ("none that begins alike", b"x", None),
]


@pytest.mark.parametrize(("sentence", "name", "expected"), LOOK_UPS, ids=[row[0] for row in LOOK_UPS])
@pytest.mark.parametrize(
    "make", [list, tuple, lambda pairs: [list(pair) for pair in pairs]], ids=["a list", "a tuple", "pairs as lists"]
)
def test_header(sentence: str, name: bytes, expected: bytes | None, make: Callable[[Any], Any]) -> None:
    headers = make(PAIRS)
    plain = {"type": "http", "headers": headers}
    own = extend(plain, {"auth": 1})
    assert (header(plain, name), header(own, name), header(own, name)) == (expected, expected, expected)
    assert headers == make(PAIRS)


@pytest.mark.parametrize("headers", [None, [], ()])
def test_no_headers_hold_no_header(headers: object) -> None:
    for scope in ({"type": "http"}, {"type": "http", "headers": headers}):
        assert header(scope, b"cookie") is None
        assert header(extend(scope, {"auth": 1}), b"cookie") is None


def test_an_empty_value_is_a_value() -> None:
    scope = extend({"headers": [(b"cookie", b"")]}, {"auth": 1})
    assert header(scope, b"cookie") == b""


def test_the_layout_follows_a_list_that_is_replaced_or_grows_or_shrinks() -> None:
    scope = extend({"type": "http", "headers": [(b"a", b"1")]}, {"auth": 1})
    assert (header(scope, b"a"), header(scope, b"b")) == (b"1", None)
    scope["headers"].append((b"b", b"2"))
    assert header(scope, b"b") == b"2"
    scope["headers"].append((b"B", b"3"))
    assert header(scope, b"b") == b"2, 3"
    del scope["headers"][1:]
    assert header(scope, b"b") is None
    scope["headers"] = [(b"a", b"9")]
    assert header(scope, b"a") == b"9"
    del scope["headers"]
    assert header(scope, b"a") is None


def test_headers_that_somebody_writes_can_be_read_again() -> None:
    server: dict[str, Any] = {"type": "http", "headers": []}
    scope = extend(server, {"auth": 1})
    for written in ("item", "update"):
        if written == "item":
            scope["headers"] = iter([(b"a", b"1")])
        else:
            scope.update(headers=iter([(b"a", b"2")]))
        value = b"1" if written == "item" else b"2"
        assert (header(scope, b"a"), header(scope, b"a")) == (value, value)
        assert scope["headers"] is server["headers"]


def test_what_is_remembered_of_layouts_is_bounded() -> None:
    for number in range(3 * _scope._MOST_LAYOUTS):
        assert header({"headers": [(b"a", b"1"), (b"x-%d" % number, b"2")]}, b"a") == b"1"
        assert len(_scope._layouts) <= _scope._MOST_LAYOUTS
    before = dict(_scope._layouts)
    many = [(b"x-%d" % number, b"2") for number in range(_scope._MOST_NAMES)]
    assert header({"headers": [(b"a", b"1"), *many]}, b"a") == b"1"
    assert header({"headers": [(b"a", b"1"), (b"x" * _scope._LONGEST_NAMES, b"2")]}, b"a") == b"1"
    assert _scope._layouts == before


def test_a_remembered_layout_says_nothing_about_values() -> None:
    first: dict[str, Any] = {"headers": [(b"a", b"1"), (b"b", b"2")]}
    second: dict[str, Any] = {"headers": [(b"a", b"3"), (b"b", b"4")]}
    assert [header(scope, name) for scope in (first, second) for name in (b"a", b"b")] == [b"1", b"2", b"3", b"4"]


def test_a_layout_made_for_one_copy_is_not_used_for_another() -> None:
    outer = extend({"type": "http", "headers": [(b"a", b"1")]}, {"session": 1})
    assert header(outer, b"a") == b"1"
    inner = extend(outer, {"session": 2})
    inner["headers"] = [(b"a", b"2")]
    assert header(inner, b"a") == b"2"


ONE_SHOT: list[tuple[str, Callable[[], Any]]] = [
    ("an iterator", lambda: iter([(b"a", b"1")])),
    ("a generator", lambda: (pair for pair in [(b"a", b"1")])),
    ("a view", lambda: {b"a": b"1"}.items()),
    ("a map", lambda: map(tuple, [[b"a", b"1"]])),
]


@pytest.mark.parametrize(("sentence", "make"), ONE_SHOT, ids=[row[0] for row in ONE_SHOT])
@pytest.mark.parametrize("own", [False, True], ids=["the server's scope", "our copy"])
def test_one_shot_headers_can_be_read_again(sentence: str, make: Callable[[], Any], own: bool) -> None:
    server: dict[str, Any] = {"type": "http", "headers": make()}
    before = server["headers"]
    scope = extend(server, {"auth": 1}) if own else server
    once = readable(scope)
    assert server["headers"] is before
    assert readable(once) is once
    assert (header(once, b"a"), header(once, b"a"), list(once["headers"])) == (b"1", b"1", [(b"a", b"1")])
    once["route"] = 2
    assert server["route"] == 2


@pytest.mark.parametrize("headers", [None, [(b"a", b"1")], ((b"a", b"1"),), []])
def test_headers_that_can_be_read_again_are_left_alone(headers: object) -> None:
    for scope in ({"type": "http"}, {"type": "http", "headers": headers}):
        assert readable(scope) is scope


def test_headers_of_ours_stand_in_the_place_of_one_shot_headers() -> None:
    ours = [(b"a", b"2")]
    assert extend({"headers": iter([(b"a", b"1")])}, {"headers": ours})["headers"] is ours


def test_an_empty_one_shot_iterator_is_no_headers() -> None:
    scope = readable({"type": "http", "headers": iter(())})
    assert (scope["headers"], header(scope, b"a")) == ([], None)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [("https", True), ("wss", True), ("http", False), ("ws", False), (None, False), ("", False)],
)
def test_is_secure(scheme: str | None, expected: bool) -> None:
    assert is_secure(http(scheme=scheme)) is expected
    assert is_secure({"type": "http", "scheme": scheme}) is expected


def test_ours_is_a_dict_to_everyone() -> None:
    scope = extend(given(), {"auth": 1})
    assert isinstance(scope, dict)
    assert type(scope) is OwnScope
    assert repr(scope) == repr({**given(), "auth": 1})
    assert {**scope} == dict(scope.items())
