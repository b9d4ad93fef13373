import numpy as np
import pandas as pd
import pytest
import tiny_model

from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import rows as sft_rows
from skymath_nb.training import sft, trainer

pytestmark = pytest.mark.stack


def train(
    base, rows, out, *, epochs=1, batch_size=12, max_length=256, rate=1e-3, shuffle=True, **kwargs
):
    """One phase on one thread in float32; by default one step that sees all of 12 rows."""
    plan = Curriculum(
        (Phase("p", rows, epochs, rate, shuffle),), batch_size, max_length, warmup=0.0
    )
    given = {"precision": "float32", "threads": 1, "progress": None, **kwargs}
    return sft.train(base, plan, out, prompt=tiny_model.prompt, **given)


@pytest.mark.parametrize("bos", [True, False])
def test_exactly_the_response_and_its_end_count(bos):
    tokenizer, rows = tiny_model.tokenizer(bos=bos), tiny_model.rows()
    rows.loc[0, "response"] = "十二 is the sum.\nThe answer is 12. \n"
    dataset = sft.tokenise(rows, tokenizer, tiny_model.prompt, 128)
    for row, query, response in zip(dataset, rows["query"], rows["response"], strict=True):
        counted = [i for i, label in enumerate(row["labels"]) if label != -100]
        assert [row["labels"][i] for i in counted] == [row["input_ids"][i] for i in counted]
        assert (
            tokenizer.decode([row["input_ids"][i] for i in counted])
            == " " + response.strip() + "</s>"
        )
        before = row["input_ids"][: counted[0]]
        assert before == tokenizer(tiny_model.prompt(query))["input_ids"]
        assert counted == list(range(len(before), len(row["input_ids"])))


def test_a_token_over_the_border_of_prompt_and_response_is_taken_apart():
    tokenizer = tiny_model.tokenizer()
    tokenizer.add_tokens([": a"])
    rows = pd.DataFrame({"id": ["x"], "query": ["q"], "response": ["a b"]})
    assert ": a" in tokenizer.convert_ids_to_tokens(
        tokenizer(tiny_model.prompt("q") + " a b")["input_ids"]
    )
    row = sft.tokenise(rows, tokenizer, tiny_model.prompt, 99)[0]
    head = tokenizer(tiny_model.prompt("q"))["input_ids"]
    assert row["input_ids"][: len(head)] == head
    assert tokenizer.decode(row["input_ids"][len(head) :]) == " a b</s>"


def test_rows_that_are_too_long_are_refused_by_level_or_dropped():
    rows = tiny_model.rows(8)
    rows.loc[[1, 2, 3], "response"] = "word " * 40 + "The answer is 1."
    with pytest.raises(ValueError, match=r"3 of 8 rows are longer than 96 tokens.*\{1: 1, 2: 2\}"):
        sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 96)
    kept = sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 96, too_long="drop")
    assert len(kept) == 5 and max(map(len, kept["input_ids"])) <= 96


