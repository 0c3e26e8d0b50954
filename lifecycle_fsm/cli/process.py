"""``lifecycle-fsm process``: take new people in a store through original processing."""

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
        bool, flag("Also retry people whom a failed step has stopped for good.", "--again")
    ] = False,
    keep_decisions: options.KeepDecisions = None,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Take the new people in a store through original processing.

    ```sh
    lifecycle-fsm process waterfall --store lifecycle.db
    lifecycle-fsm process waterfall --store lifecycle.db --again
    ```

    The result of each finished step is saved. A step that fails is retried by later calls, after
    longer and longer waits. Run it every minute from a scheduler such as cron. Several may run at
    once. The exit status is 1 if a failed step has stopped somebody for good.
    """
    with open_store(store, load_model(model, allow_tables), keep_decisions) as opened:
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
