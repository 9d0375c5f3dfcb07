"""What the tests of the command line share: a tiny app, and the type of what runs a command."""

from collections.abc import Callable

APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})

class Outer:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
    other = app

text = "no app"
"""
ERRORS = '[[middleware]]\nuse = "errors"\n'
KNOWN_APP = "tiny_cli_app"

Run = Callable[..., tuple[int, str, str]]
