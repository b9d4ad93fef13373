"""One spelling for answers: `normalise` for the strict verdict, `clean` for the flexible one."""

import math
import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from . import units
from .tables import TABLES, names

CHARACTERS = TABLES["plain_signs"] | dict.fromkeys(TABLES["invisible"], "")
CHARACTERS |= {character: f"\\{name} " for character, name in TABLES["greek_letters"].items()} | {
    character: f"{command} " for character, command in TABLES["commands_of_signs"].items()
}
SIGNS = str.maketrans(CHARACTERS)
LONGEST = 1000  # characters of an answer
# what NFKC may fold: ㋆ is no 7 and ① no 1
UNFOLDED = re.compile("[^①-⓿㈀-㋿㍘-㍰㏠-㏾\U0001f100-\U0001f2ff]+")
SCRIPT_FRACTION = re.compile("([⁰¹²³⁴-⁹]+)[⁄/]([₀-₉]+)")
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
VULGAR = re.compile("[¼-¾⅐-⅞]")
SIZES = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\.?|\\(?:displaystyle|textstyle|limits|nolimits"
    r"|boldmath)(?![A-Za-z])|\\!"
)
BLANKS = re.compile(
    r"(?<!\\)\\[,;:> ]|~|\\q?quad(?![A-Za-z])|\\(?:thin|med|thick)?space(?![A-Za-z])|&nbsp;"
)
ALIASES = TABLES["aliases"]
COMMAND = re.compile(r"\\[A-Za-z]+")
CHINESE_DIGITS, CHINESE_TENS = TABLES["chinese_digits"], TABLES["chinese_tens"]
CHINESE_WHOLE = r"[零〇一二两三四五六七八九十百千万亿]+"
CHINESE_NUMBER = (
    rf"负?(?:(?:{CHINESE_WHOLE}又)?{CHINESE_WHOLE}分之{CHINESE_WHOLE}(?:点{CHINESE_WHOLE})?"
    rf"|{CHINESE_WHOLE}(?:点{CHINESE_WHOLE})?)"
)
CHINESE_ANSWER = re.compile(rf"(?P<number>{CHINESE_NUMBER})(?P<unit>[一-鿿]{{0,5}})")
MIXED_CHINESE = re.compile(r"(\d+)\s*分之\s*(\d+)")
SCALED_CHINESE = re.compile(
    r"\d+(?:\.\d+)?(?:(?:万亿|[千百十]万|[百千万亿])(?![米克瓦分])\d*(?:\.\d+)?)+"
)
SCALES = TABLES["chinese_scales"]
ONES, TEENS, TENS = (TABLES[name].split() for name in ("ones", "teens", "tens"))
ENGLISH = {word: n for n, word in enumerate(ONES + TEENS)}
ENGLISH |= {word: 10 * n for n, word in enumerate(TENS, 2)}
LARGE, PARTS = TABLES["large"], TABLES["parts"]
ONE, PART = "|".join(ONES), "|".join(PARTS)
BELOW_100 = rf"(?:(?:{'|'.join(TENS)})(?:[\s-]+(?:{ONE}))?|(?:{'|'.join(TEENS)})|(?:{ONE}))"
GROUP = (
    rf"(?:(?:an?|{BELOW_100})[\s-]+(?:hundred|dozen)\b(?:(?:\s+and)?\s+{BELOW_100})?|{BELOW_100}"
    r"|a(?=\s+[a-z]+(?:and|ion)\b))"
)
NUMERAL = re.compile(  # two thousand and five, one and a half, three quarters, six point two five
    rf"(?P<sign>(?:minus|negative)\s+)?(?:(?P<whole>{GROUP}(?:\s+(?:thousand"
    rf"|[mbtr]+illion)\b(?:(?:,|\s+and)?\s+{GROUP})?)*)\b"
    rf"(?:\s+point(?P<places>(?:\s+(?:{ONE})\b)+)"
    rf"|(?P<mixed>\s+and\s+(?P<top>a|{BELOW_100})[\s-]+|[\s-]+)"
    rf"(?P<part>{PART})(?:s|\b))?|(?P<single>half|an?\s+(?:{PART}))\b)",
    re.I,
)
CHOSEN_OF = re.compile(
    r"(\d+)\s*(?:\\choose|\bchoose\b)\s*(\d+)|(?<![A-Za-z])\\?C_\{?(\d+)\}?\^\{?(\d+)\}?"
    r"|(?<![A-Za-z\\])(?:nCr|C)\((\d+),\s*(\d+)\)"
    r"|(?<![A-Za-z\\])[AP]_\{?(\d+)\}?\^\{?(\d+)\}?"
    r"|(?:\{\s*\})?[_^]\{?(\d+)\}?\s*\{?(?:\\mathrm\s*\{)?[CP]\}*_\{?(\d+)\}?"
    r"|(?<![\w.^])(\d+)[CP](\d+)(?!\w)"
    r"|(?<![A-Za-z\\])(?P<reversed>C\^)\{?(\d+)\}?_\{?(\d+)\}?"
)
SYSTEM = re.compile(
    r"(?:\\\{\s*)?\\begin\{(?P<name>cases|aligned|align\*?|gathered|gather\*?|split|array"
    r"|eqnarray\*?|equation\*?)\}"
    r"(?:\[\w\]|\{[clr|\s]*\})?(?P<rows>(?:(?!\\begin|\\end).)*)\\end\{(?P=name)\}"
)
QUALIFIED = re.compile(
    r"\\in(?![A-Za-z])|forall|\bfor\b|where|\bany\b|[A-Za-z]\.?\s*\}?\s*\)\s*\}?$"
)
DOMAIN = r"\\in\s*(?:\\mathbb\s*\{?\s*(?P<domain%s>[ZR])\s*\}?|\\?[ZR](?![A-Za-z]))"
QUALIFIER = re.compile(
    r"(?:[,;]|(?<=\s)|(?=\())\s*\(?\s*(?:(?:where|with|for)\s+)?(?:"
    r"(?:any|all|every|each"
    rf"|some)\b[^=<>(){{}}]{{0,60}}(?:\{{[ZR]\}})?|\\forall\s*[A-Za-z](?:\s*{DOMAIN % ''})?"
    rf"|(?<=[,;( ])[A-Za-z](?:_\w)?(?:\s*,\s*[A-Za-z])*\s*(?:{DOMAIN % '_2'}|(?:is"
    r"|are)\s+(?:an?\s+)?(?:any\s+|arbitrary\s+)?"
    r"(?:integers?|real numbers?|reals?|constants?|real|arbitrary)))\s*\)?$"
    r"|\s\((?P<remark>\s*[A-Za-z]{2,}(?:\s+[A-Za-z]+){0,5})\.?\s*\)$"
)
REMARKS_THAT_COUNT = names("remarks_that_count")
MONTHS = TABLES["months"].split()
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\b\.?"
)
DATE = re.compile(
    rf"(?:[a-z]{{3,6}}day,?\s+)?(?:(?P<month>{MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|(?:the\s+)?(?P<day_2>\d{{1,2}})(?:st|nd|rd"
    rf"|th)?\s+(?:of\s+)?(?P<month_2>{MONTH})(?:,?\s+(?P<year_2>\d{{4}}))?"
    r"|(?P<year_3>\d{4})-(?P<month_3>\d\d)-(?P<day_3>\d\d)"
    r"|(?:(?P<year_4>\d{4})年)?(?P<month_4>\d{1,2})月(?P<day_4>\d{1,2})[日号])",
    re.I,
)
NOON = {"noon": "pm", "12 noon": "pm", "midnight": "am", "12 midnight": "am"}
TIME = re.compile(
    r"(\d{1,2})(?::(\d\d))?(?::(\d\d))?(?:\s*([ap])\.?\s*m\.?|\s+o'?clock)"
    r"|(\d{1,2}):(\d\d)(?::(\d\d))?",
    re.I,
)
WORDS_AROUND = (
    r"underline|emph|text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|it|sf|tt)|mbox|hbox|boldsymbol|bm"
)
ORDINAL = re.compile(
    r"\^\{?\s*\\(?:text|mathrm|rm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?"
    r"|(?<=\d)(?:\^\{\s*(?:st|nd|rd|th)\s*\}|(?:st|nd|rd|th)\b)"
)
MODULO = re.compile(
    r"\s*(?:\\pmod\s*\{?\s*(\w+)\s*\}?|\(\s*\\?b?mod(?![A-Za-z])\s*\{?\s*(\w+)\s*\}?\s*\))"
)
LABEL = re.compile(
    r"^(?:\\text\s*\{)?\s*(?:(?:final )?answer\s*[:=]|(?:minimum|maximum|final) "
    r"value\s*(?:is|[:=])?)\s*\}?\s*(?=\S)",
    re.I,
)
WRAPPED_WORDS = re.compile(rf"\\(?:{WORDS_AROUND})\s*\{{([A-Za-z -]+|[^{{}}=]+=[^{{}}=]+)\}}")


