"""What both ways of generating take and give."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

PLAIN = "prompt"  # the role that a plain text has in a key of the ledger and in a teacher's request


class Completion(NamedTuple):
    """The text after the prompt, its tokens, and whether the limit cut it off before its end.

    Attributes:
        tokens: As the tokenizer (EOS not counted) or the server (where EOS may count) gives them,
            before `stop` cuts the text.
        error: What was wrong where nothing was answered: then `text` is "" and `cap_hit` is true.
    """

    text: str
    tokens: int
    cap_hit: bool
    error: str = ""


class Question(NamedTuple):
    """One sample of one prompt.

    `text` is the prompt as one string, `seed` None for greedy decoding.
    """

    prompt: str | list[dict]
    text: str
    number: int
    seed: int | None

    @property
    def messages(self) -> list[dict]:
        if isinstance(self.prompt, str):
            return [{"role": PLAIN, "content": self.prompt}]
        return list(self.prompt)


class Sampling(NamedTuple):
    """How all questions of a call are answered."""

    max_new_tokens: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]

    def parameters(self, question: Question) -> dict:
        """What decides an answer beside the model, the prompt, the temperature and the limit."""
        named = {"seed": question.seed, "top_p": self.top_p} if self.temperature else {}
        return named | ({"stop": list(self.stop)} if self.stop else {})


class Unanswered(RuntimeError):
    """A server left some prompts without an answer; those that it answered are in the ledger."""


def cut(text: str, stop: Sequence[str]) -> str:
    """The text before the first of the stops, without the blanks around it."""
    ends = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(ends, default=len(text))].strip()


def counts(completions: Iterable[Completion]) -> dict[str, int]:
    """How many answers there are, and of them.

    Empty (ended without a text), cut_off (by the limit), failed (with an error).
    """
    completions = list(completions)
    return {
        "n": len(completions),
        "empty": sum(not c.text and not c.cap_hit for c in completions),
        "cut_off": sum(c.cap_hit and not c.error for c in completions),
        "failed": sum(bool(c.error) for c in completions),
    }


def line(completions: Iterable[Completion], total: int, kept: int = 0) -> str:
    """The counts as one line of progress; `kept` of them came from the ledger."""
    found = counts(completions)
    parts = [f"generate: {found['n']}/{total} answers"]
    named = {
        "from the ledger": kept,
        "empty": found["empty"],
        "cut off": found["cut_off"],
        "failed": found["failed"],
    }
    return ", ".join(parts + [f"{n} {name}" for name, n in named.items() if n])
