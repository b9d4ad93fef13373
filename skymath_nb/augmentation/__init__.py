"""Augmentation: seed problems in, instances out, by the three methods of the paper.

Each instance takes one or two requests: an operator makes the question (answer augmentation and
FOBAR need none), then `solve` writes the response. Nothing is dropped: a row that is not kept says
why, and every row carries what the checks found. The teacher comes as an argument, `ask`, which
takes a list of request dictionaries (messages, operator, sample, max_tokens, temperature) and
returns replies with text, error, key and counts.

Sources: Skywork-Math section 3.1; MetaMath arXiv 2309.12284; Evol-Instruct arXiv 2304.12244;
Xwin-Math arXiv 2403.04706.
"""

from .build import FAILED, REFUSED, Settings, Trial, augment, blocks, expected_requests, trial, vary
from .operator_plan import METHODS, plan
from .parsing import PARSERS, Unparsed
from .row_summary import as_instances, as_seeds, bill, read_problems, reasons, summary
from .verification import CHECKS

__all__ = [
    "CHECKS",
    "FAILED",
    "METHODS",
    "PARSERS",
    "REFUSED",
    "Settings",
    "Trial",
    "Unparsed",
    "as_instances",
    "as_seeds",
    "augment",
    "bill",
    "blocks",
    "expected_requests",
    "plan",
    "read_problems",
    "reasons",
    "summary",
    "trial",
    "vary",
]
