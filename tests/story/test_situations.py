"""The story in whole: what is told of each situation, word for word.

Each log is a few lines; the story is what stands between the headline and the present.
"""

from __future__ import annotations

import pytest

from lifecycle_fsm.story import tell
from tests.story.small import at, log, small

#: By name: the day up to which it is told, what happened, and the story.
SITUATIONS: dict[str, tuple[str, str, str]] = {
    "an ordinary way, with a rest": (
        "2025-09-01",
        """
2025-03-03 09:14 created created_through=form source=organic~search first_name=Ann employees=120
2025-03-04 08:00 web_visit page=/pricing
2025-03-04 08:01 web_visit page=/pricing
2025-03-04 08:02 web_visit page=/about
2025-03-04 09:00 email_clicked campaign=spring
2025-03-05 10:30 form_filled form=Checklist page=/list
2025-03-06 10:30 form_filled form=Webinar
2025-03-06 10:31 crm_synced
2025-03-06 10:40 sales_touched by=rep.one
2025-03-07 11:00 sales_touched by=rep.one
2025-03-10 12:00 sales_rejected reason=no_budget by=rep.one
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025 to 6 Mar 2025, 3.1 days
 3 Mar 2025 09:14  Created by a web form (source: organic search).
 3 Mar 2025 09:15  Original processing. Fit 15.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.
 4 Mar 2025 08:00  3 visits (/pricing ×2, /about) and 1 mail click. Interest 0 → 10; 1 gave fewer
                   points: “visit” gives at most 10 a day.
 5 Mar 2025 10:30  Filled the form “Checklist” on /list. Interest 10 → 20.

MQL (Qualified): 6 Mar 2025, 10 minutes
 6 Mar 2025 10:30  Filled the form “Webinar”. Interest 20 → 30.
                   → MQL by “fits and interested”: fit 15 of 10, interest 30 of 30.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 6 Mar 14:30: “Call
                     Ann unknown”.
 6 Mar 2025 10:31  The CRM acknowledged the record.
                   Goes out now: a task for rep.one, due 6 Mar 14:30.

SAL (Worked on): 6 Mar 2025 to 10 Mar 2025, 4.1 days
 6 Mar 2025 10:40  Sales activity by rep.one.
                   → SAL by “sales works”: sales activity since this journey began.
                   Off the list “newsletter”; marketing mail: paused.
 7 Mar 2025 11:00  Sales activity by rep.one.

Recycled: 10 Mar 2025 to 8 Jun 2025, 90 days
10 Mar 2025 12:00  “Sales rejected” by rep.one (no budget). Interest 30 → 15.
                   → Recycled by “not now”: rejection reason is no budget.
                   Marketing mail: nurture.
       5 Apr 2025  Interest faded 3 times (“silence”): 15 → 1.
    to 4 Jun 2025

JOURNEY 2

MAL (Accepted): since 8 Jun 2025
 8 Jun 2025 12:00  90 days in this stage.
                   → MAL by “rested”. Journey 2 begins.
 4 Jul 2025 10:30  Interest faded (“silence”): 1 → 0.
""",
    ),
    "a request that is refused, with what it needed": (
        "2025-03-04",
        """
2025-03-03 09:14 created created_through=form
2025-03-03 10:00 form_filled form=Demo
2025-03-03 11:00 sales_rejected reason=bad~weather by=rep.two
2025-03-03 11:30 sales_rejected by=rep.two
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025, 45 minutes
 3 Mar 2025 09:14  Created by a web form.
 3 Mar 2025 09:15  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.

MQL (Qualified): since 3 Mar 2025
 3 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 3 Mar 14:00: “Call
                     unknown unknown”.
 3 Mar 2025 11:00  “Sales rejected” by rep.two (bad weather).
                   Refused: → Recycled by “not now” needs rejection reason to be no budget or no
                     time (it is “bad weather”).
                   Refused: → OUT by “never” needs rejection reason to be competitor (it is “bad
                     weather”).
 3 Mar 2025 11:30  “Sales rejected” by rep.two.
                   Refused: → Recycled by “not now” needs rejection reason to be no budget or no
                     time (not known).
                   Refused: → OUT by “never” needs rejection reason to be competitor (not known).
 3 Mar 2025 14:00  Deadline missed: “answer”, 4 working hours after MQL was entered.
                   Asked: a task for rep.one: “Overdue: unknown unknown”.
""",
    ),
    "what comes before original processing is over waits": (
        "2025-03-04",
        """
2025-03-03 09:00:00 created created_through=api
2025-03-03 09:00:02 form_filled form=Demo
2025-03-03 09:00:20 sales_rejected reason=no_time
2025-03-03 09:00:30 sales_rejected reason=no_time
""",
        """
JOURNEY 1

Recycled: since 3 Mar 2025
 3 Mar 2025 09:00  Created by another system.
 3 Mar 2025 09:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
 3 Mar 2025 09:00  “Sales rejected” (no time).
                   It waits for the end of original processing.
 3 Mar 2025 09:00  “Sales rejected” (no time).
                   It waits for the end of original processing.
 3 Mar 2025 09:01  Original processing. Interest 10 → 5; the raised hand counts no longer.
                   Sorted to MQL by “hand raise”. Fast track: MAL was passed over.
                   Then what had waited: “sales rejected”.
                   → Recycled by “not now”: rejection reason is no time.
                   Then what had waited: “sales rejected”.
                   Refused: from Recycled nobody is moved by “sales rejected”.
                   Marketing mail: nurture.
""",
    ),
    "late, twice, contradictory": (
        "2025-03-07",
        """
2025-03-03 09:00 created created_through=import created_by=sales
2025-03-05 08:30 web_visit page=/pricing id=x
2025-03-04 08:30 form_filled form=Checklist
2025-03-05 08:30 web_visit page=/pricing id=x
2025-03-04 09:30 web_visit page=/late
2025-03-05 08:40 web_visit page=/about id=x
2025-03-06 08:30 web_visit page=/a id=y
2025-03-06 08:30 web_visit page=/a id=y
""",
        """
JOURNEY 1

MAL (Accepted): since 3 Mar 2025
 3 Mar 2025 09:00  Created by sales through an import.
 3 Mar 2025 09:01  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.
 5 Mar 2025 08:30  Visited /pricing. Interest 0 → 4.
 5 Mar 2025 08:30  Filled the form “Checklist” (it came late: it happened on 4 Mar 2025 08:30).
                   Interest 4 → 14.
 5 Mar 2025 08:30  Visited /pricing: it came once more, and counts once.
 5 Mar 2025 08:30  Visited /late (it came late: it happened on 4 Mar 2025 09:30). Interest 14 → 18.
 5 Mar 2025 08:40  Visited /about: not accepted, the id 'x' was used before with other content: give
                   it its own.
 6 Mar 2025 08:30  1 visit (/a); 1 thing came again, and counts once. Interest 18 → 22.
""",
    ),
    "the clock: held, released, missed, escalated, not sent": (
        "2025-03-20",
        """
2025-03-03 09:14 created created_through=list first_name=Ann last_name=Lee
2025-03-03 10:00 form_filled form=Demo
2025-03-03 10:05 crm_synced
2025-03-10 10:00 sales_rejected reason=no_time
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025, 45 minutes
 3 Mar 2025 09:14  Created from a list.
 3 Mar 2025 09:15  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.

MQL (Qualified): 3 Mar 2025 to 10 Mar 2025, 7 days
 3 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 3 Mar 14:00: “Call
                     Ann Lee”.
 3 Mar 2025 10:05  The CRM acknowledged the record.
                   Goes out now: a task for rep.one, due 3 Mar 14:00.
 3 Mar 2025 14:00  Deadline missed: “answer”, 4 working hours after MQL was entered.
                   Asked: a task for rep.one: “Overdue: Ann Lee”.
 4 Mar 2025 14:00  Deadline missed: “forgotten”, 1 working day after “answer” was due.
                   Asked: a mail to boss.

Recycled: since 10 Mar 2025
10 Mar 2025 10:00  “Sales rejected” (no time). Interest 10 → 5; the raised hand counts no longer.
                   → Recycled by “not now”: rejection reason is no time.
""",
    ),
    "two hops at once, and a sale": (
        "2025-03-12",
        """
2025-03-03 09:14 created created_through=crm created_by=sales
2025-03-04 09:14 sales_touched by=rep.two
2025-03-10 10:00 form_filled form=Demo
2025-03-10 10:10 opportunity_opened opportunity=o-1 amount=500 closes_at=2025-05-01
2025-03-10 10:20 opportunity_won opportunity=o-1 amount=450.5
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025 to 10 Mar 2025, 7 days
 3 Mar 2025 09:14  Created by sales in the CRM.
 3 Mar 2025 09:15  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.
 4 Mar 2025 09:14  Sales activity by rep.two.

SAL (Worked on): 10 Mar 2025, 10 minutes
10 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   → SAL by “sales works”: sales activity since this journey began.
                   Off the list “newsletter”; marketing mail: paused.

SQL (Opportunity): 10 Mar 2025, 10 minutes
10 Mar 2025 10:10  Opportunity o-1 opened: 500, to close on 1 May 2025.
                   → SQL by “open deal”: open opportunities: 1.
                   Off the list “newsletter”; marketing mail: suspended.

Customer: since 10 Mar 2025
10 Mar 2025 10:20  Opportunity o-1 won: 450.50.
                   → Customer by “won”.
                   Marketing mail: as usual.
""",
    ),
    "opportunities of a person whom sales made": (
        "2025-03-20",
        """
2025-03-03 09:00:00 created created_by=sales created_through=crm owner=ae.moreau
2025-03-03 09:00:10 opportunity_opened opportunity=o-1 amount=1200.5 closes_at=2025-06-01
2025-03-05 09:00 opportunity_opened opportunity=o-2
2025-03-06 09:00 opportunity_changed opportunity=o-2 amount=900 closes_at=2025-07-01
2025-03-07 09:00 opportunity_changed opportunity=o-1 amount=1100 closes_at=2025-06-15
2025-03-08 09:00 opportunity_lost opportunity=o-2 reason=no_budget
2025-03-09 09:00 opportunity_lost opportunity=o-1
""",
        """
JOURNEY 1

SQL (Opportunity): 3 Mar 2025 to 9 Mar 2025, 6 days
 3 Mar 2025 09:00  Created by sales in the CRM.
 3 Mar 2025 09:00  Opportunity o-1 opened: 1,200.50, to close on 1 Jun 2025.
 3 Mar 2025 09:01  Original processing.
                   Sorted to SQL by “deal”: open opportunities: 1. No credit for MAL, MQL and SAL,
                     where they never were.
                   Off the list “newsletter”; marketing mail: suspended.
 5 Mar 2025 09:00  Opportunity o-2 opened; without amount or close date it does not count yet.
 6 Mar 2025 09:00  Opportunity o-2 changed: amount 900; to close on 1 Jul 2025.
 7 Mar 2025 09:00  Opportunity o-1 changed: amount 1,100, was 1,200.50; to close on 15 Jun 2025, was
                   1 Jun 2025.
 8 Mar 2025 09:00  Opportunity o-2 lost: 900 (no budget); 1 other is still open.

Recycled: since 9 Mar 2025
 9 Mar 2025 09:00  Opportunity o-1 lost: 1,100.
                   → Recycled by “lost”: no open opportunities, lost opportunity since this journey
                     began.
                   Marketing mail: nurture.
""",
    ),
    "a call that was told late": (
        "2025-03-06",
        """
2025-03-03 09:00 created
2025-03-04 10:00 form_filled form=Demo
2025-03-05 10:00 form_filled form=Checklist
2025-03-04 12:00 owner_changed owner=rep.one
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025 to 4 Mar 2025, 25 hours
 3 Mar 2025 09:00  Created.
 3 Mar 2025 09:01  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.

MQL (Qualified): 4 Mar 2025 to 5 Mar 2025, 24 hours
 4 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 4 Mar 14:00: “Call
                     unknown unknown”.
 4 Mar 2025 14:00  Deadline missed: “answer”, 4 working hours after MQL was entered.
                   Asked: a task for rep.one: “Overdue: unknown unknown”.
 5 Mar 2025 10:00  Filled the form “Checklist”. Interest 10 → 20.

SAL (Worked on): since 5 Mar 2025
 5 Mar 2025 10:00  rep.one became the owner in the CRM (it came late: it happened on 4 Mar 2025
                   12:00).
                   → SAL by “sales works”: owner change since this journey began, owner is rep.one.
                   So the deadline “answer” was kept after all.
                   Off the list “newsletter”; marketing mail: paused.
""",
    ),
    "two records of one person": (
        "2025-03-10",
        """
2025-03-03 09:00 created created_through=form source=web first_name=Bo
2025-03-03 10:00 created who=q created_through=list source=fair last_name=Lee
2025-03-04 10:00 form_filled form=Demo who=q
2025-03-05 10:00 form_filled form=Checklist
2025-03-06 10:00 merged loser=q
2025-03-07 10:00 form_filled form=Whitepaper who=q
2025-03-08 10:00 merged loser=q id=again
2025-03-08 11:00 merged loser=nobody
""",
        """
JOURNEY 1

MAL (Accepted): 3 Mar 2025 to 6 Mar 2025, 3 days
 3 Mar 2025 09:00  Created by a web form (source: web).
 3 Mar 2025 09:01  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.
 5 Mar 2025 10:00  Filled the form “Checklist”. Interest 0 → 10.

MQL (Qualified): since 4 Mar 2025
 6 Mar 2025 10:00  The record q of the same person was merged into this one. Interest 10 → 20; a
                   hand is raised; last name Lee; source web → fair.
                   → MQL, where that record has been since 4 Mar 2025.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one: “Call Bo Lee”.
 7 Mar 2025 10:00  Filled the form “Whitepaper”. Interest 20 → 30.
 8 Mar 2025 10:00  The record q of the same person was merged into this one: q and p are one person
                   already.
 8 Mar 2025 11:00  The record nobody of the same person should be merged into this one; it waits,
                   because nobody has created that record.

THE OTHER RECORD
  q, until it was folded in.

MAL (Accepted): 3 Mar 2025 to 4 Mar 2025, 24 hours
 3 Mar 2025 10:00  Created from a list (source: fair).
 3 Mar 2025 10:01  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.

MQL (Qualified): 4 Mar 2025 to 6 Mar 2025, 2 days
 4 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 4 Mar 14:00: “Call
                     unknown Lee”.
 4 Mar 2025 14:00  Deadline missed: “answer”, 4 working hours after MQL was entered.
                   Asked: a task for rep.one: “Overdue: unknown Lee”.
 5 Mar 2025 14:00  Deadline missed: “forgotten”, 1 working day after “answer” was due.
                   Asked: a mail to boss.
 6 Mar 2025 10:00  Folded into p.
                   No longer needed: a task for rep.one: “Call unknown Lee”.
""",
    ),
    "what the CRM and the person say": (
        "2025-03-20",
        """
2025-03-03 09:00 created
2025-03-04 09:00 changed job_title=Director country=DE phone= budget=1000 seats=12
2025-03-05 09:00 changed job_title=VP budget=
2025-03-06 09:00 owner_changed owner=ae.moreau
2025-03-07 09:00 owner_changed owner=ae.brown
2025-03-08 09:00 owner_changed owner=
2025-03-09 09:00 lead_status_changed status=Open reason=called~once
2025-03-10 09:00 converted contact=c1 account=acme
2025-03-11 09:00 unsubscribed
2025-03-12 09:00 score_given points=7 reason=fair
2025-03-13 09:00 score_given points=-3
2025-03-14 09:00 meeting_held by=rep.one minutes=45
2025-03-15 09:00 meeting_held by=rep.two
""",
        """
JOURNEY 1

MAL (Accepted): since 3 Mar 2025
 3 Mar 2025 09:00  Created.
 3 Mar 2025 09:01  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.
 4 Mar 2025 09:00  The record was changed. Country DE; job title Director; yearly budget 1,000; 12
                   seats.
 5 Mar 2025 09:00  The record was changed. Job title Director → VP; yearly budget 1,000 → none.
 6 Mar 2025 09:00  ae.moreau became the owner in the CRM.
 7 Mar 2025 09:00  ae.brown became the owner in the CRM (before: ae.moreau).
 8 Mar 2025 09:00  The CRM took the owner off (before: ae.brown).
 9 Mar 2025 09:00  Sales set the status “Open” (called once).
10 Mar 2025 09:00  Converted from lead to contact, account acme.
11 Mar 2025 09:00  Unsubscribed: wants no marketing mail.
      12 Mar 2025  2 awards of points and 2 × meeting held (rep.one, rep.two). Interest 0 → 4.
   to 15 Mar 2025
""",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_happened_is_told(name: str) -> None:
    until, happened, told = SITUATIONS[name]
    text = tell(small(), log(happened), "p", until=at(until)).text()
    start, end = text.index("JOURNEY 1"), text.index("\nNOW\n")
    assert text[start:end].strip() == told.strip()
