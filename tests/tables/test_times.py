from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.tables.mapping import TimeNotation
from lifecycle_fsm.tables.times import TimeReader, TimeTally

SP, BERLIN = "America/Sao_Paulo", "Europe/Berlin"


def read(raw: Any, zone: str | None = None, form: str | None = None) -> tuple[str, TimeTally]:
    tally = TimeTally()
    return TimeReader(TimeNotation(zone, form), tally).read(raw).isoformat(), tally


@pytest.mark.parametrize(
    ("raw", "zone", "form", "expected"),
    [
        ("2024-05-01T10:00:00", None, None, "2024-05-01T10:00:00+00:00"),
        ("2024-05-01 10:00:00", BERLIN, None, "2024-05-01T08:00:00+00:00"),
        ("2024-05-01T10:00:00Z", BERLIN, None, "2024-05-01T10:00:00+00:00"),
        ("2024-05-01T10:00:00+05:30", BERLIN, None, "2024-05-01T04:30:00+00:00"),
        ("2024-05-01 10:00:00 UTC", BERLIN, None, "2024-05-01T10:00:00+00:00"),
        ("2024-05-01", BERLIN, None, "2024-04-30T22:00:00+00:00"),
        ("01/05/2024 10:30", SP, "%d/%m/%Y %H:%M", "2024-05-01T13:30:00+00:00"),
        ("5/1/24", None, "%m/%d/%y", "2024-05-01T00:00:00+00:00"),
        ("01.05.2024 10:30 +0200", SP, "%d.%m.%Y %H:%M %z", "2024-05-01T08:30:00+00:00"),
        ("2024-05-01 10:00 GMT", BERLIN, "%Y-%m-%d %H:%M %Z", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01 10:00 utc", BERLIN, "%Y-%m-%d %H:%M %Z", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01 10:00UTC", BERLIN, "%Y-%m-%d %H:%M%Z", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01 10:00 -0330", BERLIN, "%Y-%m-%d %H:%M %Z", "2024-05-01T13:30:00+00:00"),
        ("2024-05-01 10:00 +02:00", None, "%Y-%m-%d %H:%M %Z", "2024-05-01T08:00:00+00:00"),
        ("2024-05-01 10:00 GMT+0200", None, "%Y-%m-%d %H:%M %Z%z", "2024-05-01T08:00:00+00:00"),
        ("Wed 2024-05-01 GMT", BERLIN, "%a %Y-%m-%d %Z", "2024-05-01T00:00:00+00:00"),
        ("%Z 2024-05-01", BERLIN, "%%Z %Y-%m-%d", "2024-04-30T22:00:00+00:00"),
        ("1714557600", SP, "epoch", "2024-05-01T10:00:00+00:00"),
        ("1714557600.000001", SP, "epoch", "2024-05-01T10:00:00.000001+00:00"),
        (1714557600123, SP, "epoch_ms", "2024-05-01T10:00:00.123000+00:00"),
        (Decimal("1714557600.5"), None, "epoch", "2024-05-01T10:00:00.500000+00:00"),
        (-1.5, None, "epoch", "1969-12-31T23:59:58.500000+00:00"),
        (date(2024, 5, 1), BERLIN, None, "2024-04-30T22:00:00+00:00"),
        (datetime.fromisoformat("2024-05-01"), BERLIN, "%d/%m/%Y", "2024-04-30T22:00:00+00:00"),
        (datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=1))), SP, None,
         "2024-05-01T09:00:00+00:00"),
    ],
)  # fmt: skip
def test_a_time_becomes_an_instant_in_utc(
    raw: Any, zone: str | None, form: str | None, expected: str
) -> None:
    assert read(raw, zone, form)[0] == expected


