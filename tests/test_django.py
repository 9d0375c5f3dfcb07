"""`django`: the application that the settings make, its keys, and what a wrong setting says."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")

from django.core.signing import TimestampSigner
from starlette.middleware import Middleware

from asgi_middleware import ConfigError, MissingExtra, SessionMiddleware, Stack
from asgi_middleware.django import get_asgi_application, wrap

from . import apps
from .asgi import drive, websocket
from .django_project.driving import ask, changed, get, lines

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("django_project")]

ORIGIN = "https://app.example.com"
KEY = "k" * 40


def refused(**settings: Any) -> list[str]:
    """What is said of settings that are refused, line by line."""
    with changed(**settings), pytest.raises(ConfigError) as caught:
        get_asgi_application()
    return str(caught.value).split("\n")


# --- the application ---------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/async"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_page_comes_through_the_stack(path: str, coding: str) -> None:
    response = get(path, headers={"Origin": ORIGIN, "Accept-Encoding": coding, "X-Request-ID": "known"})
    coded = [(b"content-encoding", b"gzip")] if coding == "gzip" else []
    length = b"3600" if coding == "identity" else response.headers["content-length"].encode()
    assert lines(response) == sorted(
        [
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-origin", ORIGIN.encode()),
            *coded,
            (b"content-length", length),
            (b"content-type", b"text/plain"),
            (b"vary", b"Cookie, Accept-Encoding, Origin"),
            (b"x-request-id", b"known"),
            (b"x-route", b"/" + path[1:].encode()),
        ]
    )
    assert response.text == "A page of words that compress well. " * 100


def test_header_names_are_in_lower_case_without_any_stack() -> None:
    with changed(ASGI_MIDDLEWARE=[]):
        assert lines(get("/")) == [(b"content-length", b"3600"), (b"content-type", b"text/plain")]


def test_djangos_own_application_writes_them_otherwise() -> None:
    """The control: this is what the drop-in is for."""
    from django.core.asgi import get_asgi_application as djangos

    assert lines(get("/", app=djangos())) == [(b"Content-Length", b"3600"), (b"Content-Type", b"text/plain")]


@pytest.mark.parametrize("stack", [[], ["request_id", "errors"]], ids=["no stack", "a stack"])
def test_a_websocket_is_refused_without_an_exception(stack: list[str]) -> None:
    with changed(ASGI_MIDDLEWARE=stack):
        application = get_asgi_application()
    exchange = drive(application, websocket("/ws"))
    assert (exchange.sent, exchange.error) == ([{"type": "websocket.close", "code": 1000, "reason": ""}], None)
    gone = drive(application, websocket("/ws"), [{"type": "websocket.disconnect", "code": 1006}])
    assert (gone.sent, gone.error) == ([], None)


@pytest.mark.parametrize("stack", [[], ["request_id"]], ids=["no stack", "a stack"])
def test_lifespan_is_answered(stack: list[str]) -> None:
    with changed(ASGI_MIDDLEWARE=stack):
        application = get_asgi_application()
    steps = ["lifespan.startup", "lifespan.shutdown"]
    exchange = drive(application, {"type": "lifespan"}, [{"type": step} for step in steps])
    assert (exchange.sent, exchange.error) == ([{"type": f"{step}.complete"} for step in steps], None)


def test_an_application_of_ones_own_keeps_its_websockets() -> None:
    """As Channels' ProtocolTypeRouter does, which refuses lifespan by ValueError too."""
    seen: list[dict[str, Any]] = []

    async def router(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("No application configured for scope type 'lifespan'")
        seen.append(scope)
        await apps.accepts(headers=[(b"X-Title", b"kept")])(scope, receive, send)

    with changed(ASGI_MIDDLEWARE=["request_id"]):
        application = wrap(router)
    exchange = drive(application, websocket(headers=[("x-request-id", "known")]))
    assert exchange.start["headers"] == [(b"x-title", b"kept"), (b"x-request-id", b"known")]
    assert seen[0]["request_id"] == "known"
    assert drive(application, {"type": "lifespan"}, [{"type": "lifespan.startup"}] * 2).error is None


def test_static_files_can_stand_inside() -> None:
    from .django_project import asgi_static

    response = get("/static/site.css", app=asgi_static.application, headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/css")
    assert response.text == "body { color: black; }\n" * 100
    assert lines(response, "content-encoding", "x-request-id")[0] == (b"content-encoding", b"gzip")
    exchange = drive(asgi_static.application, websocket("/ws"))
    assert [message["type"] for message in exchange.sent] == ["websocket.close"]


def test_who_follows_the_wrapped_applications_finds_django() -> None:
    application: Any = get_asgi_application()
    while hasattr(application, "app"):
        application = application.app
    assert type(application).__name__ == "ASGIHandler"


@pytest.mark.parametrize("app", [SessionMiddleware, None, "application"], ids=str)
def test_what_is_no_application_is_refused(app: Any) -> None:
    with pytest.raises(ConfigError, match=r"^asgi_middleware\.django: app: "):
        wrap(app)


def test_without_django_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "django.core.asgi", None)
    with pytest.raises(MissingExtra, match=r"pip install 'asgi-middleware\[django\]'"):
        get_asgi_application()


# --- the setting -------------------------------------------------------------


def test_a_stack_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "stack.toml").write_text('[[middleware]]\nuse = "request_id"\nheader = "X-Trace"\n')
    for value in ("conf/stack.toml", Path("conf/stack.toml"), tmp_path / "conf" / "stack.toml"):
        with changed(ASGI_MIDDLEWARE=value, BASE_DIR=tmp_path):
            assert lines(get("/", headers={"X-Trace": "known"}), "x-trace") == [(b"x-trace", b"known")]


