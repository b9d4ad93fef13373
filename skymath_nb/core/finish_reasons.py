"""How a reply ended: the words of all servers and harnesses, in one table.

OpenAI, Anthropic, Gemini, Mistral, DeepSeek, Zhipu, vLLM, SGLang, TGI, llama.cpp and Ollama spell
the same four outcomes in many ways. The teacher, the reply store and the grader read them here.
"""

import json
import re

COMPLETE = "complete"  # the model ended its reply
TRUNCATED = "truncated"  # a limit of tokens ended it
FILTERED = "filtered"  # the server withheld it, a decision that stands
# anything else: an abort, an error, no reason, a reason that nobody knows, no text
BROKEN = "broken"

SPELLINGS = {
    COMPLETE: (
        *("stop", "stopped", "stop_sequence", "stop_token", "stop_str", "end_turn", "end", "done"),
        *("eos", "eos_token", "complete", "completed", "finish", "finished"),
    ),
    TRUNCATED: (
        *("length", "max_length", "model_length", "length_limit", "max_tokens", "max_new_tokens"),
        *("max_output_tokens", "max_completion_tokens", "max_tokens_reached", "token_limit"),
        *("context_length", "context_length_exceeded", "model_context_window_exceeded"),
        *("context_window_exceeded", "limit", "truncated", "cut_off", "incomplete"),
    ),
    FILTERED: (
        *("content_filter", "content_filtered", "refusal", "refused", "safety", "recitation"),
        *("blocklist", "prohibited_content", "spii", "sensitive", "guardrail_intervened"),
    ),
}
OUTCOMES = {spelling: outcome for outcome, names in SPELLINGS.items() for spelling in names}
UNSAID = ""  # stored by early versions where a server named no reason; such replies stand
MISSING = "null"  # stored now where a server names none
PREFIX = re.compile(r"(?:finish|stop)_?reason[._]", re.IGNORECASE)  # FinishReason.STOP


def outcome(reason: str, text: str | None = None) -> str:
    """How a reply ended: COMPLETE, TRUNCATED, FILTERED or BROKEN.

    Args:
        reason: The finish reason, as the server spelled it.
        text: The reply. A reply without text is not complete. None judges the reason alone.
    """
    name = PREFIX.sub("", reason.strip()).lower().replace("-", "_").replace(" ", "_")
    known = COMPLETE if reason == UNSAID else OUTCOMES.get(name, BROKEN)
    if known == COMPLETE and text is not None and not text.strip():
        return BROKEN
    return known


def named(reason) -> str:
    """The reason as it is stored: text as it stands, MISSING for none, JSON for anything else."""
    if reason is None or reason == "":
        return MISSING
    return reason if isinstance(reason, str) else json.dumps(reason)
