"""`stack`: TOML, JSON and YAML mean the same, and what is wrong in them is told alike."""

import re
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError, Stack
from asgi_middleware.stack.files import StackFile, read_file

from .stack_documents import BAD, ENVIRONMENT, GOOD, KINDS, written


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sentence", "entries"), GOOD, ids=[row[0] for row in GOOD])
def test_what_is_good_is_built_of_every_kind(
    sentence: str, entries: list[dict[str, Any]], kind: str, tmp_path: Path
) -> None:
    document = {"silence": ["two-auth"], "$schema": "stack.schema.json", "middleware": entries}
    file = written(tmp_path, kind, document)
    found = read_file(file)
    assert (found.entries, found.silence, found.problems) == (entries, ("two-auth",), ())
    stack = Stack.from_file(file, create_files=False)
    on = [entry for entry in entries if entry.get("enabled") is not False]
    assert [entry.name for entry in stack] == [entry.get("name", entry["use"]) for entry in on]


def told(file: Path) -> list[str]:
    """What is wrong, each option without the line that it stands in, and its rule."""
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file, create_files=False)
    assert caught.value.owner == str(file)
    return [f"{re.sub(', line [0-9]+', '', problem.option)}: {problem.rule}" for problem in caught.value.problems]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sentence", "document", "expected"), BAD, ids=[row[0] for row in BAD])
def test_what_is_bad_is_told_alike_of_every_kind(
    sentence: str, document: Any, expected: list[str], kind: str, tmp_path: Path
) -> None:
    assert told(written(tmp_path, kind, document)) == expected


def test_what_a_file_says_is_a_small_object(tmp_path: Path) -> None:
    file = written(tmp_path, "toml", {"silence": ["a"], "middleware": [{"use": "errors"}, {"use": "timing"}]})
    assert read_file(file) == StackFile([{"use": "errors"}, {"use": "timing"}], [2, 4], ("a",), ())


# The same three entries, each in the style of its kind, and the line that each entry begins in.
LINES = [
    ("toml", '\n[[middleware]]\nuse = "a"\n\n[[middleware]]\nuse = "b"\n[[middleware]]\nuse = "c"\n', [2, 5, 7]),
    (
        "json",
        (
            '{"silence": [1, {"middleware": [2]}, "middleware"],\n\n "middleware":\n[{"use": "a"},\n\n'
            '  {"use": "b", "x": "]"}\n, {"use": "c"}]}'
        ),
        [4, 6, 7],
    ),
    ("json", '\n{ "middleware" : [ { "use" : "a" } , { "use" : "b" } ,\n { "use" : "c" } ] , "x" : 1 }', [2, 2, 3]),
    ("yaml", "# one\nmiddleware:\n- use: a\n\n- # two\n  use: b\n-\n  use: c\nx: 1\n", [3, 6, 8]),
    ("yaml", "--- # one\nmiddleware: [{use: a},\n  {use: b}, {use: c}]\n", [2, 3, 3]),
    ("yml", '{"middleware": [{"use": "a"},\n {"use": "b"},\n\n {"use": "c"}]}', [1, 2, 4]),
]


@pytest.mark.parametrize(("kind", "text", "lines"), LINES, ids=[f"{row[0]} {row[2]}" for row in LINES])
def test_the_line_of_every_entry_is_known(kind: str, text: str, lines: list[int], tmp_path: Path) -> None:
    file = tmp_path / f"stack.{kind}"
    file.write_text(text)
    found = read_file(file)
    assert ([entry["use"] for entry in found.entries], found.lines) == (["a", "b", "c"], lines)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    wanted = [
        f"entry {number} ({use}), line {line}: use" for number, use, line in zip((1, 2, 3), "abc", lines, strict=True)
    ]
    assert [problem.option for problem in caught.value.problems][-3:] == wanted
    assert [getattr(problem, "line", None) for problem in caught.value.problems][-3:] == lines


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_windows_and_of_other_alphabets_is_read(kind: str, tmp_path: Path) -> None:
    file = written(tmp_path, kind, {"middleware": [{"use": "errors", "name": "süß"}, {"use": "core"}]})
    file.write_bytes(b"\xef\xbb\xbf" + file.read_text().replace("\\u00fc\\u00df", "üß").replace("\n", "\r\n").encode())
    assert [entry.get("name") for entry in read_file(file).entries] == ["süß", None]


