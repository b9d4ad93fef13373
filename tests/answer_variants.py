r"""Labelled answers and responses as models write them.

Further kinds, in the form of `answer_pairs`.

Written for this project. ≡ stands between an answer and a gold that are the same mathematical
object, ≢ between others.
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
    "many kinds": r"""
        a=1, b=3 ≡ (1,3)
        a=1 and b=3 ≡ a=1, b=3
        x=1,y=2,z=3 ≡ (1,2,3)
        (x,y,z)=(1,2,3) ≡ (1,2,3)
        x = 1; y = 2 ≡ (1,2)
        y=2, x=1 ≡ (1,2)
        y=1, x=2 ≢ (1,2)
        0x1A ≢ 1
        101_2 ≡ 5
        \text{1011}_2 ≡ 11
        1011_{\text{two}} ≡ 11
        5\left(x+1\right) ≡ 5x+5
        \{x+1\}(2) ≡ 2x+2
        \begin{cases}a+b=3\\a-b=1\end{cases} ≡ a+b=3, a-b=1
        \begin{cases}x=1 \\[4pt] y=2\end{cases} ≡ (1,2)
        \begin{cases}x=1,\\y=2,\\z=3\end{cases} ≡ (1,2,3)
        \left\{ \begin{aligned} x &= 1 \\ y &= 2 \end{aligned} \right. ≡ x=1,y=2
        一半 ≡ 1/2
        二分之一 ≡ 1/2
        三又二分之一 ≡ 7/2
        负三 ≡ -3
        七点五 ≡ 7.5
        一百零五 ≡ 105
        两千零一十 ≡ 2010
        2小时15分 ≡ 135分钟
        3米5厘米 ≡ 305厘米
        5角 ≡ 0.5元
        10公里 ≡ 10000米
        C ≡ \text{(C)}
        (c) ≡ C
        \textbf{C} ≡ C
        \boxed{C} ≡ C
        **C** ≡ C
        C) ≡ C
        C. ≡ C
        [C] ≡ C
        Answer: C ≡ C
        C: 4.5 ≡ C
        \text{C. } 4.5 ≡ C
        (C) \frac{1}{2} ≡ C
        (C) 12 ≢ 12
        5+2i ≡ 2i+5
        5e^{i\pi} ≡ -5
        5 \operatorname{cis} \pi ≡ -5
        5 + 2j ≢ 5
        £29 ≡ 29
        29€ ≡ 29
        29 € ≡ 29
        $29.00 ≡ 29
        29 USD ≡ 29
        29 dollars ≡ $29
        29 yuan ≡ 29元
        ¥29 ≡ 29元
        NZ$29 ≡ 29
        CHF 29 ≡ 29
        kr 29 ≢ 92
        29.5 cents ≢ 29.5 dollars
        1 dollar and 50 cents ≡ $1.50
        Mar 5 ≡ March 5
        March 5th, 2024 ≡ March 5, 2024
        5th March ≡ March 5
        5 March 2024 ≡ March 5, 2024
        Tuesday, March 5 ≡ March 5
        3/5 ≢ March 5
        March ≢ March 5
        180° ≡ \pi
        30^\circ ≡ \frac{\pi}{6}
        30^{\circ} ≡ 30
        30° ≢ 60°
        y=2x+1 ≡ 2x-y+1=0
        y=2x+1 ≡ 2x+1
        x^2+y^2=25 ≡ x^2+y^2-25=0
        x = 5y ≢ 5
        C=5 ≡ 5
        \frac{8!}{5!3!} ≡ 56
        {8 \choose 3} ≡ 56
        \binom{8}{3} ≡ \binom{8}{5}
        ^8C_3 ≡ 56
        _8C_3 ≡ 56
        C(8,3) ≡ \binom{8}{3}
        C_8^3 ≡ 56
        8C3 ≡ 56
        P(5,2) ≢ 10
        A_5^2 ≡ 20
        ^5P_2 ≡ 20
        7!! ≡ 105
        \frac{2}{3}x ≡ \frac{2x}{3}
        \frac{2}{3}x ≢ \frac{2}{3x}
        \frac{-2}{3} ≡ -2/3
        \dfrac23 ≡ 2/3
        2 / 3 ≡ \frac{2}{3}
        \frac{2}{3} ≡ 2:3
        {2}/{3} ≡ 2/3
        2\div3 ≡ 2/3
        \frac{2}{\frac{3}{4}} ≡ 8/3
        ceil(x) ≡ \lceil x \rceil
        sqrt(16) ≡ 4
        sqrt{2} ≡ \sqrt{2}
        cuberoot(8) ≢ 8
        root(3, 8) ≢ 8
        log(100) ≡ 2
        ln(e^3) ≡ 3
        log_2(8) ≡ 3
        sin(pi/6) ≡ 1/2
        tan(45°) ≡ 1
        arcsin(1) ≡ \pi/2
        sin^{-1}(1) ≡ \pi/2
        exp(2) ≡ e^2
        x^3 ≡ x**3
        max{2,3} ≡ 3
        \max\{2,3\} ≡ 3
        gcd(4,6) ≡ 2
        lcm(4,6) ≡ 12
        |x-1| ≡ abs(x-1)
        abs(-3) ≡ 3
        floor(2.7) ≡ 2
        [x] ≢ \lfloor x+1 \rfloor
        sgn(x) ≢ x
        1/3 = 0.333... ≡ 1/3
        10/4 = 5/2 = 2.5 ≡ 2.5
        4! = 24 ≡ 24
        4 + 5 = 9 ≡ 9
        \binom{5}{2} = 10 ≡ 10
        \frac{12}{4} = 3 ≡ 3
        9 ≡ 4 + 5 = 9
        5 - 2 = 4 ≢ 4
        5 = 5 ≡ 5
        1 = 2 ≢ 2
        -∞ ≡ -\infty
        infinite ≢ 8
        [2,3) ≡ [2, 3)
        ]2,3[ ≡ (2,3)
        2 < x < 3 ≡ (2,3)
        x \in (2,3) ≡ (2,3)
        2 \le x < 3 ≡ [2,3)
        x > 2 and x < 3 ≡ (2,3)
        (2,3) ≢ [2,3)
        x<2 or x>3 ≡ (-\infty,2)\cup(3,\infty)
        (−∞, 2) ∪ (3, ∞) ≡ x<2 or x>3
        2, 3, and 5 ≡ 2,3,5
        2 and 3 ≡ 3, 2
        {2, 3} ≡ \{3,2\}
        2, 2, 3 ≢ 2, 3
        3,14 ≢ 314
        1.234,5 ≢ 1.2345
        1{,}5 ≡ 1.5
        1{,}500 ≡ 1500
        0{,}333 ≢ 333
        \ln(1/2) ≡ -\ln 2
        \lg 1000 ≡ 3
        0.142857142857 ≡ 1/7
        0.14 ≢ 1/7
        1.7320508075688772 ≡ \sqrt{3}
        1.73 ≢ \sqrt{3}
        \begin{bmatrix}1&2\\3&4\end{bmatrix} ≡ \begin{pmatrix}1&2\\3&4\end{pmatrix}
        \begin{vmatrix}1&2\\3&4\end{vmatrix} ≡ -2
        [[1,2],[3,4]] ≡ \begin{pmatrix}1&2\\3&4\end{pmatrix}
        \begin{matrix}1&2\\3&4\end{matrix} ≡ \begin{pmatrix}1&2\\3&4\end{pmatrix}
        \begin{pmatrix}1\\2\end{pmatrix} ≡ (1,2)
        -\begin{pmatrix}1\\2\end{pmatrix} ≡ \begin{pmatrix}-1\\-2\end{pmatrix}
        two and a quarter ≡ 9/4
        2-1/2 ≢ 2.5
        2 + 1/2 ≡ 2.5
        3 \frac{1}{4} ≡ 3.25
        3\,\frac{1}{4} ≡ 13/4
        3{1/4} ≢ 3.25
        -2\frac12 ≡ -2.5
        1 1/2 ≡ one and a half
        3 (mod 5) ≡ 3 \pmod 5
        3 \pmod{5} ≢ 2 \pmod 5
        n \equiv 3 \pmod{5} ≢ n \equiv 3 \pmod 7
        $1,250.50 ≡ 1250.5
        \$ 40 ≡ 40
        40\$ ≡ 40
        $0.75 ≡ 75 cents
        75¢ ≡ $0.75
        \text{\$40} ≡ 40
        \$40\text{ per month} ≡ 40
        S_n = n^2 ≡ n^2
        a_n = 2n-1 ≡ 2n-1
        f(x,y) = 3 ≡ 3
        P = \frac{1}{3} ≡ 1/3
        P(\text{red}) = \frac13 ≡ 1/3
        \text{Var}(X) = 4 ≡ 4
        \mathbb{E}[X] = 4 ≡ 4
        |A \cup B| = 9 ≡ 9
        |\vec{a}| = 5 ≡ 5
        \|v\| = 5 ≡ 5
        d = 5 \text{ km} ≡ 5 km
        m\angle A = 40^\circ ≡ 40
        AB + BC = 5 ≢ 3
        \frac{AB}{CD} = \frac12 ≡ 1/2
        \lim = 3 ≡ 3
        \int_0^1 x\,dx = \frac12 ≡ 1/2
        \text{rank}(A) = 2 ≡ 2
        \text{Area of } ABC = 12 ≡ 12
        V = 36\pi ≡ 36\pi
        x_1 = 2, x_2 = 5 ≡ 2, 5
        x_{1,2} = \pm 3 ≡ 3, -3
        N = 12 ≢ 21
        z = 2 + i ≡ 2+i
        \det(A) = 5 ≡ 5
        g'(x) = 2x ≡ 2x
        f''(0) = 3 ≡ 3
        f^{-1}(3) = 4 ≡ 4
        f(f(2)) = 5 ≡ 5
        (f \circ g)(2) = 5 ≡ 5
        f(x) = 2 ≢ x
        \text{None of these} ≡ none of these
        none ≡ \text{None}
        no real solutions ≡ \emptyset
        \{\} ≡ \emptyset
        ∅ ≡ \varnothing
        \text{no solution} ≡ \emptyset
        {} ≡ \emptyset
        none ≢ 0
        e^{-x} ≡ exp(-x)
        \sqrt[3]{8} ≡ 2
        2*x ≡ 2x
        x^{1/2} ≡ \sqrt{x}
        \frac{1}{x} ≡ x^{-1}
        x = 2 or 5 ≡ 2, 5
        2 or 5 ≡ \{2,5\}
        x=2 or x=5 ≡ x=5 or x=2
        x=2\ \text{or}\ x=5 ≡ 2, 5
        x = 2 \quad\text{or}\quad x = 5 ≡ 2,5
        x=2,\text{ or }x=5 ≡ 2,5
        x\in\{2,5\} ≡ 2,5
        x=2 ∪ x=5 ≢ 2
        21st ≡ 21
        3^{rd} ≡ 3
        36% ≡ 36\%
        36 % ≡ 0.36
        36\text{ percent} ≡ 36%
        36 ≢ 3.6
        thirty-six percent ≡ 36%
        π^2 ≡ \pi^2
        2π ≡ 2\pi
        2pi ≡ 2\pi
        π ≢ 3.14
        3.14159265358979 ≡ π
        \frac{π}{2} ≡ π/2
        sin(π/2) ≡ 1
        ±3 ≡ 3, -3
        \pm\sqrt{2} ≡ \sqrt{2}, -\sqrt{2}
        2±√3 ≡ 2+√3, 2-√3
        2±√3 ≢ 2+√3
        A(1,2), B(3,4) ≡ (1,2), (3,4)
        (1,2) and (3,4) ≡ (3,4), (1,2)
        \left(1, 2\right) ≡ (1,2)
        O(0,0) ≡ (0,0)
        Q = (1,2) ≡ (1,2)
        \text{Point } A = (1,2) ≡ (1,2)
        (x-1)(x-2) ≡ x^2-3x+2
        2^{100} ≢ 2^{101}
        10^{-3} ≡ 0.001
        x \text{ for all } x ≡ x
        f(x)=2x \text{ for all real numbers } x ≡ 2x
        f(x)=2x, x\in\mathbb{R} ≡ 2x
        2x\ (x \in \mathbb{R}) ≡ 2x
        x=2k, k\in\mathbb{Z} ≡ x=2k
        x = 2k\pi + \frac{\pi}{2}, \quad k \in \mathbb{Z} ≡ 2k\pi+\pi/2
        x = 2k (k is an integer) ≡ x=2k
        x = 2k \text{ where } k \text{ is an integer} ≡ 2k
        5 \text{ (max)} ≡ 5
        5 (exactly) ≡ 5
        \text{minimum value } 5 ≡ 5
        5, when x = 2 ≢ 2
        5 \text{ at } x = 2 ≢ 2
        c \text{ for any constant } c ≡ c
        y = Ce^x, C \in \mathbb{R} ≡ y = Ce^x
        "5" ≡ 5
        “5” ≡ 5
        «5» ≡ 5
        ‘5’ ≡ 5
        3：4 ≡ 3:4
        3:4:5 ≡ 6:8:10
        3:4 ≡ 6:8
        3/4 ≡ 3:4
        0.3\overline{3} ≡ 1/3
        0.333\ldots ≡ 1/3
        0.(3) ≡ 1/3
        0.3̅ ≢ 3
        12^{1/2} ≡ 2\sqrt3
        16.67 ≢ 50/3
        3/4 (0.75) ≡ 3/4
        3/4 = 0.75 ≡ 0.75
        0.75, i.e., 3/4 ≡ 3/4
        \frac{3}{4} \text{ (or } 0.75) ≡ 3/4
        \frac{3}{4} \text{ (i.e., } 75\%) ≡ 3/4
        \frac{3}{4} or equivalently 0.75 ≡ 3/4
        3/4 or 75% ≡ 3/4
        3/4 (75%) ≡ 3/4
        3/4 or 7.5% ≢ 3/4
        3 or 5 (both) ≢ 3
        5 million ≡ 5000000
        5M ≢ 5
        2.5 thousand ≡ 2500
        3 hundred ≡ 300
        1.2 billion dollars ≡ 1200000000
        3 dozen eggs ≡ 36
        3.2×10^5 ≡ 320000
        3.2 x 10^5 ≡ 320000
        3.2*10^5 ≡ 320000
        3.2e5 ≡ 320000
        3.2 \cdot 10^{-5} ≡ 0.000032
        3.2×10⁵ ≡ 320000
        3.2E-5 ≡ 0.000032
        10^5 ≢ 105
        \{1,2\}\cup\{3\} ≡ \{1,2,3\}
        {1,2,3} ≡ {3,2,1}
        \{1,2,3\} ≢ \{1,2\}
        \sqrt(9) ≡ 3
        sqrt 9 ≢ 9
        √(9) ≡ 3
        √9 ≡ 3
        √(x+1) ≡ \sqrt{x+1}
        \sqrt x ≡ \sqrt{x}
        2√3 ≢ √6
        \sum_{k=1}^{3} k^2 ≡ 14
        x₁ ≡ x_1
        x² ≡ x^2
        x⁻¹ ≡ 1/x
        2³ ≡ 8
        2³ ≢ 23
        cm³ ≢ 3
        5 m² ≡ 5\text{ m}^2
        H₂O ≢ 2
        x=3, y=5 ≡ \begin{cases}x=3\\y=5\end{cases}
        -5°C ≡ -5
        5 degrees ≡ 5
        -5 °F ≢ -5 °C
        32^\circ F ≡ 32
        \textbf{17} ≡ 17
        \text{17 apples} ≡ 17
        \mathrm{A} ≡ A
        12,345 ≡ 12345
        12\ 345 ≡ 12345
        12 345 ≡ 12345
        12'345 ≡ 12345
        12_345 ≢ 12
        12.345 ≢ 12345
        12,34 ≢ 1234
        1,\,234 ≡ 1234
        1\,234\,567 ≡ 1234567
        1,\ 234 ≢ 1234
        8:05 AM ≡ 8:05
        8:05 am ≡ 08:05 AM
        20:05 ≡ 8:05 PM
        8.05 ≢ 8:05
        7 p.m. ≡ 7 PM
        7 PM ≢ 7 AM
        7:30 ≢ 7.5
        midnight ≡ 12:00 AM
        quarter past seven ≢ 7
        \sin^2 x ≡ 1 - \cos^2 x
        \tan x ≡ \frac{\sin x}{\cos x}
        \sin 30° ≡ 1/2
        \cos 60^{\circ} ≡ 0.5
        2\sin x ≢ \sin 2x
        (5, π/3) ≡ (5, \frac{\pi}{3})
        ½ ≡ 0.5
        3¼ ≡ 3.25
        ⅔ ≡ 2/3
        1⅓ ≡ 4/3
        ²⁄₃ ≡ 2/3
        5½ ≢ 5/2
        Δ ≡ \Delta
        2α+β ≡ 2\alpha+\beta
        x∈(1,2) ≡ (1,2)
        x ≠ 2 ≡ x \neq 2
        x ≥ 2 ≡ [2,∞)
        \mathbb{R}\setminus\{2\} ≡ x\ne2
        ℝ∖{2} ≡ x≠2
        all real numbers ≡ (-\infty,\infty)
        ℝ ≡ \mathbb{R}
        3 sq ft ≡ 3 square feet
        3 km/h ≡ 3 kilometers per hour
        3 kmph ≡ 3 km/h
        3 m/s ≢ 3 km/h
        50 cm ≡ 0.5 m
        3 hrs ≡ 180 min
        3\text{ cm}^2 ≢ 3\text{ cm}
        erf(x) ≢ x
        \operatorname{arcsinh} 1 ≡ arcsinh(1)
        a b c ≡ abc
        x y ≡ y*x
        ab ≢ a+b
        \langle 1,2,3\rangle ≡ (1,2,3)
        1\mathbf{i}+2\mathbf{j} ≡ \begin{pmatrix}1\\2\end{pmatrix}
        \mathbf{i} ≢ 1
        2\hat{\mathbf{i}}+3\hat{\mathbf{j}} ≡ (2,3)
        -\hat{j} + \hat{k} ≡ (0,-1,1)
        <1,2,3> ≡ (1,2,3)
        \vec{AB} = (1,2) ≡ (1,2)
        3 \vec{i} - 4 \vec{k} ≡ (3,0,-4)
        \mathbf{v} = 2\mathbf{i} + 3\mathbf{j} ≡ (2,3)
        (2,3) ≡ 2i+3j
        one ≡ 1
        eleven ≡ 11
        forty ≡ 40
        thirty two ≡ 32
        one hundred and one ≡ 101
        nine hundred ninety-nine ≡ 999
        one thousand two hundred thirty-four ≡ 1234
        ten thousand ≡ 10000
        one third ≡ 1/3
        two-thirds ≡ 2/3
        three fourths ≡ 3/4
        a quarter ≡ 1/4
        a third ≡ 1/3
        one half of a pie ≢ 1
        negative three ≡ -3
        One Hundred ≡ 100
        TWELVE ≡ 12
        twelve apples ≡ 12
        five and a half hours ≡ 5.5
        twenty ≢ 12
        fourteen ≢ 40
        one hundred ≢ 1
        two hundred thousand ≡ 200000
        yes ≡ \text{Yes}
        Yes ≢ No
        even ≡ \text{Even}
        \frac{1,000}{4} ≡ 250
        \frac{\text{1}}{\text{2}} ≡ 0.5
        \frac{\mathrm{1}}{2} ≡ 1/2
        """,
    "further mixture": r"""
        x=4 \text{ and } x=-4 ≡ 4, -4
        \{x = 4\} ≡ 4
        x=4, x=-4 ≡ \pm 4
        (x,y) = (4,5) \text{ or } (5,4) ≡ (4,5), (5,4)
        x=4,y=5 \text{ or } x=5,y=4 ≡ (4,5),(5,4)
        p=2, q=7 ≡ (2,7)
        m = 4 and n = 9 ≡ (4,9)
        777_8 ≡ 511
        FF_{16} ≡ 255
        1000_{2} ≢ 1000
        23_5 ≡ 13
        \left[ 2, 5 \right) ≡ [2,5)
        3\bigl(x+1\bigr) ≡ 3x+3
        (2x+1) ≡ 2x+1
        \begin{cases} u+v=9 \\ u-v=1 \end{cases} ≡ u+v=9, u-v=1
        \begin{array}{l} x=7 \\ y=8 \end{array} ≡ x=7,y=8
        四分之三 ≡ 0.75
        百分之七十五 ≡ 3/4
        一千二百 ≡ 1200
        十五万 ≡ 150000
        1500毫升 ≡ 1.5升
        2小时 ≡ 120分
        6公顷 ≡ 60000平方米
        负二分之一 ≡ -1/2
        零点八 ≡ 0.8
        12人 ≡ 12
        12个苹果 ≡ 12
        80千米/时 ≡ 80千米每小时
        每小时80千米 ≡ 80千米/时
        80千米/时 ≢ 80米/时
        \text{(B) } \frac{3}{4} ≡ B
        (B) 3/4 ≡ B
        B, 3/4 ≢ 3
        \text{B: } 30 ≡ B
        \text{Option B: 30} ≡ B
        option b ≡ B
        B) 30 ≡ (B)
        (B)30 ≡ B
        B ≢ 8
        7 - 2i ≡ -2i + 7
        \frac{3+i}{2} ≡ 1.5+0.5i
        -i ≡ \frac{1}{i}
        3i ≢ 3
        \text{€}15 ≡ 15
        15 euros ≡ €15
        US$15 ≡ $15
        \$15{,}000 ≡ 15000
        15 million yen ≡ 15000000
        CAD 15 ≡ 15
        15 AUD ≡ 15
        AUD 15 ≢ CAD 15
        ₹15 lakh ≢ 15
        15.00 ≡ 15
        \$15/hr ≡ 15
        3 dollars 20 cents ≡ $3.20
        Jan. 9 ≡ January 9
        9 Jan 2020 ≡ January 9, 2020
        January 9th ≡ 9 January
        2020-01-09 ≡ Jan 9, 2020
        January 9 ≢ January 19
        Monday ≡ monday
        Monday ≢ Sunday
        120^\circ ≡ \frac{2\pi}{3}
        120 degrees ≡ 120°
        120° ≢ 120\pi
        2x+3y=6 ≡ 6 = 2x+3y
        y = \frac{1}{2}x ≡ x - 2y = 0
        x^2 - y^2 = 1 ≢ x^2 + y^2 = 1
        y - 3 = 2(x-1) ≡ y = 2x+1
        x = y ≢ x
        (x-2)^2+(y+1)^2=9 ≡ x^2+y^2-4x+2y-4=0
        12 choose 2 ≡ 66
        \binom{12}{2} ≡ C(12,2)
        {}^{12}\mathrm{C}_2 ≡ 66
        ^{12}P_2 ≡ 132
        \frac{5}{0} ≢ 0
        \tfrac{9}{4} ≡ 2.25
        -\frac{9}{4} ≡ \frac{-9}{4}
        9⁄4 ≡ 9/4
        \frac{9}{4}\pi ≡ 9\pi/4
        \frac{x+1}{2} ≡ (x+1)/2
        \frac{a}{b}/c ≡ \frac{a}{bc}
        a/(b+c) ≢ a/b + c
        √(x^2+1) ≡ \sqrt{x^2+1}
        max(2, 9, 4) ≡ 9
        \min\{3, 7\} ≡ 3
        \gcd(8, 12) ≡ 4
        floor(-1.5) ≡ -2
        ceil(-1.5) ≡ -1
        \left\lfloor \frac{9}{2} \right\rfloor ≡ 4
        cbrt(x) ≡ x^{1/3}
        |−7| ≡ 7
        log_3(81) ≡ 4
        ln(1) ≡ 0
        sinh(0) ≡ 0
        \arctan 1 ≡ \pi/4
        \operatorname{floor}(3.7) ≡ 3
        \operatorname{max}(1,2) ≡ 2
        pow(2,3) ≢ 2
        7 \cdot 8 = 56 ≡ 56
        56 = 7 \cdot 8 ≡ 56
        100 - 44 = 56 ≡ 56
        \frac{7}{8} = 0.875 ≡ 7/8
        \frac{7}{8} = 87.5\% ≡ 7/8
        7\times 8=56 \text{ cm} ≡ 56
        7 \times 8 = 54 ≢ 54
        a + b = 56 ≢ 56
        A = 7 \times 8 = 56 ≡ 56
        -\infty < x < 4 ≡ (-\infty, 4)
        x \le 4 ≡ (-\infty,4]
        x \le 4 ≢ (-\infty,4)
        4 \ge x ≡ x \le 4
        (4, ∞) ≡ x > 4
        x > 4 ≢ x < 4
        (-3, 4] ≡ -3 < x \le 4
        [4, \infty) ≢ (4,\infty)
        (1, 4) \cup (6, 9) ≡ 1<x<4 \text{ or } 6<x<9
        {7} ≡ 7
        7, -7 ≡ \pm 7
        ±7 ≢ 7
        {7, 8} ≡ 8, 7
        7;8 ≡ 7, 8
        7 , 8 , 9 ≡ 9,8,7
        7, 8 ≢ 78
        7,8 ≢ 7.8
        (7; 8) ≡ (7,8)
        7.50 ≡ 7.5
        0{,}75 ≡ 0.75
        12{,}5\% ≡ 12.5%
        0.090909090909 ≡ 1/11
        2.449489743 ≡ \sqrt6
        2.4495 ≢ \sqrt6
        \begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix} ≡ \begin{bmatrix} 1 & 0 \\ 0 & 1 \end{bmatrix}
        [1 0; 0 1] ≢ 1
        \begin{pmatrix} 3 \\ 4 \end{pmatrix} ≡ \begin{bmatrix} 3 \\ 4 \end{bmatrix}
        \begin{pmatrix} 3 & 4 \end{pmatrix} ≢ \begin{pmatrix} 3 \\ 4 \end{pmatrix}
        -4 \frac{1}{2} ≡ -4.5
        4 & 1/2 ≢ 4
        4-\frac12 ≢ 4.5
        eight and one third ≡ 25/3
        8 1/3 ≡ 25/3
        8\frac{1}{3}\% ≡ 1/12
        15 cents ≡ \$0.15
        15¢ ≡ 0.15 dollars
        \$1{,}500.00 ≡ 1500
        \$ 1.5\text{ million} ≡ 1500000
        \$3.5 billion ≡ 3500000000
        f(10) = 3 ≡ 3
        a_5 = 9 ≡ 9
        \angle BAC = 35^\circ ≡ 35^\circ
        BC = 2\sqrt{3} ≡ 2\sqrt3
        S_{\triangle ABC} = 12 ≡ 12
        P(A) = 0.25 ≡ 1/4
        P(A \mid B) = \frac{2}{5} ≡ 0.4
        \mathbb{P}(X > 2) = \frac{1}{8} ≡ 1/8
        E[X] = 6 ≡ 6
        \lim_{x \to \infty} f(x) = 0 ≡ 0
        \int_0^2 f(x)\,dx = 6 ≡ 6
        \prod_{k=1}^3 k = 6 ≡ 6
        |\overrightarrow{AB}| = 5 ≡ 5
        |z| = 5 ≢ -5
        \overline{AB} = 6 ≡ 6
        \text{Total} = 36 ≡ 36
        \text{Number of ways} = 36 ≡ 36
        \max_{x\in[0,1]} f(x) = 4 ≡ 4
        \cos\theta = \frac{1}{2} ≡ 1/2
        \tan A = 2 ≡ 2
        r = 5\text{ cm} ≡ 5 cm
        k = \frac{-3}{2} ≡ -3/2
        f(10) = 3 ≢ 10
        3x = 15 ≢ 15
        x^3 = 8 ≢ 8
        x + 2 = y ≢ y
        2^x = 8 ≢ 8
        \sqrt{x} = 3 ≢ 3
        f(x) = 3x ≢ 3
        \text{undefined} ≡ Undefined
        \text{DNE} ≡ does not exist
        \text{no real solutions} ≡ no solution
        \emptyset ≡ \{\}
        impossible ≢ 0
        \phi ≢ \emptyset
        \text{none} ≡ None
        e^{3x} ≡ \exp(3x)
        \mathrm{e}^2 ≡ e^2
        x^{-2} ≡ \frac{1}{x^2}
        x = 6 \text{ or } x = 9 ≡ 9, 6
        6 \lor 9 ≡ 6, 9
        x = 6 | x = 9 ≢ 6
        x_1=6, x_2=9 ≡ 6, 9
        x = 6, 9 ≡ 6, 9
        x=6或9 ≡ 6,9
        6和9 ≡ 6, 9
        6、9 ≡ 6,9
        4th ≡ 4
        4^{\text{th}} ≡ 4
        45 percent ≡ 0.45
        .45 ≡ 45%
        45% ≢ 0.0045
        5π/2 ≡ \frac{5\pi}{2}
        \frac{5π}{2} ≡ 5\pi/2
        5·π ≡ 5\pi
        5 π ≡ 5\pi
        π/5 ≢ 5/π
        -π ≡ -\pi
        4 \pm \sqrt{7} ≡ 4+\sqrt7, 4-\sqrt7
        x = 4 ± √7 ≡ 4 + \sqrt7, 4 - \sqrt7
        \frac{1\pm\sqrt5}{2} ≡ \frac{1+\sqrt5}{2}, \frac{1-\sqrt5}{2}
        4+√7 ≢ 4±√7
        (6, -2) \text{ and } (0, 4) ≡ (0,4), (6,-2)
        C(6,-2) ≢ (-2,6)
        P = (6, -2) ≡ (6,-2)
        the point P(6,-2) ≡ (6,-2)
        P(6,-2), Q(0,4) ≡ (6,-2),(0,4)
        x(x-3) ≡ x^2-3x
        (x+2)^2 ≡ x^2+4x+4
        x^2+4x ≢ x^2+4
        3^{20} ≡ 9^{10}
        2^{-4} ≡ 1/16
        2n \text{ for all positive integers } n ≡ 2n
        2n \text{ for } n \ge 1 ≢ n
        g(x) = x+3 \text{ for any real } x ≡ g(x)=x+3
        \frac{\pi}{6} + 2k\pi, k \in \mathbb{Z} ≡ \frac{\pi}{6}+2k\pi
        x = \frac{\pi}{6} + 2n\pi \text{ for any integer } n ≡ \frac{\pi}{6}+2n\pi
        30 (the maximum) ≡ 30
        30 \text{ (in total)} ≡ 30
        30 (approx.) ≡ 30
        30 (cm) ≡ 30
        30 (thousand) ≢ 30
        30 (or 31) ≢ 30
        f(x) = x^2 \quad \text{for all } x \in \mathbb{R} ≡ f(x)=x^2
        `30` ≡ 30
        '30' ≡ 30
        『30』 ≡ 30
        (30) ≡ 30
        30; ≡ 30
        9 : 4 ≡ 9:4
        9 to 4 ≡ 9:4
        9∶4 ≡ 9/4
        9:4 ≢ 4:9
        18:8 ≡ 9:4
        0.\dot{4} ≡ 4/9
        0.4444... ≡ 4/9
        0.4 ≢ 4/9
        4\sqrt{5} ≡ \sqrt{80}
        \sqrt[4]{16} ≡ 2
        \sqrt{5} ≢ 5
        1/3 ≢ 0.3333
        0.3333 ≢ 0.3334
        7/2 (3.5) ≡ 7/2
        3.5 or 7/2 ≡ 3.5
        3.5, or 7/2 ≡ 7/2
        7/2 or 3\frac12 ≡ 3.5
        3.5 or 5.3 ≢ 3.5
        7/2 = 3.5 ≡ 3.5
        7/2, i.e. 3.5 ≡ 7/2
        7/2 ≈ 3.5 ≡ 7/2
        22/7 ≈ 3.14 ≡ 22/7
        8 thousand ≡ 8000
        8.1 million people ≡ 8100000
        8 dozen ≡ 96
        8k ≢ 8
        5.2 \times 10^{4} ≡ 52000
        5.2×10⁴ ≡ 52000
        5.2 × 10^-4 ≡ 0.00052
        5.2e4 ≢ 5.2
        \{5\} \cup \{6\} ≡ \{5,6\}
        \{5,6\} ≢ (5,6)
        \sqrt(25) ≡ 5
        \sqrt[3](27) ≡ 3
        sqrt(2)/2 ≡ \frac{\sqrt2}{2}
        2sqrt(3) ≡ 2\sqrt3
        √2/2 ≡ \frac{\sqrt{2}}{2}
        ∛27 ≡ 3
        \sum_{i=1}^{4} i ≡ 10
        x⁴ ≡ x^4
        a₁₂ ≡ a_{12}
        3⁴ ≢ 34
        3⁴ ≡ 81
        m³ ≢ 3
        15 °C ≡ 15
        15°F ≢ 15°C
        15 K ≡ 15
        -15℃ ≡ -15
        \mathbf{8} ≡ 8
        \text{8} ≡ 8
        \mathit{8} ≡ 8
        \text{ 8 } ≡ 8
        9,876,543 ≡ 9876543
        9 876 543 ≡ 9876543
        9{,}876 ≡ 9876
        9\,876 ≡ 9876
        9,876 ≢ 9
        98,76 ≢ 9876
        7:05 ≢ 7:50
        07:05 ≡ 7:05
        7:05 a.m. ≡ 7:05 AM
        15:20 ≡ 3:20 PM
        3:20 PM ≢ 3:20 AM
        12 noon ≡ 12:00 PM
        3 hours 20 minutes ≡ 200 minutes
        3h20min ≡ 200 min
        3:20 ≢ 3.2
        2\sin x \cos x ≡ \sin(2x)
        \cos 120^\circ ≡ -1/2
        \sec x ≡ 1/\cos x
        \left(3, \frac{\pi}{4}\right) ≡ (3, π/4)
        (3, 4, 5) ≢ (3, 5, 4)
        ¾ ≡ 0.75
        2⅜ ≡ 19/8
        ⅛ ≡ 0.125
        ⁷⁄₂ ≡ 3.5
        7 ½ ≡ 7.5
        7½ ≢ 7
        ω ≡ \omega
        \alpha + β ≡ α + \beta
        Σ ≢ σ
        x ∈ [1,2] ≡ [1,2]
        x ∉ [1,2] ≢ [1,2]
        \mathbb{R} \setminus \{0, 1\} ≡ all real numbers except 0 and 1
        \text{all real numbers} ≡ \mathbb{R}
        \text{all real numbers greater than } 2 ≢ \mathbb{R}
        20 square cm ≡ 20 cm^2
        20 cu. ft ≢ 20 sq. ft
        20 miles per hour ≡ 20 mph
        3.6 km/h ≡ 1 m/s
        20 N ≡ 20
        1 kg ≡ 1000 g
        1 foot ≡ 12 inches
        20 \frac{\text{m}}{\text{s}} ≡ 20 m/s
        20 m/s^2 ≢ 20 m/s
        mn ≡ nm
        2ab ≢ 2a+b
        4\hat{i} - 3\hat{j} ≡ (4,-3)
        4\mathbf{i} + 0\mathbf{j} - \mathbf{k} ≡ (4,0,-1)
        \langle 4,-3\rangle ≡ (4,-3)
        \overrightarrow{PQ} = (4,-3) ≡ (4,-3)
        \vec{w} = 4\vec{i} - 3\vec{j} ≡ (4,-3)
        4\hat{i} - 3\hat{j} ≢ (4,3)
        4\hat{i} ≢ 4
        thirty-one ≡ 31
        three hundred and twelve ≡ 312
        seven thousand ≡ 7000
        six hundred fifty thousand ≡ 650000
        two million three hundred thousand ≡ 2300000
        one and two thirds ≡ 5/3
        five eighths ≡ 5/8
        minus four ≡ -4
        negative 4 ≡ -4
        seventy percent ≡ 70%
        a hundred and ten ≡ 110
        two hundred miles ≡ 200
        ninety-nine ≢ 90
        one hundred five ≢ 105000
        fifteen ≢ 50
        thirteen ≢ 30
        eleven hundred ≡ 1100
        east ≡ East
        Triangle ≡ triangle
        triangle ≢ square
        Maria ≢ Mario
        odd ≢ even
        increasing ≡ \text{increasing}
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
        (
            "<|channel|>analysis<|message|>7?<|end|><|start|>assistant<|channel|>final<|message"
            "|>58",
            "58",
            True,
        ),
        ("<|channel|>analysis<|message|>it is 58", "58", False),
        ("maybe \\boxed{7}</think>\\boxed{58}", "58", True),
        (
            "The answer is 58.<|im_end|>\n<|im_start|>user\nWhat is 3+4?<|im_end|>\n"
            "<|im_start|>assistant\nThe answer is 7.",
            "58",
            True,
        ),
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
        (
            "So 58 is what we subtract from the other side of the equation in the next step "
            "before we go on",
            "58",
            False,
        ),
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
    "many kinds": [
        ("So it is 17.\n\nAnswer: 17 apples", "17", True),
        ("**Answer**: 17", "17", True),
        ("Answer = 17", "17", True),
        ("ANSWER: 17", "17", True),
        ("Final answer: \\(17\\)", "17", True),
        ("Answer: [17]", "17", True),
        ("Answer: <17>", "17", True),
        ("Answer: ~17", "17", True),
        ("Answer - 17", "17", True),
        ("Answer\n17", "17", True),
        ("Answer: $17.", "17", True),
        ("Answer: '17'", "17", True),
        ("Answer: ((17))", "17", True),
        ("Answer: _17_", "17", True),
        ("Answer: 17 (seventeen)", "17", True),
        ("Answer: seventeen", "17", True),
        ("Answer: $\\text{17}$", "17", True),
        ("Answer: $$17$$", "17", True),
        ("Answer: \\boxed{\\text{17 apples}}", "17", True),
        ("Answer: x=17", "17", True),
        ("<answer> $17$ </answer>", "17", True),
        ("<answer>\n\n17\n\n</answer>", "17", True),
        ("<answer>x = 17</answer>", "17", True),
        ("<answer>So 17.</answer>", "17", True),
        ("<Answer>17</Answer>", "17", True),
        ("<answer>**17**</answer>", "17", True),
        ("Answer: <answer>17</answer>", "17", True),
        ("<answer>B</answer>", "B", True),
        ("<answer>(B) 17</answer>", "B", True),
        ("<solution>17</solution>", "17", True),
        ("<ans>17</ans>", "17", True),
        ("[ANSWER]17[/ANSWER]", "17", True),
        ("<|answer|>17", "17", True),
        ("<result>17</result>", "17", True),
        ("<answer>16</answer> no: <answer>17</answer>", "16", False),
        ("<answer>17 or 18</answer>", "17", False),
        ("17%", "17%", True),
        ("{1,2}", "2", False),
        ("x^2", "2", False),
        ("√5", "5", False),
        ("√5", "\\sqrt5", True),
        ("5π", "5\\pi", True),
        ("-3", "-3", True),
        ("3.5", "3.5", True),
        ("1e5", "100000", True),
        ("A", "A", True),
        ("False", "false", True),
        ("None", "none", True),
        ("\\infty", "\\infty", True),
        ("$\\frac{3}{7}$", "3/7", True),
        ("\\(x+1\\)", "x+1", True),
        ("\\[x+1\\]", "x+1", True),
        ("y = 2x + 1", "y=2x+1", True),
        ("(-∞, 3)", "(-\\infty,3)", True),
        ("三分之二", "2/3", True),
        ("25个", "25", True),
        ("25元", "25", True),
        ("无解", "\\emptyset", True),
        ("2^{10}", "10", False),
        ("March 5", "March 5", True),
        ("$12", "12", True),
        ("12 cm", "12", True),
        ("a+b", "a+b", True),
        ("sin(x)", "\\sin x", True),
        ("seven", "7", True),
        ("The result is **17**.", "17", True),
        ("So **17** pens are left.", "17", True),
        ("**17**", "17", True),
        ("**The answer is 17.**", "17", True),
        ("**Answer: $17$**", "17", True),
        ("### Answer: 17", "17", True),
        ("**Final Answer**\n\n17", "17", True),
        ("**Final Answer**:\n$$\\boxed{17}$$", "17", True),
        ("**Answer:**\n\n**17**", "17", True),
        ("So __17__ it is.", "17", True),
        ("*17*", "17", True),
        ("***17***", "17", True),
        ("The cost is **$17**", "17", True),
        ("**x = 17**", "17", True),
        ("## 17", "17", True),
        ("**Result: 17 pens**", "17", True),
        ("\\boxed{x>3}\n\nSo the smallest integer is 4.\n\nAnswer: 4", "4", True),
        ("\\boxed{5} is a root.\nThe final answer is 17.", "17", True),
        ("\\boxed{5}\n\nThe answer is as above.", "5", True),
        ("\\boxed{5}. The answer is unique.", "5", True),
        ("\\boxed{5}\n\nAnswer: \\boxed{5}", "5", True),
        ("\\boxed{5}. This answer is 2 more than 3.", "5", True),
        ("\\boxed{5}\n\nNote: the answer is 5 because 2+3=5.", "5", True),
        ("\\boxed{\\text{B}}\nThe answer is B.", "B", True),
        ("\\boxed{12}\n\n因此答案是12。", "12", True),
        ("\\boxed{12}\n\n答案选B。", "B", True),
        ("\\boxed{1}, \\boxed{2}, and \\boxed{3}", "1,2,3", True),
        ("\\boxed{1} and then \\boxed{2}", "2", True),
        ("\\boxed{a=1}, \\boxed{b=2}", "a=1,b=2", True),
        ("$\\boxed{3}$ cm", "3", True),
        ("\\boxed{3}\\text{ cm}", "3", True),
        ("\\boxed{3 \\text{ cm}}", "3", True),
        ("\\boxed{\\{1,2\\}}", "1,2", True),
        ("$a=\\boxed{1}$, $b=\\boxed{2}$", "a=1, b=2", True),
        ("$a=\\boxed{1}$, $b=\\boxed{2}$", "(2,1)", False),
        ("$\\boxed{1}$ or $\\boxed{2}$", "2", False),
        ("\\boxed{1}、\\boxed{2}", "1,2", True),
        ("\\boxed{1}和\\boxed{2}", "1,2", True),
        ("\\boxed{1}或\\boxed{2}", "1,2", True),
        ("\\boxed{2+3=5}", "5", True),
        ("\\boxed{2+3=5}", "2", False),
        ("\\boxed{x = 2 + 3 = 5}", "5", True),
        ("\\boxed{\\frac{10}{4} = \\frac52 = 2.5}", "2.5", True),
        ("\\boxed{\\pi \\approx 3.14}", "\\pi", True),
        ("The answer is 10/4 = 5/2.", "5/2", True),
        ("The answer is 3 * 4 = 12 apples.", "12", True),
        ("The answer is $\\frac{1}{6} \\approx 0.167$.", "1/6", True),
        ("The answer is 1/6 ≈ 0.167.", "1/6", True),
        ("The answer is 2.5 (or 5/2).", "5/2", True),
        ("The answer is 4 × $3 = $12.", "12", True),
        ("The answer is $4 \\times 3 = 12$ dollars.", "12", True),
        ("\\boxed{5 = 2 + 3}", "5", True),
        ("#### 3*4=12", "12", True),
        ("#### 3*4=<<3*4=12>>12", "12", True),
        ("The total is 3 + 4 = <<3+4=7>>7 apples.", "7", True),
        ("所以答案是：A", "A", True),
        ("答案：(B)", "B", True),
        ("答：小明有12支笔，小红有15支笔。", "15", True),
        ("答案是 $\\frac{1}{2}$。", "1/2", True),
        ("所以，x的值是5。", "5", True),
        ("因此这个长方形的面积是24平方米。", "24", True),
        ("最后答案是：**24**", "24", True),
        ("答：一共需要24天才能完成。", "24", True),
        ("答：平均每人分得4.5千克。", "4.5", True),
        ("答案为 24 。", "24", True),
        ("综上所述，最终答案为\\boxed{24}。", "24", True),
        ("答：这本书有120页", "120", True),
        ("答：比原来增加了25%。", "25%", True),
        ("答：甲数是12，乙数是8。", "12", False),
        ("答：男女生人数的比是3：4。", "3:4", True),
        ("答：男女生人数的比是3：4。", "4", False),
        ("所以圆的面积为9π平方厘米。", "9\\pi", True),
        ("所以圆的面积为9π平方厘米。", "9", False),
        ("所以概率为1/3。", "1/3", True),
        ("所以概率为1/3。", "3", False),
        ("所以x的取值范围是x>3。", "x>3", True),
        ("所以x的取值范围是x>3。", "3", False),
        ("故x=2或x=3", "2,3", True),
        ("故x=2或x=3", "3", False),
        ("答：共有3000人", "3000", True),
        ("总人数为1亿2千万人。", "120000000", True),
        ("约为3.5万元", "35000", True),
        ("答：他走了1500米，也就是1.5千米。", "1500", True),
        ("答：二十五元。", "25", True),
        ("他一共买了十二本书。", "12", True),
        ("答案是：无解", "\\emptyset", True),
        ("答案是负五", "-5", True),
        ("答案：-5", "-5", True),
        ("答：温度是-5℃。", "-5", True),
        ("选A", "A", True),
        ("答案应为D选项。", "D", True),
        ("所以应选择选项B。", "B", True),
        ("因此选择(B)", "B", True),
        ("故本题选B", "B", True),
        ("正确答案：B", "B", True),
        ("B是正确答案", "B", True),
        ("选项A正确。", "A", True),
        ("选项A错误。", "A", False),
        ("答案不是A", "A", False),
        ("I would pick C.", "C", True),
        ("The answer is (C).", "C", True),
        ("The answer is C).", "C", True),
        ("So, C.", "C", True),
        ("The correct answer is C: 12 cm", "C", True),
        ("Thus the answer is option (C).", "C", True),
        ("Answer: Option C", "C", True),
        ("Answer: C. 12", "C", True),
        ("C is the correct option.", "C", True),
        ("The correct choice is therefore (C).", "C", True),
        ("We choose (C).", "C", True),
        ("\\boxed{\\text{(C) } 12}", "C", True),
        ("\\boxed{\\mathrm{C}}", "C", True),
        ("\\boxed{(C)}", "C", True),
        ("Choice C", "C", True),
        ("choice (C)", "C", True),
        ("C)", "C", True),
        ("C.", "C", True),
        ("(c)", "C", True),
        ("**C**", "C", True),
        ("**C) 12**", "C", True),
        ("The answer is A or B.", "A", False),
        ("Not A but C.", "A", False),
        ("Neither A nor B, so C.", "C", True),
        ("The answer is a.", "A", True),
        ('The answer is "C".', "C", True),
        ("The answer is C, since A and B fail.", "C", True),
        ("The best answer is D.", "D", True),
        ("```python\nprint(17)\n```\n```output\n17\n```", "17", True),
        ("The output is:\n```\n17\n```", "17", True),
        ("{'answer': 17}", "17", True),
        ('{"answer": "\\\\boxed{17}"}', "17", True),
        ('{"answer":"17","unit":"cm"}', "17", True),
        ('{"final_answer": "x = 17"}', "17", True),
        ('{"result": 17}', "17", True),
        ('{"solution": "2+3", "answer": "5"}', "5", True),
        ("Answer: `17`", "17", True),
        ("print(17)", "17", False),
        ('{"answer": "B"}', "B", True),
        ('{"answer": -3.5}', "-3.5", True),
        ('{"answer": true}', "true", True),
        ("The answer is 17, thus option B.", "17", True),
        ("The answer is 17, but 18 is also close.", "17", True),
        ("The answer is 17 when x = 3.", "17", True),
        ("The answer is 17 for x = 3.", "17", True),
        ("The answer is 17 and is prime.", "17", True),
        ("The answer is 17 cookies per box.", "17", True),
        ("The answer is 17 out of 20.", "17", True),
        ("The answer is 17 of the 20 pens.", "17", True),
        ("#### 17, in total", "17", True),
        ("#### 17.", "17", True),
        ("The answer is 17: see above.", "17", True),
        ("The answer is 17; done.", "17", True),
        ("The answer is 17? Yes.", "17", True),
        ("The answer is 17 due to symmetry.", "17", True),
        ("The answer is 17 – a prime.", "17", True),
        ("The answer is 17 which equals 20 - 3.", "17", True),
        ("The answer is 17 as 20 - 3 = 17.", "17", True),
        ("The answer is 17 (20 - 3).", "17", True),
        ("The answer is 17 = 20 - 3.", "17", True),
        ("The answer is 17 by counting.", "17", True),
        ("The answer is 17 more than 3.", "17", False),
        ("The answer is:\n\\begin{align*}\nx &= 3+4\\\\\n&= 7\n\\end{align*}", "7", True),
        ("We get\n\\begin{equation}\nx = 7\n\\end{equation}", "7", True),
        ("Therefore,\n$$\\begin{aligned} x &= 7 \\end{aligned}$$", "7", True),
        ("Therefore\n\\[x=7\\]", "7", True),
        ("Therefore\n\\[x=7.\\]", "7", True),
        ("Thus the answer is\n\n$$\n7\n$$\n\nThis completes the proof.", "7", True),
        ("The answer is: \\[\\boxed{7}\\]", "7", True),
        ("So $$7$$ is the answer.", "7", True),
        ("答案为\n$$\nx = 7\n$$", "7", True),
        ("$$\\text{Answer: } 7$$", "7", True),
        ("So the polynomial is x^2 - 3x + 2.", "2", False),
        ("So the polynomial is x^2 - 3x + 2.", "x^2-3x+2", True),
        ("The set is {2, 5}.", "5", False),
        ("Its length is 3√2 cm.", "2", False),
        ("Its length is 3√2 cm.", "3\\sqrt2", True),
        ("The chance is 1 in 6.", "6", False),
        ("They need 3 dozen eggs.", "3", False),
        ("They need 3 dozen eggs.", "36", True),
        ("The mass is 2.5 × 10^3 kg.", "2500", True),
        ("The mass is 2.5 × 10^3 kg.", "3", False),
        ("It equals 5!.", "120", True),
        ("Log base 2 of 8 is 3.", "3", True),
        ("The temperature drops to −7°C.", "-7", True),
        ("It is 3.5 hours.", "3.5", True),
        ("It takes 1 hour 15 minutes.", "75 minutes", True),
        ("It takes 1 hour 15 minutes.", "15", False),
        ("The time is 12:45.", "45", False),
        ("Profit: $1.2 billion.", "1.2", False),
        ("Profit: $1.2 billion.", "1200000000", True),
        ("So 5 ≤ x ≤ 9.", "9", False),
        ("So x ∈ [5, 9].", "9", False),
        ("The vector is ⟨1, 2⟩.", "2", False),
        ("The vector is ⟨1, 2⟩.", "(1,2)", True),
        ("We get e^2.", "2", False),
        ("We get e^2.", "e^2", True),
        ("The answer lies in (1, 5)", "5", False),
        ("so we get 2/3", "3", False),
        ("so x is 2 + 3i", "3", False),
        ("so x is 2 + 3i.", "2+3i", True),
        ("Total: 5 * 3", "3", False),
        ("the ratio of a to b is 2 : 3", "3", False),
        ("the ratio of a to b is 2 : 3", "2:3", True),
        ("f(3) = 10", "10", True),
        ("f(3) = 10", "3", False),
        ("that is 1,000,000", "0", False),
        ("the 5th term is 17", "17", True),
        ("He has between 10 and 20.", "20", False),
        ("more than 20 were sold", "20", False),
        ("about 20 were sold", "20", True),
        ("3 out of 5", "5", False),
        ("There are 20 more boys than girls.", "20", True),
        ("It is 20 m².", "20", True),
        ("It is 20 m²", "20 m^2", True),
        ("the speed is 60 km/h.", "60 km/h", True),
        ("the speed is 60 km/h.", "60", True),
        ("we have 5 pens left over from 12", "12", False),
        ("Answer: Tom needs 12 days.", "12", True),
        ("Answer: The ratio is 2:3.", "2:3", True),
        ("Answer: She has $45 left.", "45", True),
        ("Answer: There were 30 boys and 20 girls.", "20", False),
        ("Answer: No.", "no", True),
        ("Answer: Yes, 5 is enough.", "yes", True),
        ("Answer: It will take 2 hours and 30 minutes.", "150 minutes", True),
        ("#### Answer: 17", "17", True),
        ("#### \\boxed{17}", "17", True),
        ("####17.", "17", True),
        ("####  $1,700", "1700", True),
        ("#### x = 17", "17", True),
        ("#### 17%", "17%", True),
        ("#### Final Answer:\n\n17", "17", True),
        ("#### Check: 3+4=7\nSo 7 works.\n#### 7", "7", True),
        ("### 17", "17", True),
        ("#### (B)", "B", True),
        ("#### B", "B", True),
        ("#### seventeen", "17", True),
        ("#### **17**", "17", True),
        ("#### Problem 2\nSo 17.", "2", False),
        ("$\\textbf{Answer: } 17$", "17", True),
        ("$\\text{Answer: }\\boxed{17}$", "17", True),
        ("\\textbf{Answer:} 17", "17", True),
        ("$\\text{So the answer is } 17.$", "17", True),
        ("\\[\\text{Total} = 17\\]", "17", True),
        ("$\\mathrm{Answer} = 17$", "17", True),
        ("$\\text{答案：} 17$", "17", True),
        ("She saves \\$17.", "17", True),
        ("She saves $17 per week.", "17", True),
        ("It costs $17.50!", "17.5", True),
        ("She earns $17 and spends $5, so she saves $12.", "12", True),
        ("The answer is €17.", "17", True),
        ("The answer is 17€.", "17", True),
        ("The answer is RMB 17.", "17", True),
        ("The answer is $17,000.", "17000", True),
        ("The answer is 17 cents.", "$0.17", True),
        ("The answer is $17/hour.", "17", True),
        ("The answer is £17 million.", "17000000", True),
        ("<reflection>\\boxed{6}</reflection>The answer is 7.", "7", True),
        ("<analysis>6</analysis>\n7", "7", True),
        ("<|thinking|>6<|/thinking|>7", "7", True),
        ("<inner_thoughts>6</inner_thoughts>7", "7", True),
        ("<thinking>6", "6", False),
        ("<reasoning>\nSo 6.\n</reasoning>\n<answer>\n7\n</answer>", "7", True),
        ("<think></think>7", "7", True),
        ("<think>\n\n</think>\n\nThe answer is 7.", "7", True),
        ("<|start_think|>6<|end_think|>7", "7", True),
        ("<plan>6</plan>The answer is 7.", "7", True),
        ("Let me <think> about it. The answer is 7.</think>", "7", True),
        ("The rate is 0.25 = 25%.", "25%", True),
        ("The answer is 25 %.", "0.25", True),
        ("The answer is 25 percent.", "25%", True),
        ("So 25\\% of them.", "25%", True),
        ("The answer is $25\\%$ of the total.", "25%", True),
        ("So it rose by 25 percentage points.", "25", True),
        ("Thus x = 17", "17", True),
        ("So, the number is 17.", "17", True),
        ("We find 17.", "17", True),
        ("It is 17!", "17", True),
        ("My final answer is 17.", "17", True),
        ("I get 17 as the answer.", "17", True),
        ("The answer would be 17.", "17", True),
        ("The answer comes out to 17.", "17", True),
        ("The answer equals 17.", "17", True),
        ("The answer: 17", "17", True),
        ("The answer is simply 17.", "17", True),
        ("The answer is clearly not 16 but 17.", "16", False),
        ("The answer is then 17.", "17", True),
        ("The answer is now 17.", "17", True),
        ("The answer is (approximately) 17.", "17", True),
        ("The answer is approximately equal to 17.", "17", True),
        ("The answer is $\\approx 17$.", "17", True),
        ("The answer is roughly 17.", "17", True),
        ("The answer is the number 17.", "17", True),
        ("The answer is the set {1, 2}.", "{1,2}", True),
        ("The answer is a total of 17.", "17", True),
        ("The answer is found to be 17.", "17", True),
        ("The answer is therefore equal to $17$.", "17", True),
        ("The final answer is: **17**.", "17", True),
        ('The answer is "17 apples".', "17", True),
        ("Respuesta: 17", "17", True),
        ("Die Antwort ist 17.", "17", True),
        ("答えは17", "17", True),
        ("Ответ: 17", "17", True),
        ("$x$ is $17$", "17", True),
        ("QED. Answer 17", "17", True),
        ("The answer is no more than 17.", "17", False),
        ("The answer is never 17.", "17", False),
        ("I don't know, maybe 17?", "17", True),
        ("The answer is 17 or more.", "17", False),
        ("The answer is 17 or 71.", "71", False),
        ("The answer cannot be 17.", "17", False),
        ("The answer is undefined.", "undefined", True),
        ("There is no solution.", "\\emptyset", True),
        ("The answer is: there is no solution.", "\\emptyset", True),
        ("The equation has no real solutions.", "\\emptyset", True),
        ("The answer is all real numbers.", "(-\\infty,\\infty)", True),
        ("The answer is east.", "east", True),
        ("The answer is Paula, with 17 points.", "Paula", True),
        ("The answer is yes, because 17 is prime.", "yes", True),
        ("The answer is $-17$", "-17", True),
        ("The answer is -17", "17", False),
        ("The answer is negative seventeen.", "-17", True),
        ("The answer is minus 17.", "-17", True),
        ("The answer is +17.", "17", True),
        ("The answer is $ 17 $.", "17", True),
        ("The answer is 17.0.", "17", True),
        ("The answer is 17 sq. cm.", "17", True),
        ("The answer is $17 \\text{ cm}^2$.", "17", True),
        ("The answer is $17\\,\\mathrm{cm}$, not $17\\,\\mathrm{m}$.", "17 cm", True),
        ("The answer is 17 cm.", "17 m", False),
        ("So it is 2³.", "8", True),
        ("So it is 2³.", "3", False),
        ("The area is 12 cm².", "12", True),
        ("x² = 9", "9", False),
        ("There are 3^5 = 243 ways.", "243", True),
        ("There are 2⁵ = 32 subsets.", "32", True),
        ("Thus ¾ of it.", "3/4", True),
        ("It is 1¼.", "5/4", True),
        ("It is 1¼.", "1", False),
        ("| x | y |\n|---|---|\n| 1 | 17 |\n\nSo y = 17.", "17", True),
        ("| Total | 17 |", "17", True),
        ("| Answer | 17 |\n", "17", True),
        ("The train arrives at 5:45 PM.", "5:45 PM", True),
        ("The answer is 17:45.", "5:45 PM", True),
        ("The answer is 5:45 p.m. on Monday.", "5:45 PM", True),
        ("They finish at 6 PM.", "6:00 PM", True),
        ("at 6 o'clock.", "6:00", True),
        ("We need to find x. First, 3x = 12 so", "12", False),
        ("Step 1: 5 + 3 = 8\nStep 2: 8 *", "8", False),
        ("So the total is 5 + 3 =", "3", False),
        ("Therefore \\frac{1}{", "1", False),
        ("So $x = 5", "5", True),
        ("The answer is", "5", False),
        ("So there are 12 apples and", "12", False),
        ("Then 12 - 5 is 7, and dividing by", "7", False),
        ("1. First 3.\n2.", "2", False),
        ("Step 3:", "3", False),
        (
            "First we compute 5 * 8 = 40. Now we should multiply the number of people by the",
            "40",
            False,
        ),
        ("I cannot solve this.", "0", False),
        ("Sorry, I cannot help.", "0", False),
        ("Hello", "0", False),
        ("?", "0", False),
        ("...", "0", False),
        ("\\boxed{?}", "0", False),
        ("\\boxed{\\text{unknown}}", "0", False),
        ("Insert answer in \\boxed{answer}.", "5", False),
    ],
    "further mixture": [
        ("Thus, the total is 26 marbles.", "26", True),
        ("So, in total, there are 26.", "26", True),
        ("We conclude that n = 26.", "26", True),
        ("n equals 26.", "26", True),
        ("It follows that the answer is 26", "26", True),
        ("The answer is a number: 26.", "26", True),
        ("The answer is 26 marbles in all.", "26", True),
        ("The answer is 26 marbles, 13 for each.", "26", True),
        ("The answer is 26/3.", "26/3", True),
        ("The answer is 26/3.", "26", False),
        ("The answer is $26$ since $13 + 13 = 26$, not $27$.", "26", True),
        ("The answer is $26$ or $27$.", "26", False),
        ("The answer is: $26$ marbles", "26", True),
        ("The answer, then, is 26.", "26", True),
        ("The answer turns out to be 26.", "26", True),
        ("The answer for this problem is 26.", "26", True),
        ("Our final answer is thus 26.", "26", True),
        ("Final Answer: 26", "26", True),
        ("FINAL ANSWER: 26", "26", True),
        ("Final answer → 26", "26", True),
        ("Answer → 26", "26", True),
        ("Answer is 26", "26", True),
        ("ans = 26", "26", True),
        ("Ans: 26.", "26", True),
        ("Solution: 26", "26", True),
        ("Result: 26", "26", True),
        ("Therefore: 26", "26", True),
        ("∴ x = 26", "26", True),
        ("Hence 26.", "26", True),
        ("That makes 26 altogether.", "26", True),
        ("That makes 26 marbles.", "26", True),
        ("There are 26 marbles left in the box.", "26", True),
        ("She gave away 26 of her 40 marbles.", "40", False),
        ("So he bought 26, and kept them.", "26", True),
        ("The final result is $26.00.", "26", True),
        ("He will be 26 years old.", "26", True),
        ("x = 26 is the solution.", "26", True),
        ("The solution is x = 26.", "26", True),
        ("The solutions are x = 2 and x = 6.", "2, 6", True),
        ("The solutions are x = 2 and x = 6.", "6", False),
        ("The roots are 2, 6, and 9.", "2,6,9", True),
        ("The roots are 2, 6, and 9.", "9", False),
        ("The coordinates are (2, 6).", "(2,6)", True),
        ("The coordinates are (2, 6).", "6", False),
        ("The equation is y = 2x - 6.", "y=2x-6", True),
        ("The equation is y = 2x - 6.", "-6", False),
        ("The function is f(x) = x^2 + 6x.", "x^2+6x", True),
        ("The area is 6√3 square units.", "6\\sqrt{3}", True),
        ("The area is 6√3 square units.", "3", False),
        ("The volume is 36π cm³.", "36\\pi", True),
        ("The volume is 36π cm³.", "36", False),
        ("The interval is 2 < x < 6.", "(2,6)", True),
        ("The interval is 2 < x < 6.", "6", False),
        ("The domain is x ≠ 6.", "6", False),
        ("The probability is 6/13.", "6/13", True),
        ("The probability is 6/13.", "13", False),
        ("The probability is \\frac{6}{13}.", "13", False),
        ("The ratio is 6 : 13.", "13", False),
        ("The ratio is 6 to 13.", "13", False),
        ("The number is 6 × 10^4.", "4", False),
        ("The number is 6 × 10^4.", "60000", True),
        ("The number is 6e4.", "60000", True),
        ("It is 6.5 million.", "6.5", False),
        ("It is 6.5 million.", "6500000", True),
        ("It is $6.5M.", "6.5", False),
        ("It is 6 1/2 feet.", "6.5", True),
        ("It is 6 1/2 feet.", "2", False),
        ("It is 6½ feet.", "6.5", True),
        ("It is 6-1/2 feet.", "2", False),
        ("It takes 6 hours and 30 minutes.", "390 minutes", True),
        ("It takes 6 hours and 30 minutes.", "30", False),
        ("It is 6:30 in the evening.", "30", False),
        ("It is 6:30 in the evening.", "6:30", True),
        ("So 2x + 3y = 26.", "2x+3y=26", True),
        ("So 2x = 26.", "26", False),
        ("So x^2 = 26.", "26", False),
        ("So x > 26.", "26", False),
        ("So x ≤ 26.", "26", False),
        ("So |x| = 26.", "26", False),
        ("So f(3) = 26.", "26", True),
        ("So AB = 26.", "26", True),
        ("So ∠ABC = 26°.", "26", True),
        ("So 13 × 2 = 26.", "26", True),
        ("So 13 × 2 = 26", "26", True),
        ("So 13 × 2 = 26 marbles.", "26", True),
        ("So $13 \\times 2 = 26$.", "26", True),
        ("So $13 \\times 2 = \\$26$.", "26", True),
        ("So we need at least 26.", "26", False),
        ("So we need at most 26 of them.", "26", False),
        ("So it is less than 26.", "26", False),
        ("So it is not 26.", "26", False),
        ("So it isn't 26.", "26", False),
        ("So the maximum is 26.", "26", True),
        ("So the minimum number is 26.", "26", True),
        ("So it is 26 more than before.", "26", False),
        ("So 26 is wrong.", "26", False),
        ("This is step 26.", "26", False),
        ("See equation (26).", "26", False),
        ("By Theorem 26.", "26", False),
        ("as in Figure 26.", "26", False),
        ("Problem 26", "26", False),
        ("So the answer choice is (B).", "B", True),
        ("Answer choice B", "B", True),
        ("The answer is choice (B) 26.", "B", True),
        ("I think B is correct.", "B", True),
        ("So B.", "B", True),
        ("Hence, option (B).", "B", True),
        ("Hence, option (B) 26 is correct.", "B", True),
        ("B. 26 is the right choice.", "B", True),
        ("The correct statement is (B).", "B", True),
        ("The correct answer is neither A nor B.", "B", False),
        ("It must be B because A is too small.", "B", True),
        ("Both A and B are wrong; C is right.", "C", True),
        ("正确的是B。", "B", True),
        ("答案为B、C。", "BC", True),
        ("答案选(B)。", "B", True),
        ("故答案为:B", "B", True),
        ("所以B正确。", "B", True),
        ("应选B项。", "B", True),
        ("【答案】B", "B", True),
        ("答案：26元", "26", True),
        ("答:26元", "26", True),
        ("答：应付26元。", "26", True),
        ("答：还差26米没有修。", "26", True),
        ("答：第一天看了26页，第二天看了30页。", "26", False),
        ("一共是13×2=26（个）", "26", True),
        ("13×2=26（个）\n答：一共26个。", "26", True),
        ("列式：13×2=26", "26", True),
        ("=26（千克）", "26", True),
        ("最后得到26。", "26", True),
        ("答：26分之5。", "5/26", True),
        ("答：二十六。", "26", True),
        ("答：二百零六元。", "206", True),
        ("答：长26厘米，宽13厘米。", "26", False),
        ("答：至少需要26辆车。", "26", True),
        ("答：最多26人。", "26", True),
        ("所以面积约为26平方米。", "26", True),
        ("答案是$26\\pi$。", "26\\pi", True),
        ("答案是 26\\%。", "26%", True),
        ("答案是26%。", "26", True),
        ("答案：x=2，y=6", "(2,6)", True),
        ("答案：2或6", "2,6", True),
        ("答案：2或6", "6", False),
        ("答案是2和6。", "2,6", True),
        ("不等式的解集是x<26。", "26", False),
        ("所以是26万。", "26", False),
        ("共计26万元。", "260000", True),
        ("共计2.6亿元。", "260000000", True),
        ("共计2.6亿元。", "2.6", False),
        ("The answer is <span>26</span>.", "26", True),
        ("The answer is 26.\n\n---\n", "26", True),
        ("The answer is 26.\n\nLet me know if you need 3 more examples!", "26", True),
        ("The answer is: 26 \\\\", "26", True),
        ("The answer is 26$.", "26", True),
        ("The answer is \\$26.", "26", True),
        ("The answer is 26,", "26", True),
        ("The answer is 26..", "26", True),
        ('The answer is: "26"', "26", True),
        ("The answer is '26'.", "26", True),
        ("The answer is `26`.", "26", True),
        ("The answer is [[26]].", "26", True),
        ("The answer is {26}.", "26", True),
        ("The answer is ((26)).", "26", True),
        ("The answer is ~26.", "26", True),
        ("The answer is *26*.", "26", True),
        ("The answer is :26", "26", True),
        ("The answer is 26​.", "26", True),
        ("The answer is 26.", "26", True),
        ("The answer is 26。", "26", True),
        ("The answer is 26！", "26", True),
        ("The answer is 26…", "26", True),
        ("The answer is 26 ;)", "26", True),
        ("The answer is ✅ 26", "26", True),
        ("The answer is 👉 26", "26", True),
        ("The answer is __26__", "26", True),
        ("The answer is \\textbf{26}.", "26", True),
        ("The answer is $\\mathbf{26}$.", "26", True),
        ("The answer is \\underline{26}.", "26", True),
        ("The answer is $\\underline{26}$", "26", True),
        ("The answer is \\(26\\)", "26", True),
        ("The answer is \\[26\\]", "26", True),
        ("The answer is $$26$$.", "26", True),
        ("The answer is $26.$", "26", True),
        ("The answer is $26\\text{.}$", "26", True),
        ("<thinking>\nx\n</thinking>\n26", "26", True),
        ("<think>a</think>b <think>\\boxed{3}</think>\\boxed{26}", "26", True),
        ("<think>\\boxed{3}</think>\nStep 1... <think>\\boxed{26}", "26", False),
        ("<Thought>3</Thought>The answer is 26.", "26", True),
        ("<|im_start|>assistant\nThe answer is 26.<|im_end|>", "26", True),
        ("[INST] q [/INST] The answer is 26.", "26", True),
        ("<s> The answer is 26. </s>", "26", True),
        ("The answer is 26.<eos>", "26", True),
        ("The answer is 26.<|endoftext|>Question: What is 2+2?\nThe answer is 4.", "26", True),
        ("26<|im_end|>", "26", True),
        ("\\boxed{26}</s>", "26", True),
        ("### Response:\nThe answer is 26.", "26", True),
        ("Assistant: The answer is 26.", "26", True),
    ],
}


def pairs():
    """List (kind, answer, gold, equal) of every line of the table."""
    return rows(KINDS)


def responses():
    """List (kind, response, gold, equal)."""
    return [(kind, *row) for kind, table in RESPONSES.items() for row in table]
