"""What a changed model would have made of a log, as far as the log can tell (R51).

:func:`lifecycle_fsm.what_if` runs both models over the same activities and compares their histories
entry by entry; :func:`plan_change` tries the change on everybody as they are at the end of the log.
"""

from lifecycle_fsm.whatif.part_comparison import EntryChange, PlannedMove
from lifecycle_fsm.whatif.what_if_results import StageWhatIf, WhatIf
from lifecycle_fsm.whatif.what_if_run import LogSource, plan_change, what_if

__all__ = [
    "EntryChange",
    "LogSource",
    "PlannedMove",
    "StageWhatIf",
    "WhatIf",
    "plan_change",
    "what_if",
]
