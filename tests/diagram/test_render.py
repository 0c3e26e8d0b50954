"""Pictures are the same on every machine: with fonts, without them, with a read-only home."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest

from lifecycle_fsm.diagram import drawing as drawing_module
from lifecycle_fsm.diagram import render as module
from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.graph import Graph, Node
from lifecycle_fsm.diagram.render import FONT, layout, render
from lifecycle_fsm.errors import FileProblem, MissingExtra


def box(label: str) -> str:
    return f'digraph {{ node [shape=box fontname="{FONT}"]; a [label="{label}"] }}'


CANVAS = Canvas("small")
CANVAS.box(20, 20, 120, 60, name="mql")
CANVAS.text(30, 50, "MQL")
DRAWING = Drawing(
    canvas=CANVAS.trim(160, 100),
    graph=Graph("small", (Node("mql", ("MQL",)),), ()),
    title="Marketing & <sales>",
    description='A person becomes an "MQL" at 65 points.',
)


# --- The formats


@pytest.mark.parametrize(
    ("format", "start"), [("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-"), ("json", b"{")]
)
def test_each_format_is_what_it_says(format: module.Format, start: bytes) -> None:
    assert render(box("MQL"), format).startswith(start)


def test_png_grows_with_the_resolution() -> None:
    def width(dpi: float) -> int:
        return int.from_bytes(render(box("Qualified"), "png", dpi=dpi)[16:20], "big")

    assert width(192) == pytest.approx(2 * width(96), abs=2)


def test_layout_is_the_parsed_json() -> None:
    (node,) = layout(box("MQL"))["objects"]
    assert (node["name"], node["label"]) == ("a", "MQL")


def test_an_unknown_format_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="no format named 'gif'; the formats are svg, png"):
        render(box("MQL"), "gif")  # type: ignore[arg-type]


def test_a_text_that_is_not_dot_is_refused_with_the_reason(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match=r"Graphviz refused this text: .*syntax error in line 1"):
        render("digraph { a -> ", "svg")
    assert capfd.readouterr().err == ""


def test_a_warning_of_graphviz_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    render("digraph { a [shape=nosuchshape] }", "json")
    assert "nosuchshape" in capfd.readouterr().err


# --- Saving and showing


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", b"<svg "),
        ("a.SVG", b"<svg "),
        ("a.png", b"\x89PNG"),
        ("a.pdf", b"%PDF"),
        ("a.dot", b"digraph"),
        ("a.gv", b"digraph"),
        ("a.layout.dot", b"digraph small {"),
        ("a.mmd", b"---\ntitle"),
        ("a.drawio", b"<mxfile>"),
        ("a.pptx", b"PK"),
    ],
)
def test_the_suffix_chooses_the_form(tmp_path: Path, name: str, start: bytes) -> None:
    saved = DRAWING.save(str(tmp_path / name))
    assert saved.read_bytes().startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"suffix '\.jpg' .* \.svg, .* \.layout\.dot$"):
        DRAWING.save(tmp_path / "a.jpg")
    with pytest.raises(FileProblem, match="a name without suffix"):
        DRAWING.save(tmp_path / "a")
    with pytest.raises(FileProblem, match="a name without suffix"):
        DRAWING.save(tmp_path / ".svg")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.svg"
    target.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(drawing_module, "layout_dot", lambda canvas: "digraph {")
        with pytest.raises(ValueError, match="refused"):
            attrs.evolve(DRAWING).save(target)
    with pytest.raises(FileProblem, match="cannot be written"):
        DRAWING.save(tmp_path / "nowhere" / "a.svg")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_notebook_shows_the_picture_and_the_words() -> None:
    shown = DRAWING._repr_mimebundle_()
    assert shown["image/svg+xml"] == DRAWING._repr_svg_() == DRAWING.svg()
    assert shown["text/plain"] == f"{DRAWING.title}\n{DRAWING.description}"


# --- Fonts and Graphviz, each in a process of its own: both are set up once for a process

DRAW = """
import os, sys
from pathlib import Path
from lifecycle_fsm.diagram.render import FONT, render
def box(label):
    node = f'shape=box width=3 fixedsize=true fontname="{FONT}" label="{label}"'
    return f'digraph {{ a [{node}] }}'
folder = Path(sys.argv[1])
for name, label in (("one", "MMMM"), ("two", "QQQQ"), ("signs", "≥≤→·–×")):
    (folder / f"{name}.png").write_bytes(render(box(label), "png"))
