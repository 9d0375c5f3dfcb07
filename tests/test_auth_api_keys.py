"""`APIKeys`: where a key may stand, what each one opens, and that none is ever shown."""

import hashlib
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, ConfigError, Stack
from asgi_middleware._options import shown
from asgi_middleware.auth import APIKeys, Bearer, User
from asgi_middleware.auth.api_key import from_options

from . import apps
from .asgi import drive, http, websocket
from .authenticating import ANONYMOUS, CLOSED, GOOD, Claims
from .tokens import Outcome, ask, outcome, refusal, run, verifier

KEY = "acme_ossifrage"
OTHER = "acme_squeamish"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


KEYS: dict[str, Any] = {digest(KEY): {"identity": "ci", "scopes": ["read", "write"]}, digest(OTHER): "cron"}
CI: Outcome = ("app", "ci", ["read", "write"])
UNKNOWN = refusal(401, "The API key is not known", "APIKey")
TWICE = refusal(400, "The API key was sent more than once", "APIKey")
INVALID = 'Bearer error="invalid_token", error_description="The API key is not known"'


def send(backend: Any, *values: str, name: str = "x-api-key", **changes: Any) -> Outcome:
    app, scopes = apps.remembers()
    scope = http(headers=[(name, value) for value in values], **changes)
    return outcome(drive(AuthMiddleware(app, backend), scope), scopes)


SENT: list[tuple[str, tuple[str, ...], Outcome]] = [
    ("none", (), ANONYMOUS),
    ("a good one", (KEY,), CI),
    ("another good one", (OTHER,), ("app", "cron", [])),
    ("blanks around", (f" \t{KEY} ",), CI),
    ("an unknown one", ("acme_x",), UNKNOWN),
    ("in another case", (KEY.upper(),), UNKNOWN),
    ("an empty one", ("",), UNKNOWN),
    ("its digest", (digest(KEY),), UNKNOWN),
    ("bytes beyond ASCII", ("\xff\xfe",), UNKNOWN),
    ("64 KB", ("x" * 65536,), UNKNOWN),
    ("two joined by a comma", (f"{KEY}, {KEY}",), UNKNOWN),
    ("the same twice", (KEY, KEY), TWICE),
    ("good and bad", (KEY, "x"), TWICE),
    ("empty and good", ("", KEY), TWICE),
]


@pytest.mark.parametrize(("sentence", "values", "answer"), SENT, ids=[row[0] for row in SENT])
def test_a_key_in_its_header(sentence: str, values: tuple[str, ...], answer: Outcome) -> None:
    assert send(APIKeys(KEYS), *values) == answer


def test_the_header_may_have_another_name_in_any_case() -> None:
    backend = APIKeys(KEYS, header="X-Acme-Token")
    assert send(backend, KEY, name="X-ACME-token") == CI
    assert send(backend, KEY) == ANONYMOUS


@pytest.mark.parametrize("name", ["x_api_key", "http_x_api_key", "authorization", "cookie"])
def test_a_key_counts_nowhere_else(name: str) -> None:
    assert send(APIKeys(KEYS), KEY, name=name) == ANONYMOUS
    assert send(APIKeys(KEYS), name=name, query_string=f"api_key={KEY}&x-api-key={KEY}".encode()) == ANONYMOUS


AS_BEARER: list[tuple[str, tuple[str, ...], Outcome]] = [
    ("a good one", (f"Bearer {KEY}",), CI),
    ("the scheme in lower case", (f"bearer  {KEY}",), CI),
    ("an unknown one", ("Bearer x",), refusal(401, "The API key is not known", INVALID)),
    ("the scheme alone", ("Bearer",), refusal(401, "The API key is not known", INVALID)),
    ("another scheme", ("Basic YTpi",), ANONYMOUS),
    (
        "two lines",
        (f"Bearer {KEY}", f"Bearer {KEY}"),
        refusal(
            400,
            "Authorization was sent more than once",
            'Bearer error="invalid_request", error_description="Authorization was sent more than once"',
        ),
    ),
]


@pytest.mark.parametrize(("sentence", "lines", "answer"), AS_BEARER, ids=[row[0] for row in AS_BEARER])
def test_a_key_as_a_bearer_token(sentence: str, lines: tuple[str, ...], answer: Outcome) -> None:
    assert ask(APIKeys(KEYS, bearer=True), *lines) == answer
    assert send(APIKeys(KEYS, bearer=True), KEY) == ANONYMOUS


QUERIES: list[tuple[str, bytes, tuple[str, ...], Outcome]] = [
    ("a good one", f"a=b&api_key={KEY}".encode(), (), CI),
    ("percent-encoded", b"api%5fkey=acme%5Fossifrage", (), CI),
    ("an unknown one", b"api_key=x", (), UNKNOWN),
    ("an empty one", b"api_key=", (), UNKNOWN),
    ("without a sign", b"api_key", (), UNKNOWN),
    ("bytes that are no text", b"api_key=\xff%ff", (), UNKNOWN),
    ("another parameter", f"key={KEY}".encode(), (), ANONYMOUS),
    ("in another case", f"API_KEY={KEY}".encode(), (), ANONYMOUS),
    ("twice", f"api_key={KEY}&api_key={KEY}".encode(), (), TWICE),
    ("in the header as well", f"api_key={KEY}".encode(), (KEY,), TWICE),
    ("in the header alone", b"", (KEY,), CI),
]


