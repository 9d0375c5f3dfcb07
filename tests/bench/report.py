"""Markdown of what was measured."""

import platform
from collections.abc import Mapping, Sequence

from . import peers
from .measuring import Times, ratio

WORD = "bench"  # of its markers

RATIOS = (
    "All figures are ratios within one run. `ours` and `beside it` are the cost that is added to the bare application, "
    "1 being an empty pass-through wrapper; the next column is the one to the other."
)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column is text, the others are numbers or short words."""
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def who(variant: str) -> str:
    """Whose variant it is: they are named `who: what`."""
    return variant.partition(":")[0]


def table(times: Times) -> str:
    """One table in full, with its budgets, and what was left out of it."""
    in_wrappers = "empty" in times.best
    head = ["", "ours", "beside it", "", "ratio", "at most", ""] if in_wrappers else ["", "to", "ratio", "at most", ""]
    rows = []
    for figure in times.figures():
        limit = "" if figure.row.at_most is None else f"{figure.row.at_most:.2f}"
        costs = [_number(figure.ours), _number(figure.peer)] if in_wrappers else []
        rows.append([figure.row.what, *costs, who(figure.row.peer), _number(figure.ratio), limit, figure.verdict])
    lines = [f"### {times.scene.title}", "", *markdown(head, rows)]
    missing = {who(name): reason for name, reason in times.missing.items()}
    lines += [f"\nLeft out: {name} ({reason})" for name, reason in missing.items()]
    return "\n".join(lines)


def throughput(times: Times) -> str:
    """What stands beside a table under uvicorn: each variant to the bare application."""
    names = [name for name in times.best if ":" not in name]
    shares = [_number(ratio(times.best["bare"], times.best[name])) for name in names]
    rows = [["requests per second, the bare application's = 1", *shares]]
    if all(f"{name}: work" in times.best for name in names):
        work = [_number(ratio(times.best[f"{name}: work"], times.best["bare: work"])) for name in names]
        rows.append(["processor time of the server per request, the bare application's = 1", *work])
    return "\n".join(markdown(["", *names], rows))


def about() -> str:
    """What was measured with what."""
    installed = ", ".join(f"{name} {version}" for name, version in peers.versions().items())
    return f"{platform.python_implementation()} {platform.python_version()}, {installed}"


def main_table(measured: Mapping[str, Times]) -> str:
    """What stands in the README: the headlines of all tables, and the shares under uvicorn."""
    rows: list[list[str]] = []
    for times in measured.values():
        for figure in times.figures():
            if figure.row.headline:
                costs = [_number(figure.ours), _number(figure.peer), who(figure.row.peer)]
                rows.append([figure.row.what, *costs, _number(figure.ratio)])
    parts = [RATIOS, "\n".join(markdown(["one request", "ours", "beside it", "", "ratio"], rows))]
    if "uvicorn" in measured:
        parts += ["Under uvicorn, each in a process of its own:", throughput(measured["uvicorn"])]
    parts.append(f"Made by `python -m tests.bench --write` with {about()}.")
    return "\n\n".join(parts)
