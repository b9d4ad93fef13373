import random

import numpy as np
import pytest

from skymath_nb.selection import near_duplicates, ngrams

WORDS = (
    "tom ann has buys 3 17 apples pears how many are left in all red box then of gives away sold "
    "day each week"
).split()


def texts(n, seed=0):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(12, 40))) for _ in range(n)]


def jaccard(a, b):
    sides = [
        set(zip(*(ngrams.words(text)[i:] for i in range(near_duplicates.SHINGLE)), strict=False))
        for text in (a, b)
    ]
    return len(sides[0] & sides[1]) / len(sides[0] | sides[1])


def test_equal_texts_are_found_whatever_their_case_spacing_and_latex():
    rows = [
        "Find $\\frac12$.",
        "x",
        "find  $\\dfrac{1}{2}$",
        "Find $\\frac13$.",
        "X ",
        "+",
        "-",
        "",
        "",
    ]
    found = near_duplicates.exact(rows)
    assert found.of.tolist() == [0, 1, 0, 3, 1, 5, 6, 7, 7] and found.report == {
        "rows": 9,
        "exact": 3,
    }
    assert found.kept.sum() == 6


def test_near_duplicates_are_those_of_a_comparison_of_all_pairs():
    rows, rng = texts(150), random.Random(1)
    for text in rows[:100]:
        parts = text.split()
        for _ in range(rng.randint(0, 3)):
            parts[rng.randrange(len(parts))] = rng.choice(WORDS)
        rows.append(" ".join(parts))
    found = near_duplicates.near(rows, 0.8, measure=0)
    kept, expected = [], []
    for i, text in enumerate(rows):
        near = any(jaccard(rows[j], text) >= 0.8 for j in kept)
        expected.append(not near)
        kept += [] if near else [i]
    assert found.kept.tolist() == expected and 30 < found.report["near"] < 100
    again = np.flatnonzero(~found.kept)
    assert all(
        jaccard(rows[found.of[i]], rows[i]) == pytest.approx(found.similarity[i]) for i in again
    )


def test_batches_change_nothing(monkeypatch):
    rows = texts(60) + texts(60)[::-1] + texts(30, seed=1) * 3
    whole = near_duplicates.near(rows, measure=0)
    monkeypatch.setattr(near_duplicates, "BATCH", 16)
    parts = near_duplicates.near(rows, measure=0)
    assert parts.of.tolist() == whole.of.tolist() and whole.kept.sum() == 90
    assert parts.of[60:120].tolist() == list(range(59, -1, -1))


def test_many_copies_of_a_text_are_compared_with_the_kept_one_alone(monkeypatch):
    monkeypatch.setattr(near_duplicates, "BATCH", 16)
    rows = texts(2) * 500
    found = near_duplicates.near(rows, measure=0)
    assert found.of.tolist() == [0, 1] * 500 and found.report["candidates"] < 1000 * 9


def test_pairs_that_only_the_cut_shingles_call_near_are_not_dropped(monkeypatch):
    rows, signatures = [*texts(20), *texts(3)], near_duplicates._signatures

    def blurred(texts, seed):
        keys, short = signatures(texts, seed)
        # texts of equal length are equal
        short.indices[:] = np.arange(short.nnz) - np.repeat(
            short.indptr[:-1], np.diff(short.indptr)
        )
        return np.ones_like(keys), short

    monkeypatch.setattr(near_duplicates, "_signatures", blurred)
    found = near_duplicates.near(rows, measure=0)
    assert found.of.tolist() == [*range(20), 0, 1, 2] and found.report["candidates"] == 23 * 22 // 2


def test_two_shingles_of_a_text_that_are_one_in_30_bits_count_once(monkeypatch):
    """Left twice, scipy would need 12 GB to compare the text with another."""
    real = near_duplicates._shingles

    def collide(texts):
        table = real(texts)
        table.indices[1] = table.indices[0] + 1
        return table

    monkeypatch.setattr(near_duplicates, "_shingles", collide)
    _, short = near_duplicates._signatures(ngrams.column(["a b c d e f", "", "a b c d e g"]), 0)
    assert short.has_canonical_format and np.diff(short.indptr).tolist() == [3, 0, 4]


def test_chinese_is_compared_by_characters():
    text = "小明有三个苹果和五个梨，他又买了七个苹果，请问他现在一共有多少个水果呢？"
    found = near_duplicates.near(
        [
            text,
            text.replace("小明", "小红"),
            "小红去学校上课，她每天走路二十分钟，请问一个星期要走多久？",
        ],
        0.8,
        measure=0,
    )
    assert found.of.tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("one", "other", "repeats"),
    [
        ("What is $88 \\div (4 \\div 2)$?", "What is $88 \\div 4 \\div 2$?", False),
        ("Compute $\\arcsin (-1).$", "Compute $\\arcsin 1.$", False),
        ("What is the sum $5! + x$ then?", "What is the sum $5 + x$ then?", False),
        ("What is $x?$ [asy] draw(A); [/asy]", "What is $x$? [asy] draw(B); [/asy]", False),
        ("What is $x?$ [asy] draw(A); [/asy]", "What is $x$?  [asy]draw(A);[/asy]", True),
        ("Tom has 3 pens; how many is that?", "Tom has 3 pens, how many is that", True),
        ("What is $\\dfrac{a}{b} + 2$, please?", "What is $ \\frac{a}{b} + 2 $ please", True),
    ],
)
@pytest.mark.parametrize("threshold", [0.8, 1])
def test_equal_words_with_other_operators_or_another_drawing_do_not_repeat(
    one, other, repeats, threshold
):
    assert near_duplicates.near([one, other], threshold, measure=0).report["near"] == repeats
    assert (
        bool(near_duplicates._all_pairs(near_duplicates.wording.column([one, other]), threshold))
        == repeats
    )


def test_texts_without_words_or_of_one_word_are_no_reason_to_stop():
    assert near_duplicates.near(
        ["", "+", "one", "one", "two words", "", "two words"], measure=0
    ).of.tolist() == [0, 1, 2, 2, 4, 5, 4]
    assert near_duplicates.near([]).report["rows"] == 0 and len(near_duplicates.exact([]).of) == 0


def test_recall_against_all_pairs_is_measured_and_high():
    report = near_duplicates.near(texts(600), 0.8, measure=400).report
    assert report["recall_pairs"] > 20 and report["recall"] >= 0.98 and report["false"] == 0


def test_recall_falls_where_the_bands_are_fewer(monkeypatch):
    monkeypatch.setattr(near_duplicates, "BANDS", 1)
    assert near_duplicates.recall(texts(300), 0.8)["recall"] < 0.9


def test_a_threshold_that_the_bands_are_not_made_for_is_refused():
    with pytest.raises(ValueError, match="threshold=0.2"):
        near_duplicates.near(["a"], 0.2)
