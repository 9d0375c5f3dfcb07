"""`stack`: values that stand elsewhere, and the types that they are converted to."""

import os
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import (
    ConfigError,
    Stack,
)

from .apps import silent
from .stacking import (
    HERE,
    SLOTTED,
    Typed,
    given,
    problems,
    write,
)

# A sentence, the option, the text in the environment, the value that arrives.
CONVERTED: list[tuple[str, str, str, Any]] = [
    ("int", "number", "5", 5),
    ("int, negative, with blanks", "number", " -5\n", -5),
    ("int or None", "maybe", "5", 5),
    ("Optional[int]", "older", "5", 5),
    ("float", "share", "2.5", 2.5),
    ("float, whole", "share", " -5 ", -5),
    ("int or float: a fraction", "either_number", "2.5", 2.5),
    ("int or float: whole", "either_number", "2", 2),
    ("bool: true", "flag", "true", True),
    ("bool: 1", "flag", "1", True),
    ("bool: YES", "flag", "YES", True),
    ("bool: off", "flag", "off", False),
    ("bool: 0", "flag", "0", False),
    ("bool or a word: the word", "either", "auto", "auto"),
    ("bool or a word: the bool", "either", "true", True),
    ("a collection", "texts", "a,b", ["a", "b"]),
    ("a collection of one", "texts", "a", ["a"]),
    ("a collection with blanks and gaps", "texts", " a b , c,, ", ["a b", "c"]),
    ("an empty collection", "texts", "", []),
    ("a frozenset", "frozen", "a,b", ["a", "b"]),
    ("text or a collection", "several", "a,b", "a,b"),
    ("text", "text", " a,b ", " a,b "),
    ("text of digits", "text", "5", "5"),
    ("text of a bool", "text", "true", "true"),
    ("no text", "text", "", ""),
    ("Any", "anything", "5", "5"),
    ("no annotation", "loose", "5", "5"),
]


