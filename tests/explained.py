"""What `CORSPolicy.explain` says in more than one kind of answer."""

from typing import Any

A = "https://app.example.com"
LISTED: dict[str, Any] = {"allow_origins": [A]}
SIMPLE = "The browser asks nothing first: a form or a link could send the same."
BY_LIST = "The origin is allowed: allow_origins lists it."
FIELDS = "Cache-Control, Content-Language, Content-Length, Content-Type, Expires, Last-Modified"
READ = f"The page reads the answer: status, body, and the headers {FIELDS} and Pragma."
UNREAD = (
    "The browser sends the request and the application answers it, but the page cannot read the answer: "
    "fetch() rejects with a TypeError."
)
UNSENT = "The browser does not send the request: fetch() rejects with a TypeError."


def asks(what: str, kept: str = "for 600 s") -> str:
    return f"The browser asks first, by a preflight, for {what}; it keeps a yes {kept}."


def refused(why: str) -> str:
    return f"The origin is refused: {why}."
