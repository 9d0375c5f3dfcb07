"""`cors` to the letter: sentences, bounds and single characters that no other test tells from their neighbours.

Long, because it lists details.
"""

import dataclasses
import inspect
import logging
from typing import Any

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, CORSPolicy
from asgi_middleware._options import Options as Checks
from asgi_middleware._origins import Origins, is_same_host

from .apps import accepts, body, remembers, sends, start, text
from .asgi import drive, http, websocket
from .browser_model import EVIL, A, B, get, handshake, preflight
from .test_cors import LISTED, Options, grant, refusal, whole


def refused(options: Options) -> str:
    with pytest.raises(ConfigError) as caught:
        CORSMiddleware(text(b"ok"), **options)
    return str(caught.value)


# --- what a refusal says ---------------------------------------------------------------------------------------------

SLASH = "an origin has no slash at the end; "
ALONE = "an origin is scheme, host and port alone; "
BLANKS = "has blanks or control characters; "
LOWER = "browsers send origins in lower case; "
DEFAULT = "browsers leave the default port out; "
SCHEME = "an origin has a scheme; "
SEVERAL = "names several origins; write each as a text of its own"
HOST = (
    "the host is no host name, or `*` stands elsewhere than first, before a dot; "
    "write 'https://example.com' or 'https://*.example.com'"
)
NUMBER = "the host ends in a number, so it is an IP address; write it as four numbers, such as '127.0.0.1'"
PORT = "the port is not a number from 1 to 65535; write for example ':8000', or ':*' for any port"

BAD: list[tuple[str, str, str]] = [
    ("a slash at the end", "https://a.example/", SLASH + "write 'https://a.example'"),
    ("a path", "https://a.example/path", ALONE + "write 'https://a.example'"),
    ("a path of a slash behind a colon is one origin", "https://a.example:/x", ALONE + "write 'https://a.example'"),
    ("capitals and a slash", "HTTPS://A.example/", ALONE + "write 'https://a.example'"),
    ("two ports", "https://a.example:80:81", ALONE + "write 'https://a.example:80'"),
    ("a query behind a port", "https://a.example:81?x", ALONE + "write 'https://a.example:81'"),
    ("a fragment behind a port", "https://a.example:81#x", ALONE + "write 'https://a.example:81'"),
    ("a blank behind a port", "https://a.example:81 ", BLANKS + "write 'https://a.example:81'"),
    ("a control character behind a slash", "https://a.example/\x01", BLANKS + "write 'https://a.example'"),
    ("the last control character", "https://a.example/\x7f", BLANKS + "write 'https://a.example'"),
    ("the last control character in front", "\x7fhttps://a.example", BLANKS + "write 'https://a.example'"),
    ("blanks at both ends", " \t https://a.example\t \n", BLANKS + "write 'https://a.example'"),
    ("a bell behind a slash, not a digit", "https://f.example/7", ALONE + "write 'https://f.example'"),
    ("https with its default port", "https://a.example:443", DEFAULT + "write 'https://a.example'"),
    ("ws with its default port", "ws://a.example:80", DEFAULT + "write 'ws://a.example'"),
    ("wss with its default port", "wss://a.example:443", DEFAULT + "write 'wss://a.example'"),
    ("a capital in the host", "https://A.example", LOWER + "write 'https://a.example'"),
    ("a capital in the scheme", "HTTPS://a.example", LOWER + "write 'https://a.example'"),
    ("a top-level domain in capitals", "https://*.COM", LOWER + "write 'https://*.com'"),
    (
        "a Unicode host",
        "https://bücher.example",
        "browsers send host names in ASCII; write 'https://xn--bcher-kva.example'",
    ),
    (
        "a letter that has no small form of its own",
        "https://\u2102.example",
        "browsers send host names in ASCII; write 'https://c.example'",
    ),
    ("a user name", "https://user@a.example", "an origin has no user name; write scheme and host alone"),
    ("port 0", "https://a.example:0", PORT),
    ("a blank in front", " https://a.example", BLANKS + "write 'https://a.example'"),
    (
        "null",
        "null",
        "is sent by sandboxed frames of any site; leave it out, or set dangerously_allow_null_origin=True",
    ),
    (
        "a file origin with a host",
        "file://host",
        "pages from files send the origin 'null'; serve the page over http",
    ),
    ("no scheme", "a.example", SCHEME + "write 'https://a.example'"),
    ("two origins", "https://a.example,https://b.example", SEVERAL),
    ("three origins", "https://a.example,https://b.example,https://c.example", SEVERAL),
    ("a scheme of a digit", "1s://a.example", "is no origin, and no pattern; write 'https://example.com'"),
    ("an open bracket", "http://[::1", "is no origin, and no pattern; write 'https://example.com'"),
    ("a decimal number at the end", "http://a.59", NUMBER),
    ("a hexadecimal number at the end", "http://a.0x5b", NUMBER),
    ("a hexadecimal number of no digit at the end", "http://a.0x", NUMBER),
    (
        "an IPv6 address with two gaps",
        "http://[1::2::3]",
        "the host is no IPv6 address; write for example 'http://[::1]'",
    ),
    (
        "an IPv6 address in its long form",
        "http://[0:0:0:0:0:0:0:1]:80",
        "browsers send an IPv6 address in its short form; write the host as '[::1]'",
    ),
    ("any host", "https://*", HOST),
    ("a sign in front of a label", "https://=a.example", HOST),
    ("a sign within a label", "https://a=b.example", HOST),
    ("a sign at the end of a label", "https://a=.example", HOST),
    ("a label of a sign", "https://a.=", HOST),
]


