"""`auth.jwt`: times, issuers, audiences, types and scopes, to their edges."""

from typing import Any

import pytest

from asgi_middleware.auth import Bearer

from .tokens import (
    EARLY,
    EXPIRED,
    GOOD,
    ISSUER,
    NOW,
    OTHER_AUDIENCE,
    OTHER_ISSUER,
    TYPE,
    ask,
    claiming,
    headed,
    raw,
    said,
    token,
    verifier,
)

# --- numeric dates

NO_TIMES = [
    "null",
    '"1800000000"',
    '""',
    '"now"',
    "true",
    "false",
    "[]",
    "[1800000000]",
    "{}",
    "-1",
    "-0.5",
    "1e308",
    "-1e308",
    "1e400",
    "-1e400",
    "253402300800",
    "1" + "0" * 30,
    "1" + "0" * 308,
    "1" + "0" * 309,
    "1" + "0" * 4000,
    "-1" + "0" * 400,
]


def shortened(text: object) -> str:
    return str(text) if len(str(text)) < 20 else f"{str(text)[:5]}... of {len(str(text))}"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", NO_TIMES, ids=shortened)
def test_what_is_no_time_is_refused(value: str, name: str) -> None:
    assert said(verifier(), token(raw(name, value))) == f"The token's {name} is no time"


EDGES: list[tuple[str, int, dict[str, float], str]] = [
    ("exp is now, no leeway", 0, {"exp": NOW}, EXPIRED),
    ("exp is just ahead, no leeway", 0, {"exp": NOW + 0.001}, "ok"),
    ("exp is inside the leeway", 30, {"exp": NOW - 29.999}, "ok"),
    ("exp is at the leeway", 30, {"exp": NOW - 30}, EXPIRED),
    ("exp is beyond a leeway of one second", 1, {"exp": NOW - 1.001}, EXPIRED),
    ("exp is inside the longest leeway", 300, {"exp": NOW - 299}, "ok"),
    ("nbf is now, no leeway", 0, {"nbf": NOW}, "ok"),
    ("nbf is just ahead, no leeway", 0, {"nbf": NOW + 0.001}, EARLY),
    ("nbf is at the leeway", 30, {"nbf": NOW + 30}, "ok"),
    ("nbf is beyond the leeway", 30, {"nbf": NOW + 30.001}, EARLY),
    ("iat is at the leeway", 30, {"iat": NOW + 30}, "ok"),
    ("iat is beyond the leeway", 30, {"iat": NOW + 30.001}, EARLY),
    ("iat is long past", 0, {"iat": 0}, "ok"),
    ("both wrong, exp is named", 0, {"exp": NOW - 1, "nbf": NOW + 1}, EXPIRED),
]


@pytest.mark.parametrize(("sentence", "leeway", "claims", "answer"), EDGES, ids=[row[0] for row in EDGES])
def test_the_leeway_to_its_edges(sentence: str, leeway: int, claims: dict[str, float], answer: str) -> None:
    assert said(verifier(leeway=leeway), claiming(**claims)) == answer


def test_a_token_dies_as_the_clock_goes_on() -> None:
    now = [float(NOW)]
    by = verifier(clock=lambda: now[0])
    answers = []
    for seconds in (0, 629.999, 630, 10**6):
        now[0] = NOW + seconds
        answers.append(said(by, token()))
    assert answers == ["ok", "ok", EXPIRED, EXPIRED]


# --- issuer, audience, typ

