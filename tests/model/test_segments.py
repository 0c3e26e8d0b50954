"""Named filters of reports in the model (R49)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import ModelError
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.model import dumps, load, loads
from tests.funnel.made import kept, mixed, walk

WATERFALL = load("waterfall")
DACH = "country in ['DE', 'AT', 'CH']"


def with_segments(segments: dict[str, Any], **changes: Any) -> Any:
    return attrs.evolve(WATERFALL, segments=segments, **changes)


def test_r49_a_segment_is_a_filter_with_a_name() -> None:
    model = with_segments({"dach": DACH})
    rows = mixed(
        *(
            walk(name, ("processing", 0, kept(country=country)), ("mal", 1), model=model)
            for name, country in (("a", "DE"), ("b", "US"), ("c", "CH"), ("d", None))
        )
    )

    def people(where: str) -> set[str]:
        return {walk[0].person for walk in observe(rows, model, where=where).walks}

    assert people("dach") == people(DACH) == {"a", "c"}
    assert people("not dach") == {"b", "d"}
    assert people("dach and not (country == 'CH')") == {"a"}


def test_segments_are_saved_and_are_no_part_of_the_version() -> None:
    model = with_segments({"dach": DACH}, segment_labels={"dach": "DACH"})
    assert model.version == WATERFALL.version
    again = loads(dumps(model))
    assert again == model
    assert again.segment_labels == {"dach": "DACH"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("hot", "behavior_score > 50", "history does not keep 'behavior_score'.*add it to dim"),
        ("dach", "cuntry == 'DE'", "no field named 'cuntry'; did you mean 'country'"),
        ("country", DACH, "a field has the same name"),
        ("is_competitor", DACH, "a named guard has the same name"),
        ("late", "days in stage > 5", "history does not keep"),
        ("d-a", DACH, "segments.d-a"),
    ],
)
def test_a_wrong_segment_is_an_error_of_the_model(name: str, text: str, message: str) -> None:
    guards = {"is_competitor": "country == 'XX'"}
    with pytest.raises(ModelError, match=message):
        with_segments({name: text}, guards={**WATERFALL.guards, **guards})
