"""What a wrong configuration raises: everything that is wrong, all at once, each with its remedy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """The text with its control characters escaped."""
    return _CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration.

    `option` is the option's name, `seen` the value as text (never a secret), `rule` what is allowed, `remedy` what
    to do about it. As text it is one line, control characters escaped.
    """

    option: str
    seen: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        seen = f" {self.seen}:" if self.seen else ""
        return one_line(f"{self.option}:{seen} {self.rule}; {self.remedy}")


class ConfigError(ValueError):
    """A configuration was refused at construction. `owner` says whose, `problems` lists every reason."""

    owner: str
    problems: tuple[Problem, ...]

    def __init__(self, owner: str, problems: Iterable[Problem]) -> None:
        self.owner = owner
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            text = f"{owner}: {self.problems[0]}"
        else:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            text = f"{owner}: {len(self.problems)} problems{lines}"
        super().__init__(text)

    def __reduce__(self) -> tuple[type, tuple[str, tuple[Problem, ...]]]:
        return ConfigError, (self.owner, self.problems)


class MissingExtra(ConfigError):
    """An option needs an optional package that is not installed. `extra` is the name to install."""

    extra: str

    def __init__(self, owner: str, option: str, extra: str, package: str) -> None:
        self.extra = extra
        self._arguments = (owner, option, extra, package)
        problem = Problem(
            option, "", f"needs the package {package}", f"install it: pip install 'asgi-middleware[{extra}]'"
        )
        super().__init__(owner, [problem])

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:  # type: ignore[override]  # other arguments than its parent's
        return MissingExtra, self._arguments
