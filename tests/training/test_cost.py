import dataclasses

import numpy as np
import pytest
import tiny_model

from skymath_nb.core import devices
from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import cost, sft

pytestmark = pytest.mark.stack

GIGABYTE = 10**9
# LLaMA2-7B
SEVEN = cost.Shape(6_738_415_616, 262_144_000, 1_249_280 * 2, 32, 4096, 4096, 11008, 32000)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("base"))


def plan(n=24, **kwargs):
    rows = tiny_model.rows(n)
    return Curriculum(
        (Phase("stage 1", rows[: n // 2], 3, 1e-3), Phase("stage 2", rows[n // 2 :], 1, 1e-3)),
        4,
        96,
        **kwargs,
    )


def settings(**kwargs):
    return sft.Settings.of(**{"precision": "float32", "device": "cpu", "threads": 1, **kwargs})


@pytest.mark.parametrize("architecture", ["Llama", "Mixtral", "Qwen3"])
def test_a_models_sizes_are_read_without_its_weights(tmp_path, architecture):
    from transformers import AutoModelForCausalLM

    base = tiny_model.save(tmp_path / "base", architecture=architecture)
    model = AutoModelForCausalLM.from_pretrained(base)
    (base / "model.safetensors").unlink()
    found = cost.shape(str(base))
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert (
        found.embeddings == model.lm_head.weight.numel()
        and found.layers == 2
        and found.hidden == 32
    )
    assert found.feed_forward == (128 if architecture == "Mixtral" else 64)


def test_the_cost_before_is_the_cost_after(base, tmp_path):
    before = sft.estimate(
        base, plan(), prompt=tiny_model.prompt, pilot_steps=6, threads=1, device="cpu"
    )
    out = sft.train(
        base,
        plan(),
        tmp_path / "m",
        prompt=tiny_model.prompt,
        threads=1,
        device="cpu",
        progress=None,
    )
    after = sft.read_training(out)
    assert (before.rows, before.tokens, before.steps) == (24, after["tokens"], after["steps"])
    assert (
        before.hours == pytest.approx(before.tokens / before.tokens_per_second / 3600)
        and before.hours > 0
    )
    shown = before.table().set_index("what")["value"]
    assert shown["tokens"] == f"{before.tokens:,}" and {"memory for optimizer", "hours"} <= set(
        shown.index
    )
    without = sft.estimate(base, plan(), prompt=tiny_model.prompt)
    assert without.hours is None and "hours" not in without.table()["what"].tolist()


def test_a_pilot_of_too_few_steps_is_refused(base):
    with pytest.raises(ValueError, match="had 2 steps, too few to time"):
        sft.estimate(base, plan(), prompt=tiny_model.prompt, pilot_steps=2, threads=1, device="cpu")


def test_activations_are_those_that_autograd_keeps(tmp_path):
    """What torch saves for the backward pass of one micro-batch, against the model of it, for two
    shapes.
    """
    import torch
    from transformers import AutoModelForCausalLM

    for hidden, layers in ((64, 3), (32, 6)):
        base = tiny_model.save(tmp_path / f"{hidden}", hidden=hidden, layers=layers)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        own = {p.data_ptr() for p in model.parameters()}
        kept = {}

        def pack(tensor, kept=kept, own=own):
            if tensor.data_ptr() not in own:
                kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = model.model(input_ids=torch.zeros(4, 64, dtype=torch.long))
        expected = cost.memory(cost.shape(str(base)), settings(recompute="off"), 4 * 64, "cpu")[
            "activations"
        ]
        assert (
            output.last_hidden_state.requires_grad and 1 / 1.5 < sum(kept.values()) / expected < 1.5
        )


def test_weights_gradients_and_moments_of_a_7b_are_16_bytes_a_parameter_and_a_copy_for_bfloat16():
    exact, mixed = (
        cost.memory(SEVEN, settings(precision=p), 2048, "cuda") for p in ("float32", "bfloat16")
    )
    fixed = sum(exact[name] for name in ("weights", "gradients", "optimizer"))
    assert (
        fixed == 16 * SEVEN.parameters
        and mixed["weights"] - exact["weights"] == 2 * SEVEN.parameters
    )
    assert sum(mixed.values()) < 139 * 2**30  # the paper's 7B, every parameter, on one H200
    shared = cost.memory(
        SEVEN,
        settings(precision="bfloat16", launcher="params/accelerate/gpus_8.yaml"),
        2048,
        "cuda",
    )
    assert (
        shared["optimizer"] == pytest.approx(mixed["optimizer"] / 8)
        and shared["activations"] == mixed["activations"]
    )
    assert sum(shared.values()) < 80 * GIGABYTE


def test_low_rank_and_four_bits_take_less_and_recomputing_too():
    full, lora, qlora = (
        sum(cost.memory(SEVEN, settings(precision="bfloat16", tuning=t), 2048, "cuda").values())
        for t in ("full", "lora", "qlora")
    )
    assert qlora < 12 * GIGABYTE < lora < 25 * GIGABYTE < full
    kept = cost.memory(SEVEN, settings(recompute="off", precision="bfloat16"), 2048, "cuda")[
        "activations"
    ]
    assert (
        cost.memory(SEVEN, settings(recompute="on", precision="bfloat16"), 2048, "cuda")[
            "activations"
        ]
        < kept / 8
    )


@pytest.mark.parametrize(
    "free, nearest",
    [
        (200, None),
        (130, "micro_batch=4."),
        (70, 'launcher="params/accelerate/gpus_2.yaml", micro_batch=1.'),
        (30, 'launcher="params/accelerate/gpus_8.yaml", micro_batch=1.'),
        (16, 'backend="unsloth", tuning="lora", micro_batch=1.'),
        (8, 'backend="unsloth", tuning="qlora", micro_batch=1.'),
        (1, "Nothing near it fits"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_nearest_thing_that_does(monkeypatch, free, nearest):
    monkeypatch.setattr(cost, "shape", lambda source: SEVEN)
    monkeypatch.setattr(
        devices, "memory", lambda device: devices.Memory(free * GIGABYTE, free * GIGABYTE)
    )
    curriculum = dataclasses.replace(plan(), batch_size=32, max_length=2048)
    ours = settings(precision="bfloat16", micro_batch=8)
    if nearest is None:
        return cost.require_memory("x", curriculum, ours, "cuda", 2048, 1.0)
    with pytest.raises(ValueError) as error:
        cost.require_memory("x", curriculum, ours, "cuda", 2048, 1.0)
    assert f"cuda has {free:.2f} GB free" in str(error.value) and nearest in str(error.value)


def test_training_itself_refuses_before_a_weight_is_read(base, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "memory", lambda device: devices.Memory(10**6, 10**5))
    with pytest.raises(
        ValueError, match=r"needs .* GB of memory \(weights .*\) on each device|needs .* of memory"
    ):
        sft.train(base, plan(), tmp_path / "m", prompt=tiny_model.prompt, device="cpu")
    assert not (tmp_path / "m").exists() and np.all(
        [not p.name.startswith(".m") for p in tmp_path.iterdir()]
    )
