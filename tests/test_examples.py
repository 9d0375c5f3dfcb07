"""The small examples do what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from examples import starlette_app, wrap

from .asgi import Exchange, drive, http

FILES = sorted(path for path in (Path(__file__).parent.parent / "examples").glob("*.py") if path.stem != "__init__")
# The others, and the tests that run them.
RUN_ELSEWHERE = {
    "datasette_plugin": "hosts/test_datasette_on_hosts.py",
    "django_site": "hosts/test_django_on_hosts.py",
    "lambda_handler": "hosts/test_examples_on_hosts.py",
    "litestar_app": "hosts/test_examples_on_hosts.py",
    "notes": "test_server.py",
    "trace_service": "test_request_id_trace_service.py",
}
LONGEST = 60  # lines; the notes are an application with all of its parts


@pytest.mark.parametrize("file", FILES, ids=[path.stem for path in FILES])
def test_an_example_is_small_and_run(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST or file.stem == "notes"
    run_by = Path(__file__).parent / RUN_ELSEWHERE.get(file.stem, "test_examples.py")
    assert file.stem in run_by.read_text().replace(f'"{file.stem}": ', "")


def call(app: Any, path: str, method: str = "GET", **headers: str) -> Exchange:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    exchange = drive(app, http(path, method=method, headers=pairs), loop="asyncio")
    assert exchange.error is None
    return exchange


def test_wrap_has_an_id_cors_and_compression() -> None:
    exchange = call(wrap.app, "/", origin="https://app.example.com", accept_encoding="br", x_request_id="known")
    assert exchange.headers == [
        ("access-control-allow-origin", "https://app.example.com"),
        ("content-encoding", "br"),
        ("content-length", str(len(exchange.raw_body))),
        ("content-type", "text/plain"),
        ("vary", "Accept-Encoding, Origin"),
        ("x-request-id", "known"),
    ]
    assert exchange.body == b"Hello from a plain ASGI application. " * 100


def test_the_starlette_application_signs_in_by_its_own_backend() -> None:
    assert call(starlette_app.app, "/secret").status == 401
    login = call(starlette_app.app, "/login/ada", "POST")
    cookie = login.header("set-cookie")[0].partition(";")[0]
    secret = call(starlette_app.app, "/secret", cookie=cookie)
    assert json.loads(secret.body) == {"secret of": "ada"}
    assert secret.header("vary") == ["Cookie"]
    assert len(secret.header("x-request-id")) == 1


def test_the_fastapi_application_asks_by_dependencies() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed: the extra `types`")
    from examples import fastapi_app

    nobody = call(fastapi_app.app, "/reports")
    assert (nobody.status, nobody.header("www-authenticate")) == (401, ["APIKey"])
    reports = call(fastapi_app.app, "/reports", x_api_key=fastapi_app.key)
    assert json.loads(reports.body) == {"reports of": "reporter"}
    assert call(fastapi_app.app, "/reports", "POST", x_api_key=fastapi_app.key).status == 403
    assert call(fastapi_app.app, "/reports", x_api_key="demo_x").status == 401
