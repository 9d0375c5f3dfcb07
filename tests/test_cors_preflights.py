"""`cors`: every answer to a preflight, whole."""

from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import remembers, text
from .asgi import drive
from .browser_model import ACAC, ACAO, EVIL, A, preflight
from .test_cors import (
    ANY,
    ANY_HEADER,
    ANY_METHOD,
    CREDENTIALS,
    EXPOSING,
    LISTED,
    MY,
    NAMES,
    NETWORK,
    PUTS,
    REALLY_ANY,
    REQUESTED,
    SAFELISTED,
    Options,
    Whole,
    grant,
    refusal,
    whole,
)

MINE = ((ACAO, A), (ACAC, "true"))
LISTED_NAMES = "Accept, Accept-Language, Authorization, Content-Language, Content-Type, X-B"

PREFLIGHTS: list[tuple[str, Options, dict[str, Any], Whole]] = [
    ("an allowed one", LISTED, preflight(), grant()),
    ("a refused origin learns the reason alone", CREDENTIALS, preflight(EVIL, "PUT", "x-a"), refusal("origin")),
    ("null is refused", LISTED, preflight("null"), refusal("origin")),
    ("credentials", CREDENTIALS, preflight(), grant(access_control_allow_credentials="true")),
    ("exposed headers belong to the actual response", EXPOSING, preflight(), grant()),
    ("no age", {**LISTED, "max_age": None}, preflight(), grant(access_control_max_age=None)),
    ("age 0", {**LISTED, "max_age": 0}, preflight(), grant(access_control_max_age="0")),
    ("a day", {**LISTED, "max_age": 86400}, preflight(), grant(access_control_max_age="86400")),
    # origins
    ("any origin is a constant", ANY, preflight(EVIL), grant(access_control_allow_origin="*", vary=REQUESTED)),
    (
        "any origin is a constant for null",
        ANY,
        preflight("null"),
        grant(access_control_allow_origin="*", vary=REQUESTED),
    ),
    (
        "any origin with credentials is named",
        REALLY_ANY,
        preflight(EVIL),
        grant(access_control_allow_origin=EVIL, access_control_allow_credentials="true"),
    ),
    (
        "null is named where it is allowed",
        {"dangerously_allow_null_origin": True},
        preflight("null"),
        grant(access_control_allow_origin="null"),
    ),
    (
        "an open regex names the origin",
        {"allow_origin_regex": ".*"},
        preflight(EVIL),
        grant(access_control_allow_origin=EVIL),
    ),
    (
        "two lines of Origin are none",
        LISTED,
        preflight(more=[("origin", A)]),
        refusal("origin"),
    ),
    (
        "a refused origin, where anything else is allowed, learns the reason alone",
        {**ANY_METHOD, "allow_headers": ["*"], "allow_credentials": True},
        preflight(EVIL, "PATCH", "x-a"),
        refusal("origin"),
    ),
    # methods
    (
        "the configured list is told, in its order",
        PUTS,
        preflight(A, "PUT"),
        grant(access_control_allow_methods="GET, PUT, purge"),
    ),
    ("a custom method", PUTS, preflight(A, "purge"), grant(access_control_allow_methods="GET, PUT, purge")),
    ("a refused method is named", LISTED, preflight(A, "PUT"), refusal("method 'PUT'", MY)),
    ("a refused method, with credentials", CREDENTIALS, preflight(A, "PUT"), refusal("method 'PUT'", *MINE)),
    (
        "a refused method under any origin",
        ANY,
        preflight(A, "PUT"),
        refusal("method 'PUT'", (ACAO, "*"), vary=REQUESTED),
    ),
    ("no method is allowed", {**LISTED, "allow_methods": []}, preflight(), refusal("method 'GET'", MY)),
    (
        "a method in two lines",
        LISTED,
        preflight(more=[("access-control-request-method", "GET")]),
        refusal("method 'GET, GET'", MY),
    ),
    (
        "any method beside a list is echoed",
        {**LISTED, "allow_methods": ["GET", "*"]},
        preflight(A, "PATCH"),
        grant(access_control_allow_methods="PATCH"),
    ),
    ("part of an allowed method", LISTED, preflight(A, "ET"), refusal("method 'ET'", MY)),
    ("two methods in one", LISTED, preflight(A, "GET, HEAD"), refusal("method 'GET, HEAD'", MY)),
    ("methods are case-sensitive", PUTS, preflight(A, "put"), refusal("method 'put'", MY)),
    ("custom methods are case-sensitive", PUTS, preflight(A, "PURGE"), refusal("method 'PURGE'", MY)),
    ("an empty method", LISTED, preflight(A, ""), refusal("method ''", MY)),
    ("a method that is a star", LISTED, preflight(A, "*"), refusal("method '*'", MY)),
    (
        "a hostile method is escaped",
        LISTED,
        preflight(A, "P\xdcT\r\nx: 1'"),
        refusal('method "P\\xdcT\\r\\nx: 1\'"', MY),
    ),
    ("a long method is cut", LISTED, preflight(A, "M" * 10_000), refusal(f"method '{'M' * 64}'", MY)),
    ("any method is echoed", ANY_METHOD, preflight(A, "PATCH"), grant(access_control_allow_methods="PATCH")),
    (
        "any method, as it is written",
        ANY_METHOD,
        preflight(A, "chicken"),
        grant(access_control_allow_methods="chicken"),
    ),
    (
        "any method, with credentials",
        {**ANY_METHOD, "allow_credentials": True},
        preflight(A, "PUT"),
        grant(access_control_allow_methods="PUT", access_control_allow_credentials="true"),
    ),
    ("any method must be one", ANY_METHOD, preflight(A, "A B"), refusal("method 'A B'", MY)),
    ("any method is not none", ANY_METHOD, preflight(A, ""), refusal("method ''", MY)),
    ("any method of 64 letters", ANY_METHOD, preflight(A, "M" * 64), grant(access_control_allow_methods="M" * 64)),
    ("any method is not a long one", ANY_METHOD, preflight(A, "M" * 65), refusal(f"method '{'M' * 64}'", MY)),
    ("any method is not one that no script can send", ANY_METHOD, preflight(A, "TRACE"), refusal("method 'TRACE'", MY)),
    (
        "any method is not two",
        ANY_METHOD,
        preflight(A, "GET", more=[("access-control-request-method", "PUT")]),
        refusal("method 'GET, PUT'", MY),
    ),
    # headers
    (
        "the configured list is told, with the safelisted names",
        NAMES,
        preflight(A, "GET", "authorization,x-b"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "the list is told even where none was asked for",
        NAMES,
        preflight(),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "names in any case and order, with blanks",
        NAMES,
        preflight(A, "GET", " X-B ,\tAUTHORIZATION"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "several lines",
        NAMES,
        preflight(A, "GET", "x-b", "authorization", "accept"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    ("the second line is read as well", NAMES, preflight(A, "GET", "x-b", "x-evil"), refusal("headers 'x-evil'", MY)),
    ("empty elements", NAMES, preflight(A, "GET", ",, x-b,\t,,", ""), grant(access_control_allow_headers=LISTED_NAMES)),
    ("an empty line", LISTED, preflight(A, "GET", ""), grant()),
    (
        "a name that is listed in two cases is told once",
        {**LISTED, "allow_headers": ["x-a", "X-A", "ACCEPT"]},
        preflight(A, "GET", "x-a"),
        grant(access_control_allow_headers=f"{SAFELISTED}, X-A"),
    ),
    (
        "any header beside a list is echoed",
        {**LISTED, "allow_headers": ["X-A", "*"]},
        preflight(A, "GET", "X-Any"),
        grant(access_control_allow_headers="x-any"),
    ),
    ("a doubled name", NAMES, preflight(A, "GET", "x-b,x-b,X-B"), grant(access_control_allow_headers=LISTED_NAMES)),
    (
        "the safelisted names are always allowed",
        LISTED,
        preflight(A, "POST", "accept,accept-language,content-language,content-type"),
        grant(),
    ),
    (
        "a refused name is told",
        LISTED,
        preflight(A, "GET", "content-type,x-evil,x-worse"),
        refusal("headers 'x-evil'", MY),
    ),
    (
        "a refused name, with credentials",
        CREDENTIALS,
        preflight(A, "GET", "x-evil"),
        refusal("headers 'x-evil'", *MINE),
    ),
    ("the method is judged first", LISTED, preflight(A, "PUT", "x-evil"), refusal("method 'PUT'", MY)),
    ("part of an allowed name", NAMES, preflight(A, "GET", "x-"), refusal("headers 'x-'", MY)),
    ("a name that is a star", NAMES, preflight(A, "GET", "*"), refusal("headers '*'", MY)),
    ("other blanks are no blanks", NAMES, preflight(A, "GET", "\xa0x-b"), refusal("headers '\\xa0x-b'", MY)),
    ("a line break is no blank", NAMES, preflight(A, "GET", "x-b\r\n"), refusal("headers 'x-b\\r\\n'", MY)),
    ("a hostile name is escaped", LISTED, preflight(A, "GET", "\xe4\x00<b>"), refusal("headers '\\xe4\\x00<b>'", MY)),
    ("a long name is cut", LISTED, preflight(A, "GET", "x" * 200), refusal(f"headers '{'x' * 64}'", MY)),
    (
        "any header: the names are echoed, once, in their order",
        ANY_HEADER,
        preflight(A, "GET", "x-z, X-A", "x-z", ",authorization"),
        grant(access_control_allow_headers="x-z, x-a, authorization"),
    ),
    ("any header, none asked for", ANY_HEADER, preflight(), grant(access_control_allow_headers=None)),
    ("any header, nothing named", ANY_HEADER, preflight(A, "GET", " , "), grant(access_control_allow_headers=None)),
    (
        "any header, with credentials",
        {**ANY_HEADER, "allow_credentials": True},
        preflight(A, "GET", "authorization"),
        grant(access_control_allow_headers="authorization", access_control_allow_credentials="true"),
    ),
    ("any header must be a name", ANY_HEADER, preflight(A, "GET", "x-a, b c"), refusal("headers 'b c'", MY)),
    (
        "any header cannot break the line",
        ANY_HEADER,
        preflight(A, "GET", "x-a\r\nx-evil: 1"),
        refusal("headers 'x-a\\r\\nx-evil: 1'", MY),
    ),
    (
        "any header up to 4 KiB",
        ANY_HEADER,
        preflight(A, "GET", "x" * 4096),
        grant(access_control_allow_headers="x" * 4096),
    ),
    ("any header beyond 4 KiB", ANY_HEADER, preflight(A, "GET", "x" * 4097), refusal("headers (too many)", MY)),
    (
        "any header beyond 4 KiB in two lines",
        ANY_HEADER,
        preflight(A, "GET", "x" * 4096, "y"),
        refusal("headers (too many)", MY),
    ),
    (
        "any header, of 64 names",
        ANY_HEADER,
        preflight(A, "GET", ",".join(f"x-{number}" for number in range(64))),
        grant(access_control_allow_headers=", ".join(f"x-{number}" for number in range(64))),
    ),
    (
        "any header, of 65 names",
        ANY_HEADER,
        preflight(A, "GET", ",".join(f"x-{number}" for number in range(65))),
        refusal("headers (too many)", MY),
    ),
    ("any header, of thousands", ANY_HEADER, preflight(A, "GET", "a," * 2048), refusal("headers (too many)", MY)),
    ("32 lines", ANY_HEADER, preflight(A, "GET", *["x-a"] * 32), grant(access_control_allow_headers="x-a")),
    ("33 lines", ANY_HEADER, preflight(A, "GET", *["x-a"] * 33), refusal("headers (too many)", MY)),
    ("33 lines for a list", NAMES, preflight(A, "GET", *["x-b"] * 33), refusal("headers (too many)", MY)),
    ("33 empty lines", ANY_HEADER, preflight(A, "GET", *[""] * 33), refusal("headers (too many)", MY)),
    # The four safelisted names have 49 letters; each gets 4 more for its comma and blanks, and a wrong name 256.
    ("as long as a list may be", LISTED, preflight(A, "GET", "," * 321), grant()),
    ("longer than a list may be", LISTED, preflight(A, "GET", "," * 322), refusal("headers (too many)", MY)),
    (
        "longer than a list may be, in two lines",
        LISTED,
        preflight(A, "GET", "," * 161, "," * 161),
        refusal("headers (too many)", MY),
    ),
    ("the method is judged before the length", LISTED, preflight(A, "PUT", "," * 322), refusal("method 'PUT'", MY)),
    # private network access
    ("a private network is not allowed unless said", LISTED, preflight(more=NETWORK), refusal("private-network", MY)),
    (
        "a private network",
        {**LISTED, "allow_private_network": True},
        preflight(more=NETWORK),
        grant(
            access_control_allow_private_network="true",
            vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network",
        ),
    ),
    (
        "a header is judged before the private network",
        LISTED,
        preflight(A, "GET", "x-evil", more=NETWORK),
        refusal("headers 'x-evil'", MY),
    ),
    (
        "a private network that any origin may ask for",
        {**ANY, "allow_private_network": True},
        preflight(more=NETWORK),
        grant(
            access_control_allow_origin="*",
            access_control_allow_private_network="true",
            vary=f"{REQUESTED}, Access-Control-Request-Private-Network",
        ),
    ),
    (
        "a private network is not told unless asked for",
        {**LISTED, "allow_private_network": True},
        preflight(),
        grant(vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
    (
        "a refused origin learns nothing of the private network",
        {**LISTED, "allow_private_network": True},
        preflight(EVIL, more=NETWORK),
        refusal("origin", vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
    (
        "a refused method learns nothing of the private network",
        {**LISTED, "allow_private_network": True},
        preflight(A, "PUT", more=NETWORK),
        refusal("method 'PUT'", MY, vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
]


@pytest.mark.parametrize(("sentence", "options", "scope", "expected"), PREFLIGHTS, ids=[row[0] for row in PREFLIGHTS])
def test_a_preflight_is_answered_before_the_app(
    sentence: str, options: Options, scope: dict[str, Any], expected: Whole
) -> None:
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **options), scope)) == expected
    assert scopes == []


def test_every_name_of_a_long_list_can_be_asked_for_at_once() -> None:
    names = [f"X-Long-Header-Name-{number}" for number in range(300)]
    app = CORSMiddleware(text(b"ok"), **LISTED, allow_headers=names)
    lines = [", \t".join(names[:200]), " , ".join(names[200:])]
    told = ", ".join(sorted([*names, *SAFELISTED.split(", ")]))
    assert whole(drive(app, preflight(A, "GET", *lines))) == grant(access_control_allow_headers=told)
