"""Start a real server as a subprocess on a free port, and stop it."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
READY = 120  # seconds until a server counts as not coming up
PATIENCE = 60  # seconds for what it does soon
_ADDRESS = re.compile(r"https?://127\.0\.0\.1:(\d+)")


class Server:
    """A running server: `url`, and the `lines` that it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)
            found = _ADDRESS.search(line)
            if found and not self.port:
                self.port = int(found.group(1))
                self._ready.set()
        self._ready.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """RuntimeError with all that was printed, if the server does not come up."""
        if not self._ready.wait(READY) or not self.port:
            raise RuntimeError(f"the server did not come up:\n{''.join(self.lines)}")

    def prints(self, text: str, *, after: int) -> bool:
        """Whether a line with this text comes after so many; they arrive here a little later than its answers."""
        deadline = time.monotonic() + PATIENCE
        while not any(text in line for line in self.lines[after:]):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def serving(command: Sequence[str], *, cwd: Path = ROOT) -> Iterator[Server]:
    """Run `python -m ...command`, which must print its address, as uvicorn does."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=environment,
    )
    server = Server(process)
    try:
        server.wait()
        yield server
    finally:
        server.stop()
