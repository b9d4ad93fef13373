"""Records of evaluation frameworks are read as they are written."""

import io
import json
import struct
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from skymath_nb.data import responses

CHOICE = {
    "message": {"role": "assistant", "content": "It is \\boxed{7}."},
    "stop_reason": "max_tokens",
}
INSPECT = {
    "id": "q1",
    "epoch": 2,
    "input": "3 + 4?",
    "target": ["7", "seven"],
    "messages": [{"role": "user", "content": "3 + 4?"}],
    "output": {"model": "m", "choices": [CHOICE], "completion": "It is \\boxed{7}."},
    "scores": {"math": {"value": "C", "answer": "7"}},
}
RECORDS = {
    "messages": {
        "id": "q1",
        "messages": [
            {"role": "user", "content": "3 + 4?"},
            {"role": "assistant", "content": "It is \\boxed{7}."},
        ],
        "answer": "7",
    },
    "content in parts": {
        "id": "q1",
        "messages": [
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "It is "},
                    {"type": "text", "text": "\\boxed{7}."},
                ],
            }
        ],
        "answer": "7",
    },
    "batch output": {
        "custom_id": "q1",
        "response": {
            "status_code": 200,
            "body": {
                "choices": [{"message": {"content": "It is \\boxed{7}."}, "finish_reason": "stop"}]
            },
        },
        "error": None,
        "answer": "7",
    },
    "TRL": {
        "step": 3,
        "prompt": "3 + 4?",
        "id": "q1",
        "completion": [{"role": "assistant", "content": "It is \\boxed{7}."}],
        "advantage": 0.5,
        "solution": "Add them: \\boxed{7}",
    },
    "lighteval": {
        "doc": {
            "id": "q1",
            "query": "3 + 4?",
            "choices": ["7"],
            "gold_index": [0],
            "task_name": "sums",
        },
        "model_response": {"text": ["It is \\boxed{7}."]},
        "metric": {"extractive_match": 1.0},
    },
    "lighteval before 0.10": {
        "full_prompt": "3 + 4?",
        "example": "3 + 4?",
        "predictions": ["It is \\boxed{7}."],
        "gold": ["7"],
        "id": "q1",
    },
    "inspect_ai sample": INSPECT,
    "inspect_ai log": {"version": 2, "eval": {"task": "sums"}, "samples": [INSPECT]},
    "OLMES": {
        "doc_id": 0,
        "native_id": "q1",
        "metrics": {"exact_match": 1.0},
        "model_output": [{"continuation": "It is \\boxed{7}.", "num_tokens": 9}],
        "label": "7",
    },
    "Every Eval Ever": {
        "schema_version": "0.2.1",
        "evaluation_id": "e",
        "model_id": "m",
        "evaluation_name": "sums",
        "sample_id": "q1",
        "interaction_type": "single_turn",
        "input": {"raw": "3 + 4?", "reference": ["7"], "choices": None},
        "output": {"raw": ["It is \\boxed{7}."], "reasoning_trace": None},
        "answer_attribution": [
            {"turn_idx": 0, "source": "output.raw", "extracted_value": "7", "is_terminal": True}
        ],
        "evaluation": {"score": 1.0, "is_correct": True},
    },
    "NeMo-Skills": {
        "id": "q1",
        "problem": "3 + 4?",
        "generation": "It is \\boxed{7}.",
        "predicted_answer": "7",
        "expected_answer": "7",
        "symbolic_correct": True,
    },
    "Qwen2.5-Math": {
        "idx": "q1",
        "question": "3 + 4?",
        "gt_cot": "3+4=7 #### 7",
        "gt": "7",
        "code": ["It is \\boxed{7}."],
        "pred": ["7"],
        "score": [True],
    },
}


def written(tmp_path, *records):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("name", RECORDS)
def test_each_record_gives_its_response_its_gold_and_its_id(tmp_path, name):
    table = responses.read(
        written(tmp_path, RECORDS[name], json.loads(json.dumps(RECORDS[name]).replace("q1", "q2")))
    )
    row = table.iloc[0]
    assert (
        row["response"] == "It is \\boxed{7}."
        and row["gold"] == "7"
        and str(row["id"]).startswith("q1")
    )
    assert responses.grade(table)["flexible"].all()


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("inspect_ai sample", "math"),
        ("lighteval", "extractive_match"),
        ("NeMo-Skills", "symbolic_correct"),
        ("Every Eval Ever", "is_correct"),
        ("Qwen2.5-Math", "score"),
    ],
)
def test_the_frameworks_own_verdict_stands_beside_ours(tmp_path, name, verdict):
    assert responses.read(written(tmp_path, RECORDS[name]))[f"harness:{verdict}"].tolist() == [True]


def test_a_log_gives_its_epochs_as_samples_and_its_cut_off_answers(tmp_path):
    log = {"eval": {"task": "sums"}, "samples": [INSPECT, INSPECT | {"epoch": 1}]}
    table = responses.read(written(tmp_path, log))
    assert table["sample"].tolist() == [1, 0] and table["cap_hit"].tolist() == [1, 1]
    assert table["benchmark"].tolist() == ["sums"] * 2 and table["accepted"][0] == ("7", "seven")


def test_a_log_in_its_own_format_is_read_with_both_ways_of_packing(tmp_path):
    for method in (zipfile.ZIP_DEFLATED, 93):
        path = tmp_path / f"log{method}.eval"
        path.write_bytes(
            archive(
                {"header.json": b"{}", "samples/q1_epoch_2.json": json.dumps(INSPECT).encode()},
                method,
            )
        )
        assert responses.read(path)["response"].tolist() == ["It is \\boxed{7}."]


def archive(members, method):
    """A ZIP archive.

    Python's own writer lacks Zstandard, so that its method is written over the stored one's.
    """
    packed, whole = io.BytesIO(), {name.encode(): len(text) for name, text in members.items()}
    zstandard = method == 93
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED if zstandard else method) as file:
        for name, text in members.items():
            file.writestr(
                name, pa.Codec("zstd").compress(text, asbytes=True) if zstandard else text
            )
    content = bytearray(packed.getvalue())
    for mark, at, size in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)) if zstandard else ():
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            name = next(
                name
                for name in whole
                if content[start + (30 if at == 8 else 46) :].startswith(name)
            )
            struct.pack_into("<H", content, start + at, 93)
            struct.pack_into("<I", content, start + size, whole[name])
    return bytes(content)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_damaged_log_is_named(tmp_path, content):
    (tmp_path / "a.eval").write_bytes(content)
    with pytest.raises(ValueError, match="a.eval cannot be read as a log of inspect_ai"):
        responses.read(tmp_path / "a.eval")


def test_details_of_lighteval_come_as_parquet(tmp_path):
    pd.DataFrame([RECORDS["lighteval"]]).to_parquet(tmp_path / "details.parquet")
    table = responses.read(tmp_path / "details.parquet")
    assert (table["response"][0], table["gold"][0], table["benchmark"][0]) == (
        "It is \\boxed{7}.",
        "7",
        "sums",
    )


@pytest.mark.parametrize(
    "change", [{"epoch": "x"}, {"scores": [1]}, {"output": {"completion": {"a": 1}}}]
)
def test_a_broken_record_is_a_bad_line_and_no_traceback(tmp_path, change):
    with pytest.raises(ValueError):
        responses.read(written(tmp_path, INSPECT | change))
