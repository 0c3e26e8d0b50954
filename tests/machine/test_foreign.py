"""Objects that are not ours, moved by the same machine: plain ones and SQLAlchemy rows [S6]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from sqlalchemy import JSON, ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, validates

from lifecycle_fsm import (
    Foreign,
    HistoryRow,
    LifecycleError,
    LifecycleMachine,
    NoSuchMove,
    RecordError,
    Refused,
    StageConflict,
    load,
)
from lifecycle_fsm.model import Calendar, Deadline
from tests.clock.due import fading
from tests.machine.small import (
    DAY,
    HOUR,
    HUGE,
    SECOND,
    TOO_LARGE,
    T,
    act,
    check_chain,
    move,
    running,
    small,
)

# ------------------------------------------------------------------ an application's own tables


class Base(DeclarativeBase):
    pass


class Contact(Base):
    """A contact as an application keeps it: some of the fields, one under another name."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(default="")
    score: Mapped[int] = mapped_column(default=0)
    hand_raised: Mapped[bool] = mapped_column(default=False)
    rejection_reason: Mapped[str | None] = mapped_column(default=None)
    owner: Mapped[str | None] = mapped_column(default=None)
    sales_touched_at: Mapped[datetime | None] = mapped_column(default=None)
    rows: Mapped[list[StageRow]] = relationship(order_by="StageRow.sequence")

    @validates("hand_raised")
    def _hand(self, key: str, value: bool) -> bool:
        if self.owner == "refuses" and value is False:
            raise ValueError("the application refuses this")
        return value


class StageRow(Base):
    """The history in a table of its own."""

    __tablename__ = "stage_row"

    person: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    contact: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    at: Mapped[datetime]
    now: Mapped[datetime]
    from_stage: Mapped[str | None]
    to_stage: Mapped[str]
    kind: Mapped[str]
    rule: Mapped[str]
    trigger: Mapped[str | None]
    activity: Mapped[str | None]
    journey: Mapped[int]
    passed_over: Mapped[str]
    credit: Mapped[bool]
    owner: Mapped[str | None]
    source: Mapped[str | None]
    version: Mapped[str]
    late: Mapped[bool]
    kept: Mapped[list[tuple[str, Any]]] = mapped_column(JSON)
    assigned_to: Mapped[str | None]
    journey_record: Mapped[str]
    entered_at: Mapped[datetime]

    @classmethod
    def of(cls, contact: Contact, row: HistoryRow) -> StageRow:
        values = attrs.asdict(row, recurse=False)
        values["passed_over"] = " ".join(row.passed_over)
        return cls(contact=contact.id, **values)

    def row(self) -> HistoryRow:
        values = {one.name: getattr(self, one.name) for one in attrs.fields(HistoryRow)}
        values["passed_over"] = tuple(self.passed_over.split())
        values["kept"] = tuple((name, value) for name, value in self.kept)
        # SQLite keeps no zone; what was stored was UTC.
        values["at"] = self.at.replace(tzinfo=UTC)
        values["now"] = self.now.replace(tzinfo=UTC)
        values["entered_at"] = self.entered_at.replace(tzinfo=UTC)
        return HistoryRow(**values)


MACHINE = LifecycleMachine(load("waterfall"))
CONTACTS = Foreign(MACHINE, fields={"behavior_score": "score"})


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def stored(session: Session, **values: Any) -> Contact:
    """A contact in the database, with the history that says the same, loaded anew."""
    contact = Contact(**{"id": 7, "stage": "mql", "score": 81, "hand_raised": True, **values})
    session.add(contact)
    session.flush()
    session.add_all(StageRow.of(contact, row) for row in CONTACTS.adopt(contact, at=T))
    return reloaded(session)


def reloaded(session: Session) -> Contact:
    session.commit()
    session.expunge_all()
    return session.scalars(select(Contact)).one()


def ask(session: Session, contact: Contact, trigger: str, at: datetime) -> Any:
    """What a web handler does: fire, keep the new rows, commit."""
    history = [one.row() for one in contact.rows]
    count = len(history)
    decision = CONTACTS.fire(
        contact, trigger, at=at, activity=f"{trigger}-{count}", history=history
    )
    session.add_all(StageRow.of(contact, row) for row in history[count:])
    return decision


