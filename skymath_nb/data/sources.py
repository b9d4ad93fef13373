"""The named sources, as one table.

Files under a data folder, hub id, licence, layout, and what each may be used for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import source_layouts


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a named source is, how its rows read, and what it is for.

    Attributes:
        files: Path below the data folder, by split.
        hub: Id on the Hugging Face hub, "" if none holds these rows in this layout; `configs` are
            read one after the other, `hub_split` says what the hub calls a split.
        origin: The repository that a file without a hub id comes from, "" for a file of your own.
        seeded: The split that seeds are drawn from: "train" or "dev" where there is one; "test"
            where the paper draws from a benchmark that has no other, which can then no longer test
            that model; "" for what only tests.
        within: The benchmark whose test items it repeats, translates, changes or belongs with.
        figures: False where problems came with pictures that the text does not have: those that
            speak of one are left out.
    """

    files: dict[str, str]
    layout: Callable[[dict], dict]
    licence: str
    hub: str = ""
    configs: tuple[str | None, ...] = (None,)
    hub_split: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    language: str = "en"
    seeded: str = ""
    within: str = ""
    figures: bool = True

    @property
    def whence(self) -> str:
        """Where the files of a source without a hub id come from, as the end of an error."""
        there = (
            f"it comes from github.com/{self.origin}"
            if self.origin
            else "its entry in seeds/sources.py names no origin"
        )
        return f"{there}, and no hub id is known to hold it"


SUBJECTS = (
    *("algebra", "counting_and_probability", "geometry", "intermediate_algebra"),
    *("number_theory", "prealgebra", "precalculus"),
)
AGIEVAL = dict(
    layout=source_layouts.agieval,
    origin="ruixiangcui/AGIEval, data/v1",
    seeded="test",
    figures=False,
)
OLYMPIAD = dict(
    layout=source_layouts.olympiadbench,
    hub="Hothan/OlympiadBench",
    hub_split={"test": "train"},
    licence="MIT; Apache-2.0 on the hub",
    seeded="test",
    figures=False,
)
QWEN = dict(
    origin="QwenLM/Qwen2.5-Math, evaluation/data", licence="MIT there; its makers' own terms"
)
SYMBOLIC = dict(
    layout=source_layouts.gsm8k, hub="apple/GSM-Symbolic", licence="CC-BY-NC-ND-4.0", within="gsm8k"
)
EXAM = dict(layout=source_layouts.exam, language="zh", figures=False, **QWEN)

