"""`stack`: YAML as stack files have it, what is refused, and that no value is quoted in an error."""

import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError, MissingExtra, Stack
from asgi_middleware.stack.files import read_file

# What stands behind the colon, and what it means: what JSON or the core schema of YAML 1.2 makes of it.
SCALARS: list[tuple[str, Any]] = [
    ("5", 5),
    ("-5", -5),
    ("+5", 5),
    ("0", 0),
    ("1.5", 1.5),
    ("-1.5e3", -1500.0),
    ("1e3", 1000.0),
    ("1.25E+2", 125.0),
    ("25e-2", 0.25),
    ("1e10", 1e10),
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("null", None),
    ("Null", None),
    ("~", None),
    ("", None),
    # all of these are something else by YAML 1.1
    ("off", "off"),
    ("no", "no"),
    ("yes", "yes"),
    ("On", "On"),
    ("y", "y"),
    ("017", "017"),
    ("0o17", "0o17"),
    ("0x1F", "0x1F"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    (".5", ".5"),
    ("1e?5", "1e?5"),
    (".inf", ".inf"),
    ("2020-01-01", "2020-01-01"),
    ("=", "="),
    # and these by none
    ("'5'", "5"),
    ('"true"', "true"),
    ("https://a.example", "https://a.example"),
    ("a # b", "a"),
    ("|\n    a\n    b", "a\nb\n"),
    (">-\n    a\n    b", "a b"),
    ("[a, 5, [true]]", ["a", 5, [True]]),
    ("{env: NAME, default: [1]}", {"env": "NAME", "default": [1]}),
    ("[]", []),
    ("{}", {}),
]


def read(folder: Path, text: str) -> Any:
    file = folder / "stack.yaml"
    file.write_text(text, encoding="utf-8")
    return read_file(file).entries


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[repr(row[0]) for row in SCALARS])
def test_a_value_means_what_it_means_in_json(text: str, value: Any, tmp_path: Path) -> None:
    (entry,) = read(tmp_path, f"middleware:\n- use: a\n  value: {text}\n")
    assert (type(entry["value"]), entry["value"]) == (type(value), value)


