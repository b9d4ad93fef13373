"""How a training is carried out, as opposed to what is trained on (the curriculum).

Checked before anything starts.
"""

import dataclasses
import difflib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..core import devices, paths
from ..core.schema import Curriculum

CHOICES = {
    "backend": ("full", "unsloth"),
    "tuning": ("full", "lora", "qlora"),
    "loss": ("token_mean", "example_mean"),
    "too_long": ("refuse", "drop", "truncate"),
    "precision": ("auto", "float32", "bfloat16"),
    "recompute": ("auto", "on", "off"),
}
# the others change speed and rounding alone
DECIDE = ("backend", "tuning", "lora_rank", "loss", "packing", "too_long", "precision")


@dataclass(frozen=True)
class Settings:
    """The keyword arguments of `train` that are not data.

    Attributes:
        backend: "full" (transformers, TRL and accelerate) or "unsloth".
        tuning: What is trained: "full" (every parameter), and through Unsloth "lora" or "qlora"
            (4-bit weights, GPU).
        lora_rank: Rank of the low-rank matrices; their scale (lora_alpha) is the same number.
        loss: "token_mean": mean over the response tokens of a batch, as is usual. "example_mean":
            the negative log-likelihood of a whole response, mean over the examples of a batch
            (Skywork-Math, equation 2).
        packing: Several rows in one sequence of max_length tokens, within a phase, by TRL's
            best-fit packing. A step then holds as many sequences as make batch_size rows on the
            average.
        too_long: Rows over max_length tokens: "refuse", "drop", or "truncate" (cut off at the end,
            EOS included).
        precision: Of the arithmetic: "auto" (bfloat16 where it pays), "float32" or "bfloat16";
            weights stay float32.
        recompute: Activations in the backward pass, for memory: "auto" (on a GPU), "on" or "off".
        micro_batch: Rows (packed: sequences) on a device at once; 0 is the whole of a device's
            share of the batch.
        checkpoint_every: Steps between checkpoints; 0 writes none inside a phase.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".  threads  of torch; 0 leaves them
            alone.
        launcher: An accelerate config file (params/accelerate/*.yaml): the training then runs in
            the processes it names.
    """

    backend: str = "full"
    tuning: str = "full"
    lora_rank: int = 16
    loss: str = "token_mean"
    packing: bool = False
    too_long: str = "refuse"
    precision: str = "auto"
    recompute: str = "auto"
    micro_batch: int = 0
    checkpoint_every: int = 500
    device: str = "auto"
    threads: int = 0
    launcher: str = ""

    @classmethod
    def of(cls, **given) -> "Settings":
        """Return the settings given by name.

        Raises:
            ValueError: For an unknown name or a value that is no choice.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in set(given) - set(known):
            near = difflib.get_close_matches(name, known, n=1)
            raise ValueError(
                f"There is no setting {name!r} of "
                f"sft.train{f' (nearest: {near[0]})' if near else ''}; there are "
                f"{', '.join(known)}."
            )
        settings = cls(**{**given, "launcher": str(given.get("launcher") or "")})
        for name, choices in CHOICES.items():
            if getattr(settings, name) not in choices:
                raise ValueError(
                    f"{name}={getattr(settings, name)!r} was asked for, but {name} is one of "
                    f"{', '.join(choices)}."
                )
        return settings

    def check(self, curriculum: Curriculum) -> None:
        """Raises.

        ValueError where these settings contradict one another, the curriculum or what is installed.
        """
        if self.tuning != "full" and self.backend != "unsloth":
            raise ValueError(
                f'tuning={self.tuning!r} goes through Unsloth: set backend="unsloth", or '
                'tuning="full".'
            )
        if self.backend == "unsloth" and not importlib.util.find_spec("unsloth"):
            raise ValueError(
                'backend="unsloth" needs Unsloth, which is not installed: `make unsloth` on a '
                "CPU machine, "
                "`pip install -c constraints-unsloth.txt -e '.[dev,unsloth]'` on a GPU machine, "
                "each into an environment of its own."
            )
        if self.backend == "unsloth" and self.packing:
            raise ValueError(
                "packing=True was asked for, but through Unsloth packed rows do not count as "
                "they do alone (its attention takes no "
                'account of where a row ends). Set packing=False, or backend="full".'
            )
        if self.tuning == "qlora" and devices.choose(self.device, self.processes) == "cpu":
            raise ValueError(
                'tuning="qlora" needs a GPU: on a CPU Unsloth would train 16-bit weights '
                'instead. Take tuning="lora".'
            )
        ordered = [phase.name for phase in curriculum.phases if not phase.shuffle]
        if self.packing and ordered:
            raise ValueError(
                "packing=True was asked for, but best-fit packing reorders rows, and the order "
                f"inside {', '.join(map(repr, ordered))} "
                "is meant (shuffle=False). Set packing=False, or let that phase shuffle."
            )
        if min(self.micro_batch, self.checkpoint_every, self.threads) < 0 or self.lora_rank < 1:
            raise ValueError(
                "micro_batch, checkpoint_every and threads are 0 or more, lora_rank 1 or more."
            )
        share = self.processes
        if not self.packing and curriculum.batch_size % (share * max(1, self.micro_batch)):
            raise ValueError(
                f"micro_batch={self.micro_batch} does not divide batch_size={curriculum.batch_size}"
                + (f" on {share} processes" if share > 1 else "")
                + f"; {share} x micro_batch has to."
            )

    @property
    def processes(self) -> int:
        """How many processes the launcher's file names; 1 without one."""
        if not self.launcher:
            return 1
        return int(self.launcher_config()["num_processes"])

    def launcher_config(self) -> dict:
        """Return the accelerate config file.

        Raises:
            FileNotFoundError: Or ValueError if it names no processes.
        """
        path = self.launcher_path()
        if not path.is_file():
            there = sorted(p.name for p in paths.locate("params/accelerate").glob("*.yaml"))
            raise FileNotFoundError(
                f"The launcher {path} does not exist; in params/accelerate there are "
                f"{', '.join(there) or 'none'}."
            )
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict) or "num_processes" not in config:
            raise ValueError(
                f"{path} is no accelerate config file: it names no num_processes. `accelerate "
                "config` writes one."
            )
        return config

    def launcher_path(self) -> Path:
        return paths.locate(self.launcher)

    def arithmetic(self, device: str) -> str:
        """The precision that "auto" means on a device."""
        if self.precision != "auto":
            return self.precision
        return "bfloat16" if devices.multiplies_bfloat16(device) else "float32"

    def recomputes(self, device: str) -> bool:
        """Whether activations are computed again in the backward pass."""
        return self.recompute == "on" or (self.recompute == "auto" and device == "cuda")

    def identity(self) -> dict:
        """The settings that decide what comes out."""
        named = {
            name: getattr(self, name)
            for name in DECIDE
            if name != "lora_rank" or self.tuning != "full"
        }
        # packed sequences of a step come in multiples of what the processes take at once
        return named | ({"unit": self.processes * max(1, self.micro_batch)} if self.packing else {})

    def batch(self, batch_size: int, rows_per_sequence: float) -> tuple[int, int, int]:
        """Return (sequences a step, sequences at once on a device, micro-batches a step and
        device).

        Args:
            rows_per_sequence: 1 without packing; with it, a step's sequences are rounded to what
                the devices divide.
        """
        unit = self.processes * max(1, self.micro_batch)
        if self.packing:
            sequences = max(1, round(batch_size / rows_per_sequence / unit)) * unit
        else:
            sequences = batch_size
        micro = self.micro_batch or sequences // self.processes
        return sequences, micro, sequences // (micro * self.processes)
