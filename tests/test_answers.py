import json
import random
import time

import pytest

from skymath_nb import answers, seeds

# One pair a line: answer, gold, and = where they are the same mathematical object, ! where they are not.
PAIRS = r"""
5 = 5
5.0 = 5
+5 = 5
-0 = 0
.5 = 0.5
1/2 = 0.5
\frac{3}{6} = 1/2
\frac12 = 0.5
\dfrac{3}{4} = \frac{3}{4}
-\frac{1}{2} = \frac{-1}{2}
1 1/2 = 3/2
1\frac{1}{2} = 1.5
7½ = 7.5
7² = 49
7² ! 72
50% = 1/2
0.25 = 25%
25\% = 25
50 ! 0.5
5000 ! 50
0.33 ! 1/3
0.333333333333 = 1/3
0.33333334 ! 1/3
0.\overline{3} = 1/3
0.\overline{12} ! 0.\overline{21}
1,234 = 1234
1{,}234 = 1234
1\,234 = 1234
10,\!000 = 10000
12345678901234567890 ! 12345678901234567891
65536 ! 65535
3 \times 10^8 = 300000000
3e8 = 300000000
1.2e-7 ! 1.3e-7
2^{10} = 1024
2^{-99} ! 2^{-98}
10^{-20} ! 10^{-21}
１２ = 12
−3 = -3
$18 = 18
\$18.00 = 18
18 dollars = 18
18.5 ! 18
5 cm = 5
5 cm ! 5 m
36 \text{ cm}^2 = 36
36 \text{ cm}^2 ! 36 \text{ cm}^3
90^\circ = 90
25个 = 25
3/4小时 = 3/4
5米 ! 5厘米
5xy ! 5
5x ! 5
2\pi ! 2
1/0 ! 1
52_{8} = 52_8
204_5 ! 204_6
52 ! 52_8
(1,2) ! (2,1)
(1, 2) = (1,2)
\{1,2\} = \{2,1\}
1,2 = 2, 1
1, 2 = 2 \text{ or } 1
(1,2) ! \{1,2\}
[1,2) ! [1,2]
(1,2] = (1,2]
(1,2) ! [1,2]
x>2 = (2,\infty)
(2,\infty) = x>2
x \geq 2 = [2,\infty)
x>2 ! x<2
(-\infty,2)\cup(3,\infty) = (3,\infty)\cup(-\infty,2)
(-\infty,2)\cup(3,\infty) ! (-\infty,2)
x=5 = 5
5 = x=5
f(x)=x+1 = x+1
2x+2y=6 = x+y=3
x+y=3 ! 3
x+y=4 ! x+y=3
5, 6 ! 5
5 or 6 ! 5
5 ! 5, 6
(A) = A
\textbf{A} = A
B ! A
a ! A
Odd = \text{odd}
even ! odd
\text{Monday} ! Tuesday
2\sqrt{2} = \sqrt{8}
6\sqrt3 = 6\sqrt{3}
\sqrt{2} ! 1.414
22/7 ! \pi
\pi ! 3.14
\frac{\sqrt{2}}{2} = \frac{1}{\sqrt{2}}
(x+1)^2 = x^2+2x+1
x^2+1 ! x^2-1
3x^2y = 3yx^2
e^{2x} ! e^{x}
\log_2 8 = 3
1 \pm \sqrt{2} = 1-\sqrt{2}, 1+\sqrt{2}
\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix} = \begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}
\begin{pmatrix} 1 \\ 2 \end{pmatrix} ! \begin{pmatrix} 1 \\ 3 \end{pmatrix}
\varnothing = \emptyset
"""


def table():
    for line in PAIRS.strip().split("\n"):
        sign = " ! " if " ! " in line else " = "
        answer, gold = line.split(sign, 1)
        yield pytest.param(answer, gold, sign == " = ", id=line)


@pytest.mark.parametrize(("answer", "gold", "equal"), list(table()))
def test_answers_are_equal_when_they_are_the_same_object(answer, gold, equal):
    assert answers.equivalent(answer, gold) is equal


