"""Job titles to the level of the job, by a table that sales can read and argue about.

The table is a decision list: the first line with a word in the title wins. A title that no line
knows stays without a level, because "staff" would be a claim, and a person of whom little is known
must not be scored down for it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lifecycle_fsm.processing.cleaning.plain_text import clean_text

LONGEST = 300

#: Level and words, first match wins. A word matches whole words only; the words before their own
#: level's line ("vice president" before "president") are what makes the order matter.
LEVELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Titles that carry the word of a level that they are not.
    ("staff", ("assistant to", "executive assistant", "personal assistant", "office of the",
               "assistenz der", "assistentin der", "assistent der", "secretary to",
               "lead generation")),
    ("director", ("chief of staff",)),
    ("staff", ("product owner", "process owner", "scrum master")),
    ("vp", ("vp", "svp", "evp", "avp", "rvp", "vice president", "vice-president",
            "vizepräsident", "vizepräsidentin")),
    ("c_level", ("ceo", "cfo", "cto", "cio", "coo", "cmo", "cro", "cso", "ciso", "cpo", "cdo",
                 "chro", "cco", "chief", "president", "founder", "co-founder", "cofounder",
                 "owner", "proprietor", "managing director", "managing partner", "board member",
                 "chairman", "chairwoman", "chair", "geschäftsführer",
                 "geschäftsführerin", "geschäftsführung", "vorstand", "inhaber",
                 "inhaberin")),
    ("director", ("director", "general manager", "directeur", "directrice", "direktor",
                  "direktorin")),
    ("head", ("head", "leiter", "leiterin", "leitung")),
    ("manager", ("manager", "mgr", "supervisor", "team lead", "team leader", "lead", "principal",
                 "teamleiter", "teamleiterin")),
    ("staff", ("engineer", "developer", "analyst", "specialist", "consultant", "associate",
               "assistant", "coordinator", "administrator", "admin", "executive", "representative",
               "rep", "sdr", "bdr", "designer", "architect", "scientist", "accountant", "clerk",
               "officer", "advisor", "technician", "buyer", "recruiter", "staff", "intern",
               "trainee", "student", "werkstudent", "praktikant", "sachbearbeiter",
               "sachbearbeiterin", "referent", "referentin")),
)  # fmt: skip

_LINES = tuple(
    (level, re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])"))
    for level, words in LEVELS
)


def seniority_of(title: str) -> str | None:
    """The level of a job title: c_level, vp, director, head, manager or staff; nothing if unknown.

    >>> seniority_of("Chief Marketing Officer"), seniority_of("Sr. VP, Sales")
    ('c_level', 'vp')
    >>> seniority_of("Assistant to the CEO"), seniority_of("Wizard")
    ('staff', None)
    """
    if len(title) > LONGEST:
        return None
    return _level(title)


@lru_cache(maxsize=65_536)
def _level(title: str) -> str | None:
    words = (clean_text(title) or "").lower().replace(".", "")  # "V.P." is "vp"
    return next((level for level, pattern in _LINES if pattern.search(words)), None)
