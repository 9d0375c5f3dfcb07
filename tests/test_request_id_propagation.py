"""`request_id`: which hosts are told the ID and the trace, and what they are told."""

import contextvars
import re
from typing import Any

import pytest

from asgi_middleware import ConfigError, RequestIDMiddleware
from asgi_middleware.request_id import get_trace, propagate, propagation_headers

from .asgi import drive, http
from .identified import always, inside

ALLOW = [
    "api.example.com",
    "*.internal.example",
    "localhost",
    "127.0.0.1",
    "::1",
    "[2001:DB8::7]",
    "b\xfccher.example",
    "Under_Score.example",
]


def told(url: object, *, allow: Any = tuple(ALLOW), sent: list[tuple[str, str]] | None = None, **options: Any) -> Any:
    """What is sent to `url` from within a request with the ID `mine`."""
    found: list[Any] = []
    app = inside(lambda: found.append(propagation_headers(url, allow=allow)))
    options.setdefault("generator", always("mine"))
    exchange = drive(RequestIDMiddleware(app, **options), http(headers=sent or []))
    if exchange.error is not None:
        raise exchange.error
    return found[0]


YES, NO = True, False
URLS: list[tuple[str, str, bool]] = [
    ("an allowed host", "https://api.example.com/path?query#fragment", YES),
    ("without a path", "https://api.example.com", YES),
    ("with a query alone", "https://api.example.com?x=@evil.example", YES),
    ("with a fragment alone", "https://api.example.com#@evil.example", YES),
    ("by http", "http://api.example.com/", YES),
    ("by WebSocket", "wss://api.example.com/", YES),
    ("in upper case", "HTTPS://API.Example.COM/", YES),
    ("with a port", "https://api.example.com:8443/", YES),
    ("another host", "https://evil.example/", NO),
    ("the host in the path", "https://evil.example/api.example.com", NO),
    ("the host in the query", "https://evil.example?api.example.com", NO),
    ("the host in the fragment", "https://evil.example#api.example.com", NO),
    ("a host below an exact one", "https://x.api.example.com/", NO),
    ("a host above an exact one", "https://example.com/", NO),
    ("a host that ends alike", "https://evilapi.example.com/", NO),
    ("a host that begins alike", "https://api.example.com.evil.example/", NO),
    ("a host below a pattern", "https://a.internal.example/", YES),
    ("two below a pattern", "https://b.a.internal.example/", YES),
    ("the pattern's own domain", "https://internal.example/", NO),
    ("one that ends like the pattern", "https://evilinternal.example/", NO),
    ("an empty label below a pattern", "https://.internal.example/", NO),
    ("two dots", "https://a..internal.example/", NO),
    ("the pattern itself", "https://*.internal.example/", NO),
    ("a dot behind", "https://api.example.com./", NO),
    ("no scheme", "api.example.com/", NO),
    ("a scheme left out", "//api.example.com/", NO),
    ("a path", "/api.example.com", NO),
    ("another scheme", "ftp://api.example.com/", NO),
    ("file", "file://api.example.com/etc", NO),
    ("javascript", "javascript://api.example.com/%0aalert(1)", NO),
    ("a long s in the scheme", "http\u017f://api.example.com/", NO),
    ("a scheme of no slash", "https:api.example.com/", NO),
    ("one slash", "https:/api.example.com/", NO),
    ("three slashes", "https:///api.example.com/", NO),
    ("backslashes for slashes", "https:\\\\api.example.com/", NO),
    ("nothing", "", NO),
    ("no host", "https://", NO),
    ("no host but a port", "https://:443/", NO),
    ("a user name", "https://user@api.example.com/", NO),
    ("a user name and a password", "https://user:password@api.example.com/", NO),
    ("an allowed host as user name", "https://api.example.com@evil.example/", NO),
    ("an allowed host and port as user", "https://api.example.com:443@evil.example/", NO),
    ("an empty user name", "https://@api.example.com/", NO),
    ("two at signs", "https://evil.example@evil.example@api.example.com/", NO),
    ("an at sign behind a backslash", "https://evil.example\\@api.example.com/", NO),
    ("a backslash behind the host", "https://api.example.com\\.evil.example/", NO),
    ("a backslash and an at sign behind the host", "https://api.example.com\\@evil.example/", NO),
    ("a hash before an at sign", "https://evil.example#@api.example.com/", NO),
    ("an encoded at sign", "https://api.example.com%40evil.example/", NO),
    ("an encoded dot", "https://api%2eexample.com/", NO),
    ("an encoded slash", "https://api.example.com%2f.evil.example/", NO),
    ("an encoded NUL", "https://api.example.com%00.evil.example/", NO),
    ("a NUL", "https://api.example.com\x00.evil.example/", NO),
    ("a blank before", " https://api.example.com/", NO),
    ("a blank inside", "https://api.example.com .evil.example/", NO),
    ("a tab inside", "https://api.exa\tmple.com/", NO),
    ("a tab and an at sign", "https://api.example.com\t@evil.example/", NO),
    ("a line break inside", "https://api.example.com\n.evil.example/", NO),
    ("a line break behind the path", "https://api.example.com/\r\nX: y", YES),
    ("a semicolon", "https://api.example.com;evil.example/", NO),
    ("a comma", "https://api.example.com,evil.example/", NO),
    ("a port of no number", "https://api.example.com:https/", NO),
    ("an empty port", "https://api.example.com:/", NO),
    ("a port of six digits", "https://api.example.com:123456/", NO),
    ("a port with a sign", "https://api.example.com:+443/", NO),
    ("two ports", "https://api.example.com:80:443/", NO),
    ("an underscore", "https://under_score.EXAMPLE/", YES),
    ("a label of 63", f"https://{'a' * 63}.internal.example/", YES),
    ("a label of 64", f"https://{'a' * 64}.internal.example/", NO),
    ("a name of 252", f"https://{'a.' * 118}internal.example/", YES),
    ("a name of 254", f"https://{'a.' * 119}internal.example/", NO),
    ("64 KB of labels", f"https://{'a.' * 32768}internal.example/", NO),
    ("localhost", "http://localhost:8000/", YES),
    ("an IPv4 address", "http://127.0.0.1:8000/", YES),
    ("another one", "http://127.0.0.2/", NO),
    ("its octal spelling", "http://0177.0.0.1/", NO),
    ("its hexadecimal spelling", "http://0x7f.0.0.1/", NO),
    ("its spelling as one number", "http://2130706433/", NO),
    ("its short spelling", "http://127.1/", NO),
    ("its spelling with zeros", "http://127.000.000.001/", NO),
    ("its digits in full width", "http://\uff11\uff12\uff17.0.0.1/", NO),
    ("it with a dot behind", "http://127.0.0.1./", NO),
    ("a name that ends in a number", "http://a.internal.example.1/", NO),
    ("an IPv6 address", "http://[::1]:8000/", YES),
    ("its long spelling", "http://[0:0:0:0:0:0:0:1]/", YES),
    ("one in upper case", "http://[2001:db8:0::7]/", YES),
    ("another IPv6 address", "http://[::2]/", NO),
    ("an IPv4 address inside of one", "http://[::ffff:127.0.0.1]/", NO),
    ("an IPv6 address with a zone", "http://[::1%25eth0]/", NO),
    ("without brackets", "http://::1/", NO),
    ("a name in brackets", "http://[localhost]/", NO),
    ("something behind the brackets", "http://[::1].evil.example/", NO),
    ("a bracket that is not closed", "http://[::1/", NO),
    ("a name in another alphabet", "https://b\xfccher.example/", YES),
    ("its form in ASCII", "https://xn--bcher-kva.example/", YES),
    ("that form in upper case", "https://XN--BCHER-KVA.example/", YES),
    ("its letters composed of two", "https://bu\u0308cher.example/", NO),
    ("in upper case of that alphabet", "https://B\xdcCHER.example/", NO),
    ("letters that look alike", "https://\u0430pi.example.com/", NO),
    ("letters of full width", "https://\uff41pi.example.com/", NO),
    ("a Kelvin sign for k", "http://loo\u212a.internal.example/", NO),
    ("a soft hyphen", "https://api\u00ad.example.com/", NO),
    ("an invisible joiner", "https://api\u200d.example.com/", NO),
    ("a dot of another script", "https://api\u3002example.com/", NO),
    ("a dot of full width", "https://api\uff0eexample.com/", NO),
    ("a slash of another script", "https://api.example.com\u2044evil.example/", NO),
    ("half a character", "https://api\ud800.example.com/", NO),
]


