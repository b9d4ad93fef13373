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
    known = isinstance(chosen["row"], int) and 0 <= chosen["row"] < len(seeds)
    if set(chosen) != {"operator", "row"} or not known:
        raise ValueError(
            f"shown[{name!r}] is to hold an operator and a row of the {len(seeds)} seeds, but is "
            f"{chosen}."
        )

    def trial(operator: str, row: int) -> str:
        return as_html(augmentation.trial(seeds.iloc[row], operator, ask, **settings))

    display(HTML(trial(**chosen)))
    if interactive:
        display(_widget(seeds, trial, chosen, lambda now: browse.paste(shown or {}, name, now)))


def as_html(trial: augmentation.Trial) -> str:
    """A trial as a table.

    A line per request, with prompt, reply, what was read from it, and the verdicts.
    """
    row, lines = trial.row, []
    if trial.asked and trial.asked[0]["operator"] == "solve":
        lines.append(_line(f"{row['operator']}, by rule", read=row["query"]))
    for request, reply in zip(trial.asked, trial.replies, strict=True):
        solves = request["operator"] == "solve"
        read = f"answer: {row['answer']}" if solves else row["query"]
        sample = f"{request['operator']}\nsample {request['sample']}"
        messages = (f"{each['role']}: {each['content']}" for each in request["messages"])
        lines.append(
            _line(
                f"{sample}\n{reply.tokens_in} + {reply.tokens_out} tokens",
                prompt="\n\n".join(messages),
                reply=reply.text or reply.error,
                read=read if row["answer"] or not solves and row["query"] else row["reason"],
                verdicts=_verdicts(row) if solves else "",
            )
        )
    lines = lines or [_line(row["operator"], read=row["reason"])]
    return browse.as_html(pd.DataFrame(lines), list(lines[0]))


def _line(request: str, prompt="", reply="", read="", verdicts="") -> dict:
    columns = {"prompt": prompt, "reply": reply, "read": read, "verdicts": verdicts}
    return {"request": request} | columns


def _verdicts(row) -> str:
    kept = "kept" if row["kept"] else f"not kept: {row['reason']}"
    verdicts = json.loads(row["verdicts"]).items()
    known = [f"{name}: {value}" for name, value in verdicts if value is not None]
    return "\n".join([kept, f"level: {row['level'] or 'unknown'}", *known])


def _widget(seeds: pd.DataFrame, trial: Callable, chosen: Mapping, paste: Callable):
    import ipywidgets as widgets

    listed = sorted({*range(min(LISTED, len(seeds))), chosen["row"]})
    problems = seeds["problem"]
    options = [(f"{i}: {problems.iloc[i][:BEGINNING]}", i) for i in listed]
    problem = widgets.Dropdown(
        options=options, value=chosen["row"], description="problem", layout={"width": "36em"}
    )
    choices = [name for names in augmentation.METHODS.values() for name in names]
    choice = widgets.Dropdown(options=choices, value=chosen["operator"], description="operator")
    button = widgets.Button(description="Ask the teacher")
    line = widgets.HTML()
    view = widgets.HTML()

    def preview(_=None):
        now = {"operator": choice.value, "row": problem.value}
        line.value = browse.panel(f"<p>{paste(now)}</p>")
        prompt = html.escape(_prompt(choice.value, problems.iloc[problem.value]))
        view.value = browse.panel(f"{browse.LITERAL}{prompt}</pre>")

    def run(_):
        button.disabled = True
        try:
            view.value = browse.panel(trial(choice.value, problem.value))
        except Exception as error:  # a widget's callback has nowhere else to say it
            view.value = f"<pre>{html.escape(f'{type(error).__name__}: {error}')}</pre>"
        finally:
            button.disabled = False

    problem.observe(preview, "value")
    choice.observe(preview, "value")
    button.on_click(run)
    preview()
    controls = widgets.HBox([problem, choice, button], layout={"flex_flow": "row wrap"})
    return widgets.VBox([controls, line, view])


def _prompt(operator: str, problem: str) -> str:
    """What will be asked, as far as it is known before the operator has looked at the problem."""
    if operator not in prompts.names():
        rule = f"{operator} is made by rule, without a prompt; `solve` writes the response."
        return f"{rule}\n\n{problem}"
    prompt = prompts.load(operator)
    parts = {"system": prompt.system, "user": prompt.user}
    texts = (f"{role}: {text}" for role, text in parts.items() if text)
    return "\n\n".join(texts).replace("{{problem}}", problem)
