"""A made-up company: two years of people and what they do, the same for the same seed.

It fits the shipped model ``waterfall``: its tokens, its sales team, its reasons. There is no engine
in here: it invents what happened, and the model says what that means.
"""

from lifecycle_fsm.demo.company.files import ACTIVITIES, MODEL, PEOPLE, TABLE, with_table, write
from lifecycle_fsm.demo.company.invention import Company, invent

__all__ = ["ACTIVITIES", "MODEL", "PEOPLE", "TABLE", "Company", "invent", "with_table", "write"]
