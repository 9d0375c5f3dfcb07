"""`python -m asgi_middleware.lint` prints the table of rules: one line each, by who is at fault."""

import sys

from .rules import RULES


def main() -> None:
    for name, (fault, clause, sentence) in RULES.items():
        sys.stdout.write(f"{name:<24}{fault:<13}{sentence} ({clause})\n")


if __name__ == "__main__":
    main()
