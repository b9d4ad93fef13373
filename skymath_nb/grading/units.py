"""Units of measure: what a unit is made of, and how many of the base unit it is worth, exactly."""

import re
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

TABLE = """
length: m meter metre meters metres 米 1 | cm centimeter centimetre 厘米 公分 1/100 | mm millimeter millimetre 毫米 1/1000
length: dm decimeter decimetre 分米 1/10 | km kilometer kilometre 千米 公里 1000 | μm µm micrometer micron 微米 1/1000000
length: nm nanometer 纳米 1/1000000000 | in inch inches 英寸 127/5000 | ft foot feet 英尺 381/1250 | yd yard 码 1143/1250
length: mi mile 英里 1609344/1000
mass: g gram gramme 克 1 | kg kilogram kilo 千克 公斤 1000 | mg milligram 毫克 1/1000 | tonne 吨 1000000 | ton 907184740/1000
mass: lb lbs pound 磅 45359237/100000 | oz ounce 盎司 45359237/1600000 | 斤 500 | 两 50
time: s sec second 秒 秒钟 1 | ms millisecond 毫秒 1/1000 | min minute 分钟 分 60 | h hr hrs hour 小时 时 3600 | day 天 日 86400
time: week wk 周 星期 604800
months: month 个月 月 1 | year yr yrs 年 12
volume: L l liter litre 升 1/1000 | mL ml milliliter millilitre 毫升 cc 1/1000000 | gallon gal 473176473/125000000000
volume: quart qt 473176473/500000000000 | pint pt 473176473/1000000000000 | cup 473176473/2000000000000
area: hectare ha 公顷 10000 | acre 316160658/78125
money: dollar $ usd buck 美元 1 | cent ¢ 1/100
yuan: yuan ¥ rmb cny 元 块 块钱 人民币 元人民币 1 | 角 毛 1/10
energy: joule J 焦耳 1 | kilojoule kJ 千焦 1000
power: watt W 瓦 瓦特 1 | kilowatt kW 千瓦 1000
each: euro € eur 欧元 | £ gbp 英镑 | rupee ₹ inr Rs | yen jpy 日元 | won ₩ krw 韩元 | peso ₱ mxn | rouble ruble ₽ rub | lira ₺
each: baht ฿ thb | franc chf | aud | cad | nzd | hkd 港元 | sgd | degree deg ° 度 | radian rad 弧度 | celsius ℃ 摄氏度
each: kelvin K | fahrenheit ℉ 华氏度 | newton N 牛 牛顿 | ampere amp 安培 | volt 伏 伏特 | hertz Hz 赫兹
"""
CODES = "USD|EUR|GBP|CNY|RMB|INR|JPY|KRW|MXN|PHP|RUB|TRY|THB|CHF|AUD|CAD|NZD|HKD|SGD"
POWERS = {"volume": ("length", 3), "area": ("length", 2)}
SPEEDS = dict.fromkeys(("kmh", "kph", "kmph"), ("km", "hour")) | {
    "mph": ("mile", "hour"),
    "mps": ("m", "s"),
}
# single letters that stand for a unit right behind a number: 5m, not 5x
SHORT = set("m g s h L l".split())
# measure words: they say that things are counted
COUNTED = set("个只本名人位颗条张棵支辆件次头朵块根盒箱袋瓶页岁种组道")
FILLERS = set("of the in total each a an more unit units 的 square cubic about only".split())
NO_NOUNS = set(
    "is was as does has always perhaps sometimes this thus besides towards equals gives makes "
    "means plus minus".split()
)
PREFIX = {"square": 2, "sq": 2, "平方": 2, "cubic": 3, "cu": 3, "立方": 3}
SUFFIX = {"squared": 2, "cubed": 3}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "千": 1000,
    "万": 10**4,
    "百万": 10**6,
    "千万": 10**7,
    "亿": 10**8,
    "dozen": 12,
    "lakh": 10**5,
    "crore": 10**7,
}
WORD = re.compile(
    r"(?P<per>/|\bper\b|每)|(?P<word>平方|立方|[A-Za-zμµ$¢€£¥₹₩₱₽₺฿°℃℉]+"
    r"|[一-鿿]+)\.?\s*(?:\^\s*\{?\s*(?P<power>-?\d)\s*\}?)?"
)