@pytest.mark.parametrize(("sentence", "query", "values", "answer"), QUERIES, ids=[row[0] for row in QUERIES])
def test_a_key_in_the_query_where_that_is_allowed(
    sentence: str, query: bytes, values: tuple[str, ...], answer: Outcome
) -> None:
    backend = APIKeys(KEYS, dangerously_allow_query="api_key")
    assert send(backend, *values, query_string=query) == answer


def test_a_scope_without_a_query_has_no_key() -> None:
    assert send(APIKeys(KEYS, dangerously_allow_query="api_key"), query_string=None) == ANONYMOUS


def test_a_websocket_has_its_key_in_the_header_too() -> None:
    middleware = AuthMiddleware(apps.accepts(), APIKeys(KEYS), required=True)
    assert drive(middleware, websocket(headers=[("x-api-key", KEY)])).sent == [{"type": "websocket.accept"}]
    assert drive(middleware, websocket(headers=[("x-api-key", "x")], extensions={})).sent == CLOSED


def test_an_unknown_key_never_falls_through() -> None:
    after = Claims(User("eve", scheme="Custom"))
    assert send([APIKeys(KEYS), after], "x")[0] == 401
    assert after.calls == 0


def test_a_key_and_a_token_side_by_side() -> None:
    backends = [APIKeys(KEYS), Bearer(verifier())]
    assert send(backends, KEY) == CI
    assert ask(backends, f"Bearer {GOOD}")[1] == "ada"


# --- what a key stands for

