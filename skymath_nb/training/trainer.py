"""TRL's SFTTrainer as we set it up.

The paper's loss beside the usual one, a watch over every step, checkpoints that count when whole.
"""

import json
import math
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ..core import digests, disk
from ..core.schema import Curriculum, Phase
from .rows import PAD_TO, Layout
from .settings import Settings

LOG_EVERY = 20  # steps; logging each step costs a few per cent at the tiny student's size
# written last into a phase's folder or a checkpoint: what is without it does not count
COMPLETE = digests.COMPLETE


class Watch:
    """What happens at every step of a phase.

    The loss is a number, progress is told, checkpoints are made whole, time is counted.
    """

    def __init__(
        self, phase: Phase, layout: Layout, work: Path, progress: Callable[[str], None] | None
    ):
        self.phase, self.layout, self.work, self.progress = phase, layout, work, progress
        self.checkpoint = last_checkpoint(work)
        kept = self.checkpoint / COMPLETE if self.checkpoint else None
        self._before = {"seconds": 0.0, "cpu_seconds": 0.0}
        if kept:
            self._before = json.loads(kept.read_text(encoding="utf-8"))
        self._wall, self._cpu, self._ends = time.perf_counter(), time.process_time(), []

    def spent(self) -> dict:
        """Seconds of this phase over all its legs, up to now.

        What a cut leg did after its last checkpoint is not counted.
        """
        leg = {
            "seconds": time.perf_counter() - self._wall,
            "cpu_seconds": time.process_time() - self._cpu,
        }
        return {key: round(self._before[key] + leg[key], 2) for key in leg}

    def seconds_per_step(self) -> float:
        """Median over the steps of this leg but the first two, which warm up.

        0 where there are no more.
        """
        times = [b - a for a, b in zip(self._ends[1:], self._ends[2:], strict=False)]
        return round(statistics.median(times), 4) if times else 0.0

    def say(self, line: str) -> None:
        if self.progress:
            self.progress(line)

    def require_number(self, value: float, what: str, step: int) -> None:
        """Raises.

        RuntimeError if the value is no number, naming phase, step, rows, learning rate and what is
        kept.
        """
        if not math.isfinite(value):
            raise RuntimeError(
                f"{what} became {value} in phase {self.phase.name!r} at step {step} of "
                f"{self.layout.steps}, on {self.layout.describe(step)}, so training stopped; "
                f"{self.kept()}. Lower the learning rate (at its highest "
                f"{self.phase.learning_rate:g}) or look at those rows."
            )

    def kept(self) -> str:
        last = last_checkpoint(self.work)
        if last:
            return f"the last checkpoint is kept ({last})"
        return "there was no checkpoint of this phase yet"

    def callback(self):
        from accelerate import PartialState
        from transformers import TrainerCallback

        watch, steps = self, self.layout.steps

        class Callback(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                watch._ends.append(time.perf_counter())
                last = state.global_step == steps
                control.should_save &= not last  # what the phase leaves is saved at once anyhow
                control.should_log |= last or control.should_save

            def on_log(self, args, state, control, logs=None, **kwargs):
                if "loss" not in logs:
                    return
                watch.require_number(logs["grad_norm"], "The gradient", state.global_step)
                if state.is_world_process_zero:
                    watch.say(
                        f"{watch.phase.name}: step {state.global_step}/{steps}, loss "
                        f"{logs['loss']:.3f}{watch._left(state.global_step)}"
                    )

            def on_save(self, args, state, control, **kwargs):
                PartialState().wait_for_everyone()  # each process writes a part
                if state.is_world_process_zero:
                    complete(watch.work / f"checkpoint-{state.global_step}", watch.spent())

        return Callback()

    def _left(self, step: int) -> str:
        minutes = self.seconds_per_step() * (self.layout.steps - step) / 60
        return f", {minutes:.0f} min left" if minutes >= 1 else ""


def complete(checkpoint: Path, spent: dict) -> None:
    """Mark a checkpoint as whole; older ones are not needed any more."""
    disk.save(checkpoint / COMPLETE, json.dumps(spent))
    for other in checkpoint.parent.glob("checkpoint-*"):
        if other != checkpoint:
            shutil.rmtree(other)


def last_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint of a phase."""
    whole = [path.parent for path in work.glob(f"checkpoint-*/{COMPLETE}")]
    return max(whole, key=lambda path: int(path.name.split("-")[1]), default=None)


# Over eight parameters: what one phase of training needs, each made elsewhere.
def make(
    curriculum: Curriculum,
    phase: Phase,
    settings: Settings,
    layout: Layout,
    model,
    tokenizer,
    work: Path,
    device: str,
    seed: int,
    watch: Watch,
    in_tiles: bool | None = None,
):
    """Return the trainer of one phase.

    Args:
        in_tiles: TRL's loss, which never holds all logits, in place of the model's own, which does.
            None: on a GPU, and with Unsloth, which computes it in its own way. On a CPU TRL's tiles
            have no kernel: a step of the tiny base takes 1.4 times as long.
    """
    import logging

    from transformers import PrinterCallback

    if in_tiles is None:
        in_tiles = device == "cuda" or settings.backend == "unsloth"
    # It warns that packed rows might see each other without FlashAttention;
    # tests/training/test_rows.py shows that they do not.
    logging.getLogger("trl.trainer.sft_trainer").setLevel(logging.ERROR)
    where = {"output_dir": str(work), "seed": seed}
    arguments = _arguments(curriculum, phase, settings, layout, device, in_tiles, where)
    trainer = _trainer_class(settings, watch, in_tiles)(
        model=model,
        args=arguments,
        train_dataset=layout.dataset,
        processing_class=tokenizer,
        callbacks=[watch.callback()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(curriculum, phase, settings, layout, device, in_tiles: bool, where: dict):
    """TRL's settings for one phase; `where` has its folder and seed."""
    import trl
    from packaging.version import Version
    from trl import SFTConfig

    gpu = device == "cuda"
    # From 1.16 on "nll" is computed in tiles; before, the one that is had a name of its own.
    loss_type = "chunked_nll" if in_tiles and Version(trl.__version__) < Version("1.16") else "nll"
    # transformers 5.23 renamed it
    recomputing = "activation_checkpointing"
    if recomputing not in SFTConfig.__dataclass_fields__:
        recomputing = "gradient_checkpointing"
    return SFTConfig(
        **where,
        per_device_train_batch_size=layout.micro,
        gradient_accumulation_steps=layout.accumulate,
        num_train_epochs=1,  # the dataset holds every epoch already, in order
        train_sampling_strategy="sequential",
        learning_rate=phase.learning_rate,
        lr_scheduler_type=curriculum.schedule,
        warmup_steps=curriculum.warmup,  # below 1 it is a share of the steps
        weight_decay=curriculum.weight_decay,
        optim="adamw_torch_fused",
        use_cpu=not gpu,
        bf16=settings.arithmetic(device) == "bfloat16",
        dataloader_pin_memory=gpu,
        loss_type=loss_type,
        max_length=None,  # nothing is cut here
        padding_free=settings.packing,
        # packed sequences have no padding at all
        pad_to_multiple_of=None if settings.packing else PAD_TO,
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        save_strategy="steps" if settings.checkpoint_every else "no",
        save_steps=settings.checkpoint_every or 500,
        report_to="none",
        disable_tqdm=True,
        **{recomputing: settings.recomputes(device)},
    )


def _trainer_class(settings: Settings, watch: Watch, in_tiles: bool):
    """TRL's trainer with our two losses, which stops where the loss is no number."""
    from transformers import Trainer as PlainTrainer
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def _get_num_items_in_batch(self, batch_samples, device):
            """What the summed loss is divided by.

            Response tokens, or examples (where the response begins).
            """
            if settings.loss == "token_mean":
                return super()._get_num_items_in_batch(batch_samples, device)
            labels = [batch["labels"] for batch in batch_samples]
            count = sum(((x[..., 1:] != -100) & (x[..., :-1] == -100)).sum() for x in labels).to(
                device
            )
            return self.accelerator.gather(count).sum()

        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            kind = SFTTrainer if in_tiles else PlainTrainer
            found = kind.compute_loss(self, model, inputs, return_outputs, num_items_in_batch)
            loss = found[0] if return_outputs else found
            watch.require_number(loss.item(), "The loss", self.state.global_step + 1)
            return found

    return Trainer


def train(trainer, watch: Watch, settings: Settings) -> None:
    """Run a trainer to its end, from the last whole checkpoint if there is one.

    Raises:
        RuntimeError: If memory runs out, naming the step and the settings that lower it.
    """
    import torch

    for place in watch.work.glob("checkpoint-*"):
        if place != watch.checkpoint and trainer.is_world_process_zero():
            shutil.rmtree(place)  # one that was being written when the training was cut off
    if watch.checkpoint:
        step = watch.checkpoint.name.split("-")[1]
        watch.say(f"{watch.phase.name}: goes on after step {step} of {watch.layout.steps}")
    try:
        trainer.train(resume_from_checkpoint=str(watch.checkpoint) if watch.checkpoint else None)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if (
            isinstance(error, RuntimeError)
            and not isinstance(error, torch.OutOfMemoryError)
            and "allocate memory" not in str(error)
        ):
            raise
        micro = watch.layout.micro
        smaller = f"micro_batch={max(1, micro // 2)}" if micro > 1 else "a shorter max_length"
        raise RuntimeError(
            f"Memory ran out in phase {watch.phase.name!r} at step "
            f"{trainer.state.global_step + 1} of {watch.layout.steps}, with "
            f"micro_batch={micro}, recompute={settings.recompute!r} and "
            f"tuning={settings.tuning!r} ({str(error).splitlines()[0]}); "
            f'{watch.kept()}. Try {smaller}, recompute="on", or more processes; such changes go '
            "on from the checkpoint."
        ) from error
