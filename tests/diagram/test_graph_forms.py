"""Plain DOT and Mermaid: what a diagram means, in the order of the path, for others to lay out."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model
from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.model import Model, load, shipped
from tests.diagram.many_models import SHAPES, counted
from tests.diagram.test_shapes import every_picture
from tests.sheet.test_browser import CHROMIUM, chromium

WATERFALL = load("waterfall")


def pairs(model: Model) -> set[tuple[str, str]]:
    return {(f"s_{edge.source}", f"s_{edge.target}") for edge in (*model.sort_edges, *model.edges)}


# --- DOT


@pytest.mark.parametrize("name", shipped())
def test_graphviz_reads_a_node_for_each_stage_and_an_edge_for_each_move(name: str) -> None:
    model = load(name)
    for kind, drawing in every_picture(model).items():
        graph = layout(drawing.dot)
        names = {thing["_gvid"]: thing["name"] for thing in graph["objects"]}
        if kind in ("model", "funnel", "coverage"):
            assert {f"s_{stage.name}" for stage in model.stages} <= set(names.values())
            edges = [(names[edge["tail"]], names[edge["head"]]) for edge in graph["edges"]]
            assert len(edges) == len(set(edges))
            assert set(edges) == pairs(model)
        assert graph["label"].startswith(drawing.title)


def test_the_path_is_straight_and_runs_to_the_right() -> None:
    graph = layout(draw_model(WATERFALL).dot)
    places = {thing["name"]: thing.get("pos", "").split(",") for thing in graph["objects"]}
    path = [places[f"s_{stage.name}"] for stage in WATERFALL.path]
    for (x, y), (later, beside) in pairwise(path):
        assert float(later) > float(x)
        assert float(beside) == pytest.approx(float(y), abs=1)


def test_groups_are_clusters_and_detours_are_dashed() -> None:
    dot = draw_model(WATERFALL).dot
    groups = dict.fromkeys(stage.group for stage in WATERFALL.path)
    assert re.findall(r"subgraph cluster_(\w+)", dot) == [*groups, "legend"]
    for edge in (*WATERFALL.sort_edges, *WATERFALL.edges):
        (line,) = re.findall(rf"s_{edge.source} -> s_{edge.target} .*", dot)
        assert ("style=dashed" in line) == (edge.kind == "detour")


def test_a_changed_label_changes_one_line_of_each_text() -> None:
    moves = tuple(
        attrs.evolve(move, label="sales says yes") if move.label == "sales accepts" else move
        for move in WATERFALL.moves
    )
    other = draw_model(attrs.evolve(WATERFALL, moves=moves))
    before = draw_model(WATERFALL)
    for old, new in ((before.dot, other.dot), (before.mermaid, other.mermaid)):
        (changed,) = set(new.splitlines()) - set(old.splitlines())
        assert "sales says yes" in changed
        assert len(old.splitlines()) == len(new.splitlines())


def test_rules_of_one_move_stand_on_one_edge() -> None:
    counts = counted(WATERFALL, 7)
    (line,) = re.findall(r"s_mal -> s_mql .*", draw_funnel(WATERFALL, counts).dot)
    assert 'label="14 · 29%\\n7 hand raise\\n7 fits and interested"' in line


# --- Mermaid


def mermaid_lines(drawing: Drawing) -> list[str]:
    return [line.strip() for line in drawing.mermaid.splitlines()]


@pytest.mark.parametrize("name", shipped())
def test_mermaid_has_the_path_first(name: str) -> None:
    """Mermaid ranks what it reads first before the rest."""
    model = load(name)
    lines = mermaid_lines(draw_model(model))
    stages = re.findall(r"^s_(\w+)[\[(]", "\n".join(lines), re.MULTILINE)
    assert stages == [stage.name for stage in (*model.path, *model.detours)]
    arrows = re.findall(r"^s_(\w+) ([-=.]+>).* s_(\w+)$", "\n".join(lines), re.MULTILINE)
    kinds = {(edge.source, edge.target): edge.kind for edge in (*model.sort_edges, *model.edges)}
    order = ["step", "fast_track", "detour", "return"]
    ranks = [order.index(kinds[source, target]) for source, _, target in arrows]
    assert ranks == sorted(ranks)
    steps = [(source, target) for source, arrow, target in arrows if arrow == "==>"]
    assert steps == [pair for pair in steps if pair in kinds]
    assert [source for source, _ in steps] == [
        stage.name for stage in model.path if stage.name in dict(steps)
    ]


def test_lines_have_the_colour_of_their_system() -> None:
    lines = mermaid_lines(draw_model(WATERFALL))
    arrows = [line for line in lines if re.match(r"s_\w+ [-=.]+>", line)]
    colors: dict[int, str] = {}
    for indices, color in re.findall(r"linkStyle ([\d,]+) stroke:(#\w+)", "\n".join(lines)):
        colors |= dict.fromkeys(map(int, indices.split(",")), color)
    assert sorted(colors) == list(range(len(arrows)))
    palette = Palette(WATERFALL)
    for target, system in (("mql", "marketing"), ("customer", "crm")):
        (index,) = (
            index
            for index, arrow in enumerate(arrows)
            if "==>" in arrow and arrow.endswith(f"s_{target}")
        )
        assert colors[index] == palette.system(system).line


def test_a_funnel_says_its_window_its_reading_and_what_colours_mean() -> None:
    counts = counted(WATERFALL, 7)
    text = draw_funnel(WATERFALL, counts).mermaid
    assert f"all history ({counts.zone}) · reading: {counts.reading}" in text
    for owner in WATERFALL.systems.values():
        assert f'["{owner} owns it"]' in text


PAGE = """<!doctype html><meta charset="utf-8"><pre id="out"></pre>
<script src="{script}"></script><script>
mermaid.initialize({{startOnLoad: false}});
const out = document.getElementById("out"), texts = {texts};
(async () => {{
  for (const [name, text] of Object.entries(texts)) {{
    try {{ document.body.insertAdjacentHTML("beforeend", (await mermaid.render(name, text)).svg); }}
    catch (error) {{ out.textContent += name + ": " + error + "\\n"; }}
  }}
  const node = (id) => document.querySelector(`#waterfall g[id*="-${{id}}-"]`);
  const at = (id) => node(id).transform.baseVal[0].matrix.e;
  out.textContent += "DONE " + {path}.map(at).join(" ");
}})();
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_mermaid_itself_draws_every_picture(tmp_path: Path) -> None:
    # The package draws without a browser; only the script of Mermaid in it is used.
    package = find_spec("mermaidx")
    if package is None or package.origin is None:
        pytest.skip("needs the package mermaidx, which carries Mermaid")
    script = Path(package.origin).with_name("assets") / "mermaid.js"
    texts = {"waterfall": draw_model(WATERFALL).mermaid}
    for name in shipped():
        pictures = every_picture(load(name))
        texts |= {f"{name}-{kind}": drawing.mermaid for kind, drawing in pictures.items()}
    texts |= {
        f"shape{index}": draw_model(shape.model()).mermaid for index, shape in enumerate(SHAPES[:9])
    }
    page = tmp_path / "page.html"
    path = json.dumps([f"s_{stage.name}" for stage in WATERFALL.path])
    safe = json.dumps(texts).replace("<", "\\u003c")
    page.write_text(PAGE.format(script=script.as_uri(), texts=safe, path=path), "utf-8")
    dumped = chromium(tmp_path, "--virtual-time-budget=60000", "--dump-dom", page.as_uri())
    output = re.search(r'<pre id="out">(.*?)</pre>', dumped, re.DOTALL)
    assert output is not None
    assert output[1].startswith("DONE "), output[1]
    places = [float(x) for x in output[1].split()[1:]]
    assert places == sorted(places), "the path runs to the right"
