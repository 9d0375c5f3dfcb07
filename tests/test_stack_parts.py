"""`stack`: what `{ use = ... }` builds inside an option."""

from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import (
    Stack,
)
from asgi_middleware._options import Options

from .apps import silent
from .asgi import App
from .stacking import BEARER, HERE, KEY, problems


def test_a_part_is_built_from_its_own_words() -> None:
    built: Any = Stack([("auth", {"backend": BEARER})])(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer"]
    hashed = "$2b$12$" + "a" * 53
    built = Stack([("auth", {"backend": [BEARER, {"use": "basic", "users": {"ada": hashed}}]})])(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer", "Basic"]
    built = Stack(
        [("auth", {"backend": {"use": "asgi_middleware.auth.bearer:from_options", **dict(list(BEARER.items())[1:])}})]
    )(silent())
    assert [type(backend).__name__ for backend, _ in built._backends] == ["Bearer"]


STORES: list[tuple[str, Any, str]] = [
    ("memory", {"use": "memory", "most": 5}, "MemoryStore"),
    ("sqlite", {"use": "sqlite", "path": "sessions.db"}, "SQLiteStore"),
    ("redis", {"use": "redis", "url": "redis://localhost", "prefix": "login:"}, "RedisStore"),
    ("sql", {"use": "sql", "url": "postgresql+asyncpg://localhost/x", "table": "logins"}, "SQLAlchemyStore"),
    ("a URL", "memory:", "MemoryStore"),
    ("a URL elsewhere", {"env": "STACK_URL"}, "RedisStore"),
    ("a part whose URL is elsewhere", {"use": "redis", "url": {"env": "STACK_URL"}}, "RedisStore"),
    ("one of others", {"use": "asgi_middleware.sessions.stores:MemoryStore"}, "MemoryStore"),
]


@pytest.mark.parametrize(("sentence", "store", "kind"), STORES, ids=[row[0] for row in STORES])
def test_a_store_of_sessions_is_a_part(
    sentence: str, store: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_URL", "redis://ada:zqxjkvwy@localhost")
    stack = Stack([("sessions", {"secret_key": KEY, "store": store})], base=tmp_path)
    built: Any = stack(silent())
    assert type(built._stored._store).__name__ == kind
    assert "zqxj" not in stack.describe()


def test_the_file_of_a_store_is_beside_the_config_file(tmp_path: Path) -> None:
    options = {"secret_key": KEY, "store": {"use": "sqlite", "path": "sub/sessions.db"}}
    assert problems([("sessions", options)], base=tmp_path) == [
        (
            f"entry 1 (sessions): store.path: '{tmp_path}/sub/sessions.db': is in a folder that does not exist; "
            "make the folder first"
        )
    ]


SCHEMES = "use one of memory:, sqlite:, redis:, rediss:, unix:, postgresql+asyncpg:"
WRONG_STORES: list[tuple[str, Any, list[str]]] = [
    (
        "an unknown word",
        {"use": "mongo"},
        ["store.use: 'mongo': is no known name; known: memory, redis, sql, sqlite (or 'package.module:Name')"],
    ),
    ("no URL", {"use": "redis"}, ["store.url: is required; give it"]),
    (
        "memory in SQLite",
        {"use": "sqlite", "path": ":memory:"},
        ["store.path: ':memory:': names no file; use MemoryStore(), or the path of a file"],
    ),
    (
        "a URL of another kind",
        {"use": "redis", "url": "zqxj://kvwy"},
        [
            "store.url: str: must start with redis://, rediss://, unix://; write redis://localhost:6379/0",
        ],
    ),
    (
        "a variable that is not set, and an option that is wrong",
        {"use": "memory", "most": 0, "clock": {"env": "STACK_NO_VALUE"}},
        [
            "store.clock: the environment variable STACK_NO_VALUE is not set; set it, or give a `default`",
            "store.most: 0: must be a whole number, 1 or more sessions; leave it out for 10,000",
        ],
    ),
    (
        "a URL of no store",
        "mysql://ada:zqxjkvwy@host",
        [f"store: 'mysql:': is the scheme of no store; {SCHEMES}"],
    ),
    (
        "a URL of no store, elsewhere",
        {"env": "STACK_SECRET"},
        [f"store: <from env STACK_SECRET>: is the scheme of no store; {SCHEMES}"],
    ),
]


@pytest.mark.parametrize(("sentence", "store", "expected"), WRONG_STORES, ids=[row[0] for row in WRONG_STORES])
def test_a_wrong_store_is_explained(
    sentence: str, store: Any, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_SECRET", "zqxjkvwy-zqxjkvwy")
    told = problems([("sessions", {"secret_key": KEY, "store": store})])
    assert told == [f"entry 1 (sessions): {line}" for line in expected]


def takes_store(app: App, *, store: str) -> Any:
    return app


def test_the_store_of_others_is_their_own() -> None:
    stack = Stack([(takes_store, {"store": "a shop"})])
    assert stack.describe() == "Stack\n└─ takes_store\n     store = 'a shop'\n  └─ app"


WRONG_PARTS: list[tuple[str, Any, list[str]]] = [
    (
        "an unknown word",
        {"use": "bearr"},
        ["backend.use: 'bearr': is no known name; did you mean 'bearer'? (or 'package.module:Name')"],
    ),
    (
        "a word of middlewares",
        {"use": "cors"},
        ["backend.use: 'cors': is no known name; known: api_key, basic, bearer, session (or 'package.module:Name')"],
    ),
    (
        "a number",
        {"use": 5},
        ['backend.use: 5: must be text, not int; write use = "..."'],
    ),
    (
        "a typing error in an option",
        {**BEARER, "anyissuer": True},
        ["backend.anyissuer: is no option here; did you mean 'any_issuer'?"],
    ),
    (
        "what the part refuses",
        {"use": "bearer"},
        [
            "backend.secret: exactly one of `secret`, `keys`, `jwks` and `oidc` names the key; give one of them",
            "backend.issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "backend.audience: must be given: any other audience's tokens would pass; or set any_audience=True",
        ],
    ),
    (
        "the second in a list",
        [BEARER, {"use": "basic"}],
        ["backend[2].users: exactly one of `users`, `htpasswd` and `check` is needed; give one of them"],
    ),
    (
        "a variable that is not set",
        [{**BEARER, "secret": {"env": "STACK_NO_VALUE"}}],
        ["backend[1].secret: the environment variable STACK_NO_VALUE is not set; set it"],
    ),
    (
        "a variable that is not set, and all that is wrong besides",
        {"use": "bearer", "secret": {"env": "STACK_NO_VALUE"}, "leeway": -1, "any_isuer": True},
        [
            "backend.secret: the environment variable STACK_NO_VALUE is not set; set it",
            "backend.any_isuer: is no option here; did you mean 'any_issuer'?",
            "backend.issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "backend.audience: must be given: any other audience's tokens would pass; or set any_audience=True",
            "backend.leeway: -1: must be a whole number, 0 to 300 seconds; write 30",
        ],
    ),
    (
        "a part that raises for want of a value",
        {"use": f"{HERE}:fails", "secret": {"env": "STACK_NO_VALUE"}},
        ["backend.secret: the environment variable STACK_NO_VALUE is not set; set it"],
    ),
    *(
        (
            f"a part that raises {kind}",
            {"use": f"{HERE}:fails", "kind": kind},
            [f"backend: was refused ({kind}: {text}); look up the options of '{HERE}:fails'"],
        )
        for kind, text in (
            ("ValueError", "no good: "),
            ("TypeError", "no good: "),
            ("KeyError", "'no good: '"),
            ("OSError", "no good: "),
            ("RuntimeError", "no good: "),
        )
    ),
]


@pytest.mark.parametrize(("sentence", "backend", "expected"), WRONG_PARTS, ids=[row[0] for row in WRONG_PARTS])
def test_a_wrong_part_is_explained(sentence: str, backend: Any, expected: list[str]) -> None:
    assert problems([("auth", {"backend": backend})]) == [f"entry 1 (auth): {line}" for line in expected]


class Part:
    """A part that takes no mode but its own."""

    def __init__(self, *, mode: str = "part", key: str = "") -> None:
        options = Options("Part")
        options.choice("mode", mode, ("part",))
        options.raise_problems()


def made_of_parts(app: App, *, backend: Any, mode: str = "entry") -> App:
    return app


def test_what_was_meant_elsewhere_silences_nothing_here() -> None:
    part = {"use": f"{__name__}:Part", "mode": 1}
    refused = "entry 1 (made_of_parts): backend.mode: 1: is not among the choices; use one of 'part'"
    meant = "entry 1 (made_of_parts): mod: is no option here; did you mean 'mode'?"
    assert problems([(made_of_parts, {"mod": 1, "backend": part})]) == [meant, refused]
    unset = {"use": f"{__name__}:Part", "key": {"env": "STACK_NO_VALUE"}}
    told = "entry 1 (made_of_parts): backend[1].key: the environment variable STACK_NO_VALUE is not set; set it"
    assert problems([(made_of_parts, {"backend": [unset, part]})]) == [told, refused.replace("backend", "backend[2]")]


def test_what_is_wrong_beside_a_value_that_lacks_is_told_too() -> None:
    told = problems([("sessions", {"max_age": "long"})])
    assert [one.partition(";")[0] for one in told] == [
        "entry 1 (sessions): secret_key: is required",
        "entry 1 (sessions): max_age: 'long': must be a whole number, -1 or more seconds, or None",
    ]
