"""Supervised fine-tuning of a base model on a curriculum.

One trl.SFTTrainer per phase, each from the files of the one before.

Source:  Skywork-Math, section 4.1.3 (AdamW without weight decay, warm-up 0.03, response-only loss).
         Each phase has a fresh optimiser and schedule, as continued SFT has; the shape of the
         schedule is not given there.

The order of the rows is laid out here, for all epochs of a phase at once, and the trainer reads it
in sequence. So it is one named random stream, batches hold rows of like length, and steps =
ceil(rows * epochs / batch_size) exactly (with packing, steps count packed sequences).
"""

from .bases import base_digest, base_path, local_files
from .cost import Cost
from .estimate import estimate
from .rows import length_table, lengths, order, pack, tokenise
from .settings import Settings
from .stages import read_training, train

__all__ = [
    "Cost",
    "Settings",
    "base_digest",
    "base_path",
    "estimate",
    "length_table",
    "lengths",
    "local_files",
    "order",
    "pack",
    "read_training",
    "tokenise",
    "train",
]