@pytest.mark.parametrize(("sentence", "origin", "says"), BAD, ids=[row[0] for row in BAD])
def test_a_refused_origin_is_told_its_rule_and_remedy(sentence: str, origin: str, says: str) -> None:
    assert refused({"allow_origins": [origin]}) == f"CORSMiddleware: allow_origins: {origin!r}: {says}"


def test_a_port_of_more_digits_than_python_reads_is_refused() -> None:
    origin = "https://a.example:" + "1" * 5000
    assert refused({"allow_origins": [origin]}) == f"CORSMiddleware: allow_origins: {repr(origin)[:77]}...: {PORT}"


@pytest.mark.parametrize(("length", "suggested"), [(330, True), (331, False)])
def test_what_is_too_long_for_an_origin_is_not_suggested(length: int, suggested: bool) -> None:
    origin = ("https://" + ".".join(["a" * 63] * 6))[:length]
    told = origin if suggested else "https://example.com"
    assert refused({"allow_origins": [origin + "/"]}) == (
        f"CORSMiddleware: allow_origins: {repr(origin)[:77]}...: {SLASH}write '{told}'"
    )


AGE = "must be a whole number, 0 to 86400 seconds, or None; write 600"
ANYBODY = (
    "with allow_credentials any site could read what the signed-in user can; list the origins, or leave credentials off"
)
TOP_LEVEL = "covers a whole top-level domain; name the domain, as in 'https://*.example.com'"
ANY_SITE = (
    "matches any site, and with allow_credentials any site could read what the signed-in user can; "
    r"name the domain, as in r'https://[a-z0-9-]+\.example\.com'"
)
SAYS: list[tuple[str, Options, str]] = [
    (
        "nothing is said",
        {},
        "allow_origins: says nowhere which origins are allowed; list them, or write [] to allow none",
    ),
    (
        "a star beside others",
        {"allow_origins": ["*", A]},
        "allow_origins: ('*', 'https://a.example'): '*' already allows every origin; list '*' alone",
    ),
    (
        "a star with credentials",
        {"allow_origins": ["*"], "allow_credentials": True},
        f"allow_origins: '*': {ANYBODY}",
    ),
    (
        "a top-level domain with credentials",
        {"allow_origins": ["https://*.com"], "allow_credentials": True},
        f"allow_origins: 'https://*.com': {TOP_LEVEL}",
    ),
    ("a negative age", {**LISTED, "max_age": -1}, f"max_age: -1: {AGE}"),
    (
        "no method name",
        {**LISTED, "allow_methods": ["A B"]},
        "allow_methods: 'A B': is not a method name; write for example 'PUT'",
    ),
    (
        "a method outside Unicode",
        {**LISTED, "allow_methods": ["P\ud800"]},
        "allow_methods: 'P\\ud800': is not a method name; write for example 'PUT'",
    ),
    (
        "a method that no script can send",
        {**LISTED, "allow_methods": ["Trace"]},
        "allow_methods: 'Trace': no browser lets a script send it; leave it out",
    ),
    *(
        (
            f"{method} in small letters",
            {**LISTED, "allow_methods": [method.lower()]},
            f"allow_methods: '{method.lower()}': methods are case-sensitive; write '{method}'",
        )
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    ),
    (
        "no collection for headers",
        {**LISTED, "allow_headers": 1},
        "allow_headers: 1: must be a collection of strings; write ['Authorization']",
    ),
    (
        "no collection for exposed headers",
        {**LISTED, "expose_headers": 1},
        "expose_headers: 1: must be a collection of strings; write ['X-Request-ID']",
    ),
    (
        "every header exposed, with credentials",
        {**LISTED, "expose_headers": ["*"], "allow_credentials": True},
        "expose_headers: '*': means nothing with credentials; list the header names",
    ),
    (
        "a regex in bytes",
        {"allow_origin_regex": b"x"},
        "allow_origin_regex: b'x': must be text; pass the pattern, not compiled",
    ),
    (
        "a broken regex",
        {"allow_origin_regex": "["},
        "allow_origin_regex: '[': is no regular expression (unterminated character set at position 0); mend it",
    ),
    # Each takes one of the strangers alone.
    *(
        (
            f"the regex {regex} with credentials",
            {"allow_origin_regex": regex, "allow_credentials": True},
            f"allow_origin_regex: {regex!r}: {ANY_SITE}",
        )
        for regex in ("https://.+[.]com", "https://.+[.]net", "http://.+[.]org")
    ),
]


