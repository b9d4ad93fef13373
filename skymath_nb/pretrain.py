"""Makes a tiny base model from the world's texts: tokenizer, Llama-class weights, model card. One params file remakes one base.

The base is to the tiny scale what LLaMA2-7B is to the paper: it has read, it has seen sums, it has never seen a solved word problem.
"""

import datetime
import itertools
import json
import os
import re
import shutil
import time
from pathlib import Path

import yaml

from . import runs
from .world import corpus
from .world.problem import KINDS

BASES = Path(__file__).parent / "bases"
# A digit is always a token of its own; a word takes the blank before it, and the one after it where a digit follows.
PIECES = r"\d| ?[A-Za-z]+(?: (?=\d))?| ?[^\sA-Za-z\d\u4e00-\u9fff](?: (?=[\d(]))?|[\u4e00-\u9fff]|\s"
SPECIALS = ("<pad>", "<eos>", "<unk>")
DEFAULTS = {
    "name": "",  # folder under skymath_nb/bases
    "about": "",  # one line for the model card
    "seed": 0,
    "hidden_size": 128,
    "layers": 4,
    "heads": 4,
    "intermediate_size": 320,
    "steps": 4000,
    "batch_size": 32,
    "block": 128,  # tokens a row
    "learning_rate": 0.003,
    "warmup_steps": 100,
    "bf16": False,  # faster where the processor multiplies bfloat16
    "threads": 0,  # 0 = as many as torch chooses
}


def load(path) -> dict:
    """The recipe in a params file, defaults filled in; raises ValueError for a key or type it does not know."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"base recipe {path} does not exist; the one that is shipped is params/base_tiny.yaml")
    given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    wrong = [k for k in given if k not in DEFAULTS]
    wrong += [k for k, v in given.items() if k in DEFAULTS and type(v) is not type(DEFAULTS[k])]
    if wrong or not given.get("name"):
        raise ValueError(
            f"{path}: {', '.join(wrong) or 'name'} is unknown, missing or of the wrong type; "
            f"a base recipe has {', '.join(f'{k} ({type(v).__name__})' for k, v in DEFAULTS.items())}"
        )
    return DEFAULTS | given


def make_tokenizer(seed: int = 0, n_documents: int = 20_000):
    """A fast tokenizer: whole words of the world, single digits, single Chinese characters, bytes for everything else.

    Any text encodes, and decodes to itself. Returns a transformers PreTrainedTokenizerFast.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    # Besides the documents: every sentence of the world, the words of prompts and answers, and every printable character.
    texts = itertools.islice(corpus.documents(seed, -1), n_documents)
    extra = [re.sub(r"\{\w\}", "1", form) for kind in KINDS.values() for form in (*kind.en, *kind.zh)]
    extra += ["Problem: 1\nSolution: The answer is 1.", "The answer is -1/2. x = 1. Step 1: so, we have it."]
    words = {piece for text in itertools.chain(texts, extra) for piece, _ in split.pre_tokenize_str(text)}
    words |= {f" {w}" for w in words if w.isascii() and w.isalpha()} | {w.strip(" ") for w in words if w.strip(" ")}
    characters = {chr(c) for c in range(32, 127)} | {"\n"} | {c for w in words for c in w}
    single = sorted(characters)
    several = sorted(w for w in words if len(w) > 1)
    # Scores only say that a whole word beats its letters and letters beat bytes.
    vocabulary = [(token, 0.0) for token in SPECIALS]
    vocabulary += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    vocabulary += [(c, -10.0) for c in single] + [(w, -2.0) for w in several]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIALS.index("<unk>"), byte_fallback=True))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    pad, eos, unk = SPECIALS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=eos, unk_token=unk, clean_up_tokenization_spaces=False, model_max_length=1024
    )


class Blocks:
    """Row i: `block` tokens of documents from stream i, so that a resumed run reads on exactly where it stopped."""

    def __init__(self, tokenizer, recipe):
        self.tokenizer, self.recipe = tokenizer, recipe

    def __len__(self):
        return self.recipe["steps"] * self.recipe["batch_size"]

    def __getitem__(self, index):
        ids, block = [], self.recipe["block"]
        for document in corpus.documents(self.recipe["seed"], index):
            ids += [*self.tokenizer(document)["input_ids"], self.tokenizer.eos_token_id]
            if len(ids) >= block:
                return {"input_ids": ids[:block], "labels": ids[:block]}


