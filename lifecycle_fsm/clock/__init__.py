"""The clock silo: what becomes due by the passing of time alone [S20][S21]."""

from lifecycle_fsm.clock.agenda import Agenda
from lifecycle_fsm.clock.working_time import WorkingTime

__all__ = ["Agenda", "WorkingTime"]