def test_references_start_at_base_dir(tmp_path: Path) -> None:
    entry = {"use": "sessions", "secret_key": {"file": "session.key", "create": 32}}
    with changed(ASGI_MIDDLEWARE=[entry], BASE_DIR=str(tmp_path)):
        get_asgi_application()
    assert len((tmp_path / "session.key").read_text()) == 43


def test_a_stack_can_be_given_itself() -> None:
    with changed(ASGI_MIDDLEWARE=Stack([("request_id", {"header": "X-Trace"})])):
        assert lines(get("/", headers={"X-Trace": "known"}), "x-trace") == [(b"x-trace", b"known")]


def test_every_problem_is_told_at_once() -> None:
    wrong = ["request_id", ("cors", {"allow_origin": ["https://a.example"]}), {"use": "sesions"}]
    assert refused(ASGI_MIDDLEWARE=wrong) == [
        "settings.ASGI_MIDDLEWARE: 2 problems",
        "  - entry 2 (cors): allow_origin: is no option here; did you mean 'allow_origins'?",
        "  - entry 3 (sesions): use: 'sesions': is no known name; did you mean 'sessions'? (or 'package.module:Name')",
    ]


def test_a_problem_in_a_file_names_the_setting_the_file_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "stack.toml"
    file.write_text('\n[[middleware]]\nuse = "errors"\ntypes = []\n')
    assert refused(ASGI_MIDDLEWARE=file) == [
        (
            f"settings.ASGI_MIDDLEWARE: {file}: entry 1 (errors), line 2: types: []: "
            "names none, so the entry does nothing; use enabled = false for that"
        )
    ]


def test_a_file_that_needs_a_package_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.yaml").write_text("middleware: []")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with changed(ASGI_MIDDLEWARE=tmp_path / "stack.yaml"), pytest.raises(MissingExtra, match="PyYAML"):
        get_asgi_application()


WRONG: list[tuple[str, Any, str]] = [
    ("a file that is not there", "cors", "{base}/cors: file: does not exist; mend the path"),
    (
        "a number",
        7,
        'entries: int: must be a list; write ["errors", ("cors", {{...}})], or Stack.from_file(...) for a file',
    ),
]