@pytest.mark.parametrize("n, epochs", [(10, 3), (7, 1), (101, 2.5), (3, 0.5), (1500, 2)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_epoch_sees_every_row_once(n, epochs, shuffle):
    lengths = np.random.default_rng(0).integers(5, 90, n)
    rows = sft.order(lengths, epochs, 8, shuffle, np.random.default_rng(1))
    counts = np.bincount(rows, minlength=n)
    assert len(rows) == np.ceil(n * epochs)
    assert counts.max() - counts.min() <= 1 and counts.min() >= int(epochs)
    if not shuffle:
        assert rows.tolist() == [i % n for i in range(len(rows))]


def test_shuffled_batches_hold_like_lengths_and_no_length_comes_first():
    lengths = np.random.default_rng(0).integers(10, 100, 3200)
    batches = lengths[sft.order(lengths, 1, 16, True, np.random.default_rng(1))].reshape(-1, 16)
    padded = (batches.max(1) * 16).sum() / lengths.sum()
    assert padded < 1.08
    halves = batches[:100].mean(), batches[100:].mean()
    assert abs(halves[0] - halves[1]) < 8


def test_rows_may_be_truncated_and_one_without_room_for_its_response_goes(tmp_path):
    rows = tiny_model.rows(8)
    rows.loc[[1, 2], "response"] = "word " * 40 + "The answer is 1."
    rows.loc[3, "query"] = "1 + " * 40
    data = sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 64, too_long="truncate")
    assert data["row"][:] == [0, 1, 2, 4, 5, 6, 7] and np.flatnonzero(data["cut"]).tolist() == [
        1,
        2,
    ]
    assert len(data[1]["input_ids"]) == len(data[1]["labels"]) == 64
    assert data[1]["labels"][-1] == data[1]["input_ids"][-1] != 2 and data[0]["labels"][-1] == 2
    out = train(
        tiny_model.save(tmp_path / "base"),
        rows,
        tmp_path / "m",
        max_length=64,
        too_long="truncate",
        batch_size=7,
    )
    phase = sft.read_training(out)["phases"][0]
    assert (phase["rows"], phase["dropped"], phase["truncated"]) == (7, 1, 2)


def test_what_a_limit_cuts_is_told_by_level_and_method():
    rows = pd.DataFrame({"level": [1, 1, 2, 2], "method": ["evol", "xwin", "evol", "evol"]})
    table = sft.length_table(rows, np.array([10, 20, 30, 50]), 25).set_index(["column", "value"])
    assert table.index.tolist() == [
        ("all", "all"),
        ("level", "1"),
        ("level", "2"),
        ("method", "evol"),
        ("method", "xwin"),
    ]
    whole = table.loc[("all", "all")]
    assert (
        whole["rows"],
        whole["rows_over"],
        whole["share_over"],
        whole["longest"],
        whole["mean_tokens"],
    ) == (4, 2, 0.5, 50, 27.5)
    assert (whole["tokens_if_dropped"], whole["tokens_if_truncated"]) == (80, 30)
    assert table["rows_over"].tolist() == [2, 0, 2, 2, 0]
    assert len(sft.length_table(rows[["level"]], np.array([1, 2, 3, 4]), 3)) == 3


@pytest.fixture(scope="module", params=tiny_model.ARCHITECTURES)
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases") / request.param
    # Qwen's tokenizer class adds tokens
    return tiny_model.save(folder, architecture=request.param, context=256, vocabulary=270)


def test_each_class_trains_and_packed_rows_count_as_unpacked_ones(base, tmp_path):
    """One step over all rows.

    The same loss, and the same weights after it, so the same gradient.
    """
    from safetensors.numpy import load_file

    rows = tiny_model.rows(12)
    alone, packed = (
        train(base, rows, tmp_path / str(packing), packing=packing, rate=1e-4)
        for packing in (False, True)
    )
    records = [sft.read_training(out)["phases"][0] for out in (alone, packed)]
    assert [record["steps"] for record in records] == [1, 1] and records[1][
        "sequences"
    ] < 12 == records[0]["sequences"]
    assert records[0]["tokens"] == records[1]["tokens"]
    assert abs(records[0]["final_loss"] - records[1]["final_loss"]) < 1e-5
    a, b, before = (load_file(folder / "model.safetensors") for folder in (alone, packed, base))
    moved = max(np.abs(a[name] - before[name]).max() for name in a)
    assert moved > 5e-5 and np.mean([np.abs(a[name] - b[name]).mean() for name in a]) < 0.02 * moved


def test_packing_keeps_every_row_whole_and_to_its_phase():
    words = tiny_model.tokenizer()
    rows = tiny_model.rows(40)
    plan = Curriculum((Phase("a", rows[:25], 2, 1e-3), Phase("b", rows[25:], 2, 1e-3)), 8, 256)
    for phase in plan.phases:
        data = sft.tokenise(phase.rows, words, tiny_model.prompt, 256)
        layout = sft_rows.lay_out(plan, phase, data, 256, sft.Settings(packing=True))
        documents = []
        for line in layout.dataset:
            assert sum(line["seq_lengths"]) == len(line["input_ids"]) == len(line["labels"]) <= 256
            documents += np.split(line["input_ids"], np.cumsum(line["seq_lengths"])[:-1])
        expected = [tuple(ids) for ids in data["input_ids"]]
        assert sorted(map(tuple, documents)) == sorted(expected * 2)
        assert (
            layout.sequences < len(phase.rows) / 3
            and 6 <= layout.batch * len(phase.rows) / layout.sequences <= 10
        )


def test_packing_is_refused_where_the_order_is_meant(tmp_path):
    with pytest.raises(ValueError, match="reorders rows, and the order inside 'p' is meant"):
        train("tiny-base", tiny_model.rows(12), tmp_path / "m", packing=True, shuffle=False)


def losses(base, rows, **kwargs):
    """Nats of each response token by the model itself, one array per row."""
    import torch
    from transformers import AutoModelForCausalLM

    model, found = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), []
    for line in sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 96):
        logits = model(torch.tensor([line["input_ids"]])).logits[0, :-1]
        nats = torch.nn.functional.cross_entropy(
            logits, torch.tensor(line["labels"][1:]), reduction="none"
        )
        found.append(nats.detach().numpy()[np.array(line["labels"][1:]) != -100])
    return found


