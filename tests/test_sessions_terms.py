"""How long a session lives: what the second line says, rolling, the absolute limit, its own expiry, and clocks."""

import base64
import functools
import json
from typing import Any

import pytest

from asgi_middleware.sessions import SessionMiddleware

from .asgi import drive, http
from .baking import (
    DELETED,
    KEPT,
    NO_STORE,
    NOW,
    OLD,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    belonging,
    cookies,
    doing,
    nothing,
    read,
    signed,
    using,
    visit,
    wrap,
)

Headers = list[tuple[str, str]]

DAY = 86_400


def kept(data: str, age: int | None = 1_209_600) -> Headers:
    """All headers of a response that saved these lines now."""
    attributes = KEPT.replace("Max-Age=1209600; ", f"Max-Age={age}; " if age is not None else "")
    return [NO_STORE, ("set-cookie", f"session={signed(data.encode())}{attributes}"), VARY]


def asked(session: Any) -> tuple[object, ...]:
    return dict(session), session.created, session.subject, session.id


# --- The second line ----------------------------------------------------------------------------------------------

LONG_AGO = NOW - 1000

# A sentence, the lines that came, how it is used, the response.
WRITTEN: list[tuple[str, str | None, Use, Headers]] = [
    ("made now, there is none", None, add, kept('{"a":1}')),
    ("made before, it says when", '{"b":2}', add, kept(f'{{"b":2,"a":1}}\n{LONG_AGO}')),
    ("made long before, it says so still", '{"b":2}\n7', add, kept('{"b":2,"a":1}\n7')),
    ("a subject", None, doing(add, belonging("ada")), kept('{"a":1}\n[1700000000,null,"ada"]')),
    ("a subject alone", None, belonging("ada"), kept('{}\n[1700000000,null,"ada"]')),
    ("a subject beyond ASCII", None, belonging("ü"), kept('{}\n[1700000000,null,"\\u00fc"]')),
    ("a subject with a line break", None, belonging("a\nb"), kept('{}\n[1700000000,null,"a\\nb"]')),
    ("a lifetime", None, doing(add, lambda s: s.set_expiry(60)), kept('{"a":1}\n[1700000000,60,null]', 60)),
    (
        "both",
        None,
        doing(add, lambda s: s.set_expiry(60), belonging("ada")),
        kept('{"a":1}\n[1700000000,60,"ada"]', 60),
    ),
    ("both stay", '{"b":2}\n[7,5000,"ada"]', add, kept('{"b":2,"a":1}\n[7,5000,"ada"]', 5000)),
    ("a lifetime is taken off", '{"b":2}\n[7,5000,null]', lambda s: s.set_expiry(None), kept('{"b":2}\n7')),
    ("an expiry of nothing is not kept", None, lambda s: s.set_expiry(60), [VARY]),
    ("the same expiry again changes nothing", '{"b":2}\n[7,5000,null]', lambda s: s.set_expiry(5000), [VARY]),
    ("the same subject again changes nothing", '{"b":2}\n[7,null,"ada"]', belonging("ada"), [VARY]),
    ("no content, but ada's: it is kept", '{"b":2}\n[7,null,"ada"]', lambda s: s.pop("b"), kept('{}\n[7,null,"ada"]')),
    ("cleared, it is nobody's", '{"b":2}\n[7,null,"ada"]', lambda s: s.clear(), DELETED),
    ("begun anew, it is made now", '{"b":2}\n[7,5000,"ada"]', doing(lambda s: s.destroy(), add), kept('{"a":1}')),
    (
        "regenerated, too",
        '{"b":2}\n[7,5000,"ada"]',
        lambda s: s.regenerate(),
        kept('{"b":2}\n[1700000000,5000,"ada"]', 5000),
    ),
    ("another's, too", '{"b":2}\n[7,null,"ada"]', belonging("bob"), kept('{"b":2}\n[1700000000,null,"bob"]')),
]


