"""The session as a dict: every kind of use, compared with plain dicts."""

import copy
import json
import operator
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from asgi_middleware.sessions import Session

from .apps import body, sends, start
from .asgi import drive, http
from .baking import (
    DELETED,
    VARY,
    Mapping,
    Use,
    baked,
    cookies,
    ior,
    saved,
    signed,
    updated,
    visit,
    wrap,
)

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
