"""Tables from history: people by stage, flows, conversion and time in stage [S25]–[S27].

:func:`measure` computes them all at once. Each measure is also a function of a :class:`Scope`,
which :func:`observe` makes. :func:`count` computes what a diagram shows.
"""

from lifecycle_fsm.funnel.cohorts import UNITS, Cohort, cohorts
from lifecycle_fsm.funnel.compare import (
    Comparison,
    ConversionChange,
    Side,
    compare,
    compare_at,
    compare_versions,
    known_versions,
)
from lifecycle_fsm.funnel.conversion import PairConversion, Ratio, conversions, usual_pairs
from lifecycle_fsm.funnel.counts import Conversion, Counts, combined, count, on_picture, on_pictures
from lifecycle_fsm.funnel.flows import ALL_STAGES, Flow, flows
from lifecycle_fsm.funnel.known import COMPARED, KnownChanges, compare_known
from lifecycle_fsm.funnel.leaks import GivenBack, Leak, given_back, leaks
from lifecycle_fsm.funnel.merged_records import Duplicates, duplicates
from lifecycle_fsm.funnel.mix import Mix, MixPart
from lifecycle_fsm.funnel.money import MoneyReport, money, won_amounts
from lifecycle_fsm.funnel.parts import InParts, Measuring, measured
from lifecycle_fsm.funnel.people import Limit, limits, people_now, ready_for_sales, stuck
from lifecycle_fsm.funnel.periods import Every, periods
from lifecycle_fsm.funnel.report import (
    COMPARING,
    FORMULAS,
    MEASURES,
    FunnelReport,
    Measure,
    measure,
)
from lifecycle_fsm.funnel.reps import Rep, reps
from lifecycle_fsm.funnel.scope import (
    CONTACT_FIELDS,
    EVERYBODY,
    NOTHING,
    READINGS,
    Contact,
    Journeys,
    Reading,
    Scope,
    observe,
    sales_stage,
)
from lifecycle_fsm.funnel.share import MarketingShare, marketing_share
from lifecycle_fsm.funnel.sla import Kept, agreements, overdue
from lifecycle_fsm.funnel.time_in_stage import Stay, stays
from lifecycle_fsm.funnel.visits import Visit, Walk, walks

__all__ = [
    "ALL_STAGES",
    "COMPARED",
    "COMPARING",
    "CONTACT_FIELDS",
    "EVERYBODY",
    "FORMULAS",
    "MEASURES",
    "NOTHING",
    "READINGS",
    "UNITS",
    "Cohort",
    "Comparison",
    "Contact",
    "Conversion",
    "ConversionChange",
    "Counts",
    "Duplicates",
    "Every",
    "Flow",
    "FunnelReport",
    "GivenBack",
    "InParts",
    "Journeys",
    "Kept",
    "KnownChanges",
    "Leak",
    "Limit",
    "MarketingShare",
    "Measure",
    "Measuring",
    "Mix",
    "MixPart",
    "MoneyReport",
    "PairConversion",
    "Ratio",
    "Reading",
    "Rep",
    "Scope",
    "Side",
    "Stay",
    "Visit",
    "Walk",
    "agreements",
    "cohorts",
    "combined",
    "compare",
    "compare_at",
    "compare_known",
    "compare_versions",
    "conversions",
    "count",
    "duplicates",
    "flows",
    "given_back",
    "known_versions",
    "leaks",
    "limits",
    "marketing_share",
    "measure",
    "measured",
    "money",
    "observe",
    "on_picture",
    "on_pictures",
    "overdue",
    "people_now",
    "periods",
    "ready_for_sales",
    "reps",
    "sales_stage",
    "stays",
    "stuck",
    "usual_pairs",
    "walks",
    "won_amounts",
]
