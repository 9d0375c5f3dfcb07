"""The types hold: mypy --strict and pyright over `tests/typed`, as over a user's own project.

    pip install -e '.[types]' && python -m pytest -q -m typed tests/test_typed.py

The files are copied out of the tree first, so that the checkers find the installed package and its `py.typed` marker
and no configuration of ours. Each file is also checked with one line broken, and the lines that must fail without
their comments: a checker that reports nothing there proves nothing here.
"""

import ast
import importlib
import importlib.util
import inspect
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

import asgi_middleware

pytestmark = pytest.mark.typed

SOURCE = Path(__file__).parent / "typed"
LONGEST = 600  # seconds for one run of a checker; the first one of mypy reads every stub of Django

# What each file needs besides the extra `dev`, as distributions.
NEEDS: dict[str, tuple[str, ...]] = {
    "names.py": (),
    "natural.py": (),
    "must_fail.py": (),
    "positions.py": ("httpx2", "uvicorn"),
    "with_fastapi.py": ("fastapi",),
    "with_django.py": ("django", "django-stubs"),
    "with_asgiref.py": ("asgiref",),
    "with_httpx.py": ("httpx",),
}

# One line of each file, broken: what stands there, what is put there, and what each checker calls it.
BREAKS: dict[str, tuple[str, str, dict[str, str]]] = {
    "names.py": (
        "assert_type(policy.max_age, int | None)",
        "assert_type(policy.max_age, int)",
        {"mypy": "assert-type", "pyright": "reportAssertTypeFailure"},
    ),
    "natural.py": (
        'RequestIDMiddleware(Response("ok"))',
        "RequestIDMiddleware(Response)",
        {"mypy": "arg-type", "pyright": "reportArgumentType"},
    ),
    "must_fail.py": (
        'Middleware(CORSMiddleware, max_age="600")',
        "Middleware(CORSMiddleware, max_age=600)",
        {"mypy": "unused-ignore", "pyright": "reportUnnecessaryTypeIgnoreComment"},
    ),
    "positions.py": (
        'Middleware(TimingMiddleware, server_timing="all"',
        'Middleware(TimingMiddleware, server_timing="every"',
        {"mypy": "arg-type", "pyright": "reportArgumentType"},
    ),
    "with_fastapi.py": (
        "app.add_middleware(CompressionMiddleware, minimum_size=500)",
        "app.add_middleware(CompressionMiddleware, minimal_size=500)",
        {"mypy": "call-arg", "pyright": "reportCallIssue"},
    ),
    "with_django.py": (
        "GZipMiddleware(get_asgi_application())",
        "GZipMiddleware(get_asgi_application)",
        {"mypy": "arg-type", "pyright": "reportArgumentType"},
    ),
    "with_asgiref.py": (
        "AuthenticationMiddleware(application, bearer)",
        "AuthenticationMiddleware(application)",
        {"mypy": "call-arg", "pyright": "reportCallIssue"},
    ),
    "with_httpx.py": (
        "httpx.ASGITransport(LintMiddleware(app))",
        "httpx.ASGITransport(LintMiddleware)",
        {"mypy": "arg-type", "pyright": "reportArgumentType"},
    ),
}


class Finding(NamedTuple):
    """One error: where, and what the checker calls it."""

    file: str
    line: int
    code: str


class Report(NamedTuple):
    """What a checker said: its errors, and all of its output."""

    findings: list[Finding]
    output: str

    def of(self, file: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.file == file]


def run(module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Both look for news of themselves or of a terminal otherwise.
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1", "MYPY_FORCE_COLOR": "0"}
    environment.pop("MYPYPATH", None)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )


_MYPY_ERROR = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$", re.MULTILINE)


def mypy(project: Path, cache: Path) -> Report:
    """mypy --strict over the folder `typed` of a project, without any configuration file."""
    done = run("mypy", "--strict", "--config-file=", f"--cache-dir={cache}", "--no-pretty", "typed", cwd=project)
    output = done.stdout + done.stderr
    findings = [
        Finding(Path(match["file"]).name, int(match["line"]), match["code"]) for match in _MYPY_ERROR.finditer(output)
    ]
    if done.returncode not in (0, 1) or bool(findings) != bool(done.returncode):
        raise RuntimeError(f"mypy did not check:\n{output}")
    return Report(findings, output)


def pyright(project: Path, cache: Path) -> Report:
    """pyright, strict, over the same; `type: ignore` is left to mypy."""
    configuration = {
        "include": ["typed"],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnnecessaryTypeIgnoreComment": "error",
    }
    (project / "pyrightconfig.json").write_text(json.dumps(configuration))
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, cwd=project)
    output = done.stdout + done.stderr
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pyright did not check:\n{output}")
    findings = [
        Finding(Path(found["file"]).name, found["range"]["start"]["line"] + 1, found.get("rule", ""))
        for found in json.loads(done.stdout)["generalDiagnostics"]
        if found["severity"] == "error"
    ]
    return Report(findings, output)


CHECKERS: dict[str, Callable[[Path, Path], Report]] = {"mypy": mypy, "pyright": pyright}


def missing(file: str) -> list[str]:
    """What a file needs and is not installed."""
    absent: list[str] = []
    for distribution in NEEDS[file]:
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            absent.append(distribution)
    return absent


def checkable() -> list[str]:
    return [file for file in NEEDS if not missing(file)]


def needs(file: str) -> None:
    if absent := missing(file):
        pytest.skip(f"{file}: {' and '.join(absent)} not installed; they are in the extra `types`")


# mypy's cache tells files apart by size and whole seconds, and two projects may be written within one.
_SECONDS = itertools.count(1_000_000_000)


