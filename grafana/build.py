#!/usr/bin/env python3
"""source/*.py → dashboards/*.json. `build.py` writes the files, `build.py --check` fails where one is not what it would write."""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from source import cache, database, overview, runtime  # noqa: E402

FOLDER = Path(__file__).parent / "dashboards"


def main():
    stale = []
    for module in (overview, database, cache, runtime):
        path = FOLDER / f"{module.__name__.split('.')[-1]}.json"
        text = json.dumps(module.DASHBOARD, indent=2, ensure_ascii=False) + "\n"
        if sys.argv[1:] != ["--check"]:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"{', '.join(stale)}: not what build.py writes; run it, and commit what it wrote")


main()
