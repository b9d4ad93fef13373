"""Records of evaluation frameworks, one item each, as flat rows that any reader of responses takes.

A record is told by its fields, never by the name of its file. What a framework keeps in nested
objects is lifted into columns with plain names: id, benchmark, sample, response, prediction, gold,
cap_hit and `harness:NAME`, the framework's own verdict. A row that is no such record stays as it
is.

Formats: OpenAI `messages` and Batch API output, lighteval details, inspect_ai samples, olmo-eval
and OLMES predictions, Every Eval Ever instances, TRL completions. lm-evaluation-harness,
NeMo-Skills and Qwen2.5-Math write flat rows already; their columns are known by name (see
`response_columns`).
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

LARGEST = 1 << 28  # bytes of one sample of a log
ZSTANDARD = 93  # ZIP's number of a method that Python's own reader lacks

Record = Mapping[str, object]


def rows(record: Record) -> Iterator[dict]:
    """The flat rows of one record: one for most, one per sample for an inspect_ai log."""
    for is_mine, flatten in FORMATS:
        if is_mine(record):
            yield from flatten(record)
            return
    yield dict(record)


def is_record(row: Record) -> bool:
    """Whether a row is the record of a framework that keeps nested objects."""
    return any(is_mine(row) for is_mine, _ in FORMATS)


def inspect_log(path: Path) -> Iterator[tuple[int, dict]]:
    """The samples of an inspect_ai log in its own format, a ZIP archive of JSON files.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such log, or a sample of it is damaged or too large.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no such file as {path}. Correct the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if each.filename.startswith("samples/")]
            for number, member in enumerate(members, 1):
                yield number, json.loads(_unpacked(archive, member))
    except (zipfile.BadZipFile, pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a log of inspect_ai ({error}).") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > LARGEST:
        raise ValueError(f"{member.filename} has {member.file_size:,} bytes, above {LARGEST:,}")
    if member.compress_type != ZSTANDARD:
        return archive.read(member)
    raw = archive.fp
    raw.seek(member.header_offset)
    header = raw.read(30)  # of the member; its last four bytes are the lengths of name and extra
    raw.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    packed = raw.read(member.compress_size)
    return pa.Codec("zstd").decompress(packed, member.file_size, asbytes=True)


def last_reply(messages) -> str | None:
    """The last text of the assistant in a chat; parts of a message are joined."""
    if not isinstance(messages, list):
        return None
    said = [turn for turn in messages if isinstance(turn, Mapping) and _speaker(turn) in SPEAKERS]
    return text_of(said[-1].get("content", said[-1].get("value"))) if said else None


SPEAKERS = {"assistant", "gpt", "model", "bot"}


def text_of(content) -> str | None:
    """The text of a message's content.

    A text, or a list of parts of which those with text count.
    """
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _speaker(turn: Mapping) -> str:
    return str(turn.get("role", turn.get("from", ""))).lower()


def _has(record: Record, name: str, kind: type | tuple[type, ...]) -> bool:
    return isinstance(record.get(name), kind)


def _without(record: Record, *names: str) -> dict:
    return {name: value for name, value in record.items() if name not in names}


def _is_batch_output(record: Record) -> bool:
    response = record.get("response")
    return "custom_id" in record and isinstance(response, Mapping) and "body" in response


def _batch_output(record: Record) -> Iterator[dict]:
    """A line of the Batch API's output; one row per choice, none for a request that failed."""
    body = record["response"].get("body")
    choices = body.get("choices") if isinstance(body, Mapping) else None
    kept = _without(record, "response", "custom_id", "error")
    for sample, choice in enumerate(choices or []):
        message = choice.get("message") or {}
        row = kept | {"id": record["custom_id"], "sample": sample}
        yield row | {
            "response": text_of(message.get("content")),
            "finish_reason": choice.get("finish_reason"),
        }


def _is_inspect_log(record: Record) -> bool:
    return _has(record, "samples", list) and _has(record, "eval", Mapping)


def _inspect_log(record: Record) -> Iterator[dict]:
    task = record["eval"].get("task", "")
    for sample in record["samples"]:
        if isinstance(sample, Mapping):
            yield from _inspect_sample(sample | {"benchmark": task})


def _is_inspect_sample(record: Record) -> bool:
    return "target" in record and "epoch" in record and _has(record, "output", Mapping)


def _inspect_sample(record: Record) -> Iterator[dict]:
    output = record["output"]
    choices = output.get("choices") or []
    choice = choices[0] if choices and isinstance(choices[0], Mapping) else {}
    said = output.get("completion") or text_of((choice.get("message") or {}).get("content"))
    scores = record.get("scores") or {}
    yield {
        "benchmark": record.get("benchmark", ""),
        "id": record.get("id"),
        "sample": int(record["epoch"]) - 1,
        "response": said,
        "gold": record["target"],
        "finish_reason": choice.get("stop_reason"),
        **{f"harness:{name}": _inspect_verdict(score) for name, score in scores.items()},
    }


def _inspect_verdict(score) -> bool | None:
    value = score.get("value") if isinstance(score, Mapping) else None
    if isinstance(value, str):
        return {"C": True, "I": False, "P": False, "N": False}.get(value)
    return value > 0.5 if isinstance(value, (int, float)) else None


def _is_every_eval_ever(record: Record) -> bool:
    return "sample_id" in record and "evaluation" in record and _has(record, "input", Mapping)


def _every_eval_ever(record: Record) -> Iterator[dict]:
    output = record.get("output")
    raw = output.get("raw") if isinstance(output, Mapping) else None
    if raw is None:
        raw = last_reply(record.get("messages"))
    attributed = [
        part for part in record.get("answer_attribution") or [] if part.get("is_terminal")
    ]
    yield {
        "benchmark": record.get("evaluation_name", ""),
        "id": record["sample_id"],
        "response": raw,
        "prediction": attributed[-1].get("extracted_value") if attributed else None,
        "gold": record["input"].get("reference"),
        "harness:is_correct": (record["evaluation"] or {}).get("is_correct"),
    }


def _is_olmo(record: Record) -> bool:
    outputs = record.get("model_output")
    return isinstance(outputs, list) and bool(outputs) and isinstance(outputs[0], Mapping)


def _olmo(record: Record) -> Iterator[dict]:
    names = ("text", "continuation", "output", "raw")
    found = [
        next((output[name] for name in names if isinstance(output.get(name), str)), None)
        for output in record["model_output"]
    ]
    reasons = [output.get("finish_reason") for output in record["model_output"]]
    kept = _without(record, "model_output", "native_id", "doc_id", "metrics", "instance_metrics")
    number = record.get("native_id")
    yield kept | {
        "id": record.get("doc_id") if number is None else number,
        "response": found,
        "gold": kept.pop("label", None),
        "finish_reason": reasons if any(reasons) else None,
    }


def _is_lighteval(record: Record) -> bool:
    nested = _has(record, "doc", Mapping) and _has(record, "model_response", Mapping)
    return nested or ("full_prompt" in record and "predictions" in record and "gold" in record)


def _lighteval(record: Record) -> Iterator[dict]:
    """Details of lighteval, of today (doc, model_response, metric) and as they were before 0.10."""
    if "doc" not in record:
        yield _without(record, "predictions", "truncated") | {"response": record["predictions"]}
        return
    doc, said = record["doc"], record["model_response"]
    choices, places = doc.get("choices"), doc.get("gold_index")
    places = places if isinstance(places, list) else [places]
    golds = [choices[place] for place in places if isinstance(place, int)] if choices else None
    metrics = record.get("metric") or {}
    yield {
        "benchmark": doc.get("task_name") or "",
        "id": doc.get("id") or doc.get("query"),
        "response": said.get("text"),
        "gold": golds,
        **{f"harness:{name}": value > 0.5 for name, value in metrics.items() if _is_score(value)},
    }


def _is_score(value) -> bool:
    return isinstance(value, (bool, int, float)) and 0 <= value <= 1


def _is_chat(record: Record) -> bool:
    chats = [record.get(name) for name in ("messages", "completion", "response", "conversations")]
    return any(last_reply(chat) is not None for chat in chats)


def _chat(record: Record) -> Iterator[dict]:
    """A chat whose last reply is the response.

    OpenAI messages, TRL's conversational completions.
    """
    for name in ("completion", "response", "messages", "conversations"):
        said = last_reply(record.get(name))
        if said is not None:
            yield _without(record, name) | {"response": said}
            return


FORMATS: tuple[tuple[Callable[[Record], bool], Callable[[Record], Iterator[dict]]], ...] = (
    (_is_batch_output, _batch_output),
    (_is_inspect_log, _inspect_log),
    (_is_inspect_sample, _inspect_sample),
    (_is_every_eval_ever, _every_eval_ever),
    (_is_lighteval, _lighteval),
    (_is_olmo, _olmo),
    (_is_chat, _chat),
)
