"""The page of licences says what the packages say."""

from __future__ import annotations

import re

import pytest

from tests.release.licences import ROOT, direct, indirect, installed, licence

PAGE = (ROOT / "docs/understand/licences.md").read_text("utf-8")
ROWS = {
    name: (brought_by, words)
    for name, brought_by, words in re.findall(
        r"^\| ([a-z0-9-]+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE
    )
    if name.strip("-") and name != "package"
}


def parts(words: str) -> set[str]:
    """The licences that an expression is made of; the kinds of BSD are not told apart."""
    return {
        re.sub(r"^BSD(-\d-Clause)?$", "BSD", part.strip("()"))
        for part in re.split(r", | AND | OR ", words)
    }


TOLD = {part for _, words in ROWS.values() for part in parts(words)}


@pytest.mark.parametrize("name", sorted(direct()))
def test_each_package_that_is_asked_for_has_its_row(name: str) -> None:
    brought_by, words = ROWS[name]
    extras = ["every installation" if extra == "" else f"`{extra}`" for extra in direct()[name]]
    assert brought_by.removesuffix(" on Windows") == ", ".join(extras)
    package = installed(name)
    if package is not None:
        assert parts(words) <= parts(licence(package)) <= TOLD


def test_no_row_tells_of_a_package_that_is_not_asked_for() -> None:
    asked_for, _, brought_along = PAGE.partition("## Indirect dependencies")
    assert brought_along
    told = set(re.findall(r"^\| ([a-z0-9-]+) \|", asked_for, re.MULTILINE)) & set(ROWS)
    assert told == set(direct())


def test_nothing_comes_along_under_a_licence_that_is_not_told() -> None:
    """Others decide what they need, so that a new package is no fault; a new licence is."""
    packages = {name: installed(name) for name in indirect()}
    found = {name: licence(package) for name, package in packages.items() if package}
    assert found
    assert {name: words for name, words in found.items() if not parts(words) <= TOLD} == {}
