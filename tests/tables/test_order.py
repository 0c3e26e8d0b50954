from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.activities import MODEL_CHANGED, SETTLED, Activity, Natural, Order, natural
from lifecycle_fsm.tables import by_event

T = datetime(2024, 1, 1, tzinfo=UTC)

activities = st.builds(
    Activity,
    st.sampled_from(["a", "b", "B", "é", "10", "9", "a10", "a19", "a21", "a9", "a09", SETTLED]),
    st.sampled_from(["p", "q", "p2", "p10", "p9"]),
    st.sampled_from(["created", "web_visit", "form_filled", MODEL_CHANGED]),
    st.integers(-1, 1).map(lambda hours: T + timedelta(hours=hours)),
    sequence=st.sampled_from([None, None, None, 1, 2]),
)


@given(st.lists(activities, max_size=12), st.randoms())
def test_any_order_of_arrival_gives_one_order_by_event(
    came: list[Activity], chance: Random
) -> None:
    mixed = came.copy()
    chance.shuffle(mixed)
    ordered = by_event(came)

    def keys(log: list[Activity]) -> list[tuple[Order, Natural]]:
        return [(activity.order, natural(activity.person)) for activity in log]

    assert keys(ordered) == keys(by_event(mixed)) == sorted(keys(came))
    for person in ("p", "q"):
        own = [activity for activity in ordered if activity.person == person]
        assert own == sorted(
            (activity for activity in came if activity.person == person),
            key=lambda activity: activity.order,
        )


@given(
    st.lists(
        st.builds(
            Activity,
            st.sampled_from(["a10", "a19", "a21", "a02"]),
            st.sampled_from(["p1", "p2"]),
            st.sampled_from(["web_visit", "web_visit", MODEL_CHANGED]),
            st.just(T),
            sequence=st.sampled_from([None, None, 1, 2]),
        ),
        max_size=8,
    )
)
def test_ids_of_one_shape_are_in_natural_order_too(came: list[Activity]) -> None:
    keys = [(activity.order, natural(activity.person)) for activity in came]
    ordered = by_event(came)
    assert [(activity.order, natural(activity.person)) for activity in ordered] == sorted(keys)


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
