"""How a calendar is written, and what is said of one that cannot be read [S5][S21]."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.model.rules import (
    Calendar,
    calendar_faults,
    closed_dates,
    spans_of,
)
from lifecycle_fsm.zones import find_zone


def calendar(**more: Any) -> Calendar:
    return Calendar(name="office", **more)


HOURS: list[tuple[str, tuple[tuple[int, int], ...]]] = [
    ("09:00-17:00", ((540, 1020),)),
    ("9:00 - 17:30", ((540, 1050),)),
    ("09:00-12:00, 13:00-17:00", ((540, 720), (780, 1020))),
    ("09:00-12:00,12:00-17:00", ((540, 720), (720, 1020))),
    ("00:00-24:00", ((0, 1440),)),
    ("23:59-24:00", ((1439, 1440),)),
]


@pytest.mark.parametrize(("text", "spans"), HOURS)
def test_hours_are_spans_of_minutes(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    one = calendar(hours={"tue": text, "sun": "10:00-11:00"})
    assert list(calendar_faults(one)) == []
    expected = {0: (), 1: spans, 2: (), 3: (), 4: (), 5: (), 6: ((600, 660),)}
    assert spans_of(one) == expected


def test_a_text_alone_is_said_of_monday_to_friday() -> None:
    assert [bool(spans) for spans in spans_of(calendar()).values()] == [True] * 5 + [False] * 2


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"zone": "Europe/Berlin", "holidays": "DE-BE", "closed": ["2024-12-24"]}, []),
    ({"zone": "utc", "holidays": "USA"}, []),
    ({"holidays": "FR-Zone A"}, []),
    ({"zone": "Europe/Berln"}, ["zone: there is no time zone", "did you mean 'Europe/Berlin'"]),
    ({"zone": ""}, ["zone: there is no time zone ''"]),
    ({"zone": "Europe"}, ["zone: there is no time zone 'Europe'"]),
    ({"zone": "../UTC"}, ["zone: there is no time zone '../UTC'"]),
    ({"zone": "localtime"}, ["zone: there is no time zone 'localtime'"]),
    ({"zone": 1}, ["zone: 1 is no text: write it as Europe/Berlin"]),
    ({"hours": {}}, ["hours: it is never open", 'hours = "09:00-17:00"']),
    ({"hours": {"Monday": "09:00-17:00"}}, ["hours.Monday: 'Monday' is no day", "mean 'mon'"]),
    ({"hours": {"sat": ""}}, ["hours.sat: '' is no opening time", "leave out a day"]),
    ({"hours": {"sat": "9-17"}}, ["hours.sat: '9-17' is no opening time", "09:00-17:00"]),
    ({"hours": {"sat": "09:00-17:00,"}}, ["hours.sat: '09:00-17:00,' is no opening time"]),
    ({"hours": {"sat": "09:00–17:00"}}, ["hours.sat: '09:00–17:00' is no opening time"]),
    ({"hours": {"sat": "٠٩:٠٠-١٧:٠٠"}}, ["is no opening time"]),
    ({"hours": {"sat": 9}}, ["hours.sat: 9 is no opening time"]),
    ({"hours": {"sat": "09:00-24:01"}}, ["hours.sat: 24:01 is no time of a day"]),
    ({"hours": {"sat": "09:60-17:00"}}, ["hours.sat: 09:60 is no time of a day"]),
    ({"hours": {"sat": "22:00-06:00"}}, ["22:00-06:00 does not end after it begins", "next day"]),
    ({"hours": {"sat": "09:00-09:00"}}, ["09:00-09:00 does not end after it begins"]),
    ({"hours": {"sat": "24:00-24:00"}}, ["24:00-24:00 does not end after it begins"]),
    ({"hours": {"sat": "09:00-12:00, 11:59-17:00"}}, ["11:59-17:00 begins before the span"]),
    ({"hours": {"sat": "13:00-17:00, 09:00-12:00"}}, ["09:00-12:00 begins before the span"]),
    ({"hours": "soon"}, ["hours.mon, tue, wed, thu, fri: 'soon' is no opening time"]),
    ({"holidays": "Germany"}, ["holidays: 'Germany' is no code", "DE-BE"]),
    ({"holidays": "de-be"}, ["holidays: 'de-be' is no code", "did you mean 'DE-BE'"]),
    ({"holidays": "DE-"}, ["holidays: 'DE-' is no code"]),
    ({"closed": ["2024-02-30"]}, ["closed[0]: '2024-02-30' is not the text of a date"]),
    ({"closed": ["2024-01-01", "2024-W52-2"]}, ["closed[1]: '2024-W52-2' is not", "2024-12-24"]),
    ({"closed": ["20240101"]}, ["closed[0]: '20240101' is not"]),
    ({"closed": [date(2024, 1, 1)]}, ["closed[0]: datetime.date(2024, 1, 1) is not the text"]),
]


@pytest.mark.parametrize(("written", "words"), FAULTS, ids=[str(one) for one, _ in FAULTS])
def test_a_fault_is_told_with_its_place_and_the_remedy(
    written: dict[str, Any], words: list[str]
) -> None:
    faults = list(calendar_faults(calendar(**written)))
    assert len(faults) == bool(words)
    for word in words:
        assert word in faults[0]


def test_all_faults_are_told() -> None:
    one = calendar(
        zone="Mars",
        hours={"mon": "9-17", "tue": "9-17", "wed": "17:00-09:00", "day": "09:00-17:00"},
        holidays="?",
        closed=["soon", "2024-01-01", "later"],
    )
    assert [fault.split(": ")[0] for fault in calendar_faults(one)] == [
        "zone",
        "hours.mon, tue",
        "hours.wed",
        "hours.day",
        "holidays",
        "closed[0]",
        "closed[2]",
    ]


def test_what_is_asked_of_a_faulty_calendar_is_an_error() -> None:
    with pytest.raises(RecordError, match="is no opening time"):
        spans_of(calendar(hours="9-17"))
    with pytest.raises(RecordError, match="is not the text of a date"):
        closed_dates(calendar(closed=["soon"]))


def test_closed_days_are_dates_and_may_be_named_twice() -> None:
    one = calendar(closed=["2024-12-24", "2024-12-31", "2024-12-24"])
    assert list(calendar_faults(one)) == []
    assert closed_dates(one) == {date(2024, 12, 24), date(2024, 12, 31)}


def test_a_zone_is_found_by_its_name() -> None:
    assert find_zone("UTC") is find_zone("Z") is UTC
    assert find_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")


def test_a_machine_without_time_zones_is_told_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    with pytest.raises(RecordError, match="pip install tzdata"):
        find_zone("Europe/Nowhere")