NAMES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("iss without the slash", {}, {"iss": ISSUER[:-1]}, OTHER_ISSUER),
    ("iss is the start of ours", {}, {"iss": "https"}, OTHER_ISSUER),
    ("iss is longer", {}, {"iss": ISSUER + "x"}, OTHER_ISSUER),
    ("iss in another case", {}, {"iss": ISSUER.upper()}, OTHER_ISSUER),
    ("iss is empty", {}, {"iss": ""}, OTHER_ISSUER),
    ("iss is a list with ours", {}, {"iss": [ISSUER]}, OTHER_ISSUER),
    ("iss is an object", {}, {"iss": {ISSUER: 1}}, OTHER_ISSUER),
    ("iss is null", {}, {"iss": None}, OTHER_ISSUER),
    ("iss is a number", {}, {"iss": 5}, OTHER_ISSUER),
    ("iss is one of several", {"issuer": ["a", ISSUER]}, {}, "ok"),
    ("iss is none of several", {"issuer": ("a", "b")}, {}, OTHER_ISSUER),
    ("iss among several is a list", {"issuer": ["a", "b"]}, {"iss": ["a"]}, OTHER_ISSUER),
    ("any issuer", {"issuer": None, "any_issuer": True}, {"iss": "x"}, "ok"),
    ("any issuer, of any kind", {"issuer": None, "any_issuer": True}, {"iss": [5]}, "ok"),
    ("aud is a list with ours", {}, {"aud": ["x", "api"]}, "ok"),
    ("aud is a list with ours among numbers", {}, {"aud": [5, None, ["api"], {}, "api"]}, "ok"),
    ("aud is a list without ours", {}, {"aud": ["x", "y"]}, OTHER_AUDIENCE),
    ("aud is a list in a list", {}, {"aud": [["api"]]}, OTHER_AUDIENCE),
    ("aud is an empty list", {}, {"aud": []}, OTHER_AUDIENCE),
    ("aud is an object", {}, {"aud": {"api": 1}}, OTHER_AUDIENCE),
    ("aud is empty", {}, {"aud": ""}, OTHER_AUDIENCE),
    ("aud is null", {}, {"aud": None}, OTHER_AUDIENCE),
    ("aud is a part of ours", {}, {"aud": "ap"}, OTHER_AUDIENCE),
    ("aud contains ours", {}, {"aud": "api api2"}, OTHER_AUDIENCE),
    ("aud in another case", {}, {"aud": "API"}, OTHER_AUDIENCE),
    ("aud is one of several", {"audience": {"x", "api"}}, {}, "ok"),
    ("aud shares one with several", {"audience": ["x", "api"]}, {"aud": ["api", "z"]}, "ok"),
    ("aud is none of several", {"audience": ["x", "y"]}, {}, OTHER_AUDIENCE),
    ("any audience", {"audience": None, "any_audience": True}, {"aud": 5}, "ok"),
    ("issuer before audience", {}, {"iss": "x", "aud": "x"}, OTHER_ISSUER),
]


@pytest.mark.parametrize(("sentence", "options", "claims", "answer"), NAMES, ids=[row[0] for row in NAMES])
def test_issuer_and_audience(sentence: str, options: dict[str, Any], claims: dict[str, Any], answer: str) -> None:
    assert said(verifier(**options), claiming(**claims)) == answer


TYPES: list[tuple[str, list[str], str | None, str]] = [
    ("only at+jwt, and it is", ["at+jwt"], "at+jwt", "ok"),
    ("only at+jwt, in another case", ["at+jwt"], "AT+JWT", "ok"),
    ("only at+jwt, and it is JWT", ["at+jwt"], "JWT", TYPE),
    ("the option in another case", ["AT+JWT"], "at+jwt", "ok"),
    ("a type of one's own", ["logout+jwt"], "logout+jwt", "ok"),
    ("a whole media type for a short option", ["logout+jwt"], "application/logout+jwt", "ok"),
    ("a whole media type on both sides (RFC 7515, 4.1.9)", ["application/x+jwt"], "application/x+jwt", "ok"),
    ("a whole media type in the option alone (RFC 7515, 4.1.9)", ["application/x+jwt"], "x+jwt", "ok"),
    ("an absent one is accepted", ["at+jwt"], None, "ok"),
    ("none but the absent one", [], "JWT", TYPE),
]


@pytest.mark.parametrize(("sentence", "option", "typ", "answer"), TYPES, ids=[row[0] for row in TYPES])
def test_the_accepted_types(sentence: str, option: list[str], typ: str | None, answer: str) -> None:
    text = headed() if typ is None else headed(typ=typ)
    assert said(verifier(typ=option), text) == answer


SCOPES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("text", {"scope": "read write"}, ["read", "write"]),
    ("blanks in a row", {"scope": "  read   write "}, ["read", "write"]),
    ("no scope", {"scope": ""}, []),
    ("scp as text", {"scp": "read write"}, ["read", "write"]),
    ("scp as a list", {"scp": ["read", "write"]}, ["read", "write"]),
    ("scp as a list with others", {"scp": ["read", 5, None]}, ["read"]),
    ("scope before scp", {"scope": "read", "scp": "write"}, ["read"]),
    ("a number", {"scope": 5}, []),
    ("an object", {"scp": {"read": True}}, []),
    ("only blanks divide (RFC 6749, 3.3)", {"scope": "read\u00a0admin"}, ["read\u00a0admin"]),
]


@pytest.mark.parametrize(("sentence", "claims", "scopes"), SCOPES, ids=[row[0] for row in SCOPES])
def test_scopes_come_from_the_token(sentence: str, claims: dict[str, Any], scopes: list[str]) -> None:
    bare = {name: value for name, value in GOOD.items() if name != "scope"}
    assert ask(Bearer(verifier()), f"Bearer {token({**bare, **claims}).decode()}") == ("app", "ada", scopes)
