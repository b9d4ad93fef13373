"""A random model with a byte tokenizer, and rows for it.

What the tests of the engines train and ask.
"""

from pathlib import Path

import pandas as pd


def tokenizer(bos: bool = True, pad: bool = True):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", *letters])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    if bos:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 1)]
        )
    special = {"bos_token": "<s>", "eos_token": "</s>", **({"pad_token": "<pad>"} if pad else {})}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special)


# What makes a class itself: Mistral looks back over a window, Mixtral routes tokens to experts.
ARCHITECTURES = {
    "Llama": {},
    "Mistral": {"sliding_window": 24},
    "Mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2, "output_router_logits": True},
    "Qwen2": {},
    "Qwen3": {"head_dim": 8},
    "SmolLM3": {},
}


def save(
    folder: Path,
    *,
    hidden: int = 32,
    layers: int = 2,
    context: int = 128,
    architecture: str = "Llama",
    vocabulary: int = 0,
    **kwargs,
) -> Path:
    """Write a random base with these sizes and return its folder.

    A vocabulary may be larger than the tokenizer's.
    """
    import torch
    import transformers

    words = tokenizer(**kwargs)
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=vocabulary or len(words),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0 if kwargs.get("pad", True) else None,
        **ARCHITECTURES[architecture],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return Path(folder)


def rows(n: int = 24) -> pd.DataFrame:
    """Return n sums with their answers, levels 1 and 2, of different lengths."""
    pairs = [(i, 7 * i % 10) for i in range(n)]
    return pd.DataFrame(
        {
            "id": [f"r{i}" for i, _ in pairs],
            "query": [f"{a} + {b}" for a, b in pairs],
            "response": [f"{a} + {b} = {a + b}\nThe answer is {a + b}." for a, b in pairs],
            "level": [1 + i % 2 for i, _ in pairs],
        }
    )


def prompt(query: str) -> str:
    return f"Problem: {query}\nSolution:"
