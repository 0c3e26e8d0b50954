"""The sheet that marketing and sales sign: a model as one page, in words and as a picture.

:func:`make_sheet` gives a :class:`Sheet`, which is HTML in one file, or Markdown.
"""

from lifecycle_fsm.sheet.people_table import people_of, read_people
from lifecycle_fsm.sheet.sheet import Sheet, make_sheet

__all__ = ["Sheet", "make_sheet", "people_of", "read_people"]
