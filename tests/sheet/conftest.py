from __future__ import annotations

import pytest

from lifecycle_fsm.model import Model
from tests.sheet.samples import everything


@pytest.fixture(scope="session")
def rich() -> Model:
    return everything()
