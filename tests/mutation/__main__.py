"""The command line of the mutation tests, and the runs in forked children."""

import argparse
import ast
import contextlib
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .equivalent import EQUIVALENT
from .mutants import Mutant, has_functions, mutants, planted

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "asgi_middleware"
# Modules whose tests bear another name.
TESTED_AS = {"origins": "cors"}
AT_ONCE = 2
MEMORY = 4 << 30  # bytes of address space for one child
NOT_IMPORTED = 100  # exit status: the mutant breaks the import itself, so it is none
KILLED, TOO_SLOW, SURVIVED, NO_MUTANT = "killed", "too slow", "survived", "no mutant"


class Source(importlib.machinery.SourceFileLoader):
    """Imports one module from a syntax tree in place of its file."""

    tree: ast.Module

    def get_code(self, fullname: str) -> Any:
        return compile(ast.fix_missing_locations(self.tree), self.path, "exec")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )


@dataclass
class Subject:
    """One file, and the tests that must tell its mutants from it."""

    path: Path
    tests: list[Path]
    killers: list[str] = field(default_factory=list)  # the tests that told last, run first
    failed: str = ""  # in a child, the test that told

    @property
    def name(self) -> str:
        """The path as the table has it."""
        return str(self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path.name)

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    # what pytest calls in a child
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {name: place for place, name in enumerate(self.killers)}
        items.sort(key=lambda item: order.get(item.nodeid, len(order)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def subjects(words: Sequence[str], tests: Sequence[str]) -> Iterator[Subject]:
    for word in words:
        path = next((path for path in (PACKAGE / word, PACKAGE / f"{word}.py", Path(word)) if path.exists()), None)
        if path is None:
            sys.exit(f"{word}: no such module or folder")
        path = path.resolve()
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            own = [Path(test) for test in tests]
            if not own:
                part = file.relative_to(PACKAGE).parts[0].removesuffix(".py").strip("_")
                own = sorted((ROOT / "tests").glob(f"test_{TESTED_AS.get(part, part)}*.py"))
            if not own:
                sys.exit(f"{file.name}: no tests bear its name; name them with --tests")
            yield Subject(file, own)


def child(subject: Subject, tree: ast.Module, report: Path) -> int:
    """Runs the tests with the tree as the subject's source, in a process of its own; pytest's exit status."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    source = Source(subject.module, str(subject.path))
    source.tree = tree
    sys.meta_path.insert(0, source)
    try:
        importlib.import_module(subject.module)
    except Exception:
        return NOT_IMPORTED
    options = ["-x", "-q", "--assert=plain", "--tb=no", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    status = int(pytest.main([*options, *map(str, subject.tests)], plugins=[subject]))
    report.write_text("\n".join([subject.failed, *sys.modules]))
    return status


def forked(subject: Subject, tree: ast.Module, mutant: Mutant | None, folder: Path) -> int:
    """The process that runs the tests. Its report is in the folder, under its number."""
    pid = os.fork()
    if pid:
        return pid
    status = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        if mutant is not None:
            mutant.apply()
        status = child(subject, tree, folder / str(os.getpid()))
    finally:
        os._exit(status)


def clean(subject: Subject, tree: ast.Module, planted: Mutant | None = None) -> tuple[int, float]:
    """One run by itself: its status and its seconds. What it imported is then imported here, but for what is ours."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        pid = forked(subject, tree, planted, folder)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        seconds = time.monotonic() - began
        report = folder / str(pid)
        imported = report.read_text().split("\n")[1:] if report.exists() else []
    ours = {PACKAGE.name, "tests", subject.module.partition(".")[0], *(test.stem for test in subject.tests)}
    for module in imported:
        if module.partition(".")[0] not in ours:
            with contextlib.suppress(Exception):
                importlib.import_module(module)
    return status, seconds


def run(subject: Subject, tree: ast.Module, chosen: Sequence[Mutant], limit: float) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what came of it, `AT_ONCE` of them at a time."""
    waiting = list(reversed(chosen))
    running: dict[int, tuple[Mutant, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                mutant = waiting.pop()
                running[forked(subject, tree, mutant, folder)] = mutant, time.monotonic() + limit
            time.sleep(0.005)
            for pid, (mutant, deadline) in list(running.items()):
                if time.monotonic() > deadline:
                    os.killpg(pid, signal.SIGKILL)  # with whatever it has started
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended:
                    continue
                del running[pid]
                report = folder / str(pid)
                killer = report.read_text().partition("\n")[0] if report.exists() else ""
                if killer:
                    subject.killers = [killer, *(one for one in subject.killers if one != killer)]
                outcomes = {0: SURVIVED, NOT_IMPORTED: NO_MUTANT, -signal.SIGKILL: TOO_SLOW}
                yield mutant, outcomes.get(os.waitstatus_to_exitcode(status), KILLED)


def judged(subject: Subject, options: argparse.Namespace) -> bool:
    """Runs the subject's mutants, prints what came of them; whether all is as it should be."""
    source = subject.path.read_text()
    tree = ast.parse(source)
    known = mutants(tree)
    right = True

    def wrong(sentence: str, line: int | None = None) -> None:
        nonlocal right
        right = False
        where = subject.name if line is None else f"{subject.name}:{line}"
        print(
            f"{where}: {sentence}",
            *([] if line is None else [f"    {source.splitlines()[line - 1].strip()}"]),
            sep="\n",
        )
        sys.stdout.flush()

    if not known:
        return True
    status, seconds = clean(subject, tree)
    if status:
        wrong(f"the tests fail without any mutant (pytest's exit status {status})")
        return False
    if has_functions(tree) and clean(subject, tree, planted(tree))[0] == 0:
        wrong(f"the tests pass though every function raises: 0 of {len(known)} killed: 0.0 %")
        return False
    gc.freeze()
    reasons = EQUIVALENT.get(subject.name, {})
    for name in sorted(reasons.keys() - {mutant.name for mutant in known}):
        wrong(f"is listed as equivalent, but is no mutant: {name}")
    count: Counter[str] = Counter()
    chosen = [mutant for mutant in known if options.only in mutant.name][:: options.every]
    for mutant, outcome in run(subject, tree, chosen, limit=options.patience + 5 * seconds):
        is_listed = mutant.name in reasons
        count["equivalent" if is_listed and outcome == SURVIVED else outcome] += 1
        if outcome == SURVIVED and not is_listed:
            wrong(f"survives: {mutant.name}", mutant.line)
        elif outcome != SURVIVED and is_listed:
            wrong(f"is listed as equivalent, but {outcome}: {mutant.name}", mutant.line)
    killed = count[KILLED] + count[TOO_SLOW]
    counted = killed + count[SURVIVED]
    slow = f" ({count[TOO_SLOW]} by the time limit)" if count[TOO_SLOW] else ""
    score = f"{killed} of {counted} killed{slow}: {100 * killed / max(1, counted):.1f} %"
    print(f"{subject.name}: {score}; besides, {count['equivalent']} equivalent", flush=True)
    return right


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("words", nargs="+", help="modules and folders of the package, or paths")
    parser.add_argument("--tests", nargs="+", default=[], help="test files, if not those of the same name")
    parser.add_argument("--every", type=int, default=1, help="only each n-th mutant")
    parser.add_argument("--patience", type=float, default=5, help="seconds beyond five times the clean run")
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    arguments = parser.parse_args()
    found = [judged(subject, arguments) for subject in subjects(arguments.words, arguments.tests)]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
