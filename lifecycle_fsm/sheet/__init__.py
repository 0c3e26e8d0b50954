"""The sheet that marketing and sales sign: a model as one page, in words and as a diagram.

:func:`make_sheet` makes a :class:`Sheet`, which is written as one HTML file or as Markdown.
"""

from lifecycle_fsm.sheet.people_table import PeopleTable, people_of, read_people
from lifecycle_fsm.sheet.sheet import Sheet, make_sheet

__all__ = ["PeopleTable", "Sheet", "make_sheet", "people_of", "read_people"]
