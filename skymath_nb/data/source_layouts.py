"""How a row of each source reads as a seed problem: one function a layout, row -> named parts.

Parts are problem, answer, and where there are any solution, subject, level, language, id, source,
licence, distractors, pair; besides `leave`, a reason to leave the row out, and `notes`, what is odd
about it. A missing column is a KeyError, which names it.
"""

import ast
import re

from .. import grading
from ..core.schema import row_id
from . import layouts as columns

MARKS = re.compile(r"<<[^<>]*>>")  # GSM8K's calculator marks
POWER = re.compile(r"10\s*\^\s*\{?\s*(-?\d+)\s*\}?")
NOT_MATHS = "not mathematics"
SEVERAL = "several answers"


def gsm8k(row: dict) -> dict:
    solution, _, answer = row["answer"].rpartition("####")
    return {
        "problem": row["question"],
        "solution": MARKS.sub("", solution).strip(),
        "answer": answer.strip().replace(",", ""),
        "subject": "word problems",
    }


def math(row: dict) -> dict:
    answer = row.get("answer") or grading.last_boxed(row["solution"])
    named = {name: row[name] for name in ("problem", "solution", "level")}
    notes = ["several boxes"] if len(grading.boxes(row["solution"])) > 1 else []
    return named | {
        "subject": row.get("type") or row.get("subject"),
        "answer": answer,
        "notes": notes,
    }


def agieval(row: dict) -> dict:
    """A question with its passage before it and its choices after it.

    The answer is a letter, several, or a text.
    """
    parts = [row.get("passage"), row["question"].strip(), *(row.get("options") or [])]
    letters = "".join((row.get("label") or "").split())
    answer = letters or row.get("answer") or ""
    other = row.get("other")
    return {
        "problem": "\n".join(filter(None, parts)),
        "answer": plain(answer),
        "solution": other.get("solution", "") if isinstance(other, dict) else "",
        "subject": "multiple choice" if letters else "fill in",
        "notes": [SEVERAL] if len(letters) > 1 or ";" in answer else [],
    }


def olympiadbench(row: dict) -> dict:
    """An open-ended problem.

    Unit and several answers are kept in the answer, theorem proofs and pictures left out.
    """
    given = listed(row.get("final_answer"))
    unit = plain(row.get("unit") or "")
    notes = [SEVERAL] if row.get("is_multiple_answer") else []
    proof = "proof" in str(row.get("question_type", "")).lower()
    picture = any(row.get(f"image_{n}") for n in range(1, 10))
    maths = row.get("subject") in (None, "Math", "Maths", "Mathematics", "数学")
    reasons = {"a proof is asked": proof, NOT_MATHS: not maths, "needs an image": picture}
    return {
        "problem": "\n".join(filter(None, (row.get("context"), row["question"]))),
        "answer": f"{plain(', '.join(given))} {unit}".strip(),
        "solution": "\n\n".join(listed(row.get("solution"))),
        "subject": row.get("subfield"),
        "notes": notes + (["a tolerance that the grader does not use"] if row.get("error") else []),
        "leave": next((reason for reason, holds in reasons.items() if holds), ""),
    }


def scibench(row: dict) -> dict:
    """A textbook problem.

    Its unit stands in the answer, a power of ten in the unit is multiplied out.
    """
    number = row["answer_number"].strip().replace("−", "-").replace(",", "").removeprefix("+")
    unit = plain(row["unit"].replace("\\$", "dollars")) or ("dollars" if "$" in row["unit"] else "")
    power = POWER.search(unit)
    answer = f"{number} \\times 10^{{{power[1]}}}" if power else f"{number} {unit}".strip()
    source = row["source"].strip()
    return {
        "problem": row["problem_text"],
        "answer": answer,
        "solution": row.get("solution"),
        "subject": source,
        "leave": "" if source in ("calculus", "diff", "stat") else NOT_MATHS,
    }


def jeebench(row: dict) -> dict:
    """An entrance exam's problem, its choices in the text.

    The answer is a letter, several letters or a number.
    """
    gold = row["gold"].strip()
    return {
        "problem": row["question"],
        "answer": gold,
        "subject": row["type"],
        "leave": "" if row["subject"] == "math" else NOT_MATHS,
        "notes": [SEVERAL] if gold.isalpha() and len(gold) > 1 else [],
    }


def cmath(row: dict) -> dict:
    return {
        "problem": row["question"] if "question" in row else row["input"],
        "answer": row["golden"],
        "level": row["grade"],
    }


def cmath_distractors(row: dict) -> dict:
    """One of six versions of a problem, with 0 to 5 distractors.

    `pair` is the id of the version without.
    """
    n, name = int(str(row["distractor"])[:3]), f"cmath-distractors-test-{row_id(row['original'])}"
    return {
        "problem": row["input"],
        "answer": row["golden"],
        "distractors": n,
        "id": f"{name}-{n}",
        "pair": f"{name}-0",
    }


