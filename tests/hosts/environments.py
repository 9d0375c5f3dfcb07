"""Hosts that cannot be installed beside the others, each in an environment of its own.

    python -m tests.hosts.environments FOLDER

makes them all in FOLDER, at once; `.ci/run` does so while it checks the types. HOSTS_ENVIRONMENTS=FOLDER tells the
tests of them, which make those that they need themselves otherwise: half a minute each, of which most is the network.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.serving import ROOT

LONGEST = 600  # seconds for one installation, which may have to build tartiflette


class Unavailable(Exception):
    """What could not be installed, and why."""


class Environment(NamedTuple):
    """What pip is told, one call after the other, and what is then there."""

    installs: tuple[tuple[str, ...], ...]
    host: str  # the distribution that it is made for


# The package itself is installed as its users install it, so that pip must agree with all that it and the host ask for.
ENVIRONMENTS = {
    # It needs Starlette below 1.0 and cffi below 2, which leaves out cryptography from 46.0.1 on: found by pip itself
    # after twenty downloads.
    "tartiflette": Environment(
        ((f"{ROOT}[brotli,zstd,jwt,server]", "cryptography<46", "tartiflette-asgi"),), "tartiflette-asgi"
    ),
    # The last release asks for a uvicorn and a Starlette that the package does not support and that no longer build.
    # Here is the oldest Starlette that it runs on, with what else has gone on since.
    "bocadillo": Environment(
        (
            ("--no-deps", "bocadillo==0.18.3", "starlette==0.12.13", "aiodine==1.2.9", str(ROOT)),
            ("anyio", "itsdangerous", "brotli", "python-jose[cryptography]", "uvicorn", "websockets"),
            ("jinja2", "requests", "typesystem", "whitenoise", "backports.zstd; python_version < '3.14'"),
        ),
        "bocadillo",
    ),
}


def make(name: str, folder: Path) -> Path:
    """The interpreter of an environment in `folder`, which is made where it is not there yet. Raises Unavailable."""
    environment = folder / name
    python = environment / "bin" / "python"
    done = environment / "done"
    if done.exists():
        return python
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment)], name)
    for words in ENVIRONMENTS[name].installs:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        _run([*pip, *words], name)
    done.touch()
    return python


def version(python: Path, distribution: str) -> str:
    """Which version an environment has."""
    return _told(python, f"version({distribution!r})")


def needs(python: Path, distribution: str) -> str:
    """What a distribution asks for, as text."""
    return _told(python, f"requires({distribution!r})")


def _told(python: Path, question: str) -> str:
    asked = f"import importlib.metadata; print(importlib.metadata.{question}, end='')"
    return subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout


def _run(words: Sequence[str], name: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{name}: {error}") from error
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()[-1:]
        raise Unavailable(f"{name} does not install on {sys.version.split()[0]}: {' '.join(told)}")


def main(folder: Path) -> int:
    def made(name: str) -> str:
        try:
            return f"{name}: {make(name, folder)}"
        except Unavailable as reason:
            return str(reason)

    with ThreadPoolExecutor() as pool:
        sys.stdout.writelines(f"{line}\n" for line in pool.map(made, ENVIRONMENTS))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
