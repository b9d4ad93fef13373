"""One process of a training that `accelerate launch` started: python -m skymath_nb.sft FOLDER."""

import sys
from pathlib import Path

from .launch import main

if __name__ == "__main__":
    main(Path(sys.argv[1]))