@pytest.mark.parametrize("kwargs", [{}, {"micro_batch": 4}, {"packing": True}])
def test_both_losses_are_what_they_say(tmp_path, kwargs):
    base, rows = tiny_model.save(tmp_path / "base"), tiny_model.rows(12)
    # of another length, or the means would hardly differ
    rows.loc[0, "response"] = "so " * 12 + "The answer is 7."
    nats = losses(base, rows)
    expected = {
        "token_mean": np.concatenate(nats).mean(),
        "example_mean": np.mean([n.sum() for n in nats]),
    }
    for loss, value in expected.items():
        out = train(base, rows, tmp_path / loss, loss=loss, **kwargs)
        np.testing.assert_allclose(
            sft.read_training(out)["phases"][0]["final_loss"], value, rtol=1e-5
        )


@pytest.mark.parametrize("loss", ["token_mean", "example_mean"])
def test_the_models_own_loss_and_trls_in_tiles_are_one(tmp_path, loss):
    """What a CPU computes is what a GPU does: the same loss and the same gradients."""
    from skymath_nb.training import backends

    base, rows = tiny_model.save(tmp_path / "base", vocabulary=20_000), tiny_model.rows(24)
    plan = Curriculum((Phase("p", rows, 1, 1e-3),), len(rows), 96)
    settings, phase = sft.Settings(precision="float32", device="cpu", loss=loss), plan.phases[0]
    found = []
    for in_tiles in (False, True):
        model, words = backends.load(str(base), 96, settings, "cpu", 0)
        layout = sft_rows.lay_out(
            plan, phase, sft.tokenise(rows, words, tiny_model.prompt, 96), 96, settings
        )
        watch = trainer.Watch(phase, layout, tmp_path, None)
        made = trainer.make(
            plan,
            phase,
            settings,
            layout,
            model,
            words,
            tmp_path,
            "cpu",
            0,
            watch,
            in_tiles=in_tiles,
        )
        batch = next(iter(made.get_train_dataloader()))
        value = made.compute_loss(
            made.model, batch, num_items_in_batch=made._get_num_items_in_batch([batch], "cpu")
        )
        value.backward()
        found.append((value.item(), made.model.get_input_embeddings().weight.grad.clone()))
    (own, gradients), (tiles, theirs) = found
    assert own == pytest.approx(tiles, rel=1e-6) and gradients.abs().max() > 0
    assert (gradients - theirs).abs().max() < 1e-5 * gradients.abs().max()
