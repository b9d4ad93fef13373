"""Makes a tiny base model from the world's texts: tokenizer, Llama-class weights, model card.

One params file remakes one base.

The base is to the tiny scale what LLaMA2-7B is to the paper: it has read, it has seen sums, it has
never seen a solved word problem.
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

from ..core import code_digests, disk, paths
from ..world import corpus
from ..world.problem import KINDS
from .bases import BASES, base_path, local_folder

# A digit is always a token of its own; a word takes the blank before it, and the one after it where
# a digit follows.
PIECES = (
    r"\d| ?[A-Za-z]+(?: (?=\d))?| ?[^\sA-Za-z\d\u4e00-\u9fff](?: (?=[\d(]))?|[\u4e00-\u9fff]|\s"
)
SPECIALS = ("<pad>", "<eos>", "<unk>")
ACTIVE_EXPERTS = 2
SAVE_EVERY = 1000  # steps; what a cut loses at most
DECAY = 0.4  # the last share of the steps, over which the learning rate falls to 0
DEFAULTS = {
    "name": "",  # folder under skymath_nb/training/bases
    "about": "",  # one line for the model card
    "seed": 0,
    # a base to go on from (a packaged one or a model folder); its shape and tokenizer then hold
    "base": "",
    # shares of documents
    "mix": {"sums": 0.15, "chains": 0.25, "stories": 0.25, "parallel": 0.2, "rewordings": 0.15},
    "hidden_size": 128,
    "layers": 4,
    "heads": 2,
    "key_value_heads": 1,
    "intermediate_size": 384,  # of the feed-forward block, or of each expert
    # 0 means dense; else a Mixtral-class mixture of so many, two of them active for each token
    "experts": 0,
    "steps": 4000,
    "batch_size": 32,
    "block": 128,  # tokens a row
    "optimizer": "muon",  # for the hidden matrices, AdamW for the rest; or adamw for all
    "learning_rate": 0.003,
    "warmup_steps": 100,
    "bf16": False,  # faster where the processor multiplies bfloat16
    "threads": 0,  # 0 = as many as torch chooses
}


def load(path) -> dict:
    """The recipe in a params file, defaults filled in.

    Raises ValueError for a key, type or choice it does not know.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"base recipe {path} does not exist; the one of the default base is "
            "params/base_tiny.yaml"
        )
    given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    wrong = [k for k in given if k not in DEFAULTS]
    wrong += [k for k, v in given.items() if k in DEFAULTS and type(v) is not type(DEFAULTS[k])]
    if wrong or not given.get("name"):
        raise ValueError(
            f"{path}: {', '.join(wrong) or 'name'} is unknown, missing or of the wrong type; "
            "a base recipe has "
            f"{', '.join(f'{k} ({type(v).__name__})' for k, v in DEFAULTS.items())}"
        )
    recipe = DEFAULTS | given
    paths.check_name(f"base's name in {path}", recipe["name"])
    unknown = set(recipe["mix"]) - set(corpus.KINDS)
    numbers = all(isinstance(share, int | float) for share in recipe["mix"].values())
    if unknown or not numbers or min(recipe["mix"].values(), default=1) <= 0:
        raise ValueError(
            f"{path}: mix {recipe['mix']} needs shares above 0 of {', '.join(corpus.KINDS)}"
        )
    if recipe["optimizer"] not in OPTIMIZERS:
        raise ValueError(
            f"{path}: optimizer {recipe['optimizer']!r} is not one of {', '.join(OPTIMIZERS)}"
        )
    if recipe["base"] and not local_folder(recipe["base"]):
        raise FileNotFoundError(
            f"{path} goes on from the base {recipe['base']!r}, which is neither in {BASES} nor a "
            "model folder; make it first"
        )
    return recipe


