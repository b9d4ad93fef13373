"""Loading a base for training and writing what came out of it: transformers, or Unsloth.

Same files from both.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .settings import Settings

# The matrices that LoRA adapts, as in QLoRA (arXiv 2305.14314, section 4): every linear layer of a
# block.
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Backend(NamedTuple):
    """load(source, max_length, settings, device, seed) -> (model, tokenizer).

    Save(trainer, folder) writes both.
    """

    load: Callable
    save: Callable


def _load_full(source: str, max_length: int, settings: Settings, device: str, seed: int):
    import importlib.util

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, logging

    if Path(source).is_dir():
        # nothing is fetched, and every arm of an experiment would draw two
        logging.disable_progress_bar()
    # Packed rows need an attention that keeps them apart; FlashAttention does it without a mask of
    # length squared.
    flash = settings.packing and device == "cuda" and importlib.util.find_spec("flash_attn")
    # float32 weights on a GPU too: AdamW's steps at 2e-6 vanish in bfloat16's rounding; the
    # arithmetic is bfloat16.
    model = AutoModelForCausalLM.from_pretrained(
        source,
        dtype=torch.float32,
        use_safetensors=True,
        attn_implementation="flash_attention_2" if flash else None,
    )
    return model, AutoTokenizer.from_pretrained(source)


def _save_full(trainer, folder: Path) -> None:
    trainer.save_model(str(folder))  # gathers what several processes hold
    if trainer.args.should_save:
        (folder / "training_args.bin").unlink()  # a pickle, of no use to who loads the model


def _load_unsloth(source: str, max_length: int, settings: Settings, device: str, seed: int):
    import torch
    from unsloth import FastLanguageModel

    # Weights that are trained are float32, frozen ones what the device multiplies.
    frozen = torch.bfloat16 if device == "cuda" else torch.float32
    model, tokenizer = FastLanguageModel.from_pretrained(
        source,
        max_seq_length=max_length,
        dtype=torch.float32 if settings.tuning == "full" else frozen,
        load_in_4bit=settings.tuning == "qlora",
        full_finetuning=settings.tuning == "full",
        # it would else fetch its own copy of a hub model, which is not the one that was named
        use_exact_model_name=True,
        random_state=seed,
    )
    if settings.tuning != "full":
        model = FastLanguageModel.get_peft_model(
            model,
            r=settings.lora_rank,
            lora_alpha=settings.lora_rank,
            lora_dropout=0.0,
            target_modules=list(LORA_TARGETS),
            use_gradient_checkpointing="unsloth"
            if device == "cuda" and settings.recompute != "off"
            else False,
            random_state=seed,
        )
    return model, tokenizer


def _save_unsloth(trainer, folder: Path) -> None:
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not hasattr(model, "peft_config"):
        _save_full(trainer, folder)
    elif trainer.args.should_save:
        model.save_pretrained(str(folder / "adapter"))
        model.save_pretrained_merged(
            str(folder), trainer.processing_class, save_method="merged_16bit"
        )


BACKENDS = {
    "full": Backend(_load_full, _save_full),
    "unsloth": Backend(_load_unsloth, _save_unsloth),
}


def prepare(settings: Settings) -> None:
    """Import Unsloth first where it is asked for.

    It changes transformers and TRL, and only what comes after it sees that.
    """
    if settings.backend == "unsloth":
        os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
        import unsloth  # noqa: F401


def load(source: str, max_length: int, settings: Settings, device: str, seed: int):
    """Return (model, tokenizer) that agree on their special tokens, ready to train.

    A tokenizer without a padding token pads with its EOS (padding never counts); one without a chat
    template needs none, because prompts/student.md is the prompt.

    Raises:
        ValueError: If the tokenizer has no EOS token, or more tokens than the model has embeddings.
    """
    model, tokenizer = BACKENDS[settings.backend].load(source, max_length, settings, device, seed)
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"The tokenizer of {source} has no EOS token, so no response could end. Give it one."
        )
    embeddings = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > embeddings:
        raise ValueError(
            f"The tokenizer of {source} has {len(tokenizer)} tokens, but the model has "
            f"embeddings for {embeddings}: they do not belong together. Take both from one place."
        )
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    for config in (model.config, model.generation_config):
        config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
        config.bos_token_id = tokenizer.bos_token_id
    return model, tokenizer


def save(settings: Settings, trainer, folder: Path) -> None:
    """Write weights (merged, where low-rank matrices were trained), configuration and tokenizer to
    a folder.
    """
    BACKENDS[settings.backend].save(trainer, folder)
