"""`stack`: files, what is wrong with them, and in which line."""

from pathlib import Path

import pytest

from asgi_middleware import (
    ConfigError,
    Stack,
)

from .asgi import http
from .stacking import HERE, order, write


def test_a_file_gives_what_a_list_gives(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f"""
        [[middleware]]
        use = "{HERE}:Marks"
        mark = "a"

        [[middleware]]
        use = "{HERE}:Marks"
        enabled = false

        [[middleware]]
        use = "{HERE}:Marks"
        exclude = ["/internal/*"]
        [middleware.options]
        mark = "b"
        """,
    )
    stack = Stack.from_file(file)
    assert order(stack) == ["a", "b"]
    assert order(stack, http("/internal/x")) == ["a"]
    assert order(Stack.from_file(str(file))) == ["a", "b"]


def test_a_file_may_hold_one_inline_list(tmp_path: Path) -> None:
    file = write(tmp_path, f'middleware = [{{ use = "{HERE}:Marks", mark = "a" }}, {{ use = "{HERE}:Marks" }}]')
    assert order(Stack.from_file(file)) == ["a", "?"]


QUOTES = 'mend it; text stands in quotes, as in use = "cors"'
CORE = "use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"
LIST_OF_TABLES = 'middleware: must be a list of tables; write [[middleware]] and use = "cors"'

# A sentence, the file, the error behind the file's name.
FILES: list[tuple[str, str | bytes, str]] = [
    ("an empty file", "", 'middleware: is missing; write [[middleware]] and use = "cors"'),
    ("an empty list", "middleware = []", 'middleware: is missing; write [[middleware]] and use = "cors"'),
    ("one table", '[middleware]\nuse = "cors"', LIST_OF_TABLES),
    ("a list of words", 'middleware = ["cors"]', LIST_OF_TABLES),
    ("text", 'middleware = "cors"', LIST_OF_TABLES),
    (
        "a typing error at the top",
        '[[midleware]]\nuse = "cors"',
        "midleware: is not known at the top of a stack file; did you mean 'middleware'?",
    ),
    (
        "something else at the top",
        'use = "cors"\n[[middleware]]\nuse = "core"',
        (
            "2 problems"
            "\n  - use: is not known at the top of a stack file; known: middleware, silence"
            f"\n  - entry 1 (core), line 2: {CORE}"
        ),
    ),
    (
        "no TOML",
        '[[middleware]\nuse = "cors"',
        "file: is not TOML: Expected ']]' at the end of an array declaration (at line 1, column 13); mend it",
    ),
    (
        "a value without quotes",
        '[[middleware]]\nuse = "sessions"\nsecret_key = zqxjkvwy',
        "file: is not TOML: Invalid value (at line 3, column 14); " + QUOTES,
    ),
    (
        "not UTF-8",
        b"# \xff",
        "file: is not UTF-8; save it as that",
    ),
    (
        "a word at the top",
        "[cors]\nallow_origins = []",
        'cors: is not known at the top of a stack file; write [[middleware]] and use = "cors"',
    ),
    ("the line of the entry", '\n\n[[middleware]]\n\nuse = "core"', f"entry 1 (core), line 3: {CORE}"),
    (
        "lines of several entries, in every spelling of their heads",
        (
            '[[middleware]] # one\nuse = "core"\n\n \t[[\tmiddleware\t]]\nuse = "core"\n'
            '[["middleware"]]\nuse = "core"\n'
            "[['middleware']]\nuse = \"core\""
        ),
        (
            "4 problems"
            f"\n  - entry 1 (core), line 1: {CORE}"
            f"\n  - entry 2 (core), line 4: {CORE}"
            f"\n  - entry 3 (core), line 6: {CORE}"
            f"\n  - entry 4 (core), line 8: {CORE}"
        ),
    ),
    (
        "lines ended as in Windows",
        '\r\n[[middleware]]\r\nuse = "core"\r\n',
        f"entry 1 (core), line 2: {CORE}",
    ),
    (
        "tables inside an entry are no entries",
        '[[middleware]]\nuse = "errors"\n[middleware.options]\ndebug = true\n[[middleware]]\nuse = "core"',
        f"entry 2 (core), line 5: {CORE}",
    ),
    (
        "a head inside a text: then no lines rather than wrong ones",
        '[[middleware]]\nuse = "core"\nname = """\n[[middleware]]\n"""',
        f"entry 1 ([[middleware]]\\n): {CORE}",
    ),
    ("an inline list has no lines", 'middleware = [\n{ use = "core" }\n]', f"entry 1 (core): {CORE}"),
    (
        "a line separator of Unicode ends no line",
        '# one\u2028two\u0085three\n[[middleware]]\nuse = "core"',
        f"entry 1 (core), line 2: {CORE}",
    ),
]


@pytest.mark.parametrize(("sentence", "text", "expected"), FILES, ids=[row[0] for row in FILES])
def test_a_wrong_file_is_explained(sentence: str, text: str | bytes, expected: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    assert str(caught.value) == f"{file}: {expected}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(missing)
    assert str(caught.value) == f"{missing}: file: does not exist; mend the path"
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(tmp_path)
    assert str(caught.value) == f"{tmp_path}: file: is a folder; name the file in it, such as {tmp_path}/stack.toml"
    long = tmp_path / f"{'a' * 300}.toml"
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(long)
    assert str(caught.value) == f"{long}: file: cannot be read (File name too long); mend it"


HOSTILE_FILES = [
    ("an integer of too many digits", "a = " + "9" * 5000),
    ("too deep a nesting", "a = " + "[" * 20_000),
    ("a nesting of tables too deep", "a = " + "{a=" * 20_000),
    ("an impossible date", "a = 2020-13-45"),
]


@pytest.mark.parametrize(("sentence", "text"), HOSTILE_FILES, ids=[row[0] for row in HOSTILE_FILES])
def test_a_hostile_file_is_refused_like_any_other(sentence: str, text: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    assert (caught.value.owner, caught.value.problems[0].option) == (str(file), "file")