def test_an_orm_row_is_moved_and_its_fields_and_history_are_stored(session: Session) -> None:
    contact = stored(session, rejection_reason="no_time")
    decision = ask(session, contact, "sales_rejected", T + HOUR)
    assert decision.result == "moved"
    contact = reloaded(session)
    assert (contact.stage, contact.score, contact.hand_raised) == ("recycled", 40, False)
    rows = tuple(one.row() for one in contact.rows)
    assert [(row.to_stage, row.rule) for row in rows] == [
        ("mql", "adopted"),
        ("recycled", "recycled_by_sales"),
    ]
    check_chain(rows)
    assert rows[1] == decision.rows[0]
    assert rows[1].activity == "sales_rejected-1"


def test_the_history_table_is_enough_to_go_on_with(session: Session) -> None:
    contact = stored(session, rejection_reason="student")
    ask(session, contact, "sales_rejected", T + HOUR)
    contact = reloaded(session)
    assert ask(session, contact, "reinstate", T + 2 * HOUR).rows[0].journey == 2
    contact = reloaded(session)
    assert contact.stage == "mal"
    contact.sales_touched_at = datetime(2024, 5, 1, 10)  # noqa: DTZ001 -- as SQLite gives it back
    assert ask(session, contact, "sales_rejected", T + 3 * HOUR).result == "no_such_move"
    contact.sales_touched_at = datetime(2024, 5, 1, 12)  # noqa: DTZ001 -- in this journey
    assert ask(session, contact, "sales_rejected", T + 3 * HOUR).moved
    contact = reloaded(session)
    assert contact.stage == "sal"
    check_chain(tuple(one.row() for one in contact.rows))


def test_s10_a_refusal_leaves_an_orm_row_as_it_was(session: Session) -> None:
    contact = stored(session, rejection_reason="something else")
    decision = ask(session, contact, "sales_rejected", T + HOUR)
    assert decision.result == "refused"
    assert not session.dirty
    assert not session.new
    assert "something else" in str(decision)
    with pytest.raises(Refused):
        decision.or_raise()


def test_s6_a_stage_that_somebody_else_wrote_is_a_conflict(session: Session) -> None:
    contact = stored(session)
    contact.stage = "customer"
    with pytest.raises(StageConflict, match="stage = 'customer', its history says 'mql'"):
        ask(session, contact, "disqualify", T + HOUR)
    assert contact.stage == "customer"


def test_s11_an_attribute_that_refuses_its_value_leaves_all_of_them(session: Session) -> None:
    contact = stored(session, rejection_reason="no_time", owner="refuses")
    history = [one.row() for one in contact.rows]
    with pytest.raises(ValueError, match="the application refuses"):
        CONTACTS.fire(contact, "sales_rejected", at=T + HOUR, history=history)
    assert (contact.stage, contact.score, contact.hand_raised) == ("mql", 81, True)
    assert [row.to_stage for row in history] == ["mql"]


# ------------------------------------------------------------------ any object


class Row:
    """The simplest object that has a stage."""

    def __init__(self, **values: Any) -> None:
        self.id: Any = "p"
        self.stage = "a"
        for name, value in values.items():
            setattr(self, name, value)


def machine(*moves: Any, **more: Any) -> LifecycleMachine:
    return LifecycleMachine(small(*moves, **more))


def test_the_machine_takes_a_foreign_object_itself() -> None:
    one = machine(move("go", "a", "b", on="go", when="level >= 2", then={"level": "level + 1"}))
    row = Row(level=2)
    history = Foreign(one).adopt(row, at=T)
    decision = one.fire(row, "go", at=T + HOUR, history=history)
    assert (row.stage, row.level) == ("b", 3)  # type: ignore[attr-defined]
    assert [one.to_stage for one in history] == ["a", "b"]
    assert decision.person == "p"


def test_an_object_that_is_new_is_adopted_into_original_processing() -> None:
    one = machine()
    row = Row(stage=None)
    history = Foreign(one).adopt(row, at=T)
    assert row.stage == "new"
    assert [(one.from_stage, one.to_stage, one.kind) for one in history] == [(None, "new", "enter")]


