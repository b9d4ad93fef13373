"""One spelling for answers: `normalise` for the strict verdict, `clean` for the flexible one."""

import re
import unicodedata
from functools import lru_cache

from . import units

CHARACTERS = (
    {"−": "-", "–": "-", "—": "-", "﹣": "-", "⁄": "/", "∕": "/", "°": r"^\circ ", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot "}
    | {"÷": r"\div ", "∞": r"\infty ", "±": r"\pm ", "∓": r"\mp ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "⩽": r"\le ", "⩾": r"\ge "}
    | {"∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "Ø": r"\emptyset ", "ℝ": r"\mathbb{R}", "∖": r"\setminus "}
    | {
        "√": r"\sqrt ",
        "∛": r"\sqrt[3]",
        "≈": r"\approx ",
        "￥": "¥",
        "〈": r"\langle ",
        "〉": r"\rangle ",
        "⟨": r"\langle ",
        "⟩": r"\rangle ",
    }
    | {"，": ",", "。": ".", "∠": r"\angle ", "℃": r"^\circ C", "℉": r"^\circ F", "′": "'", "∨": r"\lor ", "∧": r"\land ", "…": "..."}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", "")
)
SIGNS = str.maketrans(CHARACTERS)
LONGEST = 1000  # characters of an answer
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
VULGAR = re.compile("[¼-¾⅐-⅞]")
SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\.?|\\(?:displaystyle|textstyle|limits|nolimits|boldmath)(?![A-Za-z])|\\!")
BLANKS = re.compile(r"(?<!\\)\\[,;:> ]|~|\\q?quad(?![A-Za-z])|\\(?:thin|med|thick)?space(?![A-Za-z])|&nbsp;")
ALIASES = {
    r"\varnothing": r"\emptyset", r"\leq": r"\le", r"\leqslant": r"\le", r"\geq": r"\ge", r"\geqslant": r"\ge", r"\neq": r"\ne",
    r"\lt": "<", r"\gt": ">", r"\lbrace": r"\{", r"\rbrace": r"\}", r"\backslash": r"\setminus", r"\degree": r"^\circ",
    r"\lbrack": "[", r"\rbrack": "]", r"\land": r" \text{ and } ", r"\lor": r" \text{ or } ", r"\wedge": r" \text{ and } ",
    r"\vee": r" \text{ or } ", r"\mathbb": r"\mathbb", r"\R": r"\mathbb{R}", r"\colon": ":", r"\imath": "i", r"\dotsc": r"\dots",
    r"\ldots": r"\dots", r"\cdots": r"\dots",
    r"\tg": r"\tan", r"\ctg": r"\cot", r"\arctg": r"\arctan", r"\ast": "*", r"\hspace": r"\hspace", r"\euro": "€", r"\pounds": "£",
}  # fmt: skip
COMMAND = re.compile(r"\\[A-Za-z]+")
CHINESE_DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
CHINESE_TENS = {"十": 10, "百": 100, "千": 1000}
CHINESE_WHOLE = r"[零〇一二两三四五六七八九十百千万亿]+"
CHINESE_NUMBER = (
    rf"负?(?:(?:{CHINESE_WHOLE}又)?{CHINESE_WHOLE}分之{CHINESE_WHOLE}(?:点{CHINESE_WHOLE})?|{CHINESE_WHOLE}(?:点{CHINESE_WHOLE})?)"
)
CHINESE_ANSWER = re.compile(rf"(?P<number>{CHINESE_NUMBER})(?P<unit>[一-鿿]{{0,5}})")
MIXED_CHINESE = re.compile(r"(\d+)\s*分之\s*(\d+)")
ENGLISH = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
        "nineteen".split()
    )
} | {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
TIME = re.compile(r"(\d{1,2}(?::\d\d){0,2})\s*([AaPp])\.?\s*[Mm]\.?|(\d{1,2}(?::\d\d){1,2})")  # a time of day
WORDS_AROUND = r"text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|it|sf|tt)|mbox|hbox|boldsymbol|bm"


def normalise(text: str) -> str:
    """Bring an answer to the spelling in which MATH answers are compared as strings (Hendrycks 2021, app. B):
    fractions and roots with braces, no spaces, units, dollar, degree and percent signs, no `x =`. A text of more than LONGEST
    characters is no answer and stays as it is."""
    if len(text) > LONGEST:
        return text
    text = _plain_latex(text.replace("\n", ""))
    text = re.sub(r"\^\{?\\circ\}?|\\?[$%]", "", text)
    text = re.sub(r"\s*\\(?:text|mbox|mathrm)\{\s+[^{}]*\}$", "", text)
    text = re.sub(r"^[^=]{1,2}=(?=[^=]+$)", "", text.replace(" ", ""))
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text)
    text = re.sub(r"(^|[^\d.])\.(?=\d)", r"\g<1>0.", text)
    text = re.sub(r"^(-?)(\d+)/(-?\d+)$", r"\1\\frac{\2}{\3}", text)
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    return r"\frac{1}{2}" if text == "0.5" else text


def _plain_latex(text: str) -> str:
    text = re.sub(r"\\!|\\(?:left|right)(?![a-z])|\\displaystyle", "", text)
    text = re.sub(r"(?<=\d)(?:\\,|\{,\})(?=\d{3}(?!\d))", ",", text)
    text = re.sub(r"(?<!\\)\\[,;:> ]|~|\\q?quad", " ", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text).replace(r"\varnothing", r"\emptyset")
    text = re.sub(r"\\frac\s*(\d|[a-zA-Z])\s*(\d|[a-zA-Z])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{", text)
    return re.sub(r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}", text)


@lru_cache(maxsize=1 << 16)
def clean(text: str) -> str:
    """Unwrap an answer and write it in plain ASCII LaTeX; superscripts and ½ first, for NFKC makes 7² a 72."""
    text = SUPERSCRIPT.sub(lambda m: "^{" + unicodedata.normalize("NFKC", m[0]).replace("−", "-") + "}", text)
    text = SUBSCRIPT.sub(lambda m: "_{" + unicodedata.normalize("NFKC", m[0]) + "}", text)
    text = VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]) + " ", text)
    text = unicodedata.normalize("NFKC", text.translate(SIGNS)).translate(SIGNS)
    text = re.sub(r"\\left\s*\\?\.|\\right\s*\\?\.", "", text)
    text = SIZES.sub("", text)
    text = re.sub(r"(?<=\d)\{,\}(?=\d{3}(?!\d))", ",", text)
    text = re.sub(r"(?<=\d)(?:\\,|\\ |~)(?=\d{3}(?!\d))", ",", text)
    text = BLANKS.sub(" ", text)
    text = re.sub(r"\\[dtcs]?frac(?![A-Za-z])", r"\\frac", text)
    text = re.sub(r"\\[dt]binom(?![A-Za-z])", r"\\binom", text)
    text = re.sub(r"\\frac\s*(\d|[a-zA-Z])\s*(\d|[a-zA-Z])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{", text)
    text = re.sub(r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}", text)
    text = re.sub(r"(\\sqrt(?:\[\d+\])?)\s*(\d+)", r"\1{\2}", text)
    text = COMMAND.sub(lambda m: ALIASES.get(m[0], m[0]), text)
    text = re.sub(r"\\(?:phantom|hspace|vspace|label|tag)\*?\{[^{}]*\}", " ", text)
    text = re.sub(r"\^\{?\s*\\(?:text|mathrm|rm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?|(?<=\d)(?:st|nd|rd|th)\b", "", text)
    text = re.sub(r"(\d+)\s*\\choose\s*(\d+)|\bC_\{?(\d+)\}?\^\{?(\d+)\}?", r"\\binom{\1\3}{\2\4}", text)
    text = re.sub(r"\\frac\{\s*\\(?:text|mathrm)\{([^{}]*)\}\s*\}\{\s*\\(?:text|mathrm)\{([^{}]*)\}\s*\}", r"\\text{ \1/\2}", text)
    text = re.sub(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)", r"\\times ", text)
    text = text.replace("\n", " ").strip()
    for _ in range(5):
        inner = _unwrap(text)
        if inner == text:
            break
        text = inner
    return _numerals(text)


