"""Models answer benchmarks.

Generated here, or by a server that lasts as long as it is needed; graded and assembled.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from .. import grading
from ..inference import generation, teacher
from ..prompts import student
from . import scores

# requests to a server, and seconds for one: it queues what it cannot do at once
IN_FLIGHT, TIMEOUT_S = 256, 600


# Over eight parameters: options of a notebook, named one by one.
def answer(
    models: dict[str, str | Path],
    items: pd.DataFrame,
    *,
    engine: str = "",
    command: str = "",
    ledger: str | Path | None = None,
    batch_size: int = 128,
    device: str = "auto",
    samples: int = 1,
    prompt: Callable[[str], str] = student,
    **how,
) -> pd.DataFrame:
    """Let each model answer each item.

    Return the table of answers with a column `student`, the model's name.

    Args:
        models: Name -> model folder or hub id.
        items: Seeds table with a column `benchmark`.
        engine: "" generates in this process; "vllm" or "transformers" starts such a server for one
            model after the other, with `command` where the program is not on the PATH.
        ledger: Keeps each answer as it arrives: a run that is cut off goes on with those that are
            missing.
        samples: Answers per item; more than one needs a temperature above 0. Further keywords: see
            generate.generate Raises what generate.generate and generate.serving raise.
    """
    questions = [prompt(problem) for problem in items["problem"]]
    asked = items.loc[items.index.repeat(samples)].reset_index(drop=True)
    how |= {"samples": samples}
    tables = []
    for name, model in models.items():
        if engine:
            with generation.serving(model, engine, command=command) as served:
                ask = teacher.asker(
                    **served._asdict(), ledger=ledger, workers=IN_FLIGHT, timeout=TIMEOUT_S
                )
                completions = generation.generate(ask, questions, **how)
        else:
            completions = generation.generate(
                model, questions, ledger=ledger, batch_size=batch_size, device=device, **how
            )
        grades = grading.grade_many(
            [completion.text for completion in completions], asked["answer"].tolist()
        )
        tables.append(
            scores.assemble(asked["benchmark"], asked, completions, grades).assign(student=name)
        )
    return pd.concat(tables, ignore_index=True)
