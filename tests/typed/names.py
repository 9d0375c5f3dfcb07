"""The types of the public names, as users see them. Every name in an `__all__` of the package is here."""

import dataclasses
import logging
from collections.abc import (
    Awaitable,
    Callable,
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    Sequence,
    ValuesView,
)
from typing import Any, Literal, Protocol, assert_type

from opentelemetry.metrics import NoOpMeterProvider
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_middleware import (
    AuthenticationMiddleware,
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    ConfigError,
    CORSMiddleware,
    CORSPolicy,
    ErrorsMiddleware,
    GZipMiddleware,
    LintMiddleware,
    MissingExtra,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
    get_request_id,
    main,
    measure,
)
from asgi_middleware.auth import (
    JWKS,
    JWT,
    OIDC,
    APIKeys,
    AuthError,
    Basic,
    Bearer,
    HMACKey,
    Issuers,
    RequireScopes,
    SessionUser,
    StaticKeys,
    User,
    login,
    logout,
)
from asgi_middleware.django import get_asgi_application, wrap
from asgi_middleware.exceptions import Problem
from asgi_middleware.lint import RULES, ASGIViolation, Rule
from asgi_middleware.request_id import (
    RequestIDFilter,
    Trace,
    add_request_id,
    get_trace,
    install_record_factory,
    propagate,
    propagation_headers,
)
from asgi_middleware.sessions import (
    Session,
    SessionConflict,
    SessionTooLarge,
    StoredSession,
    revoke_all,
    sessions_of,
)
from asgi_middleware.sessions.stores import (
    IndexedStore,
    MemoryStore,
    Record,
    RedisStore,
    SQLAlchemyStore,
    SQLiteStore,
    Store,
)
from asgi_middleware.stack import Finding
from asgi_middleware.timing import LogSink, OTelMetricsSink, PrometheusSink, add
from asgi_middleware.timing import Record as Told
from asgi_middleware.timing.sinks import Sink, WatchingSink

# What a middleware takes, as it reads for those who look inside: anything that can be called as ASGI 3.
Wrapped = Callable[[Any, Any, Any], Awaitable[None]]


