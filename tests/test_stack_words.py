"""`stack`: how a name is resolved, what was meant by one that leads nowhere, and where a module failed."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.stack import registry

NEAREST: list[tuple[str, list[str], tuple[str, ...], str]] = [
    ("corse", ["errors", "cors"], (), "did you mean 'cors'?"),
    ("xyzzy", ["errors", "cors"], (), "known: cors, errors"),
    ("exclud", ["errors", "cors"], ("exclude",), "did you mean 'exclude'?"),
    ("xyzzy", ["errors"], ("exclude",), "known: errors"),
    ("xyzzy", [], (), "it takes none"),
]


@pytest.mark.parametrize(("name", "known", "also", "remedy"), NEAREST, ids=[f"{row[0]} {row[1]}" for row in NEAREST])
def test_what_was_probably_meant(name: str, known: Iterable[str], also: Iterable[str], remedy: str) -> None:
    assert registry.nearest(name, iter(known), also) == remedy


WORDS = {"memory": "asgi_middleware.sessions.stores.memory:MemoryStore", "sql": "asgi_middleware.stores:SQL.from_url"}

# A name, what is wrong, what to do.
UNKNOWN = [
    ("memori", "is no known name", "did you mean 'memory'? (or 'package.module:Name')"),
    ("xyzzy", "is no known name", "known: memory, sql (or 'package.module:Name')"),
    ("MemoryStore", "is no known name", "did you mean 'memory'?"),
    ("MEMORY", "is no known name", "did you mean 'memory'?"),
    ("stores.memory", "is no known name", "did you mean 'stores:memory'?"),
    ("a.b.MemoryStore", "is no known name", "did you mean 'a.b:MemoryStore'?"),
    (".memory", "is no known name", "did you mean 'memory'?"),
    ("a:", "is no import string", "write 'package.module:name'"),
    ("a b:c", "is no import string", "write 'package.module:name'"),
    ("a:b c", "is no import string", "write 'package.module:name'"),
    ("no_such:name", "there is no module 'no_such'", "mend the name, or install it"),
    ("json.no_such:name", "there is no module 'json.no_such'", "mend the name, or install it"),
    ("json:JSONDecodr", "'json' has no 'JSONDecodr'", "did you mean 'JSONDecoder'?"),
    ("json:decoder.xyzzy", "'json' has no 'xyzzy'", "mend the name"),
]


@pytest.mark.parametrize(("name", "rule", "remedy"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_a_name_that_leads_nowhere(name: str, rule: str, remedy: str) -> None:
    with pytest.raises(registry.UnresolvedError) as caught:
        registry.look_up(name, WORDS)
    assert (caught.value.rule, caught.value.remedy, str(caught.value)) == (rule, remedy, rule)


def test_a_name_that_leads_somewhere() -> None:
    assert registry.look_up("memory", WORDS) is MemoryStore
    assert registry.look_up("json:decoder.JSONDecoder", WORDS) is sys.modules["json"].decoder.JSONDecoder
    assert registry.look_up("cors", registry.MIDDLEWARE) is CORSMiddleware


# A module's source, what is wrong with the import of its `name`, what to do.
BROKEN: list[tuple[str, str, str]] = [
    ("1 / 0", "module 'broken_words' raised ZeroDivisionError, in {file}, line 1", "mend it there"),
    ("\nimport os\nos.mkdir('\\0')", "module 'broken_words' raised ValueError, in {file}, line 3", "mend it there"),
    ("raise SystemExit", "module 'broken_words' raised SystemExit, in {file}, line 1", "mend it there"),
    ("a = 1\nb = (", "module 'broken_words' raised SyntaxError, in {file}, line 2", "mend it there"),
    (
        "raise ImportError('zqxj')",
        "module 'broken_words' cannot be imported, in {file}, line 1",
        "mend what it imports",
    ),
    (
        "\nimport broken",
        "module 'broken_words' cannot be imported (No module named 'broken'), in {file}, line 2",
        "mend what it imports",
    ),
    (
        "raise ModuleNotFoundError('no name')",
        "module 'broken_words' cannot be imported (no name), in {file}, line 1",
        "mend what it imports",
    ),
    (
        "from json import dumsp",
        "module 'broken_words' cannot be imported, in {file}, line 1",
        "mend what it imports",
    ),
]


@pytest.mark.parametrize(("source", "rule", "remedy"), BROKEN, ids=[repr(row[0]) for row in BROKEN])
@pytest.mark.parametrize("below", [True, False], ids=["in the current folder", "elsewhere"])
def test_a_module_that_cannot_be_imported(
    source: str,
    rule: str,
    remedy: str,
    below: bool,
    module: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path if below else tmp_path / "sub")
    module("broken_words", source)
    with pytest.raises(registry.UnresolvedError) as caught:
        registry.load("broken_words:name")
    file = "broken_words.py" if below else tmp_path / "broken_words.py"
    assert (caught.value.rule, caught.value.remedy) == (rule.format(file=file), remedy)


def raised(error: BaseException) -> BaseException:
    """The exception, once it was raised here."""
    try:
        raise error
    except type(error) as caught:
        return caught


def test_an_exception_of_nowhere_was_raised_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    assert registry.place(ValueError()) == "by its name"
    assert registry.place(SyntaxError()) == "by its name"
    assert registry.place(raised(ValueError())).startswith("in test_stack_words.py, line ")


def made_of_text(option: str, factory: Any = None) -> Any:
    from asgi_middleware import SessionMiddleware

    return registry.made_of_text(factory or SessionMiddleware, option)


def test_text_names_a_store_alone() -> None:
    from asgi_middleware.sessions import stores

    assert made_of_text("store") is stores.from_url
    assert made_of_text("path") is None
    assert made_of_text("store", CORSMiddleware) is None
