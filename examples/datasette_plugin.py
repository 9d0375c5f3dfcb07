"""As a plugin of Datasette: the config list stands in Datasette's own metadata.

    mkdir plugins && cp examples/datasette_plugin.py plugins
    datasette data.db --plugins-dir plugins --metadata metadata.json

with, for example, this metadata:

    {"plugins": {"asgi-middleware": {"stack": [
        {"use": "request_id"},
        {"use": "cors", "allow_origins": ["https://app.example.com"]},
        {"use": "compression"},
        {"use": "auth", "backend": {"use": "api_key", "keys": "keys.toml"}}
    ]}}}

Whoever the auth knows is Datasette's actor, so that its `allow` blocks ask for `{"id": "..."}`. Datasette's own API
tokens are bearer tokens: beside `bearer`, of other issuers, they would be refused as bad ones.
"""

from typing import Any

from datasette import hookimpl

from asgi_middleware import Stack

DEFAULT = ["request_id", "timing", "compression"]


@hookimpl
def asgi_wrapper(datasette: Any) -> Stack:
    """The stack around all that Datasette serves; a mistake in it is told when Datasette starts."""
    config = datasette.plugin_config("asgi-middleware") or {}
    return Stack(config.get("stack", DEFAULT))


@hookimpl
def actor_from_request(request: Any) -> dict[str, str] | None:
    user = request.scope.get("user")
    return {"id": user.identity} if user is not None and user.is_authenticated else None
