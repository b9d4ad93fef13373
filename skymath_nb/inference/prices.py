"""Money: what tokens cost, and how many of them a text is before a server has counted."""

import math
from collections.abc import Iterable
from datetime import date

AROUND = 16  # tokens of a chat template per message, generously
NEEDED, MORE = {"input", "output", "date"}, {"cached_input", "batch"}
EXAMPLE = '{"input": 2.5, "output": 15.0, "cached_input": 0.25, "date": "2026-11-23"}'


def check(prices: dict | None):
    """Raise ValueError unless `prices` is None or a dated table of prices.

    input, output, cached_input  US dollars per million tokens; without cached_input those cost what
                                 input costs
    batch                        what the Batch API asks, as a share of these, for example 0.5; 1 if
                                 not given
    date                         the day on which they were read, as 2026-11-23: prices age
    """
    if prices is None:
        return
    given = set(prices)
    if not NEEDED <= given <= NEEDED | MORE:
        raise ValueError(
            f"prices has {sorted(given)}; it needs input, output and date, and may have "
            f"cached_input and batch, for example {EXAMPLE}."
        )
    for name in given - {"date"}:
        value = prices[name]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < math.inf
        ):
            raise ValueError(
                f"prices has {name}={value!r}; a number of US dollars per million tokens is "
                "needed (batch: a share)."
            )
    try:
        date.fromisoformat(str(prices["date"]))  # YAML reads a bare date as one
    except ValueError:
        raise ValueError(
            f"prices has date={prices['date']!r}; the day they were read is needed, such as "
            "2026-11-23."
        ) from None


def cost(
    prices: dict | None,
    tokens_in: float,
    tokens_out: float,
    tokens_cached: float = 0,
    batch: bool = False,
) -> float:
    """US dollars of so many tokens, `tokens_cached` of those in being read from the server's cache.

    0 without prices.
    """
    if not prices:
        return 0.0
    fresh = (tokens_in - tokens_cached) * prices["input"] + tokens_cached * prices.get(
        "cached_input", prices["input"]
    )
    return (
        (fresh + tokens_out * prices["output"]) / 1e6 * (prices.get("batch", 1.0) if batch else 1.0)
    )


def tokens(messages: Iterable[dict]) -> int:
    """Tokens of some text, roughly.

    Four ASCII letters each, one other character each, four per message.
    """
    texts = [message["content"] for message in messages]
    ascii_n = sum(
        len(text) if text.isascii() else len(text.encode("ascii", "ignore")) for text in texts
    )
    return 4 * len(texts) + math.ceil(ascii_n / 4) + sum(map(len, texts)) - ascii_n


def most_tokens(messages: Iterable[dict]) -> int:
    """More tokens than any tokenizer makes of some messages.

    One a byte, and what a chat template puts around each.
    """
    return sum(AROUND + len(message["content"].encode()) for message in messages)
