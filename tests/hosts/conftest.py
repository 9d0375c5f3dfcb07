"""Prints, at the end of a run, which host was proven with what, on which versions."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.hosts.checks")

from .checks import CHECKS, H1_ONLY  # noqa: E402  # its asserts are rewritten from here on
from .exceptions import KNOWN, PARDONED  # noqa: E402  # it imports the checks
from .matrix import asked  # noqa: E402  # it imports them too
from .servers import ALL, APPS, Pair, version  # noqa: E402  # it stands with the others
from .table import Evidence, Proof  # noqa: E402  # and this

# kind, stack, protocol -> app -> word -> why it is not to be had, if it is not
Proven = defaultdict[tuple[str, str, str], defaultdict[str, dict[str, str | None]]]


@pytest.fixture
def proves(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Says what a test proves of a host, for the README's table: the fields of `table.Proof`."""

    def tell(host: str, *facts: str, **more: Any) -> None:
        proof = Proof(host, facts, **more)
        Evidence().add(proof)  # raises here, where it is said, and not at the end of the run
        record_property("proves", tuple(proof))

    return tell


@pytest.fixture
def current_loop() -> Iterator[None]:
    """A current event loop, for which Mangum asks; a Lambda process has one for all of its invocations."""
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    yield
    asyncio.set_event_loop(None)
    own.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    proven: Proven = defaultdict(lambda: defaultdict(dict))
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "proven":
                kind, app, stack, protocol, word, reason = value
                proven[kind, stack, protocol][app][word] = reason
    if proven:
        terminalreporter.section("hosts proven, the stack of six between server and application")
        for line in table(proven):
            terminalreporter.write_line(line)


def table(proven: Proven) -> list[str]:
    """The checks that held, of those that there are; `!` marks pairs with a named exception."""
    apps = [app for app in APPS if any(app in row for row in proven.values())]
    rows = [["", *(f"{app} {version(app)}" if app != "raw" else "raw ASGI" for app in apps)]]
    for (kind, stack, protocol), row in proven.items():
        cells = [_cell(row[app], len(asked(Pair(kind, app, stack), protocol))) if app in row else "-" for app in apps]
        own = " in its own list" if stack == "native" else ""
        rows.append([f"{kind} {version(ALL[kind].package)} {protocol}{own}", *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["", f"checks: {' '.join(CHECKS)} lifespan", f"over h2 and h3, all but: {' '.join(sorted(H1_ONLY))}"]
    lines += [f"! {each.kind or 'all'}, {each.app or 'all'}: {each.reason}" for each in KNOWN]
    lines += [f"  {', '.join(each.kinds)}: {each.reason}; this is let pass" for each in PARDONED]
    return lines


def _cell(words: dict[str, str | None], asked: int) -> str:
    held = sum(reason is None for reason in words.values())
    return f"{held}/{asked}" + (" !" if held < len(words) else "")
