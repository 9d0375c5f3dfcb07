"""The request's ID under every server: in the response, in every line about the request, wherever it is asked for.

    python -m pytest -m hosts tests/hosts/test_request_id_on_hosts.py

Each server is started once, with its access log, and asked everything under several policies at the same time: ours,
and those that are known to be wrong somewhere, which shows that the checks can tell. What remains wrong with ours for
the server's own reasons is named in `REMAINS`, and the tests assert that it still is.
"""

import functools
import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from .logged.client import Site
from .logged.lines import NONE, Line, read
from .servers import KINDS, Fleet, Pair, Running

pytest.register_assert_rewrite("tests.hosts.logged.checks")

from .logged.checks import CHECKS  # noqa: E402  # its asserts are rewritten from here on

pytestmark = pytest.mark.hosts

# What a command line would say. On uvloop, uvicorn would not go on reading in the context of a request.
ENVIRONMENT = {
    "GRANIAN_LOG_ACCESS_ENABLED": "true",
    "GUNICORN_CMD_ARGS": "--access-logfile -",
    "UVICORN_LOOP": "asyncio",
}
AT_ONCE = 4  # checks: more would only share the two cores

_TICK = "Daphne looks once in a second for what raised, in no request's context, or in that of any"
REMAINS: dict[str, dict[str, str]] = {
    "granian": {
        "accept": "Granian sends no headers of websocket.accept",
        "socket_lines": "Granian writes the line of a WebSocket before it calls the application",
    },
    "daphne": {
        "crash": _TICK,
        "bare_crash": _TICK,
        "crash_after": _TICK,
        "socket_crash": _TICK,
        "accept": "Daphne sends no headers of websocket.accept",
        "denial": "Daphne offers no denial response, and refuses by itself",
        "socket_lines": "Daphne tells of a WebSocket's beginning and end outside of the application",
    },
    "gunicorn": {"denial": "gunicorn offers no denial response, and refuses by itself"},
}

# Which checks find the other policies out, by server.
ALL = frozenset(CHECKS)
ERRORS = frozenset({"crash", "bare_crash", "crash_after", "silence_after", "socket_crash"})
SOCKETS = frozenset({"accept", "denial", "socket", "socket_lines", "socket_crash"})
FAILS: dict[tuple[str, str], frozenset[str]] = {
    # Taken back in any case: nothing is left for what the server writes after the application.
    ("always", "uvicorn-h11"): ERRORS,
    ("always", "uvicorn-httptools"): ERRORS,
    ("always", "hypercorn"): ERRORS,
    ("always", "granian"): ALL - {"denial", "socket"},
    ("always", "gunicorn"): ALL - {"accept", "socket", "socket_lines"},
    ("always", "daphne"): frozenset(REMAINS["daphne"]),
    # Never taken back: what is called inside leaves its own.
    ("never", "uvicorn-h11"): frozenset({"nested"}),
    # Kept where it is there already: uvicorn begins a request in the context of another.
    ("kept", "uvicorn-h11"): frozenset({"crash_after", "silence_after", "pipelined", "uploads", "nested", "bound"}),
    # A task of its own is between the server and what is set.
    ("based", "uvicorn-h11"): ALL - SOCKETS,
    ("none", "uvicorn-h11"): ALL,
}

CASES = [pytest.param(kind, word, id=f"{kind}-{word}") for kind in KINDS for word in CHECKS]


@dataclass
class Found:
    """What came of one server: who failed which check, the requests by policy, and its end."""

    server: Running
    failures: dict[tuple[str, str], AssertionError]
    sites: dict[str, Site]
    stopped: Future[None]

    def printed(self) -> str:
        """All that it ever printed."""
        self.stopped.result()
        return self.server.printed()


Find = Callable[[str], Found]


def checked() -> list[str]:
    """The checks that can be made here."""
    return [word for word in CHECKS if word != "bound" or importlib.util.find_spec("structlog")]


def ask(sites: dict[str, Site]) -> dict[tuple[str, str], AssertionError]:
    """Make all checks of a server's policies; which failed, and why."""
    failures: dict[tuple[str, str], AssertionError] = {}

    def check(case: tuple[str, str]) -> None:
        policy, word = case
        try:
            CHECKS[word](sites[policy])
        except AssertionError as failure:
            failures[case] = failure

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(check, [(policy, word) for word in checked() for policy in sites]))
    return failures