SOURCES = {
    "gsm8k": Source(
        files={"train": "gsm8k/train.jsonl.gz", "test": "gsm8k/test.jsonl"},
        layout=source_layouts.gsm8k,
        hub="openai/gsm8k",
        configs=("main",),
        licence="MIT",
        seeded="train",
    ),
    "math": Source(
        files={"train": "math/train.jsonl.gz", "test": "math/test.jsonl.gz"},
        layout=source_layouts.math,
        hub="EleutherAI/hendrycks_math",
        configs=SUBJECTS,
        licence="MIT",
        seeded="train",
    ),
    "math500": Source(
        files={"test": "math/math500.jsonl"},
        layout=source_layouts.math,
        hub="HuggingFaceH4/MATH-500",
        licence="MIT",
        within="math",
    ),
    "cmath": Source(
        files={"dev": "cmath/cmath_dev.jsonl", "test": "cmath/cmath_test.jsonl"},
        layout=source_layouts.cmath,
        hub="weitianwen/cmath",
        hub_split={"dev": "validation"},
        licence="CC-BY-4.0",
        language="zh",
        seeded="dev",
    ),
    "cmath-distractors": Source(
        files={"test": "cmath/distractor_half_a.jsonl"},
        layout=source_layouts.cmath_distractors,
        origin="XiaoMi/cmath, datasets/distractor.jsonl",
        licence="CC-BY-4.0",
        language="zh",
        within="cmath",
    ),
    "mgsm-zh": Source(
        files={"test": "mgsm_zh/mgsm_zh.jsonl"},
        layout=source_layouts.mgsm,
        hub="juletxara/mgsm",
        configs=("zh",),
        licence="CC-BY-SA-4.0",
        language="zh",
        within="gsm8k",
    ),
    "gsm-plus": Source(
        files={"test": "robustness/gsm_plus.jsonl"},
        layout=source_layouts.gsm_plus,
        hub="qintongli/GSM-Plus",
        licence="CC-BY-SA-4.0",
        within="gsm8k",
    ),
    "gsm-symbolic": Source(
        files={"test": "robustness/gsm_symbolic.jsonl"}, configs=("main",), **SYMBOLIC
    ),
    "gsm-symbolic-p1": Source(
        files={"test": "robustness/gsm_symbolic_p1.jsonl"}, configs=("p1",), **SYMBOLIC
    ),
    "gsm-symbolic-p2": Source(
        files={"test": "robustness/gsm_symbolic_p2.jsonl"}, configs=("p2",), **SYMBOLIC
    ),
    "gsm-hard": Source(
        files={"test": "robustness/gsmhardv2.jsonl"},
        layout=source_layouts.gsm_hard,
        hub="reasoning-machines/gsm-hard",
        hub_split={"test": "train"},
        licence="Apache-2.0",
        within="gsm8k",
    ),
    "gsm8k-backward": Source(
        files={"test": "robustness/gsm8k_backward.jsonl"},
        layout=source_layouts.backward,
        hub="meta-math/GSM8K_Backward",
        licence="Apache-2.0",
        within="gsm8k",
    ),
    "olympiadbench": Source(
        files={"test": "olympiadbench/test.jsonl"}, configs=("OE_TO_maths_en_COMP",), **OLYMPIAD
    ),
    "olympiadbench-zh": Source(
        files={"test": "olympiadbench/test_zh.jsonl"},
        configs=("OE_TO_maths_zh_COMP", "OE_TO_maths_zh_CEE"),
        language="zh",
        within="olympiadbench",
        **OLYMPIAD,
    ),
    "agieval-sat-math": Source(files={"test": "agieval/sat-math.jsonl"}, licence="MIT", **AGIEVAL),
    "agieval-aqua-rat": Source(
        files={"test": "agieval/aqua-rat.jsonl"}, licence="Apache-2.0", **AGIEVAL
    ),
    "agieval-gaokao-mathqa": Source(
        files={"test": "agieval/gaokao-mathqa.jsonl"}, licence="MIT", language="zh", **AGIEVAL
    ),
    "agieval-gaokao-mathcloze": Source(
        files={"test": "agieval/gaokao-mathcloze.jsonl"}, licence="MIT", language="zh", **AGIEVAL
    ),
    "scibench": Source(
        files={"test": "scibench/scibench.jsonl"},
        layout=source_layouts.scibench,
        hub="xw27/scibench",
        hub_split={"test": "train"},
        licence="MIT",
        seeded="test",
        figures=False,
    ),
    "jeebench": Source(
        files={"test": "jeebench/dataset.json"},
        layout=source_layouts.jeebench,
        hub="daman1209arora/jeebench",
        licence="MIT",
        seeded="test",
        figures=False,
    ),
    "svamp": Source(
        files={"test": "word_problems/svamp.jsonl"},
        layout=source_layouts.svamp,
        hub="ChilleD/SVAMP",
        hub_split={"test": "train+test"},
        licence="MIT",
    ),
    "asdiv": Source(
        files={"test": "word_problems/asdiv.jsonl"}, layout=source_layouts.asdiv, **QWEN
    ),
    "mawps": Source(
        files={"test": "word_problems/mawps.jsonl"}, layout=source_layouts.mawps, **QWEN
    ),
    "aime24": Source(
        files={"test": "exams/aime24.jsonl"},
        layout=source_layouts.aime,
        hub="HuggingFaceH4/aime_2024",
        hub_split={"test": "train"},
        licence=QWEN["licence"],
    ),
    "carp-en": Source(files={"test": "exams/carp_en.jsonl"}, layout=source_layouts.carp, **QWEN),
    "cn-middle-school": Source(files={"test": "exams/cn_middle_school.jsonl"}, **EXAM),
    "gaokao2024-1": Source(files={"test": "exams/gaokao2024_I.jsonl"}, **EXAM),
    "gaokao2024-2": Source(files={"test": "exams/gaokao2024_II.jsonl"}, **EXAM),
    "gaokao2024-mix": Source(files={"test": "exams/gaokao2024_mix.jsonl"}, **EXAM),
}


def spoils(source: str, benchmark: str) -> bool:
    """Whether seeds of one named source are test items of another, or of the same.

    What is not in the table is left to the leak gate.
    """
    if (
        source not in SOURCES
        or benchmark not in SOURCES
        or SOURCES[source].seeded in ("train", "dev")
    ):
        return False
    one, other = (SOURCES[name].within or name for name in (source, benchmark))
    return one == other
