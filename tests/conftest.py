"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)  # machines are shared: a slow example is no failure
settings.load_profile("shared")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets ($MERCATO_DATA, else shared/data beside the repository).

    Tests that ask for it are skipped where it is missing, but fail in CI, where it must be there.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MERCATO_DATA", beside))
    if folder.is_dir():
        return folder
    if os.environ.get("CI") == "true":
        pytest.fail(f"real data is missing in CI: {folder}")
    pytest.skip(f"no real data at {folder}")
