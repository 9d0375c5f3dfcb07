"""The tests, collected once: mutants of functions are put into forks of the process that has collected them.

There is nothing to import there and nothing to collect. The code of the functions that differ is exchanged where they
are, and the tests that reach the mutant's line are run, until one fails.
"""

import functools
import gc
import inspect
import itertools
import os
import pickle
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest

from .forks import Job, outcomes, silence
from .mutants import Mutant
from .subject import Clean, Subject

KILLED, SURVIVED, NO_MUTANT, ELSEWHERE = 1, 0, 100, 101  # exit statuses of the children
OPTIONS = ["-q", "--assert=plain", "--tb=no", "-p", "no:cacheprovider", "-p", "no:faulthandler"]


class Collected(AbstractContextManager["Collected"]):
    """A process that has collected the tests. `clean` is what a run without any mutant showed."""

    def __init__(self, tests: Sequence[Path], subjects: Sequence[Subject], patience: float) -> None:
        self._ours, theirs = Pipe()
        self._subjects = subjects
        self._process = os.fork()
        if not self._process:
            try:
                self._ours.close()  # else the end of the one who asks would never be seen
                silence()
                pytest.main([*OPTIONS, *map(str, tests)], plugins=[_Served(theirs, subjects, patience)])
            finally:
                os._exit(0)
        theirs.close()
        try:
            self.clean: Clean = self._ours.recv()
        except EOFError:
            self.clean = Clean(failed="the collection")

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        os.waitpid(self._process, 0)

    def run(self, subject: Subject, mutants: Sequence[int]) -> Iterator[tuple[Mutant, int]]:
        """These mutants by their numbers, each with its exit status. ELSEWHERE: it cannot be exchanged."""
        self._ours.send((self._subjects.index(subject), list(mutants)))
        while (outcome := self._ours.recv()) is not None:
            number, status, test = outcome
            if test:
                subject.told(test)
            yield subject.mutant(number), status


class _Served:
    """pytest's plugin: in place of running what was collected, it does what it is asked for."""

    def __init__(self, connection: Connection, subjects: Sequence[Subject], patience: float) -> None:
        self._connection = connection
        self._subjects = subjects
        self._patience = patience
        self._began = time.perf_counter()
        self._failed = ""
        self._measure: coverage.Coverage | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        if self._measure is not None:
            self._measure.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._session = session
        self._items = {item.nodeid: item for item in session.items}
        jobs = [Job(None, self._measured, float("inf"))]
        self._clean: Clean = next(pickle.loads(said) for _, _, said in outcomes(jobs))  # noqa: S301  # our own child's
        self._connection.send(self._clean)
        self._functions = _functions({str(subject.path) for subject in self._subjects})
        gc.freeze()
        try:
            while True:
                place, numbers = self._connection.recv()
                self._judge(self._subjects[place], numbers)
        except EOFError:
            return True

    def _measured(self) -> tuple[int, bytes]:
        """In a child: every test without any mutant, and which lines each of them reaches."""
        clean = Clean(files={name: str(item.path) for name, item in self._items.items()})
        clean.collecting = time.perf_counter() - self._began
        measure = coverage.Coverage(
            data_file=None, config_file=False, include=[str(subject.path) for subject in self._subjects]
        )
        measure.set_option("run:core", "ctrace")  # which alone tells the tests apart
        measure.set_option("run:disable_warnings", ["no-data-collected"])  # nothing may be reached
        self._measure = measure
        measure.start()
        clean.seconds = dict(self._run(list(self._items)))
        measure.stop()
        data = measure.get_data()
        clean.reached = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
        clean.failed = self._failed
        clean.imported = list(sys.modules)
        return 0, pickle.dumps(clean)

    def _judge(self, subject: Subject, numbers: Sequence[int]) -> None:
        for number, status, said in outcomes(self._job(subject, number) for number in numbers):
            test = said.decode()
            if test:
                subject.told(test)
            self._connection.send((number, status, test))
        self._connection.send(None)

    def _job(self, subject: Subject, number: int) -> Job[int]:
        mutant = subject.mutant(number)
        tests = subject.ordered(subject.tests(mutant, self._clean), self._clean)
        limit = self._patience + 5 * self._clean.takes(tests)
        return Job(number, functools.partial(self._told, subject, subject.code, mutant, tests), limit)

    def _told(self, subject: Subject, code: CodeType, mutant: Mutant, tests: Sequence[str]) -> tuple[int, bytes]:
        """In a child: whether one of the tests tells the mutant."""
        mutant.apply()
        try:
            compiled = subject.compiled()
        except SyntaxError:
            return NO_MUTANT, b""
        if not tests or not _exchange(self._functions, code, compiled):
            return ELSEWHERE, b""
        for _ in self._run(tests):
            if self._failed:
                # what stays up for several tests is taken down
                self._session.config.hook.pytest_sessionfinish(session=self._session, exitstatus=KILLED)
                return KILLED, self._failed.encode()
        return SURVIVED, b""

    def _run(self, tests: Sequence[str]) -> Iterator[tuple[str, float]]:
        """Each test when it has been run, and its seconds."""
        for name, following in itertools.zip_longest(tests, tests[1:]):
            began = time.perf_counter()
            item = self._items[name]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=self._items.get(following))
            yield name, time.perf_counter() - began


Functions = dict[tuple[str, CodeType], list[FunctionType]]


def _functions(files: Collection[str]) -> Functions:
    """Every function of these files, nested ones too where they were made already, by its file and code."""
    found: Functions = {}
    gc.unfreeze()  # what is frozen is not among the objects
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in files:
            found.setdefault((thing.__code__.co_filename, thing.__code__), []).append(thing)
    return found


def _exchange(functions: Functions, before: CodeType, after: CodeType) -> bool:
    """Gives functions whose code differs the new one; whether that can be done."""
    if before == after:
        return True
    if before.co_flags & inspect.CO_OPTIMIZED:  # a function's, not a module's or a class's
        try:
            for function in functions.get((before.co_filename, before), ()):
                function.__code__ = after
        except ValueError:  # it needs another closure
            return False
    codes = [[constant for constant in code.co_consts if type(constant) is CodeType] for code in (before, after)]
    return all(_exchange(functions, *pair) for pair in zip(*codes, strict=False))
