"""The prompt lab.

One seed problem, one operator, and side by side what is asked, said, read from it and thought of
it.

A trial asks through the same `ask` as a run, so its replies are in the ledger and cost what they
cost; with the widget nothing is asked before the button is pressed. Nothing chosen here reaches a
file or a later cell; the widget prints the line for the parameters cell that shows the same trial
there.
"""

import html
import json
from collections.abc import Callable, Mapping

import pandas as pd

from .. import augmentation, prompts
from . import browse

LISTED = 200  # problems in the widget's list
BEGINNING = 60  # characters of each


def show(
    seeds: pd.DataFrame,
    ask,
    *,
    operator: str = "deepen",
    row: int = 0,
    name: str = "lab",
    shown: Mapping[str, dict] | None = None,
    interactive: bool = False,
    **settings,
):
    """Try an operator on one seed, or with `interactive` on any of the first 200.

    Other keywords as in `augment.Settings`.

    Args:
        shown: As the line says that the widget prints: shown[name] holds operator and row, in place
            of those given.

    Raises:
        ValueError: For an operator or a row that does not exist.
    """
    from IPython.display import HTML, display

    chosen = {"operator": operator, "row": row} | (shown or {}).get(name, {})
    if set(chosen) != {"operator", "row"} or not (
        isinstance(chosen["row"], int) and 0 <= chosen["row"] < len(seeds)
    ):
        raise ValueError(
            f"shown[{name!r}] is to hold an operator and a row of the {len(seeds)} seeds, but is "
            f"{chosen}."
        )
    display(
        HTML(
            as_html(
                augmentation.trial(seeds.iloc[chosen["row"]], chosen["operator"], ask, **settings)
            )
        )
    )
    if interactive:
        display(
            _widget(seeds, ask, chosen, lambda now: browse.paste(shown or {}, name, now), settings)
        )


def as_html(trial: augmentation.Trial) -> str:
    """A trial as a table.

    A line per request, with prompt, reply, what was read from it, and the verdicts.
    """
    row, lines = trial.row, []
    if trial.asked and trial.asked[0]["operator"] == "solve":
        lines.append(
            {
                "request": f"{row['operator']}, by rule",
                "prompt": "",
                "reply": "",
                "read": row["query"],
                "verdicts": "",
            }
        )
    for request, reply in zip(trial.asked, trial.replies, strict=True):
        solves = request["operator"] == "solve"
        read = f"answer: {row['answer']}" if solves else row["query"]
        lines.append(
            {
                "request": (
                    f"{request['operator']}\nsample {request['sample']}\n"
                    f"{reply.tokens_in} + {reply.tokens_out} tokens"
                ),
                "prompt": "\n\n".join(
                    f"{message['role']}: {message['content']}" for message in request["messages"]
                ),
                "reply": reply.text or reply.error,
                "read": read if row["answer"] or not solves and row["query"] else row["reason"],
                "verdicts": _verdicts(row) if solves else "",
            }
        )
    if not lines:
        lines.append(
            {
                "request": row["operator"],
                "prompt": "",
                "reply": "",
                "read": row["reason"],
                "verdicts": "",
            }
        )
    return browse.as_html(pd.DataFrame(lines), list(lines[0]))


def _verdicts(row) -> str:
    known = {
        name: value for name, value in json.loads(row["verdicts"]).items() if value is not None
    }
    kept = "kept" if row["kept"] else f"not kept: {row['reason']}"
    return "\n".join(
        [
            kept,
            f"level: {row['level'] or 'unknown'}",
            *(f"{name}: {value}" for name, value in known.items()),
        ]
    )


def _widget(
    seeds: pd.DataFrame, ask, chosen: Mapping, paste: Callable[[Mapping], str], settings: dict
):
    import ipywidgets as widgets

    listed = sorted({*range(min(LISTED, len(seeds))), chosen["row"]})
    problems = seeds["problem"]
    options = [(f"{i}: {problems.iloc[i][:BEGINNING]}", i) for i in listed]
    problem = widgets.Dropdown(
        options=options, value=chosen["row"], description="problem", layout={"width": "36em"}
    )
    choices = [name for names in augmentation.METHODS.values() for name in names]
    choice = widgets.Dropdown(options=choices, value=chosen["operator"], description="operator")
    button, line, view = (
        widgets.Button(description="Ask the teacher"),
        widgets.HTML(),
        widgets.HTML(),
    )

    def preview(_=None):
        line.value = browse.panel(
            f"<p>{paste({'operator': choice.value, 'row': problem.value})}</p>"
        )
        prompt = html.escape(_prompt(choice.value, problems.iloc[problem.value]))
        view.value = browse.panel(f"{browse.LITERAL}{prompt}</pre>")

    def run(_):
        button.disabled = True
        try:
            view.value = browse.panel(
                as_html(
                    augmentation.trial(seeds.iloc[problem.value], choice.value, ask, **settings)
                )
            )
        except Exception as error:  # a widget's callback has nowhere else to say it
            view.value = f"<pre>{html.escape(f'{type(error).__name__}: {error}')}</pre>"
        finally:
            button.disabled = False

    problem.observe(preview, "value")
    choice.observe(preview, "value")
    button.on_click(run)
    preview()
    return widgets.VBox(
        [widgets.HBox([problem, choice, button], layout={"flex_flow": "row wrap"}), line, view]
    )


def _prompt(operator: str, problem: str) -> str:
    """What will be asked, as far as it is known before the operator has looked at the problem."""
    if operator not in prompts.names():
        return (
            f"{operator} is made by rule, without a prompt; `solve` writes the response.\n\n"
            f"{problem}"
        )
    prompt = prompts.load(operator)
    parts = [
        (role, text) for role, text in (("system", prompt.system), ("user", prompt.user)) if text
    ]
    return "\n\n".join(f"{role}: {text.replace('{{problem}}', problem)}" for role, text in parts)
