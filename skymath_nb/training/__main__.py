"""One process of a training that `accelerate launch` started.

Python -m skymath_nb.training FOLDER.
"""

import json
import os
import re
import sys
from pathlib import Path

from ..core import disk
from . import launch, stages


def main(folder: Path) -> None:
    """One process of a job: train, tell progress from the first process, and leave record.json."""
    first = os.environ.get("RANK", "0") == "0"
    try:
        job = stages.Job(*launch.read(folder), prompt=str)
        record = stages.run(
            job, folder, (lambda line: print(launch.SAYS + line, flush=True)) if first else None
        )
    except (ValueError, RuntimeError, OSError) as error:
        print(launch.FAILS + json.dumps(re.sub(r"\s*\n\s*", " ", str(error))), flush=True)
        raise
    if first:
        disk.save(folder / "record.json", json.dumps(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