def test_an_unknown_stage_is_told() -> None:
    one = machine()
    with pytest.raises(LifecycleError, match="no stage named 'B'"):
        Foreign(one).adopt(Row(stage="B"), at=T)


@pytest.mark.parametrize("history", [None, []])
def test_without_history_nothing_moves(history: Any) -> None:
    one = machine(move("go", "a", "b", on="go"))
    row = Row()
    with pytest.raises(RecordError, match=r"has no history.*adopt"):
        one.fire(row, "go", at=T + HOUR, history=history)
    assert row.stage == "a"


def test_a_missing_attribute_counts_as_never_set_and_is_not_invented() -> None:
    one = machine(
        move("go", "a", "b", on="go", when="owner is missing"),
        move("set", "a", "b", on="set", then={"level": 5}),
    )
    row = Row()
    history = Foreign(one).adopt(row, at=T)
    with pytest.raises(RecordError, match=r"set.* sets 'level', and Row has no attribute 'level'"):
        one.fire(row, "set", at=T + HOUR, history=history)
    assert (row.stage, len(history)) == ("a", 1)
    assert not hasattr(row, "level")
    assert one.fire(row, "go", at=T + HOUR, history=history).moved


def test_a_value_that_does_not_fit_its_field_is_told_with_the_field() -> None:
    one = machine(move("go", "a", "b", on="go"))
    row = Row(level="many")
    history = Foreign(one).adopt(row, at=T)
    with pytest.raises(RecordError, match=r"level.*whole number"):
        one.fire(row, "go", at=T + HOUR, history=history)
    assert row.stage == "a"


def test_s11_an_exception_in_an_effect_leaves_the_object_and_its_history() -> None:
    one = machine(
        move("go", "a", "b", on="go", then={"level": 5}), move("on", "b", "c", then=TOO_LARGE)
    )
    row = Row(level=1, big=HUGE)
    history = Foreign(one).adopt(row, at=T)
    with pytest.raises(LifecycleError, match="too large"):
        one.fire(row, "go", at=T + HOUR, history=history)
    assert (row.stage, row.level, row.big) == ("a", 1, HUGE)  # type: ignore[attr-defined]
    assert len(history) == 1


def test_s5_an_unknown_trigger_is_told_for_an_object_too() -> None:
    one = machine(move("go", "a", "b", on="go"))
    with pytest.raises(NoSuchMove, match="did you mean 'go'"):
        one.fire(Row(), "goo", at=T)


def test_s19_what_comes_late_to_an_object_is_applied_at_its_clock() -> None:
    one = machine(move("go", "a", "b", on="go"))
    row = Row()
    history = Foreign(one).adopt(row, at=T + DAY)
    decision = one.fire(row, "go", at=T, history=history)
    assert (decision.late, decision.now) == (True, T + DAY)


def test_s20_the_same_asking_gives_the_same_history_for_an_object_as_for_a_person() -> None:
    moves = (
        move("off", "a", "x", on="off", then={"level": 9}),
        move("back", "x", "a", when="days in stage >= 10"),
        move("go", ("a", "x"), "y", on="go"),
    )
    orchestrator, person = running(*moves)
    row = Row(level=0)
    foreign = Foreign(orchestrator.machine)
    history = foreign.adopt(row, at=T)
    for trigger, at in (("off", T + HOUR), ("go", T + 30 * DAY)):
        orchestrator.apply(act(trigger, trigger, at))
        foreign.fire(row, trigger, at=at, activity=trigger, history=history)
    assert row.stage == person.stage
    assert [
        (one.now, one.from_stage, one.to_stage, one.rule, one.activity) for one in history[1:]
    ] == [
        (one.now, one.from_stage, one.to_stage, one.rule, one.activity)
        for one in person.history[2:]
    ]


def test_other_names_for_stage_and_id() -> None:
    one = machine(move("go", "a", "b", on="go"))

    class Deal:
        key = 12
        status = "a"

    deal = Deal()
    foreign = Foreign(one, stage="status", id="key")
    history = foreign.adopt(deal, at=T)
    assert history[0].person == "12"
    assert foreign.fire(deal, "go", at=T + HOUR, history=history).moved
    assert deal.status == "b"


