"""`stack`: secrets where no secret name gives them away: hashes, connection strings, objects, and what others quote."""

import functools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError, Stack

from .asgi import App
from .stack_documents import KINDS
from .stacking import BEARER, KEY, leaks, told

SECRET = "ZqxjKvwy-Ppfgh7T3b"
HASH = "$2b$12$" + "ZqxjKvwy" * 6 + "ZqxjK"


def anything_goes(app: App, **options: Any) -> App:
    return app


def quotes(app: App, **options: Any) -> App:
    raise ValueError(f"cannot use {options!r}")


class Client:
    """Says more of itself than it should."""

    def __init__(self) -> None:
        self.password = SECRET

    def __repr__(self) -> str:
        return f"Client(password={self.password!r})"


def everything(entries: Any, **more: Any) -> str:
    """What a stack says of itself to people and to programs."""
    text = told(entries, **more)
    try:
        stack = Stack(entries, **more)
    except ConfigError:
        return text
    return "\n".join([text, json.dumps(stack.as_json()), repr(stack.as_json())])


# Where a secret stands under a name that does not tell.
ELSEWHERE: list[tuple[str, Any]] = [
    ("a hash of bcrypt", {"users": {"ada": HASH}}),
    ("a hash of argon2", {"users": ["ada:$argon2id$v=19$m=65536,t=3,p=4$ZqxjKvwyPpfgh$7T3bZqxjKvwyPpfgh"]}),
    ("a hash of crypt", {"line": "ada:$6$ZqxjKvwy$Ppfgh7T3bZqxj"}),
    ("a connection string", {"dsn": f"host=db user=ada password={SECRET} dbname=x"}),
    ("a connection string with semicolons", {"dsn": f"Server=db;Uid=ada;Pwd={SECRET};"}),
    ("the query of a URL", {"url": f"https://db/x?user=ada&api_key={SECRET}"}),
    ("the query of a URL, first", {"url": f"https://db/x?access_token={SECRET}#a"}),
    ("the userinfo of a URL", {"url": f"amqp://ada:{SECRET}@host//x"}),
    ("a path by which a secret was meant", {"url": {"env": "ELSEWHERE_NONE", "default": f"redis://:{SECRET}@host"}}),
    ("a variable whose name is the secret", {"url": {"env": f"redis://:{SECRET}@host"}}),
    ("a file whose name is the secret", {"url": {"file": f"redis://:{SECRET}@host"}}),
    ("an import string that is the secret", {"url": {"import": f"redis://:{SECRET}@host"}}),
]


# Objects, which only code can give; what a constructor says of one is its own.
OBJECTS: list[tuple[str, Any]] = [
    ("an object that tells", {"client": Client()}),
    ("an object that tells, in a list", {"clients": [Client()]}),
    ("an object that tells, in a set", {"clients": {Client()}}),
    ("an object that tells, in a mapping", {"clients": {"a": Client()}}),
    ("a partial", {"connect": functools.partial(print, SECRET, sep=SECRET)}),
    ("a bound method", {"connect": Client().__repr__}),
    ("an exception", {"error": ValueError(SECRET)}),
]
TOLD = [
    *((*row, factory) for row in ELSEWHERE for factory in (anything_goes, quotes)),
    *((*row, anything_goes) for row in OBJECTS),
]


@pytest.mark.parametrize(("sentence", "options", "factory"), TOLD, ids=[f"{row[0]}, {row[2].__name__}" for row in TOLD])
def test_a_secret_is_known_without_a_name_that_tells(sentence: str, options: Any, factory: Any, tmp_path: Path) -> None:
    text = everything([(factory, options)], base=tmp_path)
    assert factory.__name__ in text
    assert leaks(text, SECRET) == []


def test_a_hash_in_a_real_backend_is_not_shown(tmp_path: Path) -> None:
    for users in ({"ada": HASH}, {"ada": SECRET}, {"ada": {"env": "ELSEWHERE_NONE"}}):
        text = everything([("auth", {"backend": [BEARER, {"use": "basic", "users": users}]})], base=tmp_path)
        assert "auth" in text
        assert leaks(text, SECRET) == []


def test_what_is_not_secret_is_shown_as_it_is() -> None:
    options = {
        "text": "it costs $5$ or more; a=b",
        "pattern": r"^https://[a-z]+\.example$",
        "url": "https://host/path?page=2&sort=asc#a",
        "items": [1, 2.5, None, True, {"a": "b"}],
        "size": {"sort_by": "size"},
        "function": print,
        "kind": Client,
        "raw": b"abc",
    }
    assert Stack([(anything_goes, options)]).as_json()[0]["options"] == {
        **options,
        "function": "<builtins.print>",
        "kind": f"<{__name__}.Client>",
        "raw": "b'abc'",
    }


SESSIONS = f'[[middleware]]\nuse = "sessions"\nsecret_key = "{KEY}"\n'

# What a file says wrongly, each with a secret in the place of something else.
MISPLACED = [
    f'silence = "{SECRET}"\n[[middleware]]\nuse = "errors"',
    f'[[middleware]]\nuse = "errors"\npaths = ["redis://:{SECRET}@host"]',
    f'[[middleware]]\nuse = "sessions"\nsecret_key = ["{SECRET}"]\nsecret_kee = "{SECRET}"',
    f'[[middleware]]\nuse = "sessions"\nsecret_key = "{SECRET}"\nstore = "mysql://ada:{SECRET}@host"',
    f'{SESSIONS}store = {{ use = "redis", url = "http://ada:{SECRET}@host" }}',
    f'{SESSIONS}store = {{ use = "sql", url = "mysql://ada:{SECRET}@host" }}',
    f'[[middleware]]\nuse = "sessions"\nsecret_key = {{ env = "{SECRET}?" }}',
    f'[[middleware]]\nuse = "auth"\nbackend = {{ use = "bearer", secret = "{SECRET[:9]}" }}',
    f'[[middleware]]\nuse = "auth"\nbackend = {{ use = "api_key", keys = {{ "{SECRET}" = "ci" }} }}',
]


@pytest.mark.parametrize("text", MISPLACED, ids=range(len(MISPLACED)))
@pytest.mark.parametrize("kind", ["toml", "json", "yaml"])
def test_a_misplaced_secret_of_a_file_is_not_told(text: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"stack.{kind}"
    file.write_text(KINDS[kind](tomllib.loads(text)))
    try:
        stack = Stack.from_file(file)
    except ConfigError as error:
        said = f"{error} {error.problems!r}"
    else:
        said = f"{stack.describe()} {stack.as_json()}"
    assert leaks(said, SECRET) == []
