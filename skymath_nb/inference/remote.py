"""Answers of a model behind a server, through an `ask` (teacher.asker).

Requests as fields in, replies out in order.
"""

from collections.abc import Callable

from ..core.finish_reasons import BROKEN, TRUNCATED, outcome
from .questions import Completion, Question, Sampling, Unanswered, cut, line

REFUSED = (400, 413, 422)  # what servers say to a prompt that is too long; no rerun would help
OPERATOR = "generate"


def answer(
    ask: Callable,
    questions: list[Question],
    sampling: Sampling,
    too_long: str,
    progress: Callable | None,
) -> list[Completion]:
    """One Completion per question, in order.

    Raises Unanswered, ValueError, and what `ask` raises.
    """
    fields = [
        {
            "messages": question.messages,
            "operator": OPERATOR,
            "sample": question.number,
            "max_tokens": sampling.max_new_tokens,
            "temperature": float(sampling.temperature),
            "parameters": sampling.parameters(question),
        }
        for question in questions
    ]
    replies = ask(fields)
    completions = [_completion(reply, sampling) for reply in replies]
    errors = [(reply, done) for reply, done in zip(replies, completions, strict=True) if done.error]
    # where all are refused, it is not for their length
    some = too_long == "skip" and len(errors) < len(replies)
    failed = [done for reply, done in errors if not some or reply.status not in REFUSED]
    if progress:
        progress(line(completions, len(questions), sum(reply.cached for reply in replies)))
    if failed:
        reason = failed[0].error.rstrip(".")
        raise Unanswered(
            f"{len(failed)} of {len(questions)} prompts have no answer, the first because "
            f"{reason}. What was answered is kept if "
            "the asker has a ledger: run again to ask only the rest. Where the server refuses "
            "prompts as too long, shorten them, or "
            'count them as unanswered with too_long="skip"; where it has no /completions, send '
            "chat messages."
        )
    # 1 for EOS
    longer = [
        reply.tokens_out
        for reply in replies
        if reply.cached and reply.tokens_out > sampling.max_new_tokens + 1
    ]
    if longer:
        raise ValueError(
            f"max_new_tokens={sampling.max_new_tokens} was asked for, but {len(longer)} answers "
            f"in the ledger were made with a higher limit and have up to {max(longer)} tokens. "
            "Ask with at least as many, or name another ledger."
        )
    return completions


def _completion(reply, sampling: Sampling) -> Completion:
    if reply.error:
        return Completion("", 0, True, reply.error)
    ending = outcome(reply.finish_reason)  # of the reason alone: a student may answer with nothing
    if ending == BROKEN:
        return Completion("", 0, True, f"the reply ended with {reply.finish_reason!r}")
    return Completion(cut(reply.text, sampling.stop), reply.tokens_out, ending == TRUNCATED)