@pytest.mark.parametrize(("sentence", "options", "says"), SAYS, ids=[row[0] for row in SAYS])
def test_a_refused_option_is_told_its_rule_and_remedy(sentence: str, options: Options, says: str) -> None:
    assert refused(options) == f"CORSMiddleware: {says}"


# --- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "a059+.-z://localhost",
        "http://[1234:5678:90ab:cdef::9]:8000",
        "http://[::ffff:7f00:1]",
        "https://0a.example",
        "https://5a.example",
        "https://9.example",
        "https://_dmarc.example",
        "https://a_.example",
        "https://a059b.example",
        "https://a.b5",
        "https://a.5b",
        "https://a.0b",
        "https://a.x5b",
        "https://a.0x5g",
        f"https://{'a' * 63}.example",
    ],
)
def test_an_exact_origin_of_odd_letters_is_taken_and_allowed(origin: str) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), allow_origins=[origin])
    assert drive(app, get(origin)).headers == [("access-control-allow-origin", origin), ("vary", "Origin")]


def test_a_pattern_for_one_domain_is_taken_with_credentials() -> None:
    policy = CORSPolicy(allow_origins=["https://*.example.com"], allow_credentials=True)
    assert policy.allows_by_list(b"https://a.example.com") is True


def test_localhost_is_no_top_level_domain() -> None:
    policy = CORSPolicy(allow_origins=["http://*.localhost:3000"], allow_credentials=True)
    assert policy.allows_by_list(b"http://a.localhost:3000") is True