@pytest.mark.parametrize(("sentence", "url", "expected"), URLS, ids=[row[0] for row in URLS])
def test_a_host_is_told_or_not(sentence: str, url: str, expected: bool) -> None:
    assert told(url) == ({"X-Request-ID": "mine"} if expected else {})


def test_a_url_is_whatever_says_so() -> None:
    class URL:
        def __str__(self) -> str:
            return "https://api.example.com/"

    assert told(URL()) == {"X-Request-ID": "mine"}
    assert told(b"https://api.example.com/") == {}
    assert told(None) == {}


def test_outside_of_a_request_there_is_nothing_to_tell() -> None:
    def call() -> dict[str, str]:
        return propagation_headers("https://api.example.com/", allow=ALLOW)

    assert contextvars.Context().run(call) == {}


def test_nowhere_is_allowed() -> None:
    assert told("https://api.example.com/", allow=[]) == {}


def test_the_id_goes_out_under_the_name_of_the_middleware_that_set_it() -> None:
    assert told("http://localhost/", header="X-Correlation-ID", accept=["x-request-id"]) == {"X-Correlation-ID": "mine"}


def test_a_trace_goes_along_with_a_span_for_each_call() -> None:
    calls: list[Any] = []

    def call() -> None:
        trace = get_trace()
        assert trace is not None
        calls.append(trace.span_id)
        calls.extend(propagation_headers("http://localhost/", allow=["localhost"]) for _ in range(2))

    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = [("traceparent", f"00-{trace}-b7ad6b7169203331-ff"), ("tracestate", "a=1, b=2")]
    app = RequestIDMiddleware(inside(call), trace="continue", generator=always("mine"))
    assert drive(app, http(headers=sent)).error is None
    span, *headers = calls
    assert [{**one, "traceparent": ""} for one in headers] == [
        {"X-Request-ID": "mine", "traceparent": "", "tracestate": "a=1,b=2"}
    ] * 2
    matches = [re.fullmatch(rf"00-{trace}-([0-9a-f]{{16}})-03", one["traceparent"]) for one in headers]
    assert len({span, "b7ad6b7169203331", *(match[1] for match in matches if match is not None)}) == 4


