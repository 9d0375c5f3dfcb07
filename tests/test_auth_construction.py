"""`AuthMiddleware`, `Basic` and `Bearer`: wrong configurations, and config lists."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, ConfigError, MissingExtra
from asgi_middleware.auth import Basic, Bearer
from asgi_middleware.auth.basic import from_options as basic_from_options
from asgi_middleware.auth.bearer import from_options as bearer_from_options

from . import apps
from .asgi import drive, http
from .authenticating import (
    ADA,
    BEARER,
    HTPASSWD,
    USERS,
    Claims,
    known,
    never,
    pair,
)
from .tokens import (
    AUDIENCE,
    ISSUER,
    P256,
    SECRET,
    SIGNATURE,
    ask,
    bad_token,
    claiming,
    jwk,
    pem,
    verifier,
)

# --- wrong configuration

PLAIN = apps.text()
HASH = "make one: htpasswd -nB NAME"
INSTANCE = "pass an instance, such as Bearer(...)"
READS = "write reads = (b'x-token',)"
WRITE = "write {'ada': '$2b$12$...'}"


class Reads(Claims):
    def __init__(self, reads: Any) -> None:
        super().__init__(None)
        self.reads = reads


NO_HASHES: dict[str, Any] = {
    "plain text": "open sesame",
    "an empty hash": "",
    "None": None,
    "bytes": USERS["ada"].encode(),
    "apr1": "$apr1$abcdefgh$abcdefghijklmnopqrstu1",
    "SHA-1": "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    "SHA-512 of crypt": "$6$rounds=5000$abcdefgh$" + "a" * 86,
    "DES": "rqXexS6ZhobKA",
    "a hash that is cut": USERS["ada"][:-1],
    "a hash with a line end": USERS["ada"] + "\n",
    "a hash and more": USERS["ada"] + ":x",
    "argon2 that is cut": USERS["argon"].rpartition("$")[0],
    "a cost that bcrypt does not know": USERS["ada"].replace("$04$", "$03$"),
    "a cost beyond bcrypt's last": USERS["ada"].replace("$04$", "$99$"),
}
WRONG_USES: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    ("no app", lambda: AuthMiddleware(None, BEARER), [("app", "pass a callable(scope, receive, send)")]),  # type: ignore[arg-type]
    ("no backend", lambda: AuthMiddleware(PLAIN, []), [("backend", "list at least one, such as Bearer(...)")]),
    ("None as a backend", lambda: AuthMiddleware(PLAIN, None), [("backend", INSTANCE)]),
    ("a class as a backend", lambda: AuthMiddleware(PLAIN, Bearer), [("backend", INSTANCE)]),
    ("a verifier as a backend", lambda: AuthMiddleware(PLAIN, verifier()), [("backend", INSTANCE)]),
    ("a name as a backend", lambda: AuthMiddleware(PLAIN, "bearer"), [("backend", INSTANCE)]),
    ("a set of backends", lambda: AuthMiddleware(PLAIN, {BEARER}), [("backend", INSTANCE)]),
    ("two bad among three", lambda: AuthMiddleware(PLAIN, [1, BEARER, "x"]), [("backend", INSTANCE)] * 2),
    (
        "on_error that is no function",
        lambda: AuthMiddleware(PLAIN, BEARER, "x"),  # type: ignore[arg-type]
        [("on_error", "pass a callable, or leave the option out")],
    ),
    (
        "on_error that is async, whose answer would come too late",
        lambda: AuthMiddleware(PLAIN, BEARER, never),
        [("on_error", "pass a plain function")],
    ),
    *(
        (
            f"a backend whose `reads` are {sentence}",
            partial(AuthMiddleware, PLAIN, [Reads(names)]),
            [("backend", READS)],
        )
        for sentence, names in {
            "text": ("x-token",),
            "in mixed case": (b"x-id", b"X-Token"),
            "one name alone": b"x-token",
            "none at all": (),
            "a number": 5,
        }.items()
    ),
    (
        "required as a number",
        lambda: AuthMiddleware(PLAIN, BEARER, required=1),  # type: ignore[arg-type]
        [("required", "use one of False, True")],
    ),
    (
        "public without required",
        lambda: AuthMiddleware(PLAIN, BEARER, public=["/"]),
        [("public", "set it, or leave this out")],
    ),
    (
        "public as one text",
        lambda: AuthMiddleware(PLAIN, BEARER, required=True, public="/docs"),  # type: ignore[arg-type]  # on purpose
        [("public", "write ['/docs']")],
    ),
    (
        "public patterns that never match or match too much",
        lambda: AuthMiddleware(PLAIN, BEARER, required=True, public=["docs", "/a*", "/a/*/b", "/a?b", "/a/../b", "//"]),
        [
            ("public", "write '/docs'"),
            ("public", "write '/docs/*'"),
            ("public", "write '/docs/*'"),
            ("public", "leave out query, fragment, escapes"),
            ("public", "write the plain path"),
            ("public", "write the plain path"),
        ],
    ),
    ("an empty realm", lambda: AuthMiddleware(PLAIN, BEARER, realm=""), [("realm", "write 'api'")]),
    ("a realm with a line end", lambda: AuthMiddleware(PLAIN, BEARER, realm="a\r\nb"), [("realm", "leave them out")]),
    ("a realm beyond ASCII", lambda: AuthMiddleware(PLAIN, BEARER, realm="Zoë"), [("realm", "write 'api'")]),
    (
        "several at once",
        lambda: AuthMiddleware(5, [], 5, required="yes", realm=5),  # type: ignore[arg-type]
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("backend", "list at least one, such as Bearer(...)"),
            ("on_error", "pass a callable, or leave the option out"),
            ("required", "use one of False, True"),
            ("realm", "write 'api'"),
        ],
    ),
    ("Basic: nothing", lambda: Basic(), [("users", "give one of them")]),
    ("Basic: two sources", lambda: Basic(USERS, check=never), [("users", "give one of them")]),
    ("Basic: no users", lambda: Basic({}), [("users", "add some")]),
    ("Basic: users as text", lambda: Basic(f"ada:{USERS['ada']}"), [("users", WRITE)]),  # type: ignore[arg-type]
    ("Basic: users as pairs", lambda: Basic([("ada", USERS["ada"])]), [("users", WRITE)]),  # type: ignore[arg-type]
    (
        "Basic: a check that is no function",
        lambda: Basic(check="x"),  # type: ignore[arg-type]
        [("check", "pass a callable, or leave the option out")],
    ),
    ("Basic: a name with a colon", lambda: Basic({"a:b": USERS["ada"]}), [("users", "use a text without colon")]),
    ("Basic: no name", lambda: Basic({"": USERS["ada"]}), [("users", "use a text without colon")]),
    ("Basic: a number as a name", lambda: Basic({5: USERS["ada"]}), [("users", "use a text without colon")]),  # type: ignore[dict-item]
    *(
        (f"Basic: {sentence}", partial(Basic, {"ada": value}), [("users", HASH)])
        for sentence, value in NO_HASHES.items()
    ),
    ("Basic: a file that is not there", lambda: Basic(htpasswd="/nowhere"), [("htpasswd", "mend the path")]),
    ("Basic: a folder", lambda: Basic(htpasswd="/"), [("htpasswd", "mend the path")]),
    (
        "Basic: several at once",
        lambda: Basic({"": "x", "ada": USERS["ada"], "bob": "y"}, check="x"),  # type: ignore[arg-type]
        [
            ("users", "give one of them"),
            ("users", "use a text without colon"),
            ("users", HASH),
            ("users", HASH),
            ("check", "pass a callable, or leave the option out"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG_USES, ids=[row[0] for row in WRONG_USES])
def test_a_wrong_configuration_is_refused_whole(
    sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


async def later() -> float:
    return 0.0


# Refused is what they must be; how is not decided yet.
REFUSED_SOMEHOW: list[tuple[str, Callable[[], Any], str]] = [
    ("a clock that is a number", lambda: Basic(USERS, clock=5), "clock"),  # type: ignore[arg-type]
    ("no clock", lambda: Basic(USERS, clock=None), "clock"),  # type: ignore[arg-type]
    ("a clock that is async", lambda: Basic(USERS, clock=later), "clock"),  # type: ignore[arg-type]
    ("a number for a file", lambda: Basic(htpasswd=5), "htpasswd"),  # type: ignore[arg-type]
    ("a file name with a NUL", lambda: Basic(htpasswd="a\0b"), "htpasswd"),
]


@pytest.mark.parametrize(("sentence", "make", "option"), REFUSED_SOMEHOW, ids=[row[0] for row in REFUSED_SOMEHOW])
def test_odd_options_of_basic_are_a_config_error_that_names_them(
    sentence: str, make: Callable[[], Any], option: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert {problem.option for problem in caught.value.problems} == {option}


FILES: list[tuple[str, str, list[str]]] = [
    ("apr1 and a good one", f"a:$apr1$x$y\nb:{USERS['ada']}\n", [HASH]),
    ("SHA-1 and plain text", "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nb:secret\n", [HASH, HASH]),
    ("no name", f":{USERS['ada']}\n", ["use a text without colon"]),
    ("a hash and more", f"ada:{USERS['ada']}:x\n", [HASH]),
]


@pytest.mark.parametrize(("sentence", "content", "remedies"), FILES, ids=[row[0] for row in FILES])
def test_a_bad_htpasswd_file_is_refused(sentence: str, content: str, remedies: list[str], tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError) as caught:
        Basic(htpasswd=path)
    assert [(one.option, one.remedy) for one in caught.value.problems] == [("htpasswd", text) for text in remedies]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nobody\n", b"\xff\xfe:x\n"])
def test_an_htpasswd_file_without_a_user_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Basic(htpasswd=path)
    assert len(caught.value.problems) == 1


PACKAGES = [("bcrypt", USERS["ada"], "bcrypt"), ("argon2", USERS["argon"], "argon2-cffi")]


@pytest.mark.parametrize(("module", "value", "package"), PACKAGES, ids=[row[0] for row in PACKAGES])
def test_a_hash_without_its_package_names_the_extra(
    module: str, value: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        Basic({"ada": value})
    assert (caught.value.extra, caught.value.problems[0].rule) == ("basic", f"needs the package {package}")


@pytest.mark.parametrize("password", ["squeamish-ossifrage", "squeamish-ossifrage\0"])
def test_no_password_is_shown(password: str, capfd: pytest.CaptureFixture[str]) -> None:
    backend = Basic(USERS)
    app, _ = apps.remembers()
    middleware = AuthMiddleware(app, backend, required=True)
    exchange = drive(middleware, http(headers=[("authorization", pair("ada", password))]), loop="asyncio")
    shown = f"{backend!r} {middleware!r} {exchange.headers} {exchange.body!r} {capfd.readouterr()}"
    with pytest.raises(ConfigError) as caught:
        Basic({"ada": password})
    assert "ossifrage" not in f"{shown} {caught.value}"
    assert repr(Basic(check=never)) == "Basic(check=...)"


# --- from a config list


def bearer_options(**changes: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "audience": AUDIENCE, **changes}


def never_expires() -> str:
    return claiming(exp=4_000_000_000).decode()


def test_a_bearer_from_a_config_list(tmp_path: Path) -> None:
    secret = bearer_from_options(**bearer_options(secret=SECRET.decode()))
    assert ask(secret, f"Bearer {never_expires()}") == ADA
    path = tmp_path / "keys.json"
    path.write_text(str(jwk(P256)).replace("'", '"'))
    assert ask(bearer_from_options(**bearer_options(keys=path)), f"Bearer {never_expires()}") == bad_token(SIGNATURE)


def test_a_basic_from_a_config_list(tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.encode())
    for backend in (basic_from_options(htpasswd=path), basic_from_options(users={"ada": USERS["ada"]})):
        assert ask(backend, pair("ada", "open sesame"), loop="asyncio") == known("ada")


def test_published_keys_from_a_config_list() -> None:
    jwks = bearer_from_options(**bearer_options(jwks="https://idp.example/keys"))
    oidc = bearer_from_options(oidc="https://idp.example/", audience=AUDIENCE)
    shown = [repr(backend._verifier) for backend in (jwks, oidc)]
    ending = f"issuer=['{ISSUER}'], audience=['{AUDIENCE}'])"
    assert shown == [f"JWT(JWKS('https://idp.example/keys'), {ending}", f"JWT(OIDC('https://idp.example/'), {ending}"]


CONFIGS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no key", bearer_options(), ["secret"]),
    ("two keys", bearer_options(secret="x", keys=Path("y")), ["secret"]),
    ("a short secret", bearer_options(secret="x"), ["secret"]),
    ("a public key as the secret", bearer_options(secret=pem(P256).decode()), ["secret"]),
    ("a file that is not there", bearer_options(keys=Path("/nowhere")), ["keys[1]"]),
    ("a secret and an address", bearer_options(secret=SECRET.decode(), jwks="https://idp.example/keys"), ["secret"]),
    ("keys in clear text", bearer_options(jwks="http://idp.example/keys"), ["jwks"]),
    ("keys without an issuer", {"jwks": "https://idp.example/keys", "audience": AUDIENCE}, ["issuer"]),
    ("an issuer in clear text, without an audience", {"oidc": "http://idp.example/"}, ["oidc", "audience"]),
    (
        "another issuer than the provider",
        bearer_options(oidc="https://idp.example/", issuer="https://a.example/"),
        ["issuer"],
    ),
    ("no issuer, no audience", {"secret": SECRET.decode()}, ["issuer", "audience"]),
]


@pytest.mark.parametrize(("sentence", "options", "names"), CONFIGS, ids=[row[0] for row in CONFIGS])
def test_a_wrong_config_list_is_refused(sentence: str, options: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        bearer_from_options(**options)
    assert [problem.option for problem in caught.value.problems] == names