def _unwrap(text):
    inner = re.sub(r"^\*\*(.*)\*\*$|^\\\((.*)\\\)$|^\\\[(.*)\\\]$|^\*([^*]*)\*$|^`(.*)`$", r"\1\2\3\4\5", text, flags=re.S)
    inner = re.sub(r"^\$+([^$]*[^$\\])\$+$", r"\1", inner).strip()
    inner = re.sub(r"(?<!\.)[.,;]$", "", inner).strip("\"'`“”").strip()
    box = re.match(r"\\(?:boxed|fbox)\s*\{", inner)
    if box and inner.endswith("}") and _closes_last(inner, box.end() - 1):
        inner = inner[box.end() : -1].strip()
    return inner


def _closes_last(text, start):
    depth = 0
    for brace in re.compile(r"\\.|[{}]", re.S).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return brace.end() == len(text)
    return False


PLAIN_FORMS = (  # written without LaTeX, as a whole answer
    (re.compile(r"([-+]?\d{1,3}(?:([ '])\d{3})(?:\2\d{3})*(?:\.\d+)?)"), lambda m: m[1].replace(m[2], "")),  # 1 234 567
    (re.compile(r"(\d+)\s+and\s+(\d+)\s*/\s*(\d+)"), lambda m: f"{m[1]} {m[2]}/{m[3]}"),
    (re.compile(r"(\d+)\s+to\s+(\d+)"), lambda m: f"{m[1]}:{m[2]}"),
    (re.compile(r"(?:option|choice|选项|选)\s*\(?([A-H])\)?", re.I), lambda m: m[1]),
)
PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}


