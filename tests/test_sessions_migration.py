"""`accept_starlette`: cookies that Starlette's own SessionMiddleware has made, taken over once."""

import base64
import functools
import hashlib
from typing import Any

import pytest
from itsdangerous import TimestampSigner
from starlette.middleware.sessions import SessionMiddleware as Starlettes

from .asgi import drive, http
from .baking import (
    DELETED,
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
    nothing,
    read,
    signed,
    using,
    visit,
    wrap,
)

Headers = list[tuple[str, str]]

ACCEPTING: Mapping = {"accept_starlette": True}


def signing(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now)


@pytest.fixture(autouse=True)
def _standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    signing(monkeypatch, NOW)


def theirs(content: Mapping, key: str = KEY) -> str:
    """The value of the cookie that Starlette's middleware sets."""
    exchange = drive(Starlettes(using(lambda s: s.update(content)), key))
    (cookie,) = exchange.header("set-cookie")
    assert cookie.endswith(KEPT)
    return cookie.partition("=")[2].partition(";")[0]


def ours(lines: str, attributes: str = KEPT) -> Headers:
    return [NO_STORE, ("set-cookie", f"session={signed(lines.encode())}{attributes}"), VARY]


CONTENTS: list[tuple[str, Mapping]] = [
    ("flat", {"a": 1}),
    ("nested", {"a": [1, {"b": None}], "n": {"x": 1.5}}),
    ("beyond ASCII", {"ü": "\U0001f600", "half": "\ud800"}),
    ("of bytes that base64 spells with + and /", {"a": "~~~???>>>\x7f"}),
    ("large", {"a": "x" * 2500}),
]


@pytest.mark.parametrize("encrypt", [False, True], ids=["signed", "encrypted"])
@pytest.mark.parametrize(("sentence", "content"), CONTENTS, ids=[row[0] for row in CONTENTS])
def test_one_of_theirs_is_read_and_sent_again_as_ours_once(sentence: str, content: Mapping, encrypt: bool) -> None:
    found: list[Mapping] = []
    first = visit(lambda s: found.append(s.copy()), theirs(content), **ACCEPTING, encrypt=encrypt)
    assert (first.error, found) == (None, [content])
    assert [name for name, _ in first.headers] == ["cache-control", "set-cookie", "vary"]
    (cookie,) = first.header("set-cookie")
    assert cookie.endswith(KEPT)
    value = cookie.partition("=")[2].partition(";")[0]
    if not encrypt:
        assert value == baked(content)
    # and then it needs the option no more
    assert read(value, **ACCEPTING, encrypt=encrypt) == read(value, encrypt=encrypt) == content


def test_ours_is_not_one_of_theirs() -> None:
    found: list[Mapping] = []
    drive(Starlettes(using(lambda s: found.append(dict(s))), KEY), http(headers=cookies(baked({"a": 1}))))
    assert found == [{}]


USES: list[tuple[str, int, Use, Headers]] = [
    ("read", 0, len, ours('{"a":1}')),
    ("read later, it keeps the time at which it was signed", 500, len, ours(f'{{"a":1}}\n{NOW - 500}')),
    ("changed", 500, lambda s: s.update(b=2), ours(f'{{"a":1,"b":2}}\n{NOW - 500}')),
    ("cleared", 500, lambda s: s.clear(), DELETED),
    ("destroyed", 500, lambda s: s.destroy(), DELETED),
    ("untouched: it stays as it is", 500, nothing, []),
    ("as old as is allowed", 1_209_600, len, ours(f'{{"a":1}}\n{NOW - 1_209_600}')),
    ("one second older", 1_209_601, len, [VARY]),
    ("a minute ahead", -60, len, ours(f'{{"a":1}}\n{NOW + 60}')),
    ("more than a minute ahead", -61, len, [VARY]),
]


@pytest.mark.parametrize(("sentence", "age", "use", "headers"), USES, ids=[row[0] for row in USES])
def test_how_it_is_used(sentence: str, age: int, use: Use, headers: Headers, monkeypatch: pytest.MonkeyPatch) -> None:
    signing(monkeypatch, NOW - age)
    value = theirs({"a": 1})
    signing(monkeypatch, NOW)
    exchange = visit(use, value, **ACCEPTING)
    assert (exchange.error, exchange.headers) == (None, headers)


def test_the_absolute_limit_counts_from_their_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    signing(monkeypatch, NOW - 400)
    value = theirs({"a": 1})
    signing(monkeypatch, NOW)
    options: Mapping = {**ACCEPTING, "absolute_timeout": 500}
    exchange = visit(len, value, **options)
    taken = exchange.header("set-cookie")[0].partition("=")[2].partition(";")[0]
    for now, content in ((NOW + 100, {"a": 1}), (NOW + 101, {})):
        assert read(taken, **options, clock=functools.partial(float, now)) == content