def normalise(text: str) -> str:
    """Bring an answer to the spelling in which MATH answers are compared as strings (Hendrycks
    2021, app. B): fractions and roots with braces, no spaces, units, dollar, degree and percent
    signs, no `x =`. A text of more than LONGEST characters is no answer and stays as it is.
    """
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
    return _braced_fractions(text)


def _braced_fractions(text):
    text = re.sub(r"\\frac\s*(\d|[a-zA-Z])\s*(\d|[a-zA-Z])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{", text)
    return re.sub(r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}", text)


@lru_cache(maxsize=1 << 16)
def clean(text: str) -> str:
    """Unwrap an answer and write it in plain ASCII LaTeX.

    Superscripts and ½ first, for NFKC makes 7² a 72.
    """
    text = SCRIPT_FRACTION.sub(lambda m: f" {_folded(m[1])}/{_folded(m[2])} ", text)
    text = SUPERSCRIPT.sub(lambda m: f"^{{{_folded(m[0]).replace('−', '-')}}}", text)
    text = SUBSCRIPT.sub(lambda m: f"_{{{_folded(m[0])}}}", text)
    text = VULGAR.sub(lambda m: f" {_folded(m[0])} ", text)
    text = UNFOLDED.sub(lambda m: _folded(m[0]), text.translate(SIGNS)).translate(SIGNS)
    text = re.sub(r"\\left\s*\\?\.|\\right\s*\\?\.", "", text)
    text = re.sub(r"(?<=\d),\\[!,;:] ?(?=\d{3}(?!\d))", ",", text)
    text = SIZES.sub("", text)
    text = re.sub(r"(?<!\d)0\{,\}(?=\d)", "0.", text)
    text = re.sub(r"(?<=\d)\{,\}(?=\d{3}(?!\d))", ",", text)
    text = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", text)
    text = re.sub(r"(?<=\d)(?:\\,|\\ |~)(?=\d{3}(?!\d))", ",", text)
    text = BLANKS.sub(" ", text)
    text = re.sub(r"\\(?:[dtcsx]?frac|nicefrac)(?![A-Za-z])", r"\\frac", text)
    text = re.sub(r"\\[dt]binom(?![A-Za-z])", r"\\binom", text)
    text = _braced_fractions(text)
    text = re.sub(r"(\\sqrt(?:\[\d+\])?)\s*(\d+)", r"\1{\2}", text)
    text = COMMAND.sub(lambda m: ALIASES.get(m[0], m[0]), text)
    text = re.sub(r"\\(?:phantom|hspace|vspace|label|tag)\*?\{[^{}]*\}", " ", text)
    text = ORDINAL.sub("", text)
    text = CHOSEN_OF.sub(_binomial, text)
    text = re.sub(
        r"\\frac\{\s*\\(?:text|mathrm)\{([^{}]*)\}\s*\}\{\s*\\(?:text|mathrm)\{([^{}]*)\}\s*\}",
        r"\\text{ \1/\2}",
        text,
    )
    text = re.sub(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)", r"\\times ", text)
    text = MODULO.sub(lambda m: f" (mod {m[1] or m[2]})", text) if "mod" in text else text
    text = re.sub(r"^<([^<>=]*,[^<>=]*)>$", r"\\langle \1 \\rangle", text.strip())
    text = SYSTEM.sub(_system, text.replace("\n", " ")).strip()
    for _ in range(5):
        inner = _unwrap(text)
        if inner == text:
            break
        text = inner
    if inside := WRAPPED_WORDS.fullmatch(text):
        numeral = _numerals(inside[1].strip())
        return numeral if "=" in numeral or numeral[:1].isdigit() or numeral[:1] in "-\\" else text
    return _numerals(text)


