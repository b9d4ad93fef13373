import random

import pytest

from skymath_nb.selection import ngrams


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tom has 12 red hats.", "tom has 12 red hats"),
        ("$\\dfrac{1}{2}x^2$", "frac 1 2 x 2"),
        ("\\left(3x\\right) \\le \\text{cm}", "3 x leq cm"),
        ("\\leftx \\\\left \\frac12", "leftx frac 12"),
        ("小明有３个", "小 明 有 3 个"),
        ("a [asy] draw(B); [/asy] b <<3+4=7>>7", "a b 7"),
        ("_ ... +", ""),
    ],
)
def test_words_are_letters_numbers_han_characters_and_commands(text, expected):
    assert ngrams.words(text) == expected.split()


def test_bare_texts_are_equal_where_only_the_layout_differs():
    assert ngrams.bare("Find $\\dfrac{1}{2}$ of \\(x^{2}\\).") == ngrams.bare(
        "find \\frac12  of $x^2$"
    )
    assert ngrams.bare("$1+2$") != ngrams.bare("$1-2$")


PIECES = [
    "a",
    "left",
    "\\",
    "\\le",
    "9",
    "小",
    "é",
    " ",
    "<<",
    ">>",
    "[asy]",
    "[/asy]",
    "X",
    "_",
    "½",
    "\\text{",
    "Ⅷ",
    "İ",
    "\n",
]


MARKS = [
    "<<",
    ">>",
    "<",
    ">",
    "\n",
    "7",
    "1,234",
    ",",
    "567",
    "b",
    " ",
    "[asy]",
    "[/asy]",
    "\\",
    "\\left",
]
SIGNS = [*"’‘“”−–—ʼ\u0301\u2028…€aZ7,\x00\x0c小 ", "12,345", "\\,"]


@pytest.mark.parametrize("block", [1, 40, ngrams.BLOCK])
@pytest.mark.parametrize("pieces", [PIECES, MARKS, SIGNS])
def test_a_scan_finds_the_words_of_every_text_and_no_others(pieces, block):
    rng = random.Random(block)
    texts = [
        "".join(rng.choice(pieces) for _ in range(rng.randint(0, 12))) for _ in range(3000)
    ] + [None, "", "plain words 7"]
    hashes, joined, outlines, seen = {}, {}, {}, []
    for part in ngrams.scan(ngrams.column(texts), block):
        whole, outline = part.joined().tolist(), part.outline().tolist()
        for i, place in enumerate(part.place.tolist()):
            found = ngrams.words(texts[place] or "")
            mine = slice(part.begin[i], part.begin[i + 1])
            assert len(part.value[mine]) == len(found)
            assert part.number[mine].tolist() == [word.isdecimal() for word in found]
            for word, value in zip(found, part.value[mine].tolist(), strict=True):
                assert hashes.setdefault(word, value) == value
            assert joined.setdefault("".join(found), whole[i]) == whole[i]
            assert outlines.setdefault("".join(found), outline[i]) == outline[i]
            seen.append(place)
    assert sorted(seen) == list(range(len(texts)))
    assert len(set(hashes.values())) == len(hashes) and len(set(joined.values())) == len(joined)


def test_runs_of_words_have_equal_hashes_wherever_they_stand():
    (part,) = ngrams.scan(ngrams.column(["x one two three", "one two three y", "three two one"]))
    starts = part.starts(3)
    runs = part.grams(starts, 3).tolist()
    assert starts.tolist() == [0, 1, 4, 5, 8] and runs[1] == runs[2] and len(set(runs)) == 4


def test_every_mark_that_lets_a_text_be_cut_is_looked_for():
    for text in ("[asy] [/asy]", "[ASY] [/ASY]", "<<1>>"):
        assert ngrams._cut(text) == " " and any(mark in text.encode() for mark in ngrams.CUT_MARKS)


GROUPS = [
    "1,234",
    "x",
    " ",
    ",",
    "567",
    "8",
    "{",
    "}",
    "$",
    "\\,",
    "\\!",
    "\t",
    "1, 200",
    "5,",
    "0123",
]
GROUPS += ["1,234,567", "’", "\x0c", "<<1,000>>"]


def test_grouped_numbers_are_found_however_they_are_set_and_not_across_texts():
    rng = random.Random(0)
    texts = ["".join(rng.choice(GROUPS) for _ in range(rng.randint(0, 6))) for _ in range(4000)]
    hashes = {}
    for part in ngrams.scan(ngrams.column(texts)):
        for i, place in enumerate(part.place.tolist()):
            found, values = (
                ngrams.words(texts[place]),
                part.value[part.begin[i] : part.begin[i + 1]].tolist(),
            )
            assert len(found) == len(values) and all(
                hashes.setdefault(*pair) == pair[1] for pair in zip(found, values, strict=True)
            )
    assert len(set(hashes.values())) == len(hashes)


def test_long_words_have_their_own_hashes():
    texts = [
        "a" * size + end for size in (0, 7, 8, 15, 16, 1000) for end in ("b", "c", "bc", "\u00e9")
    ]
    values = [value for part in ngrams.scan(ngrams.column(texts)) for value in part.value.tolist()]
    assert len(set(values)) == len(texts)
