"""What leaves the terminal: a workbook, a page, slides and tables as files (R52).

:func:`make_report` puts the measures of one or several segments and windows into one
:class:`Report`, and :func:`save_report` writes it. All forms are made from the same content.
"""

from lifecycle_fsm.report.assembly import ReportChapter, make_report
from lifecycle_fsm.report.content import Report, ReportPart, ReportTable
from lifecycle_fsm.report.saved_report import ENDINGS, is_report, save_report

__all__ = [
    "ENDINGS",
    "Report",
    "ReportChapter",
    "ReportPart",
    "ReportTable",
    "is_report",
    "make_report",
    "save_report",
]
