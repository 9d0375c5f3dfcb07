"""The command line of the mutation tests, and the mutants for which everything is imported anew."""

import argparse
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .collected import ELSEWHERE, KILLED, NO_MUTANT, OPTIONS, SURVIVED, Collected
from .equivalent import EQUIVALENT
from .forks import ENDED_BY_FORCE, FAILED, Job, outcomes
from .mutants import Mutant
from .subject import ROOT, Clean, Subject

PACKAGE = ROOT / "asgi_middleware"
# Modules whose tests bear another name.
TESTED_AS = {"origins": "cors", "sessions": "session"}


class Source(importlib.machinery.SourceFileLoader):
    """Imports one module from a syntax tree in place of its file."""

    subject: Subject

    def get_code(self, fullname: str) -> Any:
        return self.subject.compiled()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )


@dataclass
class Chosen:
    """pytest's plugin: runs these tests, in this order, until one fails."""

    tests: Sequence[str]
    failed: str = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        places = {name: place for place, name in enumerate(self.tests)}
        items[:] = sorted((item for item in items if item.nodeid in places), key=lambda item: places[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def told(subject: Subject, mutant: Mutant, tests: Sequence[str], clean: Clean) -> tuple[int, bytes]:
    """In a child: whether one of the tests tells the mutant, with everything of the project's imported anew."""
    mutant.apply()
    source = Source(subject.module, str(subject.path))
    source.subject = subject
    sys.meta_path.insert(0, source)
    try:
        importlib.import_module(subject.module)
    except Exception:
        return NO_MUTANT, b""
    chosen = Chosen(tests)
    status = int(pytest.main(["-x", *OPTIONS, *dict.fromkeys(clean.files[test] for test in tests)], plugins=[chosen]))
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise LookupError("these tests are not there")
    return (SURVIVED if status == SURVIVED else KILLED), chosen.failed.encode()


def warm(clean: Clean, subjects: Sequence[Subject]) -> None:
    """Imports what the tests import, but for what is ours."""
    ours = {PACKAGE.name, "tests", *(one.module.partition(".")[0] for one in subjects)}
    ours |= {Path(file).stem for file in clean.files.values()}
    for module in clean.imported:
        if module.partition(".")[0] not in ours:
            with contextlib.suppress(Exception):
                importlib.import_module(module)
    gc.freeze()


def run(subject: Subject, chosen: Sequence[int], collected: Collected, patience: float) -> Iterator[tuple[Mutant, int]]:
    """Each mutant with its exit status. Those that the tests, collected once, do not tell are imported anew."""
    clean = collected.clean
    left = [subject.mutants[number] for number in chosen if not subject.mutants[number].inside]
    for mutant, status in collected.run(subject, [number for number in chosen if subject.mutants[number].inside]):
        if status in (SURVIVED, ELSEWHERE, FAILED):
            left.append(mutant)
        else:
            yield mutant, status

    def jobs() -> Iterator[Job[Mutant]]:
        for mutant in left:
            tests = subject.ordered(subject.tests(mutant, clean) or clean.seconds, clean)
            limit = patience + 5 * (clean.collecting + clean.takes(tests))
            yield Job(mutant, functools.partial(told, subject, mutant, tests, clean), limit)

    for mutant, status, said in outcomes(jobs()):
        if said:
            subject.told(said.decode())
        yield mutant, status


def judged(subject: Subject, collected: Collected, options: argparse.Namespace) -> bool:
    """Runs the subject's mutants, prints what came of them; whether all is as it should be."""
    known = subject.mutants
    right = True

    def wrong(sentence: str, line: int | None = None) -> None:
        nonlocal right
        right = False
        where = subject.name if line is None else f"{subject.name}:{line}"
        print(
            f"{where}: {sentence}",
            *([] if line is None else [f"    {subject.source.splitlines()[line - 1].strip()}"]),
            sep="\n",
        )
        sys.stdout.flush()

    if subject.planted and [status for _, status in collected.run(subject, [len(known)])] != [KILLED]:
        wrong(f"the tests pass though every function raises: 0 of {len(known)} killed: 0.0 %")
        return False
    reasons = EQUIVALENT.get(subject.name, {})
    for name in sorted(reasons.keys() - {mutant.name for mutant in known}):
        wrong(f"is listed as equivalent, but is no mutant: {name}")
    count: Counter[str] = Counter()
    chosen = [number for number, mutant in enumerate(known) if options.only in mutant.name][:: options.every]
    names = {SURVIVED: "survived", NO_MUTANT: "no mutant", ENDED_BY_FORCE: "too slow", FAILED: "not judged"}
    for mutant, status in run(subject, chosen, collected, options.patience):
        outcome = names.get(status, "killed")
        is_listed = mutant.name in reasons
        count["equivalent" if is_listed and status == SURVIVED else outcome] += 1
        if status == FAILED:
            wrong(f"could not be judged: {mutant.name}", mutant.line)
        elif status == SURVIVED and not is_listed:
            wrong(f"survives: {mutant.name}", mutant.line)
        elif status != SURVIVED and is_listed:
            wrong(f"is listed as equivalent, but {outcome}: {mutant.name}", mutant.line)
    killed = count["killed"] + count["too slow"]
    counted = killed + count["survived"]
    slow = f" ({count['too slow']} by the time limit)" if count["too slow"] else ""
    score = f"{killed} of {counted} killed{slow}: {100 * killed / max(1, counted):.1f} %"
    print(f"{subject.name}: {score}; besides, {count['equivalent']} equivalent", flush=True)
    return right


def everything() -> list[str]:
    """The modules and folders that have tests of their own name; `exceptions`, say, is tested by all who raise them."""
    names = sorted(path.stem for path in PACKAGE.iterdir() if path.name[0] != "." and path.stem.strip("_"))
    return [name for name in names if tests_of(name)]


def tests_of(word: str) -> list[Path]:
    part = word.strip("_")
    return sorted((ROOT / "tests").glob(f"test_{TESTED_AS.get(part, part)}*.py"))


def words(names: Sequence[str], tests: Sequence[str]) -> Iterator[tuple[list[Path], list[Subject]]]:
    """For each module or folder its tests, and its files that have mutants."""
    for word in names:
        path = next((path for path in (PACKAGE / word, PACKAGE / f"{word}.py", Path(word)) if path.exists()), None)
        if path is None:
            sys.exit(f"{word}: no such module or folder")
        path = path.resolve()
        own = [Path(test) for test in tests] or tests_of(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))
        if not own:
            sys.exit(f"{path.name}: no tests bear its name; name them with --tests")
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        subjects = [subject for subject in map(Subject, files) if subject.mutants]
        if subjects:
            yield own, subjects


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("words", nargs="*", default=everything(), help="modules and folders of the package, or paths")
    parser.add_argument("--tests", nargs="+", default=[], help="test files, if not those of the same name")
    parser.add_argument("--every", type=int, default=1, help="only each n-th mutant")
    parser.add_argument("--patience", type=float, default=5, help="seconds beyond five times the clean run")
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    arguments = parser.parse_args()
    right = True
    for tests, subjects in words(arguments.words, arguments.tests):
        with Collected(tests, subjects, arguments.patience) as collected:
            if collected.clean.failed:
                file, _, test = collected.clean.failed.partition("::")
                print(f"{Path(file).name}::{test} fails without any mutant")
                right = False
                continue
            warm(collected.clean, subjects)
            for subject in subjects:
                right &= judged(subject, collected, arguments)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
