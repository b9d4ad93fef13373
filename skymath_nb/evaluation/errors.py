"""What went wrong in an answer, by rule, with the place in the answer that shows it.

And the training rows nearest to an error.

Every class is found from the answer's own text. What can be told depends on the problem: of the
world's problems the text is read back into its graph, so that each step is compared with the steps
of the problem; of any other text only its numbers are known, and most wrong answers there end in
"other". `CLASSES` says what each class means and where it can be told.

Two measures of trust (tests/benchmarks/errors.py): `validate` plants errors in right solutions of
the world, written in the world's own ways; the rules find 94 to 100 % of each class and accuse no
untouched solution. Of real right solutions, 0.4 % of GSM8K's published ones and 0.04 % of MATH's
hold a step that is read as false, most of them because it is false as written. Of a model that
solves the world's problems in other ways than its training rows, nothing was measured: there a
right detour before a mistake is taken for the mistake.
"""

from .error_classes import CLASSES, Verdict, classify, diagnose
from .error_tables import nearest, rank_all, rank_cells, topics
from .error_validity import PLANTED, confusion, plant, validate

__all__ = [
    "CLASSES",
    "PLANTED",
    "Verdict",
    "classify",
    "confusion",
    "diagnose",
    "nearest",
    "plant",
    "rank_all",
    "rank_cells",
    "topics",
    "validate",
]
