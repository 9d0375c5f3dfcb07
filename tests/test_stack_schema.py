"""`stack`: the schema for editors takes every good stack file, and none that is wrong in its structure."""

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from asgi_middleware import cli
from asgi_middleware.stack import registry
from asgi_middleware.stack.schema import schema

from .stack_documents import BAD, GOOD, SESSIONS
from .stacking import HERE

ROOT = Path(__file__).parent.parent
SCHEMA = schema()
VALIDATOR = Draft7Validator(SCHEMA)


def fits(document: Any) -> bool:
    return VALIDATOR.is_valid(document)


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("sentence", "entries"), GOOD, ids=[row[0] for row in GOOD])
def test_what_is_good_fits(sentence: str, entries: list[dict[str, Any]]) -> None:
    assert fits({"$schema": "stack.schema.json", "silence": ["two-auth"], "middleware": entries})


@pytest.mark.parametrize(("sentence", "document", "told"), BAD, ids=[row[0] for row in BAD])
def test_what_is_bad_does_not(sentence: str, document: Any, told: list[str]) -> None:
    assert not fits(document)


# The stack files of the README, and of the examples.
EXAMPLES = [
    (ROOT / "examples" / "stack.toml").read_text(),
    *re.findall(r"^```toml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL),
]


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_fit(text: str) -> None:
    assert list(VALIDATOR.iter_errors(tomllib.loads(text))) == []


def test_a_reference_may_stand_wherever_a_value_may() -> None:
    references: list[Any] = [
        {"env": "NAME"},
        {"env": "NAME", "default": None},
        {"file": "path"},
        {"file": "path", "create": 16},
        {"import": "package.module:name.attribute"},
    ]
    places = 0
    for word in registry.MIDDLEWARE:
        entry = SCHEMA["definitions"][f"entry_{word}"]
        needed = {name: {"env": "X"} for name in ("secret_key", "backend") if name in entry["properties"]}
        for option in entry["properties"].keys() - {"use", "name", "paths", "exclude", "types", "options"}:
            for reference in references:
                places += 1
                assert fits({"middleware": [{"use": word, **needed, option: reference}]})
                assert (
                    fits({"middleware": [{"use": word, "options": {**needed, option: reference}}]})
                    or option == "enabled"
                )
    assert places > 250


WRONG_REFERENCES: list[Any] = [
    {"env": "NAME", "defualt": 1},
    {"env": "NAME", "file": "path"},
    {"env": 5},
    {"file": ""},
    {"file": "path", "default": 1},
    {"file": "path", "create": True},
    {"file": "path", "create": 1025},
    {"create": 32},
    {"import": "module"},
    {"import": "module:"},
    {"import": "1module:name"},
    {},
]


@pytest.mark.parametrize("reference", WRONG_REFERENCES, ids=[json.dumps(row) for row in WRONG_REFERENCES])
def test_what_is_nearly_a_reference_does_not_fit(reference: Any) -> None:
    assert not fits({"middleware": [{"use": "cors", "allow_origins": reference}]})
    assert not fits({"middleware": [{"use": "cors", "allow_origins": ["https://a.example", reference]}]})
    assert not fits({"middleware": [{**SESSIONS, "store": reference}]})


def test_the_options_of_import_strings_are_left_to_check() -> None:
    assert fits({"middleware": [{"use": f"{HERE}:Marks", "anything": 1, "paths": ["/a"], "options": {"name": 1}}]})
    assert not fits({"middleware": [{"use": f"{HERE}:Marks", "paths": "/a"}]})


def test_an_option_that_is_named_like_a_key_of_the_entry_stands_in_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.MIDDLEWARE, "named", f"{__name__}:Named")
    made = Draft7Validator(schema())
    assert made.is_valid({"middleware": [{"use": "named", "name": "a", "options": {"name": 5}}]})
    assert not made.is_valid({"middleware": [{"use": "named", "name": 5}]})
    assert not made.is_valid({"middleware": [{"use": "named", "name": "a"}]})


class Named:
    """Takes a name."""

    def __init__(self, app: Any, *, name: int) -> None:
        self.app = app


def test_it_says_what_editors_show() -> None:
    definitions = SCHEMA["definitions"]
    max_age = definitions["entry_cors"]["properties"]["max_age"]
    assert max_age == {
        "anyOf": [{"type": "integer"}, {"type": "null"}, {"$ref": "#/definitions/reference"}],
        "description": "how long browsers keep a preflight's answer, in seconds; "
        "None leaves it to them (5 s), 0 disables",
        "default": 600,
    }
    assert definitions["entry_cors"]["properties"]["use"] == {"const": "cors"}
    assert definitions["entry_errors"]["description"] == "Answers the application's crashes"
    stores = definitions["entry_sessions"]["properties"]["store"]["anyOf"][0]["anyOf"]
    assert [part["properties"]["use"].get("const") for part in stores if "use" in part.get("properties", {})] == [
        *sorted(registry.PARTS["store"]),
        None,
    ]


# An entry, the one thing that is wrong with it, and where.
PRECISE: list[tuple[dict[str, Any], str, list[Any]]] = [
    (
        {"use": "cors", "allow_origin": []},
        "Additional properties are not allowed ('allow_origin' was unexpected)",
        ["middleware", 0],
    ),
    (
        {"use": "timing", "server_timing": "some"},
        "'some' is not valid under any of the given schemas",
        ["middleware", 0, "server_timing"],
    ),
    ({"use": "eror"}, "'eror' is not valid under any of the given schemas", ["middleware", 0, "use"]),
    (
        {"use": "errors", "enabled": "yes"},
        "'yes' is not valid under any of the given schemas",
        ["middleware", 0, "enabled"],
    ),
    ({"name": "errors"}, "'use' is a required property", ["middleware", 0]),
]


@pytest.mark.parametrize(("entry", "message", "place"), PRECISE, ids=[row[1] for row in PRECISE])
def test_what_is_wrong_is_told_of_the_very_option(entry: dict[str, Any], message: str, place: list[Any]) -> None:
    errors = list(VALIDATOR.iter_errors({"middleware": [{"use": "lint"}, entry, {"use": "lint"}]}))
    assert [(error.message, [*error.path]) for error in errors] == [(message, [place[0], 1, *place[2:]])]


def test_what_completes_excludes_nothing() -> None:
    offered = SCHEMA["properties"]["middleware"]["items"]["anyOf"]
    assert [set(each["properties"]) for each in offered[:-1]] == [
        set(SCHEMA["definitions"][f"entry_{word}"]["properties"]) for word in registry.MIDDLEWARE
    ]
    alone = Draft7Validator({"definitions": SCHEMA["definitions"], "anyOf": offered})
    for _, document, _ in BAD:
        assert alone.is_valid(document)


def test_a_default_that_others_may_keep_secret_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.MIDDLEWARE, "careless", f"{__name__}:Careless")
    text = json.dumps(schema())
    assert "zqxj" not in text
    assert "redis://<hidden>@host" in text


class Careless:
    """Has secrets for defaults."""

    def __init__(self, app: Any, *, api_key: str = "zqxjkvwy", store_url: str = "redis://ada:zqxjkvwy@host") -> None:
        self.app = app


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == (json.loads(json.dumps(SCHEMA)), "")


def test_the_check_can_fail() -> None:
    loose = copy.deepcopy(SCHEMA)
    loose["definitions"]["entry_errors"]["additionalProperties"] = True
    document = {"middleware": [{"use": "errors", "debgu": True}]}
    assert (Draft7Validator(loose).is_valid(document), fits(document)) == (True, False)
