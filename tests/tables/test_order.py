from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.tables import by_event

T = datetime(2024, 1, 1, tzinfo=UTC)

activities = st.builds(
    Activity,
    st.sampled_from(["a", "b", "B", "é", "10", "9"]),
    st.sampled_from(["p", "q"]),
    st.sampled_from(["created", "web_visit", "form_filled"]),
    st.integers(-3, 3).map(lambda hours: T + timedelta(hours=hours)),
)


@given(st.lists(activities, max_size=12), st.randoms())
def test_any_order_of_arrival_gives_one_order_by_event(
    came: list[Activity], chance: Random
) -> None:
    mixed = came.copy()
    chance.shuffle(mixed)
    found = by_event(came)
    keys = [(one.order, one.person) for one in found]
    assert keys == [(one.order, one.person) for one in by_event(mixed)] == sorted(keys)
    for person in ("p", "q"):
        own = [one for one in found if one.person == person]
        assert own == sorted((one for one in came if one.person == person), key=lambda o: o.order)


def test_created_comes_first_whatever_its_time_and_ids_go_in_natural_order() -> None:
    late = Activity("z", "p", "created", T + timedelta(days=9))
    ids = ["b", "10", "9", "B", "é"]
    rest = [Activity(one, "p", "web_visit", T) for one in ids]
    early = Activity("x", "p", "web_visit", T - timedelta(days=1))
    found = by_event([*rest, early, late])
    assert [one.id for one in found] == ["z", "x", "9", "10", "B", "b", "é"]


def test_what_came_twice_keeps_its_order() -> None:
    one = Activity("a", "p", "web_visit", T, {"page": "first"})
    two = Activity("a", "p", "web_visit", T, {"page": "second"})
    assert [found.payload["page"] for found in by_event([one, two])] == ["first", "second"]
    assert [found.payload["page"] for found in by_event([two, one])] == ["second", "first"]
