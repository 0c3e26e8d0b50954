"""The pytest plugin: options, and whatever they ask for, loaded when they ask.

pytest loads this file in every project where the package is installed: it imports nothing of the
package but what a suite makes use of.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("lifecycle", "lifecycle models")
    parser.addini(
        "lifecycle_model", "the model under test: a shipped name or a TOML file", default=""
    )
    group.addoption(
        "--lifecycle-cov",
        action="store_true",
        help="report which moves were fired and which conditions decided, for each model",
    )
    group.addoption(
        "--lifecycle-cov-report",
        action="append",
        default=[],
        metavar="KIND:FILE",
        help="write the report as json:FILE, html:FILE or svg:FOLDER; may be repeated",
    )
    group.addoption(
        "--lifecycle-cov-fail-under",
        type=float,
        default=None,
        metavar="N",
        help="fail if less than N per cent is covered",
    )
    group.addoption(
        "--lifecycle-mutate",
        action="store_true",
        help="change the model in many small ways, and see whether a test notices each",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load what was asked for."""
    if (
        config.getoption("lifecycle_cov")
        or config.getoption("lifecycle_cov_fail_under") is not None
    ):
        from lifecycle_fsm.testing.coverage.plugin import CoveragePlugin

        config.pluginmanager.register(CoveragePlugin(config), "lifecycle-coverage")
    if config.getoption("lifecycle_mutate"):
        from lifecycle_fsm.testing.mutation.plugin import MutationPlugin

        config.pluginmanager.register(MutationPlugin(config), "lifecycle-mutation")
