"""A warning about letters that no font of this machine has: PNG and PDF show boxes for them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
import warnings
from functools import cache

from lifecycle_fsm.diagram.text_fit import has_width
from lifecycle_fsm.errors import FontWarning

_NOT_DRAWN = re.compile(r'tooltip="[^"]*"')
_FAMILY = re.compile(r'fontname="([^",]+),IBM Plex Sans"')
_RANGE = re.compile(r"\b([0-9a-f]+)(?:-([0-9a-f]+))?\b")
_ASIAN = frozenset({"CJK", "Hiragana", "Katakana", "Hangul", "Fullwidth", "Halfwidth", "Bopomofo"})
_SYMBOLS = "symbols"


def warn_of_boxes(source: str) -> None:
    """Warn about the scripts of a DOT text for which there is no font, and about a font of its
    theme that is not installed.

    The environment points fontconfig at the fonts that draw it.
    """
    _warn_of_family(source)
    letters = {
        letter
        for letter in set(_NOT_DRAWN.sub("", source))
        if letter > "\u02ff" and not has_width(letter) and unicodedata.category(letter)[0] in "LNS"
    }
    if not letters:
        return
    covered = _covered(os.environ.get("FONTCONFIG_FILE"))
    if covered is None and sys.platform in ("win32", "darwin"):
        return  # these systems come with fonts for nearly all scripts
    missing = sorted(letter for letter in letters if not covered or ord(letter) not in covered)
    if not missing:
        return
    scripts = dict.fromkeys(map(_script, missing))
    packages = sorted(set(map(_package, scripts)))
    names = f"{', '.join(scripts)} (such as {' '.join(missing[:3])})"
    if covered is None:
        fault = f"whether this machine has a font with the letters of {names} cannot be told"
    else:
        fault = f"no font on this machine has the letters of {names}"
    _warn(
        f"{fault}: PNG and PDF show boxes instead. Install fonts, e.g. {', '.join(packages)}; an "
        "SVG needs none, because it is drawn with the fonts of the reader"
    )


def warn_of_room(texts: int) -> None:
    """Warn about texts in a font that is wider than the one in which the picture was laid out."""
    _warn(
        f"{texts} texts are wider in the font of this machine than their room, and may touch what "
        "is beside them: choose a narrower font, or SVG, which fits each text into its room"
    )


def _warn(text: str) -> None:
    warnings.warn(text, FontWarning, stacklevel=3)


def _warn_of_family(source: str) -> None:
    asked = _FAMILY.search(source)
    if asked is None:
        return
    families = _listed(os.environ.get("FONTCONFIG_FILE"), "family")
    if families is not None and asked[1].lower() not in re.split("[,\n]", families.lower()):
        _warn(
            f"the font {asked[1]!r} of the theme is not on this machine: PNG and PDF are drawn "
            "with the usual font. Install it; an SVG is drawn with the fonts of the reader"
        )


def _script(letter: str) -> str:
    """The script of a letter, by the first word of its name: "Hebrew", "CJK"."""
    name = unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
    if unicodedata.category(letter) == "So":
        return _SYMBOLS
    return name if name == "CJK" else name.capitalize()


def _package(script: str) -> str:
    """A package of Debian and Ubuntu with a font of the script."""
    if script in _ASIAN:
        return "fonts-noto-cjk"
    return "fonts-noto-color-emoji" if script == _SYMBOLS else "fonts-noto-core"


def _covered(configuration: str | None) -> frozenset[int] | None:
    """Every character that a font has, by fontconfig's list; ``None`` if that is not installed."""
    listed = _listed(configuration, "charset")
    if listed is None:
        return None
    return frozenset(
        code
        for first, last in set(_RANGE.findall(listed))
        for code in range(int(first, 16), int(last or first, 16) + 1)
    )


@cache
def _listed(_: str | None, what: str) -> str | None:
    """What fontconfig says of each font, one a line."""
    import subprocess

    if shutil.which("fc-list") is None:
        return None
    command = ["fc-list", "--format", f"%{{{what}}}\n"]
    return subprocess.run(command, capture_output=True, check=False).stdout.decode()  # noqa: S603 - a fixed command
