"""A real PostgreSQL in a temporary folder, on a free port of the loopback: started, killed, started again, removed."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PASSWORD = "correct-horse"
_DEBIAN = "/usr/lib/postgresql"  # off the PATH, a folder for each version
_READY = "120"  # seconds until it counts as not coming up
_USERS = ("postgres", "nobody")  # who it runs as where the tests run as root, which it refuses
# Nothing has to outlive a loss of power, and the fewer processes of its own it runs, the better.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "unix_socket_directories": "", "autovacuum": "off"}


class Unavailable(Exception):
    """There is no PostgreSQL to be had; the text says why."""


class Postgres:
    """A server. `url` is SQLAlchemy's, for a driver of its choice; `user` is the superuser `ada`."""

    def __init__(self, binaries: Path, folder: Path, identity: dict[str, Any]) -> None:
        self._binaries = binaries
        self._folder = folder
        self._identity = identity
        self.port = 0

    def url(self, driver: str = "asyncpg", password: str = PASSWORD) -> str:
        return f"postgresql+{driver}://ada:{password}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make its data. The password travels as it is: SCRAM would take most of the time of the tests."""
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        self._run("initdb", "-U", "ada", f"--pwfile={secret}", "-A", "password", "-E", "UTF8", "-N", "--locale=C")

    def start(self) -> None:
        """Start it, and wait until it answers; again on the port that it had."""
        ports = [self.port] if self.port else [_free_port() for _ in range(3)]
        for port in ports:
            settings = {"listen_addresses": "127.0.0.1", "port": str(port), **_SETTINGS}
            options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
            try:
                self._run("pg_ctl", "-w", "-t", _READY, "-l", str(self._folder / "log"), "-o", options, "start")
            except RuntimeError:  # somebody took the port meanwhile
                if port == ports[-1]:
                    raise
            else:
                self.port = port
                return

    def kill(self) -> None:
        """End it at once, as a crash would: nobody is told, nothing is tidied up."""
        self._run("pg_ctl", "-w", "-t", _READY, "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        """RuntimeError with all that was printed and logged, if it fails."""
        log = self._folder / "log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # Into a file: a pipe would stay open for as long as the server runs.
        with (self._folder / "output").open("w+") as output:
            result = subprocess.run(
                [self._binaries / program, "-D", self._folder / "data", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=environment,
                check=False,
                **self._identity,
            )
            if result.returncode:
                output.seek(0)
                logged = log.read_text(errors="replace") if log.exists() else ""
                raise RuntimeError(f"{program} failed:\n{output.read()}{logged}")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server. Raises Unavailable."""
    binaries = _binaries()
    identity = _identity()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Postgres(binaries, folder, identity)
    try:
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        server.make()
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.kill()
        shutil.rmtree(folder)


def _binaries() -> Path:
    """The folder of initdb, pg_ctl and postgres."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path(_DEBIAN).glob("*/bin"), key=lambda folder: folder.parent.name.zfill(3))[::-1]
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Unavailable("PostgreSQL: no initdb, pg_ctl and postgres on the PATH or in /usr/lib/postgresql/*/bin")


def _identity() -> dict[str, Any]:
    """Who runs it, as subprocess takes it: ourselves, or somebody else where we are root."""
    if os.name != "posix":
        raise Unavailable("PostgreSQL: these tests know how to start it on Unix alone")
    if os.geteuid() != 0:
        return {}
    import pwd

    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("PostgreSQL: does not run as root, and there is no other user to be had")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
