"""What a checker of ASGI should look at, in 85 points, and which rules of the lint do: names, or why there is none."""

from typing import NamedTuple


class Point(NamedTuple):
    """One point: what must hold, the rules that see it, and what they cannot see, or why there are none."""

    sentence: str
    rules: str = ""
    unseen: str = ""

    @property
    def names(self) -> list[str]:
        return self.rules.split()


POINTS: dict[int, Point] = {
    # Core
    1: Point("the scope is a dict with text keys", "scope-dict"),
    2: Point("its `type` is text", "scope-type"),
    3: Point("`asgi['version']` is '2.0' or '3.0'", "scope-version"),
    4: Point("`spec_version` is text or absent", "scope-spec-version"),
    5: Point("the app is awaited once and returns None", "returns-none", "Python awaits a coroutine but once"),
    6: Point("an unknown scope type raises", "lifespan-answered", "of types but lifespan, which ones an app knows"),
    7: Point("a message is a dict with a text `type`", "receive-message send-message"),
    8: Point("a message's type is in the scope's namespace", "receive-type send-namespace"),
    9: Point("values are what any server can serialise", "receive-values send-values"),
    10: Point("extra keys are tolerated", unseen="who tolerates does nothing; they break no rule"),
    11: Point("an extension's message only where it is offered", "send-extension"),
    12: Point("an extension's value is a dict", "scope-extensions"),
    13: Point("send takes one argument by position, receive none", "call-arguments"),
    14: Point("exceptions from send reach the app", unseen="whoever swallows one stands outside; lint passes all on"),
    15: Point("a middleware changes a copy of the scope", "scope-kept", "keys that are added, or that routers write"),
    16: Point("the scope is not touched after the hand-over", "scope-kept", "who of the two has touched it"),
    17: Point("messages are not changed after they were sent", "send-kept", "all but the last four"),
    18: Point("the app can be called with keywords", unseen="the specification calls by position"),
    # HTTP scope
    19: Point("`http_version` is 1.0, 1.1, 2 or 3", "scope-http-version scope-keys"),
    20: Point("`method` is text in upper case", "scope-method"),
    21: Point("`scheme` is not empty", "scope-scheme"),
    22: Point("`path` is text, decoded, without query", "scope-path scope-path-decoded", "all without `raw_path`"),
    23: Point("`raw_path` is bytes or None, without query", "scope-raw-path"),
    24: Point("`query_string` is bytes", "scope-query scope-keys"),
    25: Point("`root_path` is text, and `path` starts with it", "scope-root-path scope-path-whole"),
    26: Point("`headers` holds pairs of bytes", "scope-headers scope-keys", "one-shot iterators"),
    27: Point("no pseudo headers; host from :authority first", "scope-pseudo-headers", "what :authority was"),
    28: Point("duplicates and their order are kept", unseen="what the client sent"),
    29: Point("names of request headers may be in any case", unseen="nothing to hold against anybody"),
    30: Point("`client` is (text, number) or None", "scope-address"),
    31: Point("`server` is (text, number or None) or None", "scope-address"),
    32: Point("`state` is a copy", "scope-state scope-state-copy", "copies of a middleware's own"),
    # HTTP, received
    33: Point("http.request and http.disconnect, nothing else", "receive-type"),
    34: Point("`body` is bytes", "request-body"),
    35: Point("`more_body` is a bool", "request-more"),
    36: Point("after the last chunk only a disconnect", "request-after-end"),
    37: Point("the body is without its chunked coding", unseen="bytes may look like anything"),
    38: Point("a disconnect comes after completion or close", "request-after-end", "whether the client has gone"),
    # HTTP, sent
    39: Point("start first; hints and debug before it", "start-first debug-first"),
    40: Point("exactly one start", "start-once response-complete"),
    41: Point("`status` is a number from 200 to 599", "start-status"),
    42: Point(
        "`headers` are pairs of bytes: tokens in lower case, no CR, LF, NUL",
        "start-headers start-header-names start-header-case start-header-values",
        "one-shot iterators, which the specification allows",
    ),
    43: Point("no Transfer-Encoding of its own", "start-transfer-encoding"),
    44: Point("`trailers` is a bool", "start-trailers"),
    45: Point("at least one body after the start", "response-complete"),
    46: Point("`body` is bytes", "body-bytes"),
    47: Point("`more_body` is a bool", "body-more"),
    48: Point("nothing after the last", "body-after-end early-hint-links push-path pathsend-alone start-once"),
    49: Point("the response is complete when the app returns", "response-complete"),
    50: Point("one Content-Length, that of the body", "content-length-once content-length-kept"),
    51: Point("no body for 204 and 304; HEAD", "body-forbidden", "HEAD: frameworks send it, servers leave it out"),
    52: Point("a send after a close does nothing or raises OSError", "gone-send", "what the server logs"),
    53: Point("who has seen a disconnect stops", "gone-stops", "up to 100 messages, which may have been under way"),
    # HTTP extensions
    54: Point("trailers where promised and TE allows", "trailers-promised", "TE is the server's business"),
    55: Point("trailers after the last chunk, then an end", "trailers-last trailers-more response-complete"),
    56: Point("a path once, absolute, not mixed with a body", "pathsend-path pathsend-alone body-after-end"),
    57: Point("a file with a descriptor, numbers", "zerocopysend-file body-more"),
    58: Point("a push has a text path, before the last chunk", "push-path start-headers"),
    59: Point("early hints are links of bytes", "early-hint-links"),
    60: Point("debug information once, before the start", "debug-first debug-info"),
    61: Point("`tls` on TLS alone, with its mandatory keys", "scope-tls"),
    # WebSocket
    62: Point("first a connect", "connect-first"),
    63: Point("answered by accept, close or denial", "accept-first connect-answered"),
    64: Point("nothing is sent before the accept", "accept-first receive-before-accept"),
    65: Point("accepted once", "accept-once"),
    66: Point("a subprotocol that was offered", "accept-subprotocol scope-subprotocols"),
    67: Point("accept's headers: no subprotocol, from 2.1 on", "accept-headers accept-headers-version"),
    68: Point("a send has exactly one of text and bytes", "send-one"),
    69: Point("text is text, bytes are bytes", "send-one"),
    70: Point("so has what is received", "receive-one"),
    71: Point("a close's code is a number, its reason text", "close-code"),
    72: Point("a close before the accept is a 403", unseen="what the server makes of it"),
    73: Point("nothing after a close", "send-after-close"),
    74: Point("a disconnect's code is a number, its reason text", "disconnect-code receive-after-end"),
    75: Point("a send after a disconnect does nothing or raises OSError", "gone-send gone-stops"),
    76: Point("a denial: start, body, no other message", "denial-order send-extension accept-once connect-answered"),
    # Lifespan
    77: Point("startup is received before anything is sent", "lifespan-receive lifespan-send"),
    78: Point("complete or failed, not both", "lifespan-send"),
    79: Point("no requests before startup has completed", "lifespan-first", "requests past this lint"),
    80: Point("shutdown only after a complete startup", "lifespan-receive"),
    81: Point("one answer to a shutdown", "lifespan-send lifespan-answered"),
    82: Point("`message` is text", "lifespan-message"),
    83: Point("a raise means unsupported, failed means abort", unseen="what the server makes of it"),
    84: Point("`state` is writable until startup completes", "scope-state scope-state-copy", "when it was written"),
    85: Point("middlewares pass it on, and raise what was raised", unseen="takes a lint on either side"),
}  # fmt: skip
