"""What an attacker can make a session without a store do: how much work, and what is told to whom."""

import ast
import copy
import gc
import logging
import pickle
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Secret

import asgi_middleware.sessions
from asgi_middleware.exceptions import ConfigError
from asgi_middleware.sessions import SessionMiddleware, SessionTooLarge, sealing

from .asgi import drive, http, websocket
from .baking import KEY, OLD, VARY, Mapping, Use, add, baked, cookies, nothing, signed, storing, using, visit, wrap

# --- Work ---------------------------------------------------------------------------------------------------------

MODES: list[tuple[str, Mapping]] = [
    ("signed", {}),
    ("encrypted", {"encrypt": True}),
    ("signed, and Starlette's", {"accept_starlette": True}),
    (
        "encrypted, and Starlette's, by four keys",
        {"encrypt": True, "accept_starlette": True, "secret_key": [KEY] * 3 + [OLD]},
    ),
]
SIZE = 60_000
# What a hostile header repeats.
PIECES = [
    "\\",
    "session",
    "session=",
    "session=a;",
    "session=a.b.c;",
    " ;session =",
    "session=" + "A" * 4096 + ";",
    "session=" + "A." * 2000 + ";",
    "session=" + "\\" * 4000 + ";",
    'session="' + "." * 4000 + '";',
    "session=" + "A" * 5000 + ";",
    '"',
    ".",
    ";",
    "; ",
    " ",
    "\t;",
    "=",
    "\xff",
    "session=" + baked({"a": 1})[:-1] + ";",
]


