r"""Reading one formula, in LaTeX or plain text, into a tree of tuples.

Text is read by this grammar and never run.

A tree is ("number", Fraction), ("symbol", name), ("sum", trees), ("product", trees), ("power",
base, exponent) or ("call", name, trees). `a \pm b` holds the symbol "±", which stands for 1 and for
-1. What the grammar does not know raises `Unreadable`; nothing is guessed and nothing is skipped.
"""

import re
from fractions import Fraction

from .tables import names

LONGEST = 400  # characters of a formula
DEEPEST = 24  # nested groups
LARGEST_POWER_OF_TEN = 5000  # in 1e5000

GREEK, FUNCTIONS = names("greek_commands"), names("functions")
CALLED = {name: name for name in names("called")} | {"ceil": "ceiling"}  # the name in a tree
SEVERAL = set("max min gcd lcm".split())  # of several arguments
CONSTANTS = {"pi": "π", "infty": "∞", "infinity": "∞", "inf": "∞", "oo": "∞"}
# commands that begin a factor
STARTING = {*FUNCTIONS, *GREEK, *CONSTANTS, *CALLED, "frac", "sqrt", "binom"}
TIMES = {"*", "\\cdot", "\\times", "·", "\\ast"}
DIVIDED = {"/", "\\div", "\\over"}
PLUS_MINUS = {"\\pm": 1, "\\mp": -1}
OPENERS = r"( [ { \lfloor \lceil \lvert | \vert".split()
CLOSERS = dict(zip(OPENERS, r") ] } \rfloor \rceil \rvert | \vert".split(), strict=True))
CALLS = {"\\lfloor": "floor", "\\lceil": "ceiling", "\\lvert": "abs", "|": "abs", "\\vert": "abs"}
MARKS = ("mathbf", "hat", "vec", "boldsymbol", "bar", "overrightarrow")  # of vectors
WRAPPERS = set(r"\mathrm \text \operatorname \mathit \textit \mbox \textrm \rm".split())
NAMERS = set(
    r"\vec \mathbf \hat \bar \overrightarrow \mathcal \boldsymbol \tilde \overline".split()
)

TOKEN = re.compile(
    r"\s*(?:(?P<repeating>\d*\.\d*(?:\\overline\s*\{\d+\}"
    r"|\\dot\s*\{?\d\}?(?:\d*\\dot\s*\{?\d\}?)?|\(\d+\)|\d(?:\.\.\.|\\[lc]?dots)))"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+(?![\d^.]))?)"
    r"|(?P<command>\\[A-Za-z]+|\\[{}|%$])|(?P<word>[A-Za-z]+)|(?P<sign>\*\*|\S))"
)
FUNCTION = re.compile("|".join(sorted(FUNCTIONS, key=len, reverse=True)))


class Unreadable(ValueError):
    """The text is outside the grammar."""


def read(text: str) -> tuple:
    """Read a formula. Raises Unreadable for anything that is not one formula, whole."""
    if len(text) > LONGEST:
        raise Unreadable("too long")
    reader = _Reader(_tokens(text))
    tree = reader.sum()
    if reader.next:
        raise Unreadable(reader.next[1])
    return tree


def symbols(tree: tuple) -> set[str]:
    """Name the unknowns of a tree; π, e, i and ∞ are none."""
    if tree[0] == "symbol":
        return set() if tree[1] in ("π", "e", "i", "∞") else {tree[1]}
    return set().union(*(symbols(part) for part in _parts(tree)))


def mentions(tree: tuple, name: str) -> bool:
    """Say whether a symbol, or a function by its name, occurs in a tree."""
    return tree[:2] in (("symbol", name), ("call", name)) or any(
        mentions(part, name) for part in _parts(tree)
    )


def minus(left: tuple, right: tuple) -> tuple:
    """Return the tree of left - right."""
    return ("sum", (left, ("product", (number(-1), right))))


def number(n) -> tuple:
    """Return the tree of a rational number."""
    return ("number", Fraction(n))


def substitute(tree: tuple, name: str, by: tuple) -> tuple:
    """Put a tree in the place of an unknown."""
    if tree == ("symbol", name):
        return by
    if tree[0] in ("sum", "product"):
        return (tree[0], tuple(substitute(part, name, by) for part in tree[1]))
    if tree[0] == "power":
        return ("power", substitute(tree[1], name, by), substitute(tree[2], name, by))
    if tree[0] == "call":
        return ("call", tree[1], tuple(substitute(part, name, by) for part in tree[2]))
    return tree


