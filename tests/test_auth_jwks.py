"""`auth.jwks`: when keys are fetched, who waits for it, and what serves when they cannot be had.

The clock is the test's, and so is the moment at which a fetch comes back.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from asgi_middleware.auth import AuthError, Bearer
from asgi_middleware.auth.jwks import JWKS

from .key_issuer import PATIENCE, URL, Clock, Published, reading, run_on, settle, signed, source
from .tokens import P256, P256_B, P384, RSA, SIGNATURE, ask, headed, jwk, refusal, run, said, token

LOOPS = ["asyncio", "uvloop", "trio"]
UNAVAILABLE = "The keys to verify tokens are not available"


@pytest.fixture
def published() -> Iterator[Published]:
    """Whatever happens, no thread is left waiting."""
    published = Published()
    yield published
    published.may_leave.set()
    settle()


def answer(by: Any, text: bytes) -> str:
    """`ok`, the text of the 401, or `503`."""
    try:
        return said(by, text)
    except AuthError as error:
        if (error.status, error.code, error.description) != (503, None, UNAVAILABLE):
            raise
        return "503"


def test_construction_opens_nothing(published: Published) -> None:
    reading(source(published, Clock()))
    assert published.calls == []


@pytest.mark.parametrize("loop", LOOPS)
def test_the_first_token_waits_for_the_keys_and_the_next_do_not(loop: str, published: Published) -> None:
    by = reading(source(published, Clock()))
    assert run_on(loop, lambda: by.verify(signed()))["sub"] == "ada"
    # without an event loop, so nothing can be waited for
    assert [run(by.verify(signed(sub=name)))["sub"] for name in "abc"] == ["a", "b", "c"]
    assert published.calls == [URL]


@pytest.mark.parametrize("loop", LOOPS)
def test_ten_who_come_first_at_once_make_one_fetch(loop: str, published: Published) -> None:
    by = reading(source(published, Clock()))
    published.may_leave.clear()
    seen: list[str] = []

    async def one(name: str) -> None:
        seen.append((await by.verify(signed(sub=name)))["sub"])

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for name in "abcdefghij":
                group.start_soon(one, name)
            await anyio.to_thread.run_sync(published.entered.wait, PATIENCE)
            await anyio.wait_all_tasks_blocked()
            assert seen == []
            published.may_leave.set()

    run_on(loop, main)
    assert ("".join(sorted(seen)), len(published.calls)) == ("abcdefghij", 1)


def test_two_event_loops_share_one_fetch(published: Published) -> None:
    by = reading(source(published, Clock()))
    published.may_leave.clear()
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(asyncio.run(by.verify(signed()))["sub"])) for _ in range(2)]
    for thread in threads:
        thread.start()
    published.entered.wait(PATIENCE)
    published.may_leave.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert (seen, len(published.calls)) == (["ada", "ada"], 1)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_cancelled_does_not_cancel_the_fetch(loop: str, published: Published) -> None:
    by = reading(source(published, Clock()))
    published.may_leave.clear()
    seen: list[str] = []

    async def patient() -> None:
        seen.append((await by.verify(signed()))["sub"])

    async def main() -> None:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as impatient:
                async with anyio.create_task_group() as inner:
                    inner.start_soon(by.verify, signed(sub="eve"))
                    await anyio.to_thread.run_sync(published.entered.wait, PATIENCE)
                    group.start_soon(patient)
                    await anyio.wait_all_tasks_blocked()
                    impatient.cancel()
                    published.may_leave.set()

    run_on(loop, main)
    assert (seen, len(published.calls)) == (["ada"], 1)


# --- ages


def test_a_known_key_never_waits_while_keys_are_renewed_behind_it(published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    clock.now += 299.9
    assert (said(by, signed(n=1)), len(published.calls)) == ("ok", 1)
    clock.now += 0.1
    published.entered.clear()
    published.may_leave.clear()
    assert [said(by, signed(n=n)) for n in (2, 3, 4)] == ["ok", "ok", "ok"]
    assert published.entered.wait(PATIENCE)
    clock.now += 1000
    assert (said(by, signed(n=5)), len(published.calls)) == ("ok", 2)
    published.may_leave.set()
    settle()
    # the fetch counts from its start
    assert (said(by, signed(n=6)), settle(), len(published.calls)) == ("ok", True, 3)


def test_in_an_outage_the_known_keys_serve_for_a_day_and_then_the_answer_is_503(published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.fails = OSError("down")
    answers = []
    for age in (300, 310, 329.9, 330, 86399.9, 86400, 86429.9, 86430):
        clock.now = 1000 + age
        answers.append((age, answer(by, signed(n=age)), settle(), len(published.calls)))
    assert [(age, said, calls) for age, said, _, calls in answers] == [
        (300, "ok", 2),
        (310, "ok", 2),
        (329.9, "ok", 2),
        (330, "ok", 3),
        (86399.9, "ok", 4),
        (86400, "503", 4),
        (86429.9, "503", 5),
        (86430, "503", 5),
    ]
    published.fails = None
    clock.now += 29.9
    assert answer(by, signed(n=1)) == "ok"


def test_without_any_keys_the_answer_is_503_and_the_issuer_is_left_in_peace(published: Published) -> None:
    clock = Clock()
    backend = Bearer(reading(source(published, clock)))
    published.fails = OSError("down")
    bearer = f"Bearer {signed().decode()}"
    for loop in ("asyncio", "trio"):
        assert ask(backend, bearer, loop=loop) == refusal(503, UNAVAILABLE)
    assert len(published.calls) == 1
    published.fails = None
    clock.now += 29.9
    assert ask(backend, bearer) == refusal(503, UNAVAILABLE)
    clock.now += 0.1
    assert (ask(backend, bearer), len(published.calls)) == (("app", "ada", []), 2)


def test_a_token_that_is_bad_anyway_is_refused_before_the_keys_are_asked_for(published: Published) -> None:
    assert said(reading(source(published, Clock())), headed(crit=["x"])) != "ok"
    assert published.calls == []


# --- unknown keys


def test_a_new_key_is_fetched_when_its_first_token_comes(published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.keys.append(jwk(P256_B, kid="b"))
    clock.now += 30
    assert (said(by, signed(P256_B, "b")), len(published.calls)) == ("ok", 2)


@pytest.mark.parametrize("fails", [None, OSError("down")], ids=["it answers", "it fails"])
def test_a_flood_of_unknown_keys_makes_one_fetch_an_interval(fails: Exception | None, published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.fails = fails
    counts = []
    for seconds in (0, 29.9, 30, 59.9, 60):
        clock.now = 1000 + seconds
        assert {said(by, signed(kid=f"invented {n}")) for n in range(50)} == {SIGNATURE}
        counts.append(len(published.calls))
    assert counts == [1, 1, 2, 2, 3]
    assert said(by, signed(n=1)) == "ok"


@pytest.mark.parametrize("loop", LOOPS)
def test_unknown_keys_wait_for_the_fetch_that_is_under_way_and_known_ones_do_not(
    loop: str, published: Published
) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.keys.append(jwk(P256_B, kid="b"))
    clock.now += 30
    published.entered.clear()
    published.may_leave.clear()
    seen: list[str] = []

    async def one(name: str) -> None:
        seen.append((await by.verify(signed(P256_B, "b", sub=name)))["sub"])

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(one, name)
            await anyio.to_thread.run_sync(published.entered.wait, PATIENCE)
            assert (await by.verify(signed(n=1)), seen)[1] == []
            published.may_leave.set()

    run_on(loop, main)
    assert (sorted(seen), len(published.calls)) == (["a", "b", "c"], 2)


def test_an_unknown_key_waits_for_the_renewal_behind_the_known_ones(published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.keys.append(jwk(P256_B, kid="b"))
    clock.now += 300
    published.entered.clear()
    published.may_leave.clear()
    assert said(by, signed(n=1)) == "ok"

    async def main() -> Any:
        async with anyio.create_task_group() as group:
            await anyio.to_thread.run_sync(published.entered.wait, PATIENCE)
            group.start_soon(by.verify, signed(P256_B, "b"))
            await anyio.wait_all_tasks_blocked()
            published.may_leave.set()

    run_on("asyncio", main)
    assert len(published.calls) == 2


NO_REASONS: list[tuple[str, bytes]] = [
    ("a bad signature", signed(P256_B)),
    ("a known key with an algorithm that is not its own", signed(P384, "a", "ES384")),
    ("no key ID, and no key for the algorithm", signed(P384, None, "ES384")),
    ("no key ID, and a bad signature", signed(P256_B, None)),
    ("alg none", token(header={"alg": "none", "kid": "x"}, sign=lambda _: b"x")),
    ("a secret's algorithm", headed(kid="x")),
    ("an algorithm that nobody knows", token(header={"alg": "ES256K", "kid": "x"}, sign=lambda _: b"x")),
]


@pytest.mark.parametrize(("sentence", "text"), NO_REASONS, ids=[row[0] for row in NO_REASONS])
def test_what_a_fetch_would_not_mend_makes_none(sentence: str, text: bytes, published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    clock.now += 60
    assert (said(by, text), settle(), len(published.calls)) == (SIGNATURE, True, 1)


# --- changes


def test_the_tokens_of_a_key_that_was_taken_back_stop_at_once_though_they_are_remembered(published: Published) -> None:
    clock = Clock()
    keys = source(published, clock)
    by = reading(keys)
    published.keys = [jwk(P256, kid="a"), jwk(P256_B, kid="b")]
    # the first finds its keys changed under it, so the second is remembered
    assert [said(by, text) for text in (signed(), signed(), signed(P256_B, "b"))] == ["ok", "ok", "ok"]
    assert keys.version == 1
    published.keys.pop(0)
    clock.now += 30
    assert said(by, signed(kid="x")) == SIGNATURE
    assert keys.version == 2
    assert [said(by, text) for text in (signed(), signed(P256_B, "b"))] == [SIGNATURE, "ok"]


def test_the_same_keys_again_are_no_change(published: Published) -> None:
    clock = Clock()
    keys = source(published, clock)
    by = reading(keys)
    for n in range(3):
        assert said(by, signed(n=n)) == "ok"
        clock.now += 300
        settle()
    assert (keys.version, len(published.calls)) == (1, 3)


def test_when_no_key_is_left_all_tokens_stop_and_the_issuer_is_to_blame(published: Published) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    published.keys = []
    clock.now += 30
    assert said(by, signed(kid="x")) == SIGNATURE
    assert answer(by, signed()) == "503"
    published.keys = [jwk(RSA, kid="r")]
    clock.now += 30
    assert answer(by, signed(RSA, "r", "RS256")) == "ok"


# --- the process


def test_a_fork_in_the_middle_of_a_fetch_does_not_hold_up_the_child(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    keys = source(published, clock)
    by = reading(keys)
    assert said(by, signed()) == "ok"
    keys._turn.acquire()
    monkeypatch.setattr("os.getpid", lambda: -1)
    clock.now += 300
    assert (said(by, signed(n=1)), settle(), len(published.calls)) == ("ok", True, 2)
    clock.now += 30
    assert (said(by, signed(kid="x")), len(published.calls)) == (SIGNATURE, 3)


def test_where_there_are_no_more_threads_the_known_keys_serve_on(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    by = reading(source(published, clock))
    assert said(by, signed()) == "ok"
    clock.now += 300

    def refuses(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuses)
        assert said(by, signed(n=1)) == "ok"
    assert (said(by, signed(n=2)), settle(), len(published.calls)) == ("ok", True, 2)


def test_the_representation_leaves_the_query_out() -> None:
    assert repr(JWKS(URL)) == "JWKS('https://idp.example/keys')"
    assert repr(JWKS(URL + "?key=squeamish")) == "JWKS('https://idp.example/keys?...')"
