"""Input and output of files: rows to activities by a mapping, records to Parquet and CSV."""

from lifecycle_fsm.activities import by_event
from lifecycle_fsm.rows.row import FileRow, Reject
from lifecycle_fsm.rows.row_file import Format, RowFile, open_table
from lifecycle_fsm.tables.binding import FilePart, FileReport
from lifecycle_fsm.tables.bound_activity import ActivityColumns, Targets
from lifecycle_fsm.tables.duplicates import (
    AddressOwner,
    Duplicate,
    address_owners,
    duplicates,
    paired,
)
from lifecycle_fsm.tables.folder import OutputFolder
from lifecycle_fsm.tables.history_tables import (
    open_deadlines,
    open_history,
    read_deadlines,
    read_history,
)
from lifecycle_fsm.tables.intake import Intake, open_inputs
from lifecycle_fsm.tables.mapping import InputMapping
from lifecycle_fsm.tables.mapping_toml import load_mapping, parse_mapping
from lifecycle_fsm.tables.opportunity_table import (
    OpportunityRow,
    opportunity_columns,
    opportunity_rows,
    read_opportunities,
)
from lifecycle_fsm.tables.output_tables import (
    DEADLINES,
    DECISIONS,
    DUPLICATES,
    HISTORY,
    OWNERS,
    REJECTS,
    REQUESTS,
    Column,
    ColumnType,
    TableWriter,
    history_columns,
    people_columns,
    save_frames,
    watched_file,
)

__all__ = [
    "DEADLINES",
    "DECISIONS",
    "DUPLICATES",
    "HISTORY",
    "OWNERS",
    "REJECTS",
    "REQUESTS",
    "ActivityColumns",
    "AddressOwner",
    "Column",
    "ColumnType",
    "Duplicate",
    "FilePart",
    "FileReport",
    "FileRow",
    "Format",
    "InputMapping",
    "Intake",
    "OpportunityRow",
    "OutputFolder",
    "Reject",
    "RowFile",
    "TableWriter",
    "Targets",
    "address_owners",
    "by_event",
    "duplicates",
    "history_columns",
    "load_mapping",
    "open_deadlines",
    "open_history",
    "open_inputs",
    "open_table",
    "opportunity_columns",
    "opportunity_rows",
    "paired",
    "parse_mapping",
    "people_columns",
    "read_deadlines",
    "read_history",
    "read_opportunities",
    "save_frames",
    "watched_file",
]
