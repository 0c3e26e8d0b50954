"""``lifecycle-fsm retry``: retry what an error has parked in a store."""

from __future__ import annotations

from collections import Counter

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_time
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.run_outcome import by_count, errors_of, most_common, parked_as_text
from lifecycle_fsm.cli.stores import open_store


def retry(
    model: options.Model,
    store: options.Store,
    at: options.At = "now",
    keep_decisions: options.KeepDecisions = None,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Retry what an error has parked in a store.

    ```sh
    lifecycle-fsm retry waterfall --store lifecycle.db
    ```

    An error, such as a failed step of original processing, stops one person and nobody else. Fix
    the cause, then run this to continue with them. The exit status is 1 if somebody is still
    parked.
    """
    now = read_time("--at", at)
    assert now is not None, "a text is a time"
    with open_store(store, load_model(model, allow_tables), keep_decisions) as opened:
        results = Counter[str](decision.result for decision in opened.retry(now))
        parked = errors_of(opened.parked)
    if json:
        print_json(
            {
                "at": now,
                "decisions": dict(by_count(results)),
                "parked": parked,
            }
        )
    else:
        print(most_common(results).replace("_", " ") or "nothing was parked")
        print(*parked_as_text(parked), sep="\n", end="\n" if parked else "")
    return REJECTED if parked else 0
