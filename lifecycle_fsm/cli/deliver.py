"""``lifecycle-fsm deliver``: send what waits in the outbox of a store."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import now, read_length
from lifecycle_fsm.cli.console import as_json, complain, flush_output, print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.cli.stores import existing_database
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.interrupts import to_the_end
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.delivery import DeliveryReport


def deliver(
    channels: Annotated[
        str,
        typer.Argument(metavar="CHANNELS", help="A TOML file with an adapter for each channel."),
    ],
    store: options.Store,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Make at most this many attempts; with `--every`, in each round."),
    ] = None,
    every: Annotated[
        str | None,
        option("TIME", "Run until stopped, and look again after this time, such as `5s`."),
    ] = None,
    json: options.Json = False,
) -> int:
    r"""Send what waits in the outbox of a store: tasks, mails, webhooks.

    ```sh
    lifecycle-fsm deliver channels.toml --store lifecycle.db
    lifecycle-fsm deliver channels.toml --store lifecycle.db --every 5s
    ```

    This CHANNELS file writes each request as a line of a file:

    ```toml
    ["*"]
    adapter = "json_lines"
    path = "requests.jsonl"
    ```

    The page "Deliver requests" describes the other adapters. A request that fails is retried by
    later calls, after longer and longer waits; after eight failures it is dead. Several `deliver`
    commands may run at once. With `--every`, Ctrl-C or SIGTERM stops it after the current request,
    and `--json` prints a line for each round that sent something. The exit status is 1 if a
    request died.
    """
    pause = _pause(every)
    from lifecycle_fsm.store.channel_file import channels as read_channels

    adapters = read_channels(channels)
    with existing_database(store) as database:
        from lifecycle_fsm.store.delivery import Delivery

        delivery = Delivery(database, adapters, clock=now)
        unrouted = delivery.unrouted()
        _warn(unrouted, channels)
        stop = threading.Event()
        while True:
            with to_the_end(stop.set):
                report = delivery.deliver(limit or sys.maxsize, stop=stop)
                if pause is not None:
                    _tell_round(report, json=json)
                elif json:
                    print_json({**attrs.asdict(report), "unrouted": unrouted})
                else:
                    print(_as_text(report) or "nothing was due")
                if report.dead:
                    complain(
                        f"{counted(report.dead, 'request is', 'requests are')} now dead: `outbox` "
                        "shows why, and `outbox --retry-all` tries again"
                    )
            if pause is None:
                return REJECTED if report.dead else 0
            time.sleep(pause.total_seconds())  # a signal ends this at once


def _pause(every: str | None) -> timedelta | None:
    pause = read_length("--every", every, such="5s, 10min or 1h")
    if pause is not None and not timedelta(seconds=1) <= pause <= timedelta(days=1):
        raise LifecycleError(f"--every: {every!r} should be from 1s to 1d")
    return pause


def _warn(unrouted: Mapping[str, int], channels: str) -> None:
    """Name the channels that have no adapter."""
    if unrouted:
        names = ", ".join(f"{name} ({count:,})" for name, count in unrouted.items())
        waits = counted(sum(unrouted.values()), "request waits", "requests wait")
        complain(
            f"note: {waits} for channels missing from {channels}: {names}; add a table for each, "
            'or ["*"] for all'
        )


def _tell_round(report: DeliveryReport, *, json: bool) -> None:
    if text := _as_text(report):
        at = now().replace(microsecond=0)
        line = as_json({"at": at, **attrs.asdict(report)}, None)
        print(line if json else f"{at:%Y-%m-%d %H:%M:%S} UTC  {text}")
        flush_output()


def _as_text(report: DeliveryReport) -> str:
    """``3 delivered, 1 failed (will be retried)``; empty if nothing was sent."""
    parts = {
        "delivered": report.delivered,
        "failed (will be retried)": report.failed,
        "dead": report.dead,
    }
    return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
