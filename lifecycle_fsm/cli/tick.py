"""``lifecycle-fsm tick``: let time pass for the people of a store."""

from __future__ import annotations

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_time
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.stores import open_store
from lifecycle_fsm.wording import counted


def tick(
    model: options.Model,
    store: options.Store,
    at: options.At = "now",
    keep_decisions: options.KeepDecisions = None,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> None:
    r"""Let time pass for everybody in a store.

    ```sh
    lifecycle-fsm tick waterfall --store lifecycle.db
    lifecycle-fsm tick waterfall --store lifecycle.db --at 2024-06-01
    ```

    Sorts people who have waited long enough, records missed deadlines, and makes the moves that
    time alone brings, each at the instant at which it was due. Run it every few minutes from a
    scheduler such as cron. Several may run at once.
    """
    now = read_time("--at", at)
    assert now is not None, "a text is a time"
    with open_store(store, load_model(model, allow_tables), keep_decisions) as opened:
        people = opened.tick(now)
    if json:
        print_json({"at": now, "people": people})
    else:
        due = "nothing was due"
        if people:
            due = f"something was due for {counted(people, 'person', 'people')}"
        print(f"{due}, up to {now:%Y-%m-%d %H:%M} UTC")