@pytest.mark.parametrize(("sentence", "value", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_stack_is_refused(sentence: str, value: Any, said: str, tmp_path: Path) -> None:
    assert refused(ASGI_MIDDLEWARE=value, BASE_DIR=tmp_path) == [
        f"settings.ASGI_MIDDLEWARE: {said.format(base=tmp_path)}"
    ]


def test_the_setting_has_to_be_there() -> None:
    """A misspelt name must not leave the site without its stack."""
    from django.conf import settings

    with changed():
        del settings.ASGI_MIDDLEWARE
        with pytest.raises(ConfigError) as caught:
            get_asgi_application()
    assert str(caught.value) == (
        'settings: ASGI_MIDDLEWARE: is not set; write ASGI_MIDDLEWARE = ["request_id"], or [] for none'
    )


# --- keys --------------------------------------------------------------------

OURS = "asgi_middleware.sessions:SessionMiddleware"


class Own(SessionMiddleware):
    """A project's own."""


FORMS: list[tuple[str, Any]] = [
    ("a word", "sessions"),
    ("an import string", OURS),
    ("a class", SessionMiddleware),
    ("a subclass", Own),
    ("a pair", ("sessions", {"max_age": None})),
    ("a pair as a list", [SessionMiddleware, {}]),
    ("a mapping", {"use": "sessions"}),
    ("a mapping with a table of options", {"use": OURS, "options": {"max_age": 60}}),
    ("Starlette's Middleware", Middleware(SessionMiddleware, max_age=60)),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the key is what this is about
]


@pytest.mark.parametrize(("sentence", "entry"), FORMS, ids=[row[0] for row in FORMS])
def test_sessions_without_a_key_get_one_of_the_secret_key(sentence: str, entry: Any) -> None:
    visits = ("GET", "/visits"), ("GET", "/visits-async"), ("GET", "/visits")
    with changed(ASGI_MIDDLEWARE=[entry]):
        assert [response.json()["visits"] for response in ask(*visits)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["stack.toml", "stack.json"])
def test_so_do_those_of_a_stack_file(name: str, tmp_path: Path) -> None:
    texts = {"stack.toml": '[[middleware]]\nuse = "sessions"\n', "stack.json": '{"middleware": [{"use": "sessions"}]}'}
    (tmp_path / name).write_text(texts[name])
    with changed(ASGI_MIDDLEWARE=tmp_path / name):
        assert [response.json()["visits"] for response in ask(("GET", "/visits"), ("GET", "/visits"))] == [1, 2]


def cookie(**settings: Any) -> str:
    """The cookie of a first visit."""
    with changed(**settings):
        return get("/visits").headers["set-cookie"].partition(";")[0]


def visits(sent: str, **settings: Any) -> int:
    """The number of visits that a cookie has become."""
    with changed(**settings):
        counted: int = get("/visits", headers={"Cookie": sent}).json()["visits"]
        return counted


GIVEN = [("sessions", {"secret_key": KEY})]
DERIVED = ["sessions"]
KEYS: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("the same secret", {}, {}, 2),
    ("another secret", {}, {"SECRET_KEY": "another"}, 1),
    ("a secret that has become a fallback", {"SECRET_KEY": "old"}, {"SECRET_KEY_FALLBACKS": ["older", "old"]}, 2),
    ("an empty fallback is none", {"SECRET_KEY": "old"}, {"SECRET_KEY_FALLBACKS": ["", None]}, 1),
    ("a secret of bytes", {"SECRET_KEY": b"old"}, {"SECRET_KEY_FALLBACKS": ["old"]}, 2),
    ("a key of the entry's own", {"ASGI_MIDDLEWARE": GIVEN}, {"ASGI_MIDDLEWARE": GIVEN, "SECRET_KEY": "other"}, 2),
    ("which is another than the derived", {"ASGI_MIDDLEWARE": GIVEN}, {"SECRET_KEY": KEY}, 1),
]


@pytest.mark.parametrize(("sentence", "before", "after", "count"), KEYS, ids=[row[0] for row in KEYS])
def test_who_can_open_a_session(sentence: str, before: dict[str, Any], after: dict[str, Any], count: int) -> None:
    assert visits(cookie(**{"ASGI_MIDDLEWARE": DERIVED, **before}), **{"ASGI_MIDDLEWARE": DERIVED, **after}) == count


def test_nobody_can_forge_a_session_with_a_fallback_that_is_empty() -> None:
    """A variable of the environment that is not set leaves one."""
    from asgi_middleware.django.settings import session_keys

    with changed(SECRET_KEY="", SECRET_KEY_FALLBACKS=[]), pytest.raises(Exception, match="must not be empty"):
        session_keys()
    with changed(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["", "old"]):
        assert len(session_keys()) == 2


def test_a_derived_key_is_strong_enough_and_another_than_djangos(caplog: pytest.LogCaptureFixture) -> None:
    from asgi_middleware.django.settings import session_keys

    caplog.set_level(logging.WARNING)
    with changed(SECRET_KEY="short", ASGI_MIDDLEWARE=DERIVED):
        get_asgi_application()
        (key,) = session_keys()
        assert len(bytes.fromhex(key)) == 32
        assert key not in (TimestampSigner().key, "short")
    assert caplog.records == []


@pytest.mark.parametrize(
    "entry",
    [
        ("sessions", {"max_age": "soon"}),
        ("sessions", {"secret_kye": "a"}),
        {"use": "sessions", "secret_key": "of-the-tests-and-more"},
        {"use": "sessions", "store": "nowhere:"},
    ],
    ids=["a wrong option", "an unknown one", "a key given", "a wrong store"],
)
def test_nothing_secret_is_told(entry: Any) -> None:
    from asgi_middleware.django import settings

    with changed(ASGI_MIDDLEWARE=[entry, "sessions"]):
        keys = settings.session_keys()
        try:
            stack = settings.load()
        except ConfigError as error:
            told = str(error) + repr(error)
        else:
            told = stack.describe() + repr(stack) + "".join(map(repr, stack))
    assert not [secret for secret in [*keys, "of-the-tests"] if secret[:8] in told]
