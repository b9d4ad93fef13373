"""One table says how a reply ended, for the teacher, the reply store and the grader."""

import pytest

from skymath_nb.core.finish_reasons import BROKEN, COMPLETE, FILTERED, TRUNCATED, named, outcome


@pytest.mark.parametrize(
    ("expected", "reasons"),
    [
        (
            COMPLETE,
            ["stop", "STOP", "end_turn", "eos", "eos_token", "stop_sequence", "FinishReason.STOP"],
        ),
        (
            TRUNCATED,
            ["length", "max_tokens", "MAX_TOKENS", "model_length", "max-tokens", "max_length"],
        ),
        (TRUNCATED, ["FINISH_REASON_MAX_TOKENS", "max_output_tokens", "context_length_exceeded"]),
        (FILTERED, ["content_filter", "SAFETY", "refusal", "RECITATION"]),
        (
            BROKEN,
            ["abort", "error", "insufficient_system_resource", "tool_calls", "banana", "null"],
        ),
    ],
)
def test_every_spelling_has_its_outcome(expected, reasons):
    assert {outcome(reason, "text") for reason in reasons} == {expected}


def test_a_reply_without_text_is_not_complete():
    assert outcome("stop", " \n") == BROKEN and outcome("stop") == COMPLETE
    assert outcome("length", "") == TRUNCATED, "the thoughts took all tokens"
    assert outcome("content_filter", "") == FILTERED


def test_what_a_server_left_out_is_told_from_what_an_early_version_stored():
    assert outcome(named(None), "text") == outcome(named(""), "text") == BROKEN
    assert outcome("", "text") == COMPLETE
    assert named({"type": "stop"}) == '{"type": "stop"}'