def _parts(tree):
    if tree[0] == "power":
        return tree[1:]
    return tree[-1] if tree[0] in ("sum", "product", "call") else ()


def repeating(text: str) -> Fraction:
    r"""Return the value of 0.1\overline{6}, 0.\dot{3}, 0.(3) or 0.333....

    Raises Unreadable if the last repeats nothing.
    """
    whole, tail = text.split(".", 1)
    if match := re.fullmatch(r"(\d+)(?:\.\.\.|\\[lc]?dots)", tail):
        digits = match[1]
        found = re.fullmatch(r"(\d*?)(\d)\2{2,}", digits) or re.fullmatch(
            r"(\d{0,3}?)(\d{2,8}?)(?:\2)+", digits
        )
        if not found:
            raise Unreadable(text)
        fixed, block = found[1], found[2]
    elif "dot" in tail:
        fixed, block = re.match(r"(\d*)(.*)", tail).groups()
        block = re.sub(r"\D", "", block)
    else:
        fixed, block = re.match(r"(\d*)\D+(\d+)", tail).groups()
    value = Fraction(int(whole or 0)) + (Fraction(int(fixed), 10 ** len(fixed)) if fixed else 0)
    return value + Fraction(int(block), 10 ** len(fixed) * (10 ** len(block) - 1))


def _tokens(text):
    """List (kind, text) pairs.

    Letters one by one unless they spell a name that the grammar knows.
    """
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        position = match.end()
        kind, word = match.lastgroup, match[match.lastgroup]
        wrapped = any(token[1] in WRAPPERS for token in found[-2:])
        if kind != "word" or len(word) == 1 or wrapped:
            found.append((kind, "^" if word == "**" else word))
        elif word in FUNCTIONS or word in GREEK:
            found.append(("command", f"\\{word}"))
        elif word.lower() in CONSTANTS:
            found.append(("command", f"\\{word.lower()}"))
        elif (head := FUNCTION.match(word)) and len(word) - head.end() == 1:
            found += [("command", f"\\{head[0]}"), ("word", word[-1])]
        elif word in CALLED and re.match(r"\s*[({]", text[position : position + 4]):
            found.append(("command", "\\" + word))
        elif len(word) <= 4:
            found += [("word", letter) for letter in word]
        else:
            raise Unreadable(word)
    return found


def _signed(sign, tree):
    if sign == "+":
        return tree
    if sign == "-":
        return ("product", (number(-1), tree))
    return ("product", (number(PLUS_MINUS[sign]), ("symbol", "±"), tree))


