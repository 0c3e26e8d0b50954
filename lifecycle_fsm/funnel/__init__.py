"""Tables from history: who is where, what moved, conversion, time in stage [S25]–[S27]."""

from lifecycle_fsm.funnel.counts import Conversion, Counts, Reading, count

__all__ = ["Conversion", "Counts", "Reading", "count"]
