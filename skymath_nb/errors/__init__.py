"""What went wrong in an answer, by rule, with the place in the answer that shows it; and the training rows nearest to an error.

Every class is found from the answer's own text. What can be told depends on the problem: of the world's problems the text is
read back into its graph, so that each step is compared with the steps of the problem; of any other text only its numbers are known,
and most wrong answers there end in "other". `CLASSES` says what each class means and where it can be told, and `validate` measures
how often the rules find an error that was planted.
"""

from .classes import CLASSES, Verdict, classify, diagnose
from .rows import nearest, rank_cells, topics
from .steps import Step, read_steps, steps_hold
from .validity import PLANTED, confusion, plant, validate

__all__ = [
    "CLASSES", "PLANTED", "Step", "Verdict", "classify", "confusion", "diagnose", "nearest", "plant", "rank_cells", "read_steps",
    "steps_hold", "topics", "validate",
]  # fmt: skip
