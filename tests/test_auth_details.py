"""`auth` to the letter: what a refusal says, and paths that no other test tells from their neighbours."""

from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import (
    JWT,
    APIKeys,
    AuthError,
    Basic,
    Bearer,
    HMACKey,
    RequireScopes,
    SessionUser,
    User,
    login,
)
from asgi_middleware.auth.api_key import from_options as api_key_from_options
from asgi_middleware.auth.basic import from_options as basic_from_options
from asgi_middleware.auth.bearer import from_options as bearer_from_options

from . import apps
from .asgi import http
from .authenticating import BEARER, Claims, never, refused
from .tokens import ask, refusal, run

# --- what a refusal says


class Reads(Claims):
    """A backend that is asked about these headers only."""

    def __init__(self, *names: Any) -> None:
        super().__init__(None)
        self.reads = names


async def later() -> float:
    return 0.0


PLAIN = apps.text()
D = "0" * 64
Row = tuple[str, Any, tuple[Any, ...], dict[str, Any], list[str]]
REFUSALS: list[Row] = [
    (
        "AuthMiddleware",
        AuthMiddleware,
        (5, [], 5),
        {"required": "yes", "realm": 5},
        [
            "app: 5: must be an ASGI application; pass a callable(scope, receive, send)",
            "backend: []: holds no backend; list at least one, such as Bearer(...)",
            "on_error: 5: must be a function; pass a callable, or leave the option out",
            "required: 'yes': is not among the choices; use one of False, True",
            "realm: 5: must be a string that is not empty; write 'api'",
        ],
    ),
    (
        "AuthMiddleware",
        AuthMiddleware,
        (PLAIN, [1, Bearer, Reads("X-Token")], never),
        {"public": ["docs"], "realm": "Zoë"},
        [
            (
                "backend: int: is no backend: it has neither `identify` nor `authenticate`; pass an instance, "
                "such as Bearer(...)"
            ),
            (
                "backend: type: is no backend: it has neither `identify` nor `authenticate`; pass an instance, "
                "such as Bearer(...)"
            ),
            "backend: Reads: has `reads` that are no lower-case names; write reads = (b'x-token',)",
            "on_error: an async function: must answer at once; pass a plain function",
            "public: 'docs': a path begins with a slash; write '/docs'",
            "public: ['docs']: means nothing without required=True; set it, or leave this out",
            "realm: 'Zoë': must be ASCII; write 'api'",
        ],
    ),
    (
        "AuthMiddleware",
        AuthMiddleware,
        (PLAIN, BEARER),
        {"public": "/docs", "required": True},
        ["public: '/docs': must be a collection of strings, not one string; write ['/docs']"],
    ),
    (
        "RequireScopes",
        RequireScopes,
        (5, ["read write"]),
        {"scheme": "Digest", "realm": ""},
        [
            "app: 5: must be an ASGI application; pass a callable(scope, receive, send)",
            "scopes: 'read write': is no scope: it has blanks or quotes; write each on its own",
            "scheme: 'Digest': is not among the choices; use one of 'Bearer', 'Basic', 'APIKey', 'Session'",
            "realm: '': must be a string that is not empty; write 'api'",
        ],
    ),
    (
        "RequireScopes",
        RequireScopes,
        (PLAIN, "read"),
        {"realm": "Zoë"},
        [
            "scopes: 'read': must be a collection of strings, not one string; write ['read']",
            "realm: 'Zoë': must be ASCII; write 'api'",
        ],
    ),
    (
        "RequireScopes",
        RequireScopes,
        (PLAIN, b"read"),
        {},
        ["scopes: b'read': must be a collection of strings, not one string; write ['read']"],
    ),
    ("RequireScopes", RequireScopes, (PLAIN, []), {}, ["scopes: []: requires nothing; name at least one"]),
    (
        "Bearer",
        Bearer,
        (JWT, 5),
        {"subprotocol": "a b"},
        [
            "verifier: type: has no `verify`; pass JWT(keys, issuer=..., audience=...)",
            "user: 5: must be a function; pass a callable, or leave the option out",
            "subprotocol: 'a b': is no name of a subprotocol; write 'bearer'",
        ],
    ),
    ("Bearer", Bearer, (5,), {}, ["verifier: int: has no `verify`; pass JWT(keys, issuer=..., audience=...)"]),
    (
        "Basic",
        Basic,
        (5,),
        {"check": 5, "clock": 5},
        [
            "users: exactly one of `users`, `htpasswd` and `check` is needed; give one of them",
            "users: int: must map names to hashes; write {'ada': '$2b$12$...'}",
            "check: 5: must be a function; pass a callable, or leave the option out",
            "clock: 5: must be a function; pass a callable, or leave the option out",
        ],
    ),
    ("Basic", Basic, ({},), {}, ["users: names no user; add some"]),
    (
        "Basic",
        Basic,
        (),
        {"check": never, "clock": later},
        ["clock: an async function: must answer at once; pass a plain function"],
    ),
    (
        "Basic",
        Basic,
        ({"a:b": "secret"},),
        {},
        [
            "users: 'a:b': is no user name; use a text without colon",
            (
                "users: the password of 'a:b': is no bcrypt or argon2 hash (MD5, SHA-1 and plain text are not "
                "safe); make one: htpasswd -nB NAME"
            ),
        ],
    ),
    (
        "Basic",
        Basic,
        (),
        {"htpasswd": "/nowhere"},
        ["htpasswd: '/nowhere': cannot be read (FileNotFoundError); mend the path"],
    ),
    (
        "APIKeys",
        APIKeys,
        ({},),
        {"header": "a b", "bearer": 5, "dangerously_allow_query": ""},
        [
            "keys: dict: must map digests to identities; write {'9f86d0...': 'ci'}",
            "bearer: 5: is not among the choices; use one of False, True",
            "header: 'a b': is not a header name; use letters, digits and hyphens, such as 'X-Request-ID'",
            "dangerously_allow_query: '': must be a string that is not empty; write 'api_key'",
        ],
    ),
    (
        "APIKeys",
        APIKeys,
        (5,),
        {"header": "x-key", "bearer": True},
        [
            "keys: int: must map digests to identities; write {'9f86d0...': 'ci'}",
            "header: 'x-key': contradicts bearer=True; leave one of them out",
        ],
    ),
    (
        "APIKeys",
        APIKeys,
        ({"key": "ci", D: "ci", "F" * 64: {"id": "ci", "display_name": 5, "scopes": "read"}, "f" * 64: ""},),
        {},
        [
            (
                "keys: number 1: is no SHA-256 digest of a key, 64 hexadecimal digits; take it from "
                "APIKeys.new(), or hashlib.sha256(key.encode()).hexdigest()"
            ),
            "keys: number 3: names no identity; write {'9f86d0...': 'ci'}",
            "keys: number 3: has more than identity, display_name, scopes; leave the rest out",
            "keys: number 3: has a display_name that is no text; write it as text",
            "keys: 'read': must be a collection of strings, not one string; write ['read']",
            "keys: number 4: is there twice; leave one out",
        ],
    ),
    (
        "APIKeys.new",
        APIKeys.new,
        (),
        {"prefix": "9"},
        ["prefix: '9': must be a letter, then letters, digits and _; write 'acme'"],
    ),
    (
        "SessionUser",
        SessionUser,
        (5,),
        {"allow_origins": "https://a.example", "scope_key": ""},
        [
            "user: 5: must be a function; pass a callable, or leave the option out",
            (
                "allow_origins: 'https://a.example': must be a collection of strings, not one string; write "
                "['https://a.example']"
            ),
            "scope_key: '': must be a string that is not empty; write 'session'",
        ],
    ),
    (
        "SessionUser",
        SessionUser,
        (),
        {"allow_origins": b"*"},
        ["allow_origins: b'*': must be a collection of strings, not one string; write ['https://app.example.com']"],
    ),
    (
        "bearer",
        bearer_from_options,
        (),
        {},
        [
            "secret: exactly one of `secret`, `keys`, `jwks` and `oidc` names the key; give one of them",
            "issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "audience: must be given: any other audience's tokens would pass; or set any_audience=True",
        ],
    ),
    (
        "bearer",
        bearer_from_options,
        (),
        {"jwks": "http://a.example", "subprotocol": "a b"},
        [
            "jwks: 'http://a.example': must be https: anybody on the way could put in keys; write 'https://...'",
            "issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "audience: must be given: any other audience's tokens would pass; or set any_audience=True",
            "subprotocol: 'a b': is no name of a subprotocol; write 'bearer'",
        ],
    ),
    (
        "bearer",
        bearer_from_options,
        (),
        {"oidc": "http://a.example", "alg": "none", "leeway": -1},
        [
            "oidc: 'http://a.example': must be https: anybody on the way could put in keys; write 'https://...'",
            "audience: must be given: any other audience's tokens would pass; or set any_audience=True",
            "leeway: -1: must be a whole number, 0 to 300 seconds; write 30",
        ],
    ),
    (
        "APIKeys",
        api_key_from_options,
        (),
        {},
        ["keys: NoneType: must map digests to identities; write {'9f86d0...': 'ci'}"],
    ),
    (
        "api_key",
        api_key_from_options,
        (),
        {"keys": Path("/nowhere")},
        ["keys: '/nowhere': cannot be read (FileNotFoundError); mend the path"],
    ),
    (
        "Basic",
        basic_from_options,
        (),
        {},
        ["users: exactly one of `users`, `htpasswd` and `check` is needed; give one of them"],
    ),
]