@pytest.mark.parametrize(("sentence", "option", "text", "value"), CONVERTED, ids=[row[0] for row in CONVERTED])
def test_text_becomes_the_declared_type(
    sentence: str, option: str, text: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_VALUE", text)
    found = given({option: {"env": "STACK_VALUE"}})[option]
    assert (type(found), found) == (type(value), value)
    (tmp_path / "value").write_text(text + "\n")
    found = given({option: {"file": "value"}}, base=tmp_path)[option]
    assert (type(found), found) == (type(value), value)


NOT_CONVERTED = [
    ("no int", "number", "five", "is no whole number"),
    ("no int: empty", "number", "", "is no whole number"),
    ("no int: a fraction", "maybe", "1.5", "is no whole number"),
    ("no float", "share", "half", "is no number"),
    ("no bool", "flag", "perhaps", "is neither true nor false"),
    ("no bool: empty", "flag", "", "is neither true nor false"),
]


@pytest.mark.parametrize(("sentence", "option", "text", "rule"), NOT_CONVERTED, ids=[row[0] for row in NOT_CONVERTED])
def test_text_that_does_not_fit_is_told_without_it(
    sentence: str, option: str, text: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_VALUE", text)
    assert problems([(Typed, {option: {"env": "STACK_VALUE"}})]) == [
        f"entry 1 (Typed): {option}: <from env STACK_VALUE>: {rule}; mend the value of STACK_VALUE"
    ]


def test_nowhere_else_is_text_split_or_converted() -> None:
    options = {"text": "a,b", "anything": "5", "texts": ["a,b"]}
    found = given(options)
    assert {name: found[name] for name in options} == options


def test_a_default_stands_in_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_VALUE", "7")
    options = {
        "number": {"env": "STACK_VALUE", "default": 5},
        "texts": {"env": "STACK_NO_VALUE", "default": ["a"]},
        "anything": {"env": "STACK_NO_VALUE", "default": None},
        "flag": {"env": "STACK_NO_VALUE", "default": False},
    }
    found = given(options)
    assert {name: found[name] for name in options} == {"number": 7, "texts": ["a"], "anything": None, "flag": False}


NESTED: list[tuple[str, Any, Any]] = [
    ("in a list", ["a", {"env": "STACK_VALUE"}], ["a", "v,w"]),
    ("in a mapping", {"a": {"env": "STACK_VALUE"}}, {"a": "v,w"}),
    ("deep down", {"a": [{"b": {"env": "STACK_VALUE"}}]}, {"a": [{"b": "v,w"}]}),
    ("in a tuple", ("a", {"env": "STACK_VALUE"}), ["a", "v,w"]),
    ("a mapping of more keys is itself", {"env": "STACK_VALUE", "a": 1}, {"env": "STACK_VALUE", "a": 1}),
    ("`use` where an option has no parts", {"use": "bearer"}, {"use": "bearer"}),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), NESTED, ids=[row[0] for row in NESTED])
def test_references_stand_anywhere(sentence: str, value: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_VALUE", "v,w")
    found = given({"anything": value})["anything"]
    assert (list(found) if isinstance(found, tuple) else found) == expected


def test_a_reference_inside_a_declared_mapping_is_converted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_LEVEL", "5")
    assert len(Stack([("compression", {"levels": {"br": {"env": "STACK_LEVEL"}}})])) == 1


def test_an_import_gives_the_object_itself() -> None:
    assert given({"anything": {"import": f"{HERE}:SLOTTED"}})["anything"] is SLOTTED
    assert given({"anything": {"import": "os:path.join"}})["anything"] is os.path.join


# What is in the file, what arrives.
CONTENTS = [
    ("abc", "abc"),
    ("abc\n", "abc"),
    ("abc\r\n", "abc"),
    ("abc\n\n", "abc\n"),
    (" abc \n", " abc "),
    ("a\nb\n", "a\nb"),
    ("\n", ""),
    ("", ""),
    ("süß\n", "süß"),
]


@pytest.mark.parametrize(("content", "text"), CONTENTS, ids=[repr(row[0]) for row in CONTENTS])
def test_one_newline_at_the_end_of_a_file_is_dropped(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(content.encode())
    assert given({"text": {"file": "value"}}, base=tmp_path)["text"] == text
    assert given({"text": {"file": str(tmp_path / "value")}})["text"] == text


def test_paths_start_at_the_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "etc"
    elsewhere = tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (tmp_path / "value").write_text("above")
    (folder / "value").write_text("beside")
    (elsewhere / "value").write_text("wrong")
    write(folder, f'[[middleware]]\nuse = "{HERE}:Typed"\ntext = {{ file = "value" }}\nloose = {{ file = "../value" }}')
    monkeypatch.chdir(elsewhere)
    for path in (folder / "stack.toml", Path("../etc/stack.toml")):
        built: Any = Stack.from_file(path)(silent())
        assert (built.given["text"], built.given["loose"]) == ("beside", "above")


PLACED = [
    ("a name", "sub/a.pem", "{base}/sub/a.pem"),
    ("an absolute path", "/etc/a.pem", "/etc/a.pem"),
    ("the key itself", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", None),
    ("a JWK itself", '{"kty": "EC"}', None),
    ("what SQLite calls memory", ":memory:", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("sentence", "text", "path"), PLACED, ids=[row[0] for row in PLACED])
def test_text_of_an_option_that_is_a_path_starts_at_the_config_file(
    sentence: str, text: str, path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: Any = text if path is None else Path(path.replace("{base}", str(tmp_path)))
    monkeypatch.setenv("STACK_VALUE", text)
    (tmp_path / "value").write_text(text)
    for value in (text, {"env": "STACK_VALUE"}, {"file": "value"}):
        assert given({"file": value}, base=tmp_path)["file"] == expected


REFUSED_REFERENCES: list[tuple[str, dict[str, Any], str]] = [
    (
        "a variable that is not set",
        {"env": "STACK_NO_VALUE"},
        "the environment variable STACK_NO_VALUE is not set; set it, or give a `default`",
    ),
    ("no name of a variable", {"env": ""}, '`env` must be text; write { env = "..." }'),
    ("a number for a variable", {"env": 5}, '`env` must be text; write { env = "..." }'),
    # Not shown: it may be the secret itself, in the wrong place.
    ("no name of a variable", {"env": "zqx jkvwy"}, '`env` is no name of a variable; write { env = "NAME" }'),
    (
        "no name of a variable either",
        {"env": "1+zqxj/kvwy=="},
        '`env` is no name of a variable; write { env = "NAME" }',
    ),
    ("a number for a file", {"file": 5}, '`file` must be text; write { file = "..." }'),
    ("a number for an import", {"import": 5}, '`import` must be text; write { import = "..." }'),
    (
        "a file that is missing",
        {"file": "missing"},
        "the file missing cannot be read (No such file or directory); mend the path, or add create = 32",
    ),
    (
        "a folder",
        {"file": "folder"},
        "the file folder cannot be read (Is a directory); mend the path, or add create = 32",
    ),
    (
        "a file that is not UTF-8",
        {"file": "latin"},
        "the file latin cannot be read (not UTF-8); mend the path, or add create = 32",
    ),
    *(
        (
            f"create = {size!r}",
            {"file": "new", "create": size},
            "`create` must be a number of bytes from 16 to 1024; write create = 32",
        )
        for size in (15, 1025, 0, -1, True, "32", 32.0)
    ),
    ("an import without a name", {"import": "os"}, "'os': is no import string; write 'package.module:name'"),
    (
        "an import of a missing module",
        {"import": "no_such_module:x"},
        "'no_such_module:x': there is no module 'no_such_module'; mend the name, or install it",
    ),
    (
        "an import of a missing name",
        {"import": "os:path.jion"},
        "'os:path.jion': 'os' has no 'jion'; did you mean 'join'?",
    ),
]


@pytest.mark.parametrize(
    ("sentence", "reference", "expected"), REFUSED_REFERENCES, ids=[row[0] for row in REFUSED_REFERENCES]
)
def test_a_wrong_reference_is_explained(
    sentence: str, reference: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes(b"\xff")
    assert problems([(Typed, {"text": reference})], base=tmp_path) == [f"entry 1 (Typed): text: {expected}"]
    assert problems([(Typed, {"anything": [{"a": reference}]})], base=tmp_path) == [
        f"entry 1 (Typed): anything[1].a: {expected}"
    ]
    assert sorted(os.listdir(tmp_path)) == ["folder", "latin"]


def test_a_file_name_that_no_file_can_have_is_a_problem(tmp_path: Path) -> None:
    for reference in ({"file": "a\0b"}, {"file": "a\0b", "create": 32}):
        with pytest.raises(ConfigError) as caught:
            Stack([(Typed, {"text": reference})], base=tmp_path)
        assert [problem.option for problem in caught.value.problems] == ["entry 1 (Typed): text"]


@pytest.mark.parametrize("name", ["m", "M", "_", "_-.", "m.M-5_"])
def test_a_variable_may_have_any_name_that_something_sets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "value")
    assert given({"text": {"env": name}})["text"] == "value"


@pytest.mark.parametrize("name", ["5", "-a", ".a", "a b", "a=", "ä", "a\n"])
def test_and_no_other(name: str) -> None:
    told = '`env` is no name of a variable; write { env = "NAME" }'
    assert problems([(Typed, {"text": {"env": name}})]) == [f"entry 1 (Typed): text: {told}"]


MISTYPED: list[dict[str, Any]] = [
    {"env": "STACK_VALUE", "defualt": ["X-A"]},
    {"env": "STACK_VALUE", "required": True},
    {"import": "os:path", "default": ["X-A"]},
    {"file": "value", "default": ["X-A"]},
]


WRONG_KEYS: list[tuple[dict[str, Any], str]] = [
    ({"env": "STACK_VALUE", "defualt": "zqxjkvwy"}, "'defualt' stands in no reference; did you mean 'default'?"),
    ({"file": "value", "creat": 32}, "'creat' stands in no reference; did you mean 'create'?"),
]


@pytest.mark.parametrize(("reference", "told"), WRONG_KEYS, ids=[row[1] for row in WRONG_KEYS])
def test_a_misspelt_key_of_a_reference_is_named(reference: dict[str, Any], told: str) -> None:
    # Elsewhere a table may have such keys.
    assert given({"anything": reference})["anything"] == reference
    assert problems([("sessions", {"secret_key": reference})]) == [f"entry 1 (sessions): secret_key: <hidden>: {told}"]


@pytest.mark.parametrize(
    "reference",
    [
        {"env": "A", "file": "b"},
        {"env": "A", 5: 1},
        {"env": "A", "create": 32},
        {"file": "a", "default": "b"},
        {"env": "A", "xyzzy": 1},
        {"env": "A", "defualt": "b", "creat": 32},
    ],
    ids=str,
)
def test_what_is_no_reference_is_no_secret_either(reference: dict[Any, Any]) -> None:
    (told,) = problems([("sessions", {"secret_key": reference})])
    assert told.startswith("entry 1 (sessions): secret_key: <hidden>: must be text or bytes that are not empty, or a ")


SHELLS = ["$STACK_VALUE", "${STACK_VALUE}", "$_A09Z", "${_A09Z}", "$Z", "${Z}"]
NO_SHELLS = ["$", "${}", "$1", "${1}", "$a", "${a}", "$A-B", "${A-B}", "$A]", "${A", "$A}", "A", "{A}", " $A", "$A "]


@pytest.mark.parametrize("text", SHELLS)
def test_a_shells_variable_is_no_secret(text: str) -> None:
    told = "is written like a shell's variable, and no shell reads this"
    assert problems([("sessions", {"secret_key": text})]) == [
        f'entry 1 (sessions): secret_key: <hidden>: {told}; name it: {{ env = "NAME" }}'
    ]
    assert problems([("sessions", {"secret_key": ["k" * 32, text]})]) == [
        f'entry 1 (sessions): secret_key[2]: <hidden>: {told}; name it: {{ env = "NAME" }}'
    ]
    assert given({"text": text})["text"] == text


@pytest.mark.parametrize("text", NO_SHELLS)
def test_what_is_written_otherwise_may_be_one(text: str) -> None:
    assert len(Stack([("sessions", {"secret_key": text})])) == 1


@pytest.mark.parametrize("reference", MISTYPED, ids=[", ".join(row) for row in MISTYPED])
def test_what_is_nearly_a_reference_is_not_taken_for_a_list_of_its_keys(reference: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Stack([("cors", {"allow_origins": [], "allow_headers": reference})])