def _folded(text):
    return unicodedata.normalize("NFKC", text)


def _binomial(match):
    """Write n over k, or the number of arrangements, with \\binom; "C(2,5)" is a point."""
    n, k = (part for part in match.groups() if part and part.isdigit())
    if match["reversed"]:
        n, k = k, n
    if int(n) < int(k):
        return match[0]
    return f"\\binom{{{n}}}{{{k}}}" + (f" {k}!" if re.search("[AP]", match[0]) else "")


def _system(match):
    """Write a system of equations as a list.

    Rows that begin with a sign go on with the row before.
    """
    rows = [row.strip() for row in re.split(r"\\\\(?:\[[^\]]*\])?|\\cr", match["rows"])]
    beside_sign = re.compile(r"&\s*(?=[=<>]|\\[lgn]e\b)|(?<=[=<>])\s*&")
    rows = [beside_sign.sub("", row) for row in rows if row.strip(" ,.")]
    if match["name"].startswith("equation"):
        return rows[0] if len(rows) == 1 else match[0]
    if any("&" in row or not re.search(r"[=<>]|\\[lgn]e\b", row) for row in rows):
        return match[0]
    joined = []
    for row in rows:
        goes_on = joined and row[0] in "=<>\\" and not row.startswith("\\frac")
        line = row.rstrip(",. ")
        joined.append(f"{joined.pop()} {line}" if goes_on else line)
    return ", ".join(joined)


