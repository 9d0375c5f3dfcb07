"""Stack files as data, good and bad, and each of them as TOML, JSON and YAML.

What is good here is built and fits the schema, what is bad is refused by both, in all three kinds alike.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asgi_middleware.sessions.stores import MemoryStore

from .stacking import HERE, KEY

ENVIRONMENT = {
    "DOC_KEY": KEY,
    "DOC_FLAG": "true",
    "DOC_AGE": "60",
    "DOC_ORIGIN": "https://a.example",
    "DOC_ORIGINS": "https://a.example, https://b.example",
    "DOC_STORE": "sqlite:///sessions.db",
}
# Where a file may be needed, beside the stack.
FILES = {"secret": KEY + "\n", "users": "ada:$2b$12$" + "a" * 53 + "\n"}

STORE = MemoryStore()
BEARER: dict[str, Any] = {"use": "bearer", "secret": KEY, "any_issuer": True, "any_audience": True}
SESSIONS: dict[str, Any] = {"use": "sessions", "secret_key": KEY}

# A sentence and the entries.
GOOD: list[tuple[str, list[dict[str, Any]]]] = [
    ("a word alone", [{"use": "errors"}]),
    ("an import string", [{"use": f"{HERE}:Marks", "mark": "a"}]),
    ("an import string that takes anything", [{"use": f"{HERE}:marks", "mark": "a"}]),
    (
        "every key of an entry",
        [
            {
                "use": "errors",
                "name": "crashes",
                "enabled": True,
                "paths": ["/a", "/b/*"],
                "exclude": ["/b/c"],
                "types": ["http", "websocket"],
                "options": {"debug": False},
            }
        ],
    ),
    ("enabled by the environment", [{"use": "errors", "enabled": {"env": "DOC_FLAG"}}]),
    ("enabled by default", [{"use": "errors", "enabled": {"env": "DOC_NONE", "default": True}}]),
    ("not enabled", [{"use": "errors", "enabled": False}]),
    ("a required option", [SESSIONS]),
    ("a required option, in the table", [{"use": "sessions", "options": {"secret_key": KEY}}]),
    ("several secrets", [{"use": "sessions", "secret_key": [KEY, KEY[::-1] + "x"]}]),
    (
        "every kind of reference",
        [
            {"use": "sessions", "secret_key": {"file": "session.key", "create": 32}},
            {"use": "sessions", "secret_key": {"file": "secret"}, "scope_key": "two", "session_cookie": "two"},
            {"use": "cors", "allow_origins": {"env": "DOC_ORIGINS"}, "max_age": {"env": "DOC_AGE"}},
            {"use": "timing", "clock": {"import": "time:monotonic"}},
        ],
    ),
    ("a reference in a list", [{"use": "cors", "allow_origins": ["https://c.example", {"env": "DOC_ORIGIN"}]}]),
    ("a choice and a number", [{**SESSIONS, "same_site": "strict", "store_timeout": 2.5}]),
    ("a whole number for a number", [{**SESSIONS, "store_timeout": 2}]),
    ("a bool or a word", [{**SESSIONS, "https_only": "auto"}, {"use": "request_id", "trust": False}]),
    ("a table of numbers", [{"use": "compression", "levels": {"gzip": 5}, "codings": ["gzip"]}]),
    ("a store by its URL", [{**SESSIONS, "store": "memory:"}]),
    ("a store by its URL, elsewhere", [{**SESSIONS, "store": {"env": "DOC_STORE"}}]),
    ("a store in memory", [{**SESSIONS, "store": {"use": "memory", "most": 5}}]),
    ("a store in a file", [{**SESSIONS, "store": {"use": "sqlite", "path": "sessions.db"}}]),
    (
        "a store on a server",
        [{**SESSIONS, "store": {"use": "redis", "url": {"env": "DOC_NONE", "default": "redis://localhost"}}}],
    ),
    (
        "a store in a database",
        [{**SESSIONS, "store": {"use": "sql", "url": "postgresql+asyncpg://localhost/x", "table": "logins"}}],
    ),
    ("a store of others", [{**SESSIONS, "store": {"use": "asgi_middleware.sessions.stores:MemoryStore"}}]),
    ("a store that is there", [{**SESSIONS, "store": {"import": f"{__name__}:STORE"}}]),
    ("a backend", [{"use": "auth", "backend": BEARER}]),
    (
        "several backends",
        [
            {
                "use": "auth",
                "backend": [
                    {**BEARER, "secret": {"env": "DOC_KEY"}},
                    {"use": "basic", "htpasswd": "users"},
                    {"use": "api_key", "keys": {"a" * 64: "ci", "b" * 64: {"identity": "cd", "scopes": ["deploy"]}}},
                    {"use": "session", "allow_origins": ["https://a.example"]},
                ],
                "required": True,
                "public": ["/health"],
            }
        ],
    ),
    ("a hook", [{"use": "lint", "mode": {"import": "builtins:print"}}]),
]

MIDDLEWARE = "middleware: must be a list of tables"

# A sentence, the document, what is told of it: each option and its rule.
BAD: list[tuple[str, Any, list[str]]] = [
    ("nothing", {}, ["middleware: is missing"]),
    ("no entry", {"middleware": []}, ["middleware: is missing"]),
    ("one entry in place of a list", {"middleware": {"use": "errors"}}, [MIDDLEWARE]),
    ("a word in place of a list", {"middleware": "errors"}, [MIDDLEWARE]),
    ("words in place of tables", {"middleware": ["errors"]}, [MIDDLEWARE]),
    (
        "something else at the top, and something wrong below",
        {"midleware": [], "middleware": [{"use": "errors", "debug": 1}]},
        [
            "midleware: is not known at the top of a stack file",
            "entry 1 (errors): debug: is not among the choices",
        ],
    ),
    ("one code to silence", {"silence": "a", "middleware": [{"use": "errors"}]}, ["silence: must be a list of texts"]),
    ("codes that are none", {"silence": [1], "middleware": [{"use": "errors"}]}, ["silence: must be a list of texts"]),
    (
        "the code of no rule",
        {"silence": ["two-auths"], "middleware": [{"use": "errors"}]},
        ["silence: is the code of no rule"],
    ),
    ("no use", {"middleware": [{"name": "errors"}]}, ["entry 1: use: is missing"]),
    ("an unknown word", {"middleware": [{"use": "eror"}]}, ["entry 1 (eror): use: is no known name"]),
    (
        "a number for a word",
        {"middleware": [{"use": 5}]},
        ["entry 1: use: is neither the name of a middleware nor a class"],
    ),
]

# The same for single entries.
BAD_ENTRIES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("an option that is none", {"use": "errors", "debgu": True}, ["debgu: is no option here"]),
    ("the same where it is disabled", {"use": "errors", "enabled": False, "debgu": 1}, ["debgu: is no option here"]),
    ("the same in the table", {"use": "errors", "options": {"debgu": True}}, ["debgu: is no option here"]),
    ("a required option that is missing", {"use": "sessions"}, ["secret_key: is required"]),
    (
        "text for a list",
        {"use": "cors", "allow_origins": "*"},
        ["allow_origins: must be a collection of strings, not one string"],
    ),
    ("a number in a list", {"use": "cors", "allow_origins": [5]}, ["allow_origins: is not a string"]),
    (
        "text for a number",
        {"use": "gzip", "minimum_size": "5"},
        ["minimum_size: must be a whole number, 0 or more bytes"],
    ),
    ("a fraction", {"use": "gzip", "minimum_size": 0.5}, ["minimum_size: must be a whole number, 0 or more bytes"]),
    ("a number for a switch", {"use": "errors", "debug": 1}, ["debug: is not among the choices"]),
    ("no choice", {"use": "timing", "server_timing": "some"}, ["server_timing: is not among the choices"]),
    ("text for a table", {"use": "compression", "levels": "5"}, ["levels: must be a mapping"]),
    ("text for a function", {"use": "timing", "expose": "print"}, ["expose: must be a function"]),
    ("text for enabled", {"use": "errors", "enabled": "yes"}, ["enabled: must be true or false"]),
    ("text for paths", {"use": "errors", "paths": "/a"}, ["paths: must be a collection of strings, not one string"]),
    ("no type", {"use": "errors", "types": ["htp"]}, ["types: is not among the choices"]),
    ("no types", {"use": "errors", "types": []}, ["types: names none, so the entry does nothing"]),
    ("a list of options", {"use": "errors", "options": []}, ["options: must be a table"]),
    ("a number for a name", {"use": "errors", "name": 5}, ["name: must be text"]),
    (
        "a variable without a name",
        {"use": "cors", "allow_origins": {"env": ""}},
        ["allow_origins: `env` must be text"],
    ),
    (
        "a variable that no shell has",
        {"use": "cors", "allow_origins": {"env": "a secret?"}},
        ["allow_origins: `env` is no name of a variable"],
    ),
    (
        "a few random bytes",
        {**SESSIONS, "session_cookie": {"file": "new", "create": 4}},
        ["session_cookie: `create` must be a number of bytes from 16 to 1024"],
    ),
    (
        "no import string",
        {"use": "timing", "expose": {"import": "print"}},
        ["expose: is no import string"],
    ),
    ("an unknown part", {**SESSIONS, "store": {"use": "memry"}}, ["store.use: is no known name"]),
    (
        "an unknown option of a part",
        {**SESSIONS, "store": {"use": "memory", "mots": 5}},
        ["store.mots: is no option here"],
    ),
    ("a missing option of a part", {**SESSIONS, "store": {"use": "redis"}}, ["store.url: is required"]),
    (
        "a wrong option of a part",
        {**SESSIONS, "store": {"use": "memory", "most": "5"}},
        ["store.most: must be a whole number, 1 or more sessions"],
    ),
    ("a number for a store", {**SESSIONS, "store": 5}, ["store: is not a store"]),
    (
        "a word for a backend",
        {"use": "auth", "backend": "bearer"},
        ["backend: is no backend: it has neither `identify` nor `authenticate`"],
    ),
    (
        "a part that lacks a value, and what it refuses besides",
        {"use": "auth", "backend": {"use": "bearer", "secret": {"env": 5}, "any_issuer": 1}},
        [
            "backend.secret: `env` must be text",
            "backend.any_issuer: is not among the choices",
            "backend.audience: must be given: any other audience's tokens would pass",
        ],
    ),
]
BAD += [
    (
        sentence,
        {"middleware": [entry]},
        [f"entry 1 ({entry['use']}): {line}" if entry.get("name") != 5 else f"entry 1: {line}" for line in lines],
    )
    for sentence, entry, lines in BAD_ENTRIES
]


def inline(value: Any) -> str:
    """A value as TOML writes it on one line, which for all but tables is as JSON does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    return json.dumps(value)


