"""What the bench times: requests that get the right answer, load, documents, a Redis that is watched."""

import asyncio
import contextlib
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from . import apps
from .asgi import drive
from .bench import auth, bodies, calls, load, scenes, sessions
from .bench.measuring import (
    COLD,
    WAITING,
    Scene,
    Unavailable,
    looped_on,
)
from .redis_servers import MISSING, binary, redis_server


def test_what_is_timed_must_give_the_right_answer() -> None:
    allowed = ("access-control-allow-origin", calls.ORIGIN)
    calls.check(calls.ours(calls.answer), calls.ordinary(), 200, allowed)
    with pytest.raises(RuntimeError, match=r"it answers 200 .* not 200 with \('access-control-allow-origin'"):
        calls.check(calls.answer, calls.ordinary(), 200, allowed)
    with pytest.raises(RuntimeError, match=r"it answers 200 .* not 401"):
        calls.check(calls.answer, calls.ordinary(), 401, None)
    with pytest.raises(RuntimeError, match=r"it raises ValueError\('no'\)"):
        calls.check(apps.raises(ValueError("no")), calls.ordinary(), 200, None)


def test_what_suspends_cannot_be_timed_by_hand() -> None:
    async def suspends(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(0)

    calls.caller(calls.answer, calls.ordinary)()
    with pytest.raises(RuntimeError, match="the application suspended"):
        calls.caller(suspends, calls.ordinary)()


def test_every_call_gets_a_request_and_messages_of_its_own() -> None:
    first, second = calls.ordinary(), calls.ordinary()
    assert first == second
    assert len(first["headers"]) == 10
    assert all(first[key] is not second[key] for key in ("headers", "state", "extensions"))
    once, again = drive(calls.answer), drive(calls.answer)
    assert once.sent == again.sent
    assert len(once.raw_body) == 37
    assert once.objects[0] is not again.objects[0]
    assert once.objects[0]["headers"] is not again.objects[0]["headers"]


def test_a_request_replaces_and_leaves_out_headers() -> None:
    scope = calls.request(("origin", "https://elsewhere.example"), without="cookie", method="OPTIONS")()
    names = [name for name, _ in scope["headers"]]
    assert (scope["method"], len(names)) == ("OPTIONS", 9)
    assert (b"cookie" in names, dict(scope["headers"])[b"origin"]) == (False, b"https://elsewhere.example")


def test_the_longest_stall_is_the_time_in_which_nobody_else_had_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    turn = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await turn(0)

    async def holds() -> None:
        nonlocal now
        for held in (1.0, 5.0, 2.0):
            now += held
            await turn(0)
            await turn(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    assert asyncio.run(bodies.longest_stall(holds)) == pytest.approx(5.0, abs=4 * bodies.BEAT)


def test_a_percentile_is_the_value_that_so_many_stay_below() -> None:
    waits = [float(number) for number in range(100, 0, -1)]
    assert [load.percentile(waits, part) for part in (0.0, 0.5, 0.99, 1.0)] == [1.0, 51.0, 100.0, 100.0]
    assert load.percentile([7.0], 0.99) == 7.0


def test_load_goes_on_until_the_seldom_asked_has_answers_enough() -> None:
    """A server that answers the one kind a hundred times where it answers the other once."""

    async def main() -> list[int]:
        fast = 0
        enough = asyncio.Semaphore(0)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal fast
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET /slow"):
                    for _ in range(100):
                        await enough.acquire()
                else:
                    fast += 1
                    enough.release()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await serve(reader, writer)
            for _ in range(200):  # nobody waits for those who are gone
                enough.release()
            writer.close()

        server = await asyncio.start_server(served, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            result = await load.load(port, 0, [[2, "/", {}, ""], [1, "/slow", {}, ""]], least=3)
        return [kind["answers"] for kind in result["kinds"]]

    fast, slow = asyncio.run(main())
    assert slow == 3
    assert fast >= 200


def test_documents_are_the_same_every_time_and_as_long_as_asked_for() -> None:
    for size in (1200, 20_000):
        made = bodies.document(size)
        assert made == bodies.document(size)
        assert json.loads(made)
        assert size <= len(made) < size + 300
        # As ordinary JSON does.
        assert 1.7 < len(made) / len(zlib.compress(made)) < 3.3
    assert bodies.page(20_000).startswith(b"<!doctype html>")


@pytest.mark.parametrize(("waits", "samples"), [(False, 1), (True, WAITING)])
def test_an_asynchronous_call_is_timed_on_one_event_loop(waits: bool, samples: int) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def call() -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(1.1 * COLD)

    with asyncio.Runner() as runner:
        sample = looped_on(runner, call, waits=waits)
        loops.clear()
        assert sample() >= COLD
        assert loops == [runner.get_loop()] * samples


def test_without_a_redis_its_tables_are_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "binary", lambda: None)
    assert sessions.commands() == f"### what a Redis is asked\n\nLeft out: everybody ({MISSING})"
    with sessions.in_redis() as scene:
        for name in ("ours: read", "starsessions: read", "Litestar: read"):
            with pytest.raises((Unavailable, ImportError)):
                scene.variants[name].make()


@pytest.mark.skipif(binary() is None, reason=MISSING)
def test_a_monitor_tells_what_clients_ask_and_not_what_their_scripts_call() -> None:
    with redis_server() as server, contextlib.closing(sessions.Monitor(server)) as monitor:
        assert monitor.commands() == []
        server.command("SET", "key", 'with "quotes" and a\nline')
        server.command("EVAL", "return redis.call('GET', 'key')", "0")
        assert monitor.commands() == ["SET", "EVAL"]
        assert monitor.commands() == []


def in_stores() -> Scene:
    return sessions.stores(Path("nowhere"))


def without_a_redis() -> Scene:
    return sessions.redis(None)


SCENES = [
    scenes.stack,
    scenes.observability,
    scenes.cors,
    scenes.errors,
    sessions.in_cookies,
    in_stores,
    without_a_redis,
    auth.auth,
    bodies.small,
    bodies.whole,
    bodies.codec,
    bodies.codec_long,
    bodies.sizes,
]


@pytest.mark.parametrize("make", SCENES, ids=[make.__name__ for make in SCENES])
def test_the_rows_of_a_table_name_variants_that_it_has(make: Callable[[], Scene]) -> None:
    scene = make()
    named = {name for row in scene.rows for name in (row.ours, row.peer)}
    bases = {variant.base for variant in scene.variants.values() if variant.base is not None}
    assert (named | bases) - set(scene.variants) == set()
    assert {"bare", "empty"} <= set(scene.variants)