def mgsm(row: dict) -> dict:
    named = "messages" in row
    question = columns.at(row, "messages.0.content") if named else row["question"]
    answer = row["answer_number"] if row.get("answer_number") is not None else row["answer"]
    return {"problem": question, "answer": written(answer), "subject": "word problems"}


def gsm_plus(row: dict) -> dict:
    """A GSM8K test question changed in one of eight ways (`subject`).

    Where nothing can be answered any more the answer is None.
    """
    answer = "" if str(row["answer"]).strip() == "None" else written(row["answer"])
    return {
        "problem": row["question"],
        "answer": answer,
        "solution": row.get("solution"),
        "subject": row.get("perturbation_type"),
    }


def backward(row: dict) -> dict:
    return {"problem": row["question"], "answer": written(row["answer"]), "subject": "backward"}


def gsm_hard(row: dict) -> dict:
    return {"problem": row["input"], "answer": written(row["target"]), "subject": "large numbers"}


def svamp(row: dict) -> dict:
    body = row["Body"].strip()
    body = body if body.endswith((".", "!", "?", ",")) else f"{body}."
    return {
        "problem": f"{body} {row['Question'].strip()}",
        "answer": written(row["Answer"]),
        "subject": row["Type"],
    }


def asdiv(row: dict) -> dict:
    answer = re.sub(r"\s+\((?![\d-])[^()]*\)", "", row["answer"])  # 9 (apples), but not -(1/3)
    notes = [SEVERAL] if ";" in answer else []
    problem = f"{row['body'].strip()} {row['question'].strip()}"
    return {"problem": problem, "answer": answer, "subject": row["solution_type"], "notes": notes}


def mawps(row: dict) -> dict:
    return {"problem": row["input"], "answer": written(row["target"]), "subject": row["type"]}


def aime(row: dict) -> dict:
    return {
        "problem": row["problem"],
        "answer": written(row["answer"]),
        "solution": row.get("solution"),
        "subject": "competition",
    }


def carp(row: dict) -> dict:
    return {
        "problem": row["content"],
        "answer": row["answer"],
        "solution": row.get("steps"),
        "subject": "algebra",
    }


def exam(row: dict) -> dict:
    """A question with its choices in the text, whose answer is a letter, or one without choices."""
    choice = row.get("choice_answer") or (
        row["answer"] if row.get("type") in ("single", "multi") else ""
    )
    notes = [SEVERAL] if len(choice) > 1 or (not choice and ";" in row["answer"]) else []
    kind = "multiple choice" if choice else "fill in"
    return {
        "problem": row["question"],
        "answer": choice or plain(row["answer"]),
        "subject": kind,
        "notes": notes,
    }


def anybody(row: dict) -> dict:
    """A row of somebody's problems, in any known layout; a solution is searched for its answer."""
    solution = columns.response(row, columns.SEED_SOLUTIONS).text
    final = columns.answer(row)
    answer = final.text
    if "####" in answer or len(answer) > grading.LONGEST_SYMBOLIC or not answer:
        answer = grading.extract(solution) or ""
    elif solution == answer:
        solution = ""
    named = ("id", "level", "language", "source", "licence")
    asked = row.get("question_type") == "proof" or "'proof'" in final.reason
    proof = asked and not final.text
    return {name: row[name] for name in named if row.get(name) is not None} | {
        "problem": columns.problem(row, columns.SEED_PROBLEMS).text,
        "solution": MARKS.sub("", solution),
        "answer": "" if proof else answer,
        "subject": next(
            filter(None, (columns.text(row.get(k)).text for k in ("subject", "type"))), ""
        ),
        "leave": "a proof is asked" if proof else "",
    }


def written(number) -> str:
    """A number as one writes it: 9.0 is 9, 1e-05 is 0.00001.

    A text stays as it is, without thousands commas.
    """
    text = columns.text(number, columns.ANSWERING, numbers=True).text
    if isinstance(number, float) and text:
        if number.is_integer():
            return f"{int(number)}"
        if abs(number) < 1e-4:
            return f"{number:.15f}".rstrip("0")
        return text
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).strip()


def listed(value) -> list[str]:
    """The texts of a list, of the Python literal of one (as some copies of the data have it), or of
    a single text.
    """
    if isinstance(value, str) and value.startswith("["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
    parts = value if isinstance(value, list | tuple) else [value]
    texts = (columns.text(part, columns.ANSWERING, numbers=True).text for part in parts)
    return [text for text in texts if text]


def plain(text: str) -> str:
    """A text without the dollars of formulas in it."""
    return text.replace("$", "").strip()
