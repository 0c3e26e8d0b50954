"""Builds a release as a stranger gets it, and looks whether it can be trusted.

::

    python tests/release/verify.py [--out FOLDER] [--tag vX.Y.Z]

It builds the source distribution, and the wheel from that; checks what they say of themselves and
what is in them; and installs the wheel into fresh environments, bare and with each extra alone,
each of which :mod:`smoke` then puts to use. It needs ``build`` and ``twine``, a checkout of git,
and an index of packages, which it asks once for everything.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip")
SMOKE = Path(__file__).with_name("smoke.py")
PACKAGE = "lifecycle_fsm"
#: For developers of this package, whose environment runs this file; and Spark, of half a gigabyte,
#: which the tests in tests/spark run.
NOT_TRIED = {"dev", "spark"}
#: What users would miss first, should the list of files that are tracked ever be wrong.
INDISPENSABLE = (
    "lifecycle_fsm/py.typed",
    *(f"lifecycle_fsm/model/shipped/{name}.toml" for name in ("two_step", "waterfall")),
    "lifecycle_fsm/cli/starter/README.md",
    "lifecycle_fsm/document/templates/page.html",
    "lifecycle_fsm/store/migrations/versions/0001_first.py",
    "lifecycle_fsm/testing/coverage/templates/coverage.html",
)


class ReleaseError(Exception):
    """The release is not as it must be."""


def main() -> None:
    """Build, check and try a release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep what was built here")
    parser.add_argument("--tag", help="the tag that is released: v and the version")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sdist, wheel = built(scratch)
        metadata = checked_metadata(sdist, wheel)
        check_contents(sdist, wheel)
        if asked.tag is not None:
            check_tag(asked.tag, str(metadata["Version"]))
        extras = sorted(set(metadata.get_all("Provides-Extra") or ()) - NOT_TRIED)
        try_installations(sdist, wheel, extras, scratch)
        if asked.out is not None:
            asked.out.mkdir(parents=True, exist_ok=True)
            for file in (sdist, wheel):
                shutil.copy2(file, asked.out)


# --- What is built ----------------------------------------------------------------------------


def built(scratch: Path) -> tuple[Path, Path]:
    """The source distribution, and the wheel that is built from it, the same as from the tree."""
    run(sys.executable, "-m", "build", "--outdir", scratch / "dist", ROOT)
    (sdist,) = (scratch / "dist").glob("*.tar.gz")
    (wheel,) = (scratch / "dist").glob("*.whl")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", scratch / "again", ROOT)
    if (scratch / "again" / wheel.name).read_bytes() != wheel.read_bytes():
        raise ReleaseError("the wheel of the tree is not the wheel of the source distribution")
    print(f"built: {sdist.name}, {wheel.name}; built again: the same bytes")
    return sdist, wheel


def checked_metadata(sdist: Path, wheel: Path) -> Message:
    """What the wheel says of itself, which an index would take."""
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    stem = "-".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{stem}.dist-info/METADATA")
    with tarfile.open(sdist) as archive_:
        member = archive_.extractfile(f"{stem}/PKG-INFO")
        if member is None or member.read() != text:
            raise ReleaseError("the two distributions say different things of themselves")
    metadata = BytesParser().parsebytes(text)
    source = (ROOT / PACKAGE / "__init__.py").read_text("utf-8")
    if f'\n__version__ = "{metadata["Version"]}"\n' not in source:
        raise ReleaseError(f"the version is {metadata['Version']}, and another in {PACKAGE}")
    print(f"metadata: {metadata['Name']} {metadata['Version']}, {metadata['License-Expression']}")
    return metadata


def check_contents(sdist: Path, wheel: Path) -> None:
    """Both have each file that is tracked and belongs to them, and nothing else."""
    tracked = run("git", "-C", ROOT, "ls-files", "-z").split("\0")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    described = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    package = {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    compare("the wheel", in_wheel, package | {f"{info}/{name}" for name in described})
    with tarfile.open(sdist) as archive_:
        in_sdist = {member.name.partition("/")[2] for member in archive_ if member.isfile()}
    sources = {name for name in tracked if name and not name.startswith(".")}
    compare("the source distribution", in_sdist, sources | {"PKG-INFO", ".gitignore"})
    compare("the wheel", in_wheel & set(INDISPENSABLE), INDISPENSABLE)
    print(f"contents: {len(in_wheel)} files in the wheel, {len(in_sdist)} in the sources")


def compare(what: str, files: Iterable[str], expected: Iterable[str]) -> None:
    """Raise if the files are not those that were expected."""
    faults = [f"{name} is in it" for name in sorted({*files} - {*expected})]
    faults += [f"{name} is not in it" for name in sorted({*expected} - {*files})]
    if faults:
        raise ReleaseError("\n  ".join([f"{what}:", *faults]))


def check_tag(tag: str, version: str) -> None:
    """The tag is that of the version, and the change log tells of it."""
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, and the version {version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE):
        raise ReleaseError(f"the change log has no section '## [{version}] - DATE'")
    print(f"tag: {tag}, and the change log tells of it")


# --- What is installed ------------------------------------------------------------------------


def try_installations(sdist: Path, wheel: Path, extras: Iterable[str], scratch: Path) -> None:
    """The bare wheel, the bare sources, and the wheel with each extra alone, put to use.

    Every package is fetched once. The environments are then made without an index, by the
    requirements that the wheel itself declares.
    """
    wheels = scratch / "wheels"
    everything = f"{wheel}[{','.join(extras)}]"
    run(*PIP, "download", "--quiet", "--dest", wheels, everything, "hatchling")
    print(f"fetched: {len(list(wheels.iterdir()))} packages")

    def tried(name: str, requirement: str, *with_extras: str) -> str:
        python = environment(scratch / name, requirement, wheels)
        folder = scratch / f"use-{name}"
        folder.mkdir()
        written = scratch / "use-all" / "out"
        if written.is_dir():
            shutil.copytree(written, folder / "out")
        return f"{name}: " + run(python, "-I", SMOKE, *with_extras, at=folder).strip()

    # What the command run writes with all extras is read with each of them.
    print(tried("all", f"{wheel}[all]", "all"))
    bare: list[tuple[str, ...]] = [("wheel", str(wheel)), ("sources", str(sdist))]
    others = [*bare, *((extra, f"{wheel}[{extra}]", extra) for extra in extras if extra != "all")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for line in pool.map(lambda arguments: tried(*arguments), others):
            print(line)


def environment(folder: Path, requirement: str, wheels: Path) -> Path:
    """The Python of a new environment with nothing but what is required."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    options = ("--quiet", "--no-compile", "--no-index", "--find-links", wheels)
    run(*PIP, "--python", python, "install", *options, requirement)
    return python


def run(*command: str | Path, at: Path | None = None) -> str:
    """The output of a command.

    Raises:
        ReleaseError: it failed; the message has what it said.
    """
    # Only what was installed counts, and not this checkout.
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    variables = {name: text for name, text in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=at,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        shown = " ".join(str(part) for part in command)
        raise ReleaseError(f"$ {shown}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except ReleaseError as error:
        sys.exit(f"error: {error}")