@pytest.mark.parametrize(("sentence", "came", "use", "headers"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_what_is_written(sentence: str, came: str | None, use: Use, headers: Headers) -> None:
    values = [] if came is None else [signed(came.encode(), now=LONG_AGO)]
    exchange = visit(use, *values)
    assert (exchange.error, exchange.headers) == (None, headers)


A = {"a": 1}
# A sentence, the lines, what is known of the session, None if it is none.
LINES: list[tuple[str, bytes, tuple[object, ...] | None]] = [
    ("none", b'{"a":1}', (A, LONG_AGO, None, None)),
    ("an empty one", b'{"a":1}\n', (A, LONG_AGO, None, None)),
    ("the time", b'{"a":1}\n7', (A, 7, None, None)),
    ("all", b'{"a":1}\n[7,5000,"ada"]', (A, 7, "ada", None)),
    ("no lifetime", b'{"a":1}\n[7,null,"ada"]', (A, 7, "ada", None)),
    ("no subject", b'{"a":1}\n[7,5000,null]', (A, 7, None, None)),
    ("a time of the future", b'{"a":1}\n1800000000', (A, 1_800_000_000, None, None)),
    ("text", b'{"a":1}\n"7"', None),
    ("a fraction", b'{"a":1}\n7.5', None),
    ("null", b'{"a":1}\nnull', None),
    ("true", b'{"a":1}\ntrue', None),
    ("an object", b'{"a":1}\n{}', None),
    ("two facts", b'{"a":1}\n[7,60]', None),
    ("four facts", b'{"a":1}\n[7,60,"ada",1]', None),
    ("a time that is true", b'{"a":1}\n[true,60,"ada"]', None),
    ("a lifetime that is text", b'{"a":1}\n[7,"60","ada"]', None),
    ("a lifetime that is a fraction", b'{"a":1}\n[7,60.5,"ada"]', None),
    ("a subject that is a number", b'{"a":1}\n[7,60,5]', None),
    ("a third line", b'{"a":1}\n7\n8', None),
    ("bad UTF-8", b'{"a":1}\n"\xff"', None),
    ("a deep one", b'{"a":1}\n' + b"[" * 2800, None),
    ("an enormous time", b'{"a":1}\n' + b"9" * 2800, (A, int("9" * 2800), None, None)),
    ("a line break within the content", b'{"a":\n1}', None),
    ("content alone on the second", b'\n{"a":1}', None),
]


@pytest.mark.parametrize(("sentence", "data", "known"), LINES, ids=[row[0] for row in LINES])
@pytest.mark.parametrize("limit", [None, 10**9], ids=["", "with an absolute limit"])
def test_what_is_read(sentence: str, data: bytes, known: tuple[object, ...] | None, limit: int | None) -> None:
    found: list[object] = []
    options: Mapping = {"max_age": None} if limit is None else {"max_age": None, "absolute_timeout": limit}
    exchange = visit(lambda s: found.append(asked(s)), signed(data, now=LONG_AGO), **options)
    over = known is not None and limit is not None and NOW - int(str(known[1])) > limit
    assert (exchange.error, exchange.headers) == (None, [VARY])
    assert found == [({}, None, None, None) if known is None or over else known]


def test_created_is_known_once_it_is_saved() -> None:
    found: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        found.append((add(session) == A, session.created))
        await send({"type": "http.response.start", "status": 200})
        found.append(session.created)

    drive(wrap(app))
    assert found == [(True, None), NOW]


# --- Rolling ------------------------------------------------------------------------------------------------------

TERM = 1000
ROLLING: Mapping = {"rolling": True, "max_age": TERM}


def rolled(line: str, age: int = TERM) -> Headers:
    return kept('{"a":1}\n' + line, age)


# A sentence, how old the cookie is, its second line, how it is used, the response.
REFRESHED: list[tuple[str, int, str, Use, Headers]] = [
    ("new, a read", 0, "", len, [VARY]),
    ("a tenth of the term", 100, "", len, [VARY]),
    ("one second more", 101, "", len, rolled(f"{NOW - 101}")),
    ("the whole term", 1000, "", len, rolled(f"{NOW - 1000}")),
    ("one second more is over", 1001, "", len, [VARY]),
    ("from a clock ahead", -60, "", len, [VARY]),
    ("every kind of use", 101, "", lambda s: s.get("missing"), rolled(f"{NOW - 101}")),
    ("asking for the subject alone", 101, "", lambda s: s.subject, rolled(f"{NOW - 101}")),
    ("untouched", 500, "", nothing, []),
    ("untouched to the end", 1000, "", nothing, []),
    ("the time it was made stays", 500, "\n7", len, rolled("7")),
    ("facts stay", 500, '\n[7,null,"ada"]', len, rolled('[7,null,"ada"]')),
    ("its own lifetime is its term: a tenth", 500, "\n[7,5000,null]", len, [VARY]),
    ("and one second more", 501, "\n[7,5000,null]", len, rolled("[7,5000,null]", 5000)),
    ("a shorter one", 7, "\n[7,60,null]", len, rolled("[7,60,null]", 60)),
    ("a write before a tenth", 5, "", lambda s: s.update(b=2), kept(f'{{"a":1,"b":2}}\n{NOW - 5}', TERM)),
    ("a write after it: once", 500, "", lambda s: s.update(b=2), kept(f'{{"a":1,"b":2}}\n{NOW - 500}', TERM)),
    ("destroyed: no refresh", 500, "", lambda s: s.destroy(), DELETED),
    ("cleared: no refresh", 500, "", lambda s: s.clear(), DELETED),
]


@pytest.mark.parametrize(("sentence", "age", "line", "use", "headers"), REFRESHED, ids=[row[0] for row in REFRESHED])
def test_rolling(sentence: str, age: int, line: str, use: Use, headers: Headers) -> None:
    value = signed(b'{"a":1}' + line.encode(), now=NOW - age)
    exchange = visit(use, value, **ROLLING)
    assert (exchange.error, exchange.headers) == (None, headers)
    fixed = visit(use, value, max_age=TERM)
    is_refresh = headers not in ([], [VARY], DELETED) and decoded(headers).startswith('{"a":1}\n')
    assert fixed.headers == ([VARY] if is_refresh else headers)


def value_of(headers: Headers) -> str:
    return dict(headers)["set-cookie"].partition("=")[2].partition(";")[0]


def decoded(headers: Headers) -> str:
    return base64.urlsafe_b64decode(value_of(headers).partition(".")[0] + "==").decode()


def test_rolling_goes_on_as_long_as_it_is_used_and_keeps_its_beginning() -> None:
    value, now = signed(b'{"a":[1]}'), NOW
    sent = 0
    for _ in range(100):
        now += 60
        exchange = visit(len, value, **ROLLING, clock=functools.partial(float, now))
        assert exchange.header("vary") == ["Cookie"]
        cookies_sent = exchange.header("set-cookie")
        if cookies_sent:
            sent += 1
            value = value_of(exchange.headers)
            assert exchange.header("cache-control") == ["no-store"]
    assert sent == 50  # every second minute is the first beyond a tenth of the term
    found: list[object] = []
    visit(lambda s: found.append(asked(s)), value, **ROLLING, clock=lambda: now)
    assert found == [({"a": [1]}, NOW, None, None)]


# --- The absolute limit -------------------------------------------------------------------------------------------

LIMITED: Mapping = {"absolute_timeout": 500}

# A sentence, when it was made and when it was last sealed, how long ago, whether it is believed.
LIMITS: list[tuple[str, int, int, bool]] = [
    ("new", 0, 0, True),
    ("as old as is allowed", 500, 500, True),
    ("one second older", 501, 501, False),
    ("as old as is allowed, sealed just now", 500, 0, True),
    ("one second older, sealed just now", 501, 0, False),
    ("from a clock ahead", -30, -30, True),
]


@pytest.mark.parametrize(("sentence", "made", "sealed", "believed"), LIMITS, ids=[row[0] for row in LIMITS])
def test_the_absolute_limit(sentence: str, made: int, sealed: int, believed: bool) -> None:
    data = b'{"a":1}' if made == sealed else b'{"a":1}\n%d' % (NOW - made)
    assert read(signed(data, now=NOW - sealed), **LIMITED) == (A if believed else {})


def count(session: Any) -> object:
    return session.update(n=session["n"] + 1) if session else None


@pytest.mark.parametrize("rolling", [False, True])
def test_neither_use_nor_change_moves_the_absolute_limit(rolling: bool) -> None:
    value = signed(b'{"n":0}')
    alive: list[bool] = []
    for age in range(0, 600, 10):
        clock = functools.partial(float, NOW + age)
        exchange = visit(
            lambda s: s.update(n=s["n"] + 1) if s else None, value, **LIMITED, rolling=rolling, clock=clock
        )
        alive.append(bool(exchange.header("set-cookie")))
        if alive[-1]:
            value = value_of(exchange.headers)
    assert alive == [True] * 51 + [False] * 9


BEYOND: list[tuple[str, Use, bool]] = [
    ("a change", add, False),
    ("mark_modified", lambda s: s.mark_modified(), False),
    ("an expiry", lambda s: s.set_expiry(10_000), False),
    ("a first subject", belonging("ada"), False),
    ("cleared, and written anew", doing(lambda s: s.clear(), add), False),
    ("regenerated: what a login does", lambda s: s.regenerate(), True),
    ("destroyed, and written anew", doing(lambda s: s.destroy(), add), True),
]


@pytest.mark.parametrize(("sentence", "use", "moves"), BEYOND, ids=[row[0] for row in BEYOND])
def test_what_begins_a_new_absolute_term(sentence: str, use: Use, moves: bool) -> None:
    first = visit(use, baked({"b": 1}, now=NOW - 400), **LIMITED)
    value = value_of(first.headers)
    assert bool(read_at(NOW + 101, value)) is moves


def read_at(now: int, value: str) -> Mapping:
    return read(value, **LIMITED, clock=functools.partial(float, now))


# --- Its own expiry -----------------------------------------------------------------------------------------------

EXPIRIES: list[tuple[str, int, int, Mapping, bool]] = [
    ("as old as it allows", 60, 60, {}, True),
    ("one second older", 60, 61, {}, False),
    ("longer than the middleware's", 5000, 5000, {"max_age": 60}, True),
    ("a second too much of it", 5000, 5001, {"max_age": 60}, False),
    ("where the middleware has none", 60, 61, {"max_age": None}, False),
    ("but not beyond the absolute limit", 5000, 501, {"absolute_timeout": 500}, False),
]


@pytest.mark.parametrize(("sentence", "expiry", "age", "options", "alive"), EXPIRIES, ids=[row[0] for row in EXPIRIES])
def test_its_own_expiry(sentence: str, expiry: int, age: int, options: Mapping, alive: bool) -> None:
    exchange = visit(doing(add, lambda s: s.set_expiry(expiry)), **options)
    assert exchange.headers == kept(f'{{"a":1}}\n[{NOW},{expiry},null]', expiry)
    value = value_of(exchange.headers)
    assert read(value, **options, clock=lambda: NOW + age) == (A if alive else {})


# --- Clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encrypt", [False, True], ids=["signed", "encrypted"])
@pytest.mark.parametrize("now", [0, 1, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 253_402_300_800, 2**62])
def test_whatever_the_clock_says_is_read_back(now: int, encrypt: bool) -> None:
    options: Mapping = {"clock": lambda: now, "encrypt": encrypt, "rolling": True, "absolute_timeout": 5}
    exchange = visit(add, **options)
    value = value_of(exchange.headers)
    assert read(value, **options) == A


def test_the_clock_is_asked_for_whole_seconds_of_either_kind() -> None:
    for clock in (lambda: NOW, lambda: NOW + 0.999, lambda: float(NOW)):
        exchange = drive(SessionMiddleware(using(add), "k" * 32, clock=clock), http())
        assert json.loads(decoded(exchange.headers)) == A
        assert signed(b'{"a":1}', "k" * 32) in exchange.header("set-cookie")[0]


def test_one_that_is_over_is_followed_by_the_next() -> None:
    headers = cookies(baked({"x": 1}, now=1), signed(b'{"x":2}\n7'), baked({"x": 3}, OLD), baked({"a": 1}))
    assert read(headers=headers, **LIMITED) == A
