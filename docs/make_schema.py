"""Write docs/experiment.schema.json: ``python docs/make_schema.py``. A test fails when it is not current."""

from __future__ import annotations

import json
from pathlib import Path

from featx.settings.schema import json_schema

TARGET = Path(__file__).parent / "experiment.schema.json"


def page() -> str:
    """Return the schema as JSON."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
