"""DOT text to bytes: one Graphviz and one font, on every machine.

The wheel of ``pygraphviz`` contains Graphviz and draws in this process; if it is not installed, a
``dot`` on the ``PATH`` does the same work. Graphviz measures each label before it places the boxes,
so the font decides the layout: all diagrams name :data:`FONT`, which comes with the ``draw`` extra,
and Graphviz is told where to find it. A machine without any fonts draws the same picture as every
other.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from xml.sax.saxutils import escape as xml_escape

from lifecycle_fsm.diagram.missing_fonts import warn_of_boxes, warn_of_room
from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.files import write_file

__all__ = ["FALLBACK_FONTS", "FONT", "Format", "layout", "render"]

FONT = "IBM Plex Sans"
"""The font family of all diagrams: the value of every ``fontname``."""

FALLBACK_FONTS = "'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
"""The fonts for the text of an SVG in a browser without :data:`FONT`."""

Format = Literal["svg", "png", "pdf", "json"]

# Graphviz keeps its state in globals, and the environment is global as well.
_lock = threading.RLock()


def render(source: str, format: Format, *, dpi: float | None = None) -> bytes:
    """Draw DOT text.

    An SVG is as Graphviz writes it: :func:`.draw_svg` makes it fit for a browser. For a PNG or PDF,
    a :class:`.FontWarning` names letters that are drawn as boxes.

    Args:
        source: the graph in the DOT language, UTF-8 clean, with ``fontname`` set to :data:`FONT`.
        format: ``"svg"``, ``"png"``, ``"pdf"``, or ``"json"`` for Graphviz's own layout.
        dpi: dots per inch of a PNG; 96 by default.

    Raises:
        MissingExtra: neither ``pygraphviz`` nor a ``dot`` is installed, or the font is not.
        ValueError: the text is not DOT, or the format is not one of the four.
    """
    if format not in get_args(Format):
        known = ", ".join(get_args(Format))
        raise ValueError(f"no format named {format!r}; the formats are {known}")
    with _lock, _fonts():
        if format in ("png", "pdf"):
            warn_of_boxes(source)
        return _graphviz()(source, format, dpi)


def layout(source: str) -> dict[str, Any]:
    """Return where Graphviz puts each element of the DOT text: its ``-Tjson``, parsed."""
    # A text that Graphviz cut off may end within a character.
    parsed: dict[str, Any] = json.loads(render(source, "json").decode(errors="replace"))
    return parsed


# --- Graphviz ---------------------------------------------------------------------------------

_Graphviz = Callable[[str, Format, float | None], bytes]


@cache
def _graphviz() -> _Graphviz:
    """Choose the Graphviz of this machine: the built-in one, else the system's."""
    try:
        import pygraphviz  # noqa: F401 - asks whether it is there
    except ImportError:
        if shutil.which("dot") is None:
            raise MissingExtra(
                extra="draw", package="pygraphviz", purpose="drawing PNG, SVG and PDF"
            ) from None
        return _draw_with_system_dot
    return _draw_in_process


def _draw_in_process(source: str, format: Format, dpi: float | None) -> bytes:
    import pygraphviz

    drawn: bytes = b""
    error: Exception | None = None
    with _captured_stderr() as complaints:
        try:
            with pygraphviz.AGraph(string=source) as graph:
                if dpi is not None:
                    graph.graph_attr["dpi"] = f"{dpi:g}"
                drawn = graph.draw(format=format, prog="dot")
        except (pygraphviz.DotError, ValueError) as problem:
            error = problem
    if error is not None:
        raise ValueError(f"Graphviz refused this text: {' '.join(complaints) or error}") from error
    tight = [line for line in complaints if "size too small for label" in line]
    if tight and format in ("png", "pdf"):
        warn_of_room(len(tight))
    complaints = [line for line in complaints if line not in tight]
    if complaints and sys.stderr is not None:
        sys.stderr.write("\n".join(complaints) + "\n")
    return drawn


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Collect what the C libraries write to stderr, for an error that says why.

    The built-in fontconfig reads the system's templates whatever its configuration says, and
    complains about those of a newer release; these complaints are dropped.
    """
    lines: list[str] = []
    try:
        kept = os.dup(2)
    except OSError:  # a process without stderr
        yield lines
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        captured = file.read().decode(errors="replace").splitlines()
        lines += [line for line in captured if not _is_noise(line)]


def _is_noise(line: str) -> bool:
    """Whether it warns of old font templates, or that a large graph takes long to lay out: ours
    are laid out already."""
    return line.startswith("Fontconfig warning") or "layout may take a long time" in line


def _draw_with_system_dot(source: str, format: Format, dpi: float | None) -> bytes:
    import subprocess

    command = ["dot", f"-T{format}", *([] if dpi is None else [f"-Gdpi={dpi:g}"])]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)  # noqa: S603 - a fixed command
    if done.returncode:
        raise ValueError(f"dot refused this text: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


# --- Fonts ------------------------------------------------------------------------------------


@contextmanager
def _fonts() -> Iterator[None]:
    """Point fontconfig at our font while Graphviz works, and leave the environment as it was.

    The library reads the variable at the first drawing of the process and never again.
    """
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(_fontconfig_file(before))
    try:
        yield
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


@cache
def _fontconfig_file(users: str | None) -> Path:
    """Write a configuration with our font, the user's and the system's; return its path."""
    try:
        import fontpkg_ibm_plex_sans
    except ImportError:
        raise MissingExtra(
            extra="draw", package="fontpkg-ibm-plex-sans", purpose="drawing letters"
        ) from None
    home = _private_folder()
    text = _fontconfig(Path(fontpkg_ibm_plex_sans.ROOT), home / "fontconfig", users)
    file = home / f"fonts-{hashlib.sha256(text.encode()).hexdigest()[:12]}.conf"
    if not file.is_file():
        write_file(file, text)
    return file


def _fontconfig(ours: Path, cache_folder: Path, users: str | None) -> str:
    # Not the system's own configuration: it may be written for another release of fontconfig, which
    # then complains on stderr. Its folders suffice for the characters that our font lacks.
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
        "<fontconfig>",
        *(f"<dir>{xml_escape(str(folder))}</dir>" for folder in (ours, *_system_font_folders())),
        *([f'<include ignore_missing="yes">{xml_escape(users)}</include>'] if users else []),
        f"<cachedir>{xml_escape(str(cache_folder))}</cachedir>",
        # Looking for new fonts would read the variable again, long after we have restored it.
        "<config><rescan><int>0</int></rescan></config>",
        "</fontconfig>",
    ]
    return "\n".join(lines) + "\n"


def _system_font_folders() -> list[Path]:
    if sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    elif sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts")]
    else:
        folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
        home = os.environ.get("HOME", "/nonexistent")
        folders += [Path(home) / name for name in (".local/share/fonts", ".fonts")]
    return [folder for folder in folders if folder.is_dir()]


def _private_folder() -> Path:
    """Find a folder of this user's for the font cache; else make one for this process only."""
    try:
        folder = _user_cache() / "lifecycle-fsm"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # a read-only home, or none at all
        temporary = tempfile.mkdtemp(prefix="lifecycle-fsm-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)


def _user_cache() -> Path:
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"