def _unwrap(text):
    inner = re.sub(
        r"^\*\*(.*)\*\*$|^\\\((.*)\\\)$|^\\\[(.*)\\\]$|^\*([^*]*)\*$|^`(.*)`$",
        r"\1\2\3\4\5",
        text,
        flags=re.S,
    )
    inner = LABEL.sub("", inner)
    inner = re.sub(r"^\$+([^$]*[^$\\])\$+$", r"\1", inner).strip()
    inner = re.sub(r"(?<!\.)[.,;]$", "", inner).strip("\"'`“”„‟‚‘’「」『』«»").strip()
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


GROUPED = re.compile(r"([-+]?\d{1,3}(?:([ '])\d{3})(?:\2\d{3})*(?:\.\d+)?)")  # 1 234 567
PLAIN_FORMS = (  # written without LaTeX, as a whole answer
    (GROUPED, lambda m: m[1].replace(m[2], "")),
    (re.compile(r"(\d+)\s+and\s+(\d+)\s*/\s*(\d+)"), lambda m: f"{m[1]} {m[2]}/{m[3]}"),
    (re.compile(r"(\d+)\s+to\s+(\d+)"), lambda m: f"{m[1]}:{m[2]}"),
    (re.compile(r"(?:option|choice|选项|选)\s*\(?([A-H])\)?", re.I), lambda m: m[1]),
)


def _numerals(text):
    """Write a number in words, with its unit if it has one, in digits: 三十二个, 百分之五, twenty-five
    apples.
    """
    if len(text) > 60:
        return text
    for form, rewrite in PLAIN_FORMS:
        if match := form.fullmatch(text):
            return rewrite(match)
    if re.search(r"[一-鿿]", text):
        text = SCALED_CHINESE.sub(_scaled, text)
        text = MIXED_CHINESE.sub(r"\\frac{\2}{\1}", text)
        text = re.sub(r"(?<=\d)\s*又\s*(?=\\frac|\d+/)", " ", text)
        text = re.sub(r"^负\s*(?=\d)", "-", text)
        if (match := re.fullmatch(r"每([一-鿿]+)(\d.*)", text)) and is_unit(match[1]):
            return f"{match[2]}/{match[1]}"
        if text == "一半" or text.startswith("半") and is_unit(text[1:]):
            return "0.5" + text[1:].removeprefix("半") if text[0] == "半" else "0.5"
        match = CHINESE_ANSWER.fullmatch(text)
        # 两 and 万 may belong to the unit
        for end in range(match.end("number"), 0, -1) if match else ():
            if re.fullmatch(CHINESE_NUMBER, text[:end]) and (
                end == len(text) or is_unit(text[end:])
            ):
                return (chinese_value(text[:end]) or text[:end]) + text[end:]
        return text
    if signed := re.match(r"(?:minus|negative)\s+(?=[\d.\\])", text, re.I):
        return "-" + text[signed.end() :]
    return _english(text) or text


def _english(text):
    """Write the number words that open a text in digits: "two hundred and five apples", "minus one
    and a half".
    """
    match = NUMERAL.match(text)
    rest = text[match.end() :] if match else ""
    unfinished = re.match(r"\s*(?:-|(?:and|or|to|of|an?\s+\w+th|point)\b|[a-z]+th\b)", rest, re.I)
    if not match or unfinished or NUMERAL.match(rest.strip(" -")):
        return None
    value = _english_whole(match["whole"] or "")
    part = PARTS.get((match["part"] or match[0].split()[-1]).lower())
    if match["places"]:
        digits = (str(ENGLISH[name]) for name in match["places"].lower().split())
        value = f"{value}." + "".join(digits)
    elif match["top"]:
        value = rf"{value}\frac{{{_english_whole(match['top'])}}}{{{part}}}"
    elif match["part"] or match["single"]:
        value = rf"\frac{{{value or 1}}}{{{part}}}"
    return f"{'-' * bool(match['sign'])}{value}{re.sub('^ an? ', ' ', rest)}"


