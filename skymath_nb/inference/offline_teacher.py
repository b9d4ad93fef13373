"""The offline teacher.

A Chat Completions request in, a Chat Completions answer out, from knowledge of the world alone.

`respond` is a pure function of (body, operator, sample): `skymath_nb.inference.teacher` puts it
behind the real OpenAI client, either as a transport or as a server on loopback. It reads the
problem between <problem> and </problem> (or the whole last message), turns it into its graph, and
does what the operator says. A text that is not one of the world's problems gets an API error, never
an invention.

The model's name sets how often its solutions are wrong: "offline" never errs,
"offline@0.05,0.1,0.2,0.3,0.4" errs at these rates on levels 1 to 5. Wrong solutions hold a slip of
arithmetic, a wrong operation or a wrong number, and go on from there.
"""

import hashlib
import json
import random
import re
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from ..core import digests, randomness
from ..world import edits
from ..world.problem import STYLES, Unreadable, Unsolvable, operate, read, solve, write_solution
from ..world.sampler import distract, translate

PROBLEM = re.compile(r"<problem>\s*(.*?)\s*</problem>", re.S)
COUNT = re.compile(r"<count>\s*([1-5])\s*</count>")
ANSWER = re.compile(r"<answer>\s*(-?\d+(?:/\d+)?)\s*</answer>")
WORDS = re.compile(r"\s*(?:[\u4e00-\u9fff]|\d|[A-Za-z]+|[^\w\s])")  # what counts as a token here


def revision() -> str:
    """A digest of the world's code: replies of an older world must not be taken for this one's."""
    world = Path(edits.__file__).parent
    sources = [*sorted(world.glob("*.py")), *sorted(world.glob("*.yaml")), Path(__file__)]
    # an edit in a running kernel counts at once
    return _digest(tuple((path, path.stat().st_mtime_ns) for path in sources))


@lru_cache(maxsize=4)
def _digest(stamped: tuple[tuple[Path, int], ...]) -> str:
    return hashlib.sha256(
        "".join(digests.of_file(path) for path, _ in stamped).encode()
    ).hexdigest()[:12]


