"""The README's tables of ours and the peers: ours does what it should, and what is said of the peers is so."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, CORSMiddleware, TimingMiddleware

from .apps import raises, silent
from .asgi import App, drive
from .conformance import __main__ as command
from .conformance import auth, cors, every, request_id, sessions, table, timing
from .conformance.rows import FINE, Row, Seen, Topic, answered, cell, verdict
from .conformance.table import (
    OURS,
    TOPICS,
    able_to_fail,
    columns,
    differences,
    markdown,
    read,
    row_of,
    run,
    unexpected,
)
from .timed import Clock
from .writing import markers

BEGIN, END = markers(table.WORD)
README = Path(__file__).parent.parent / "README.md"
ROWS = [pytest.param(topic, row, id=f"{topic.title}: {row.sentence}") for topic in TOPICS for row in topic.rows]


@pytest.fixture(scope="module")
def written() -> Any:
    return read(README.read_text())


@pytest.mark.parametrize(("topic", "row"), ROWS)
def test_ours_does_what_it_should(topic: Topic, row: Row) -> None:
    assert cell(row, topic.ours) == row.ours


def test_the_readme_has_every_row_and_says_so_of_ours(written: Any) -> None:
    assert [*written] == [topic.title for topic in TOPICS]
    for topic in TOPICS:
        assert [*written[topic.title]] == [row.sentence for row in topic.rows]
        for row in topic.rows:
            cells = written[topic.title][row.sentence]
            assert [*cells] == columns(topic)
            assert cells[OURS] == row.ours
            assert [each for each, words in cells.items() if words] == [
                each for each in columns(topic) if each == OURS or topic.concerns(row, each)
            ]


@pytest.mark.peers
@pytest.mark.parametrize("topic", TOPICS, ids=[topic.title for topic in TOPICS])
def test_what_the_readme_says_of_the_peers_is_so(topic: Topic, written: Any) -> None:
    """Where a newer peer does otherwise: `python -m tests.conformance --write`."""
    assert differences(written, run([topic])) == []


# --- the checks can fail ----------------------------------------------------------------------------------------------


def copies_each_scope(app: App) -> App:
    async def copying(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope}, receive, send)

    return copying


def swallows(app: App) -> App:
    async def swallowing(scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(Exception):
            await app(scope, receive, send)

    return swallowing


def matches_beginnings(app: App, *, allow_origin_regex: str, **options: Any) -> App:
    return CORSMiddleware(
        app, **options, allow_origin_func=lambda origin, scope: bool(re.match(allow_origin_regex, origin))
    )


class Forgetful(request_id.Ours):
    def current(self) -> str | None:
        return None


class OfTheFirstByte(timing.Ours):
    @contextlib.contextmanager
    def measuring(self, app: App, clock: Clock, told: Any = None) -> Iterator[timing.Measured]:
        records: list[Any] = []

        class Sink:
            def ended(self, record: Any) -> None:
                records.append(timing.Observed(record.method, str(record.status), record.first_byte))

        yield TimingMiddleware(app, sinks=[Sink()], clock=clock), lambda: records


class OfOneUser(auth.Ours):
    def around(self, app: App, backend: Any) -> App:
        return AuthMiddleware(app, auth.Named("eve"))

    def bearer(self, app: App, secret: bytes = b"") -> App:
        return AuthMiddleware(app, auth.Named("eve"))


# For the rows in which nobody is seen to do otherwise.
BROKEN: dict[Any, Any] = {
    every.other_scopes: copies_each_scope,
    every.faults: swallows,
    cors.whole_expressions: matches_beginnings,
    request_id.within: Forgetful(),
    timing.streamed: OfTheFirstByte(),
    auth.starlettes_backends: OfOneUser(),
    auth.unsigned: OfOneUser(),
}


@pytest.mark.parametrize(("topic", "row"), ROWS)
def test_the_check_of_each_row_can_fail(topic: Topic, row: Row, written: Any) -> None:
    """With a peer, as the README says and the peers' own test proves; or with one that is broken on purpose."""
    assert able_to_fail(written, topic, row) is (row.check not in BROKEN)
    if row.check in BROKEN:
        assert verdict(row, BROKEN[row.check]) != FINE


def test_odd_sessions_reach_their_decoders() -> None:
    """A signature or an ID that is wrong already would be none for another reason."""
    cookies, store = sessions.OurCookies(), sessions.OurStore()
    visitor = sessions.Visitor(cookies)
    visitor.app, visitor.cookies["session"] = cookies.spoiled(visitor.answer, b'{"user": "ada"}')
    assert visitor.content() == {"user": "ada"}
    visitor.app, visitor.cookies["session"] = store.spoiled(visitor.answer, b"[1]")
    with sessions.logged() as records:
        assert visitor.content() == {}
    assert [" is not one of ours" in record.getMessage() for record in records] == [True]


# --- rows, cells and tables -------------------------------------------------------------------------------------------


