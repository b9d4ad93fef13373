import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """Whatever needs the smoke run of all notebooks takes long."""
    for item in items:
        if "smoke" in getattr(item, "fixturenames", ()):
            item.add_marker("long")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real benchmark files.

    Tests that need it are skipped, saying so, where it is not.
    """
    folder = os.environ.get("SKYMATH_DATA")
    if not folder or not (Path(folder) / "gsm8k").is_dir():
        pytest.skip(
            f"SKYMATH_DATA is {folder or 'not set'}: it names no folder that holds gsm8k/ and math/"
        )
    return Path(folder)