def sentence(row: Row) -> str:
    return f"{row[0]}: {row[4][0]}"


@pytest.mark.parametrize(("owner", "make", "given", "options", "problems"), REFUSALS, ids=map(sentence, REFUSALS))
def test_what_a_refusal_says(
    owner: str, make: Any, given: tuple[Any, ...], options: dict[str, Any], problems: list[str]
) -> None:
    assert refused(make, *given, **options) == (owner, problems)


# --- other details


def test_the_kinds_by_which_a_stack_knows_their_order() -> None:
    kinds = [one.middleware_kind for one in (AuthMiddleware, RequireScopes, SessionUser)]
    assert kinds == ["auth", "scopes", "session_user"]


def test_a_session_of_somebody_elses_keeps_the_identity_under_a_name_that_stays() -> None:
    """Sessions outlive a new version of this."""
    session: dict[str, Any] = {}
    scope = {**http(), "session": session}
    login(scope, "user-1")
    assert session == {"_subject": "user-1"}
    assert run(SessionUser().identify(scope)).identity == "user-1"


@pytest.mark.parametrize(("status", "challenges"), [(400, ["Custom"]), (499, ["Custom"]), (500, []), (501, [])])
def test_only_what_the_client_can_mend_has_a_challenge(status: int, challenges: list[str]) -> None:
    assert ask(Claims(AuthError(status, None, "No"))) == refusal(status, "No", *challenges)


