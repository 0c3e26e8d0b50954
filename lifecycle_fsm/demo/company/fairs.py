"""Fairs in spring and autumn, and the lists that come home from them."""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company.chance import Odds, Spread
from lifecycle_fsm.demo.company.seasons import second


@attrs.frozen
class Fair:
    """An event whose visitors are imported as one list, in the morning a few days later."""

    name: str
    imported: int  # the second
    by: str  # who sent the list: that does not make it a list of sales


FAIRS: Odds[Fair] = Odds(
    {
        Fair("Makers' Fair 2024", second("2024-03-18", 9), "marketing"): 18,
        Fair("Supply Days 2024", second("2024-05-27", 10), "sales"): 13,
        Fair("Industry Week 2024", second("2024-09-23", 9), "marketing"): 20,
        Fair("Founders' Forum 2024", second("2024-11-11", 10), "marketing"): 9,
        Fair("Makers' Fair 2025", second("2025-03-17", 9), "marketing"): 22,
        Fair("Supply Days 2025", second("2025-05-26", 10), "sales"): 15,
        Fair("Industry Week 2025", second("2025-09-22", 9), "marketing"): 24,
        Fair("Founders' Forum 2025", second("2025-11-10", 10), "marketing"): 11,
    }
)
#: Points that a talk at the booth is worth; who asked for an offer is hot.
TALKED: Spread = (5, 10, 15, 20, 25, 30)
HOT: Spread = (65, 70, 80)
