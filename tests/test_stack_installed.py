"""`stack`: words of other packages, by real packages that pip has really installed."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.stack import registry

from .commanding import Run

ROOT = Path(__file__).parent.parent

OUTER = '''
"""A middleware of another package."""


class Outer:
    """Leaves its mark.

    - `mark`: which one.
    """

    def __init__(self, app, *, mark: str = "o", api_key: str = "zqxjkvwy"):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
'''

# A package, its modules, and its entry points.
PACKAGES: list[tuple[str, dict[str, str], str]] = [
    (
        "tiny-asgi",
        {"tiny_asgi.py": OUTER},
        """
[asgi_middleware]
tiny = tiny_asgi:Outer
tiny_extra = tiny_asgi:Outer [some, extras]
gone = tiny_asgi.gone:Outer
less = tiny_asgi:Outter
unspoken = tiny_asgi Outer
number = tiny_asgi:__name__
both = tiny_asgi:Outer
cors = tiny_asgi:Outer

[console_scripts]
other = tiny_asgi:Outer
""",
    ),
    ("tiny-second", {"tiny_second.py": OUTER}, "[asgi_middleware]\nboth = tiny_second:Outer\n"),
    (
        "tiny-crash",
        {"tiny_crash.py": "raise RuntimeError('zqxjkvwy')"},
        "[asgi_middleware]\ncrash = tiny_crash:Outer\n",
    ),
    ("tiny-broken", {"tiny_broken.py": ""}, "[asgi_middleware]\nthis is no entry point\n"),
]


def wheel(folder: Path, name: str, modules: dict[str, str], entry_points: str) -> Path:
    """A wheel, as a build would make it."""
    stem = f"{name.replace('-', '_')}-1.0"
    info = f"{stem}.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    lines = []
    file = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(text.encode())}")
        archive.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,"]))
    return file


def install(folder: Path, target: Path, packages: list[tuple[str, dict[str, str], str]]) -> None:
    wheels = [str(wheel(folder, *package)) for package in packages]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-index", "--no-deps", "--target", str(target), *wheels], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages, one of them broken."""
    folder = tmp_path_factory.mktemp("wheels")
    target = tmp_path_factory.mktemp("site")
    # pip reads the entry points of scripts alone, and stumbles over those of the broken one
    *good, (name, modules, entry_points) = PACKAGES
    install(folder, target, [*good, (name, modules, "")])
    (target / "tiny_broken-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    return target


@pytest.fixture
def _found(site: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is installed there is found here too."""
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(site)):
            del sys.modules[name]


def command(site: Path, *words: str, cwd: Path) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-m", "asgi_middleware", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


UNREAD = "the entry points of tiny-broken cannot be read"

BY = "by the package tiny-asgi, but"
INSTALL = "mend the name, or install it"

# The word, and what is wrong with it, behind its name.
WORDS = [
    ("gone", f"is 'tiny_asgi.gone:Outer' {BY} there is no module 'tiny_asgi.gone'; {INSTALL}"),
    ("less", f"is 'tiny_asgi:Outter' {BY} 'tiny_asgi' has no 'Outter'; did you mean 'Outer'?"),
    ("unspoken", f"is 'tiny_asgi Outer' {BY} is no import string; write 'package.module:name'"),
    ("both", "is a name that tiny-asgi and tiny-second both give; use the import string of the one that you mean"),
    (
        "crash",
        (
            "is 'tiny_crash:Outer' by the package tiny-crash, but module 'tiny_crash' raised RuntimeError, "
            "in {site}/tiny_crash.py, line 1; mend it there"
        ),
    ),
    ("tinny", f"is no known name; did you mean 'tiny'? (or 'package.module:Name'); {UNREAD}"),
    ("other", f"is no known name; did you mean 'both'? (or 'package.module:Name'); {UNREAD}"),
]


def test_the_words_of_other_packages_are_known(site: Path, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(
        '[[middleware]]\nuse = "tiny"\nmark = "a"\n[[middleware]]\nuse = "tiny_extra"\n'
        '[[middleware]]\nuse = "cors"\nallow_origins = []\n'
    )
    assert command(site, "show", "stack.toml", cwd=tmp_path) == (
        0,
        (
            "stack.toml\n└─ tiny  Outer\n     mark = 'a'\n  └─ tiny_extra  Outer\n    └─ cors  CORSMiddleware\n"
            "         allow_origins = []\n      └─ app\n"
        ),
        "",
    )


@pytest.mark.usefixtures("_found")
def test_what_is_wrong_with_them_is_told_not_raised(site: Path, folder: Path, run: Run) -> None:
    words = [*(word for word, _ in WORDS), "number"]
    entries = [*({"use": word} for word in words), {"use": "tiny", "mrak": 1}]
    (folder / "stack.json").write_text(json.dumps({"middleware": entries}))
    status, out, err = run("check", "stack.json")
    lines = [
        *(
            f"  - entry {number} ({word}), line 1: use: {word!r}: {told.replace('{site}', str(site))}"
            for number, (word, told) in enumerate(WORDS, 1)
        ),
        "  - entry 8 (number), line 1: use: str: is not callable; name a class or factory(app, ...)",
        "  - entry 9 (tiny), line 1: mrak: is no option here; did you mean 'mark'?",
    ]
    assert (status, out, err.splitlines()) == (1, "", ["asgi-middleware: stack.json: 9 problems", *lines])


@pytest.mark.usefixtures("_found")
def test_they_are_listed_and_in_the_schema(run: Run) -> None:
    status, out, err = run("list", "--json")
    assert (status, err) == (0, "")
    listed = {described["word"]: described for described in json.loads(out)}
    assert [word for word in listed if word not in registry.MIDDLEWARE] == [
        *("both", "crash", "gone", "less", "number", "tiny", "tiny_extra", "unspoken")
    ]
    assert listed["cors"]["use"] == "asgi_middleware.cors:CORSMiddleware"
    assert listed["tiny"] == {
        "word": "tiny",
        "use": "tiny_asgi:Outer",
        "summary": "Leaves its mark",
        "broken": None,
        "options": [
            {"name": "mark", "type": "text", "required": False, "default": "o", "summary": "which one", "parts": []},
            {"name": "api_key", "type": "text", "required": False, "default": "<hidden>", "summary": None, "parts": []},
        ],
        "takes_any": False,
    }
    assert listed["gone"]["broken"] == WORDS[0][1]
    status, out, err = run("list", "gone", "number", "tiny")
    assert (status, err) == (0, "")
    tiny = 'tiny: Leaves its mark\n  mark = "o": text\n      which one\n  api_key = <hidden>: text\n'
    number = "number: is a str, not a class or factory(app, ...)"
    assert out == f"gone: {WORDS[0][1]}\n\n{number}\n\n{tiny}"
    status, out, err = run("schema")
    assert (status, err) == (0, "")
    words = [name.removeprefix("entry_") for name in json.loads(out)["definitions"] if name.startswith("entry_")]
    assert words == [*registry.MIDDLEWARE, "tiny", "tiny_extra"]
    assert "zqxj" not in out


def test_nobody_looks_for_them_while_words_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> Any:
        raise AssertionError("looked for")

    monkeypatch.setattr(registry, "installed", never)
    for word in registry.MIDDLEWARE:
        registry.look_up(word, registry.MIDDLEWARE)
    # nor for the parts of an option
    with pytest.raises(registry.UnresolvedError):
        registry.look_up("bearr", registry.PARTS["backend"])
    with pytest.raises(AssertionError):
        registry.look_up("tiny", registry.MIDDLEWARE)
