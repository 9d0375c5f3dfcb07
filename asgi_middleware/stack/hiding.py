"""What is never printed: values by reference, values under a secret name, credentials in URLs, hashes of passwords."""

import re
from typing import Any

from ..exceptions import Problem

HIDDEN = "<hidden>"
_SECRET_NAME = re.compile(r"secret|key|password|token", re.IGNORECASE)
# By RFC 3986, 3.2.1; or as SQLAlchemy reads it, to which all up to an @ is the password. What else may stand behind the
# colon is a port.
_USERINFO = re.compile(r"""(?<=://)(?:[^/?#\s]*@|[^[/?#\s]*:(?!\s|[0-9]{1,5}(?![^/?#\s,'"]))[^@]*@)""")
# In the query of a URL, and in the `password=...` of a connection string.
_ASSIGNED = re.compile(
    r"""(?<![\w.-])((?:pwd|passwd|[\w.-]*(?:secret|key|token|password))=)(?!<)[^&#;\s'"]+""", re.IGNORECASE
)
# As crypt(3) writes them: $2b$12$..., $argon2id$v=19$...; whoever has one can guess at leisure.
_HASH = re.compile(r"""\$[a-z0-9][a-z0-9-]{,15}\$[^\s'"]{8,}""", re.IGNORECASE)
# Texts at least this long are looked for in errors; shorter ones stand in ordinary words.
_TELLING = 8


def is_secret_name(path: str) -> bool:
    """Whether an option of this name is never printed. Of a path (`backend[1].secret`) the last name counts."""
    return _SECRET_NAME.search(path.rpartition(".")[2]) is not None


def without_secrets(text: str) -> str:
    """The text without what is secret in any text.

    That is the user name and password of a URL, also in its query, and hashes of passwords.
    """
    return _HASH.sub(HIDDEN, _ASSIGNED.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text)))


class Hidden:
    """What must not be printed of one entry: `sources` says where each such value came from, by its path."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self._texts: list[str] = []

    def add(self, path: str, source: str, value: Any) -> None:
        """Never print what is at `path`, nor `value`, if it is text, anywhere else."""
        self.sources[path] = without_secrets(source)
        if isinstance(value, str):
            self._texts += [part.strip() for part in (value, *value.split(",")) if len(part.strip()) >= _TELLING]

    def scrubbed(self, problem: Problem) -> Problem:
        """The problem without any value that must not be printed."""
        seen, remedy = problem.seen, problem.remedy
        for path, source in self.sources.items():
            if _touches(problem.option, path):
                seen = source
                if remedy.startswith("write "):  # it would repeat the value, mended
                    remedy = "mend it where it is set"
        return Problem(*(self._safe(text) for text in (problem.option, seen, problem.rule, remedy)))

    def told(self, error: BaseException) -> str:
        """A constructor's own exception as text: its kind alone where it could repeat what must not be printed."""
        kind = type(error).__name__
        return kind if self.sources else without_secrets(f"{kind}: {error}")

    def _safe(self, text: str) -> str:
        # An error may show the beginning of a value, so the beginning is what is looked for.
        if any(secret[:_TELLING] in text for secret in self._texts):
            return HIDDEN
        return without_secrets(text)


def _touches(option: str, path: str) -> bool:
    """Whether a problem's option is, or is in, or holds, what is at `path`."""
    return (
        option == path or option.startswith((f"{path}.", f"{path}[")) or path.startswith((f"{option}.", f"{option}["))
    )
