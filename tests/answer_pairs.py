r"""Labelled pairs, answer and gold, by kind: ≡ where they are the same mathematical object, ≢ where
they are not.

Written for this project; the near misses are what graders are known to confuse. Responses are at
the end: text, gold, verdict.
"""

KINDS = {
    "fractions": r"""
        1/2 ≡ 2/4
        \frac{-3}{4} ≡ -\frac{3}{4}
        \frac{3}{-4} ≡ -\frac34
        \tfrac{10}{4} ≡ \frac{5}{2}
        \frac{12}{4} ≡ 3
        \cfrac{1}{1+\cfrac{1}{2}} ≡ 2/3
        {7 \over 8} ≡ 7/8
        \frac{1}{3}+\frac{1}{6} ≡ \frac12
        -(5/6) ≡ \frac{-5}{6}
        2⁄3 ≡ \frac{2}{3}
        22/7 ≢ \pi
        \frac{3}{4} ≢ \frac{4}{3}
        3/5 ≢ 0.65
        \frac{17}{100} ≢ \frac{17}{1000}
        1/0 ≢ 0
        \frac{1}{7} ≢ 0.1428
        0.5 ≡ \dfrac{1}{2}
        \frac{1}{2} ≡ .5
        \frac{\frac{1}{2}}{3} ≡ \frac16
        \frac 1 2 ≡ 0.5
        1/2x ≡ \frac{x}{2}
        -1/2 ≡ -0.5
        - \frac{1}{2} ≡ \frac{1}{-2}
        \frac{5}{12} ≢ 512
        """,
    "decimals": r"""
        .75 ≡ 3/4
        2.50 ≡ 2.5
        -0.125 ≡ -\frac{1}{8}
        007 ≡ 7
        3. ≡ 3
        0.0 ≡ 0
        1.41421356237 ≡ \sqrt{2}
        3.14159265359 ≡ \pi
        0.66666666667 ≡ 2/3
        0.12500000001 ≢ 1/8
        0.33 ≢ 1/3
        1.4142 ≢ \sqrt{2}
        0.1 ≢ 0.01
        123456789.1 ≢ 123456789.2
        99999999999999999999 ≢ 100000000000000000000
        2.718281828 ≢ 2.718281829
        0.5000000000001 ≢ 0.5
        0.1666666667 ≡ 1/6
        0.16666 ≢ 1/6
        1.0000000001 ≢ 1
        3.1415926535 ≡ \pi
        2.0 ≡ 2
        1.50 ≡ \frac{3}{2}
        5 ≢ -5
        5 ≢ 5.0000001
        1000000007 ≢ 1000000009
        """,
    "repeating decimals": r"""
        0.\overline{6} ≡ 2/3
        0.1\overline{6} ≡ \frac{1}{6}
        2.\overline{45} ≡ 27/11
        0.\dot{3} ≡ 1/3
        0.\dot{1}4285\dot{7} ≡ 1/7
        0.333... ≡ \frac13
        0.272727\ldots ≡ 3/11
        -0.\overline{1} ≡ -1/9
        0.\overline{9} ≡ 1
        0.(18) ≡ 2/11
        0.\overline{27} ≢ 0.\overline{72}
        0.\overline{6} ≢ 0.6
        0.0\overline{6} ≢ 2/3
        0.\overline{12} ≢ 0.12
        """,
    "percent": r"""
        40% ≡ 2/5
        40\% ≡ 0.4
        12.5\% ≡ \frac{1}{8}
        150% ≡ 1.5
        75 percent ≡ 3/4
        75 per cent ≡ 75%
        \frac{1}{2}\% ≡ 0.005
        -8\% ≡ -0.08
        ３０％ ≡ 30%
        33\frac{1}{3}\% ≡ \frac{1}{3}
        60 ≢ 0.6
        6000 ≢ 60
        0.6 ≢ 6%
        60% ≢ 0.06
        33\% ≢ 1/3
        1\% ≢ 2\%
        25\% ≡ 25\,\%
        25 % ≡ 0.25
        $25\%$ ≡ \frac14
        -25% ≢ 25%
        0.5% ≡ 0.005
        100% ≡ 1
        8\% ≢ 80\%
        """,
    "mixed numbers": r"""
        2\frac{3}{4} ≡ 11/4
        2 3/4 ≡ 2.75
        -1\frac{1}{2} ≡ -1.5
        3½ ≡ 7/2
        5 \dfrac{1}{5} ≡ 5.2
        10\tfrac{2}{3} ≡ \frac{32}{3}
        -2 1/4 ≡ -\frac{9}{4}
        3又1/2 ≡ 3.5
        1¾ ≡ 7/4
        2\frac{3}{4} ≢ \frac{6}{4}
        2 3/4 ≢ 23/4
        -1\frac{1}{2} ≢ -\frac{1}{2}
        3½ ≢ 3/2
        7² ≢ 7½
        \frac{3}{2}\frac{1}{2} ≡ 3/4
        1 \frac{1}{2} ≡ 1.5
        1\ \frac{1}{2} ≡ 1.5
        1 + \frac{1}{2} ≡ 1\frac{1}{2}
        1\frac{1}{2} ≢ \frac{11}{2}
        1 and 1/2 ≡ 1.5
        1-1/2 ≡ 0.5
        """,
    "units left out": r"""
        12 cm ≡ 12
        12\text{ cm} ≡ 12
        30\,\mathrm{km/h} ≡ 30
        5 square units ≡ 5
        48\pi \text{ cm}^3 ≡ 48\pi
        6\sqrt{2}\text{ meters} ≡ 6\sqrt2
        17 apples ≡ 17
        45^\circ ≡ 45
        45 degrees ≡ 45
        9 cm² ≡ 9
        3 hours ≡ 3
        25 miles per hour ≡ 25
        8\ \text{students} ≡ \text{8 students}
        20\mbox{ inches}^2 ≡ 20
        3x ≢ 3
        7ab ≢ 7
        2\pi ≢ 2
        4n ≢ 4
        12 cm ≢ 13
        0^\circ ≡ 0
        45° ≡ 45^{\circ}
        25^\circ\text{C} ≡ 25
        \frac{3}{5}\text{ of the total} ≡ 3/5
        about 5 ≡ 5
        ≈3.14 ≡ 3.14
        """,
    "unit conversion": r"""
        2 km ≡ 2000 m
        250 cm ≡ 2.5\text{ m}
        1.5 hours ≡ 90 minutes
        3\text{ kg} ≡ 3000 grams
        1 hour 30 minutes ≡ 90 min
        5 feet 6 inches ≡ 66 inches
        72\text{ km/h} ≡ 20\text{ m/s}
        1 m^2 ≡ 10000 cm^2
        2 liters ≡ 2000 mL
        1 L ≡ 1000\text{ cm}^3
        3 weeks ≡ 21 days
        1 mile ≡ 5280 feet
        1 yd ≡ 36 in
        180^\circ ≡ \pi\text{ radians}
        60 mph ≡ 60 miles per hour
        0.5 square meters ≡ 5000 cm^2
        5 cm ≢ 5 m
        5 cm ≢ 5\text{ cm}^2
        60 mph ≢ 60 km/h
        3 hours ≢ 3 minutes
        12 apples ≢ 12 oranges
        1 kg ≢ 1 lb
        1 m^2 ≢ 100 cm^2
        5 feet 6 inches ≢ 56 inches
        10 \text{ cm} ≡ 0.1\text{ m}
        100 cm² ≡ 0.01 m²
        36 km/h ≡ 10 m/s
        1000 mm ≡ 1 m
        2.5 kg ≡ 2500 g
        90 minutes ≡ 1.5 hours
        1 day ≡ 24 hours
        1 dozen ≡ 12
        2 hours ≡ 120 min
        3 ft ≡ 36 in
        3 ft ≡ 1 yd
        500 mL ≡ 0.5 L
        1 gallon ≡ 4 quarts
        5 kilometers ≡ 5000 meters
        7 kg ≢ 7 g
        7 kg ≢ 70 g
        1 hour ≢ 100 minutes
        30^\circ ≢ 30\text{ radians}
        \frac{\pi}{6} ≡ 30^\circ
        100 ^\circ C ≢ 100 ^\circ F
        5 m/s ≢ 5 m/s^2
        5\ \text{m/s} ≡ 5
        5 m s^{-1} ≡ 5 m/s
        12\text{ inches} ≢ 1\text{ inch}
        """,
    "currency": r"""
        \$12 ≡ 12
        $12.50 ≡ 12.5
        \$1,200 ≡ 1200
        12 dollars ≡ \$12
        50 cents ≡ \$0.50
        \$0.05 ≡ 5 cents
        -\$3 ≡ -3
        €20 ≡ 20 euros
        £7 ≡ 7
        5 dollars and 25 cents ≡ \$5.25
        ¥30 ≡ 30元
        3 million dollars ≡ \$3,000,000
        \$12 ≢ €12
        \$12.5 ≢ \$1.25
        50 cents ≢ \$50
        $3 ≢ 3.1
        £7 ≢ \$7
        \$1 ≡ 100 cents
        \$5.00 ≡ 5
        $1,000,000 ≡ 1 million dollars
        US$5 ≡ 5 USD
        5元 ≡ 5
        5元 ≢ 5角
        €5 ≡ 5€
        5 pounds ≡ 5
        """,
    "thousands": r"""
        1,234,567 ≡ 1234567
        12{,}500 ≡ 12500
        12\,500 ≡ 12500
        12,500.75 ≡ 12500.75
        -4,000 ≡ -4000
        1,000,000 ≡ 10^6
        6,\!250 ≡ 6250
        2,048 ≡ 2^{11}
        12,50 ≢ 1250
        1,234 ≢ 1.234
        1,234 ≢ 12345
        10,000 ≢ 1000
        1,234 ≢ 1,243
        1 234 567 ≡ 1234567
        1 000 ≡ 1000
        1'000 ≡ 1000
        """,
    "scientific notation": r"""
        1.2\times10^{3} ≡ 1200
        1.2 \cdot 10^{-3} ≡ 0.0012
        6.02e23 ≡ 6.02\times 10^{23}
        5E-4 ≡ 0.0005
        3×10^5 ≡ 300000
        10^{-2} ≡ 0.01
        45\times 10^{2} ≡ 4.5\times10^{3}
        2.5*10^4 ≡ 25000
        1.2\times10^{3} ≢ 1.2\times10^{-3}
        1.2e-7 ≢ 1.3e-7
        10^{-20} ≢ 10^{-21}
        6.02e23 ≢ 6.02e22
        3\times 10^{5} ≢ 3^{5}
        1.5 \times 10^{3} ≡ 1,500
        1.5 x 10^3 ≡ 1500
        1.5e3 ≡ 1500
        1.5*10**3 ≡ 1500
        10^6 ≡ 1 million
        2^10 ≡ 1024
        """,
    "powers": r"""
        2^{10} ≡ 1024
        2^{-3} ≡ 1/8
        4^{3/2} ≡ 8
        3^{2^2} ≡ 81
        (-2)^3 ≡ -8
        -2^2 ≡ -4
        5^2 \cdot 2^3 ≡ 200
        2^{100} ≡ 4^{50}
        27^{-2/3} ≡ 1/9
        2**5 ≡ 32
        2^{-99} ≢ 2^{-98}
        (-2)^2 ≢ -4
        2^{10} ≢ 210
        3^{2^3} ≢ (3^2)^3
        2^{1000} ≢ 2^{1001}
        """,
    "intervals": r"""
        (1,3] ≡ \left(1, 3\right]
        (-\infty, 2) \cup (5, \infty) ≡ (5,\infty)\cup(-\infty,2)
        [1,2]\cup[2,3] ≡ [1,3]
        (0,1)\cup[1,2) ≡ (0,2)
        x \in [0, \frac{1}{2}] ≡ [0, 0.5]
        (-\infty,\infty) ≡ \mathbb{R}
        \mathbb{R}\setminus\{0\} ≡ (-\infty,0)\cup(0,\infty)
        [0,5]\cap[3,9] ≡ [3,5]
        (-∞, 4] ≡ (-\infty, 4]
        [\sqrt{4}, 3) ≡ [2,3)
        ]1,2[ ≡ (1,2)
        [1,3] \setminus \{2\} ≡ [1,2)\cup(2,3]
        (1,3] ≢ [1,3]
        (1,3) ≢ (1,3]
        [2,3] ≢ [3,2]
        (-\infty,2) ≢ (-\infty,2]
        (0,1)\cup(1,2) ≢ (0,2)
        (-\infty, 2) \cup (5, \infty) ≢ (-\infty, 2)
        (2,\infty) ≢ (-\infty,2)
        (0, \infty) ≡ (0,+\infty)
        x>0 ≡ (0,+∞)
        (-\infty, -1) \cup (-1, \infty) ≡ x \neq -1
        (-\infty, -1) \cup (-1, \infty) ≡ \mathbb{R} \setminus \{-1\}
        all real numbers ≡ (-\infty, \infty)
        all real numbers except 0 ≡ (-\infty,0)\cup(0,\infty)
        [0,1) ≢ (0,1]
        [0, 1] ≡ 0 \le x \le 1
        [0, 1] ≡ \{x : 0 \le x \le 1\}
        [0, 1] ≡ \{x \in \mathbb{R} \mid 0 \le x \le 1\}
        x \in (1,2) ≡ 1 < x < 2
        y \in (1,2) ≡ (1,2)
        (1,2) \cup \{3\} ≡ \{3\} \cup (1,2)
        """,
    "sets": r"""
        \{1,2,3\} ≡ \{3,2,1\}
        \{1/2, 4\} ≡ \{4, 0.5\}
        \{ -1 , 1 \} ≡ \left\{1, -1\right\}
        \{x \mid x > 3\} ≡ (3,\infty)
        \{\sqrt{8}\} ≡ \{2\sqrt{2}\}
        \{(1,2),(3,4)\} ≡ \{(3,4),(1,2)\}
        \{5\} ≡ \left\{5\right\}
        \lbrace 2, 7 \rbrace ≡ \{7,2\}
        \{1,2\} ≢ \{1,2,3\}
        \{1,2,3\} ≢ \{1,2,4\}
        \{(1,2)\} ≢ \{(2,1)\}
        \{1,2\} ≢ (1,2)
        \{1,2\} ≢ [1,2]
        \{0\} ≢ \emptyset
        \{1,2\} \cup \{3\} ≡ \{1,2,3\}
        \{1, 1, 2\} ≡ \{1, 2\}
        \{ 1,\ 2,\ \dots,\ 10 \} ≡ \{1, 2, \ldots, 10\}
        {1,2} ≡ \{2,1\}
        1,2,3 ≡ {3,2,1}
        """,
    "lists": r"""
        3, 5, 7 ≡ 7, 3, 5
        2 \text{ and } 3 ≡ 3, 2
        2 or 3 ≡ 3 or 2
        x = 2 or x = 3 ≡ 2, 3
        x=1, x=4 ≡ 4, 1
        1; 2; 3 ≡ 1, 2, 3
        -1、4 ≡ 4, -1
        1/2, 1/3 ≡ \frac13, 0.5
        x=1, y=2 ≡ y=2, x=1
        x = 1, y = 2 ≡ (1, 2)
        2, 3 ≢ 2
        2 ≢ 2, 3
        2, 3, 4 ≢ 2, 3, 5
        2, 3 ≢ 23
        x=1, y=2 ≢ x=2, y=1
        1, 2 ≢ (1, 2)
        1, 2, and 3 ≡ 1,2,3
        1 and 2 ≡ 1,2
        x=1 \text{ or } x=2 ≡ x=2,1
        x_1 = 1, x_2 = 2 ≡ 2, 1
        a = 1, b = 2, c = 3 ≡ (1,2,3)
        a=1,b=2 ≢ (2,1)
        5 \text{ or } 6 ≢ 56
        1,2 ≢ 1.2
        1,2 ≢ 12
        """,
    "tuples": r"""
        (1, 2) ≡ \left( 1, 2 \right)
        (\frac{1}{2}, -3) ≡ (0.5, -3)
        (3, \frac{\pi}{2}) ≡ \left(3, \dfrac{\pi}{2}\right)
        (1,2,3) ≡ (1, 2, 3)
        (x, y) = (4, -1) ≡ (4,-1)
        （1，2） ≡ (1,2)
        (2\sqrt{3}, 1) ≡ (\sqrt{12}, 1)
        \langle 1, 2 \rangle ≡ (1,2)
        (1, 2), (3, 4) ≡ (3, 4), (1, 2)
        (1,2) ≢ (2,1)
        (1,2) ≢ (1,2,3)
        (1,2,3) ≢ (3,2,1)
        (1,-2) ≢ (1,2)
        (5,-6) ≢ (5,6)
        (1, 2), (3, 4) ≢ (1, 2)
        (1,2) and (3,4) ≡ (3,4),(1,2)
        (2, 3) ≢ 2, 3
        (1, 2, 3) ≢ \{1,2,3\}
        (3,-1) ≢ (3,1)
        (r,\theta) = (2, \pi) ≡ (2,\pi)
        \left(\frac{3}{2}, 0\right) ≡ (1.5, 0)
        """,
    "matrices": r"""
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ≡ \begin{bmatrix}1&2\\3&4\end{bmatrix}
        \begin{pmatrix} 0.5 \\ 1 \end{pmatrix} ≡ \begin{pmatrix} 1/2 \\ 1 \end{pmatrix}
        \begin{pmatrix} 1 & 0 \\ 0 & 1 \\ \end{pmatrix} ≡ \begin{pmatrix}1 & 0 \\ 0 & 1\end{pmatrix}
        \frac{1}{2}\begin{pmatrix} 2 & 4 \\ 6 & 8 \end{pmatrix} ≡ \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
        \left[\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right] ≡ \begin{bmatrix}1&2\\3&4\end{bmatrix}
        [[1,2],[3,4]] ≡ \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
        \begin{pmatrix} \sqrt{4} \\ x+x \end{pmatrix} ≡ \begin{pmatrix} 2 \\ 2x \end{pmatrix}
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ≢ \begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}
        \begin{pmatrix} 1 \\ 2 \end{pmatrix} ≢ \begin{pmatrix} 1 & 2 \end{pmatrix}
        \begin{pmatrix} 1 \\ 2 \end{pmatrix} ≢ \begin{pmatrix} 2 \\ 1 \end{pmatrix}
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ≢ -2
        \begin{pmatrix} 1 \\ 2 \end{pmatrix} ≢ \begin{pmatrix} 1 \\ 2 \\ 3 \end{pmatrix}
        \begin{bmatrix} 1 \\ 2 \end{bmatrix} ≡ \begin{pmatrix} 1 \\ 2 \end{pmatrix}
        \begin{pmatrix}1&2\\3&4\end{pmatrix} ≢ \begin{pmatrix}4&3\\2&1\end{pmatrix}
        \begin{pmatrix}1&2\\3&4\end{pmatrix} ≡ \begin{pmatrix}1.0&2.0\\3.0&4.0\end{pmatrix}
        A = \begin{pmatrix}1&2\\3&4\end{pmatrix} ≡ \begin{pmatrix}1&2\\3&4\end{pmatrix}
        """,
    "equations": r"""
        y = 2x + 3 ≡ y = 3 + 2x
        2y = 4x + 6 ≡ y = 2x + 3
        y - 2x = 3 ≡ y = 2x + 3
        x = 5 ≡ 5
        5 ≡ x = 5
        x^2 + y^2 = 25 ≡ 25 = y^2 + x^2
        x^2+y^2-25=0 ≡ x^2+y^2=25
        \frac{x}{2}+\frac{y}{3}=1 ≡ 3x+2y=6
        f(x) = x^2 ≡ x^2
        x = 3 + 4 = 7 ≡ 7
        \angle ABC = 40^\circ ≡ 40
        y = 2x + 3 ≡ 2x+3
        y = 2x + 3 ≢ y = 2x - 3
        x + y = 3 ≢ 3
        x + y = 3 ≢ x + y = 4
        x = 5 ≢ y = 5
        x^2 = 4 ≢ x = 2
        y = 2x ≢ y = 3x
        x^2+y^2=25 ≢ 25
        2x + y = 4 ≡ y = 4 - 2x
        y=\frac{1}{2}x+1 ≡ 2y = x + 2
        y = x^2 ≢ y = x^3
        x=y ≡ y=x
        ax+b=0 ≢ ax-b=0
        (x-1)^2+(y+2)^2=9 ≡ x^2 - 2x + y^2 + 4y - 4 = 0
        f(x)=2x+1 ≡ 2x+1
        y=2x+1 ≡ f(x)=2x+1
        x = -3 ≢ 3
        3x=6 ≡ x=2
        """,
    "inequalities": r"""
        x > 2 ≡ (2, \infty)
        2 < x ≡ x > 2
        2x > 4 ≡ x > 2
        x \ge 2 ≡ x ≥ 2
        -3 < x \le 5 ≡ (-3, 5]
        x < 1 or x > 3 ≡ (-\infty,1)\cup(3,\infty)
        -x < 3 ≡ x > -3
        |x| < 3 ≡ (-3,3)
        x^2 \le 4 ≡ [-2,2]
        x \neq 0 ≡ (-\infty,0)\cup(0,\infty)
        x+y \le 3 ≡ 2x+2y\le 6
        0 \leq x \leq 1 ≡ [0,1]
        x > 2 ≢ x < 2
        x > 2 ≢ x \ge 2
        x > 2 ≢ 2
        x > 2 ≢ x = 2
        -3 < x < 5 ≢ (-3,5]
        |x| < 3 ≢ (-3,3]
        x^2 < 4 ≢ (-\infty, 2)
        x+y \le 3 ≢ x+y \ge 3
        x > 2 ≢ y > 2
        x < ixi ≢ 2
        x≥3 ≡ [3,∞)
        x\geqslant 3 ≡ x\geq3
        3 \leq x ≡ x \geq 3
        x > 3 and x < 5 ≡ (3,5)
        x>3, x<5 ≡ 3<x<5
        1 < x < 3 ≡ 3 > x > 1
        x \le 3 ≢ x < 3
        x < -2 \text{ or } x > 2 ≡ |x|>2
        (x-1)(x-3)<0 ≡ (1,3)
        \frac{1}{x} > 0 ≡ (0,\infty)
        x^2 > 4 ≡ (-\infty,-2)\cup(2,\infty)
        a < b ≢ b < a
        a < b ≡ b > a
        """,
    "plus-minus": r"""
        \pm 3 ≡ 3, -3
        \pm 3 ≡ \{-3, 3\}
        x = \pm 2 ≡ x=2 or x=-2
        1 \pm \sqrt{2} ≡ 1+\sqrt2, 1-\sqrt2
        ±5 ≡ \pm 5
        \frac{-1 \pm \sqrt{5}}{2} ≡ \frac{-1+\sqrt5}{2}, \frac{-1-\sqrt5}{2}
        \frac{3 \pm i}{2} ≡ \frac{3}{2} \pm \frac{i}{2}
        2 \mp 1 ≡ 1, 3
        \pm 3 ≢ 3
        3 ≢ \pm 3
        1 \pm \sqrt{2} ≢ 1 \pm \sqrt{3}
        \pm 3 ≢ 3, 4
        1 \pm 2 ≢ 1, 2
        2 \pm \sqrt{3} ≡ 2-\sqrt3, 2+\sqrt3
        x = 2 \pm 3i ≡ 2+3i, 2-3i
        \pm\frac{1}{2} ≡ \{\frac12, -\frac12\}
        \pm 1, \pm 2 ≡ 1,-1,2,-2
        \pm1 ≢ -1
        -\pm 3 ≡ \pm 3
        """,
    "roots": r"""
        \sqrt{12} ≡ 2\sqrt{3}
        \sqrt{\frac{1}{2}} ≡ \frac{\sqrt{2}}{2}
        \sqrt[3]{27} ≡ 3
        \sqrt[3]{-8} ≡ -2
        \sqrt{3+2\sqrt{2}} ≡ 1+\sqrt{2}
        \frac{1}{\sqrt{3}-1} ≡ \frac{\sqrt3+1}{2}
        2^{1/2} ≡ \sqrt2
        √2 ≡ \sqrt{2}
        sqrt(18) ≡ 3\sqrt{2}
        \sqrt{2}\sqrt{8} ≡ 4
        \sqrt[4]{16} ≡ \sqrt{4}
        \sqrt{12} ≢ 3\sqrt{2}
        \sqrt{2}+\sqrt{3} ≢ \sqrt{5}
        \sqrt[3]{2} ≢ 3\sqrt{2}
        \sqrt{3} ≢ 1.732
        2\sqrt{3} ≢ 3\sqrt{2}
        \sqrt{2} ≢ \sqrt[3]{2}
        \sqrt{50} ≡ 5\sqrt2
        \sqrt{0.25} ≡ 0.5
        \frac{2}{\sqrt{2}} ≡ \sqrt{2}
        \sqrt{2}/2 ≡ 1/\sqrt{2}
        \sqrt[3]{54} ≡ 3\sqrt[3]{2}
        \sqrt{5 - 2\sqrt{6}} ≡ \sqrt3-\sqrt2
        √(16) ≡ 4
        ∛8 ≡ 2
        \sqrt 2 ≡ 2^{0.5}
        \sqrt{2} ≢ 2
        \sqrt{a^2+b^2} ≢ a+b
        4\sqrt{3} ≢ \sqrt{43}
        """,
    "logarithms": r"""
        \log_2 8 ≡ 3
        \ln e^2 ≡ 2
        \log_{10} 1000 ≡ 3
        \log_2 3 + \log_2 5 ≡ \log_2 15
        \ln 8 ≡ 3\ln 2
        \frac{\ln 3}{\ln 2} ≡ \log_2 3
        \lg 100 ≡ 2
        \ln(x^3) ≡ 3\ln x
        \log_4 2 ≡ 0.5
        e^{\ln 5} ≡ 5
        \log_2 3 ≢ \log_3 2
        \ln 2 ≢ \log_{10} 2
        \ln 2 + \ln 3 ≢ \ln 5
        \ln 2 ≢ 0.693
        \log_2 8 ≢ 4
        1 - \frac{1}{e} ≢ 1 + \frac{1}{e}
        \log 100 ≡ 2
        \ln e ≡ 1
        \log_a a^3 ≡ 3
        \log_2(8) ≡ \log_3 27
        \ln(2x) ≡ \ln 2+\ln x
        \log_{\frac{1}{2}} 4 ≡ -2
        \lg 2+\lg 5 ≡ 1
        \ln 2 ≢ \ln 3
        \log(a+b) ≢ \log a+\log b
        """,
    "trigonometry": r"""
        \sin 30^\circ ≡ 1/2
        \sin \frac{\pi}{6} ≡ \frac12
        \cos(60^{\circ}) ≡ 0.5
        \tan\frac{\pi}{4} ≡ 1
        \sin^2 x + \cos^2 x ≡ 1
        2\sin x\cos x ≡ \sin 2x
        \cos 2\theta ≡ 1 - 2\sin^2\theta
        \arctan 1 ≡ \frac{\pi}{4}
        \sin^{-1}\frac12 ≡ \frac{\pi}{6}
        \frac{1}{\cos x} ≡ \sec x
        \cos 36^\circ ≡ \frac{1+\sqrt5}{4}
        \sin 60^\circ ≡ \frac{\sqrt{3}}{2}
        \sin 30^\circ ≢ \sin 30
        \sin x ≢ \cos x
        \sin 2x ≢ 2\sin x
        \tan 45^\circ ≢ -1
        \sin^2 x ≢ \sin x^2
        \cos 60^\circ ≢ \frac{\sqrt{3}}{2}
        \sin(\pi/2) ≡ 1
        \cos\pi ≡ -1
        \tan 60° ≡ \sqrt3
        \sin(30°) ≡ 0.5
        \sin 15^\circ ≡ \frac{\sqrt6-\sqrt2}{4}
        \cos^{-1}(0) ≡ \frac{\pi}{2}
        \tan^2\theta+1 ≡ \sec^2\theta
        \sin(a+b) ≡ \sin a\cos b+\cos a\sin b
        \sin 20^\circ ≢ \sin 20
        2\sin\frac{x}{2}\cos\frac{x}{2} ≡ \sin x
        \cot x ≡ \frac{\cos x}{\sin x}
        \sin^2 30^\circ ≡ 1/4
        \mathrm{sin}\,x ≡ \sin x
        """,
    "complex numbers": r"""
        (1+i)^2 ≡ 2i
        3+4i ≡ 4i+3
        i^2 ≡ -1
        \frac{1}{i} ≡ -i
        |3+4i| ≡ 5
        (2+i)(2-i) ≡ 5
        e^{i\pi} ≡ -1
        \frac{1+i}{1-i} ≡ i
        \sqrt{-4} ≡ 2i
        \frac{1}{2}+\frac{\sqrt3}{2}i ≡ e^{i\pi/3}
        5 + 0i ≡ 5
        3+4i ≢ 3-4i
        2i ≢ 2
        3+4i ≢ 7
        (1+i)^2 ≢ 2
        i ≢ 1
        i^3 ≡ -i
        (1+i)(1-i) ≡ 2
        2+3\mathrm{i} ≡ 2+3i
        \operatorname{cis} 60^\circ ≡ \frac12+\frac{\sqrt3}{2}i
        \cos 60^\circ+i\sin 60^\circ ≡ e^{i\pi/3}
        1-2i ≢ 1+2i
        -1 ≡ i^2
        \overline{3+4i} ≡ 3-4i
        \sqrt{-1} ≡ i
        6+9i ≢ 9+6i
        """,
    "bases": r"""
        1010_2 ≡ 1010_{2}
        (204)_5 ≡ 204_5
        1010_2 ≡ 10_{10}
        2A_{16} ≡ 2a_{16}
        \text{FF}_{16} ≡ 255
        0110_2 ≡ 110_2
        52_{\text{eight}} ≡ 52_8
        101₂ ≡ 101_2
        204_5 ≢ 204_6
        52_8 ≢ 52
        1010_2 ≢ 1010
        1010_2 ≢ 1011_2
        12_3 ≢ 21_3
        1011_2 ≡ 11_{10}
        1011_{\text{two}} ≡ 1011_2
        1A_{16} ≡ 26
        (11)_{2} ≢ (11)_{3}
        """,
    "expressions": r"""
        (x+1)(x-1) ≡ x^2-1
        2(x+y) ≡ 2x+2y
        \frac{x^2-1}{x-1} ≡ x+1
        x^2 + 2x + 1 ≡ (x+1)^2
        3xy^2 ≡ 3y^2x
        \frac{a}{b}\cdot\frac{c}{d} ≡ \frac{ac}{bd}
        n(n+1)/2 ≡ \frac{n^2+n}{2}
        e^{2x} ≡ (e^x)^2
        x_1 + x_2 ≡ x_2 + x_1
        -(a-b) ≡ b-a
        2^{n+1} ≡ 2\cdot 2^n
        \pi r^2 h ≡ \pi h r^2
        \sqrt{x^2} ≡ |x|
        x^2+1 ≢ x^2-1
        (x+y)^2 ≢ x^2+y^2
        x_1 ≢ x_2
        \frac{a}{b} ≢ \frac{b}{a}
        e^{2x} ≢ e^{x^2}
        \sqrt{x^2} ≢ x
        x ≢ y
        2^{n} ≢ 2n
        x^{10} ≢ x^{11}
        ab ≡ ba
        abc ≢ abd
        x(x+1) ≡ x^2+x
        f(x+1) ≡ f(1+x)
        xyz ≡ zyx
        3^x ≢ x^3
        a_{n} = 2n+1 ≡ 2n+1
        a_n = 2^{n} ≢ 2n
        P(A)=\frac{1}{2} ≡ 0.5
        x^2-5x+6 ≡ (x-2)(x-3)
        \frac{x^3-1}{x-1} ≡ x^2+x+1
        10a+b ≢ ab
        """,
    "text": r"""
        \text{Tuesday} ≡ tuesday
        **ellipse** ≡ Ellipse
        \textbf{Yes} ≡ yes
        "odd" ≡ \text{odd}
        \text{ an ellipse } ≡ ellipse
        Point B. ≡ point B
        \mathrm{even} ≡ even
        Parabola ≡ \text{parabola}
        even ≢ odd
        Tuesday ≢ Thursday
        yes ≢ no
        no ≢ on
        circle ≢ ellipse
        acute ≢ obtuse
        \text{east} ≢ \text{west}
        3 ≢ odd
        \text{yes} ≡ Yes
        True ≡ true
        ten ≡ 10
        twenty-one ≡ 21
        one hundred ≡ 100
        one half ≡ 1/2
        December 25 ≡ december 25
        2/5/2020 ≢ 2/6/2020
        \text{June 20} ≢ \text{June 21}
        """,
    "choices": r"""
        (B) ≡ B
        \text{(C)} ≡ C
        d ≡ D
        B. ≡ B
        [A] ≡ A
        \textbf{(E)} ≡ E
        Ｃ ≡ C
        A, C ≡ C, A
        ABD ≡ A, B, D
        （D） ≡ D
        (B) ≢ C
        A ≢ E
        A, C ≢ A
        ABD ≢ ABC
        A or B ≢ A
        Dog ≢ D
        (A) 5 ≢ B
        D = 4 ≢ D
        \text{(A) and (C)} ≡ A, C
        (A) 5 ≡ A
        A) ≡ A
        A: 5 ≡ A
        Option B ≡ B
        \boxed{B} ≡ (B)
        选项B ≡ B
        \textbf{(C)}\ 12 ≡ C
        \text{C} ≢ \text{D}
        """,
    "no solution": r"""
        \emptyset ≡ \varnothing
        no solution ≡ \emptyset
        \text{No solution} ≡ \{\}
        无解 ≡ \emptyset
        There are no real solutions ≡ no solution
        空集 ≡ \varnothing
        None ≡ no solutions
        ∅ ≡ \{ \}
        DNE ≡ does not exist
        \emptyset ≢ 0
        \emptyset ≢ \{0\}
        no solution ≢ 0
        no solution ≢ \mathbb{R}
        does not exist ≢ 0
        \emptyset ≢ \{\emptyset\}
        no real solution ≡ \text{无解}
        No Solutions. ≡ \emptyset
        \text{undefined} ≢ 0
        undefined ≡ \text{Undefined}
        \{\} ≡ ∅
        """,
    "factorials": r"""
        5! ≡ 120
        \frac{8!}{6!} ≡ 56
        \binom{5}{2} ≡ 10
        0! ≡ 1
        3!\cdot 2! ≡ 12
        \dbinom{10}{3} ≡ 120
        \frac{1}{2004!} ≡ \frac{2005}{2005!}
        10! ≡ 3628800
        (3!)! ≡ 720
        \frac{1}{2004!} ≢ \frac{1}{2006!}
        5! ≢ 5
        5! ≢ 125
        \binom{5}{2} ≢ \frac{5}{2}
        20! ≢ 21!
        (5)(4!) ≡ 120
        7!/5! ≡ 42
        {5 \choose 2} ≡ 10
        C_5^2 ≡ 10
        \frac{10!}{3!7!} ≡ 120
        100! ≢ 99!
        n! ≢ n
        5!! ≡ 15
        """,
    "ratios and times": r"""
        2:3 ≡ 4:6
        2:3 ≡ 2 : 3
        1:2:3 ≡ 2:4:6
        1：4 ≡ 1:4
        3:45 ≡ 3:45
        4:30 p.m. ≡ 4:30 PM
        5:2 ≡ \frac{5}{2}
        2:3 ≢ 3:2
        3:45 ≢ 1:15
        1:2:3 ≢ 1:2:4
        4:30 ≢ 4:15
        12:00 ≢ 12
        1:2 ≡ 0.5
        3 to 4 ≡ 3:4
        """,
    "chinese": r"""
        三十二 ≡ 32
        二十五个 ≡ 25
        百分之二十 ≡ 0.2
        三分之二 ≡ 2/3
        负五 ≡ -5
        一百零三 ≡ 103
        两千 ≡ 2000
        3.5万 ≡ 35000
        2米50厘米 ≡ 2.5米
        1小时30分 ≡ 90分钟
        5千克 ≡ 5000克
        5元5角 ≡ 5.5元
        12平方米 ≡ 12 m^2
        60千米/时 ≡ 60 km/h
        三点一四 ≡ 3.14
        25个 ≡ 25
        18只 ≡ 18
        一又二分之一 ≡ 1.5
        2或3 ≡ 3, 2
        三十二 ≢ 23
        5米 ≢ 5厘米
        三分之二 ≢ 3/2
        百分之二十 ≢ 2
        1小时30分 ≢ 1.3小时
        5元5角 ≢ 55元
        三角形 ≢ 3
        二十 ≡ 20
        十五 ≡ 15
        一万两千 ≡ 12000
        五分之四 ≡ 0.8
        百分之五十 ≡ 50%
        三点五 ≡ 3.5
        3个 ≡ 3
        3千米 ≡ 3000米
        3小时20分钟 ≡ 200分钟
        3元5角 ≡ 3.5元
        每小时60千米 ≡ 60千米/小时
        5公顷 ≡ 50000平方米
        半小时 ≡ 30分钟
        3吨 ≡ 3000千克
        """,
    "full-width": r"""
        １２３ ≡ 123
        －５ ≡ -5
        ３．５ ≡ 3.5
        ５０％ ≡ 50%
        ｘ＝５ ≡ x=5
        （３，４） ≡ (3,4)
        １／２ ≡ 1/2
        ２＋３ｉ ≡ 2+3i
        １，２３４ ≡ 1234
        −７ ≡ -7
        １２３ ≢ 132
        －５ ≢ ５
        （３，４） ≢ （４，３）
        １００ ≡ 100
        （１，２） ≡ (1,2)
        ［１，２］ ≡ [1,2]
        ３：４ ≡ 3:4
        x＝３ ≡ 3
        ５％ ≡ 0.05
        ＄５ ≡ 5
        """,
    "infinity": r"""
        ∞ ≡ \infty
        +\infty ≡ \infty
        -\infty ≢ \infty
        \infty ≢ 10^{100}
        \frac{1}{\infty} ≢ 5
        """,
    "calculus and whole numbers": r"""
        \sum_{k=1}^{10} k ≡ 55
        \int_0^1 2x\,dx ≡ 1
        \lim_{x\to 0}\frac{\sin x}{x} ≡ 1
        \prod_{k=1}^{4} k ≡ 24
        \lfloor 3.7 \rfloor ≡ 3
        \lceil 3.2 \rceil ≡ 4
        \max(3,5) ≡ 5
        |{-5}| ≡ 5
        \left|-5\right| ≡ 5
        \gcd(12,18) ≡ 6
        5 \mod 3 ≡ 2
        """,
    "faults known of graders": r"""
        5.0 ≡ 5
        +5 ≡ 5
        -0 ≡ 0
        .5 ≡ 0.5
        \frac{3}{6} ≡ 1/2
        \frac12 ≡ 0.5
        \dfrac{3}{4} ≡ \frac{3}{4}
        -\frac{1}{2} ≡ \frac{-1}{2}
        1 1/2 ≡ 3/2
        1\frac{1}{2} ≡ 1.5
        7½ ≡ 7.5
        7² ≡ 49
        7² ≢ 72
        50% ≡ 1/2
        0.25 ≡ 25%
        50 ≢ 0.5
        5000 ≢ 50
        0.333333333333 ≡ 1/3
        0.33333334 ≢ 1/3
        0.\overline{3} ≡ 1/3
        0.\overline{12} ≢ 0.\overline{21}
        1,234 ≡ 1234
        1{,}234 ≡ 1234
        1\,234 ≡ 1234
        10,\!000 ≡ 10000
        12345678901234567890 ≢ 12345678901234567891
        65536 ≢ 65535
        3 \times 10^8 ≡ 300000000
        3e8 ≡ 300000000
        １２ ≡ 12
        −3 ≡ -3
        $18 ≡ 18
        \$18.00 ≡ 18
        18 dollars ≡ 18
        18.5 ≢ 18
        5 cm ≡ 5
        36 \text{ cm}^2 ≡ 36
        36 \text{ cm}^2 ≢ 36 \text{ cm}^3
        90^\circ ≡ 90
        3/4小时 ≡ 3/4
        5xy ≢ 5
        5x ≢ 5
        1/0 ≢ 1
        52_{8} ≡ 52_8
        52 ≢ 52_8
        (1, 2) ≡ (1,2)
        \{1,2\} ≡ \{2,1\}
        1,2 ≡ 2, 1
        1, 2 ≡ 2 \text{ or } 1
        (1,2) ≢ \{1,2\}
        [1,2) ≢ [1,2]
        (1,2] ≡ (1,2]
        (1,2) ≢ [1,2]
        x>2 ≡ (2,\infty)
        (2,\infty) ≡ x>2
        x \geq 2 ≡ [2,\infty)
        x>2 ≢ x<2
        (-\infty,2)\cup(3,\infty) ≡ (3,\infty)\cup(-\infty,2)
        (-\infty,2)\cup(3,\infty) ≢ (-\infty,2)
        x=5 ≡ 5
        5 ≡ x=5
        f(x)=x+1 ≡ x+1
        2x+2y=6 ≡ x+y=3
        x+y=3 ≢ 3
        x+y=4 ≢ x+y=3
        5, 6 ≢ 5
        5 or 6 ≢ 5
        5 ≢ 5, 6
        (A) ≡ A
        \textbf{A} ≡ A
        x ≢ X
        Odd ≡ \text{odd}
        \text{Monday} ≢ Tuesday
        2\sqrt{2} ≡ \sqrt{8}
        6\sqrt3 ≡ 6\sqrt{3}
        \sqrt{2} ≢ 1.414
        \pi ≢ 3.14
        \frac{\sqrt{2}}{2} ≡ \frac{1}{\sqrt{2}}
        (x+1)^2 ≡ x^2+2x+1
        3x^2y ≡ 3yx^2
        e^{2x} ≢ e^{x}
        1 \pm \sqrt{2} ≡ 1-\sqrt{2}, 1+\sqrt{2}
        \begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix} ≡ \begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}
        \begin{pmatrix} 1 \\ 2 \end{pmatrix} ≢ \begin{pmatrix} 1 \\ 3 \end{pmatrix}
        \varnothing ≡ \emptyset
        """,
}  # fmt: skip


