"""To come."""

from __future__ import annotations

import pytest


class MutationPlugin:
    """To come."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