class Asks(Protocol):
    """An application as adapters spell it that run it themselves, such as Mangum."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


def adapted(_app: Asks) -> None: ...


async def middleware(app: ASGIApp, receive: Receive, send: Send, bearer: Bearer) -> None:
    """A class stays itself, has its application, and can be awaited as ASGI 3."""
    assert_type(AuthMiddleware(app, bearer), AuthMiddleware)
    assert_type(AuthenticationMiddleware(app, bearer), AuthenticationMiddleware)
    assert_type(BrotliMiddleware(app), BrotliMiddleware)
    assert_type(CORSMiddleware(app, ["*"]), CORSMiddleware)
    assert_type(CompressionMiddleware(app), CompressionMiddleware)
    assert_type(ErrorsMiddleware(app), ErrorsMiddleware)
    assert_type(GZipMiddleware(app), GZipMiddleware)
    assert_type(LintMiddleware(app), LintMiddleware)
    assert_type(RequestIDMiddleware(app), RequestIDMiddleware)
    assert_type(SessionMiddleware(app, "key"), SessionMiddleware)
    assert_type(TimingMiddleware(app), TimingMiddleware)
    assert_type(TimingMiddleware(app).app, Wrapped)
    assert_type(AuthenticationMiddleware(app, bearer).app, Wrapped)
    assert_type(GZipMiddleware(app).app, Wrapped)
    called: Wrapped = RequestIDMiddleware(app)
    assert_type(await called({}, receive, send), None)
    starlettes: type[AuthMiddleware] = AuthenticationMiddleware
    starlettes(app, bearer)


async def cors(app: ASGIApp) -> None:
    policy = CORSMiddleware(app, allow_origins=["https://app.example.com"]).policy
    assert_type(policy, CORSPolicy)
    assert_type(policy.allow_credentials, bool)
    assert_type(policy.allow_origin_regex, str | None)
    assert_type(policy.max_age, int | None)
    assert_type(policy.any_origin, bool)
    assert_type(policy.allows_by_list(b"null"), bool)
    assert_type(await policy.allows(b"null", {}), bool)
    assert_type(policy.refused_method(b"GET"), bool)
    assert_type(policy == CORSPolicy(allow_origins=[]), bool)
    assert_type({policy: 1}, dict[CORSPolicy, int])


def request_id() -> None:
    assert_type(get_request_id(), str | None)
    assert_type(get_request_id() or "-", str)
    log_filter: logging.Filter = RequestIDFilter(default="-")
    logging.getLogger().addFilter(log_filter)
    assert_type(install_record_factory(default="-"), Callable[[], None])
    install_record_factory()()
    assert_type(add_request_id(None, "info", {"event": "x"}), MutableMapping[str, Any])
    assert_type(propagation_headers("https://api.example.com/", allow=["api.example.com"]), dict[str, str])
    assert_type(propagate(allow={"*.example.com"}), Callable[[Any], Awaitable[None]])
    assert_type(get_trace(), Trace | None)
    trace = Trace("0af7651916cd43dd8448eb211c80319c", None, "b7ad6b7169203331", 2)
    assert_type(trace.trace_id, str)
    assert_type(trace.parent_id, str | None)
    assert_type(trace.span_id, str)
    assert_type(trace.flags, int)
    assert_type(trace.state, str)
    assert_type(trace.traceparent, str)


async def timing() -> int:
    """`measure` hides no signature, and swallows no exception: the function needs no other `return`."""
    add("db", 12.5, desc="orders")
    add("db", 12)

    @measure("db")
    def rows(table: str, *, limit: int = 10) -> list[str]:
        return [table] * limit

    @measure("db", desc="orders")
    async def orders(of: int) -> str:
        return str(of)

    @measure("decorated twice")
    @measure("inner")
    def twice(value: bytes) -> bytes:
        return value

    class Repository:
        @measure("get")
        async def get(self, key: str) -> bytes:
            return key.encode()

        @staticmethod
        @measure("open")
        def opened() -> "Repository":
            return Repository()

    assert_type(rows("orders", limit=3), list[str])
    assert_type(await orders(1), str)
    assert_type(twice(b""), bytes)
    assert_type(Repository.opened(), Repository)
    assert_type(await Repository().get("key"), bytes)
    kept: Callable[[int], Awaitable[str]] = orders
    await kept(1)
    with measure("block", "what it does") as span:
        assert_type(span, measure)
        assert_type(span.name, str)
        assert_type(span.desc, str | None)
    async with measure("block") as span:
        assert_type(span, measure)
    with measure("returning"):
        return 1


def sinks(app: ASGIApp, record: Told) -> None:
    class Own:
        def ended(self, record: Told) -> None: ...

    own: Sink = Own()
    watching: WatchingSink = PrometheusSink(registry=CollectorRegistry(), buckets=[0.1, 1], prefix="shop_")
    watching = OTelMetricsSink(meter_provider=NoOpMeterProvider())
    watching.began("http", "GET", "https")
    sinks: list[Sink] = [own, watching, LogSink(slow=None, access="combined", query=True)]
    TimingMiddleware(app, sinks=sinks, queue_time=True, route=lambda scope: scope["path"])
    TimingMiddleware(app, sinks=[LogSink(slow=0.5)], queue_time=lambda scope: scope["client"] is None, route=None)
    assert_type(record.type, str)
    assert_type(record.method, str)
    assert_type(record.scheme, str)
    assert_type(record.route, str)
    assert_type(record.status, int | None)
    assert_type(record.outcome, Literal["ok", "error", "cancelled", "aborted"])
    assert_type(record.error, str | None)
    assert_type(record.queue, float | None)
    assert_type(record.first_byte, float | None)
    assert_type(record.last_byte, float | None)
    assert_type(record.total, float)
    assert_type(record.duration, float)
    assert_type(record.bytes_out, int | None)
    assert_type(record.close_code, int | None)
    assert_type(record.request_id, str | None)
    assert_type(record.trace_id, str | None)
    assert_type(record.sampled, bool)
    assert_type(record.started, float)
    assert_type(record.scope, Mapping[str, Any])
    assert_type(record.header(b"user-agent"), bytes | None)
    for name, desc, seconds in record.spans:
        assert_type((name, desc, seconds), tuple[str, str | None, float])


def stack(app: ASGIApp) -> None:
    built = Stack(
        ["cors", ("sessions", {"secret_key": "key"})],
        base="config",
        create_files=False,
        silence=["two-cors"],
        log=False,
    )
    adapted(built(app))
    assert_type(built[0], Any)
    assert_type(built[-1:], Sequence[Any])
    assert_type(len(built), int)
    assert_type(iter(built), Iterator[Any])
    assert_type(built.describe(), str)
    assert_type(built.as_json(), list[dict[str, Any]])
    adapted(main.app)
    assert_type(Stack.from_file("stack.toml"), Stack)
    adapted(Stack.from_file("stack.toml", create_files=False, log=False)(app))
    assert_type(built.check(), list[Finding])
    finding = built.check(app, plain_http=True)[0]
    assert_type(finding.code, str)
    assert_type(finding.severity, Literal["error", "warning"])
    assert_type(finding.where, str)
    assert_type(finding.message, str)
    assert_type(finding.remedy, str)
    assert_type(finding.told, str)
    assert_type(str(finding), str)
    assert_type(dataclasses.asdict(finding), dict[str, Any])
    assert_type(CORSMiddleware.middleware_kind, str)
    assert_type(GZipMiddleware.middleware_kind, str)
    assert_type(SessionUser.middleware_kind, str)


def errors(app: ASGIApp) -> None:
    try:
        BrotliMiddleware(app)
    except MissingExtra as missing:
        assert_type(missing.extra, str)
        assert_type(missing.problems, tuple[Problem, ...])
    except ConfigError as error:
        value_error: ValueError = error
        assert_type(error.owner, str)
        assert_type(error.problems, tuple[Problem, ...])
        assert_type(error.problems[0].option, str)
        assert_type(error.problems[0].seen, str)
        assert_type(error.problems[0].rule, str)
        assert_type(error.problems[0].remedy, str)
        raise SystemExit(str(value_error)) from None


def sessions(session: Session) -> None:
    assert_type(session["user"], Any)
    assert_type(session.get("user"), Any)
    assert_type(session.get("visits", 0), Any)
    assert_type(session.pop("user", None), Any)
    assert_type(session.setdefault("visits", 0), Any)
    assert_type(session.popitem(), tuple[str, Any])
    assert_type("user" in session, bool)
    assert_type(len(session), int)
    assert_type(list(session), list[str])
    assert_type(list(reversed(session)), list[str])
    assert_type(session.keys(), KeysView[str])
    assert_type(session.values(), ValuesView[Any])
    assert_type(session.items(), ItemsView[str, Any])
    assert_type(session.copy(), dict[str, Any])
    assert_type(session.accessed, bool)
    assert_type(session.modified, bool)
    assert_type(session.is_new, bool)
    assert_type(session.id, str | None)
    assert_type(session.created, int | None)
    assert_type(session.subject, str | None)
    session.subject = "user-1"
    session.regenerate()
    session.set_expiry(3600)
    session.set_expiry(None)
    session.destroy()
    session["user"] = "ada"
    del session["user"]
    session.update({"user": "ada"}, visits=1)
    session |= {"user": "ada"}
    assert_type(session, Session)
    session.clear()
    session.mark_accessed()
    session.mark_modified()
    plain: dict[str, Any] = Session(user="ada")
    mapping: Mapping[str, Any] = Session(plain)
    Session(mapping)
    too_large = SessionTooLarge(5000, 4093)
    assert_type(too_large.size, int)
    assert_type(too_large.limit, int)
    raise too_large


async def stores(store: Store, session: Session, app: ASGIApp) -> None:
    assert_type(await store.read("key", extend=60), Record | None)
    assert_type(await store.create("key", b"data", 60), bool)
    SessionMiddleware(app, "key", store=store, rolling=True, absolute_timeout=3600)
    SessionMiddleware(app, "key", store="memory:", validate=lambda session, scope: session.subject is not None)
    indexed: IndexedStore = MemoryStore(most=10)
    indexed = SQLiteStore("sessions.db")
    indexed = RedisStore.from_url("redis://localhost")
    indexed = SQLAlchemyStore.from_url("postgresql+asyncpg://localhost/name")
    assert_type(await sessions_of(indexed, "user-1"), list[StoredSession])
    assert_type(await revoke_all(indexed, "user-1", keep=session), int)
    assert_type(await revoke_all(indexed, "user-1", keep=session.id), int)
    await session.save()
    raise SessionConflict


async def auth(user: User, app: ASGIApp) -> None:
    JWT(OIDC("https://idp.example"), audience="api", revoked=lambda claims: claims["sub"] == "eve")
    JWT(Issuers({"https://a.example/": JWKS("https://a.example/keys")}), audience="api")
    key, digest = APIKeys.new(prefix="acme")
    assert_type(key, str)
    assert_type(APIKeys({digest: "ci"}), APIKeys)
    assert_type(SessionUser(allow_origins=["https://app.example.com"]), SessionUser)
    assert_type(RequireScopes(app, ["admin"]), RequireScopes)
    login({}, "user-1")
    logout({})
    verifier = JWT(HMACKey("secret"), issuer="https://idp.example", audience=["api", "admin"])
    assert_type(await verifier.verify(b"token"), Mapping[str, Any])
    JWT(StaticKeys("pem", b"pem", {"kty": "RSA"}), any_issuer=True, any_audience=True)
    assert_type(Bearer(verifier), Bearer)
    assert_type(Bearer.scheme, str)
    assert_type(Basic({"ada": "hash"}), Basic)
    assert_type(user.identity, str)
    assert_type(user.display_name, str)
    assert_type(user.scheme, str)
    assert_type(user.scopes, tuple[str, ...])
    assert_type(user.claims, Mapping[str, Any])
    assert_type(user.issuer, str | None)
    assert_type(user.is_authenticated, bool)
    assert_type(User("ada", scheme="Basic", scopes=("read",)), User)
    error = AuthError(401, "invalid_token", "The token has expired")
    assert_type(error.status, int)
    assert_type(error.code, str | None)
    assert_type(error.description, str)


def lint(app: ASGIApp) -> None:
    violations: list[ASGIViolation] = []
    LintMiddleware(app, mode=violations.append, ignore=["start-header-case"])
    assert_type(violations[0].rule, str)
    assert_type(violations[0].seen, str)
    assert_type(RULES, dict[str, Rule])
    assert_type(RULES["scope-kept"].fault, Literal["server", "application", "either"])
    assert_type(RULES["scope-kept"].sentence, str)


def django(app: ASGIApp) -> None:
    adapted(get_asgi_application())
    adapted(wrap(app))