def _numerals(text):
    """Write a number in words, with its unit if it has one, in digits: 三十二个, 百分之五, twenty-five apples."""
    if len(text) > 60:
        return text
    for form, rewrite in PLAIN_FORMS:
        if match := form.fullmatch(text):
            return rewrite(match)
    if (match := re.fullmatch(r"([A-Za-z]+)[\s-]+([A-Za-z]+?)s?", text)) and match[2].lower() in PARTS:
        top = 1 if match[1].lower() == "a" else ENGLISH.get(match[1].lower())
        if top:
            return f"\\frac{{{top}}}{{{PARTS[match[2].lower()]}}}"
    if re.search(r"[一-鿿]", text):
        text = MIXED_CHINESE.sub(r"\\frac{\2}{\1}", text)
        text = re.sub(r"(?<=\d)\s*又\s*(?=\\frac|\d+/)", " ", text)
        text = re.sub(r"^负\s*(?=\d)", "-", text)
        if (match := re.fullmatch(r"每([一-鿿]+)(\d.*)", text)) and is_unit(match[1]):
            return f"{match[2]}/{match[1]}"
        if text == "一半" or text.startswith("半") and is_unit(text[1:]):
            return "0.5" + text[1:].removeprefix("半") if text[0] == "半" else "0.5"
        match = CHINESE_ANSWER.fullmatch(text)
        for end in range(match.end("number"), 0, -1) if match else ():  # 两 and 万 may belong to the unit
            if re.fullmatch(CHINESE_NUMBER, text[:end]) and (end == len(text) or is_unit(text[end:])):
                return (chinese_value(text[:end]) or text[:end]) + text[end:]
        return text
    match = re.match(r"(?:(minus|negative)\s+)?([A-Za-z]+)(?:[\s-]+([A-Za-z]+))?\b", text)
    if match and match[2].lower() in ENGLISH and re.fullmatch(r"[A-Za-z\s-]+\.?", text):
        first, second = ENGLISH[match[2].lower()], ENGLISH.get((match[3] or "").lower())
        both = second is not None and first >= 20 and 0 < second < 10
        rest = text[match.end() if both else match.end(2) :]
        if (
            not re.match(r"\s*-?\s*(?:half|thirds?|quarters?|fifths?|and|or|[a-z]*th|to)\b", rest, re.I)
            and ENGLISH.get(rest.strip()) is None
        ):
            return f"{'-' * bool(match[1])}{first + second * both if both else first}{rest}"
    return text