@pytest.mark.parametrize(
    ("raw", "zone", "expected", "twice", "skipped"),
    [
        # Clocks go from 02:00 to 03:00: half past two does not exist.
        ("2024-03-31 01:59", BERLIN, "2024-03-31T00:59:00+00:00", 0, 0),
        ("2024-03-31 02:30", BERLIN, "2024-03-31T01:30:00+00:00", 0, 1),
        ("2024-03-31 03:00", BERLIN, "2024-03-31T01:00:00+00:00", 0, 0),
        # They go from 03:00 to 02:00: half past two comes twice, and the first is meant.
        ("2024-10-27 02:30", BERLIN, "2024-10-27T00:30:00+00:00", 1, 0),
        ("2024-10-27 03:00", BERLIN, "2024-10-27T02:00:00+00:00", 0, 0),
        # In São Paulo that day began at one o'clock, and so does its midnight.
        ("2017-10-15", SP, "2017-10-15T03:00:00+00:00", 0, 1),
        ("2017-10-15 01:00", SP, "2017-10-15T03:00:00+00:00", 0, 0),
        ("2017-10-16", SP, "2017-10-16T02:00:00+00:00", 0, 0),
        ("2018-02-17 23:30", SP, "2018-02-18T01:30:00+00:00", 1, 0),
        ("2018-02-18", SP, "2018-02-18T03:00:00+00:00", 0, 0),
    ],
)
def test_the_nights_when_clocks_change(
    raw: str, zone: str, expected: str, twice: int, skipped: int
) -> None:
    found, tally = read(raw, zone)
    assert found == expected
    assert (tally.twice, tally.skipped) == (twice, skipped)
    assert tally.naive == {zone: 1}


@pytest.mark.parametrize(
    ("raw", "form", "complaint"),
    [
        ("yesterday", None, "'yesterday' is no time such as 2024-05-01T10:00:00Z"),
        ("2024-05-01", "%d/%m/%Y", "'2024-05-01' is no time of the format %d/%m/%Y"),
        ("31/02/2024", "%d/%m/%Y", "is no time of the format"),
        (1714557600, None, 'is a number: say format = "epoch" or "epoch_ms"'),
        ("soon", "epoch", "is no number of seconds"),
        ("nan", "epoch", "is no number of seconds"),
        ("inf", "epoch", "between the years 1 and 9999"),
        (1e30, "epoch", "between the years 1 and 9999"),
        (True, "epoch", "True is no time"),
        ({"a": 1}, None, "is no time"),
        ("0001-01-01T00:00:00+10:00", None, "between the years 1 and 9999"),
        ("2024-05-01 EST", "%Y-%m-%d %Z", "in which %Z is UTC, GMT or an offset such as +02:00"),
        ("2024-05-01 UTC", "%Y-%m-%d", "'2024-05-01 UTC' is no time of the format %Y-%m-%d"),
    ],
)
def test_what_is_no_time_says_why(raw: Any, form: str | None, complaint: str) -> None:
    with pytest.raises(RecordError) as caught:
        read(raw, BERLIN, form)
    assert complaint in str(caught.value)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the process cannot be set")
def test_the_zone_of_the_machine_names_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        with pytest.raises(RecordError, match="is no time of the format"):
            read("2024-01-01 EST", BERLIN, "%Y-%m-%d %Z")
    finally:
        monkeypatch.undo()
        time.tzset()


@given(
    st.datetimes(
        datetime.fromisoformat("1990-01-01"),
        datetime.fromisoformat("2037-01-01"),
        timezones=st.just(UTC),
    ),
    st.sampled_from([SP, BERLIN, "Asia/Kolkata", "America/New_York", "UTC"]),
)
def test_a_local_time_comes_back_unless_it_was_skipped(instant: datetime, zone: str) -> None:
    clock = TimeReader(TimeNotation(zone), tally := TimeTally())
    local = instant.astimezone(clock.zone).replace(tzinfo=None)
    found = clock.read(local.isoformat())
    assert found.astimezone(clock.zone).replace(tzinfo=None) == local
    assert tally.skipped == 0
    assert found == instant or (tally.twice == 1 and found == instant - timedelta(hours=1))


def test_repeated_texts_count_each_time() -> None:
    clock = TimeReader(TimeNotation(SP), tally := TimeTally())
    assert clock.read("2017-10-15") == clock.read("2017-10-15")
    assert (tally.skipped, tally.naive) == (2, {SP: 2})


def test_the_summary_names_the_zone_and_says_when_nobody_chose_it() -> None:
    tally = TimeTally({"UTC": 1200, SP: 3}, twice=1, skipped=2)
    assert tally.notes({SP}) == [
        "3 times without a zone read as America/Sao_Paulo",
        "1,200 times without a zone read as UTC: a mapping can name another",
        "1 local time came twice in its night: the first was taken",
        "2 local times did not exist: they were moved forward",
    ]