def _english_whole(text):
    total = group = 0
    for name in re.findall("[a-z]+", text.lower()):
        if name in ("hundred", "dozen"):
            group *= LARGE[name]
        elif name in LARGE:
            total, group = total + group * LARGE[name], 0
        else:
            group += 1 if name in ("a", "an") else ENGLISH.get(name, 0)
    return total + group


def _scaled(match):
    """Write 2万5千 or 1亿2000万 in digits."""
    total, smallest = Fraction(0), 0
    for number, scales in re.findall(r"(\d+(?:\.\d+)?)([十百千万亿]*)", match[0]):
        last = math.prod(SCALES[name] for name in scales)
        if not scales and 10 ** len(number) != smallest:  # 3千5 is 3500 to some
            return match[0]
        smallest = last
        total += Fraction(number) * last
    return str(total) if total.denominator == 1 else match[0]


def date(text: str) -> str | None:
    """Return the month, day and year of a date in one spelling; None if the text is none."""
    match = DATE.fullmatch(text)
    if not match:
        return None
    fields = {key.partition("_")[0]: part for key, part in match.groupdict().items() if part}
    month = fields["month"][:3].lower()
    number = MONTHS.index(month) + 1 if month in MONTHS else int(month)
    return f"date {number}/{int(fields['day'])}/{fields.get('year', '')}"


def time(text: str) -> str | None:
    """Return a time of day as "time hours:minutes:seconds half".

    The half is "24" where only a clock of 24 hours tells it.
    """
    if text.lower() in NOON:
        return f"time 12:00:00 {NOON[text.lower()]}"
    match = TIME.fullmatch(text)
    if not match:
        return None
    hour, minute, second = (int(match[i] or match[j] or 0) for i, j in ((1, 5), (2, 6), (3, 7)))
    half = f"{match[4].lower()}m" if match[4] else ""
    if not half and (hour > 12 or hour == 0):
        half = "24pm" if hour else "24am"
    return f"time {(hour - 1) % 12 + 1}:{minute:02}:{second:02} {half}".strip()


def unqualified(text: str) -> tuple[str, str]:
    """Take off a remark behind an answer: "for all x", "k \\in \\mathbb{Z}", "(minimum value)".

    Return it and its domain.

    A domain other than the integers and the reals is a part of the answer and stays.
    """
    if not QUALIFIED.search(text):
        return text, ""
    plain = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).strip()
    match = QUALIFIER.search(plain)
    if not match or not plain[: match.start()].strip(" ,;"):
        return text, ""
    if remark := match["remark"]:
        if is_unit(remark):
            return f"{plain[: match.start()]} {remark}", ""
        if {*remark.lower().split()} & {*units.SCALES, *REMARKS_THAT_COUNT}:
            return text, ""
    return plain[: match.start()].strip(" ,;"), match["domain"] or match["domain_2"] or ""


def is_unit(text: str) -> bool:
    """Say whether a phrase is nothing but a unit of measure."""
    return units.is_unit(re.sub(r"\\(?:text|mathrm|mbox)\{([^{}]*)\}", r"\1", text))


def is_chinese_number(text: str) -> bool:
    return bool(re.fullmatch(CHINESE_NUMBER, text))


def chinese_numbers(text: str) -> list[str]:
    """List the numbers written in Chinese characters in a sentence, each with a unit that follows
    it.
    """
    found = []
    for match in re.finditer(CHINESE_NUMBER, text):
        tail = re.match(r"[一-鿿]{0,4}", text[match.end() :])[0]
        unit = next((tail[:n] for n in range(len(tail), 0, -1) if is_unit(tail[:n])), "")
        found.append(match[0] + unit)
    return found


def chinese_value(text: str) -> str | None:
    """Write a Chinese number in digits, as a decimal, fraction or percentage.

    None if it is none.
    """
    sign, text = ("-", text[1:]) if text.startswith("负") else ("", text)
    if "分之" in text:
        below, above = text.split("分之")
        whole, _, below = below.rpartition("又")
        if below == "百" and not whole:
            top = chinese_value(above)
            return top and f"{sign}{top}%"
        n, top, bottom = (_chinese_whole(part) for part in (whole or "零", above, below))
        return None if None in (n, top, bottom) else f"{sign}{n or ''}\\frac{{{top}}}{{{bottom}}}"
    whole, point, places = text.partition("点")
    value = _chinese_whole(whole)
    if value is None or not set(places) <= set(CHINESE_DIGITS):
        return None
    decimals = "".join(str(CHINESE_DIGITS[digit]) for digit in places)
    return f"{sign}{value}.{decimals}" if point else f"{sign}{value}"


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