def text(payload: bytes) -> str:
    return TimestampSigner(KEY).sign(payload).decode()


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


# Made at import, when the clock still runs; they are refused for what they are, whatever the time.
REFUSED: list[tuple[str, str]] = [
    ("signed by a key that is not listed", TimestampSigner(OLD).sign(b64(b'{"a":1}')).decode()),
    ("signed by no key", TimestampSigner("None").sign(b64(b'{"a":1}')).decode()),
    ("signed with SHA-256", TimestampSigner(KEY, digest_method=hashlib.sha256).sign(b64(b'{"a":1}')).decode()),
    ("signed with another salt", TimestampSigner(KEY, salt=b"x").sign(b64(b'{"a":1}')).decode()),
    ("not signed", b64(b'{"a":1}').decode()),
    ("without a time", TimestampSigner.__mro__[1](KEY).sign(b64(b'{"a":1}')).decode()),
    ("no base64", text(b"!!!")),
    ("base64 with something in between", text(b"ey!JhIjoxfQ==")),
    ("no JSON", text(b64(b"{a:1}"))),
    ("a list", text(b64(b"[1,2]"))),
    ("text", text(b64(b'"text"'))),
    ("null", text(b64(b"null"))),
    ("a number", text(b64(b"5"))),
    ("bad UTF-8", text(b64(b'{"a":"\xff"}'))),
    ("deep", text(b64(b"[" * 2000))),
    ("nothing", text(b"")),
]


@pytest.mark.parametrize(("sentence", "value"), REFUSED, ids=[row[0] for row in REFUSED])
@pytest.mark.parametrize("encrypt", [False, True], ids=["signed", "encrypted"])
def test_what_is_refused(sentence: str, value: str, encrypt: bool) -> None:
    options: Mapping = {**ACCEPTING, "encrypt": encrypt, "max_age": None, "clock": lambda: 2**33}
    assert read(value, **options) == {}
    headers = visit(lambda s: s.destroy(), value, **options).headers
    assert headers == [VARY]


@pytest.mark.parametrize("now", [2**32, 2**40, 2**62, 2**63, 2**64 - 1])
def test_a_time_that_no_clock_shows_is_refused(now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    signing(monkeypatch, now)
    value = theirs({"a": 1})
    assert read(value, **ACCEPTING, max_age=None) == {}


def test_it_is_off_by_default() -> None:
    assert read(theirs({"a": 1})) == {}
    assert visit(add, theirs({"b": 1})).headers == ours('{"a":1}')


def test_the_keys_are_rotated() -> None:
    value = theirs({"a": 1}, OLD)
    assert read(value, **ACCEPTING) == {}
    assert visit(len, value, **ACCEPTING, secret_key=[KEY, OLD]).headers == ours('{"a":1}')
    assert visit(len, theirs({"a": 1}), **ACCEPTING, secret_key=[KEY, OLD]).headers == ours('{"a":1}')


def test_ours_stays_as_it_is() -> None:
    assert read(baked({"a": 1}), **ACCEPTING) == {"a": 1}


def test_of_ours_and_theirs_the_first_wins() -> None:
    assert visit(len, theirs({"a": 1}), baked({"b": 1}), **ACCEPTING).headers == ours('{"a":1}')
    assert read(baked({"b": 1}), theirs({"a": 1}), **ACCEPTING) == {"b": 1}


def test_their_name_is_not_bound_so_one_of_any_name_is_taken_over() -> None:
    """Their signature does not say which cookie it is for; ours does, from then on."""
    exchange = visit(len, session_cookie="admin", headers=[("cookie", f"admin={theirs({'a': 1})}")], **ACCEPTING)
    assert exchange.headers == [NO_STORE, ("set-cookie", f"admin={baked({'a': 1}, name='admin')}{KEPT}"), VARY]


def test_it_is_validated_as_ours_is() -> None:
    seen: list[Mapping] = []
    exchange = visit(len, theirs({"a": 1}), **ACCEPTING, validate=lambda session, scope: seen.append(dict(session)))
    assert (seen, exchange.headers) == ([{"a": 1}], DELETED)


def test_one_read_only_once_the_response_has_started_stays_theirs(caplog: pytest.LogCaptureFixture) -> None:
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        found.append(dict(scope["session"]))

    exchange = drive(wrap(app, **ACCEPTING), http(headers=cookies(theirs({"a": 1}))))
    assert (found, exchange.headers, caplog.records) == ([{"a": 1}], [], [])
