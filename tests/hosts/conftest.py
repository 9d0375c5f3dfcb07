"""Prints, at the end of a run, which host was proven with what, on which versions."""

from collections import defaultdict

import pytest

pytest.register_assert_rewrite("tests.hosts.checks")

from .checks import CHECKS, H1_ONLY  # noqa: E402  # its asserts are rewritten from here on
from .exceptions import KNOWN, PARDONED  # noqa: E402  # it imports the checks
from .servers import APPS, KINDS, version  # noqa: E402  # it stands with the others

# kind, protocol -> app -> word -> whether it is a known exception
Proven = defaultdict[tuple[str, str], defaultdict[str, dict[str, bool]]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    proven: Proven = defaultdict(lambda: defaultdict(dict))
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "proven":
                kind, app, protocol, word, exception = value
                proven[kind, protocol][app][word] = exception
    if proven:
        terminalreporter.section("hosts proven, the stack of six between server and application")
        for line in table(proven):
            terminalreporter.write_line(line)


def table(proven: Proven) -> list[str]:
    """The checks that held, of those that there are; `!` marks pairs with a named exception."""
    apps = [app for app in APPS if any(app in row for row in proven.values())]
    rows = [["", *(f"{app} {version(app)}" if app != "raw" else "raw ASGI" for app in apps)]]
    for (kind, protocol), row in proven.items():
        asked = [word for word in CHECKS if protocol == "h1" or word not in H1_ONLY]
        cells = [_cell(row[app], len(asked)) if app in row else "-" for app in apps]
        rows.append([f"{kind} {version(KINDS[kind].package)} {protocol}", *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["", f"checks: {' '.join(CHECKS)}", f"over h2, all but: {' '.join(sorted(H1_ONLY))}"]
    lines += [f"! {each.kind or 'all'}, {each.app or 'all'}: {each.reason}" for each in KNOWN]
    lines += [f"  {', '.join(each.kinds)}: {each.reason}; this is let pass" for each in PARDONED]
    return lines


def _cell(words: dict[str, bool], asked: int) -> str:
    held = sum(not exception for exception in words.values())
    return f"{held}/{asked}" + (" !" if held < len(words) else "")