def header(piece: str, size: int) -> list[tuple[str, str]]:
    return [("cookie", ("session=x; " + piece * (size // len(piece) + 1))[:size])]


def calls(middleware: Any, scope: Mapping) -> int:
    """How many functions a request calls, those of C counted."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(note)
    try:
        exchange = drive(middleware, scope)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert (exchange.error, exchange.headers) == (None, [VARY])
    return count


@pytest.mark.parametrize(("mode", "options"), MODES, ids=[row[0] for row in MODES])
@pytest.mark.parametrize("piece", PIECES, ids=[f"{piece[:12]!a} of {len(piece)}" for piece in PIECES])
def test_at_most_four_values_of_4096_bytes_are_verified(
    piece: str, mode: str, options: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[type, int]] = []
    for kind in (sealing.Signer, sealing.Encrypter, sealing.Starlette):
        monkeypatch.setattr(kind, "open", counted(kind.open, kind, opened))
    exchange = visit(len, headers=header(piece, SIZE), **options)
    assert (exchange.error, exchange.headers) == (None, [VARY])
    by_kind = [[size for kind, size in opened if kind is wanted] for wanted in {kind for kind, _ in opened}]
    assert len(by_kind) == (2 if "accept_starlette" in options else 1)
    assert all(len(sizes) <= 4 and max(sizes) <= 4096 for sizes in by_kind)


def counted(opens: Callable[..., Any], kind: type, opened: list[tuple[type, int]]) -> Callable[..., Any]:
    def note(self: Any, value: bytes) -> Any:
        opened.append((kind, len(value)))
        return opens(self, value)

    return note


@pytest.mark.parametrize(("mode", "options"), MODES, ids=[row[0] for row in MODES])
@pytest.mark.parametrize("piece", PIECES, ids=[f"{piece[:12]!a} of {len(piece)}" for piece in PIECES])
def test_no_more_is_called_for_60_kb_than_for_6(piece: str, mode: str, options: Mapping) -> None:
    """Beyond the scan, whose own work is counted in test_cookies, and a few calls for each over-long value."""
    middleware = wrap(using(len), **options)
    calls(middleware, http(headers=header(piece, 100)))
    short, long = (calls(middleware, http(headers=header(piece, size))) for size in (6_000, SIZE))
    values = 15 if len(piece) > 4000 else 0  # of which 60 KB hold eleven or fourteen
    assert long <= max(short, 400) + 100 * values


def randomly(rng: random.Random) -> bytes:
    good = [baked({"a": 1}).encode(), signed(b'{"b":2}\n[5,6,"x"]').encode(), b"null"]
    pieces = [
        b"session=",
        b"session",
        b"=",
        b";",
        b"; ",
        b" ",
        b"\t",
        b'"',
        b".",
        b"\\",
        b",",
        b"\x00",
        b"\xff",
        b"\r\n",
    ]
    pieces += [*good, *(value[: len(value) // 2] for value in good), *(value[5:] for value in good)]
    return b"".join(rng.choices(pieces, k=rng.randint(0, 14)))


@pytest.mark.parametrize(("mode", "options"), MODES, ids=[row[0] for row in MODES])
def test_no_random_cookie_header_raises_or_comes_back(mode: str, options: Mapping) -> None:
    rng = random.Random(21)  # noqa: S311  # seeded, no secret
    reading, writing = wrap(using(len), **options), wrap(using(storing({"z": 1})), **{**options, "token_bytes": bytes})
    fresh = drive(writing).headers
    for _ in range(2_500):
        scope = http(headers=[("cookie", randomly(rng).decode("latin-1"))])
        exchange = drive(reading, scope)
        assert (exchange.error, exchange.headers) == (None, [VARY])
        written = drive(writing, scope)
        assert written.error is None
        if written.headers != fresh:  # it held a session of ours
            assert "encrypt" not in options
            assert [name for name, _ in written.headers] == ["cache-control", "set-cookie", "vary"]


# --- What is told -------------------------------------------------------------------------------------------------

CONTENT = "the-name-of-a-patient"
COOKIE = baked({"who": CONTENT})
SECRETS = (KEY, OLD, CONTENT, COOKIE, COOKIE.partition(".")[0], COOKIE.rpartition(".")[2])


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What was said to anybody; the end of the test judges it, with everything that was logged."""
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        yield said
    for record in caplog.get_records("call"):
        said += [record.getMessage(), repr(record.args), repr(record.__dict__)]
    assert [secret for secret in SECRETS if any(secret in text for text in said)] == []


def raises_late(session: Any) -> object:
    session["late"] = CONTENT
    return session


FAILING: list[tuple[str, Use, Mapping]] = [
    ("too large", storing({"who": CONTENT, "x": "y" * 5000}), {}),
    ("too large, encrypted", storing({"who": CONTENT, "x": "y" * 5000}), {"encrypt": True}),
    ("no JSON form", storing({"who": CONTENT, "x": {CONTENT}}), {}),
    ("no JSON form, deep inside", storing({"who": CONTENT, "x": [{"y": CONTENT.encode()}]}), {}),
    ("a wrong expiry", lambda s: s.set_expiry(0), {}),
    ("a wrong subject", lambda s: setattr(s, "subject", ""), {}),
]


@pytest.mark.parametrize(("sentence", "use", "options"), FAILING, ids=[row[0] for row in FAILING])
def test_no_exception_tells_a_secret(sentence: str, use: Use, options: Mapping, told: list[str]) -> None:
    value = COOKIE if not options else ""
    error = visit(use, value, secret_key=[KEY, OLD], **options).error
    assert isinstance(error, (SessionTooLarge, TypeError, ValueError))
    while error is not None:
        told += [repr(error), str(error), *getattr(error, "__notes__", [])]
        told += traceback.format_exception_only(error)
        error = error.__cause__
    assert told


@pytest.mark.parametrize("value", [COOKIE, COOKIE[:-1], COOKIE + "x", COOKIE.replace(".", ".."), '"' + COOKIE])
def test_no_log_tells_a_secret_whatever_comes(value: str, told: list[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start" if scope["type"] == "http" else "websocket.accept", "status": 200})
        raises_late(scope["session"])

    for make in (http, websocket):
        assert drive(wrap(app, secret_key=[KEY, OLD]), make(headers=cookies(value))).error is None


@pytest.mark.parametrize(("mode", "options"), MODES, ids=[row[0] for row in MODES])
def test_no_repr_tells_a_secret(mode: str, options: Mapping, told: list[str]) -> None:
    middleware = SessionMiddleware(using(nothing), **{"secret_key": [KEY, OLD], **options})
    told += [repr(middleware), str(middleware), f"{middleware}"]
    keeper = middleware._keeper
    told += [repr(keeper), repr(vars(keeper)), repr(vars(middleware))]


WRONG_KEYS: list[Any] = [
    [KEY, ""],
    [KEY, None],
    {KEY: OLD},
    {KEY, OLD},
    [[KEY]],
    (KEY, 5),
    iter([KEY]),
    [Secret(KEY), b""],
]


@pytest.mark.parametrize("keys", WRONG_KEYS, ids=[type(keys).__name__ + str(at) for at, keys in enumerate(WRONG_KEYS)])
def test_no_refused_configuration_tells_its_keys(keys: Any, told: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap(using(nothing), secret_key=keys, max_age="x")
    told += [str(caught.value), repr(caught.value), repr(caught.value.problems)]


# --- What is not there --------------------------------------------------------------------------------------------


def test_nothing_that_runs_what_it_reads_is_imported() -> None:
    folder = Path(asgi_middleware.sessions.__file__).parent
    imported: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert imported.isdisjoint({"pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle", "cloudpickle"})
    assert {"json", "hmac"} <= imported


def test_a_copy_of_a_session_is_a_plain_dict_that_knows_no_cookie() -> None:
    found: list[Any] = []
    visit(lambda s: found.extend([copy.copy(s), copy.deepcopy(s), pickle.loads(pickle.dumps(s))]), COOKIE)  # noqa: S301  # our own bytes
    assert [(type(made), made) for made in found] == [(dict, {"who": CONTENT})] * 3


def test_one_visitors_session_is_never_anothers() -> None:
    """Of one middleware, a hundred requests by turns."""
    held: list[Any] = []
    middleware = wrap(using(held.append))
    for number in range(100):
        drive(middleware, http(headers=cookies(baked({"n": number}))))
    random.Random(3).shuffle(held)  # noqa: S311  # seeded, no secret
    for session in held:
        add(session)
    assert sorted(session["n"] for session in held) == list(range(100))
