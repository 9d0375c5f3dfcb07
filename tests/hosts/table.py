"""The README's table of hosts: what one run has proven of each. Nothing in it is written by hand.

Tests of a server with an application are told apart by their pairs; all others say what they have proven by the fixture
`proves`. Whatever is said is kept on the test's report, and counts where the test has passed.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .servers import Pair, version

WORD = "hosts"  # of its markers

# As the table calls them, in its order, and the distributions whose versions it gives.
SERVERS = {
    "uvicorn": "uvicorn",
    "Hypercorn": "hypercorn",
    "Granian": "granian",
    "Daphne": "daphne",
    "gunicorn": "gunicorn",
}
FRAMEWORKS = {
    "Starlette": "starlette",
    "FastAPI": "fastapi",
    "Django": "django",
    "Litestar": "litestar",
    "Quart": "quart",
    "Falcon": "falcon",
    "BlackSheep": "blacksheep",
    "Sanic": "sanic",
    "Channels": "channels",
}
OTHERS = {
    "Mangum": "mangum",
    "Datasette": "datasette",
    "datasette-auth-github": "datasette-auth-github",
    "Strawberry": "strawberry-graphql",
    "tartiflette-asgi": "tartiflette-asgi",
    "Databases": "databases",
    "sse-starlette": "sse-starlette",
    "HTTPX": "httpx",
    "httpx2": "httpx2",
    "Bocadillo": "bocadillo",
}
HOSTS = {**SERVERS, **FRAMEWORKS, **OTHERS}

# What can be proven, in the order in which it is told; and which checks of a pair decide it.
FACTS = ("bodies", "session", "SSE", "WebSocket", "lifespan", "trio", "GraphQL", "subscriptions", "CSV", "login")
DECIDED = {"json": "bodies", "visits": "session", "events": "SSE", "socket": "WebSocket", "lifespan": "lifespan"}
PROTOCOLS = {"h1": "HTTP/1.1", "h2": "2", "h3": "3"}

HEAD = ("host", "version", "with", "proven", "not there, and why")
WORDS = (
    "`bodies`: they arrive as without the stack, compressed and not, with one right Content-Length or none, and the "
    "Vary and CORS headers. `session`: it is kept from request to request. SSE, WebSocket (over HTTP/1.1), lifespan: "
    "nothing is held back, and nothing is missing. `trio`: so it is under trio."
)


class Proof(NamedTuple):
    """What a passed test says of a host; it stands on the test's report, so it is made of plain values."""

    host: str
    facts: Sequence[str] = ()
    beside: str | None = None  # what it was run with
    protocol: str | None = None
    lacks: str | None = None  # what is not to be had there, and why
    version: str | None = None  # where it is not the one of this environment


@dataclass
class Row:
    """All that is known of one host."""

    facts: set[str] = field(default_factory=set)
    beside: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    version: str | None = None


class Evidence:
    """What the tests of one run have said. It is also a plugin of pytest."""

    def __init__(self) -> None:
        self.rows = {host: Row() for host in HOSTS}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            for name, value in report.user_properties:
                if name == "proves":
                    self.add(Proof(*value))
                elif name == "proven":
                    for proof in of_pair(*value):
                        self.add(proof)

    def add(self, proof: Proof) -> None:
        """ValueError for a host or a fact that the table does not have."""
        row = self.rows.get(proof.host)
        if row is None or not set(proof.facts) <= set(FACTS):
            raise ValueError(f"the table has no row or no word for {proof}")
        row.facts |= set(proof.facts)
        row.version = proof.version or row.version
        told = (proof.beside, row.beside), (proof.protocol, row.protocols), (proof.lacks, row.lacks)
        for text, known in told:
            if text is not None and text not in known:
                known.append(text)

    def missing(self) -> list[str]:
        """The hosts of which nothing was proven."""
        return [host for host, row in self.rows.items() if not row.facts]

    def markdown(self) -> str:
        """The table, what its words mean above it, and below it what it was made with."""
        lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
        lines += [f"| {' | '.join(self._cells(host))} |" for host in HOSTS]
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return "\n".join([WORDS, "", *lines, "", f"Made by `python -m tests.hosts --write` with {python}."])

    def _cells(self, host: str) -> list[str]:
        row = self.rows[host]
        facts = ", ".join(fact for fact in FACTS if fact in row.facts)
        over = ", ".join(spoken for spoken in PROTOCOLS.values() if spoken in row.protocols)
        run_with = beside(row.beside) + (f" over {over}" if over else "")
        return [host, row.version or version(HOSTS[host]), run_with, facts, "; ".join(row.lacks)]


def beside(names: Sequence[str]) -> str:
    """What a host was run with: by name, or by number where they are many."""
    for kind, known in (("servers", SERVERS), ("frameworks", FRAMEWORKS)):
        if len(names) > 3 and set(names) <= set(known):
            return f"{len(names)} {kind}"
    return ", ".join(names)


def of_pair(kind: str, app: str, stack: str, protocol: str, word: str, reason: str | None) -> list[Proof]:
    """What one check of a server with an application says of both; `reason`: why it is not to be had there."""
    server = server_of(Pair(kind, app, stack))
    host = _called(HOSTS, "sse-starlette" if app == "sse" else app)  # None: an application without a framework
    if reason is not None:
        return [Proof(each, lacks=reason) for each in (server, host) if each is not None and each in reason]
    facts = [DECIDED[word]] if word in DECIDED else []
    if kind.endswith("-trio") and word == "json":
        facts.append("trio")
    proofs = [Proof(server, facts, host if host in FRAMEWORKS else None, PROTOCOLS[protocol])]
    if host is not None:
        proofs.append(Proof(host, facts, server))
    return proofs


def server_of(pair: Pair) -> str:
    """A pair's server, as the table calls it."""
    return next(name for name, package in SERVERS.items() if package == pair.kind.partition("-")[0])


def _called(names: Mapping[str, str], distribution: str) -> str | None:
    return next((name for name, each in names.items() if each == distribution), None)
