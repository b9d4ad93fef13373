import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real benchmark files; tests that need it are skipped, saying so, where it is not."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("SKYMATH_DATA") or beside)
    if not (folder / "gsm8k").is_dir():
        pytest.skip(
            f"no benchmark files in {folder}: set SKYMATH_DATA to a folder that holds gsm8k/ and math/"
        )
    return folder