class _Reader:
    """Recursive descent over the tokens; every method reads what it is named after."""

    def __init__(self, tokens):
        self.tokens, self.at, self.depth, self.bars = tokens, 0, 0, 0

    @property
    def next(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def take(self, expected=None):
        if not self.next or expected and self.next[1] != expected:
            raise Unreadable(f"{expected or 'more'} expected")
        self.at += 1
        return self.tokens[self.at - 1]

    def sum(self):
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too deeply nested")
        parts = [self.product()]
        while self.peek() in ("+", "-") or self.peek() in PLUS_MINUS:
            sign = self.take()[1]
            parts.append(_signed(sign, self.product()))
        self.depth -= 1
        return parts[0] if len(parts) == 1 else ("sum", tuple(parts))

    def product(self, argument=False):
        """Read factors.

        As the argument of a function without brackets the product ends at the next function.
        """
        parts = [self.unary()]
        while self.next:
            if self.peek() in TIMES and not argument:
                self.take()
                parts.append(self.unary())
            elif self.peek() in DIVIDED and (not argument or self.peek() == "/"):
                self.take()
                parts.append(("power", self.unary(), number(-1)))
            elif self.goes_on(argument):
                parts.append(self.power())
            else:
                break
        return parts[0] if len(parts) == 1 else ("product", tuple(parts))

    def goes_on(self, argument):
        """Say whether another factor follows without a sign."""
        if self.next[0] == "number" and self.tokens[self.at - 1][1] in ("!", ")", "]", "}"):
            return not argument
        ends = self.peek().lstrip("\\") in FUNCTIONS or self.peek() in ("(", "[")
        return self.starts_factor() and not (argument and ends)

    def starts_factor(self):
        kind, text = self.next
        if kind == "command":
            name = text[1:]
            if text in CALLS:
                return not (text == "\\vert" and self.bars)
            return name in STARTING or text in WRAPPERS or text in NAMERS
        return kind == "word" or text in ("(", "[", "{") or text == "|" and not self.bars

    def unary(self):
        sign = self.peek()
        if sign in ("+", "-") or sign in PLUS_MINUS:
            self.depth += 1
            if self.depth > DEEPEST:
                raise Unreadable("too many signs")
            self.take()
            tree = self.unary()
            self.depth -= 1
            return _signed(sign, tree)
        return self.power()

    def power(self):
        tree = self.postfix(self.atom())
        if self.peek() == "^":
            self.take()
            if self.peek() == "\\circ" or [self.peek(i) for i in range(3)] == ["{", "\\circ", "}"]:
                self.at += 1 if self.peek() == "\\circ" else 3
                return ("product", (tree, ("symbol", "π"), number(Fraction(1, 180))))
            self.depth += 1
            if self.depth > DEEPEST:
                raise Unreadable("too many powers")
            exponent = self.exponent()
            self.depth -= 1
            return self.postfix(("power", tree, exponent))
        return tree

    def exponent(self):
        if self.peek() in ("+", "-"):
            return self.unary()
        if self.peek() in ("{", "("):
            return self.power()
        kind, text = self.next or ("", "")
        if kind == "number" and text.isdigit() or kind == "word" or kind == "command":
            return self.power()
        raise Unreadable("exponent")

    def postfix(self, tree):
        while self.peek() in ("!", "\\%", "%"):
            sign = self.take()[1]
            if sign != "!":
                tree = ("product", (tree, number(Fraction(1, 100))))
            elif self.peek() == "!":
                self.take()
                tree = ("call", "double factorial", (tree,))
            else:
                tree = ("call", "factorial", (tree,))
        return tree

    def atom(self):
        kind, text = self.take()
        if kind == "repeating":
            return ("number", repeating(text))
        if kind == "number":
            return self.number(text)
        if kind == "word":
            return self.named(text)
        if text in CLOSERS:
            return self.group(text)
        if kind == "command":
            return self.command(text)
        raise Unreadable(text)

    def number(self, text):
        mantissa, _, power = text.lower().partition("e")
        if power and abs(int(power[:8])) > LARGEST_POWER_OF_TEN:
            raise Unreadable("power of ten too large")
        value = Fraction(mantissa) * Fraction(10) ** int(power or 0)
        if self.peek() == "_":  # a base
            self.take()
            base = self.raw()
            digits, _, places = text.partition(".")
            known = re.fullmatch(r"\d{1,2}", base) and 2 <= int(base) <= 36
            if not known or power or int(max(digits + places)) >= int(base):
                raise Unreadable("base")
            return ("number", Fraction(int(digits + places, int(base)), int(base) ** len(places)))
        if text.isdigit():
            if self.peek() == "\\frac" and (part := self.plain_fraction()):
                return ("number", value + part)
            if self.next and self.next[0] == "number" and self.peek(1) == "/":  # 1 1/2
                top, bottom = self.peek(), self.peek(2)
                if top.isdigit() and bottom.isdigit() and int(bottom):
                    self.at += 3
                    return ("number", value + Fraction(int(top), int(bottom)))
        return ("number", value)

    def plain_fraction(self):
        r"""Step over \frac{p}{q} of two whole numbers and return p/q.

        Anything else is left where it is.
        """
        shape = [self.peek(i) for i in range(7)]
        digits = [token for token in shape[1:] if token.isdigit()]
        bare = re.sub(r"\d+", "d", " ".join(shape))
        if bare == "\\frac { d } { d }" and int(digits[1]) and self.peek(7) != "^":
            self.at += 7
            return Fraction(int(digits[0]), int(digits[1]))
        return None

    def named(self, letter):
        name = letter
        call = self.peek() == "(" and self.peek(1).isdigit() and self.peek(2) == ")"
        if letter in "fghFGHP" and call:
            name += f"({self.peek(1)})"  # the value of a function there
            self.at += 3
        if self.peek() == "_":
            self.take()
            name += "_" + self.raw()
        while self.peek() == "'":
            self.take()
            name += "'"
        return ("symbol", name)

    def raw(self):
        """Return the text of one group or token as it stands; for subscripts."""
        if self.peek() != "{":
            return self.take()[1]
        self.take()
        parts = []
        while self.peek() != "}":
            token = self.take()[1]
            if token == "{" and parts and parts[-1] in WRAPPERS:
                parts.pop()
                continue
            parts.append(token)
        self.take()
        if self.peek() == "}" and len(parts) == 1 and self.tokens[self.at - 3][1] in WRAPPERS:
            self.take()
        return "".join(parts)

    def group(self, opener):
        closer, bar = CLOSERS[opener], opener in ("|", "\\vert")
        self.bars += bar
        outer, self.bars = self.bars, self.bars if bar else 0
        tree = self.sum()
        self.take(closer)
        self.bars = outer - bar
        return ("call", CALLS[opener], (tree,)) if opener in CALLS else tree

    def argument(self):
        r"""Read what \frac, \sqrt or \binom takes: a group, or one digit or letter."""
        if self.peek() == "{":
            self.take()
            return self.group("{")
        kind, text = self.next or ("", "")
        if kind == "number" and len(text) > 1:
            raise Unreadable("argument")
        if kind == "number":
            self.take()
            return ("number", Fraction(text))
        return self.atom()

    def command(self, text):
        name = text[1:]
        if name in CONSTANTS:
            return ("symbol", CONSTANTS[name])
        if name in GREEK:
            return self.named(name)
        if name == "frac":
            top = self.argument()
            return ("product", (top, ("power", self.argument(), number(-1))))
        if name == "binom":
            return ("call", "binom", (self.argument(), self.argument()))
        if name == "sqrt":
            degree = number(2)
            if self.peek() == "[":
                self.take()
                degree = self.group("[")
            if self.peek() == "(":
                self.take()
                return ("call", "root", (self.group("("), degree))
            return ("call", "root", (self.argument(), degree))
        if name in FUNCTIONS:
            return self.function(name)
        if name in CALLED:
            return self.call(name)
        if text in WRAPPERS:
            return self.wrapped()
        bare = (self.peek(1) + self.peek(2) + self.peek(3)).rstrip("}").isalpha()
        if text == "\\overline" and self.next == ("sign", "{") and not bare:
            return ("call", "conjugate", (self.argument(),))
        if text in NAMERS:
            return self.named(f"{name} {self.raw()}")
        raise Unreadable(text)

    def wrapped(self):
        word = self.raw()
        if word in FUNCTIONS:
            return self.function(word)
        if word in CALLED:
            return self.call(word)
        if len(word) == 1 and word.isalpha():
            return self.named(word)
        raise Unreadable(word)

    def call(self, name):
        """Read the arguments of a function of CALLED: max(a, b), \\gcd{(4, 6)}."""
        name = CALLED[name]
        opener = self.take()[1]
        closer = {"(": ")", "\\{": "\\}", "{": "}"}.get(opener)
        if closer is None:
            raise Unreadable(name)
        arguments = [self.sum()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.sum())
        self.take(closer)
        if (len(arguments) > 1) != (name in SEVERAL):
            raise Unreadable(name)
        if name == "cbrt":
            return ("call", "root", (arguments[0], ("number", Fraction(3))))
        return ("call", name, tuple(arguments))

    def function(self, name):
        power = base = None
        while self.peek() in ("^", "_"):
            if self.take()[1] == "^":
                self.depth += 1
                power = self.exponent()
                self.depth -= 1
            else:
                base = self.argument()
        if self.peek() in ("(", "[", "{"):
            argument = self.group(self.take()[1])
            if self.peek() == "^" and power is None:  # \sin(x)^2: the power of the value
                tree = self.called(name, argument, base)
                return tree
        else:
            self.depth += 1
            if self.depth > DEEPEST:
                raise Unreadable("too many functions")
            argument = self.product(argument=True)
            self.depth -= 1
        tree = self.called(name, argument, base)
        if power == ("product", (number(-1), ("number", Fraction(1)))) and name in (
            "sin",
            "cos",
            "tan",
        ):
            return ("call", "arc" + name, (argument,))
        return ("power", tree, power) if power else tree

    def called(self, name, argument, base):
        if base is not None and name != "log":
            raise Unreadable("subscript")
        if name in ("log", "lg"):  # without a base it is 10, as in schools
            return ("call", "log", (argument, base or ("number", Fraction(10))))
        name = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name)
        if name == "exp":
            return ("power", ("symbol", "e"), argument)
        if name == "sqrt":
            return ("call", "root", (argument, number(2)))
        return ("call", name, (argument,))
