r"""Labelled answers and responses as models write them: further kinds, in the form of `answer_pairs`.

Written for this project. ≡ stands between an answer and a gold that are the same mathematical object, ≢ between others.
"""

from answer_pairs import rows

KINDS = {
    "number words": r"""
        one hundred twenty-six ≡ 126
        one hundred and twenty-six ≡ 126
        three thousand four hundred ≡ 3400
        two thousand nineteen ≡ 2019
        twelve hundred ≡ 1200
        a thousand ≡ 1000
        five million ≡ 5000000
        two and a half ≡ 5/2
        four and three quarters ≡ 19/4
        negative eight ≡ -8
        minus 17 ≡ -17
        minus one half ≡ -0.5
        two dozen ≡ 24
        a dozen eggs ≡ 12
        half ≡ 0.5
        five sixths ≡ 5/6
        seventy-three apples ≡ 73
        three hundred dollars ≡ 300
        six point two five ≡ 6.25
        \text{forty-one} ≡ 41
        one hundred ninety-nine thousand ≡ 199000
        two hundred six ≢ 200
        two hundred six ≢ 26
        four and a half ≢ 4
        two thousand ten ≢ 2000
        one million two ≢ 1000000
        a hundred one ≢ 100
        three quarters ≢ 3
        ninety ≢ 9
        minus six ≢ 6
        """,
    "currencies": r"""
        AU$45 ≡ 45
        US\$18.50 ≡ 18.5
        C$45 ≡ 45
        ₹1,200 ≡ 1200
        ₩5000 ≡ 5000
        GBP 12 ≡ 12
        12 EUR ≡ 12
        JPY 3,000 ≡ 3000
        €7.50 ≡ 7.5
        45 rupees ≡ ₹45
        12 pounds sterling ≡ 12
        \text{USD } 40 ≡ 40
        \$1.5 \text{ million} ≡ 1500000
        Rs. 250 ≡ 250
        HK$88 ≡ 88
        USD 40 ≡ \$40
        €40 ≢ \$40
        A$40 ≢ US$40
        ₹40 ≢ ¥40
        \$2.5 million ≢ 2.5
        75 cents ≢ \$75
        EUR 12 ≢ 21
        """,
    "dates and times": r"""
        12 July ≡ July 12
        July 12th ≡ July 12
        the 12th of July ≡ July 12
        July 12, 2021 ≡ 12 July 2021
        2021-07-12 ≡ July 12, 2021
        7月12日 ≡ July 12
        09:40 ≡ 9:40
        6:00 AM ≡ 6 AM
        6 a.m. ≡ 6:00 am
        18:30 ≡ 6:30 PM
        noon ≡ 12 PM
        5 o'clock ≡ 5:00
        \text{4:15 PM} ≡ 4:15 p.m.
        July 12 ≢ July 21
        July 12 ≢ June 12
        7 December ≢ 12 July
        July 12, 2021 ≢ July 12, 2022
        6 AM ≢ 6 PM
        9:40 ≢ 9:04
        18:30 ≢ 8:30 PM
        18:30 ≢ 6:30
        18:30 ≢ 6:30 AM
        12:30 AM ≢ 12:30 PM
        """,
    "named values": r"""
        g(4) = 11 ≡ 11
        h'(0) = -2 ≡ -2
        P(X \ge 3) = \frac{5}{8} ≡ 5/8
        P(A|B) = 0.4 ≡ 2/5
        |AB| = 13 ≡ 13
        \overline{CD} = 7 ≡ 7
        \lim_{x \to 0} f(x) = 3 ≡ 3
        \lim_{n\to\infty} a_n = \frac12 ≡ 0.5
        \det A = -6 ≡ -6
        \max f = 9 ≡ 9
        \min_{x>0} g(x) = 4 ≡ 4
        \sum_{i=1}^{3} a_i = 21 ≡ 21
        \angle ABC = 70^\circ ≡ 70
        \text{Perimeter} = 36 ≡ 36
        \vec{u} = (4, -1) ≡ (4,-1)
        \overrightarrow{AB} = (2, 5) ≡ (2,5)
        E(X) = 3.5 ≡ 7/2
        S_{10} = 145 ≡ 145
        7 = n ≡ 7
        \sin A = \frac{3}{5} ≡ 3/5
        \gcd(12, 18) = 6 ≡ 6
        \frac{dy}{dx} = 2x ≡ 2x
        x + 3 = 8 ≢ 8
        2x = 8 ≢ 8
        x^2 = 9 ≢ 9
        x + y = 7 ≢ 7
        g(4) = 11 ≢ 4
        P(X=2) = 3 ≢ 2
        |x| = 4 ≢ 4
        f(2) = 5 ≢ f(2) = 6
        xy = 6 ≢ 6
        n = 4p ≢ 4
        """,
    "holding equations": r"""
        3 + 4 = 7 ≡ 7
        7 ≡ 3 + 4 = 7
        6! = 720 ≡ 720
        \frac{6}{8} = \frac{3}{4} ≡ 3/4
        \frac{1}{5} = 0.2 = 20\% ≡ 1/5
        12 \times 3 = 36 ≡ 36
        2^5 = 32 ≡ 32
        \sqrt{50} = 5\sqrt{2} ≡ 5\sqrt2
        (x+1)^2 = x^2+2x+1 ≡ x^2+2x+1
        180^\circ - 65^\circ = 115^\circ ≡ 115
        \sqrt{3} \approx 1.732 ≡ \sqrt{3}
        3 + 4 = 8 ≢ 8
        3 + 4 = 7 ≢ 3
        3 + 4 = 7 ≢ 4
        x + 4 = 7 ≢ 7
        2 + 2 = 4 ≢ 2
        3x = 12 ≢ 4
        """,
    "written twice": r"""
        0.6 (or 60%) ≡ 3/5
        \frac{3}{5} (= 0.6) ≡ 3/5
        \frac45 \text{ or } 0.8 ≡ 4/5
        2.5 or 5/2 ≡ 5/2
        \frac{7}{4}, \text{ that is, } 1.75 ≡ 7/4
        \frac13 (approximately 0.333) ≡ 1/3
        \sqrt{7} (about 2.65) ≡ \sqrt7
        1\frac12 \text{ or } \frac32 ≡ 3/2
        0.6 (or 6%) ≢ 0.6
        \frac45 \text{ or } \frac15 ≢ 4/5
        3 or 4 ≢ 3
        \frac13 (about 0.4) ≢ 1/3
        2 or -2 ≢ 2
        5 or 6 ≢ 6
        """,
    "qualifiers": r"""
        x^2+1 \text{ for all real } x ≡ x^2+1
        2n+1, n \in \mathbb{Z} ≡ 2n+1
        \frac{\pi}{4} + k\pi \quad (k \in \mathbb{Z}) ≡ \frac{\pi}{4}+k\pi
        f(x) = 3x \text{ for every real number } x ≡ f(x)=3x
        f(x) = cx, \text{ where } c \text{ is an arbitrary constant} ≡ f(x)=cx
        7 (maximum value) ≡ 7
        \ln|x| + C, \text{ where } C \text{ is a constant} ≡ \ln|x|+C
        f(x)=x+2, \forall x \in \mathbb{R} ≡ f(x)=x+2
        6 \text{ (the smallest one)} ≡ 6
        x^2+1 \text{ for all real } x ≢ x^2
        2n, n \in \mathbb{Z} ≢ 2n+1
        f(x)=2x \text{ for all } x ≢ f(x)=3x
        2n, n \in \mathbb{N} ≢ 2n
        5 (million) ≢ 5
        3 (not 4) ≢ 4
        x \ge 0 ≢ x
        x^2 \text{ for } x>0 ≢ x^2
        5 (rejected) ≢ 5
        """,
    "greek and unicode": r"""
        α ≡ \alpha
        2β ≡ 2\beta
        16π ≡ 16\pi
        π/3 ≡ \frac{\pi}{3}
        3π/4 ≡ \frac{3}{4}\pi
        cos(π) ≡ -1
        λ = 4 ≡ 4
        ⁵⁄₈ ≡ 5/8
        2³⁄₄ ≡ 11/4
        x³ − 1 ≡ x^3-1
        2⁻³ ≡ 1/8
        5√2 ≡ 5\sqrt{2}
        7∶2 ≡ 7:2
        « 15 » ≡ 15
        『15』 ≡ 15
        ６．５ ≡ 6.5
        α ≢ \beta
        16π ≢ 16
        16π ≢ 15π
        ㋆ ≢ 7
        ㊆ ≢ 7
        ⑦ ≢ 7
        ①③ ≢ 13
        ㏢ ≢ 3
        10⁵ ≢ 105
        10⁵ ≢ 10
        ⁵⁄₈ ≢ 58
        """,
    "vectors and points": r"""
        3\mathbf{i} - \mathbf{j} + 2\mathbf{k} ≡ (3,-1,2)
        \hat{i} + 4\hat{j} ≡ (1,4)
        2\vec{i} - 5\vec{j} ≡ \langle 2, -5 \rangle
        3i + 4j - k ≡ (3,4,-1)
        \mathbf{i} + 2\mathbf{k} ≡ (1,0,2)
        \vec{a} = (1, 2) ≡ \langle 1,2\rangle
        P(3, 4) ≡ (3,4)
        \text{point } P(3,4) ≡ (3,4)
        the point (3, 4) ≡ (3,4)
        B(-2, 0), D(2, 0) ≡ (-2,0), (2,0)
        M = (1, 5) ≡ (1,5)
        3\mathbf{i} - \mathbf{j} ≢ (3,1)
        3\mathbf{i} - \mathbf{j} ≢ (-1,3)
        3i + 4j ≢ 7
        3+4i ≢ (3,4)
        P(3, 4) ≢ (4,3)
        \mathbf{i} + 2\mathbf{k} ≢ (1,2)
        P(3, 4) ≢ 4
        """,
    "systems": r"""
        \begin{cases} x = 4 \\ y = -1 \end{cases} ≡ x=4, y=-1
        \begin{cases} x = 4 \\ y = -1 \end{cases} ≡ (4,-1)
        \begin{cases} x = 4, \\ y = -1. \end{cases} ≡ x=4, y=-1
        \begin{aligned} a &= 2 \\ b &= 3 \\ c &= 5 \end{aligned} ≡ a=2, b=3, c=5
        \left\{\begin{array}{l} x=4 \\ y=-1 \end{array}\right. ≡ x=4, y=-1
        \begin{aligned} S &= 3 \cdot 4 \\ &= 12 \end{aligned} ≡ 12
        \begin{cases} x = 4 \\ y = -1 \end{cases} ≢ x=-1, y=4
        \begin{cases} x = 4 \\ y = -1 \end{cases} ≢ 4
        \begin{cases} x & x > 0 \\ -x & x < 0 \end{cases} ≢ x \ne 0
        \begin{cases} x & x > 0 \\ -x & x < 0 \end{cases} ≢ x
        """,
    "functions": r"""
        cbrt(27) ≡ 3
        floor(7/2) ≡ 3
        \lceil 2.1 \rceil ≡ ceil(2.1)
        abs(-4) ≡ 4
        \max(3, 8) ≡ 8
        min(3, 8) ≡ 3
        gcd(12, 18) ≡ 6
        \operatorname{lcm}(4, 6) ≡ 12
        factorial(5) ≡ 120
        C(7, 3) ≡ 35
        nCr(7, 3) ≡ 35
        {}_{7}C_{3} ≡ 35
        {}^{7}C_{3} ≡ 35
        C_7^3 ≡ 35
        C^3_7 ≡ 35
        7C3 ≡ \binom{7}{3}
        7 choose 3 ≡ 35
        {}_5P_2 ≡ 20
        \nicefrac{5}{6} ≡ 5/6
        \xfrac{5}{6} ≡ 5/6
        max(a, b) ≢ \min(a, b)
        floor(x) ≢ \lceil x \rceil
        C(7, 3) ≢ 210
        \gcd(4, 6) ≢ 12
        cbrt(27) ≢ 9
        C(7, 3) ≢ C(7, 2)
        """,
    "choices in words": r"""
        A, C, D ≡ ACD
        2, 3 ≢ 2 \cdot 3
        A, B ≢ ABC
        Option D ≡ D
        choice (D) ≡ D
        \text{Option D} ≡ D
        \text{Choice } D ≡ D
        D. 45 ≡ D
        \text{(D) 45 cm} ≡ D
        \mathrm{(D)}~45 ≡ D
        (D): all of the above ≡ D
        letter D ≡ D
        Option D ≢ C
        D. 45 ≢ C
        (D) 45 ≢ (C) 45
        choice C ≢ D
        D = 5 ≢ D
        """,
    "separators": r"""
        45{,}000 ≡ 45000
        0{,}25 ≡ 1/4
        2{,}75 ≡ 2.75
        1,\!250,\!000 ≡ 1250000
        45\,000 ≡ 45000
        45 000 ≡ 45000
        3,\,500 ≡ 3500
        0,25 ≡ 0.25
        (1,\,250) ≡ (1, 250)
        2{,}75 ≢ 275
        0{,}25 ≢ 25
        3,5 ≢ 35
        3,5 ≢ 3.5
        45,00 ≢ 4500
        (1,\,250) ≢ 1250
        """,
    "either": r"""
        x=3 \text{或} x=-5 ≡ 3, -5
        x=3 \lor x=-5 ≡ -5, 3
        x=3 \vee x=-5 ≡ \{3,-5\}
        x=3 或 x=-5 ≡ 3, -5
        x = 3 \text{ or } -5 ≡ 3, -5
        x=3 ∨ x=-5 ≡ -5, 3
        x=3 \lor x=-5 ≢ 3
        x=3 \text{或} x=-5 ≢ 3, 5
        x=3 \lor x=-5 ≢ (3,-5)
        """,
    "chinese amounts": r"""
        3万5千 ≡ 35000
        3万5千元 ≡ 35000
        2亿3000万 ≡ 230000000
        1.2万 ≡ 12000
        三万五千 ≡ 35000
        6千 ≡ 6000
        4又3/5 ≡ 4.6
        百分之四十 ≡ 40%
        3千克 ≡ 3
        3千克 ≡ 3000克
        3万 ≢ 3
        1.2万 ≢ 1.2
        3万5千 ≢ 5000
        3亿元 ≢ 3元
        6千 ≢ 6
        """,
    "exceptions and unions": r"""
        \text{all real numbers except } 4 ≡ (-\infty,4)\cup(4,\infty)
        all reals except -1 and 1 ≡ \mathbb{R} \setminus \{-1, 1\}
        x \ne 4 ≡ all real numbers except 4
        \text{all real numbers except } 4 ≢ (4,\infty)
        all reals except 4 ≢ 4
        """,
}