def saying(words: str) -> str:
    if words == "crash":
        raise KeyError(words)
    if words == "seen":
        raise Seen("seen below")
    if words == "absent":
        raise ImportError(words)
    return words


SAYING = Row("a sentence", "a clause", saying)
CELLS = [
    ("one that is fine", {"a": FINE}, FINE),
    ("one that is not", {"a": "no"}, "no"),
    ("one that raises", {"a": "crash"}, "KeyError"),
    ("one that was seen further down", {"a": "seen"}, "seen below"),
    ("all fine", {"a": FINE, "b": FINE}, FINE),
    ("all the same", {"a": "no", "b": "no"}, "no"),
    ("some", {"a": "no", "b": FINE, "c": "crash", "d": "no"}, "a, d: no; c: KeyError"),
]


@pytest.mark.parametrize(("subjects", "words"), [row[1:] for row in CELLS], ids=[row[0] for row in CELLS])
def test_cells(subjects: dict[str, str], words: str) -> None:
    assert cell(SAYING, subjects) == words


def test_an_absent_peer_says_nothing() -> None:
    with pytest.raises(ImportError):
        cell(SAYING, {"a": "absent"})


def test_a_request_without_an_answer_is_seen() -> None:
    with pytest.raises(Seen, match="no response"):
        answered(drive(silent()))
    with pytest.raises(Seen, match="KeyError"):
        answered(drive(raises(KeyError("of the app"))))


SMALL = Topic(
    "A topic",
    {"ours": FINE},
    {"peer": {"peer": "no"}, "other": {"other": FINE}},
    (SAYING, Row("another", "", saying, peers=("other",)), Row("a third", "", saying, peers=())),
)


def block(topics: Any = (SMALL,)) -> str:
    return f"Before.\n\n{BEGIN}\n\n{markdown(run(topics), topics)}\n\n{END}\n\nAfter.\n"


@pytest.mark.peers
def test_what_is_written_can_be_read_again() -> None:
    assert (
        read(block())
        == run([SMALL])
        == {
            "A topic": {
                "a sentence": {"ours": FINE, "peer": "no", "other": FINE},
                "another": {"ours": FINE, "peer": "", "other": FINE},
                "a third": {"ours": FINE, "peer": "", "other": ""},
            }
        }
    )


def test_a_peer_that_is_mended_is_told() -> None:
    before, now = run([SMALL]), {"A topic": {row.sentence: row_of(SMALL, row, columns(SMALL)) for row in SMALL.rows}}
    assert differences(before, now) == []
    now["A topic"]["a sentence"]["peer"] = FINE
    assert differences(before, now) == ["A topic: a sentence: peer: written is 'no', seen is 'yes'"]


def test_a_row_that_is_not_written_is_told() -> None:
    seen = run([SMALL])
    fewer = {"A topic": {sentence: cells for sentence, cells in seen["A topic"].items() if sentence != "another"}}
    assert "A topic: the rows are others, or stand otherwise" in differences(fewer, seen)
    assert "A topic: another: other: written is None, seen is 'yes'" in differences(fewer, seen)


def test_what_ours_should_not_do_is_told() -> None:
    assert unexpected(run([SMALL]), [SMALL]) == []
    wrong = Topic("A topic", {"ours": "no"}, {}, (SAYING, Row("known", "", saying, ours="no")))
    assert unexpected(run([wrong]), [wrong]) == ["A topic: a sentence: no"]


# --- the command ------------------------------------------------------------------------------------------------------

EMPTY = f"Before.\n\n{BEGIN}\n\nan older one\n\n{END}\n\nAfter.\n"


@pytest.mark.peers
def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "README.md"
    file.write_text(EMPTY)
    assert command.main(["--write", str(file)]) == 0
    printed = capsys.readouterr().out.strip()
    assert file.read_text() == EMPTY.replace("an older one", printed)
    assert len(re.findall(r"^\| .* \|$", printed, re.MULTILINE)) == len(ROWS) + len(TOPICS)


@pytest.mark.peers
def test_nothing_is_written_where_ours_does_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "README.md"
    file.write_text(EMPTY)
    cells: Any = run()
    cells["CORS"][cors.TOPIC.rows[0].sentence][OURS] = "accepted"
    assert command.finish(cells, file) == 1
    assert f"- CORS: {cors.TOPIC.rows[0].sentence}: accepted\n" in capsys.readouterr().out
    assert file.read_text() == EMPTY


@pytest.mark.parametrize(("content", "complaint"), [("no markers", f"one line {BEGIN}"), (None, "No such file")])
def test_the_command_refuses_before_it_asks_anybody(
    content: str | None, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SystemExit) as caught:
        command.main(["--write", str(file)])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent() -> Any:
        raise ModuleNotFoundError("No module named 'starsessions'")

    monkeypatch.setattr(command, "run", absent)
    with pytest.raises(SystemExit) as caught:
        command.main([])
    assert caught.value.code == 2
    assert "No module named 'starsessions'; the peers come with the extra `bench`" in capsys.readouterr().err
