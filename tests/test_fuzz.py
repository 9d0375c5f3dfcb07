"""The two-sided fuzz: 500 cases for every middleware here, more in `.ci/run`; and the fuzz itself put to the test."""

from typing import Any

import pytest
from starlette.middleware.gzip import GZipMiddleware as StarletteGZip
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions

from .asgi import App
from .fuzz.check import Served, bare, check, shrunk
from .fuzz.scenario import Scenario, generate
from .subjects import SECRET, SUBJECTS, Wrap
from .test_contract import BROKEN

SEED = 1
CASES = 500


def first_finding(wrap: Wrap, cases: int) -> tuple[int, Scenario, list[str]] | None:
    served = Served(wrap)
    for number in range(cases):
        scenario = generate(SEED, number)
        found = check(served, scenario)
        if found:
            return number, scenario, found
    return None


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_case_finds_anything(subject: str) -> None:
    found = first_finding(SUBJECTS[subject], CASES)
    if found is not None:
        number, scenario, what = found
        smallest = shrunk(SUBJECTS[subject], scenario, what[0].partition(":")[0])
        pytest.fail(f"seed {SEED}, case {number}: {what}\nsmallest: {smallest}")


def test_no_middleware_at_all_gives_nothing() -> None:
    """The control: what is found comes from the middleware, not from the generator or the checks."""
    assert first_finding(bare, 2 * CASES) is None


class NumbersResponses:
    """Leaves something to the next request."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.number = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.number += 1

        async def numbering(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"x-number", b"%d" % self.number)]}
            await send(message)

        await self.app(scope, receive, numbering)


def test_what_is_left_to_the_next_request_is_found_where_a_middleware_is_built_once() -> None:
    found = first_finding(NumbersResponses, CASES)
    assert found is not None
    assert "law: a run before it matters" in found[2]
    assert not any(check(NumbersResponses, generate(SEED, number)) for number in range(CASES))


# What only other checks can see: a copied scope is legal, one request after the other mixes nothing up, and no loop is
# running here.
INVISIBLE = {
    "CallsItsScopeOtherwise",
    "CopiesEveryScope",
    "ForgetsWebSockets",
    "KeepsTheRequest",
    "MixesRequestsUp",
    "NeedsAsyncio",
    "StandsOnlyOnce",
}
VISIBLE = {broken.__name__: broken for _, broken in BROKEN if broken.__name__ not in INVISIBLE}


@pytest.mark.parametrize("name", sorted(VISIBLE))
def test_a_broken_middleware_is_found(name: str) -> None:
    assert first_finding(VISIBLE[name], CASES) is not None


def test_the_invisible_ones_exist() -> None:
    assert {broken.__name__ for _, broken in BROKEN} >= INVISIBLE


PEERS: dict[str, tuple[Wrap, str]] = {
    "Starlette's GZipMiddleware": (lambda app: StarletteGZip(app), "error"),
    "Starlette's SessionMiddleware": (lambda app: StarletteSessions(app, SECRET), "scope"),
}


@pytest.mark.parametrize("peer", PEERS)
def test_what_is_known_of_a_peer_is_found(peer: str) -> None:
    """Its GZipMiddleware crashes on headers in a tuple, its SessionMiddleware writes into the server's scope."""
    wrap, kind = PEERS[peer]
    found = (finding for number in range(CASES) for finding in check(wrap, generate(SEED, number)))
    assert any(finding.startswith(f"{kind}:") for finding in found)


def test_a_finding_is_cut_down() -> None:
    found = first_finding(lambda app: StarletteGZip(app), CASES)
    assert found is not None
    _, scenario, what = found
    kind = what[0].partition(":")[0]
    smallest = shrunk(lambda app: StarletteGZip(app), scenario, kind)
    assert any(finding.startswith(kind) for finding in check(lambda app: StarletteGZip(app), smallest))
    assert len(repr(smallest)) <= len(repr(scenario))
    assert not any(
        finding.startswith(kind)
        for less in smallest.smaller()
        for finding in check(lambda app: StarletteGZip(app), less)
    )


def test_a_seed_gives_the_same_case_for_ever() -> None:
    assert generate(3, 7) == generate(3, 7)
    assert len({repr(generate(3, number)) for number in range(200)}) > 150
