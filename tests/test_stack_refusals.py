"""`stack`: what is refused, and in which words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware

from asgi_middleware import (
    ConfigError,
    ErrorsMiddleware,
    Stack,
)
from asgi_middleware.stack import registry

from .asgi import App
from .stacking import HERE, Marks, an_app, problems

IN_THAT_FORM = """the entry itself takes it, in the form {"use": ..., 'exclude': ...}"""
WRITE_SECRET = 'write secret_key = { file = "secret_key", create = 32 }, or { env = "..." }'
KNOWN = ", ".join(sorted(registry.MIDDLEWARE))

NOT_A_LIST = [
    ("a word", "cors", "str"),
    ("bytes", b"cors", "bytes"),
    ("nothing", None, "NoneType"),
    ("a number", 5, "int"),
    ("a class", Marks, "type"),
    ("a mapping, whose options would be lost", {"errors": {"debug": True}}, "dict"),
    ("a set, which has no order", {"errors", "timing"}, "set"),
]


@pytest.mark.parametrize(("sentence", "entries", "seen"), NOT_A_LIST, ids=[row[0] for row in NOT_A_LIST])
def test_entries_must_be_a_list(sentence: str, entries: Any, seen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack(entries)
    remedy = 'write ["errors", ("cors", {...})], or Stack.from_file(...) for a file'
    assert str(caught.value) == f"Stack: entries: {seen}: must be a list; {remedy}"


NOT_WHICH = 'is neither the name of a middleware nor a class; write "cors", or ("cors", {"allow_origins": [...]})'


def not_which(seen: str) -> list[str]:
    return [f"entry 1: use: {seen}: {NOT_WHICH}"]


class Refuses:
    """A constructor of others."""

    def __init__(self, app: App, *, error: Any = None) -> None:
        raise error


def needs(app: App, *, zebra: str, yak: str, otter: str, newt: str, emu: str, cat: str, bear: str, ape: str) -> App:
    return app


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

# A sentence, the entry, every problem as text.
WRONG: list[tuple[str, Any, list[str]]] = [
    ("no entry: None", None, not_which("NoneType")),
    ("no entry: a number", 5, not_which("int")),
    ("no entry: a lonely tuple", ("cors",), not_which("tuple")),
    ("no entry: a pair without a mapping", ("cors", ["allow_origins"]), not_which("tuple")),
    ("no entry: three things", ("cors", {}, {}), not_which("tuple")),
    ("no entry: bytes", b"cors", not_which("bytes")),
    ("no entry: a mapping without use", {"Use": "cors", "a": 1}, ['entry 1: use: is missing; write use = "cors"']),
    (
        "no entry: a word as the key of its options",
        {"cors": {"allow_origins": []}},
        ["entry 1: use: is missing; write use = 'cors', and its options beside it"],
    ),
    (
        "no entry: a word as its name",
        {"name": "timing", "server_timing": "off"},
        ["entry 1: use: is missing; write use = 'timing', and its options beside it"],
    ),
    (
        "a class for its word",
        "corsmiddleware",
        ["entry 1 (corsmiddleware): use: 'corsmiddleware': is no known name; did you mean 'cors'?"],
    ),
    ("a word in capitals", "CORS", ["entry 1 (CORS): use: 'CORS': is no known name; did you mean 'cors'?"]),
    (
        "a path with dots alone",
        "starlette.middleware.gzip.GZipMiddleware",
        [
            (
                "entry 1 (starlette.middleware.gzip.GZipMiddleware): use: 'starlette.middleware.gzip.GZipMiddleware': "
                "is no known name; did you mean 'starlette.middleware.gzip:GZipMiddleware'?"
            )
        ],
    ),
    (
        "an auth without a backend",
        "auth",
        [
            (
                'entry 1 (auth): backend: is required; write backend = { use = "api_key", ... }; '
                "there are basic, bearer, session too"
            )
        ],
    ),
    (
        "what is in itself, or as good as that",
        ("cors", {"allow_origins": ENDLESS}),
        ["entry 1 (cors): options: are nested too deeply; mend them"],
    ),
    ("no entry: an empty mapping", {}, ['entry 1: use: is missing; write use = "cors"']),
    (
        "an unknown word, near a known one",
        "core",
        ["entry 1 (core): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"],
    ),
    (
        "an unknown word, far from all",
        "xyzzy",
        [f"entry 1 (xyzzy): use: 'xyzzy': is no known name; known: {KNOWN} (or 'package.module:Name')"],
    ),
    (
        "an empty word",
        "",
        [f"entry 1: use: '': is no known name; known: {KNOWN} (or 'package.module:Name')"],
    ),
    (
        "a missing module",
        "no_such_module:Name",
        [
            (
                "entry 1 (no_such_module:Name): use: 'no_such_module:Name': there is no module 'no_such_module'; "
                "mend the name, or install it"
            )
        ],
    ),
    (
        "a missing submodule",
        "asgi_middleware.corse:CORSMiddleware",
        [
            (
                "entry 1 (asgi_middleware.corse:CORSMiddleware): use: 'asgi_middleware.corse:CORSMiddleware': "
                "there is no module 'asgi_middleware.corse'; mend the name, or install it"
            )
        ],
    ),
    (
        "a missing class",
        "asgi_middleware.cors:CORSMiddelware",
        [
            (
                "entry 1 (asgi_middleware.cors:CORSMiddelware): use: 'asgi_middleware.cors:CORSMiddelware': "
                "'asgi_middleware.cors' has no 'CORSMiddelware'; did you mean 'CORSMiddleware'?"
            )
        ],
    ),
    (
        "no name behind the colon",
        "asgi_middleware.cors:",
        [
            (
                "entry 1 (asgi_middleware.cors:): use: 'asgi_middleware.cors:': is no import string; "
                "write 'package.module:name'"
            )
        ],
    ),
    (
        "what cannot be called",
        f"{HERE}:KEY",
        [f"entry 1 ({HERE}:KEY): use: str: is not callable; name a class or factory(app, ...)"],
    ),
    (
        "an application",
        f"{HERE}:an_app",
        [f"entry 1 ({HERE}:an_app): use: is an application, not a middleware; name a class or factory(app, ...)"],
    ),
    (
        "a middleware around an app, where its class is meant",
        Marks(an_app),
        ["entry 1: use: Marks: is a middleware that wraps an app already; give the class and its options"],
    ),
    (
        "what does not say what it takes",
        "builtins:zip",
        [("entry 1 (builtins:zip): options: were refused (TypeError: 'function' object is not iterable); mend them")],
    ),
    (
        "a number for its name",
        {"use": "errors", "name": 5},
        ['entry 1: name: 5: must be text; write name = "..."'],
    ),
    (
        "no types",
        {"use": "errors", "types": []},
        ["entry 1 (errors): types: []: names none, so the entry does nothing; use enabled = false for that"],
    ),
    (
        "a number for use",
        {"use": 5},
        not_which("int"),
    ),
    (
        "a typing error in an option",
        ("cors", {"alow_origins": []}),
        ["entry 1 (cors): alow_origins: is no option here; did you mean 'allow_origins'?"],
    ),
    (
        "an option far from all",
        ("errors", {"xyzzy": 1}),
        ["entry 1 (errors): xyzzy: is no option here; known: debug, reraise"],
    ),
    (
        "an option where there is none",
        (lambda app: app, {"a": 1}),
        ["entry 1 (<lambda>): a: is no option here; it takes none"],
    ),
    (
        "the app as an option",
        ("errors", {"app": 1}),
        ["entry 1 (errors): app: is no option here; known: debug, reraise"],
    ),
    (
        "a typing error in one of the entry's own keys",
        {"use": "errors", "exclud": ["/a"]},
        ["entry 1 (errors): exclud: is no option here; did you mean 'exclude'?"],
    ),
    (
        "the entry's own key in a form that has none",
        ("errors", {"exclude": ["/a"]}),
        [f"entry 1 (errors): exclude: is no option here; {IN_THAT_FORM}"],
    ),
    ("a missing option", "sessions", [f"entry 1 (sessions): secret_key: is required; {WRITE_SECRET}"]),
    (
        "several missing options, in the order of the signature",
        needs,
        [
            f"entry 1 (needs): {name}: is required; give it"
            for name in ("zebra", "yak", "otter", "newt", "emu", "cat", "bear", "ape")
        ],
    ),
    (
        "what a constructor of ours refuses, whole",
        ("errors", {"debug": 1, "reraise": "no"}),
        [
            "entry 1 (errors): debug: 1: is not among the choices; use one of False, True",
            "entry 1 (errors): reraise: 'no': is not among the choices; use one of False, True",
        ],
    ),
    (
        "conditions and options, at once",
        {"use": "errors", "debug": 1, "enabled": 1, "paths": "/a", "exclude": ["a"], "types": ["htp"]},
        [
            "entry 1 (errors): enabled: 1: must be true or false; write enabled = true",
            "entry 1 (errors): paths: '/a': must be a collection of strings, not one string; write ['/a']",
            "entry 1 (errors): exclude: 'a': a path begins with a slash; write '/a'",
            "entry 1 (errors): types: 'htp': is not among the choices; use one of 'http', 'websocket', 'lifespan'",
            "entry 1 (errors): debug: 1: is not among the choices; use one of False, True",
        ],
    ),
    (
        "one string for types",
        {"use": "errors", "types": "http"},
        ["entry 1 (errors): types: 'http': must be a collection of strings, not one string; write ['http']"],
    ),
    (
        "several wrong types, in their order",
        {"use": "errors", "types": ["f", "e", "d", "c", "b", "a"]},
        [
            f"entry 1 (errors): types: {name!r}: is not among the choices; use one of 'http', 'websocket', 'lifespan'"
            for name in "fedcba"
        ],
    ),
    (
        "a constructor that raises",
        (Refuses, {"error": ValueError("no good")}),
        ["entry 1 (Refuses): options: were refused (ValueError: no good); mend them"],
    ),
    (
        "a constructor that raises what is no ValueError",
        (Refuses, {"error": KeyError("no good")}),
        ["entry 1 (Refuses): options: were refused (KeyError: 'no good'); mend them"],
    ),
    (
        "an entry's name in its problems",
        {"use": "core", "name": "mine"},
        ["entry 1 (mine): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')"],
    ),
    (
        "too many positional arguments",
        Middleware(ErrorsMiddleware, True),  # type: ignore[call-arg]  # a wrong use  # pyright: ignore[reportCallIssue]
        [
            (
                "entry 1 (ErrorsMiddleware): options: were refused (TypeError: ErrorsMiddleware.__init__() takes "
                "2 positional arguments but 3 were given); mend them"
            )
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "entry", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_entry_is_explained(sentence: str, entry: Any, expected: list[str]) -> None:
    assert problems([entry]) == expected


def test_an_unknown_option_and_a_wrong_value_are_told_at_once() -> None:
    assert sorted(problems([("errors", {"debgu": True, "reraise": "no"})])) == [
        "entry 1 (errors): debgu: is no option here; did you mean 'debug'?",
        "entry 1 (errors): reraise: 'no': is not among the choices; use one of False, True",
    ]


@pytest.mark.parametrize("options", [5, "debug", [["debug", True]], None])
def test_options_must_be_a_table_and_the_rest_is_checked_all_the_same(options: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack([{"use": "errors", "options": options, "debgu": 1}])
    assert sorted((problem.option, problem.rule) for problem in caught.value.problems) == [
        ("entry 1 (errors): debgu", "is no option here"),
        ("entry 1 (errors): options", "must be a table"),
    ]


def test_all_problems_of_all_entries_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Stack(["core", "errors", None, ("gzip", {"minimum_size": -1}), {"use": "sessions", "name": "login"}])
    assert str(caught.value) == (
        "Stack: 4 problems\n"
        "  - entry 1 (core): use: 'core': is no known name; did you mean 'cors'? (or 'package.module:Name')\n"
        f"  - entry 3: use: NoneType: {NOT_WHICH}\n"
        "  - entry 4 (gzip): minimum_size: -1: must be a whole number, 0 or more bytes; write 500\n"
        f"  - entry 5 (login): secret_key: is required; {WRITE_SECRET}"
    )


LOADS = [
    ("no colon", "os", "is no import string", "write 'package.module:name'"),
    ("no module", ":path", "is no import string", "write 'package.module:name'"),
    ("a relative module", ".os:path", "is no import string", "write 'package.module:name'"),
    ("a URL whose scheme is a module's name", "os://ada:secret@host", "is no import string", None),
    ("a missing attribute of an attribute", "os:path.jion", "'os' has no 'jion'", "did you mean 'join'?"),
    ("a missing attribute of a number", "sys:maxsize.x", "'sys' has no 'x'", None),
    ("a missing attribute of an object with slots", f"{HERE}:SLOTTED.x", f"{HERE!r} has no 'x'", None),
    ("an empty attribute", "os:path.", "is no import string", None),
]


@pytest.mark.parametrize(("sentence", "name", "rule", "remedy"), LOADS, ids=[row[0] for row in LOADS])
def test_an_import_string_that_leads_nowhere(sentence: str, name: str, rule: str | None, remedy: str | None) -> None:
    with pytest.raises(registry.UnresolvedError) as caught:
        registry.load(name)
    assert rule in (None, caught.value.rule)
    assert remedy in (None, caught.value.remedy)


BROKEN_MODULES = [
    (
        "it raises",
        "raise KeyError('DATABASE')",
        "module 'broken_one' raised KeyError, in {file}, line 1; mend it there",
    ),
    (
        "it imports what is not installed",
        "import no_such_module",
        (
            "module 'broken_one' cannot be imported (No module named 'no_such_module'), in {file}, line 1; "
            "mend what it imports"
        ),
    ),
    (
        "it has a typing error",
        "def",
        "module 'broken_one' raised SyntaxError, in {file}, line 1; mend it there",
    ),
    ("it lacks the name", "maker = 1", "'broken_one' has no 'make'; did you mean 'maker'?"),
]


@pytest.mark.parametrize(("sentence", "source", "expected"), BROKEN_MODULES, ids=[row[0] for row in BROKEN_MODULES])
def test_a_broken_module_is_named(
    sentence: str, source: str, expected: str, module: Callable[[str, str], None], tmp_path: Path
) -> None:
    module("broken_one", source)
    expected = expected.replace("{file}", str(tmp_path / "broken_one.py"))
    assert problems(["broken_one:make"]) == [f"entry 1 (broken_one:make): use: 'broken_one:make': {expected}"]


def test_a_module_that_exits_does_not_end_the_program(module: Callable[[str, str], None]) -> None:
    # A script without a guard around its main part: a check that exits 0 would be taken for a good one.
    module("exits_at_once", "raise SystemExit(0)")
    with pytest.raises(ConfigError):
        Stack(["exits_at_once:make"])