def is_unit(text: str) -> bool:
    """Say whether a phrase is nothing but a unit of measure."""
    return units.is_unit(re.sub(r"\\(?:text|mathrm|mbox)\{([^{}]*)\}", r"\1", text))


def is_chinese_number(text: str) -> bool:
    return bool(re.fullmatch(CHINESE_NUMBER, text))


def chinese_numbers(text: str) -> list[str]:
    """List the numbers written in Chinese characters in a sentence, each with a unit that follows it."""
    found = []
    for match in re.finditer(CHINESE_NUMBER, text):
        tail = re.match(r"[一-鿿]{0,4}", text[match.end() :])[0]
        found.append(match[0] + next((tail[:n] for n in range(len(tail), 0, -1) if is_unit(tail[:n])), ""))
    return found


def chinese_value(text: str) -> str | None:
    """Write a Chinese number in digits, as a decimal, fraction or percentage; None if it is none."""
    sign, text = ("-", text[1:]) if text.startswith("负") else ("", text)
    if "分之" in text:
        below, above = text.split("分之")
        whole, _, below = below.rpartition("又")
        if below == "百" and not whole:
            top = chinese_value(above)
            return top and f"{sign}{top}%"
        numbers = [_chinese_whole(part) for part in (whole or "零", above, below)]
        return None if None in numbers else f"{sign}{numbers[0] or ''}\\frac{{{numbers[1]}}}{{{numbers[2]}}}"
    whole, point, places = text.partition("点")
    value = _chinese_whole(whole)
    if value is None or point and not all(digit in CHINESE_DIGITS for digit in places):
        return None
    return f"{sign}{value}" + ("." + "".join(str(CHINESE_DIGITS[digit]) for digit in places) if point else "")


def _chinese_whole(text):
    if len(text) > 1 and all(digit in CHINESE_DIGITS for digit in text):
        return int("".join(str(CHINESE_DIGITS[digit]) for digit in text))  # 二〇二四
    for name, size in (("亿", 10**8), ("万", 10**4)):
        if name in text:
            above, below = text.rsplit(name, 1)
            parts = [_chinese_whole(above), _chinese_whole(below) if below else 0]
            return None if None in parts else parts[0] * size + parts[1]
    total, digit = 0, None
    for character in text:
        if character in CHINESE_DIGITS:
            if digit:
                return None
            digit = CHINESE_DIGITS[character]
        else:
            total += (1 if digit is None or not digit else digit) * CHINESE_TENS[character]
            digit = None
    return total + (digit or 0) if text else None


def words(text: str) -> str:
    r"""Bring words and choices to one spelling: no \text, bold, outer brackets, article or case."""
    for _ in range(3):
        text = re.sub(rf"\\(?:{WORDS_AROUND})\s*\{{([^{{}}]*)\}}", r"\1", text)
    text = re.sub(r"\s+", " ", text.replace("**", "")).strip(" .,;:\"'`")
    text = re.sub(r"^\(([A-Za-z]+)\)$|^\[([A-Za-z]+)\]$|^([A-Za-z])[.)]$", r"\1\2\3", text)
    return re.sub(r"^(?:the|an|a) (?=\w\w)", "", text.strip().lower())
