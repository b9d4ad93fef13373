r"""The leak gate: which training texts meet a benchmark, and how surely such meetings are found.

Tiers for texts in order of cost, the first that holds counts: `exact` (the whole problem, equal but
for case, white space and LaTeX spelling), `contained` (a whole question of fewer than n words
stands in the text), `ngram` (n words in a row are shared; problem and solution against query and
response), `near-duplicate` (most 3-word shingles of query and problem agree, every number counted
as equal: an edited number or name). What means the same in other words is for `neighbours` and a
reader's eye. For a world benchmark a leak is an equal graph (`graph`) or an equal text; shared
words are listed as `template`, which is clean, because its wordings are shared by design. Source:
Llemma (arXiv 2310.10631) for n-grams; Skywork-Math, section 4.3.7, for 30 and 10; prefix filtering
of near duplicates as in Bayardo et al. 2007.
"""

from .contamination_report import (
    FILTERS,
    counts,
    filtered,
    flat_report,
    hits,
    neighbours,
    random_control,
    require,
    unchecked,
)
from .contamination_search import Gate, digest, gate
from .planted_leaks import KINDS, flat_recall, plant, recall

__all__ = [
    "FILTERS",
    "KINDS",
    "Gate",
    "counts",
    "digest",
    "filtered",
    "flat_recall",
    "flat_report",
    "gate",
    "hits",
    "neighbours",
    "plant",
    "random_control",
    "recall",
    "require",
    "unchecked",
]