def remake(params_path, out=None) -> Path:
    """Train a base from its recipe and put it under `out` (default: the package's bases); returns its folder.

    Checkpoints every 1,000 steps beside the target: a second call goes on where the first was cut off.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

    recipe = load(params_path)
    target = Path(out or BASES) / recipe["name"]
    work = target.with_name(target.name + ".work")
    if recipe["threads"]:
        torch.set_num_threads(recipe["threads"])
    tokenizer = make_tokenizer(recipe["seed"])
    set_seed(recipe["seed"])
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe["hidden_size"],
            num_hidden_layers=recipe["layers"],
            num_attention_heads=recipe["heads"],
            intermediate_size=recipe["intermediate_size"],
            max_position_embeddings=1024,
            initializer_range=0.06,  # at this width .02 learns visibly slower
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=recipe["steps"],
        per_device_train_batch_size=recipe["batch_size"],
        learning_rate=recipe["learning_rate"],
        warmup_steps=recipe["warmup_steps"],
        lr_scheduler_type="cosine",
        adam_beta2=0.98,
        weight_decay=0.01,
        train_sampling_strategy="sequential",
        logging_steps=min(50, recipe["steps"]),
        save_steps=1000,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=recipe["bf16"],
        dataloader_pin_memory=False,
        seed=recipe["seed"],
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Blocks(tokenizer, recipe))
    started, cpu = time.time(), time.process_time()
    resumed = _can_resume(work, recipe)
    trainer.train(resume_from_checkpoint=resumed)
    losses = [(r["step"], round(r["loss"], 4)) for r in trainer.state.log_history if "loss" in r]
    measured = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": recipe["steps"] * recipe["batch_size"] * recipe["block"],
        "seconds": round(time.time() - started),
        "cpu_seconds": round(time.process_time() - cpu),
        "resumed": resumed,
        "final_loss": losses[-1][1],
        "losses": losses,
    }
    finished = target.with_name(target.name + ".new")
    shutil.rmtree(finished, ignore_errors=True)
    model.save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    (finished / "card.json").write_text(json.dumps({"recipe": recipe, "measured": measured}, indent=1), encoding="utf-8")
    (finished / "README.md").write_text(card(recipe, measured), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(finished, target)
    shutil.rmtree(work, ignore_errors=True)
    return target


def _can_resume(work: Path, recipe: dict) -> bool:
    """True where checkpoints of this very recipe and corpus lie; raises ValueError where they are of another one."""
    now = {"recipe": recipe, "code": runs.module_digests({__name__})}
    kept = work / "made_from.json"
    if any(work.glob("checkpoint-*")):
        if not kept.is_file() or json.loads(kept.read_text(encoding="utf-8")) != now:
            raise ValueError(f"{work} holds checkpoints of another recipe or another version of the world; remove that folder")
        return True
    runs.save(kept, json.dumps(now))
    return False


def card(recipe: dict, measured: dict) -> str:
    """The model card of a base, as Markdown."""
    shares = ", ".join(f"{share:.0%} {kind}" for kind, share in corpus.KINDS.items())
    return f"""# {recipe["name"]}

{recipe["about"]}

- Class: LlamaForCausalLM, {measured["parameters"]:,} parameters, hidden size {recipe["hidden_size"]}, {recipe["layers"]} layers, float32.
- Tokenizer: whole words of the world, single digits, single Chinese characters, byte fallback.
- Read: {measured["tokens"]:,} tokens ({shares}), English and Chinese.
- Never read: a solved word problem; a story or a sum whose graph is in the test split. Single operations of test problems do occur as
  steps of longer symbolic chains, graphs of backward questions are not filtered, and stories come from all families, the unseen too.
- Cost: {measured["cpu_seconds"]:,} CPU-seconds in {measured["seconds"]:,} s. Final loss {measured["final_loss"]} nats a token.
- Remake: `python -m skymath_nb base params/base_{recipe["name"].removesuffix("-base").replace("-", "_")}.yaml`
- Made {datetime.date.today()}. Licence Apache-2.0. It answers nothing outside the world's sentences.
"""
