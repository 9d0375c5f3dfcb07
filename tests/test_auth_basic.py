"""`Basic`: passwords, what they cost, checks of one's own, and htpasswd files."""

import asyncio
import base64
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import bcrypt
import pytest
from argon2 import PasswordHasher

from asgi_middleware import ConfigError
from asgi_middleware.auth import AuthError, Basic, User

from .asgi import http
from .authenticating import (
    ANONYMOUS,
    GOOD,
    HTPASSWD,
    LONG,
    UNREADABLE,
    USERS,
    WRONG,
    Counted,
    encoded,
    hashed,
    known,
    pair,
)
from .tokens import (
    Outcome,
    ask,
    refusal,
)

# --- Basic

PASSWORDS: list[tuple[str, str, Outcome]] = [
    ("right", pair("ada", "open sesame"), known("ada")),
    ("wrong", pair("ada", "open sesam"), WRONG),
    ("in another case", pair("ada", "Open sesame"), WRONG),
    ("with a blank more", pair("ada", "open sesame "), WRONG),
    ("empty", pair("ada", ""), WRONG),
    ("of an unknown user", pair("eve", "open sesame"), WRONG),
    ("of a name in another case", pair("Ada", "open sesame"), WRONG),
    ("without a name", pair("", "open sesame"), WRONG),
    ("neither", pair("", ""), WRONG),
    ("the hash itself", pair("ada", USERS["ada"]), WRONG),
    ("in UTF-8", pair("zoë", "gruß, größe 🙂"), known("zoë")),
    ("in Latin-1", encoded("zoë:gruß".encode("latin-1")), UNREADABLE),
    ("with the name in another normal form", pair("zoe\u0308", "gruß, größe 🙂"), WRONG),
    ("with colons", pair("colon", "a:b::c:"), known("colon")),
    ("with a colon less", pair("colon", "a:b::c"), WRONG),
    ("empty, and rightly so", pair("empty", ""), known("empty")),
    ("of 72 bytes", pair("long", LONG), known("long")),
    ("of 73 bytes, whose first 72 are right", pair("long", LONG + "x"), WRONG),
    ("an argon2 one", pair("argon", "open sesame"), known("argon")),
    ("a wrong argon2 one", pair("argon", "open"), WRONG),
    ("an argon2 one of 500 bytes", pair("argon", "x" * 500), WRONG),
    ("hashed by an older bcrypt", pair("older", "open sesame"), known("older")),
    ("of a name with a blank", pair("blank name", "x"), known("blank name")),
    ("the scheme in lower case", pair("ada", "open sesame").replace("Basic", "basic"), known("ada")),
    ("two blanks", pair("ada", "open sesame").replace("Basic", "BASIC "), known("ada")),
    ("no colon", encoded(b"ada"), UNREADABLE),
    ("nothing", "Basic", UNREADABLE),
    ("an empty text", "Basic ", UNREADABLE),
    ("no base64", "Basic ada:open", UNREADABLE),
    ("base64 with junk", pair("ada", "open sesame") + "!", UNREADABLE),
    ("base64 without padding", pair("colon", "a:b::c:").rstrip("="), UNREADABLE),
    ("base64 of the other alphabet", "Basic " + base64.urlsafe_b64encode(b"a:\xc3\xbf\xc3\xbf?>").decode(), UNREADABLE),
    ("base64 and more after its end", "Basic YTpiYw==YTpiYw==", UNREADABLE),
    ("base64 with a blank", "Basic YTpi YTpi", UNREADABLE),
    ("two joined by a comma", "Basic YTpi, Basic YTpi", UNREADABLE),
    ("a NUL", encoded(b"ada:open\0sesame"), UNREADABLE),
    ("a NUL after the right one", encoded(b"ada:open sesame\0"), UNREADABLE),
    ("a line feed in the name", encoded(b"a\nda:x"), UNREADABLE),
    ("a DEL", encoded(b"ada:\x7f"), UNREADABLE),
    ("an overlong encoding of a slash", encoded(b"ada:\xc0\xaf"), UNREADABLE),
    ("a surrogate", encoded(b"ada:\xed\xa0\x80"), UNREADABLE),
    ("not ASCII", "Basic \xff\xfe", UNREADABLE),
    ("the longest that is read", encoded(b"ada:" + b"x" * 764), WRONG),
    ("one byte more", encoded(b"ada:" + b"x" * 765), UNREADABLE),
    ("one million bytes", encoded(b"ada:" + b"x" * 1_000_000), UNREADABLE),
    ("none", f"Bearer {GOOD}", ANONYMOUS),
]


def test_the_rows_above_are_what_they_say() -> None:
    assert pair("colon", "a:b::c:").endswith("=")
    assert set("-_") & set(base64.urlsafe_b64encode(b"a:\xc3\xbf\xc3\xbf?>").decode())