RESPONSES = {  # kind: (response, gold, whether the flexible verdict is "equal")
    "phrases": [
        ("The answer is therefore 58.", "58", True),
        ("So the final answer comes to: 58", "58", True),
        ("The answer is 58, which was to be shown.", "58", True),
        ("The answer is 58, not 85.", "58", True),
        ("The answer is not 58.", "58", False),
        ("The answer isn't 58.", "58", False),
        ("The answer is 58 since 2 times 29 is 58.", "58", True),
        ("The answer is 58 (fifty-eight).", "58", True),
        ("The answer is 58 - the number of pens.", "58", True),
        ("The answer is that 58 pens were sold.", "58", True),
        ("The answer is $58$; indeed $2 \\cdot 29 = 58$.", "58", True),
        ("The answer is:\n\n* $58$", "58", True),
        ("The answer is:\n1. 58", "58", True),
        ("The answer is:\n> 58", "58", True),
        ("The answer is x = 58.", "58", True),
        ("58 is the answer.", "58", True),
        ("Therefore, 58 is the final answer.", "58", True),
        ("My answer: 58", "58", True),
        ("The required answer is 58 pens.", "58", True),
        ("The answer must be 58.", "58", True),
        ("The correct result is 58.", "58", True),
        ("The answer is less than 58.", "58", False),
        ("The answer is at least 58.", "58", False),
        ("The answer is twice 29.", "29", False),
        ("The answer is half of 58.", "58", False),
        ("The answer is 5 more than 8.", "5", False),
        ("The answer is between 3 and 5.", "5", False),
        ("The answer is 58 or 59.", "58", False),
        ("The answer is either 58 or 59.", "59", False),
        ("The answer is $\\frac{5}{8}$, because 5 of 8 are red.", "5/8", True),
        ("The answer is $\\frac58$ which is about 0.63.", "5/8", True),
        ("The answer is 5/8 of the cake.", "5/8", True),
        ("The answer is 5/8 of the cake.", "5", False),
        ("The answer is 6√2.", "6\\sqrt{2}", True),
        ("The answer is 6√2.", "6", False),
        ("The answer is 2x + 7.", "2x+7", True),
        ("The answer is 2x + 7.", "2", False),
        ("The answer is (4, 7).", "(4,7)", True),
        ("The answer is [4, 7).", "[4,7)", True),
        ("The answer is 4:7.", "4:7", True),
        ("The answer is 10^6.", "1000000", True),
        ("The answer is 10⁶.", "10", False),
        ("The answer is $2.5 million.", "2500000", True),
        ("The answer is 2.5 million.", "2.5", False),
        ("The answer is 3 hours and 20 minutes.", "200 minutes", True),
        ("The answer is 5 feet 8 inches.", "68 inches", True),
        ("The answer is twenty-three.", "23", True),
        ("The answer is one hundred and six dollars.", "106", True),
        ("The answer is one of the above.", "1", False),
        ("The answer is Tuesday, because 9 days later it is Thursday.", "Tuesday", True),
        ("The answer is no.", "No", True),
        ("The answer is infinity.", "\\infty", True),
        ("The answer is $x^2 - 4$ for all $x$.", "x^2-4", True),
        ("The answer is 40%.", "40%", True),
        ("The answer is -12.", "-12", True),
        ("The answer is −12 °C.", "-12", True),
        ("The answer is - 12.", "12", False),
        ("The answer is:\n- 12", "-12", False),
        ("The answer is 7!", "7", True),
        ("The answer is $7!$", "5040", True),
        ("The answer is 1,234.", "1234", True),
        ("The answer is 1,234.", "234", False),
        ("The answer is 3, 5 and 7.", "3, 5, 7", True),
        ("The answer is 3, 5, and 7, in this order.", "3,5,7", True),
        ("The answer is <b>58</b>.", "58", True),
        ("The answer is ***58***.", "58", True),
        ('The answer is "58".', "58", True),
        ("The answer is 58 🎉", "58", True),
        ("The answer is 58 ✔", "58", True),
        ("The answer is .5", "1/2", True),
        ("The answer is -.5.", "-1/2", True),
        ("The value of the expression is 58.", "58", True),
        ("The total number of pens is 58.", "58", True),
    ],
    "choices": [
        ("The correct option is (D).", "D", True),
        ("Option D is correct.", "D", True),
        ("Therefore option D is the right one.", "D", True),
        ("(D) is the correct answer.", "D", True),
        ("So the best choice is D.", "D", True),
        ("The answer is D because the rest are odd.", "D", True),
        ("The answer is D. 45", "D", True),
        ("The answer is D) 45 cm.", "D", True),
        ("The answer is option D: 45.", "D", True),
        ("Answer: **D. 45**", "D", True),
        ("ANSWER: [[D]]", "D", True),
        ("Hence $\\boxed{\\text{D}}$.", "D", True),
        ("Hence $\\boxed{D. 45}$.", "D", True),
        ("\\boxed{\\textbf{(D)}\\ 45}", "D", True),
        ("D", "D", True),
        ("(D)", "D", True),
        ("D. 45", "D", True),
        ("Option B is wrong. Option D is correct.", "D", True),
        ("Option B is wrong, so it is D.", "B", False),
        ("The answer is not D.", "D", False),
        ("The answer is D, not B.", "B", False),
        ("Option D is incorrect.", "D", False),
        ("A train takes 6 hours. The answer is 6.", "A", False),
        ("综上，选D。", "D", True),
        ("故答案选：D", "D", True),
        ("所以正确选项是 D。", "D", True),
        ("本题应选(D)。", "D", True),
        ("故选：BD．", "BD", True),
        ("选项B错误，选项D正确，故选D。", "D", True),
        ("所以答案不是D。", "D", False),
    ],
    "chinese": [
        ("答：他一共花了58元。", "58", True),
        ("答：他花了58元，剩下42元。", "58", False),
        ("答：小红有58本，比小明多3本。", "58", True),
        ("答案是58，因为29×2=58。", "58", True),
        ("因此，答案为：\n$$58$$", "58", True),
        ("答案：$\\dfrac{5}{8}$。", "5/8", True),
        ("【答案】58", "58", True),
        ("所以这个数是58。", "58", True),
        ("答：共有5万人。", "50000", True),
        ("答：共有5万人。", "5", False),
        ("答：总价是3万5千元。", "35000", True),
        ("答：总价是3万5千元。", "5000", False),
        ("答：面积是58平方厘米。", "58平方厘米", True),
        ("答：面积是58平方厘米。", "58厘米", False),
        ("答：五十八个。", "58", True),
        ("答：他用了2小时30分钟。", "150分钟", True),
        ("答：需要3又1/2天。", "3.5", True),
        ("答：合格率是百分之九十五。", "95%", True),
        ("答案是 x=3 或 x=-5。", "3,-5", True),
        ("答案是 x=3 或 x=-5。", "-5", False),
        ("答案是(3, -5)。", "(3,-5)", True),
        ("答案是[3, 5)。", "5", False),
        ("最终答案：58（见上）。", "58", True),
        ("五十八", "58", True),
        ("解得 $x=58$。", "58", True),
        ("答：如果每天做6个，需要58天。", "58", True),
        ("我们先设x，然后", "58", False),
    ],
    "boxes": [
        ("\\boxed{\\text{The sum is 58.}}", "58", True),
        ("\\boxed{\\text{It takes } 58 \\text{ days}}", "58", True),
        ("\\boxed{\\text{Answer: } 58}", "58", True),
        ("\\boxed{\\text{Answer: 58 pens}}", "58", True),
        ("\\boxed{\\text{It is not 58}}", "58", False),
        ("\\boxed{\\text{at most } 58}", "58", False),
        ("\\boxed{\\text{58 red pens}}", "58", True),
        ("\\boxed{29 \\times 2 = 58}", "58", True),
        ("\\boxed{x = 58}", "58", True),
        ("\\boxed{\\$58}", "58", True),
        ("\\boxed{58\\%}", "0.58", True),
        ("\\boxed{\\frac{5}{8} \\text{ or } 0.625}", "5/8", True),
        ("$\\boxed{4}$ and $\\boxed{9}$", "4, 9", True),
        ("$x = \\boxed{4}$, $y = \\boxed{9}$", "(4,9)", True),
        ("$x = \\boxed{4}$ or $x = \\boxed{9}$", "9", False),
        ("$\\boxed{4} \\text{ or } \\boxed{9}$", "4,9", True),
        ("First $\\boxed{4}$. Later we find $\\boxed{9}$.", "9", True),
        ("First $\\boxed{4}$. Later we find $\\boxed{9}$.", "4, 9", False),
        ("So $\\boxed{4}$ is the minimum.\n\nAnswer: 9", "9", True),
        ("So $\\boxed{4}$ is the minimum.\n\nAnswer: 9", "4", False),
        ("So $\\boxed{4}$.\n\nThe answer is correct.", "4", True),
        ("So $\\boxed{4}$.\n\nThe final answer is $\\boxed{4}$. I hope it is correct.", "4", True),
        ("So \\boxed{4}\n\\boxed{4}", "4", True),
        ("The total is \\boxed{58", "58", False),
        ("The answer is 58, so \\boxed{5", "58", False),
        ("$\\boxed{\\text{No}}$", "no", True),
        ("\\fbox{58}", "58", True),
        ("\\boxed{}", "0", False),
        ("\\boxed{\\boxed{58}}", "58", True),
        ("\\boxed{(3, 4)}", "4", False),
    ],
    "displays": [
        ("The answer is\n$$\nx = 58.\n$$", "58", True),
        ("Thus, we get:\n\\[\n\\boxed{58}\n\\]", "58", True),
        ("The answer is:\n\n\\[ \\frac{5}{8} \\]\n\nas claimed.", "5/8", True),
        ("Thus\n\\[\nS = \\frac{5 \\cdot 4}{2} = 10.\n\\]", "10", True),
        ("Therefore:\n\\begin{align}\nS &= 5 \\cdot 4 \\\\\n&= 20\n\\end{align}", "20", True),
        ("Hence\n$$x^2 + 1$$", "x^2+1", True),
        ("Hence\n$$x^2 + 1$$", "1", False),
        ("**Final Answer**\n\n\\(58\\)", "58", True),
        ("## Answer\n\n58", "58", True),
        ("### Result\n**58 pens**", "58", True),
    ],
    "tags and hashes": [
        ("<answer>58</answer>", "58", True),
        ("<answer>\nThe sum is 58.\n</answer>", "58", True),
        ("<answer>\\frac{5}{8}</answer>", "5/8", True),
        ("<final_answer>58 pens</final_answer>", "58", True),
        ("<answer>57</answer>\nWait.\n<answer>58</answer>", "57", False),
        ("<answer></answer>", "0", False),
        ("<answer>58", "58", True),
        ('{"answer": "58 pens"}', "58", True),
        ('{"steps": ["29*2"], "answer": 58}', "58", True),
        ('{"answer": [3, 5]}', "3,5", True),
        ('{"final answer": "\\\\frac{5}{8}"}', "5/8", True),
        ('{"answer": null, "count": 58}', "58", False),
        ("#### 58", "58", True),
        ("#### $58.00", "58", True),
        ("#### 58 pens per box", "58", True),
        ("#### Answer\n\n58", "58", True),
        ("#### Conclusion\nWe find that 58 pens remain.", "58", True),
        ("#### Step 3\nThere are 58 pens.", "3", False),
        ("#### -58", "-58", True),
        ("#### 5/8", "5/8", True),
        ("#### 5 to 8", "5:8", True),
    ],
    "thoughts": [
        ("<think>It is 7.</think>58", "58", True),
        ("<thinking>\\boxed{7}</thinking>\n\nThe answer is 58.", "58", True),
        ("<think>The answer is 58.", "58", False),
        ("<thought>So \\boxed{58} it", "58", False),
        ("[THINK]58[/THINK]7", "58", False),
        ("<|begin_of_thought|>The answer is 58", "58", False),
        ("◁think▷maybe 7◁/think▷58", "58", True),
        ("<think>7</think>\n<answer>58</answer>", "58", True),
        ("<|channel|>analysis<|message|>7?<|end|><|start|>assistant<|channel|>final<|message|>58", "58", True),
        ("<|channel|>analysis<|message|>it is 58", "58", False),
        ("maybe \\boxed{7}</think>\\boxed{58}", "58", True),
        ("The answer is 58.<|im_end|>\n<|im_start|>user\nWhat is 3+4?<|im_end|>\n<|im_start|>assistant\nThe answer is 7.", "58", True),
        ("The answer is 58.</s>", "58", True),
        ("58<|eot_id|>", "58", True),
    ],
    "last expressions": [
        ("So the area is 16π.", "16\\pi", True),
        ("So the area is 16π.", "16", False),
        ("So the area is 16\\pi.", "16\\pi", True),
        ("So the point is (5, 8).", "(5,8)", True),
        ("So the point is (5, 8).", "8", False),
        ("Hence the line is y = 3x + 5.", "y=3x+5", True),
        ("Hence the line is y = 3x + 5.", "5", False),
        ("She earned $2.5 million.", "2500000", True),
        ("She earned $2.5 million.", "2.5", False),
        ("There are 10⁶ of them.", "1000000", True),
        ("There are 10⁶ of them.", "10", False),
        ("There are 10^{6} of them.", "6", False),
        ("The ratio comes out as 5:8.", "5:8", True),
        ("The ratio comes out as 5:8.", "8", False),
        ("The odds are 5 to 8.", "8", False),
        ("That leaves 3½ litres.", "3.5", True),
        ("That leaves 3 1/2 litres.", "1/2", False),
        ("That leaves 3 1/2 litres.", "3.5", True),
        ("So x is at least 8.", "8", False),
        ("So x cannot be 8.", "8", False),
        ("So x ≥ 8.", "8", False),
        ("So x ≥ 8.", "x\\ge 8", True),
        ("So x is 8 (see figure 3).", "8", True),
        ("So x is 8 (see figure 3).", "3", False),
        ("In total they have 58 pens, as required.", "58", True),
        ("It takes him 2 hours and 30 minutes.", "150 minutes", True),
        ("It takes him 2 hours and 30 minutes.", "30", False),
        ("We get 12 + 46 = 58 pens in all.", "58", True),
        ("They meet at 3:45 p.m.", "3:45 PM", True),
        ("They meet at 3:45 p.m.", "45", False),
        ("The meeting is on July 12.", "July 12", True),
        ("The meeting is on July 12.", "12", False),
        ("So the height is \\sqrt{58}.", "\\sqrt{58}", True),
        ("So the height is \\sqrt{58}.", "58", False),
        ("So the height is sqrt(58) cm.", "58", False),
        ("So the height is 3√58.", "58", False),
        ("So sin A = 3/5.", "3/5", True),
        ("So the sum is 1/2 + 1/3 = 5/6.", "5/6", True),
        ("So the sum is 1/2 + 1/3 = 5/6.", "6", False),
        ("That is 58% of them.", "58%", True),
        ("That is 58 per cent of them.", "0.58", True),
        ("So x = 3 or x = 8.", "3, 8", True),
        ("So x = 3 or x = 8.", "8", False),
        ("So the roots are 3 and 8.", "8", False),
        ("So the roots are 3 and 8.", "3, 8", True),
        ("The interval is (-∞, 8].", "8", False),
        ("The interval is (-∞, 8].", "(-\\infty, 8]", True),
        ("So the number is 2.5e6.", "2500000", True),
        ("It costs €58.", "58", True),
        ("It costs 58 cents, i.e. €0.58.", "5", False),
        ("It is 5 degrees below zero, so -5.", "-5", True),
        ("So the temperature is -5 °C.", "5", False),
        ("So we have 58 + 4", "4", False),
        ("and then we add 58 to both of the sides and we get the", "58", False),
        ("So 58 is what we subtract from the other side of the equation in the next step before we go on", "58", False),
        ("I have no idea.", "5", False),
        ("So there are fifty-eight pens.", "58", True),
        ("x = 58", "58", True),
        ("= 58", "58", True),
        ("58.", "58", True),
        ("58 pens", "58", True),
        ("-58", "58", False),
        ("3x + 58", "58", False),
        ("{3, 8}", "\\{3,8\\}", True),
        ("no solution", "\\emptyset", True),
        ("Yes.", "yes", True),
        ("\\dfrac{5}{8}", "5/8", True),
        ("5, 8", "8", False),
        ("fifty-eight", "58", True),
        ("| Pens | 20 |\n| Caps | 38 |\n\n**Total: 58**", "58", True),
    ],
}


def pairs():
    """List (kind, answer, gold, equal) of every line of the table."""
    return rows(KINDS)


def responses():
    """List (kind, response, gold, equal)."""
    return [(kind, *row) for kind, table in RESPONSES.items() for row in table]
