"""Every server with every framework, the stack of six between them, over real connections.

    python -m pytest -m hosts tests/hosts

Needs the extra `hosts`; what is not installed is skipped by name. At the end a table says what was proven, on which
versions. Each pair of server and framework is a process of its own that serves the stack's own object.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .broken import FAULTS
from .checks import CHECKS, ECHOED, H1_ONLY, TEXT, Client, Host, Reply
from .exceptions import KNOWN, PARDONED, Known, Pardoned, known
from .servers import APPS, KINDS, Fleet, Pair, Running

pytestmark = pytest.mark.hosts

BARE_ON = "uvicorn-h11"  # a body does not depend on the server that carries it
FAULT_PATIENCE = 2.0  # seconds: what is held back on purpose never comes


def cases(pair: Pair) -> list[Any]:
    """All that is asked of one pair. What is known to fail comes last, when the log has been read: it may log."""
    asked = [
        (pair, protocol, word)
        for protocol in KINDS[pair.kind].protocols
        for word in CHECKS
        if protocol == "h1" or word not in H1_ONLY
    ]
    asked.sort(key=lambda case: (known(pair, case[2]) is not None, case[2] == "log"))
    return [pytest.param(*case, id="-".join([*case[0][:2], *case[1:]])) for case in asked]


# Those of one pair stand together, so that its server runs once.
CASES = [case for kind in KINDS for app in APPS for case in cases(Pair(kind, app))]

Bare = Callable[[str], dict[str, Reply]]


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """All servers, started in the order of the tests that were chosen."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    running = Fleet(
        tmp_path_factory.mktemp("hosts"), [spec.params["pair"] for spec in specs if spec and "pair" in spec.params]
    )
    yield running
    running.close()


@pytest.fixture(scope="module")
def bare(fleet: Fleet) -> Bare:
    """What each application answers without the stack, asked once."""
    answers: dict[str, dict[str, Reply]] = {}

    def ask(app: str) -> dict[str, Reply]:
        if app not in answers:
            server = fleet.get(Pair(BARE_ON, app, "none"))
            with Client(Host(server.url, {})) as client:
                found = {path: client.ask("GET", path) for path in ("/json", "/stream")}
                found["/echo"] = client.ask("POST", "/echo", TEXT, ECHOED)
            assert [reply.header("x-request-id") for reply in found.values()] == [[], [], []], "there is a stack"
            answers[app] = found
        return answers[app]

    return ask


@pytest.mark.parametrize(("pair", "protocol", "word"), CASES)
def test_a_host_works(
    pair: Pair, protocol: str, word: str, fleet: Fleet, bare: Bare, record_property: Callable[[str, object], None]
) -> None:
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    if protocol == "h2":
        pytest.importorskip("httpx", reason="the client of HTTP/2 is httpx, of the extra `hosts`")
        pytest.importorskip("h2", reason="HTTP/2 needs h2, of the extra `hosts`")
    running = fleet.current(pair)
    pardoned = tuple(each.line for each in PARDONED if pair.kind in each.kinds)
    host = Host(running.url, bare(pair.app), protocol, printed=running.printed, pardoned=pardoned)
    exception = known(pair, word)
    if exception is None:
        CHECKS[word](host)
    else:
        with pytest.raises(Exception):  # noqa: B017, PT011  # what fails where is the host's own business
            CHECKS[word](host)
        exception.proof(fleet.get(exception.bare))
    record_property("proven", (pair.kind, pair.app, protocol, word, exception is not None))


@pytest.mark.parametrize("row", KNOWN, ids=[f"{row.kind or 'all'}-{row.app or 'all'}" for row in KNOWN])
def test_the_proof_of_an_exception_can_fail(row: Known, fleet: Fleet) -> None:
    """Where the thing works, the proof says so: nothing is excused for ever."""
    with pytest.raises(AssertionError):
        row.proof(fleet.get(Pair(BARE_ON, "raw", "none")))


@pytest.mark.parametrize("row", PARDONED, ids=[row.reason for row in PARDONED])
def test_what_is_pardoned_is_still_logged(row: Pardoned, fleet: Fleet) -> None:
    for kind in row.kinds:
        row.proof(fleet.get(Pair(kind, "raw", "none")), row.line)


@pytest.fixture(scope="module")
def faulty(fleet: Fleet) -> Running:
    """What is broken on purpose, on the server that looks at responses least."""
    pair = Pair("uvicorn-httptools", "broken", "none")
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    return fleet.get(pair)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_checks_can_fail(fault: str, faulty: Running, bare: Bare) -> None:
    """Each fault is noticed by the checks that are about it, and by no others."""
    host = Host(f"{faulty.url}/{fault}", bare("django" if fault == "naive" else "raw"), patience=FAULT_PATIENCE)
    # Django has no WebSockets, whatever compresses it; the log is one for all faults.
    words = [word for word in CHECKS if word != "log" and not (fault == "naive" and word in ("socket", "accept"))]
    failed = set()
    for word in words:
        try:
            CHECKS[word](host)
        except Exception:
            failed.add(word)
    assert failed == FAULTS[fault][1]


@pytest.mark.parametrize(
    "line",
    ["Traceback (most recent call last):", "2026-11-22 ERROR    something", "[ERROR] something", "ValueError: no"],
)
def test_the_check_of_the_log_can_fail(line: str) -> None:
    def check(*, pardoned: tuple[str, ...] = ()) -> None:
        CHECKS["log"](Host("", {}, printed=lambda: f"INFO: all is well\n{line}\n", pardoned=pardoned))

    with pytest.raises(AssertionError):
        check()
    check(pardoned=(line,))