class Refused(Exception):
    """An API error: (status, code, message)."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def _solved(text, rng, rates, body):
    problem = read(text)
    style = rng.randrange(len(STYLES[problem.language]))
    rate = rates[min(problem.level, len(rates)) - 1] if rates and problem.level else 0.0
    if rng.random() < rate:
        return _flawed(problem, rng, style)
    return problem.solution(style)


def _edited(edit):
    def reply(text, rng, rates, body):
        return edit(read(text), rng).text

    return reply


def _created(text, rng, rates, body):
    created = edits.create(read(text), rng)
    check = created.solution(0).rsplit("\n", 1)[0]
    return (
        f"CREATED QUESTION: {created.text}\nVERIFICATION: {check}\nFINAL QUESTION: {created.text}"
    )


def _declared(text, rng, rates, body):
    answer = ANSWER.search(body)
    if answer is None:
        raise Refused(
            400,
            "missing_answer",
            "self_verification needs the known answer between <answer> and </answer>",
        )
    return edits.declare(text, Fraction(answer[1])).text


def _translated(text, rng, rates, body):
    problem = read(text)
    if problem.language == "zh":
        raise edits.Uneditable("the problem is Chinese already")
    return translate(problem, "zh").text


def _distracted(text, rng, rates, body):
    count = COUNT.search(body)
    if count is None:
        raise Refused(
            400, "missing_count", "distract needs a number from 1 to 5 between <count> and </count>"
        )
    return distract(read(text), int(count[1]), rng).text


OPERATORS = {
    "solve": _solved,
    "answer": _solved,
    "rephrase": _edited(edits.rephrase),
    "self_verification": _declared,
    "new_problem": _edited(edits.renew),
    "constraints": _edited(edits.constrain),
    "deepen": _edited(edits.deepen),
    "concretize": _edited(edits.concretize),
    "reason": _edited(edits.reason),
    "create": _created,
    "translate": _translated,
    "distract": _distracted,
}


def respond(body: dict, operator: str = "", sample: int = 0) -> tuple[int, dict]:
    """(HTTP status, JSON body) for a Chat Completions request.

    `operator` defaults to "solve"; `sample` tells repeats apart.
    """
    try:
        return 200, _complete(body, operator or "solve", sample)
    except Refused as error:
        return error.status, _error(error.code, str(error))
    except (Unreadable, Unsolvable) as error:
        return 400, _error(
            "unreadable_problem", f"the offline teacher reads the world's problems only: {error}"
        )
    except edits.Uneditable as error:
        return 400, _error("uneditable_problem", str(error))


def _error(code, message):
    return {
        "error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}
    }


def _complete(body, operator, sample):
    messages = body.get("messages") if isinstance(body, dict) else None
    if (
        not isinstance(messages, list)
        or not messages
        or not all(isinstance(m, dict) for m in messages)
    ):
        raise Refused(
            400, "invalid_messages", "the request needs a non-empty list `messages` of objects"
        )
    if not isinstance(n_choices := body.get("n") or 1, int) or not 1 <= n_choices <= 128:
        raise Refused(
            400, "invalid_n", f"n is {body['n']!r}; a whole number from 1 to 128 is needed"
        )
    if body.get("stream"):
        raise Refused(
            400, "no_streaming", "the offline teacher does not stream; ask with stream=false"
        )
    rates = _rates(str(body.get("model", "")))
    if operator not in OPERATORS:
        raise Refused(
            400, "unknown_operator", f"operator {operator!r} is not one of {', '.join(OPERATORS)}"
        )
    content = messages[-1].get("content")
    if isinstance(content, list):  # the form with parts; only text can be read here
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Refused(
            400, "invalid_max_tokens", f"max_tokens is {limit!r}; a whole number above 0 is needed"
        )
    if not isinstance(content, str) or not content.strip():
        raise Refused(400, "invalid_messages", "the last message needs text content")
    marked = PROBLEM.search(content)
    choices, used = [], 0
    for i in range(n_choices):
        rng = _rng(body, operator, sample + i)
        text = OPERATORS[operator](marked[1] if marked else content.strip(), rng, rates, content)
        text, tokens, reason = _cut(text, limit)
        used += tokens
        choices.append(
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        )
    asked = sum(len(WORDS.findall(str(m.get("content", "")))) for m in messages)
    return {
        "id": "chatcmpl-"
        + hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:24],
        "object": "chat.completion",
        "created": 0,  # a reply depends on its request alone, so it carries no time
        "model": body["model"],
        "choices": choices,
        "usage": {"prompt_tokens": asked, "completion_tokens": used, "total_tokens": asked + used},
    }


def _rates(model):
    name, _, rates = model.partition("@")
    if name != "offline":
        raise Refused(
            404,
            "model_not_found",
            f"the model {model!r} does not exist; the offline teacher is 'offline' or "
            "'offline@r1,...,r5'",
        )
    try:
        values = [float(r) for r in rates.split(",")] if rates else []
    except ValueError:
        values = [-1.0]
    if any(not 0 <= v <= 1 for v in values):
        raise Refused(
            404,
            "model_not_found",
            f"the wrong-answer rates in {model!r} must be numbers from 0 to 1, separated by commas",
        )
    return values


def _rng(body, operator, sample):
    """A stream of its own for each request, so that neither order nor concurrency changes a
    reply.
    """
    what = {k: body.get(k) for k in ("model", "messages", "temperature", "top_p", "seed")}
    return random.Random(
        randomness.stream(0, "offline", operator, str(sample), json.dumps(what, sort_keys=True))
    )


def _cut(text, limit):
    tokens = [m.end() for m in WORDS.finditer(text)]
    if limit and len(tokens) > limit:
        return text[: tokens[limit - 1]], limit, "length"
    return text, len(tokens), "stop"


def _flawed(problem, rng, style):
    """A solution with one mistake, carried on consistently; its answer is never the right one."""
    wrong_operations = {"+": "-", "-": "+", "*": "+", "/": "-"}
    wrong_operations |= {"%": "-", "gcd": "-", "lcm": "+", "pct": "-"}
    numbers = [Fraction(int(n)) for n in re.findall(r"\d+", problem.text)]
    for _ in range(20):
        at = rng.randrange(len(problem.steps))
        kind = rng.choice(("slip", "operation", "number"))
        seen = []

        def careless(operation, left, right, at=at, kind=kind, seen=seen):
            seen.append(operation)
            value = operate(operation, left, right)
            if kind == "slip" and len(seen) - 1 == at:
                return value + rng.choice((-10, -2, -1, 1, 2, 10))
            return value

        if kind == "slip":
            expression = problem.expression
        else:
            expression = _spoil(problem.expression, at, kind, rng, wrong_operations, numbers)
        try:
            answer, steps = solve(expression, careless)
        except Unsolvable:
            continue
        if answer != problem.answer and answer >= 0:
            return write_solution(steps, answer, problem.language, style)
    return write_solution(problem.steps[:-1], problem.answer + 1, problem.language, style)


def _spoil(expression, at, kind, rng, wrong_operations, numbers):
    """The expression with its at-th operation replaced, or with another number of the text in
    it.
    """
    seen = []

    def walk(node):
        if not isinstance(node, tuple):
            return node
        operation, left, right = node[0], walk(node[1]), walk(node[2])
        seen.append(operation)
        if len(seen) - 1 == at:
            if kind == "operation":
                operation = wrong_operations[operation]
            elif not isinstance(right, tuple):
                right = rng.choice(numbers)
        return (operation, left, right)

    return walk(expression)