def test_s4_rows_that_come_back_without_a_zone_are_utc() -> None:
    machine = LifecycleMachine(load("waterfall"))
    foreign = Foreign(machine)

    class Row:
        id, stage, rejection_reason = "r", "mql", "no_time"
        behavior_score, hand_raised = 80, True

    row = Row()
    history = [
        attrs.evolve(one, at=one.at.replace(tzinfo=None), now=one.now.replace(tzinfo=None))
        for one in foreign.adopt(row, at=T)
    ]
    foreign.fire(row, "sales_rejected", at=T + HOUR, history=history)
    assert (row.stage, history[-1].now) == ("recycled", T + HOUR)


class Plain:
    """An object with what the waterfall needs to qualify."""

    def __init__(self, stage: str) -> None:
        self.id, self.stage = "r", stage
        self.behavior_score, self.demographic_score, self.hand_raised = 10, 40, False
        self.rejection_reason = "no_time"


def test_s7_system_moves_of_an_object_are_asked_for_by_advance() -> None:
    foreign = Foreign(LifecycleMachine(load("waterfall")))
    row = Plain("mal")
    history = foreign.adopt(row, at=T)
    assert foreign.advance(row, at=T + HOUR, history=history).result == "unchanged"
    (waiting,) = [one for one in foreign.explain(row, at=T, history=history) if "score" in one.move]
    assert "behavior score" in str(waiting)

    row.behavior_score = 70
    assert foreign.advance(row, at=T + 2 * HOUR, history=history).moved
    assert (row.stage, len(history)) == ("mql", 2)
    assert foreign.may(row, "sales_rejected", at=T + 3 * HOUR, history=history)
    assert row.stage == "mql"


def test_s15_an_object_in_processing_is_sorted_by_advance() -> None:
    foreign = Foreign(LifecycleMachine(load("waterfall")))
    row = Plain("processing")
    row.hand_raised = True
    history = foreign.adopt(row, at=T)
    foreign.advance(row, at=T + HOUR, history=history)
    assert [one.to_stage for one in history] == ["processing", "mql"]


def test_s11_a_history_that_cannot_be_added_to_is_refused_before_anything_changes() -> None:
    foreign = Foreign(LifecycleMachine(load("waterfall")))
    row = Plain("mql")
    history: Any = tuple(foreign.adopt(row, at=T))
    with pytest.raises(RecordError, match="history"):
        foreign.fire(row, "sales_rejected", at=T + HOUR, history=history)
    assert row.stage == "mql"


def test_s6_an_object_is_not_adopted_into_another_stage_than_its_own() -> None:
    row = Plain("mal")
    with pytest.raises(StageConflict, match="cannot be adopted"):
        Foreign(LifecycleMachine(load("waterfall"))).adopt(row, at=T, stage="customer")
    assert row.stage == "mal"


def test_s20_hops_that_time_made_before_the_asking_are_in_the_decision() -> None:
    foreign = Foreign(LifecycleMachine(load("waterfall")))
    row = Plain("recycled")
    history = foreign.adopt(row, at=T)
    decision = foreign.fire(row, "disqualify", at=T + 200 * DAY, history=history)
    assert [one.to_stage for one in decision.rows] == ["mal", "disqualified"]
    assert decision.rows == tuple(history[1:])


# ------------------------------------------------------------------ what came before, and time


ASKED = (
    move("go", "a", "b", on="go", when="level >= 2"),
    move("off", ("a", "b"), "x", on="off"),
    move("back", "x", "b", when="days in stage >= 10"),
)


def adopted(foreign: Foreign, **values: Any) -> tuple[Row, list[HistoryRow]]:
    row = Row(**values)
    return row, foreign.adopt(row, at=T)


def test_s19_an_activity_that_a_row_names_already_is_a_duplicate() -> None:
    foreign = Foreign(machine(*ASKED))
    row, history = adopted(foreign, level=2)
    assert foreign.fire(row, "go", at=T + HOUR, activity="1", history=history).moved
    before = list(history)
    for trigger, at in (("go", T + HOUR), ("off", T + DAY)):
        again = foreign.fire(row, trigger, at=at, activity="1", history=history)
        assert (again.result, again.stage, again.rows) == ("duplicate", "b", ())
    assert (row.stage, history) == ("b", before)
    assert foreign.fire(row, "off", at=T + DAY, activity="2", history=history).moved


