"""Every server with every framework, the stack of six between them, over real connections.

    python -m pytest -m hosts tests/hosts

Needs the extra `hosts`; what is not installed is skipped by name. At the end a table says what was proven, on which
versions. Each pair of server and framework is a process of its own that serves the stack's own object.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .broken import FAULTS
from .checks import CHECKS, ECHOED, TEXT, Client, Host, Reply, lifespan
from .content import ENDED, STARTED
from .exceptions import KNOWN, PARDONED, Known, Pardoned, known, pardoned
from .matrix import LIFESPAN, PAIRS, checked
from .servers import ALL, Fleet, Pair, Running
from .table import server_of

pytestmark = pytest.mark.hosts

BARE_ON = "uvicorn-h11"  # a body does not depend on the server that carries it
FAULT_PATIENCE = 2.0  # seconds: what is held back on purpose never comes


def cases(pair: Pair) -> list[Any]:
    """All that is asked of one pair. What is known to fail comes last, when the log has been read: it may log."""
    found = [(pair, protocol, word) for protocol in ALL[pair.kind].protocols for word in checked(pair, protocol)]
    found.sort(key=lambda case: (known(pair, case[2]) is not None, case[2] == "log"))
    return [pytest.param(*case, id="-".join([named(pair), *case[1:]])) for case in found]


def named(pair: Pair) -> str:
    return "-".join(pair if pair.stack != "six" else pair[:2])


# Those of one pair stand together, so that its server runs once.
CASES = [case for pair in PAIRS for case in cases(pair)]

Bare = Callable[[str], dict[str, Reply]]


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """All servers, started in the order of the tests that were chosen."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    pairs = [spec.params["pair"] for spec in specs if spec and "pair" in spec.params]
    # Each application's bare server is needed first of all.
    order = [each for pair in pairs for each in (Pair(BARE_ON, pair.app, "none"), pair)]
    running = Fleet(tmp_path_factory.mktemp("hosts"), order)
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
                found = {path: client.ask("GET", path) for path in ("/json", "/stream", "/nowhere")}
                found["/echo"] = client.ask("POST", "/echo", TEXT, ECHOED)
            assert [reply.header("x-request-id") for reply in found.values()] == [[], [], [], []], "there is a stack"
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
    host = Host(running.url, bare(pair.app), protocol, printed=running.printed, pardoned=pardoned(pair.kind))
    exception = known(pair, word)
    if exception is None:
        CHECKS[word](host)
    else:
        with pytest.raises(Exception):  # noqa: B017, PT011  # what fails where is the host's own business
            CHECKS[word](host)
        exception.proof(fleet.get(exception.bare))
    record_property("proven", (*pair, protocol, word, exception and exception.reason))


@pytest.mark.parametrize("pair", PAIRS, ids=[named(pair) for pair in PAIRS])
def test_a_lifespan_is_untouched(pair: Pair, fleet: Fleet, record_property: Callable[[str, object], None]) -> None:
    """By what those printed that have been tested and were stopped."""
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    printed = fleet.ended(pair).printed()
    exception = known(pair, LIFESPAN)
    if exception is None:
        lifespan(printed)
    else:
        with pytest.raises(AssertionError):
            lifespan(printed)
        exception.proof(fleet.get(exception.bare))
    record_property("proven", (*pair, ALL[pair.kind].protocols[0], LIFESPAN, exception and exception.reason))


@pytest.mark.parametrize("row", KNOWN, ids=[row.reason for row in KNOWN])
def test_the_proof_of_an_exception_can_fail(row: Known, fleet: Fleet) -> None:
    """Where the thing works, the proof says so: nothing is excused for ever."""
    with pytest.raises(AssertionError):
        row.proof(fleet.get(row.works))


@pytest.mark.parametrize("row", PARDONED, ids=[row.reason for row in PARDONED])
def test_what_is_pardoned_is_still_logged(row: Pardoned, fleet: Fleet, proves: Callable[..., None]) -> None:
    for kind in row.kinds:
        pair = Pair(kind, "raw", "none")
        row.proof(fleet.get(pair), row.line)
        proves(server_of(pair), lacks=row.reason)


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


@pytest.mark.parametrize("lines", [[], [STARTED], [ENDED], [ENDED, STARTED], [STARTED, STARTED, ENDED]])
def test_the_check_of_a_lifespan_can_fail(lines: list[str]) -> None:
    with pytest.raises(AssertionError):
        lifespan("\n".join(["INFO: up", *lines, "INFO: down"]))
    lifespan(f"INFO: up\n{STARTED}\nINFO: asked\n{ENDED}\n")
