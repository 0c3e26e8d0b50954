"""Activities: what they need, in which order they stand, when two are the same [S19]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from lifecycle_fsm.activities import SETTLED, Activity, by_event, fingerprint, identity, time_passed
from lifecycle_fsm.errors import RecordError

TIME = datetime(2024, 5, 1, 10, tzinfo=UTC)
ONE = Activity("1", "ann", "web_visit", TIME, {"page": "/", "source": None})


@pytest.mark.parametrize(
    "at",
    [
        "2024-05-01T10:00:00Z",
        "2024-05-01T12:00:00+02:00",
        "2024-05-01 10:00",
        datetime(2024, 5, 1, 10),  # noqa: DTZ001 -- a naive time is what this is about
        datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_s4_a_time_is_kept_in_utc(at: Any) -> None:
    activity = Activity("1", "ann", "web_visit", at)
    assert activity.at == TIME
    assert activity.at.tzinfo is UTC


@pytest.mark.parametrize("part", ["id", "person", "kind"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_an_activity_needs_its_texts(part: str, value: Any) -> None:
    with pytest.raises(RecordError) as caught:
        attrs.evolve(ONE, **{part: value})
    assert str(caught.value) == f"an activity needs a text as its {part}, not {value!r}"


@pytest.mark.parametrize("at", ["noon", None, 3, ""])
def test_an_activity_needs_a_time(at: Any) -> None:
    with pytest.raises(RecordError, match="is not a time"):
        Activity("1", "ann", "web_visit", at)


LATER = TIME + timedelta(microseconds=1)
#: Activities of one person as [S19] orders them.
ORDERED = [
    Activity("9", "ann", "created", LATER),
    Activity("evt-3", "ann", "web_visit", TIME, sequence=-1),
    Activity("evt-2", "ann", "web_visit", TIME, sequence=7),
    Activity("evt-1", "ann", "web_visit", TIME, sequence=10),
    Activity("9", "ann", "web_visit", TIME),
    Activity("010", "ann", "web_visit", TIME),
    Activity("10", "ann", "web_visit", TIME),
    Activity("A", "ann", "web_visit", TIME),
    Activity("evt-9", "ann", "web_visit", TIME),
    Activity("evt-9b", "ann", "web_visit", TIME),
    Activity("evt-10", "ann", "web_visit", TIME),
    Activity("evt-10-9", "ann", "web_visit", TIME),
    Activity("evt-10-10", "ann", "web_visit", TIME),
    Activity("evt-" + "9" * 5000, "ann", "web_visit", TIME),
    Activity("evt-²", "ann", "web_visit", TIME),  # no ASCII digit: a text
    Activity("é", "ann", "web_visit", TIME),
    Activity(SETTLED, "ann", "processed", TIME),
    Activity("0", "ann", "web_visit", LATER),
]


def test_s19_created_first_then_instant_sequence_and_id_in_natural_order() -> None:
    turned = ORDERED[::-1]
    assert sorted(turned, key=lambda one: one.order) == ORDERED
    assert by_event(turned) == ORDERED


def test_s19_what_is_equal_in_all_of_it_stands_by_record_in_natural_order() -> None:
    records = ["p9", "p10", "q"]
    turned = [attrs.evolve(ONE, person=record) for record in reversed(records)]
    assert [activity.person for activity in by_event(turned)] == records


def test_s19_what_time_brought_comes_last_at_its_instant_and_a_rebuild_leaves_it_out() -> None:
    passed = time_passed("ann", TIME)
    assert (passed.kind, passed.id) == ("time_passed", "time_passed:2024-05-01T10:00:00.000000Z")
    rows = [*ORDERED[:-1], passed, ORDERED[-1]]
    assert sorted([passed, *ORDERED], key=lambda one: one.order) == rows
    assert by_event([passed, *ORDERED]) == ORDERED


def test_s19_a_sequence_is_no_content() -> None:
    assert attrs.evolve(ONE, sequence=3) == attrs.evolve(ONE, sequence=None)
    assert marks(attrs.evolve(ONE, sequence=3)) == marks(ONE)


@pytest.mark.parametrize("sequence", ["1", 1.0, True])
def test_s19_a_sequence_is_a_whole_number(sequence: Any) -> None:
    with pytest.raises(RecordError, match="the sequence of an activity is a whole number"):
        attrs.evolve(ONE, sequence=sequence)


def marks(one: Activity) -> tuple[bytes, bytes]:
    mark = fingerprint(one, one.payload)
    return mark[:8], mark[8:]


SAME: dict[str, dict[str, Any]] = {
    "another zone": {"at": TIME.astimezone(timezone(timedelta(hours=2)))},
    "the order of the payload": {"payload": {"source": None, "page": "/"}},
}
OTHER: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "form_filled"},
    "another time": {"at": TIME + timedelta(microseconds=1)},
    "another value": {"payload": {"page": "/x", "source": None}},
    "a value less": {"payload": {"page": "/"}},
    "no value": {"payload": {}},
    "another type": {"payload": {"page": "/", "source": "None"}},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
def test_s19_the_same_content_has_the_same_fingerprint(changes: dict[str, Any]) -> None:
    assert marks(attrs.evolve(ONE, **changes)) == marks(ONE)


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER.keys())
def test_s19_other_content_has_another(changes: dict[str, Any]) -> None:
    other = marks(attrs.evolve(ONE, **changes))
    assert other[0] == marks(ONE)[0]
    assert other[1] != marks(ONE)[1]


def test_s19_a_fingerprint_is_the_same_in_every_process() -> None:
    """It is kept with a saved person, and read by another process, of another release."""
    assert marks(ONE) == (bytes.fromhex("b7efdc83b7efdc83"), bytes.fromhex("b3c45512"))
    assert identity(ONE.id) == marks(ONE)[0]
    assert identity(ONE.id, "bo") == fingerprint(ONE, ONE.payload, "bo")[:8] != identity(ONE.id)


def test_s19_another_id_has_another_identity_of_eight_bytes() -> None:
    other = marks(attrs.evolve(ONE, id="2"))
    assert other[0] != marks(ONE)[0]
    assert [len(part) for part in other] == [8, 4]