def test_without_a_tracestate_none_is_sent() -> None:
    assert set(told("http://localhost/", trace="continue")) == {"X-Request-ID", "traceparent"}


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b=c", "a\nb", "a b", "\xe9", "a\x00"])
def test_what_goes_out_is_never_more_than_one_line(value: str) -> None:
    """Neither from a client, nor from a generator."""
    for headers in (
        told("http://localhost/", sent=[("x-request-id", value)]),
        told("http://localhost/", generator=always(value)),
    ):
        assert re.fullmatch(r"mine|[0-9a-f]{32}", headers["X-Request-ID"])


REFUSED: list[tuple[str, Any, str]] = [
    ("one string", "api.example.com", "write ['api.example.com']"),
    ("None", None, "write ['api.example.com']"),
    ("a number", [1], "write ['api.example.com']"),
    *(
        (sentence, [entry], "'127.0.0.1' or '::1', without scheme and port")
        for sentence, entry in [
            ("every host", "*"),
            ("an empty one", ""),
            ("a URL", "https://api.example.com"),
            ("a host and a port", "api.example.com:443"),
            ("a host and a path", "api.example.com/v1"),
            ("a user name", "user@api.example.com"),
            ("a dot before", ".example.com"),
            ("a dot behind", "example.com."),
            ("a star inside", "api.*.example.com"),
            ("a star in a label", "api*.example.com"),
            ("two stars", "*.*.example.com"),
            ("a star before nothing", "*."),
            ("a star before an address", "*.0.0.1"),
            ("a star before a whole address", "*.127.0.0.1"),
            ("a star before an IPv6 address", "*.::1"),
            ("an address in another spelling", "127.1"),
            ("an address as one number", "2130706433"),
            ("an IPv6 address with a zone", "fe80::1%eth0"),
            ("a blank", "api.example.com "),
            ("a name that IDNA reads in two ways", "stra\xdfe.example"),
        ]
    ),
]


@pytest.mark.parametrize("owner", [propagation_headers, propagate], ids=lambda owner: owner.__name__)
@pytest.mark.parametrize(("sentence", "allow", "remedy"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_no_list_of_hosts_is_refused(owner: Any, sentence: str, allow: Any, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        owner(*(["http://localhost/"] if owner is propagation_headers else []), allow=allow)
    (problem,) = caught.value.problems
    assert (caught.value.owner, problem.option) == (owner.__name__, "allow")
    assert problem.remedy.endswith(remedy)


def test_allow_is_required() -> None:
    with pytest.raises(TypeError, match="allow"):
        propagation_headers("http://localhost/")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # on purpose
    with pytest.raises(TypeError, match="allow"):
        propagate()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # on purpose