def test_what_is_off_in_timing_is_off(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("middleware:\n- use: timing\n  server_timing: off\n")
    assert Stack.from_file(file).describe().splitlines()[-2:] == ["     server_timing = 'off'", "  └─ app"]


# A sentence, the text, the entries.
SHARED: list[tuple[str, str, list[Any]]] = [
    (
        "an alias",
        "origins: &origins [a, b]\nmiddleware:\n- {use: cors, allow_origins: *origins}\n",
        [{"use": "cors", "allow_origins": ["a", "b"]}],
    ),
    (
        "a merge, over which the entry's own keys count",
        "middleware:\n- &first {use: a, x: 1, y: 2}\n- {<<: *first, y: 3}\n",
        [{"use": "a", "x": 1, "y": 2}, {"use": "a", "x": 1, "y": 3}],
    ),
    (
        "a merge of what was merged",
        "middleware:\n- &a {use: a, x: 1}\n- &b {<<: *a, x: 2}\n- {<<: *b, x: 3}\n",
        [{"use": "a", "x": 1}, {"use": "a", "x": 2}, {"use": "a", "x": 3}],
    ),
]


@pytest.mark.parametrize(("sentence", "text", "entries"), SHARED, ids=[row[0] for row in SHARED])
def test_what_is_written_once_may_stand_twice(sentence: str, text: str, entries: list[Any], tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert found == entries
    lists = [value for entry in found for value in entry.values() if isinstance(value, list)]
    assert len({id(each) for each in lists}) == len(lists)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)

# Where PyYAML would quote the value, or stumble.
UNFIT = "a value is not what its tag says, or is too long a number"
# A sentence, the text, the rule behind "is not YAML: ", or None for what is read.
REFUSED: list[tuple[str, str, str]] = [
    (
        "a key that stands twice",
        "middleware:\n- use: a\n  x: 1\n  x: 2\n",
        "a key stands twice in one table (at line 4, column 3)",
    ),
    ("the same key, quoted", 'x: 1\n"x": 2\n', "a key stands twice in one table (at line 2, column 1)"),
    ("two merges", "a: &a {}\nb: {<<: *a, <<: *a}\n", "a key stands twice in one table (at line 2, column 13)"),
    ("a number as a key", "middleware:\n- {use: a, 5: b}\n", "a key is no text; quote it (at line 2, column 12)"),
    ("a list as a key", "[a]: b\n", "a key is no text; quote it (at line 1, column 1)"),
    ("nothing as a key", "~: b\n", "a key is no text; quote it (at line 1, column 1)"),
    ("two documents", "a: 1\n---\nb: 2\n", "but found another document (at line 2, column 1)"),
    (
        "a tab for blanks",
        "middleware:\n\t- use: a\n",
        "found character '\\t' that cannot start any token (at line 2, column 1)",
    ),
    (
        "a bracket that stays open",
        "middleware: [\n",
        "expected the node content, but found '<stream end>' (at line 2, column 1)",
    ),
    (
        "a bracket that stays open in a list",
        "middleware:\n- use: cors\n  allow_origins: [a\n",
        "expected ',' or ']', but got '<stream end>' (at line 4, column 1)",
    ),
    ("a colon in a value", "middleware: a: b\n", "mapping values are not allowed here (at line 1, column 14)"),
    ("a control character", "a: \x01\n", "it has a character that YAML does not allow"),
    ("itself", "middleware: &a\n- use: *a\n", "it is nested too deeply"),
    ("a billion laughs", LAUGHS, "it holds more than 20000 values"),
    ("too deep a nesting", "a: " + "[" * 20_000, "it is nested too deeply"),
    ("an integer of too many digits", f"a: {'9' * 5000}\n", UNFIT),
    ("a set", "a: !!set {b}\n", "it holds a set, which JSON has no form for"),
    ("a date, by its tag", "a: !!timestamp 2020-01-01\n", "it holds a date, which JSON has no form for"),
    ("no date, by its tag", "a: !!timestamp zqxjkvwy\n", UNFIT),
    ("no truth, by its tag", "a: !!bool zqxjkvwy\n", UNFIT),
    ("no number, by its tag", "a: !!int zqxjkvwy\n", UNFIT),
    ("an empty number, by its tag", "a: !!int ''\n", UNFIT),
    ("a list for a text, as a key", "? !!str [a]\n: b\n", "a key is no text; quote it (at line 1, column 3)"),
    ("bytes", "a: !!binary aGk=\n", "it holds a bytes, which JSON has no form for"),
    (
        "an object of Python",
        'a: !!python/object/apply:os.system ["exit"]\n',
        "could not determine a constructor for the tag (at line 1, column 4)",
    ),
    # Here what PyYAML says would quote the value.
    ("a secret as an alias", "secret: *zqxjkvwy\n", "found undefined alias (at line 1, column 9)"),
    ("a secret as a tag", "secret: !zqxjkvwy\n", "could not determine a constructor for the tag (at line 1, column 9)"),
    ("a secret as a tag's handle", "secret: !zqxjkvwy!a b\n", "found undefined tag handle (at line 1, column 9)"),
    (
        "a secret with an escape that is none",
        'secret: "zqxj\\kvwy"\n',
        "found unknown escape character 'k' (at line 1, column 15)",
    ),
    (
        "a secret that begins with @",
        "secret: @zqxjkvwy\n",
        "found character '@' that cannot start any token (at line 1, column 9)",
    ),
    (
        "a secret behind a quote",
        "secret: 'zqxj' kvwy\n",
        "expected <block end>, but found '<scalar>' (at line 1, column 16)",
    ),
    ("a secret as a second document", "a: 1\n--- zqxjkvwy\n", "but found another document (at line 2, column 1)"),
]


@pytest.mark.parametrize(("sentence", "text", "rule"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused_is_told_without_its_values(sentence: str, text: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'stack.yaml'}: file: is not YAML: {rule}")
    assert told.endswith("; mend it")
    assert "zqxj" not in told
    assert "kvwy" not in told


def test_the_most_values_are_read(tmp_path: Path) -> None:
    """100 in `a`, 19,801 in `b`, 98 in `c`, and the document itself."""
    most = f"a: &a [{'x, ' * 99}]\nb: [{'*a , ' * 198}]\nc: [{'x, ' * 97}]\n"
    assert read(tmp_path, most) == []
    with pytest.raises(ConfigError, match="holds more than 20000 values"):
        read(tmp_path, most + "d: x\n")


def test_an_empty_file_lacks_its_list(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "---\n", "null\n"):
        file = tmp_path / "stack.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            Stack.from_file(file)
        assert str(caught.value) == f"{file}: middleware: is missing; write `middleware:`, and `- use: cors` below it"


def test_without_pyyaml_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    file = tmp_path / "stack.yaml"
    file.write_text("middleware:\n- use: errors\n")
    with pytest.raises(MissingExtra) as caught:
        Stack.from_file(file)
    expected = f"{file}: file: needs the package PyYAML; install it: pip install 'asgi-middleware[yaml]'"
    assert (caught.value.extra, str(caught.value)) == ("yaml", expected)