HOSTILE = [
    "10^{10^{10}}", "9^{9^{9^9}}", "2^2^2^2^2", "10^9^9", "((10^{999})^{999})^{999}", "{10^{9}}^{99}",
    "99^{99 \\cdot 99 \\cdot 999}", "2^{2*1000*1000*1000}", "2^{(10)(10)(10)(10)(10)(10)}", "2^{1000\\times 1000}",
    "(x+y)^{1000}", "(a+b+c+d+e+f)^{30}", "x^{99}\\cdot(x+1)^{99}", "10000000!", "\\frac{1}{2004!}", "1" * 100_000,
    "0." + "3" * 100_000, "1e999999999", "{" * 5000, "(" * 200, "$" * 200, "\\frac{1}{" * 50, "\\boxed{" * 1000,
    "\\sqrt{" * 30 + "2" + "}" * 30, "\\tan{\\tan{\\tan{\\tan{99}}}}", "\\exp(\\exp(\\exp(\\exp(9))))", "5\x00", "\x00",
    "\\sum_{n=1}^{10^9} n", "\\int_0^1 x dx", "\\input{/etc/passwd}", "__import__('pathlib').Path('MARK').touch()",
    "__import__('time').sleep(3600)", "=" * 10_000, "the answer is " * 10_000, "答案是" * 10_000, "1,234" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
def test_hostile_answers_are_unequal_soon_and_touch_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers.equivalent("\\sqrt{8}", "2\\sqrt{2}")  # the library is loaded before the clock starts
    start = time.process_time()
    for gold in ("7", "x^2+7"):
        assert not answers.equivalent(text, gold)
        assert not answers.equivalent(gold, text)
        for response in (text, f"The answer is {text}.", f"\\boxed{{{text}", f"\\boxed{{{text}}}"):
            assert not answers.grade(response, gold).flexible
    assert time.process_time() - start < 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("So it is 5.\nThe answer is 18.", "18"),
        ("#### 18\nThe answer is: 18", "18"),
        ("The answer is 1. No: the answer is 2.", "2"),
        ("Then $\\boxed{\\frac{1}{2}}$ follows.", "\\frac{1}{2}"),
        ("\\boxed{a_{1}} first, later \\boxed{\\{1, \\{2\\}\\}}.", "\\{1, \\{2\\}\\}"),
        ("$x = \\boxed{1}$ or $x = 5$, so the roots are $\\boxed{1}$ and $\\boxed{5}$", "1, 5"),
        ("\\boxed 2.", "2"),
        ("\\boxed{5", None),
        ("<think>Is it \\boxed{3}? no</think>The answer is 4.", "4"),
        ("<think>It is 3.</think> It is 4 apples", "4"),
        ("The correct answer is $\\frac{2}{3}$.", "\\frac{2}{3}"),
        ("The value of $x$ is 7.", "7"),
        ("The answer is x = 3 + 4 = 7.", "7"),
        ("The answer is 3.14", "3.14"),
        ("The answer is $5$ and $6$.", "5 and 6"),
        ("The answer is $18 a day at $2 each.", "18 a day at 2 each"),
        ("The answer is **12**.", "12"),
        ("答案是3/4。", "3/4"),
        ("3×5=15，15+10=25，再减去5。答案是20。", "20"),
        ("答：一共是25个。", "25"),
        ("答案为：12", "12"),
        ("She has 3 + 4 = 7 apples left", "7"),
        ("It costs 1,250 in all", "1,250"),
        ("9 * 2 =", None),
        ("The answer is", None),
        ("I do not know", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_final_answer_is_found(response, expected):
    assert answers.extract(response) == expected


@pytest.mark.parametrize(
    ("response", "gold", "strict", "flexible"),
    [
        ("The answer is 18.", "18", True, True),
        ("The answer is 1,800.", "1800", True, True),
        ("The answer is $\\dfrac{1}{2}$.", "\\frac{1}{2}", True, True),
        ("The answer is 0.24.", "24\\%", False, True),
        ("The correct answer is 18.", "18", False, True),
        ("The value of x is 18.", "18", False, True),
        ("The answer is x = 3 * 6 = 18.", "18", False, True),
        ("The answer is 2, 1.", "1, 2", False, True),
        ("The answer is 17.", "18", False, False),
        ("\\boxed{18}", "18", False, True),
        ("The answer is 18.\nThe answer is 17.", "18", False, False),
    ],
)
def test_strict_is_the_papers_matcher_and_flexible_forgives_its_known_misses(response, gold, strict, flexible):
    assert answers.grade(response, gold)[:2] == (strict, flexible)


def test_every_grade_says_why():
    reasons = {
        answers.grade(response, gold).reason
        for response, gold in [("The answer is 5.", "5"), ("", "5"), ("It is 5", "5"), ("The answer is 6.", "5"), ("5", "")]
    }
    assert reasons == {
        "equal string", "no answer found", "equal string, from the last number", "different number", "no gold answer",
    }  # fmt: skip


def test_grade_many_keeps_order_and_refuses_lists_of_unequal_length():
    assert [g.flexible for g in answers.grade_many(["5", "6", "5"], ["5", "5", "6"])] == [True, False, False]
    with pytest.raises(ValueError):
        answers.grade_many(["5"], [])


@pytest.mark.parametrize("name", ["gsm8k", "math"])
def test_gold_answers_equal_themselves_and_not_each_other(name, data_folder):
    golds = seeds.load(name, "test", data=data_folder)["answer"].tolist()
    grades = answers.grade_many([f"The answer is {gold}." for gold in golds], golds)
    assert [g for gold, g in zip(golds, grades, strict=True) if not (g.strict and g.flexible)] == []
    others = random.Random(0).sample(golds, 500)
    same = [(a, b) for a, b in zip(others, others[1:], strict=False) if answers.equivalent(a, b)]
    assert all(answers.normalise(a) == answers.normalise(b) or "%" in a + b for a, b in same)


@pytest.mark.parametrize("name", ["math500_qwen3_pairs", "gsm8k_example_model_solutions_pairs"])
def test_labels_made_by_hand_or_by_the_publisher_are_met(name, data_folder):
    rows = map(json.loads, (data_folder / "answer_pairs" / f"{name}.jsonl").read_text("utf-8").splitlines())
    pairs = [(r["prediction"], r["gold"], r["correct"]) for r in rows if r["prediction"] is not None]
    assert [pair for pair in pairs if answers.equivalent(*pair[:2]) != pair[2]] == []
