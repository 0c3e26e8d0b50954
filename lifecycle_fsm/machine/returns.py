"""System returns, which happen when their guard becomes true [S9].

A return that already holds when its detour is entered, after the detour's effects, is shut until
its guard has been false once. The person stores the names of the moves that are shut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from lifecycle_fsm.person import Person

if TYPE_CHECKING:
    from lifecycle_fsm.machine.lean_transitions import LeanTransition


def shut_what_holds(person: Person, returns: Iterable[LeanTransition], now: datetime) -> None:
    """Shut the returns that hold when a detour is entered, and no others."""
    person._shut_returns = tuple(move.name for move in returns if move.guard(person, now))


def judge_new_returns(
    person: Person, returns: Iterable[LeanTransition], known: Collection[str]
) -> None:
    """Keep the state of the returns that another version of the model also had, ``known`` or shut,
    and judge the others as on entry: by the current fields, at the time of entry. A new waiting
    period that has passed by now therefore does not hold a person for ever [S28]."""
    shut, entered = person._shut_returns, person._stage_entered_at
    assert entered is not None, "who was created is in a stage"
    person._shut_returns = tuple(
        move.name
        for move in returns
        if move.name in shut or (move.name not in known and move.guard(person, entered))
    )


def is_shut(person: Person, move: LeanTransition) -> bool:
    """Whether the move is a return whose guard has held ever since the detour was entered."""
    return move.may_be_shut and move.name in person._shut_returns


def open_again(person: Person, move: LeanTransition) -> None:
    """Record that the guard of a return is false: the return now happens when it becomes true."""
    person._shut_returns = tuple(name for name in person._shut_returns if name != move.name)