def test_what_is_not_given_is_shown_as_such() -> None:
    policy = CORSPolicy(dangerously_allow_null_origin=True)
    assert dataclasses.asdict(policy)["allow_origins"] is None
    assert not hasattr(policy, "__dict__")
    assert list(inspect.signature(CORSPolicy).parameters) == [
        name for name in inspect.signature(CORSMiddleware).parameters if name not in ("app", "websocket")
    ]
    assert repr(policy) == (
        "CORSPolicy(allow_origins=None, allow_methods=('GET', 'HEAD', 'POST'), allow_headers=(), "
        "allow_credentials=False, allow_origin_regex=None, allow_private_network=False, expose_headers=(), "
        "max_age=600, allow_origin_func=None, dangerously_allow_null_origin=True, "
        "dangerously_allow_any_origin_with_credentials=False)"
    )


# --- answers ---------------------------------------------------------------------------------------------------------


def test_answers_are_truth_values() -> None:
    checks = Checks("test")
    origins = Origins(checks, "allow_origins", [A, "https://*.example.com"], credentials=False)
    listed = Origins(checks, "allow_origins", [A], credentials=False)
    assert [origins.allow(origin) for origin in (A.encode(), b"https://x.example.com", B.encode())] == [
        True,
        True,
        False,
    ]
    assert (listed.allow(B.encode()), origins.allow(b"x" * 331)) == (False, False)
    assert [origins.pattern_for(origin) for origin in (A.encode(), b"https://x.example.com")] == [
        None,
        "https://*.example.com",
    ]
    policy = CORSPolicy(allow_origins=[A])
    assert [policy.allows_by_list(origin) for origin in (A.encode(), B.encode(), b"null")] == [True, False, False]
    assert [policy.refused_method(method) for method in (b"GET", b"PUT")] == [False, True]


HOSTS: list[tuple[str, bytes, str | None, bool]] = [
    ("the same", b"https://a.example", "a.example", True),
    ("another", b"https://a.example", "b.example", False),
    ("no Host", b"https://a.example", None, False),
    ("no origin, and an empty Host", b"null", "", False),
    ("a scheme without a default port, and a bare colon", b"tauri://localhost", "localhost:", True),
    ("a WebSocket's own scheme", b"ws://a.example", "a.example:80", True),
    ("a WebSocket's own secure scheme", b"wss://a.example", "a.example:443", True),
    ("a Host in capitals", b"https://a.example", "A.Example:443", True),
    ("not the other default port", b"wss://a.example", "a.example:80", False),
]


@pytest.mark.parametrize(("sentence", "origin", "host", "same"), HOSTS, ids=[row[0] for row in HOSTS])
def test_whether_a_page_is_of_the_same_host(sentence: str, origin: bytes, host: str | None, same: bool) -> None:
    assert is_same_host(origin, websocket(headers=[] if host is None else [("host", host)])) is same


def test_no_rule_allows_what_is_not_latin() -> None:
    assert CORSPolicy(allow_origins=[A]).rule_for("https://\u0142.example") is None


async def answers_of(policy: CORSPolicy, *origins: bytes) -> list[bool]:
    return [await policy.allows(origin, {}) for origin in origins]