(folder / "one.pdf").write_bytes(render(box("MMMM"), "pdf"))
(folder / "one.json").write_bytes(render(box("MMMM"), "json"))
(folder / "environment").write_text(os.environ.get("FONTCONFIG_FILE", "as it was"))
"""

NO_SYSTEM_FONTS = (
    "from lifecycle_fsm.diagram import render as module\nmodule._system_font_folders = lambda: []\n"
)


def in_a_new_process(program: str, folder: Path, **environment: str) -> None:
    folder.mkdir(exist_ok=True)
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("FC_", "FONTCONFIG"))
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_letters_are_drawn_without_system_fonts(tmp_path: Path) -> None:
    with_fonts, without = tmp_path / "with", tmp_path / "without"
    in_a_new_process(DRAW, with_fonts, XDG_CACHE_HOME=str(tmp_path / "cache"))
    in_a_new_process(NO_SYSTEM_FONTS + DRAW, without, XDG_CACHE_HOME=str(tmp_path / "other"))
    pictures = {file.name: file.read_bytes() for file in without.glob("*.png")}
    assert len(set(pictures.values())) == 3, "boxes instead of letters look all the same"
    assert b"IBMPlexSans" in (without / "one.pdf").read_bytes()
    for name in (*pictures, "one.json"):
        assert (with_fonts / name).read_bytes() == (without / name).read_bytes()
    assert (without / "environment").read_text() == "as it was"


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    in_a_new_process(
        DRAW, tmp_path / "out", XDG_CACHE_HOME=str(no_folder / "cache"), TMPDIR=str(temporary)
    )
    assert (tmp_path / "out" / "one.png").stat().st_size > 0
    assert list(temporary.iterdir()) == [], "what was made for the process goes with it"


def test_many_processes_may_start_at_once(tmp_path: Path) -> None:
    def draw(number: int) -> bytes:
        out = tmp_path / str(number)
        in_a_new_process(NO_SYSTEM_FONTS + DRAW, out, XDG_CACHE_HOME=str(tmp_path / "cache"))
        return (out / "one.png").read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(draw, range(4)))) == 1
    left = [file.name for file in (tmp_path / "cache" / "lifecycle-fsm").iterdir()]
    assert not [name for name in left if name.endswith(".tmp")]


def test_threads_may_draw_at_once() -> None:
    sources = [box(str(number)) for number in range(20)]
    alone = [render(source, "svg") for source in sources]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda source: render(source, "svg"), sources)) == alone


def test_fonts_that_the_user_configured_stay_in_use(tmp_path: Path) -> None:
    mine = tmp_path / "mine.conf"
    mine.write_text("<fontconfig><dir>/fonts/of/mine</dir></fontconfig>")
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from lifecycle_fsm.diagram import render as module\n"
        "with module._fonts(): text = Path(os.environ['FONTCONFIG_FILE']).read_text()\n"
        "(Path(sys.argv[1]) / 'conf').write_text(text + os.environ['FONTCONFIG_FILE'])"
    )
    in_a_new_process(
        program, tmp_path / "out", FONTCONFIG_FILE=str(mine), XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    told = (tmp_path / "out" / "conf").read_text()
    assert f"{mine}</include>" in told
    assert told.endswith(str(mine))


WITHOUT = "import sys; sys.modules['{package}'] = None\n"


@pytest.mark.parametrize("package", ["pygraphviz", "fontpkg_ibm_plex_sans"])
def test_without_the_extra_the_error_names_it(tmp_path: Path, package: str) -> None:
    program = (
        f"{WITHOUT.format(package=package)}from pathlib import Path\n"
        "from lifecycle_fsm.diagram.render import render\n"
        "from lifecycle_fsm.errors import MissingExtra\n"
        "try: render('digraph {}', 'svg')\n"
        "except MissingExtra as error: (Path(sys.argv[1]) / 'error').write_text(str(error))"
    )
    in_a_new_process(program, tmp_path / "out", PATH=str(tmp_path))
    assert "lifecycle-fsm[draw]" in (tmp_path / "out" / "error").read_text()
    assert issubclass(MissingExtra, Exception)


FAKE_DOT = f"""#!{sys.executable}
import os, sys
text = sys.stdin.read()
if "->" in text:
    sys.stderr.write("syntax error"); sys.exit(1)
print(sys.argv[1:], text, os.path.basename(os.environ["FONTCONFIG_FILE"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for dot is a script")
def test_a_dot_on_the_path_does_the_work_where_the_wheel_is_missing(tmp_path: Path) -> None:
    dot = tmp_path / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text(FAKE_DOT)
    dot.chmod(0o755)
    program = (
        f"{WITHOUT.format(package='pygraphviz')}from pathlib import Path\n"
        "from lifecycle_fsm.diagram.render import render\n"
        "(Path(sys.argv[1]) / 'said').write_bytes(render('digraph {}', 'png', dpi=72))\n"
        "try: render('digraph { a -> ', 'png')\n"
        "except ValueError as error: (Path(sys.argv[1]) / 'error').write_text(str(error))"
    )
    in_a_new_process(program, tmp_path / "out", PATH=str(dot.parent))
    said = (tmp_path / "out" / "said").read_text()
    assert said.startswith("['-Tpng', '-Gdpi=72'] digraph {} fonts-")
    assert (tmp_path / "out" / "error").read_text().endswith("syntax error")
