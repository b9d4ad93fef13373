"""What other graders say of the same responses.

Math-verify, and inspect_ai's `math()` where it is installed.

Both are independent of ours, so that anyone can audit our verdicts. Neither evaluates model text as
code. Each verdict is given a time limit in a process of its own.
"""

import importlib.util
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

LIMIT_S = 5  # of one verdict of math-verify, by its own alarm
PORTION = 500  # responses that a process takes at a time
GRADERS = ("math-verify", "inspect_ai")


def available() -> list[str]:
    """The other graders that are installed, math-verify first."""
    packages = {"math-verify": "math_verify", "inspect_ai": "inspect_ai"}
    return [name for name in GRADERS if importlib.util.find_spec(packages[name])]


def verdicts(
    grader: str, responses: Sequence[str], golds: Sequence[Sequence[str]], workers: int = 1
) -> list[bool | None]:
    """Whether each response is right, by another grader.

    Args:
        grader: One of `available()`.
        responses: The texts, as models wrote them.
        golds: The accepted answers of each.
        workers: Processes side by side.

    Returns:
        A verdict a response; None where the grader failed or ran out of time.

    Raises:
        ValueError: The grader is not installed.
    """
    if grader not in available():
        raise ValueError(
            f"{grader} is not installed; there are {', '.join(available()) or 'none'}."
        )
    judge = _by_math_verify if grader == "math-verify" else _by_inspect
    starts = range(0, len(responses), PORTION)
    pairs = list(zip(responses, golds, strict=True))
    context = multiprocessing.get_context("spawn")  # a library's threads and alarms stay there
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        portions = pool.map(judge, [pairs[start : start + PORTION] for start in starts])
        return [verdict for portion in portions for verdict in portion]


def _by_math_verify(pairs: list[tuple[str, Sequence[str]]]) -> list[bool | None]:
    import logging

    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)

    def judge(response: str, gold: str) -> bool:
        expected = parse(f"${gold}$", parsing_timeout=LIMIT_S)
        return bool(
            verify(expected, parse(response, parsing_timeout=LIMIT_S), timeout_seconds=LIMIT_S)
        )

    return [_any(judge, response, golds) for response, golds in pairs]


def _by_inspect(pairs: list[tuple[str, Sequence[str]]]) -> list[bool | None]:
    import asyncio

    from inspect_ai.model import ChatMessageAssistant, ModelOutput
    from inspect_ai.scorer import CORRECT, Target, math
    from inspect_ai.solver import TaskState

    try:
        scorer = math()
    except Exception as error:  # it names the package that it lacks
        raise ValueError(f"inspect_ai's math() cannot be used here: {error}") from None

    def judge(response: str, gold: str) -> bool:
        state = TaskState(
            model="none/none",
            sample_id=0,
            epoch=0,
            input="",
            messages=[ChatMessageAssistant(content=response)],
            output=ModelOutput.from_content("none", response),
        )
        return asyncio.run(scorer(state, Target(gold))).value == CORRECT

    return [_any(judge, response, golds) for response, golds in pairs]


def _any(judge: Callable[[str, str], bool], response: str, golds: Sequence[str]) -> bool | None:
    """Whether any accepted answer is met; None where the grader failed on all of those not met."""
    failed = False
    for gold in golds:
        try:
            if judge(response, gold):
                return True
        except Exception:  # whatever a grader raises on foreign text is its verdict: none
            failed = True
    return None if failed else False
