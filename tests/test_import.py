"""What ``import lifecycle_fsm`` costs: the heavy libraries come when they are used, not before."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "email_validator",
    "fontpkg_ibm_plex_sans",
    "numba",
    "numpy",
    "phonenumbers",
    "polars",
    "pycountry",
    "pygraphviz",
    "pyspark",
    "rich",
    "scipy",
    "sqlalchemy",
    "tldextract",
    "typer",
    "z3",
}


def test_the_base_import_brings_in_no_heavy_library() -> None:
    program = "import json, sys, lifecycle_fsm; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "lifecycle_fsm" in loaded
    assert loaded & HEAVY == set()