RESPONSES = [  # response, gold, whether the flexible verdict is "equal"
    ("Adding up gives 7 + 5 = 12.\nThe answer is 12.", "12", True),
    ("Adding up gives 7 + 5 = 12.\nThe answer is: 12", "12", True),
    ("So 3/4 of them.\nThe answer is $\\frac{3}{4}$.", "0.75", True),
    ("The final answer is $\\boxed{\\frac{\\sqrt{3}}{2}}$.", "\\frac{\\sqrt3}{2}", True),
    ("Final Answer: The final answer is $(5,-6)$. I hope it is correct.", "(5,-6)", True),
    ("The answer is: (5,-6)", "(5, -6)", True),
    ("Thus \\[x = \\boxed{\\{1, \\{2\\}\\}}.\\]", "\\{1,\\{2\\}\\}", True),
    ("First \\boxed{3}; I erred. Now \\boxed{4}.", "4", True),
    ("First \\boxed{3}; I erred. Now \\boxed{4}.", "3", False),
    ("The roots are $\\boxed{1}$ and $\\boxed{2}$.", "2, 1", True),
    ("The roots are $\\boxed{1}$ and $\\boxed{2}$.", "2", False),
    ("Each gets 4.\n#### 1,250", "1250", True),
    ("<think>perhaps \\boxed{9}</think>It is \\boxed{8}.", "8", True),
    ("<think>perhaps \\boxed{9}</think>It is \\boxed{8}.", "9", False),
    ("<think>24?</think><answer>42</answer>", "42", True),
    ("**Answer:** 15", "15", True),
    ("Answer: (B)", "B", True),
    ("The correct option follows. The answer is (C).", "C", True),
    ("答案是3/4。", "0.75", True),
    ("答：一共是25个。", "25", True),
    ("答：还剩三十二个苹果。", "32", True),
    ("3×5=15，15+10=25，再减去5。答案是20。", "20", True),
    ("3×5=15，15+10=25，再减去5。答案是20。", "25", False),
    ("答案为：2米50厘米。", "2.5", True),
    ("所以答案是：$\\frac{2}{3}$。", "2/3", True),
    ("因此选B。", "B", True),
    ("故选：D", "D", True),
    ("所以她还有12元。答：她还有12元。", "12", True),
    ("The value of $x$ is 7.", "7", True),
    ("The answer is x = 3 + 4 = 7.", "7", True),
    ("The answer is 5 apples and that is that", "6", False),
    ("They are 18 in all", "18", True),
    ("9 * 2 =", "18", False),
    ("9 * 2 = ", "2", False),
    ("The answer is", "5", False),
    ("\\boxed{", "5", False),
    ("\\boxed{5", "5", False),
    ("", "0", False),
    ("It could be 3 or 4 or 5. The answer is 3, 4 or 5.", "4", False),
    ("The answer is $\\$18.00$.", "18", True),
    ("The answer is $18.", "18", True),
    ("The answer is **24**.", "24", True),
    ("The answer is 3.14", "3.14", True),
    ("The answer is $90^\\circ$.", "90", True),
    ("The answer is 12 cm.", "12", True),
    ("The answer is $12$ cm.", "12", True),
    ("The answer is 25%.", "0.25", True),
    ("The answer is $x=2$ or $x=3$.", "2, 3", True),
    ("The answer is \\(\\frac{7}{2}\\).", "3.5", True),
    ("The answer is: \\[ 12 \\]", "12", True),
    ("The answer is 10^(10^10).", "10", False),
    ("The answer is no solution.", "\\emptyset", True),
    ("So it equals $\\frac{3}{4}$", "3/4", True),
    ("So it equals $\\frac{3}{4}$", "4", False),
]  # fmt: skip


def pairs():
    """List (kind, answer, gold, equal) of every line of the table."""
    return rows(KINDS)


def rows(kinds):
    """List (kind, answer, gold, equal) of every line of a table of kinds."""
    found = []
    for kind, lines in kinds.items():
        for line in lines.strip().split("\n"):
            sign = "≡" if "≡" in line else "≢"
            answer, gold = line.split(sign)
            found.append((kind, answer.strip(), gold.strip(), sign == "≡"))
    return found