class Unit(NamedTuple):
    """The dimensions as sorted (name, power) pairs, the worth of one in base units, and the words
    that are no unit.
    """

    dimensions: tuple
    worth: Fraction
    nouns: frozenset


def _entries():
    for line in TABLE.strip().split("\n"):
        dimension, _, entries = line.partition(": ")
        for names in map(str.split, entries.split("|")):
            worth = Fraction(1 if dimension == "each" else names.pop())
            of = POWERS.get(dimension, (names[0] if dimension == "each" else dimension, 1))
            yield from ((name, (*of, worth)) for name in names)


NAMES = dict(_entries())
CJK_NAMES = sorted((name for name in NAMES if re.match("[一-鿿]", name)), key=len, reverse=True)


def find(word: str) -> tuple | None:
    """Return (dimension, power, worth) of one unit word, in any usual spelling, or None."""
    lower = word.lower()
    shouted = word.isupper() and len(word) > 1
    for name in (word, lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if name in NAMES and (len(name) > 2 or name in (word, "oz", "lb") or shouted):
            return NAMES[name]
    return None


def _words(text):
    """List (word, power, divided) of a phrase.

    Chinese runs are cut at the names that the table knows.
    """
    divided, raised = False, 1
    for match in WORD.finditer(text):
        if match["per"]:
            divided = True
            continue
        word = match["word"]
        pieces = _cut(word) if re.match("[一-鿿]", word) else [word]
        for piece in pieces:
            if piece in ("每",):
                divided = True
            elif piece.lower() in PREFIX:
                raised = PREFIX[piece.lower()]
            elif piece.lower() in SPEEDS:
                top, bottom = SPEEDS[piece.lower()]
                yield from ((top, 1, divided), (bottom, 1, not divided))
            else:
                yield piece, int(match["power"] or raised), divided
                raised, divided = 1, divided and not find(piece)


def _cut(text):
    pieces = []
    while text:
        known = [*PREFIX, "每", *CJK_NAMES]
        name = next((name for name in known if text.startswith(name)), None)
        if name is None:
            pieces.append(text)
            break
        pieces.append(name)
        text = text[len(name) :]
    return pieces


def read(text: str) -> Unit:
    """Read a unit phrase: `cm^2`, `km/h`, `miles per hour`, `square feet`, `立方厘米`, `apples`.

    Unknown words are nouns.
    """
    dimensions, worth, nouns = Counter(), Fraction(1), set()
    words = list(_words(text))
    for i, (word, power, divided) in enumerate(words):
        if word.lower() in SUFFIX and i:
            before = find(words[i - 1][0])
            if before:
                more = SUFFIX[word.lower()] - 1
                dimensions[before[0]] += before[1] * more
                worth *= before[2] ** more
            continue
        found = find(word)
        if found:
            name, own, one = found
            power = -power if divided else power
            dimensions[name] += own * power
            worth *= one**power
        elif word.lower() not in FILLERS:
            noun = (
                word.lower().lstrip("".join(COUNTED))
                if re.match("[一-鿿]", word)
                else _singular(word.lower())
            )
            nouns |= {noun} - {""}
    powers = sorted((name, n) for name, n in dimensions.items() if n)
    return Unit(tuple(powers), worth, frozenset(() if dimensions else nouns))


def _singular(word):
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def is_unit(text: str) -> bool:
    """Say whether every word of a phrase is a unit of the table or a counting word."""
    words = list(_words(text))
    return bool(words) and all(
        find(w) or w.lower() in SUFFIX or w.lower() in FILLERS or set(w) <= COUNTED
        for w, _, _ in words
    )