def test_no_function_refuses_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[list[bool]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        answers.append(await answers_of(CORSPolicy(allow_origins=[A]), A.encode(), B.encode(), b"null"))
        answers.append(await answers_of(CORSPolicy(allow_origin_func=fails), B.encode()))

    drive(app)
    assert answers == [[True, False, False], [False]]
    records = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert records == [(logging.ERROR, "allow_origin_func raised; the origin is refused")]


def fails(origin: str, scope: Any) -> bool:
    raise LookupError("no database")


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_method_that_no_script_can_send_is_refused_in_any_case() -> None:
    app = CORSMiddleware(text(b"ok"), **LISTED, allow_methods=["*"])
    allowed = ("access-control-allow-origin", A)
    assert whole(drive(app, preflight(A, "tRaCe"))) == refusal("method 'tRaCe'", allowed)
    assert whole(drive(app, preflight(A, "tracer"))) == grant(access_control_allow_methods="tracer")


def test_a_list_of_names_has_room_for_each_with_its_comma_and_blanks() -> None:
    """The four safelisted names have 49 bytes; four more for each, and 256 for one that is wrong."""
    app = CORSMiddleware(text(b"ok"), **LISTED)
    allowed = ("access-control-allow-origin", A)
    assert whole(drive(app, preflight(A, "GET", "accept".ljust(49 + 16 + 256)))) == grant()
    assert whole(drive(app, preflight(A, "GET", "accept".ljust(49 + 16 + 257)))) == refusal(
        "headers (too many)", allowed
    )
    more = CORSMiddleware(text(b"ok"), **LISTED, allow_headers=["X-A"])
    told = "Accept, Accept-Language, Content-Language, Content-Type, X-A"
    assert whole(drive(more, preflight(A, "GET", "x-a".ljust(52 + 20 + 256)))) == grant(
        access_control_allow_headers=told
    )
    assert whole(drive(more, preflight(A, "GET", "x-a".ljust(52 + 20 + 257)))) == refusal("headers (too many)", allowed)


def test_a_safelisted_name_that_is_listed_too_is_told_once() -> None:
    app = CORSMiddleware(text(b"ok"), **LISTED, allow_headers=["accept", "x-b"])
    assert whole(drive(app, preflight(A, "GET", "x-b"))) == grant(
        access_control_allow_headers="Accept, Accept-Language, Content-Language, Content-Type, x-b"
    )


def test_a_policy_remembers_256_lines_and_then_begins_anew() -> None:
    """What came of a line is the very same answer as long as it is remembered."""
    policy = CORSPolicy(**LISTED, allow_headers=["*"])
    first, *others = ([f"x-{number}".encode()] for number in range(257))
    answer = policy.requested_headers(first)
    assert answer == ((b"x-0",), None)
    for line in others[:255]:
        assert policy.requested_headers(line) == (tuple(line), None)
    assert policy.requested_headers(first) is answer
    policy.requested_headers(others[255])
    again = policy.requested_headers(first)
    assert (again, again is answer) == (answer, False)


def test_a_policy_remembers_no_line_of_more_than_256_bytes_and_no_two_lines() -> None:
    policy = CORSPolicy(**LISTED, allow_headers=["*"])
    asked = [[b"X-A".ljust(256)], [b"X-A".ljust(257)], [b"X-A", b"x-b"], [b"x-b", b"X-A"], []]
    answers = [policy.requested_headers(lines) for lines in asked]
    assert [names for names, _ in answers] == [(b"x-a",), (b"x-a",), (b"x-a", b"x-b"), (b"x-b", b"x-a"), ()]
    assert [refused for _, refused in answers] == [None] * 5
    again = [policy.requested_headers(lines) for lines in asked]
    assert [one is other for one, other in zip(answers, again, strict=True)] == [True, False, False, False, False]


def once(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope with headers that can be read only once."""
    return {**scope, "headers": iter(scope["headers"])}


def test_headers_that_can_be_read_only_once_reach_every_reader() -> None:
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **LISTED), once(preflight()))) == grant()
    drive(CORSMiddleware(app, **LISTED), once(get()))
    drive(CORSMiddleware(app, **LISTED), once(handshake(A)))
    assert [list(scope["headers"]) for scope in scopes] == [get()["headers"], handshake(A)["headers"]]
    same = drive(CORSMiddleware(accepts(), allow_origins=[]), once(handshake("https://api.example")))
    assert [message["type"] for message in same.sent] == ["websocket.accept"]


def test_a_scope_of_another_type_is_not_asked_where_it_comes_from() -> None:
    app, scopes = remembers()
    scope = http(headers=[("origin", EVIL)], type="http3.datagram")
    exchange = drive(CORSMiddleware(app, **LISTED, websocket="check"), scope)
    assert [one is scope for one in scopes] == [True]
    assert exchange.sent == drive(app, scope).sent