@pytest.fixture(scope="module")
def find(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Find]:
    """What came of a server, asked once. All that will be needed are started at the beginning, some at a time."""
    specs: list[Any] = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    kinds = dict.fromkeys(spec.params.get("kind") for spec in specs if spec)
    pairs = [pair for kind in KINDS if kind in kinds and (pair := Pair(kind, "logged", "none")).missing() is None]
    fleet = Fleet(tmp_path_factory.mktemp("logged"), pairs)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as stopping:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for pair in pairs:
            fleet.begin(pair)

        @functools.cache
        def find(kind: str) -> Found:
            server = fleet.get(Pair(kind, "logged", "none"))
            policies = ["ours", *(policy for policy, on in FAILS if on == kind)]
            sites = {policy: Site(server, policy) for policy in policies}
            return Found(server, ask(sites), sites, stopping.submit(server.stop))

        yield find
    fleet.close()


def present(kind: str) -> None:
    if missing := Pair(kind, "django").missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")


@pytest.mark.parametrize(("kind", "word"), CASES)
def test_a_fact_holds(kind: str, word: str, find: Find) -> None:
    present(kind)
    if word not in checked():
        pytest.skip("structlog is not installed")
    failure = find(kind).failures.get(("ours", word))
    if word in REMAINS.get(kind, {}):
        assert failure is not None, f"no longer so: {REMAINS[kind][word]}"
    elif failure is not None:
        raise failure


@pytest.mark.parametrize(("policy", "kind"), FAILS, ids="-".join)
def test_the_checks_can_fail(policy: str, kind: str, find: Find) -> None:
    """Each policy is found out by the checks that are about its fault, and by no others."""
    present(kind)
    failed = {word for by, word in find(kind).failures if by == policy}
    assert failed == FAILS[policy, kind] & set(checked())


def strangers(found: Found, policy: str) -> list[tuple[str, Line]]:
    """The lines about a request of this policy that carry the ID of another one, each with its word."""
    site = found.sites[policy]
    strange: list[tuple[str, Line]] = []
    for line in read(found.printed()):
        for token in line.tokens:
            # What was asked inside is its own ID, and stands under the request that asked.
            known = token.rstrip("n") in site.asked
            if known and line.ids[site.column] not in (site.asked.get(token, token), NONE):
                strange.append((site.word(line), line))
    return strange


@pytest.mark.parametrize("kind", KINDS)
def test_no_line_of_a_request_carries_the_id_of_another(kind: str, find: Find) -> None:
    """All lines that were ever written, whatever was asked at the same time."""
    present(kind)
    lines = strangers(find(kind), "ours")
    if kind == "daphne":  # what it writes when it looks, and when a connection ends: see REMAINS
        lines = [(word, line) for word, line in lines if word not in ("error", "disconnected")]
        lines = [(word, line) for word, line in lines if "/raw/crash" not in line.text]
    assert [line for _, line in lines] == []


def test_the_look_for_strangers_can_fail(find: Find) -> None:
    present("uvicorn-h11")
    assert {word for word, _ in strangers(find("uvicorn-h11"), "always")} == {"error", "access"}
    assert {word for word, _ in strangers(find("uvicorn-h11"), "kept")} >= {"inside", "access", "error"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_lifespan_has_no_id(kind: str, find: Find) -> None:
    present(kind)
    lines = {line.text: line.ids["ours"] for line in read(find(kind).printed()) if line.text in ("startup", "shutdown")}
    assert lines == ({} if kind == "daphne" else {"startup": NONE, "shutdown": NONE})  # Daphne runs none


def test_daphne_writes_no_id_into_its_own_access_line(find: Find) -> None:
    """It asks no logger, so no filter is asked either. Where it writes the line, the ID is known: see `given`."""
    present("daphne")
    found = find("daphne")
    made = {token: value for token, value in found.sites["ours"].asked.items() if token != value}
    own = [line for line in found.printed().splitlines() if line.startswith("127.0.0.1:") and "/ours/tok-" in line]
    assert {token for token in made if any(f"/{token}/" in line for line in own)} == set(made)
    assert [line for line in own if any(value in line for value in made.values())] == []
