"""The examples for Litestar and AWS Lambda do what they say; test_datasette_on_hosts.py runs the one for Datasette."""

import importlib
import json

import pytest

from asgi_middleware import ConfigError
from tests.serving import serving

from .checks import Client, Host, facts, framing_of, owed
from .lambda_events import SHAPES, Caller
from .stacks import ORIGIN, SECRET

pytestmark = pytest.mark.hosts


def test_the_litestar_application_signs_in_and_guards() -> None:
    pytest.importorskip("litestar", reason="litestar is not installed: the extra `hosts`")
    command = ["uvicorn", "--port", "0", "examples.litestar_app:app"]
    with serving(command) as server, Client(Host(server.url, {})) as client:
        assert client.ask("GET", "/notes").status == 401
        assert json.loads(client.ask("POST", "/login/ada").body) == {"signed in": "ada"}
        for number in (1, 2):
            notes = client.ask("GET", "/notes")
            assert json.loads(notes.body) == {"of": "ada", "read": number, "notes": ["bread", "coffee"] * 100}
            assert (notes.header("content-encoding"), len(notes.header("x-request-id"))) == (["gzip"], 1)
        missing = client.ask("GET", "/nowhere")
        assert (missing.status, missing.header("access-control-allow-origin")) == (404, [ORIGIN])


@pytest.mark.usefixtures("current_loop")
def test_the_function_needs_its_key_and_then_answers_every_shape_of_event(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mangum", reason="mangum is not installed: the extra `hosts`")
    monkeypatch.delenv("SESSION_KEY", raising=False)
    with pytest.raises(ConfigError, match="SESSION_KEY"):
        importlib.import_module("examples.lambda_handler")
    monkeypatch.setenv("SESSION_KEY", SECRET)
    handler = importlib.import_module("examples.lambda_handler").handler
    for shape in SHAPES.values():
        ask = Caller(handler, shape)
        goods = ask("GET", "/goods", {"origin": ORIGIN, "accept-encoding": "gzip"})
        host = Host("", {}, protocol="h2")
        expected = {**owed(framing_of(goods, host)), "times": []}
        assert facts(goods, host) == expected
        assert len(json.loads(goods.body)) == 199
        assert [json.loads(ask("GET", "/visits", {}).body)["visits"] for _ in range(2)] == [1, 2]