SUFFIXES = [
    ("stack.TOML", '[[middleware]]\nuse = "errors"', None),
    ("stack.YML", "middleware:\n- use: errors", None),
    ("stack.Json", '{"middleware": [{"use": "errors"}]}', None),
    (
        "stack.conf",
        '[[middleware]]\nuse = "errors"',
        "has a suffix of no known kind; name it stack.toml, .json or .yaml",
    ),
    ("stack", '[[middleware]]\nuse = "errors"', "has a suffix of no known kind; name it stack.toml, .json or .yaml"),
    (".toml", '[[middleware]]\nuse = "errors"', "has a suffix of no known kind; name it .toml.toml, .json or .yaml"),
]


@pytest.mark.parametrize(("name", "text", "refusal"), SUFFIXES, ids=[row[0] for row in SUFFIXES])
def test_the_suffix_tells_the_kind(name: str, text: str, refusal: str | None, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text)
    if refusal is None:
        assert len(Stack.from_file(file)) == 1
    else:
        with pytest.raises(ConfigError) as caught:
            Stack.from_file(file)
        assert str(caught.value) == f"{file}: file: {refusal}"


# A sentence, the kind, the text, the error behind the file's name.
UNREADABLE = [
    ("JSON: a comma at the end", "json", '{"middleware": [\n{"use": "a"},\n]}', None),
    ("JSON: no object", "json", "[]", 'is a list, not a table; write {"middleware": [{"use": "cors"}]}'),
    ("JSON: a text", "json", '"a"', 'is a str, not a table; write {"middleware": [{"use": "cors"}]}'),
    ("JSON: nothing", "json", "", "is not JSON: Expecting value (at line 1, column 1); mend it"),
    (
        "JSON: a value without quotes",
        "json",
        '{"middleware": [\n  {"secret_key": zqxjkvwy}]}',
        "is not JSON: Expecting value (at line 2, column 18); mend it",
    ),
    (
        "JSON: a key that stands twice",
        "json",
        '{"middleware": [{"use": "errors", "debug": true, "debug": false}]}',
        "is not JSON: the key 'debug' stands twice in one object; mend it",
    ),
    (
        "JSON: a list that stands twice",
        "json",
        '{"middleware": [], "middleware": []}',
        "is not JSON: the key 'middleware' stands twice in one object; mend it",
    ),
    ("JSON: no number", "json", '{"a": NaN}', "is not JSON: NaN is no number of JSON; mend it"),
    ("JSON: no number either", "json", '{"a": -Infinity}', "is not JSON: -Infinity is no number of JSON; mend it"),
    ("JSON: too deep a nesting", "json", '{"a": ' + "[" * 200_000, "is not JSON: it is nested too deeply; mend it"),
    ("JSON: an integer of too many digits", "json", '{"a": ' + "9" * 5000 + "}", None),
    (
        "TOML: a key that stands twice",
        "toml",
        "a = 1\na = 2",
        "is not TOML: Cannot overwrite a value (at end of document); mend it",
    ),
]


@pytest.mark.parametrize(("sentence", "kind", "text", "refusal"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_told_without_its_values(
    sentence: str, kind: str, text: str, refusal: str | None, tmp_path: Path
) -> None:
    file = tmp_path / f"stack.{kind}"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(file)
    (problem,) = caught.value.problems
    assert problem.option == "file"
    assert refusal in (None, f"{problem.rule}; {problem.remedy}")
    assert "zqxj" not in str(caught.value)


# A name that no file has, and what to do.
MISSPELT = [
    ("stak.toml", "did you mean '{folder}/stack.toml'?"),
    ("stack.yaml", "did you mean '{folder}/stack.toml'?"),
    ("stack.yml", "did you mean '{folder}/stack.toml'?"),
    ("elsewhere/stack.toml", "mend the path"),
    ("xyzzy", "mend the path"),
]


@pytest.mark.parametrize(("name", "remedy"), MISSPELT, ids=[row[0] for row in MISSPELT])
def test_a_file_that_is_not_there_may_have_a_neighbour(name: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("")
    (tmp_path / "stak.txt").write_text("")
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(tmp_path / name)
    expected = remedy.replace("{folder}", str(tmp_path))
    assert str(caught.value) == f"{tmp_path / name}: file: does not exist; {expected}"
