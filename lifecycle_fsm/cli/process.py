"""``lifecycle-fsm process``: the new people of a store through original processing."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, now
from lifecycle_fsm.cli.console import complain, first_of, print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.options import flag
from lifecycle_fsm.cli.run_outcome import most_common
from lifecycle_fsm.cli.stores import open_store


def process(
    model: options.Model,
    store: options.Store,
    again: Annotated[
        bool, flag("Also take up those again whom a failed step has stopped for good.", "--again")
    ] = False,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Take the new people of a store through original processing.

    ```sh
    lifecycle-fsm process waterfall --store lifecycle.db
    lifecycle-fsm process waterfall --store lifecycle.db --again
    ```

    Each step is kept when it has ended. One that fails is tried again by a later call, with longer
    and longer waits in between. Let a scheduler, such as cron, run it every minute. Several may
    run at once. Ends with 1 if a failed step has stopped somebody for good.
    """
    with open_store(store, load_model(model, allow_tables)) as opened:
        from lifecycle_fsm.store.processing import Processing

        worker = Processing(opened, clock=now)
        if again:
            worker.retry()
        results = []
        while some := worker.run_once():
            results += some
    states = Counter[str](result.state for result in results)
    parked = {result.person: result.error for result in results if result.state == "parked"}
    if json:
        errors = {person: str(error) for person, error in parked.items()}
        print_json({"people": dict(states.most_common()), "parked": errors})
    else:
        print(most_common(states) or "nobody was waiting")
    for line in first_of([f"{person}: {error}" for person, error in parked.items()]):
        complain(line)
    return REJECTED if parked else 0
