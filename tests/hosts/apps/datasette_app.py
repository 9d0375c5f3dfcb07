"""Datasette on the database, with the plugins and the metadata of HOSTS_FOLDER. Some of its names are in Title-Case."""

import json
import os
from pathlib import Path
from typing import Any

from datasette.app import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`
    Datasette,
)

FOLDER = Path(os.environ["HOSTS_FOLDER"])
METADATA = json.loads((FOLDER / "metadata.json").read_text())

app: Any = Datasette([str(FOLDER / "data.db")], metadata=METADATA, plugins_dir=str(FOLDER / "plugins")).app()