VALUES: list[tuple[str, Any, tuple[str, str, tuple[str, ...]]]] = [
    ("an identity", "ci", ("ci", "ci", ())),
    ("a mapping", {"identity": "ci", "display_name": "The CI", "scopes": ("a", "b")}, ("ci", "The CI", ("a", "b"))),
    ("a User", User("ci", scheme="x", display_name="The CI", scopes=("a",)), ("ci", "The CI", ("a",))),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_what_a_key_stands_for(sentence: str, value: Any, expected: tuple[str, str, tuple[str, ...]]) -> None:
    backend = APIKeys({digest(KEY).upper(): value})
    users = [run(backend.identify(http(headers=[("x-api-key", KEY)]))) for _ in range(2)]
    assert [(user.identity, user.display_name, user.scopes, user.scheme) for user in users] == [
        (*expected, "APIKey")
    ] * 2
    assert users[0] is not users[1], "one request must not see what another did to its user"
    assert users[0] is not value


def test_a_mapping_that_changes_later_changes_nothing() -> None:
    keys = dict(KEYS)
    backend = APIKeys(keys)
    keys[digest("later")] = "eve"
    del keys[digest(KEY)]
    assert (send(backend, KEY), send(backend, "later")) == (CI, UNKNOWN)


# --- making them


def test_a_new_key_has_its_prefix_its_digest_and_256_random_bits() -> None:
    made = [APIKeys.new(prefix="acme_ci") for _ in range(200)]
    for key, hashed in made:
        assert re.fullmatch(r"acme_ci_[A-Za-z0-9]{43}", key)
        assert hashed == digest(key)
    assert len({key for key, _ in made}) == 200
    assert {character for key, _ in made for character in key[8:]} == set(string.ascii_letters + string.digits)
    key, hashed = made[0]
    assert send(APIKeys({hashed: "ci"}), key) == ("app", "ci", [])


@pytest.mark.parametrize("prefix", ["", "1a", "a b", "a-b", "é", "a" * 32, None, 5])
def test_a_prefix_that_would_break_a_scanner_is_refused(prefix: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        APIKeys.new(prefix=prefix)
    assert [problem.option for problem in caught.value.problems] == ["prefix"]


# --- wrong configuration

DIGEST = "take it from APIKeys.new(), or hashlib.sha256(key.encode()).hexdigest()"
EXAMPLE = "write {'9f86d0...': 'ci'}"
WRONG_USES: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    ("a plain key", lambda: APIKeys({KEY: "ci"}), [("keys", DIGEST)]),
    ("a plain key among digests", lambda: APIKeys({**KEYS, KEY: "ci"}), [("keys", DIGEST)]),
    ("a digest that is cut", lambda: APIKeys({digest(KEY)[:-1]: "ci"}), [("keys", DIGEST)]),
    ("a digest as bytes", lambda: APIKeys({b"0" * 64: "ci"}), [("keys", DIGEST)]),  # type: ignore[dict-item]
    ("a digest with a line end", lambda: APIKeys({digest(KEY) + "\n": "ci"}), [("keys", DIGEST)]),
    ("a list of keys", lambda: APIKeys([KEY]), [("keys", EXAMPLE)]),  # type: ignore[arg-type]
    ("one key", lambda: APIKeys(KEY), [("keys", EXAMPLE)]),  # type: ignore[arg-type]
    ("no keys", lambda: APIKeys({}), [("keys", EXAMPLE)]),
    (
        "one digest in two cases",
        lambda: APIKeys({digest(KEY): "a", digest(KEY).upper(): "b"}),
        [("keys", "leave one out")],
    ),
    ("no identity", lambda: APIKeys({digest(KEY): {}}), [("keys", EXAMPLE)]),
    ("an empty identity", lambda: APIKeys({digest(KEY): ""}), [("keys", EXAMPLE)]),
    ("a number as the identity", lambda: APIKeys({digest(KEY): 5}), [("keys", EXAMPLE)]),
    (
        "scopes as one text",
        lambda: APIKeys({digest(KEY): {"identity": "ci", "scopes": "read"}}),
        [("keys", "write ['read']")],
    ),
    (
        "more than is known",
        lambda: APIKeys({digest(KEY): {"identity": "ci", "scope": "read"}}),
        [("keys", "leave the rest out")],
    ),
    (
        "a display name that is no text",
        lambda: APIKeys({digest(KEY): {"identity": "ci", "display_name": 5}}),
        [("keys", "write it as text")],
    ),
    (
        "a header and bearer",
        lambda: APIKeys(KEYS, header="x", bearer=True),
        [("header", "leave one of them out")],
    ),
    ("bearer as text", lambda: APIKeys(KEYS, bearer="yes"), [("bearer", "use one of False, True")]),  # type: ignore[arg-type]
    (
        "a header that is none",
        lambda: APIKeys(KEYS, header="x y"),
        [("header", "use letters, digits and hyphens, such as 'X-Request-ID'")],
    ),
    (
        "True for the parameter's name",
        lambda: APIKeys(KEYS, dangerously_allow_query=True),  # type: ignore[arg-type]
        [("dangerously_allow_query", "write 'api_key'")],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG_USES, ids=[row[0] for row in WRONG_USES])
def test_a_wrong_use_is_refused_and_shows_no_key(
    sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems
    assert "ossifrage" not in str(caught.value)
    assert digest(KEY)[:8] not in str(caught.value)


def test_a_wrong_key_is_told_by_its_number() -> None:
    with pytest.raises(ConfigError, match=r"keys: number 3: is no SHA-256 digest of a key, 64 hexadecimal digits;"):
        APIKeys({**KEYS, KEY: "ci"})


def test_no_key_and_no_digest_is_shown() -> None:
    assert repr(APIKeys(KEYS)) == "APIKeys(<2 keys>)"


# --- from a config list


def test_keys_from_a_config_list_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'{digest(OTHER)} = "cron"\n[{digest(KEY)}]\nidentity = "ci"\nscopes = ["read", "write"]\n')
    for keys in (KEYS, path):
        backend = from_options(keys=keys)
        assert (send(backend, KEY), send(backend, OTHER)) == (CI, ("app", "cron", []))
    app, scopes = apps.remembers()
    stack = Stack([("auth", {"backend": {"use": "api_key", "keys": str(path), "header": "X-Key"}})])
    drive(stack(app), http(headers=[("x-key", KEY)]))
    assert scopes[0]["user"].identity == "ci"


def test_a_stack_prints_no_key_and_no_digest() -> None:
    lines = str(Stack([("auth", {"backend": {"use": "api_key", "keys": KEYS}})]))
    assert digest(KEY)[:8] not in lines
    with pytest.raises(ConfigError) as caught:
        Stack([("auth", {"backend": [{"use": "api_key", "keys": {KEY: "ci"}}]})])
    assert "ossifrage" not in str(caught.value)
    assert "number 1" in str(caught.value) or "<hidden>" in str(caught.value)


FILES: list[tuple[str, bytes | None, str]] = [
    ("that is not there", None, "api_key: keys: {path!r}: cannot be read (FileNotFoundError); mend the path"),
    ("that is no text", b"\xff", "api_key: keys: {path!r}: cannot be read (UnicodeDecodeError); mend the path"),
    (
        "that is no TOML",
        b"acme_ossifrage ci",
        'api_key: keys: {path!r}: is not TOML; write lines such as 9f86d0... = "ci"',
    ),
    (
        "of a plain key",
        b'acme_ossifrage = "ci"',
        f"APIKeys: keys: number 1: is no SHA-256 digest of a key, 64 hexadecimal digits; {DIGEST}",
    ),
    ("that is empty", b"", f"APIKeys: keys: dict: must map digests to identities; {EXAMPLE}"),
]


@pytest.mark.parametrize(("sentence", "content", "text"), FILES, ids=[row[0] for row in FILES])
def test_a_file_is_refused(sentence: str, content: bytes | None, text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        from_options(keys=path)
    said = str(caught.value)  # a long path is cut
    assert said.replace(shown(str(path)), "{path!r}") == text


def test_no_keys_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="must map digests to identities"):
        from_options()
