"""The arithmetic of the bench and the writing between markers, on made-up timings. Nothing is timed here."""

import asyncio
import contextlib
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from asgi_middleware import MissingExtra

from . import apps
from .asgi import drive
from .bench import __main__ as command
from .bench import auth, bodies, calls, load, peers, report, scenes, sessions
from .bench.measuring import (
    BURST,
    COLD,
    SLICE,
    WAITING,
    Figure,
    Row,
    Sample,
    Scene,
    Times,
    Unavailable,
    Variant,
    looped,
    looped_on,
    measure,
    ratio,
)
from .redis_servers import MISSING, binary, redis_server


def taking(*seconds: float) -> Variant:
    """A variant whose samples are made up: these, one after the other, then the last again."""

    def make() -> Sample:
        left = list(seconds)
        return lambda: left.pop(0) if len(left) > 1 else left[0]

    return Variant(make)


def over(base: str | None, *seconds: float, allowance: float = 0.0) -> Variant:
    return Variant(taking(*seconds).make, base, allowance)


ROWS = [
    Row("a request", "ours: a request", "theirs: a request", 0.5, headline=True),
    Row("a long one", "ours: long", "ours: a request", 1.9),
    Row("a free one", "ours: free", "theirs: a request"),
]
# Ten empty wrappers add 20, so one is 2.
SCENE = Scene(
    "made up",
    {
        "bare": over(None, 12, 10, 11),
        "empty": over("bare", 30, 31, 32),
        "ours: a request": over("bare", 17, 16, 20),
        "theirs: a request": over("bare", 24, 25, 22),
        "ours: long": over("bare", 24, allowance=2),
        "ours: free": over("bare", 9.5),
    },
    ROWS,
    rounds=3,
)


def test_the_least_of_all_rounds_counts_and_the_base_is_taken_off() -> None:
    times = measure(SCENE)
    assert times.best == {
        "bare": 10,
        "empty": 30,
        "ours: a request": 16,
        "theirs: a request": 22,
        "ours: long": 24,
        "ours: free": 9.5,
    }
    costs = {name: times.cost(name) for name in SCENE.variants}
    assert costs == {
        "bare": 10,
        "empty": 20,
        "ours: a request": 6,
        "theirs: a request": 12,
        "ours: long": 12,
        "ours: free": -0.5,
    }


def test_figures_are_ratios_to_an_empty_wrapper_and_to_the_peer() -> None:
    figures = measure(SCENE).figures()
    assert figures == [
        Figure(ROWS[0], ours=3.0, peer=6.0, ratio=0.5),
        Figure(ROWS[1], ours=6.0, peer=3.0, ratio=2.0),
        Figure(ROWS[2], ours=0.0, peer=6.0, ratio=0.0),
    ]
    assert [figure.verdict for figure in figures] == ["met", "missed", ""]


@pytest.mark.parametrize(
    ("cost", "unit", "expected"),
    [
        (1, 3, 0.33),
        (2, 3, 0.67),
        (0.404, 1, 0.4),
        (-1, 3, 0.0),
        (1, 0, None),
        (1, -2, None),
    ],
)
def test_ratios_have_two_places_and_need_something_to_divide_by(
    cost: float, unit: float, expected: float | None
) -> None:
    assert ratio(cost, unit) == expected


def test_a_verdict_is_on_what_is_printed() -> None:
    """0.404 is printed as 0.40, so a limit of 0.4 is met; what is lost in the noise is neither met nor missed."""
    row = Row("", "ours", "theirs", 0.4)
    ratios = (ratio(0.404, 1), ratio(0.406, 1), ratio(1, 0))
    verdicts = [Figure(row, None, None, found).verdict for found in ratios]
    assert verdicts == ["met", "missed", "lost in the noise"]


def test_rounds_are_interleaved_and_their_order_rotates() -> None:
    order: list[str] = []

    def noting(name: str) -> Callable[[], Sample]:
        def sample() -> float:
            order.append(name)
            return 1.0

        return lambda: sample

    variants = {name: Variant(noting(name), None) for name in ("a", "b", "c")}
    measure(Scene("", variants, [], rounds=4))
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b", "a", "b", "c"]


@pytest.mark.parametrize(("share", "rounds"), [(1.0, 10), (0.2, 2), (0.01, 1)])
def test_a_share_of_the_rounds_is_at_least_one(share: float, rounds: int) -> None:
    taken = 0

    def sample() -> float:
        nonlocal taken
        taken += 1
        return 1.0

    measure(Scene("", {"a": Variant(lambda: sample, None)}, [], rounds=10), share)
    assert taken == rounds


