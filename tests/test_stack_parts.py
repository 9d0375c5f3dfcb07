"""`stack`: what `{ use = ... }` builds inside an option."""

from typing import Any

import pytest

from asgi_middleware import (
    Stack,
)

from .apps import silent
from .stacking import BEARER, HERE, problems


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