def make_tokenizer(seed: int = 0, n_documents: int = 20_000):
    """A fast tokenizer.

    Whole words of the world, single digits, single Chinese characters, bytes for everything else.

    Any text encodes, and decodes to itself. Returns a transformers PreTrainedTokenizerFast.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    # Besides the documents: every sentence of the world, the words of prompts and answers, and
    # every printable character.
    documents = corpus.documents(seed, -1, dict.fromkeys(corpus.KINDS, 1))
    forms = [form for kind in KINDS.values() for form in (*kind.en, *kind.zh)]
    texts = [re.sub(r"\{\w\}", "1", form) for form in forms]
    texts.append("Problem: 1\nSolution: The answer is 1.")
    texts.append("The answer is -1/2. x = 1. Step 1: so, we have it.")
    words = set()
    for text in itertools.chain(itertools.islice(documents, n_documents), texts):
        words |= {piece for piece, _ in split.pre_tokenize_str(text)}
    characters = {chr(c) for c in range(32, 127)} | {"\n"} | {c for w in words for c in w}
    single = sorted(characters)
    several = sorted(w for w in words if len(w) > 1)
    # Scores only say that a whole word beats its letters and letters beat bytes.
    vocabulary = [(token, 0.0) for token in SPECIALS]
    vocabulary += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    vocabulary += [(c, -10.0) for c in single] + [(w, -2.0) for w in several]
    unigram = models.Unigram(vocabulary, unk_id=SPECIALS.index("<unk>"), byte_fallback=True)
    tokenizer = Tokenizer(unigram)
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    specials = dict(zip(("pad_token", "eos_token", "unk_token"), SPECIALS, strict=True))
    options = {"clean_up_tokenization_spaces": False, "model_max_length": 1024}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **specials, **options)


class Blocks:
    """Row i.

    `block` tokens of documents from stream i, so that a resumed run reads on exactly where it
    stopped.
    """

    def __init__(self, tokenizer, recipe):
        self.tokenizer, self.recipe = tokenizer, recipe

    def __len__(self):
        return self.recipe["steps"] * self.recipe["batch_size"]

    def __getitem__(self, index):
        ids, block = [], self.recipe["block"]
        for document in corpus.documents(self.recipe["seed"], index, self.recipe["mix"]):
            ids += [*self.tokenizer(document)["input_ids"], self.tokenizer.eos_token_id]
            if len(ids) >= block:
                return {"input_ids": ids[:block], "labels": ids[:block]}


def remake(params_path, out=None, force=False) -> Path:
    """Train a base from its recipe and put it under `out` (default.

    The package's bases); returns its folder.

    A folder there that is no base of this name is replaced only with `force`, one that the recipe
    reads never.

    Checkpoints every SAVE_EVERY steps beside the target: a second call goes on where the first was
    cut off.
    """
    import torch
    from transformers import AutoTokenizer, set_seed

    recipe = load(params_path)
    target = Path(out or BASES) / recipe["name"]
    _check_target(target, recipe, Path(params_path), force)
    work = target.with_name(target.name + ".work")
    if recipe["threads"]:
        torch.set_num_threads(recipe["threads"])
    if recipe["base"]:
        tokenizer = AutoTokenizer.from_pretrained(base_path(recipe["base"]))
    else:
        tokenizer = make_tokenizer(recipe["seed"])
    set_seed(recipe["seed"])
    model = _model(recipe, tokenizer)
    gpu = torch.cuda.is_available()
    trainer = _trainer(recipe, model, tokenizer, work, gpu)
    resumed = _can_resume(work, recipe)
    spent = _Spent(work, torch.cuda.get_device_name() if gpu else "CPU")
    trainer.add_callback(spent.callback())
    trainer.train(resume_from_checkpoint=resumed)
    losses = [(r["step"], round(r["loss"], 4)) for r in trainer.state.log_history if "loss" in r]
    measured = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "active_parameters": _active(model, recipe),
        "tokens": recipe["steps"] * recipe["batch_size"] * recipe["block"],
        **spent.so_far(),
        "resumed": resumed,
        "final_loss": losses[-1][1],
        "losses": losses,
    }
    finished = target.with_name(target.name + ".new")
    shutil.rmtree(finished, ignore_errors=True)
    model.save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    record = {"recipe": recipe, "measured": measured}
    disk.save(finished / "card.json", json.dumps(record, indent=1))
    disk.save(finished / "README.md", card(recipe, measured, Path(params_path).name))
    shutil.rmtree(target, ignore_errors=True)
    os.replace(finished, target)
    shutil.rmtree(work, ignore_errors=True)
    return target


def _trainer(recipe: dict, model, tokenizer, work: Path, gpu: bool):
    """The transformers Trainer of a recipe, with checkpoints in `work`."""
    from transformers import Trainer, TrainingArguments

    decay = {"num_decay_steps": max(1, round(DECAY * recipe["steps"])), "decay_type": "linear"}
    optimizer = OPTIMIZERS[recipe["optimizer"]]
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=recipe["steps"],
        per_device_train_batch_size=recipe["batch_size"],
        warmup_steps=recipe["warmup_steps"],
        learning_rate=recipe["learning_rate"],
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs=decay,
        train_sampling_strategy="sequential",
        logging_steps=min(50, recipe["steps"]),
        save_steps=SAVE_EVERY,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not gpu,
        bf16=recipe["bf16"],
        dataloader_pin_memory=gpu,
        seed=recipe["seed"],
    )
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=Blocks(tokenizer, recipe),
        optimizer_cls_and_kwargs=(lambda: optimizer, {"rate": recipe["learning_rate"]}),
    )


def _check_target(target: Path, recipe: dict, params_path: Path, force: bool) -> None:
    """Refuse a target that the recipe reads, or that something else made."""
    start = local_folder(recipe["base"]) if recipe["base"] else None
    reads = [params_path.resolve(), *([Path(start).resolve()] if start else [])]
    if any(place.is_relative_to(target.resolve()) for place in reads):
        raise ValueError(
            f"{target} would be replaced, but it is read. Name another folder with --out."
        )
    if force or not target.exists():
        return
    try:
        made = json.loads((target / "card.json").read_text(encoding="utf-8"))["recipe"]["name"]
    except (OSError, ValueError, LookupError, TypeError):
        made = ""
    if made != recipe["name"]:
        raise ValueError(
            f"{target} is there already and is no base {recipe['name']}. Name another folder "
            "with --out, or replace it with --force."
        )


def _model(recipe, tokenizer):
    from transformers import AutoModelForCausalLM, LlamaConfig, MixtralConfig

    if recipe["base"]:
        return AutoModelForCausalLM.from_pretrained(base_path(recipe["base"]))
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": recipe["hidden_size"],
        "num_hidden_layers": recipe["layers"],
        "num_attention_heads": recipe["heads"],
        "num_key_value_heads": recipe["key_value_heads"],
        "intermediate_size": recipe["intermediate_size"],
        "max_position_embeddings": 1024,
        "initializer_range": 0.06,  # at this width .02 learns visibly slower
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if recipe["experts"]:
        # The router's balance counts in the loss, as where the class was made (Mixtral, arXiv
        # 2401.04088; Switch, arXiv 2101.03961).
        mixture = {"num_local_experts": recipe["experts"], "num_experts_per_tok": ACTIVE_EXPERTS}
        mixture |= {"output_router_logits": True, "router_aux_loss_coef": 0.01}
        return AutoModelForCausalLM.from_config(MixtralConfig(**shape, **mixture))
    return AutoModelForCausalLM.from_config(LlamaConfig(**shape))


def _active(model, recipe):
    """Parameters that one token meets."""
    experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
    idle = 1 - ACTIVE_EXPERTS / recipe["experts"] if recipe["experts"] else 0
    return round(sum(p.numel() for p in model.parameters()) - idle * experts)


def _adamw(model, rate):
    import torch

    return torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)


def _muon(model, rate):
    """Muon for the hidden matrices, AdamW for embeddings and norms, as one optimiser.

    Source: Keller Jordan's Muon, in torch.optim.
    """
    import torch

    class Both(torch.optim.Optimizer):
        def __init__(self, *parts):
            self.parts = parts
            super().__init__([group for part in parts for group in part.param_groups], {})

        def step(self, closure=None):
            for part in self.parts:
                part.step()

        def state_dict(self):
            return {"parts": [part.state_dict() for part in self.parts]}

        def load_state_dict(self, state):
            for part, its in zip(self.parts, state["parts"], strict=True):
                part.load_state_dict(its)
            self.param_groups = [group for part in self.parts for group in part.param_groups]

    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    ids = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in ids]
    # match_rms_adamw gives both the same size of step, so that one learning rate serves.
    muon = torch.optim.Muon(hidden, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    return Both(muon, torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.01))


OPTIMIZERS = {"muon": _muon, "adamw": _adamw}


class _Spent:
    """Seconds and CPU-seconds of a training, over all its legs.

    What a cut leg spent up to its last checkpoint counts.
    """

    def __init__(self, work, device):
        self.path, self.device = work / "spent.json", device
        self.before = {"seconds": 0, "cpu_seconds": 0}
        if self.path.is_file():
            self.before = json.loads(self.path.read_text(encoding="utf-8"))
        self.started, self.cpu = time.time(), time.process_time()

    def so_far(self):
        leg = {"seconds": time.time() - self.started, "cpu_seconds": time.process_time() - self.cpu}
        return {k: round(self.before[k] + leg[k]) for k in leg} | {"device": self.device}

    def callback(self):
        from transformers import TrainerCallback

        spent = self

        class Save(TrainerCallback):
            def on_save(self, args, state, control, **kwargs):
                disk.save(spent.path, json.dumps(spent.so_far()))

        return Save()


def _can_resume(work: Path, recipe: dict) -> bool:
    """True where checkpoints of this very recipe and corpus lie.

    Raises ValueError where they are of another one.
    """
    now = {"recipe": recipe, "code": code_digests.of_modules({__name__})}
    kept = work / "made_from.json"
    if any(work.glob("checkpoint-*")):
        if not kept.is_file() or json.loads(kept.read_text(encoding="utf-8")) != now:
            raise ValueError(
                f"{work} holds checkpoints of another recipe or another version of the world; "
                "remove that folder"
            )
        return True
    disk.save(kept, json.dumps(now))
    return False


def card(recipe: dict, measured: dict, params: str) -> str:
    """The model card of a base, as Markdown; `params` names its params file."""
    total = sum(recipe["mix"].values())
    shares = ", ".join(f"{share / total:.0%} {kind}" for kind, share in recipe["mix"].items())
    shape = (
        f"hidden size {recipe['hidden_size']}, {recipe['layers']} layers, {recipe['heads']} heads"
    )
    name = "MixtralForCausalLM" if recipe["experts"] else "LlamaForCausalLM"
    if recipe["experts"]:
        shape += (
            f", {recipe['experts']} experts of which {ACTIVE_EXPERTS} are active "
            f"({measured['active_parameters']:,} parameters a token)"
        )
    if recipe["base"]:
        start = f"- Goes on from {recipe['base']}; the figures below are of this part alone.\n"
    else:
        start = ""
    curve = "".join(
        f"| {step:,} | {loss} |\n"
        for step, loss in measured["losses"][:: max(1, len(measured["losses"]) // 10)]
    )
    made = datetime.date.today()
    return f"""# {recipe["name"]}

{recipe["about"]}

- Class: {name}, {measured["parameters"]:,} parameters, {shape}, float32.
- Tokenizer: whole words of the world, single digits, single Chinese characters, byte fallback.
{start}- Read: {measured["tokens"]:,} tokens ({shares}), English and Chinese.
- Never read: a solved word problem; a graph of the test or dev split, whole in a story or in any
  part of worked-out arithmetic; an inverse graph of the first {corpus.FILTERED:,} items of
  world-backward. It did read stories of all families, the unseen too.
- Optimiser: {recipe["optimizer"]}, learning rate {recipe["learning_rate"]}.
- Cost: {measured["cpu_seconds"] / 3600:.2f} CPU-hours in {measured["seconds"] / 60:.0f} minutes on
  {measured["device"]}.
- Remake: `python -m skymath_nb base params/{params}`
- Made {made}. Licence Apache-2.0. It answers nothing outside the world's sentences.

Loss, nats a token, mean of the 50 steps before; {measured["final_loss"]} at the end:

| step | loss |
|---|---|
{curve}"""