def project(folder: Path, change: Callable[[str, str], str] = lambda file, text: text) -> Path:
    """A user's project with the files that can be checked here, each as `change(file, text)` leaves it."""
    typed = folder / "typed"
    typed.mkdir(parents=True)
    shutil.copy(SOURCE / "__init__.py", typed)
    second = next(_SECONDS)
    for file in checkable():
        (typed / file).write_text(change(file, (SOURCE / file).read_text()))
        os.utime(typed / file, (second, second))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mypy reads the stubs once for all of its runs."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(scope="module", params=list(CHECKERS))
def checker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checker that is installed and starts."""
    name: str = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed; it is in the extra `types`")
    started = run(name, "--version", cwd=tmp_path_factory.mktemp("version"))
    if started.returncode:  # pyright fetches its program where the extra `nodejs` is not installed with it
        pytest.skip(f"{name} does not start: {started.stdout}{started.stderr}")
    return name


@pytest.fixture(scope="module")
def report(checker: str, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The files as they are."""
    return CHECKERS[checker](project(tmp_path_factory.mktemp("as-is")), cache)


@pytest.mark.parametrize("file", NEEDS)
def test_a_file_has_no_errors(report: Report, file: str) -> None:
    needs(file)
    assert report.of(file) == [], report.output


def test_there_are_no_errors_elsewhere(report: Report) -> None:
    assert [finding for finding in report.findings if finding.file not in NEEDS] == [], report.output


COMMENT = re.compile(r"  # (?P<kind>type|pyright): ignore\[(?P<codes>[\w\-, ]+)\]")


def expected(checker: str) -> list[Finding]:
    """The errors that the comments of `must_fail.py` announce."""
    kind = {"mypy": "type", "pyright": "pyright"}[checker]
    return [
        Finding("must_fail.py", number, code.strip())
        for number, line in enumerate((SOURCE / "must_fail.py").read_text().splitlines(), 1)
        for match in COMMENT.finditer(line)
        if match["kind"] == kind
        for code in match["codes"].split(",")
    ]


def test_every_line_that_must_fail_does(checker: str, cache: Path, tmp_path: Path) -> None:
    """Without the comments, exactly the errors of the comments are reported, each on its line."""
    bare = project(tmp_path, lambda file, text: COMMENT.sub("", text) if file == "must_fail.py" else text)
    report = CHECKERS[checker](bare, cache)
    # One argument may have two things wrong; how often they are told is the checker's matter.
    assert sorted(set(report.of("must_fail.py"))) == sorted(set(expected(checker))), report.output


def test_one_broken_line_in_each_file_is_reported(checker: str, report: Report, cache: Path, tmp_path: Path) -> None:
    """Besides what is reported anyway, there is what was broken and nothing else."""
    where: list[Finding] = []

    def broken(file: str, text: str) -> str:
        old, new, codes = BREAKS[file]
        assert text.count(old) == 1, f"{file} has to have {old!r} once"
        where.append(Finding(file, text[: text.index(old)].count("\n") + 1, codes[checker]))
        return text.replace(old, new)

    again = CHECKERS[checker](project(tmp_path, broken), cache)
    assert sorted(set(again.findings) - set(report.findings)) == sorted(where), again.output


# What the tables above rest on.


def is_middleware(value: object) -> bool:
    """Whether it is a class whose instances are ASGI 3 applications."""
    return isinstance(value, type) and inspect.iscoroutinefunction(value.__call__)


MIDDLEWARE = {name for name in asgi_middleware.__all__ if is_middleware(getattr(asgi_middleware, name))}

# The eleven positions; one of them, client transports, is in two files.
POSITIONS = {
    "positions.py": {
        "in_starlettes_list",
        "added_to_starlette",
        "around_starlette",
        "nested",
        "behind_client_transports",
        "served_by_uvicorn",
    },
    "with_fastapi.py": {"added_to_fastapi", "around_fastapi"},
    "with_django.py": {"around_djangos_handler"},
    "with_asgiref.py": {"around_asgiref_applications", "as_asgiref_applications"},
    "with_httpx.py": {"behind_httpx"},
}


def names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def functions(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def unplaced(text: str) -> dict[str, set[str]]:
    """For each position in a file, the middlewares that do not stand in it."""
    return {name: (MIDDLEWARE | {"Stack"}) - names_in(node) for name, node in functions(text).items()}


@pytest.mark.parametrize("file", POSITIONS)
def test_every_middleware_stands_in_every_position(file: str) -> None:
    assert unplaced((SOURCE / file).read_text()) == {name: set() for name in POSITIONS[file]}


def public_names() -> set[str]:
    parts: Sequence[str] = (
        "auth",
        "compression",
        "cors",
        "django",
        "errors",
        "lint",
        "main",
        "request_id",
        "sessions",
        "stack",
        "timing",
    )
    modules = [asgi_middleware, *(importlib.import_module(f"asgi_middleware.{part}") for part in parts)]
    return {name for module in modules for name in module.__all__}


def test_every_public_name_has_its_types_asserted() -> None:
    assert public_names() - names_in(ast.parse((SOURCE / "names.py").read_text())) == set()


def test_every_file_is_in_the_tables() -> None:
    files = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py"}
    assert (set(NEEDS), set(BREAKS)) == (files, files)


def test_a_middleware_that_is_left_out_is_noticed() -> None:
    text = (SOURCE / "with_httpx.py").read_text().replace("TimingMiddleware(app)", "app")
    assert unplaced(text) == {"behind_httpx": {"TimingMiddleware"}}
