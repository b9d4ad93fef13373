"""What a training would cost before it is called; the time comes from a pilot on this machine."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..core import devices
from ..core.schema import Curriculum
from . import cost
from . import rows as rows_of
from .bases import base_path
from .settings import Settings
from .stages import read_training, train


def estimate(
    base: str | os.PathLike,
    curriculum: Curriculum,
    *,
    prompt: Callable[[str], str] | None = None,
    pilot_steps: int = 0,
    **settings,
) -> cost.Cost:
    """Return what `train` with these arguments would cost, before it is called.

    Args:
        pilot_steps: So many steps of the first phase are trained in a temporary folder and timed
            (6 or more: the first two warm up); 0 gives no hours.

    Raises what `train` raises.
    """
    settings = Settings.of(**settings)
    settings.check(curriculum)
    source, device = base_path(base), devices.choose(settings.device, settings.processes)
    model, limit, phases = cost.shape(source), curriculum.max_length, curriculum.phases
    lengths = [rows_of.lengths(base, p.rows, prompt=prompt).clip(max=limit) for p in phases]
    total = int(sum(n.sum() * p.epochs for n, p in zip(lengths, phases, strict=True)))
    longest, rows_per_sequence = max(int(n.max()) for n in lengths), 1.0
    if settings.packing:
        longest, rows_per_sequence = limit, max(1.0, limit / max(n.mean() for n in lengths))
    at_once = cost.micro_tokens(curriculum, settings, longest, rows_per_sequence)
    speed = _pilot(base, curriculum, settings, prompt, pilot_steps) if pilot_steps else None
    return cost.Cost(
        rows=curriculum.n_rows,
        tokens=total,
        steps=sum(curriculum.phase_steps(phase) for phase in phases),
        parameters=model.parameters,
        trained=cost.trained_parameters(model, settings),
        memory=cost.memory(model, settings, at_once, device),
        free=devices.memory(device).free,
        tokens_per_second=speed,
        hours=total / speed / 3600 if speed else None,
    )


def _pilot(base, curriculum: Curriculum, settings: Settings, prompt, steps: int) -> float:
    """Train so many steps of the first phase. Returns tokens a second, from the median step."""
    phase, wanted = curriculum.phases[0], steps * curriculum.batch_size
    rows = phase.rows.sample(min(len(phase.rows), wanted), random_state=0)
    short = dataclasses.replace(phase, rows=rows, epochs=wanted / len(rows))
    plan, given = dataclasses.replace(curriculum, phases=(short,)), dataclasses.asdict(settings)
    with tempfile.TemporaryDirectory() as folder:
        out = train(base, plan, Path(folder) / "pilot", prompt=prompt, progress=None, **given)
        done = read_training(out)["phases"][0]
    if not done["seconds_per_step"]:
        few = f"The pilot had {done['steps']} steps, too few to time."
        raise ValueError(f"{few} Give pilot_steps=6 or more.")
    return done["tokens"] / done["steps"] / done["seconds_per_step"]
