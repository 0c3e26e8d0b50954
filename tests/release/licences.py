"""The licences of everything that an installation brings along, as the packages themselves say.

``python -m tests.release.licences`` prints the table of ``docs/understand/licences.md``, from an
environment with all extras.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
#: Extras that are put together from others, or are for developers of this package.
NOT_SHOWN = {"all", "dev"}
#: What older packages say in a classifier or in words.
IN_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def _asked_for() -> Iterator[tuple[str, Requirement]]:
    """Each requirement of this package with the extra that brings it; none is the base."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    for extra, requirements in groups.items():
        for requirement in map(Requirement, requirements if extra not in NOT_SHOWN else ()):
            if requirement.name != "lifecycle-fsm":
                yield extra, requirement


def direct() -> dict[str, list[str]]:
    """The packages that this one asks for, each with the extras that bring it; none is the base."""
    packages: dict[str, list[str]] = {}
    for extra, requirement in _asked_for():
        packages.setdefault(canonicalize_name(requirement.name), []).append(extra)
    return packages


def indirect() -> dict[str, list[str]]:
    """What those packages need themselves on this platform, each with who asks for it."""
    packages: dict[str, list[str]] = {}
    waiting = [*direct()]
    parts = {canonicalize_name(asked.name): asked.extras for _, asked in _asked_for()}
    seen = set(waiting)
    while waiting:
        name = waiting.pop(0)
        for needed in _needs(name, parts.get(canonicalize_name(name), ())):
            packages.setdefault(needed, []).append(name)
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)
    return {name: asking for name, asking in packages.items() if name not in direct()}


def _needs(name: str, extras: Iterable[str]) -> Iterator[str]:
    package = installed(name)
    for text in (package.requires or ()) if package else ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(requirement.name)


def installed(name: str) -> Distribution | None:
    """The package in this environment, or nothing."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licence(package: Distribution) -> str:
    """The licence that a package says it has, as an SPDX expression where there is one."""
    fields = {
        key: package.metadata.get_all(key) or []
        for key in ("License-Expression", "Classifier", "License")
    }
    classified = [
        text.rpartition(" :: ")[2]
        for text in fields["Classifier"]
        if text.startswith("License :: OSI Approved :: ")
    ]
    words = fields["License-Expression"] or classified or fields["License"] or ["not told"]
    return ", ".join(sorted(IN_SPDX.get(text, text) for text in words))


def table(packages: Mapping[str, list[str]]) -> list[str]:
    """One row for each package: its name, who brings it, its licence."""
    rows = []
    for name in sorted(packages):
        package = installed(name)
        asking = (f"`{who}`" if who else "every installation" for who in packages[name])
        rows.append(f"| {name} | {', '.join(asking)} | {licence(package) if package else '?'} |")
    return rows


if __name__ == "__main__":
    print("\n".join([*table(direct()), "", *table(indirect())]))