def test_what_is_not_installed_is_left_out_by_name_with_the_reason() -> None:
    def absent() -> Sample:
        raise Unavailable("this system does not tell")

    variants = {
        **SCENE.variants,
        "nobody: a request": Variant(lambda: peers.peer("no_such_package:Middleware")),
        "elsewhere: a request": Variant(absent),
    }
    rows = [ROWS[0], Row("not to be had", "ours: a request", "nobody: a request")]
    times = measure(Scene("made up", variants, rows, rounds=3))
    assert times.missing == {
        "nobody: a request": "No module named 'no_such_package'",
        "elsewhere: a request": "this system does not tell",
    }
    assert [figure.row for figure in times.figures()] == [ROWS[0]]
    assert report.table(times).splitlines()[-3:] == [
        "Left out: nobody (No module named 'no_such_package')",
        "",
        "Left out: elsewhere (this system does not tell)",
    ]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests leave idle threads; nothing is held
def test_a_variant_apart_is_sampled_in_a_process_of_its_own() -> None:
    """What one of them does to its process, nobody else sees, and neither does this one."""
    sampled: list[int] = []

    def counting() -> Sample:
        def sample() -> float:
            sampled.append(1)
            return float(len(sampled))

        return sample

    variants = {"one": Variant(counting, None), "two": Variant(counting, None)}
    assert measure(Scene("", variants, [], rounds=3, apart=True)).best == {"one": 1.0, "two": 1.0}
    assert sampled == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # as above
def test_what_cannot_be_made_apart_is_left_out_and_what_fails_is_told() -> None:
    def absent() -> Sample:
        raise MissingExtra("CompressionMiddleware", "codings", "brotli", "brotli")

    def fails() -> Sample:
        raise KeyError("nobody")

    variants = {
        "here": Variant(lambda: lambda: 2.0, None),
        "absent": Variant(absent),
        "no package": Variant(lambda: peers.peer("no_such_package:Middleware")),
    }
    times = measure(Scene("", variants, [], rounds=2, apart=True))
    assert (times.best, list(times.missing)) == ({"here": 2.0}, ["absent", "no package"])
    assert "brotli" in times.missing["absent"]
    with pytest.raises(RuntimeError, match="KeyError: 'nobody'"):
        measure(Scene("", {"fails": Variant(fails)}, [], apart=True))


def test_a_sample_is_a_burst_of_slices_of_as_many_calls_as_fit() -> None:
    now = 0.0
    called = 0

    def call() -> None:
        nonlocal now, called
        called += 1
        now += SLICE / 4.5

    sample = looped(call, clock=lambda: now)
    tried = called
    assert sample() == pytest.approx(SLICE / 4.5)
    assert called - tried == 4 * BURST


@pytest.mark.parametrize(("seconds", "calls"), [(SLICE * 3, BURST), (COLD * 1.1, 1)])
def test_what_is_longer_than_a_slice_is_called_once_a_slice(seconds: float, calls: int) -> None:
    """And once in all where caches that another process has filled no longer matter."""
    now = 0.0
    called = 0

    def call() -> None:
        nonlocal now, called
        called += 1
        now += seconds

    sample = looped(call, clock=lambda: now)
    tried = called
    assert sample() == pytest.approx(seconds)
    assert called - tried == calls


def test_the_best_slice_of_a_burst_counts() -> None:
    times = iter([0.5] * 5 + [0.3, 0.2] + [0.1, 0.1] + [0.4, 0.3] + [0.2, 0.2])
    now = 0.0

    def clock() -> float:
        return now

    def call() -> None:
        nonlocal now
        now += next(times) * SLICE

    # Five calls show that two fit into a slice; the second of the burst's four slices is the best.
    assert looped(call, clock)() == pytest.approx(0.1 * SLICE)


MADE_UP_TABLE = """\
### made up

|  | ours | beside it |  | ratio | at most |  |
|---|---:|---:|---:|---:|---:|---:|
| a request | 3.00 | 6.00 | theirs | 0.50 | 0.50 | met |
| a long one | 6.00 | 3.00 | ours | 2.00 | 1.90 | missed |
| a free one | 0.00 | 6.00 | theirs | 0.00 |  |  |"""


def test_a_table_shows_its_figures_limits_and_verdicts() -> None:
    assert report.table(measure(SCENE)) == MADE_UP_TABLE


def test_a_table_without_empty_wrappers_has_ratios_alone() -> None:
    variants = {"ours: page": over(None, 1), "theirs: page": over(None, 8)}
    times = measure(Scene("pages", variants, [Row("a page", "ours: page", "theirs: page", 0.25)], rounds=1))
    assert report.table(times).splitlines()[2:] == [
        "|  | to | ratio | at most |  |",
        "|---|---:|---:|---:|---:|",
        "| a page | theirs | 0.12 | 0.25 | met |",
    ]