@pytest.mark.parametrize(("sentence", "line", "answer"), PASSWORDS, ids=[row[0] for row in PASSWORDS])
def test_a_password(sentence: str, line: str, answer: Outcome) -> None:
    assert ask(Basic(USERS), line, loop="asyncio") == answer


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_one_instance_serves_one_loop_after_the_other(loop: str) -> None:
    backend = Basic(USERS)
    lines = [pair("ada", "open sesame"), pair("ada", "x"), pair("ada", "open sesame")]
    assert [ask(backend, line, loop=loop) for line in lines] == [known("ada"), WRONG, known("ada")]


@pytest.fixture
def checkpw(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(bcrypt.checkpw)
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return counted


@pytest.fixture
def argon2(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(PasswordHasher().verify)
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *args: counted(*args))
    return counted


ATTEMPTS = [
    ("right", "ada", "open sesame"),
    ("wrong", "ada", "x"),
    ("unknown", "eve", "open sesame"),
    ("no name", "", "x"),
]


@pytest.mark.parametrize(("sentence", "name", "password"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_every_attempt_costs_one_hash_known_or_not(sentence: str, name: str, password: str, checkpw: Counted) -> None:
    ask(Basic({"ada": USERS["ada"]}), pair(name, password), loop="asyncio")
    assert checkpw.calls == [(password.encode(), USERS["ada"].encode())]


@pytest.mark.parametrize(("sentence", "name", "password"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_the_same_holds_for_argon2(sentence: str, name: str, password: str, argon2: Counted, checkpw: Counted) -> None:
    ask(Basic({"ada": USERS["argon"]}), pair(name, password), loop="asyncio")
    assert (argon2.calls, checkpw.calls) == ([(USERS["argon"].encode(), password.encode())], [])


def test_what_bcrypt_does_not_read_costs_nothing_for_anybody(checkpw: Counted) -> None:
    backend = Basic({"ada": USERS["ada"]})
    lines = [pair(name, "x" * 73) for name in ("ada", "eve")]
    assert ([ask(backend, line, loop="asyncio") for line in lines], checkpw.calls) == ([WRONG, WRONG], [])


def test_a_stolen_decoy_opens_nothing() -> None:
    """The password of the user whose hash stands in for unknown ones must not let unknown ones in."""
    backend = Basic({"ada": USERS["ada"]})
    assert [ask(backend, pair("eve", "open sesame"), loop="asyncio") for _ in range(2)] == [WRONG, WRONG]


def test_a_good_password_is_remembered_for_a_minute_of_the_clock(checkpw: Counted) -> None:
    now = [1000.0]
    backend = Basic({"ada": USERS["ada"], "bob": USERS["older"]}, clock=lambda: now[0])
    counts = []
    for seconds, name, password in [
        (0, "ada", "open sesame"),
        (0, "ada", "open sesame"),  # remembered
        (59.999, "ada", "open sesame"),  # still
        (59.999, "ada", "open sesame!"),  # another password
        (59.999, "bob", "open sesame"),  # another user with the same
        (60, "ada", "open sesame"),  # forgotten
        (119.999, "ada", "open sesame"),  # remembered anew
        (119.999, "bob", "open sesame"),  # forgotten by then
        (119.999, "eve", "open sesame"),
        (119.999, "eve", "open sesame"),  # a failure is never remembered
    ]:
        now[0] = 1000 + seconds
        ask(backend, pair(name, password), loop="asyncio")
        counts.append(len(checkpw.calls))
    assert counts == [1, 1, 1, 2, 3, 4, 4, 5, 6, 7]


def test_two_instances_do_not_share_what_they_remember(checkpw: Counted) -> None:
    for users in ({"ada": USERS["ada"]}, {"ada": hashed("another")}):
        ask(Basic(users, clock=lambda: 0.0), pair("ada", "open sesame"), loop="asyncio")
    assert len(checkpw.calls) == 2


def test_no_more_than_1024_good_passwords_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(lambda password, of: True)
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    names = [f"user{n}" for n in range(1100)]
    backend = Basic(dict.fromkeys(names, USERS["ada"]), clock=lambda: 0.0)

    async def everybody() -> None:
        for name in names:
            await backend.identify(http(headers=[("authorization", pair(name, "x"))]))

    asyncio.run(everybody())
    first = len(counted.calls)
    asyncio.run(everybody())
    assert (first, len(counted.calls) - first >= len(names) - 1024) == (1100, True)


def test_two_passwords_are_hashed_at_once_and_not_three(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, pairs = threading.Lock(), threading.Barrier(2)
    running, most, threads = 0, 0, set[int]()

    def slow(password: bytes, of: bytes) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            threads.add(threading.get_ident())
        pairs.wait(60)  # nobody goes on alone, so two at once is proved
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    backend = Basic(USERS)

    async def attempt(n: int) -> None:
        await backend.identify(http(headers=[("authorization", pair("ada", str(n)))]))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(8):
                tasks.start_soon(attempt, n)

    asyncio.run(main())
    assert (most, threading.get_ident() in threads) == (2, False)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_event_loop_goes_on_while_a_password_is_hashed(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash waits for what only the loop can do meanwhile."""
    went_on = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda password, of: went_on.wait(60))
    backend = Basic(USERS)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.identify, http(headers=[("authorization", pair("ada", "x"))]))
            await anyio.lowlevel.checkpoint()
            went_on.set()

    anyio.run(main, backend=loop)  # AuthError, if the hash had waited in vain


async def says_true(name: str, password: str) -> Any:
    return (name, password) == ("zoë", "a:b")


async def says_nothing(name: str, password: str) -> Any:
    return None


async def says_user(name: str, password: str) -> Any:
    return User("7", scheme="Basic", display_name=name, scopes=("all",))


async def says_down(name: str, password: str) -> Any:
    raise AuthError(503, None, "Try again later")


async def says_zero(name: str, password: str) -> Any:
    return 0  # a column of SQLite


async def says_empty(name: str, password: str) -> Any:
    return ""


CHECKS: list[tuple[Callable[[str, str], Any], str, Outcome]] = [
    (says_true, pair("zoë", "a:b"), known("zoë")),
    (says_true, pair("zoë", "a"), WRONG),
    (says_true, encoded(b"zo"), UNREADABLE),
    (says_nothing, pair("ada", "x"), WRONG),
    (says_user, pair("ada", "x"), ("app", "7", ["all"])),
    (says_down, pair("ada", "x"), refusal(503, "Try again later")),
    (says_zero, pair("ada", "x"), WRONG),
    (says_empty, pair("ada", "x"), WRONG),
]


@pytest.mark.parametrize(("check", "line", "answer"), CHECKS, ids=[f"{row[0].__name__} {row[1]}" for row in CHECKS])
def test_a_check_of_ones_own(check: Callable[[str, str], Any], line: str, answer: Outcome) -> None:
    assert ask(Basic(check=check), line, required=True) == answer


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("kind", [str, Path])
def test_an_htpasswd_file(kind: Callable[[Path], Any], ends: str, tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.replace("\n", ends).encode())
    backend = Basic(htpasswd=kind(path))
    path.unlink()  # it is read once
    names = [("ada", "open sesame"), ("zoë", "gruß, größe 🙂"), ("argon", "open sesame"), ("#eve", "open sesame")]
    answers = [ask(backend, pair(*one), loop="asyncio") for one in names]
    assert (repr(backend), answers) == ("Basic(<3 users>)", [known("ada"), known("zoë"), known("argon"), WRONG])


@pytest.mark.parametrize("password", ["open sesame", "gruß 🙂", "a:b::c:", "", "x" * 72])
def test_what_the_program_htpasswd_writes(password: str, tmp_path: Path) -> None:
    program = shutil.which("htpasswd")
    if program is None:
        pytest.skip("the program htpasswd is not installed: apache2-utils")
    path = tmp_path / "users.htpasswd"
    for options, name in ((["-cB", "-C", "4"], "ada"), (["-B", "-C", "5"], "zoë")):
        subprocess.run([program, "-i", *options, str(path), name], input=password.encode(), check=True)
    backend = Basic(htpasswd=path)
    names = ("ada", "zoë", "eve")
    answers = [ask(backend, pair(name, password), loop="asyncio") for name in names]
    assert answers == [known("ada"), known("zoë"), WRONG]
    assert ask(backend, pair("ada", password[:-1] + "?"), loop="asyncio") == WRONG


@pytest.mark.parametrize("option", ["-m", "-s", "-d", "-p"])
def test_what_the_program_writes_that_is_not_safe_is_refused(option: str, tmp_path: Path) -> None:
    """MD5, SHA-1, DES, and plain text."""
    program = shutil.which("htpasswd")
    if program is None:
        pytest.skip("the program htpasswd is not installed: apache2-utils")
    path = tmp_path / "users.htpasswd"
    subprocess.run([program, "-bc", option, str(path), "ada", "sesame"], check=True, capture_output=True)
    with pytest.raises(ConfigError, match="make one: htpasswd -nB NAME") as caught:
        Basic(htpasswd=path)
    assert "sesame" not in str(caught.value)


SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"]


@pytest.mark.parametrize("separator", SEPARATORS, ids=[repr(one) for one in SEPARATORS])
def test_only_line_ends_end_a_line_so_that_a_name_cannot_hold_a_second_user(separator: str, tmp_path: Path) -> None:
    """A program that adds users to the file looks for colons and line feeds; `x<U+2028>root` has neither."""
    path = tmp_path / "users.htpasswd"
    path.write_bytes(f"root:{hashed('theirs')}\nx{separator}root:{hashed('mine')}\n".encode())
    try:
        backend = Basic(htpasswd=path)
    except ConfigError:
        return  # to refuse such a name is right as well
    answers = [ask(backend, pair("root", password), loop="asyncio") for password in ("theirs", "mine")]
    assert answers == [known("root"), WRONG]


def test_an_htpasswd_file_is_utf_8_whatever_the_locale_says(tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.encode())
    code = "import sys; from asgi_middleware.auth import Basic; print(Basic(htpasswd=sys.argv[1]))"
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=ascii_only, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Basic(<3 users>)\n", "")
