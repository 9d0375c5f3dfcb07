"""`python -m asgi_middleware`: the command line."""

from .cli import main

raise SystemExit(main())