def fields(user: User) -> list[Any]:
    named = [getattr(user, name) for name in ("identity", "display_name", "scheme", "scopes", "claims", "issuer")]
    return [user.is_authenticated, *named, repr(user)]


def test_what_is_known_of_a_user() -> None:
    bare = [True, "ada", "ada", "Basic", (), {}, None, "User('ada', scheme='Basic')"]
    assert fields(User("ada", scheme="Basic")) == bare
    assert fields(User("ada", scheme="Basic", display_name="")) == [True, "ada", "", *bare[3:]]
    whole = User("7", scheme="Bearer", display_name="Ada", scopes=("read",), claims={"sub": "7"}, issuer="idp")
    expected = [True, "7", "Ada", "Bearer", ("read",), {"sub": "7"}, "idp", "User('7', scheme='Bearer')"]
    assert fields(whole) == expected


class Says:
    """A verifier to which every token says the same."""

    def __init__(self, **claims: Any) -> None:
        self.claims = claims

    async def verify(self, token: bytes) -> dict[str, Any]:
        return self.claims


def test_what_a_token_says_of_a_user() -> None:
    scope = http(headers=[("authorization", "Bearer x")])
    for issuer, known in (("idp", "idp"), (5, None), (None, None), ("", "")):
        claims = {"sub": "ada", "iss": issuer, "scope": " a  b ", "scp": ["c"]}
        user = run(Bearer(Says(**claims)).identify(scope))
        assert fields(user)[1:-1] == ["ada", "ada", "Bearer", ("a", "b"), claims, known]
    for scp, scopes in ((["c", 5, "d e"], ("c", "d e")), ("c d", ("c", "d")), (5, ()), (None, ())):
        assert run(Bearer(Says(sub="ada", scp=scp)).identify(scope)).scopes == scopes


def test_what_each_of_ours_reads() -> None:
    keys = {D: "ci"}
    assert [
        Bearer(Says()).reads,
        Basic(check=never).reads,
        APIKeys(keys).reads,
        APIKeys(keys, header="X-Key").reads,
        APIKeys(keys, bearer=True).reads,
    ] == [(b"authorization",), (b"authorization",), (b"x-api-key",), (b"x-key",), (b"authorization",)]
    # what is no header, or not always one
    for one in (Bearer(Says(), subprotocol="bearer"), APIKeys(keys, dangerously_allow_query="key"), SessionUser()):
        assert getattr(one, "reads", None) is None


def test_the_defaults_of_a_config_list_are_those_of_the_classes() -> None:
    for from_options, made in (
        (bearer_from_options, (JWT, HMACKey, Bearer)),
        (api_key_from_options, (APIKeys,)),
        (basic_from_options, (Basic,)),
    ):
        defaults = {name: one.default for cls in made for name, one in signature(cls).parameters.items()}
        mine = {name: one.default for name, one in signature(from_options).parameters.items()}
        shared = {name for name in mine if defaults.get(name, Parameter.empty) is not Parameter.empty}
        assert {name: mine[name] for name in shared} == {name: defaults[name] for name in shared}
