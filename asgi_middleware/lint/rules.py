"""The rules: one table, and the exception that names one of them."""

from typing import Literal, NamedTuple


class Rule(NamedTuple):
    """One sentence of the specification: who is at fault, where it stands, what it says.

    `"server"` is whoever calls, `"application"` whoever is called: a middleware is both. `"either"`: both sides hold
    the object, and it does not tell who changed it.
    """

    fault: Literal["server", "application", "either"]
    clause: str
    sentence: str


RULES: dict[str, Rule] = {
    # every scope
    "scope-dict": Rule("server", "core: Applications", "the scope is a dict with text keys"),
    "scope-type": Rule("server", "core: Connection Scope", "`type` is text"),
    "scope-version": Rule("server", "core: Applications", "`asgi` is a dict whose `version` is '2.0' or '3.0'"),
    "scope-spec-version": Rule("server", "core: Applications", "`asgi['spec_version']` is text, or absent"),
    "scope-extensions": Rule("server", "core: Extensions", "`extensions` is a dict of dicts, None, or absent"),
    "scope-state": Rule("server", "lifespan: Lifespan State", "`state` is a dict, or absent"),
    "scope-state-copy": Rule("server", "lifespan: Lifespan State", "a request's `state` is a copy of the lifespan's"),
    "scope-kept": Rule("either", "core: Middleware", "what was in the scope is still there, unchanged"),
    # HTTP and WebSocket scopes
    "scope-keys": Rule("server", "HTTP: Scope", "`http_version`, `query_string` and `headers` are there"),
    "scope-http-version": Rule("server", "HTTP: Scope", "`http_version` is '1.0', '1.1', '2' or '3'"),
    "scope-method": Rule("server", "HTTP: Scope", "`method` is upper-case text"),
    "scope-scheme": Rule("server", "HTTP: Scope", "`scheme` is text that is not empty, or absent"),
    "scope-path": Rule("server", "HTTP: Scope", "`path` is text"),
    "scope-path-decoded": Rule("server", "HTTP: Scope", "`path` is decoded, and without the query"),
    "scope-path-whole": Rule("server", "HTTP: WSGI Compatibility", "`path` starts with `root_path`"),
    "scope-raw-path": Rule("server", "HTTP: Scope", "`raw_path` is bytes without a query, None, or absent"),
    "scope-query": Rule("server", "HTTP: Scope", "`query_string` is bytes"),
    "scope-root-path": Rule("server", "HTTP: Scope", "`root_path` is text, or absent"),
    "scope-headers": Rule("server", "HTTP: Scope", "`headers` holds pairs of bytes"),
    "scope-pseudo-headers": Rule("server", "HTTP: Scope", "pseudo headers are not among `headers`"),
    "scope-address": Rule("server", "HTTP: Scope", "`client` and `server` are [text, number], None, or absent"),
    "scope-tls": Rule("server", "TLS: Scope", "`tls` is offered on TLS alone, with what it must hold"),
    "scope-subprotocols": Rule("server", "WebSocket: Scope", "`subprotocols` holds text, or is absent"),
    # every message
    "receive-message": Rule("server", "core: Events", "a message is a dict with text keys and a text `type`"),
    "receive-values": Rule("server", "core: Events", "values are bytes, text, numbers, lists, dicts, bools or None"),
    "receive-type": Rule("server", "core: Events", "the type is one that the protocol knows"),
    "send-message": Rule("application", "core: Events", "a message is a dict with text keys and a text `type`"),
    "send-values": Rule("application", "core: Events", "values are bytes, text, numbers, lists, dicts, bools or None"),
    "send-namespace": Rule("application", "core: Events", "the type is in the namespace of the scope"),
    "send-kept": Rule("either", "core: Middleware", "a message is not changed after it was sent"),
    "send-extension": Rule(
        "application", "core: Extensions", "an extension's message is sent only where it is offered"
    ),
    "returns-none": Rule("application", "core: Applications", "the application returns None"),
    "call-arguments": Rule("application", "core: Applications", "receive takes nothing, send one message by position"),
    "gone-stops": Rule(
        "application", "HTTP: Disconnect", "who was told that the client has gone stops within 100 messages"
    ),
    "gone-send": Rule("server", "HTTP: Disconnected Client", "a send after that does nothing, or raises OSError"),
    # HTTP, received
    "request-body": Rule("server", "HTTP: Request", "`body` is bytes, or absent"),
    "request-more": Rule("server", "HTTP: Request", "`more_body` is a bool, or absent"),
    "request-after-end": Rule("server", "HTTP: Request", "after the last chunk only a disconnect comes"),
    # HTTP, sent
    "start-first": Rule("application", "HTTP: Response Start", "the response starts before its body"),
    "start-once": Rule("application", "HTTP: Response Start", "the response starts once"),
    "start-status": Rule("application", "HTTP: Response Start", "`status` is a number from 200 to 599"),
    "start-headers": Rule("application", "HTTP: Response Start", "`headers` holds pairs of bytes, or is absent"),
    "start-header-names": Rule("application", "HTTP: Response Start", "header names are tokens, none of them pseudo"),
    "start-header-case": Rule("application", "HTTP: Response Start", "header names are in lower case"),
    "start-header-values": Rule("application", "RFC 9110: 5.5", "header values hold no CR, LF or NUL"),
    "start-transfer-encoding": Rule(
        "application", "HTTP: Response Start", "Transfer-Encoding is the server's business"
    ),
    "start-trailers": Rule("application", "HTTP: Response Start", "`trailers` is a bool, or absent"),
    "content-length-once": Rule("application", "RFC 9110: 8.6", "there is one Content-Length, a number"),
    "content-length-kept": Rule("application", "RFC 9110: 8.6", "the body has the length that was declared"),
    "body-bytes": Rule("application", "HTTP: Response Body", "`body` is bytes, or absent"),
    "body-more": Rule("application", "HTTP: Response Body", "`more_body` is a bool, or absent"),
    "body-after-end": Rule("application", "HTTP: Response Body", "nothing but trailers follows the last chunk"),
    "body-forbidden": Rule("application", "RFC 9110: 6.4.1", "204 and 304 have no body"),
    "response-complete": Rule("application", "HTTP: Response Body", "the response is complete when the app returns"),
    # HTTP extensions
    "trailers-promised": Rule("application", "extensions: Trailers", "trailers come after a start that promised them"),
    "trailers-last": Rule("application", "extensions: Trailers", "trailers come after the last chunk, and end"),
    "trailers-more": Rule("application", "extensions: Trailers", "`more_trailers` is a bool, or absent"),
    "pathsend-path": Rule("application", "extensions: Path Send", "`path` is absolute text"),
    "pathsend-alone": Rule("application", "extensions: Path Send", "a path is sent once and without other body"),
    "zerocopysend-file": Rule(
        "application", "extensions: Zero Copy Send", "`file` has a descriptor, offsets are numbers"
    ),
    "push-path": Rule("application", "extensions: Server Push", "`path` is text; between start and last chunk"),
    "early-hint-links": Rule("application", "extensions: Early Hints", "`links` holds bytes; before the last chunk"),
    "debug-first": Rule("application", "extensions: Debug", "debug information comes once, before the start"),
    "debug-info": Rule("application", "extensions: Debug", "`info` is a dict with text keys"),
    # WebSocket, received
    "connect-first": Rule("server", "WebSocket: Connect", "the first message is the connect, and it comes once"),
    "receive-one": Rule("server", "WebSocket: Receive", "exactly one of `bytes` and `text` is there and not None"),
    "receive-before-accept": Rule("server", "WebSocket: Receive", "data comes only after the accept"),
    "receive-after-end": Rule("server", "WebSocket: Disconnect", "nothing but a disconnect follows a disconnect"),
    "disconnect-code": Rule("server", "WebSocket: Disconnect", "`code` is a number, `reason` text, None, or absent"),
    # WebSocket, sent
    "connect-answered": Rule("application", "WebSocket: Connect", "a connect is answered, and a denial to its end"),
    "accept-first": Rule("application", "WebSocket: Accept", "the answer to a connect is accept, close, or a denial"),
    "accept-once": Rule("application", "WebSocket: Accept", "a socket is accepted or refused once"),
    "accept-subprotocol": Rule("application", "WebSocket: Accept", "`subprotocol` is one that was offered, or None"),
    "accept-headers": Rule("application", "WebSocket: Accept", "`headers` holds pairs of bytes, no subprotocol"),
    "accept-headers-version": Rule(
        "application", "WebSocket: Spec Versions", "no `headers` where the server says that it knows version 2.0"
    ),
    "send-one": Rule("application", "WebSocket: Send", "exactly one of `bytes` and `text` is there and not None"),
    "close-code": Rule("application", "WebSocket: Close", "`code` is a number, `reason` text, None, or absent"),
    "send-after-close": Rule("application", "WebSocket: Close", "nothing follows a close"),
    "denial-order": Rule("application", "extensions: Denial Response", "a denial is a start, then body, nothing else"),
    # lifespan
    "lifespan-receive": Rule("server", "lifespan: Startup", "startup comes first, shutdown after it has completed"),
    "lifespan-send": Rule("application", "lifespan: Startup", "startup and shutdown are answered once, when they came"),
    "lifespan-answered": Rule("application", "lifespan: Scope", "what came is answered; who serves no lifespan raises"),
    "lifespan-message": Rule("application", "lifespan: Startup Failed", "`message` is text, or absent"),
    "lifespan-first": Rule("server", "lifespan: Startup Complete", "no request comes before startup has completed"),
}


class ASGIViolation(Exception):
    """A rule was broken. `rule` is its key in `RULES`, `seen` what was there instead, as text."""

    rule: str
    seen: str

    def __init__(self, rule: str, seen: str) -> None:
        self.rule = rule
        self.seen = seen
        fault, clause, sentence = RULES[rule]
        super().__init__(f"{rule} (fault: {fault}; {clause}): {sentence}; seen: {seen}")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return ASGIViolation, (self.rule, self.seen)
