"""Work in forked children, some at a time: each has everything that was imported, and may break its copy of it."""

import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Key = TypeVar("Key")

AT_ONCE = 2
MEMORY = 4 << 30  # bytes of address space for one child
FAILED = 70  # exit status: the work itself raised
ENDED_BY_FORCE = -signal.SIGKILL  # exit status: it took too long


@dataclass(frozen=True)
class Job(Generic[Key]):
    key: Key
    work: Callable[[], tuple[int, bytes]]  # gives the child's exit status, and what else it has to say
    seconds: float  # until it is killed, with whatever it has started


def outcomes(jobs: Iterable[Job[Key]], at_once: int = AT_ONCE) -> Iterator[tuple[Key, int, bytes]]:
    """Each job's key with what came of it, in the order in which they end."""
    waiting = iter(jobs)
    running: dict[int, tuple[Job[Key], float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while True:
            while len(running) < at_once and (job := next(waiting, None)) is not None:
                running[_forked(job, folder)] = job, time.monotonic() + job.seconds
            if not running:
                return
            time.sleep(0.002)
            for pid, (job, deadline) in list(running.items()):
                if time.monotonic() > deadline:
                    os.killpg(pid, signal.SIGKILL)
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    del running[pid]
                    said = folder / str(pid)
                    yield job.key, os.waitstatus_to_exitcode(status), said.read_bytes() if said.exists() else b""


def _forked(job: Job[Key], folder: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        os.setpgid(0, 0)  # so that it can be ended with whatever it has started
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        silence()
        status, said = job.work()
        (folder / str(os.getpid())).write_bytes(said)
    finally:
        os._exit(status)


def silence() -> None:
    """Nothing is read from or written to this process's terminal any more."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
