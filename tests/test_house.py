"""The house rules: imports point one way, exports are honest, importing is light, suppressions have reasons."""

import ast
import functools
import importlib
import re
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest

import asgi_middleware
from asgi_middleware.stack import registry

PACKAGE = Path(asgi_middleware.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS_FOLDER = Path(__file__).parent
TESTS = sorted(TESTS_FOLDER.rglob("*.py"))

# A module may import from the layers before its own, and from its own package.
LAYERS = [
    {"_types", "exceptions"},
    {"_headers"},
    {"_options", "_scope", "_threads", "_hooks"},
    {"_paths", "_cookies", "_origins"},
    {"_reply", "_responder"},
    {"cors", "errors", "compression", "sessions", "auth", "request_id", "timing", "lint"},
    {"stack"},
    {"_loading", "django"},
    {"cli", "main"},
    {"__main__", "__init__"},
]
# What wraps applications and refuses nothing by itself stands on the shared modules alone.
STACK_NEEDS_NO_CLASS = {"cors", "errors", "compression", "sessions", "auth", "request_id", "timing", "lint"}


def layer_of(part: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def part_of(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported_parts(path: Path) -> set[str]:
    """The top-level parts of the package that a file imports."""
    depth = len(path.relative_to(PACKAGE).parts)
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("asgi_middleware."):
            found.add(node.module.split(".")[1])
    return found


def test_every_part_has_its_layer() -> None:
    assert {part_of(path) for path in FILES} == set().union(*LAYERS)


def wrongly_imported(path: Path) -> set[str]:
    """A middleware imports no other, and nothing imports what stands above it."""
    own = part_of(path)
    others = imported_parts(path) - {own}
    least = layer_of(own) if own in STACK_NEEDS_NO_CLASS else layer_of(own) + 1
    return {part for part in others if layer_of(part) >= least}


def test_imports_point_one_way() -> None:
    assert {path: wrong for path in FILES if (wrong := wrongly_imported(path))} == {}


def test_the_stack_knows_names_not_classes() -> None:
    imported = set().union(*(imported_parts(path) for path in FILES if part_of(path) == "stack"))
    assert imported.isdisjoint(STACK_NEEDS_NO_CLASS)


# What only Django imports; the drop-in's own names do without.
FOR_DJANGO = {path for path in FILES if part_of(path) == "django"} - {
    PACKAGE / "django" / name for name in ("__init__.py", "application.py")
}

MODULES = [
    "asgi_middleware",
    *(
        f"asgi_middleware.{name}"
        for name in ("auth", "compression", "cors", "errors", "lint", "request_id", "sessions", "stack", "timing")
    ),
    "asgi_middleware.django",
    "asgi_middleware.sessions.stores",
    "asgi_middleware.sessions.testing",
    "asgi_middleware.timing.sinks",
]


@pytest.mark.parametrize("name", MODULES)
def test_all_is_honest(name: str) -> None:
    """What `__all__` names is there, defined in this package, and listed in order."""
    module = importlib.import_module(name)
    listed: list[str] = module.__all__
    assert listed == sorted(listed, key=lambda n: (not n.isupper(), not n[0].isupper(), n)) or listed == sorted(listed)
    for public in listed:
        if typing.get_origin(getattr(module, public)) is not None:
            continue  # a type that is written out says nothing of where that was
        assert getattr(getattr(module, public), "__module__", "asgi_middleware").startswith("asgi_middleware")


def test_the_package_shows_nothing_but_its_names() -> None:
    shown = {
        name
        for name, value in vars(asgi_middleware).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert shown == set(asgi_middleware.__all__)


def test_the_words_of_config_lists_are_the_modules() -> None:
    for word, target in registry.MIDDLEWARE.items():
        module, _, name = target.partition(":")
        assert getattr(importlib.import_module(module), name).__name__ == name
        assert word in {*module.split("."), "gzip", "brotli"}


def test_importing_everything_imports_no_third_party() -> None:
    """Also not through asyncio-heavy parts of the standard library: a CORS user pays for CORS."""
    names = sorted(
        ".".join(["asgi_middleware", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for path in FILES
        if path.name != "__main__.py" and path not in FOR_DJANGO
    )
    code = (
        "import sys; before = set(sys.modules)\n"
        f"for name in {names!r}: __import__(name)\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names - {'asgi_middleware'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


SUPPRESSION = re.compile(r"#\s*(?:type: ignore|pyright: ignore|noqa)")


def gives_no_reason(line: str) -> bool:
    last = line.rpartition("#")[2]
    return bool(SUPPRESSION.search(line)) and (not last.split() or bool(SUPPRESSION.match("#" + last)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1", False),
        ("x = 1  # noqa: X1", True),
        ("x = 1  # noqa: X1  # it is", False),
        ("x = 1  # noqa: X1  # type: ignore[y]", True),
        ("x = 1  # noqa: X1  #", True),
    ],
)
def test_a_suppression_is_seen(line: str, expected: bool) -> None:
    assert gives_no_reason(line) is expected


def test_every_suppression_has_its_reason_on_the_line() -> None:
    lines = [(path, number, line) for path in FILES for number, line in enumerate(path.read_text().splitlines(), 1)]
    assert [(path, number) for path, number, line in lines if gives_no_reason(line)] == []


def test_configuration_is_refused_never_asserted() -> None:
    """`assert` vanishes under -O, and header objects are most of the cost of the peers."""
    nodes = [(path, node) for path in FILES for node in ast.walk(tree_of(path))]
    assert [path for path, node in nodes if isinstance(node, ast.Assert)] == []
    names = ("Headers", "MutableHeaders")
    assert [path for path, node in nodes if isinstance(node, ast.Name) and node.id in names] == []


def test_a_file_can_be_held_in_mind() -> None:
    assert [path for path in FILES if len(path.read_text().splitlines()) > 400] == []
    assert [path for path in FILES if not ast.get_docstring(tree_of(path))] == [], "a module says what it is for"


def test_a_longer_file_of_tests_says_why() -> None:
    long = [path for path in TESTS if len(path.read_text().splitlines()) > 400]
    assert [path for path in long if "Long, because " not in (ast.get_docstring(tree_of(path)) or "")] == []


def test_the_check_of_imports_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cors.py").write_text("from .sessions import SessionMiddleware\nfrom ._headers import get\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    assert imported_parts(tmp_path / "cors.py") == {"sessions", "_headers"}