def test_s19_a_refusal_leaves_no_row_and_may_be_asked_again() -> None:
    foreign = Foreign(machine(*ASKED))
    row, history = adopted(foreign, level=1)
    assert foreign.fire(row, "go", at=T + HOUR, activity="1", history=history).result == "refused"
    row.level = 2  # type: ignore[attr-defined]
    assert foreign.fire(row, "go", at=T + DAY, activity="1", history=history).result == "moved"


@pytest.mark.parametrize("trigger", ["go", "off", None])
def test_s10_where_time_moved_the_object_the_result_is_moved(trigger: str | None) -> None:
    """Also where the trigger finds no move in the stage to which time led, or a closed one."""
    foreign = Foreign(machine(*ASKED, move("more", "b", "c", on="go", when="level >= 9")))
    row, history = adopted(foreign, level=2)
    foreign.fire(row, "off", at=T + HOUR, history=history)
    at = T + 30 * DAY
    if trigger is None:
        decision = foreign.advance(row, at=at, history=history)
    else:
        decision = foreign.fire(row, trigger, at=at, history=history)
    assert decision.result == "moved"
    assert (decision.rows[0].rule, decision.rows[0].now) == ("back", T + HOUR + 10 * DAY)
    assert decision.rows == tuple(history[2:])
    assert [one.move for one in decision.unmet] == (["more"] if trigger == "go" else [])
    assert decision.or_raise() is decision
    assert row.stage == decision.rows[-1].to_stage


def test_s20_questions_about_an_object_see_what_time_moves_before_the_instant() -> None:
    foreign = Foreign(machine(*ASKED))
    row, history = adopted(foreign, level=2)
    foreign.fire(row, "off", at=T + HOUR, history=history)
    rested = T + HOUR + 10 * DAY
    assert not foreign.may(row, "off", at=rested, history=history)
    assert foreign.may(row, "off", at=rested + HOUR, history=history)
    with pytest.raises(NoSuchMove, match="leaves 'x'"):
        foreign.explain(row, "off", at=rested, history=history)
    assert foreign.explain(row, "off", at=rested + HOUR, history=history) == ()
    assert (row.stage, len(history)) == ("x", 2)


def test_s20_an_object_has_neither_decay_nor_deadlines_and_nothing_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However short the interval, and however long nobody has looked."""

    def never(*_: Any) -> Any:
        raise AssertionError("time passes for an object by its moves alone")

    monkeypatch.setattr(LifecycleMachine, "pass_time", never)
    foreign = Foreign(
        machine(
            *ASKED,
            decay=(fading(SECOND, then={"level": "level + 1"}),),
            deadlines=(
                Deadline(name="late", stage="a", after=HOUR, when="days in stage >= 0"),
                Deadline(name="later", stage="b", after="1 day", calendar="office"),
            ),
            calendars=(Calendar(name="office"),),
        )
    )
    row, history = adopted(foreign, level=2)
    late = T + 4000 * DAY
    assert foreign.may(row, "go", at=late, history=history)
    assert foreign.explain(row, "go", at=late, history=history) == ()
    assert foreign.advance(row, at=late, history=history).result == "unchanged"
    assert foreign.fire(row, "go", at=late, history=history).moved
    assert foreign.fire(row, "off", at=late + 4000 * DAY, history=history).moved
    assert (row.stage, row.level) == ("x", 2)  # type: ignore[attr-defined]


def test_s9_a_return_that_held_as_the_detour_was_entered_waits_for_that_instant() -> None:
    """An object keeps no note of it: later it counts as one that has been closed."""
    foreign = Foreign(
        machine(move("off", "a", "x", on="off"), move("back", "x", "b", when="ready"))
    )
    row, history = adopted(foreign, ready=True)
    assert foreign.fire(row, "off", at=T + HOUR, history=history).stage == "x"
    assert foreign.advance(row, at=T + HOUR, history=history).result == "unchanged"
    assert foreign.advance(row, at=T + DAY, history=history).stage == "b"
