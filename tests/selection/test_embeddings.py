import importlib.util

import numpy as np
import pytest

from skymath_nb import world
from skymath_nb.data import seeds
from skymath_nb.selection import coreset, embeddings

TEXTS = [
    "Tom has 3 apples.",
    "Tom has 4 apples and buys 2.",
    "小明有3个苹果。",
    "Solve x + 2 = 5 for x.",
    "Find the area.",
] * 4


def test_vectors_have_length_one_and_do_not_depend_on_chance():
    X = embeddings.embed(TEXTS, dimensions=3)
    assert X.shape == (20, 3) and X.dtype == np.float32
    assert np.allclose(np.linalg.norm(X, axis=1), 1, atol=1e-6)
    assert np.array_equal(X, embeddings.embed(TEXTS, dimensions=3))


def test_equal_texts_fall_together_and_like_ones_lie_nearer():
    X = embeddings.embed(TEXTS, dimensions=4)
    assert np.allclose(X[0], X[5], atol=1e-5)
    assert X[0] @ X[1] > X[0] @ X[3]


@pytest.mark.parametrize("texts", [["one"], ["same", "same"], ["。", "?"]])
def test_few_texts_still_get_finite_vectors(texts):
    X = embeddings.embed(texts)
    assert len(X) == len(texts) and np.isfinite(X).all()


@pytest.mark.parametrize(
    ("texts", "message"), [([], "0 texts"), (["a", " "], r"1 of them are empty .*\[1\]")]
)
def test_no_text_and_empty_text_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        embeddings.embed(texts)


def test_a_projection_keeps_the_directions_that_matter():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(200, 2)) * 5, rng.normal(size=(200, 6)) * 0.1], axis=1)
    flat = embeddings.project(X)
    assert flat.shape == (200, 2) and flat.var() > 0.99 * X[:, :2].var()


def test_chinese_problems_are_chosen_as_often_as_there_are():
    english, chinese = (
        world.benchmark(name, 200)["problem"].tolist() for name in ("world-test", "world-chinese")
    )
    order = coreset.k_center(embeddings.embed([*english, *chinese[:60]]), 52).order
    assert 0.5 < (order >= 200).mean() / (60 / 260) < 2


def test_a_real_mixture_of_languages_is_covered_fairly(data_folder):
    problems = seeds.load("gsm8k", "train", 900, data=data_folder)["problem"].tolist()
    chinese = seeds.load(str(data_folder / "cmath" / "cmath_test.jsonl"), limit=300)[
        "problem"
    ].tolist()
    order = coreset.k_center(embeddings.embed([*problems, *chinese]), 120).order
    assert 0.5 < (order >= 900).mean() / 0.25 < 2


def test_all_chinese_texts_are_embedded_too():
    X = embeddings.embed(["小明有三个苹果", "小红有三个苹果", "今天去学校上课"], dimensions=2)
    assert X[0] @ X[1] > X[0] @ X[2]


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    if importlib.util.find_spec("sentence_transformers"):
        pytest.skip("sentence-transformers is installed")
    with pytest.raises(RuntimeError, match=r"pip install -e '\.\[embeddings\]'"):
        embeddings.embed(["a"], method="some/model")