def as_toml(document: Any) -> str:
    entries = document.get("middleware")
    lines = [f"{json.dumps(key)} = {inline(value)}" for key, value in document.items() if key != "middleware"]
    if entries and isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        for entry in entries:
            lines += ["[[middleware]]", *(f"{key} = {inline(value)}" for key, value in entry.items())]
    elif entries is not None:
        lines.append(f"middleware = {inline(entries)}")
    return "\n".join(lines)


def as_json(document: Any) -> str:
    return json.dumps(document, indent=2)


def as_yaml(value: Any, indent: str = "") -> str:
    """Block style, as people write it; text in quotes only where it has to be."""
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            below = as_yaml(item, f"{indent}  ")
            nested = isinstance(item, (dict, list)) and item
            lines.append(f"{indent}{as_yaml(key)}:{chr(10) if nested else ' '}{below}")
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(f"{indent}- {as_yaml(item, f'{indent}  ').lstrip()}" for item in value)
    if isinstance(value, str) and value.replace("_", "a").isalpha() and value not in ("null", "true", "false"):
        return value
    return json.dumps(value)


KINDS: dict[str, Callable[[Any], str]] = {"toml": as_toml, "json": as_json, "yaml": as_yaml}


def written(folder: Path, kind: str, document: Any) -> Path:
    """A file of that kind in the folder, beside the files that it may name."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    file = folder / f"stack.{kind}"
    file.write_text(KINDS[kind](document))
    return file
