"""What is never printed: values under a secret name, and user names and passwords of URLs."""

import re

HIDDEN = "<hidden>"
_SECRET_NAME = re.compile(r"secret|key|password|token", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY_SECRET = re.compile(r"(?<=[?&])((?:password|[a-z_]*(?:secret|key|token|password))=)[^&#\s'\"]*", re.IGNORECASE)


def is_secret_name(path: str) -> bool:
    """Whether an option of this name is never printed. Of a path (`backend[1].secret`) the last name counts."""
    return _SECRET_NAME.search(path.rpartition(".")[2]) is not None


def without_userinfo(text: str) -> str:
    """The text with the user name and password of every URL in it hidden (RFC 3986, 3.2.1), also in its query."""
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))
