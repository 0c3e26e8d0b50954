"""The sort: a decision list whose first rule that holds gives a new person the stage [S15]."""

from __future__ import annotations

import attrs

from lifecycle_fsm.guard import Always, Guard
from lifecycle_fsm.model.conversions import read_guard
from lifecycle_fsm.model.moves import Skips, stage_name

#: The guard of the last rule of the sort in a model file.
OTHERWISE = "otherwise"


def _sort_guard(value: object) -> Guard:
    return Always() if isinstance(value, str) and value == OTHERWISE else read_guard(value)


@attrs.frozen(kw_only=True)
class SortRule:
    """One rule of the decision list that gives a new person the first stage [S15].

    The last rule has ``when="otherwise"``. ``skips`` says how the stages before its target count,
    as in a :class:`Move`.
    """

    name: str
    target: str = attrs.field(converter=stage_name)
    when: Guard = attrs.field(converter=_sort_guard)
    skips: Skips | None = None
    system: str = ""
    label: str = ""