UVICORN = Scene(
    "requests under uvicorn",
    {
        "bare": over(None, 30),
        "bare: work": over(None, 20),
        "ours": over("bare", 60),
        "ours: work": over("bare: work", 50),
    },
    [],
    rounds=1,
)


def test_under_uvicorn_each_variant_stands_beside_the_bare_application() -> None:
    assert report.throughput(measure(UVICORN)).splitlines() == [
        "|  | bare | ours |",
        "|---|---:|---:|",
        "| requests per second, the bare application's = 1 | 1.00 | 0.50 |",
        "| processor time of the server per request, the bare application's = 1 | 1.00 | 2.50 |",
    ]


def test_processor_time_is_left_out_where_the_system_does_not_tell_it() -> None:
    times = measure(UVICORN)
    without = Times(times.scene, {name: least for name, least in times.best.items() if ":" not in name}, {})
    assert report.throughput(without).splitlines()[2:] == [
        "| requests per second, the bare application's = 1 | 1.00 | 0.50 |"
    ]


def test_the_readme_gets_the_headlines_and_the_shares_under_uvicorn() -> None:
    times = measure(UVICORN)
    text = report.main_table({"made up": measure(SCENE), "uvicorn": times})
    assert text.split("\n\n") == [
        report.RATIOS,
        "\n".join(
            (
                "| one request | ours | beside it |  | ratio |",
                "|---|---:|---:|---:|---:|",
                "| a request | 3.00 | 6.00 | theirs | 0.50 |",
            )
        ),
        "Under uvicorn, each in a process of its own:",
        report.throughput(times),
        f"Made by `python -m tests.bench --write` with {report.about()}.",
    ]


README = """\
# A title

<!-- bench -->
| an older | table |
<!-- /bench -->

The rest.
"""


def test_what_stands_between_the_markers_is_replaced_and_nothing_else() -> None:
    once = report.between_markers(README, "| the | new |\n|---|---|")
    assert once == ("# A title\n\n<!-- bench -->\n\n| the | new |\n|---|---|\n\n<!-- /bench -->\n\nThe rest.\n")
    assert report.between_markers(once, "| the | new |\n|---|---|") == once


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        "<!-- bench -->\nnever closed",
        "never opened\n<!-- /bench -->",
        "<!-- /bench -->\n<!-- bench -->",
        "<!-- bench -->\n<!-- /bench -->\n<!-- bench -->\n<!-- /bench -->",
        "in a line: <!-- bench --> <!-- /bench -->",
    ],
)
def test_without_its_markers_nothing_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="one line <!-- bench -->"):
        report.between_markers(text, "| the | new |")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with two made-up tables in the place of all."""
    monkeypatch.setattr(command, "IN_PROCESS", {"one": lambda: SCENE, "two": lambda: SCENE})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})


@pytest.mark.usefixtures("made_up")
def test_the_command_prints_every_table_and_what_it_cannot_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{report.RATIOS}\n\n{report.about()}\n\n### made up\n")
    assert printed.count("### made up\n") == 2
    assert all(f"\n- {budget}\n" in printed for budget in report.NOT_YET)


@pytest.mark.usefixtures("made_up")
def test_the_command_prints_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "two", "--quick"]) == 0
    assert capsys.readouterr().out.count("###") == 1


@pytest.mark.usefixtures("made_up")
def test_the_command_writes_into_the_file(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main(["--write", str(file)]) == 0
    written = file.read_text()
    assert "| a request | 3.00 | 6.00 | theirs | 0.50 |\n" in written
    assert "an older" not in written
    assert written.endswith("<!-- /bench -->\n\nThe rest.\n")


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--write", "plain.md"], "one line <!-- bench -->"),
        (["--write", "missing.md"], "No such file"),
        (["--write", "--only", "one"], "--write needs all tables"),
        (["--only", "three"], "invalid choice: 'three'"),
    ],
)
def test_the_command_refuses_before_it_measures(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.md").write_text("no markers")
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    assert complaint in captured.err


def test_a_table_that_fails_does_not_take_the_others_with_it_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> Scene:
        raise RuntimeError("the server did not come up")

    monkeypatch.setattr(command, "IN_PROCESS", {"one": fails, "two": lambda: SCENE})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main(["--write", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "### one\n\nNot measured: the server did not come up\n" in printed
    assert "### made up\n" in printed
    assert file.read_text() == README


def test_figures_without_every_peer_are_printed_but_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variants = {**SCENE.variants, "nobody: a request": Variant(lambda: peers.peer("no_such_package:Middleware"))}
    monkeypatch.setattr(command, "IN_PROCESS", {"one": lambda: Scene("made up", variants, ROWS, rounds=3)})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main([]) == 0
    assert command.main(["--write", str(file)]) == 1
    assert "Nothing was written" in capsys.readouterr().out
    assert file.read_text() == README


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
