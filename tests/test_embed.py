import numpy as np
import pytest

from skymath_nb import embed

TEXTS = ["Tom has 3 apples.", "Tom has 4 apples and buys 2.", "小明有3个苹果。", "Solve x + 2 = 5 for x.", "Find the area."] * 4


def test_vectors_have_length_one_and_do_not_depend_on_chance():
    X = embed.embed(TEXTS, dimensions=3)
    assert X.shape == (20, 3) and X.dtype == np.float32
    assert np.allclose(np.linalg.norm(X, axis=1), 1, atol=1e-6)
    assert np.array_equal(X, embed.embed(TEXTS, dimensions=3))


def test_equal_texts_fall_together_and_like_ones_lie_nearer():
    X = embed.embed(TEXTS, dimensions=4)
    assert np.allclose(X[0], X[5], atol=1e-5)
    assert X[0] @ X[1] > X[0] @ X[3]


@pytest.mark.parametrize("texts", [["one"], ["same", "same"], ["。", "?"]])
def test_few_texts_still_get_finite_vectors(texts):
    X = embed.embed(texts)
    assert len(X) == len(texts) and np.isfinite(X).all()


@pytest.mark.parametrize(("texts", "message"), [([], "0 texts"), (["a", " "], r"1 of them are empty .*\[1\]")])
def test_no_text_and_empty_text_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        embed.embed(texts)


def test_a_projection_keeps_the_directions_that_matter():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(200, 2)) * 5, rng.normal(size=(200, 6)) * 0.1], axis=1)
    flat = embed.project(X)
    assert flat.shape == (200, 2) and flat.var() > 0.99 * X[:, :2].var()
