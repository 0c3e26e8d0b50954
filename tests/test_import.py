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
    "pptx",
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


def loaded_by(program: str) -> set[str]:
    program = f"import json, sys; {program}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_base_import_brings_in_no_heavy_library() -> None:
    loaded = loaded_by("from lifecycle_fsm import *")
    assert "lifecycle_fsm.lifecycle" in loaded
    assert loaded & HEAVY == set()


def test_the_package_alone_brings_in_nothing_of_its_rooms() -> None:
    """pytest loads it for the plugin, in every suite where it is installed."""
    loaded = {one for one in loaded_by("import lifecycle_fsm") if one.startswith("lifecycle_fsm")}
    assert loaded == {"lifecycle_fsm"}
    assert not loaded_by("import lifecycle_fsm") & {"attrs", "transitions", "graphviz"}
