"""From errors back to the data.

The training rows nearest to a problem, and where rows and errors lie.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import world

BUDGET = 1 << 24  # numbers in memory at a time: 128 MB
DIGITS = 12  # of a cosine; what agrees in these is a tie
CONFIDENCE = 0.95
SHOWN = ["id", "method", "operator", "level", "language", "seed_id", "query"]


def nearest(
    vectors: np.ndarray, rows: pd.DataFrame, wanted: np.ndarray, ids: Sequence[str], k: int = 5
) -> pd.DataFrame:
    """The k training rows whose vectors have the largest cosine with each wanted one.

    Exact, in blocks, all of them in one pass.

    Returns  M * min(k, N) rows: wanted_id, rank (from 1), cosine, and of the training row id,
             method, operator, level, language, seed_id and query, as far as there are such columns.
             Ties go to the row that comes first.
    Cost:    O(N M D) in float64, about 128 MB beside the vectors. A vector of zeros has the cosine
             0 with everything.

    Args:
        vectors: (N, D), one per training row, of any length, from `embed.embed` or a memory-mapped
            file: read block by block.
        rows: The N training rows, in the same order.
        wanted: (M, D), one per problem that was answered wrong, embedded together with the rows;
            `ids` names them.

    Raises:
        ValueError: Where shapes do not fit, k is less than 1, or a vector is not finite.
    """
    ids, n = list(ids), len(rows)
    wanted = _unit(np.asarray(wanted, np.float64), "wanted", 0)
    if (
        vectors.ndim != 2
        or len(vectors) != n
        or wanted.shape != (len(ids), vectors.shape[1])
        or k < 1
        or not n
    ):
        raise ValueError(
            "One vector per training row, one of the same length per wanted id, and k of at "
            "least 1 are needed, but there are vectors "
            f"{vectors.shape} for {n} rows, {wanted.shape} for {len(ids)} ids, and k={k}. Embed "
            "rows and problems in one call and split."
        )
    cosine, place = np.empty((len(ids), 0)), np.empty((len(ids), 0), np.int64)
    block = max(1, BUDGET // (vectors.shape[1] + 3 * len(ids)))
    for start in range(0, n, block):
        part = _unit(
            np.asarray(vectors[start : start + block], np.float64), "the training rows", start
        )
        scores = np.hstack([cosine, np.round(wanted @ part.T, DIGITS)])
        places = np.hstack(
            [place, np.broadcast_to(np.arange(start, start + len(part)), (len(ids), len(part)))]
        )
        cosine, place = _largest(scores, places, min(k, scores.shape[1]))
    found = rows.iloc[place.ravel()][[name for name in SHOWN if name in rows.columns]].reset_index(
        drop=True
    )
    ranks = np.tile(np.arange(1, cosine.shape[1] + 1), len(ids))
    named = pd.DataFrame(
        {
            "wanted_id": np.repeat(np.asarray(ids, object), cosine.shape[1]),
            "rank": ranks,
            "cosine": cosine.ravel(),
        }
    )
    return pd.concat([named, found], axis=1)


def _unit(X, what, start):
    if X.ndim == 2 and not (finite := np.isfinite(X).all(axis=1)).all():
        place = start + int(np.argmin(finite))
        raise ValueError(
            f"The vector {place} of {what} holds NaN or infinity. Embed that row again or leave "
            "it out."
        )
    length = np.linalg.norm(X, axis=-1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def _largest(scores, places, k):
    """The k largest scores of each line with their places, largest first, ties by place (they are
    in rising order).
    """
    least = np.partition(scores, -k, axis=1)[:, -k]
    chosen = np.empty((len(scores), k), np.int64)
    for i, line in enumerate(scores):
        candidates = np.flatnonzero(line >= least[i])
        chosen[i] = candidates[np.lexsort((places[i, candidates], -line[candidates]))[:k]]
    return np.take_along_axis(scores, chosen, 1), np.take_along_axis(places, chosen, 1)


def topics(rows: pd.DataFrame, seeds: pd.DataFrame | None = None) -> pd.Series:
    """The subject of each training row.

    The world's family where its query can be read, else the subject of its seed, else "".
    """
    subjects = {} if seeds is None else dict(zip(seeds["id"], seeds["subject"], strict=True))

    def subject(query, seed):
        try:
            return world.read(query).family
        except (world.Unreadable, world.Unsolvable):
            return subjects.get(seed, "")

    return pd.Series(
        [subject(*row) for row in zip(rows["query"], rows["seed_id"], strict=True)],
        rows.index,
        name="subject",
    )


def rank_cells(
    classified: pd.DataFrame,
    training: pd.DataFrame,
    by: str | Sequence[str],
    within: Sequence[str] = ("benchmark",),
) -> pd.DataFrame:
    """What data would help, as far as a description can say.

    A row per cell, the cell with the most avoidable errors first.

    Columns: n, errors, error_rate with its Wilson interval low, high; share (of all errors);
    training_rows (of this cell); usual_rate (what other cells would have with this cell's mix of
    `within`); above; apart; classes (the two commonest). The rule of the ranking: `above` = errors
    less those that the usual rate would leave, that is the errors that would vanish if the cell
    came up to the mean of its comparable cells. It is negative for a good cell and missing where
    nothing compares. `apart` says whether the interval excludes the usual rate.

    Limits: this describes and predicts nothing. A cell may be hard for reasons that no data of it
    would change, its rows may be many and wrong, and rows of other cells may help it as much. The
    worst of many small cells is partly the unluckiest: read `apart`, and expect one cell in twenty
    to be so by chance. The interval takes answers as independent, and the usual rate as known.

    Args:
        classified: Answers with `flexible` and the column `error` of `classify`.
        training: The rows that were trained on.
        by: Columns of both tables: level, subject (see `topics`), language, or operator. An answer
            has no operator of its own: give it that of its problem's nearest training row (rank 1
            of `nearest`).
        within: Columns that make answers comparable: a cell is compared with the other cells of the
            same benchmark (and level, ...).
    """
    from scipy.stats import binomtest

    by, within = [by] if isinstance(by, str) else list(by), list(within)
    lacking = [
        f"{name} of the answers"
        for name in (*by, *within, "flexible", "error")
        if name not in classified
    ]
    lacking += [f"{name} of the rows" for name in by if name not in training]
    if lacking or set(by) & set(within) or classified.empty:
        raise ValueError(
            f"Cells by {by} within {within} need these columns in both tables, no column twice, "
            f"and at least one answer; missing: {', '.join(lacking) or 'nothing'}; "
            f"{len(classified)} answers. `classify` adds error, `topics` finds subjects of rows."
        )
    if gaps := int(classified[[*by, *within]].isna().any(axis=1).sum()):
        raise ValueError(
            f"{gaps} of {len(classified)} answers have no value in {', '.join((*by, *within))}; "
            "leave them out or fill them."
        )
    wrong = ~classified["flexible"].to_numpy(bool)
    tables = {
        name: classified[columns].apply(tuple, axis=1) if columns else 0
        for name, columns in (("cell", by), ("stratum", within))
    }
    answers = classified.assign(wrong=wrong, **tables)
    counts = answers.groupby(["stratum", "cell"])["wrong"].agg(n="size", wrong="sum").reset_index()
    others = counts.groupby("stratum")[["n", "wrong"]].transform("sum") - counts[["n", "wrong"]]
    # missing where no other cell compares
    counts["usual"] = counts["n"] * others["wrong"] / others["n"].where(others["n"] > 0)
    compared = counts.dropna().groupby("cell")[["n", "wrong", "usual"]].sum()
    compared = dict(zip(compared.index, compared.itertuples(index=False), strict=True))
    trained = training.groupby(by).size().to_dict()
    rows = []
    for cell, part in answers.groupby("cell", sort=True):
        errors, n, like = int(part["wrong"].sum()), len(part), compared.get(cell)
        interval = binomtest(errors, n).proportion_ci(CONFIDENCE, method="wilson")
        usual = like.usual / like.n if like else np.nan
        shares = part.loc[part["wrong"], "error"].value_counts(normalize=True).head(2)
        row = {"n": n, "errors": errors, "error_rate": errors / n}
        row |= {"low": interval.low, "high": interval.high}
        row["share"] = errors / max(wrong.sum(), 1)
        row["training_rows"] = int(trained.get(cell if len(by) > 1 else cell[0], 0))
        row["usual_rate"] = usual
        row |= {
            "above": like.wrong - like.usual if like else np.nan,
            "apart": bool(usual < interval.low or usual > interval.high),
        }
        row["classes"] = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        rows.append(dict(zip(by, cell, strict=True)) | row)
    return pd.DataFrame(rows).sort_values(
        "above", ascending=False, kind="stable", ignore_index=True
    )


def rank_all(
    classified: pd.DataFrame, training: pd.DataFrame, within: dict[str, Sequence[str]]
) -> pd.DataFrame:
    """The cells of several columns in one ranking.

    `within` names for each column what makes its cells comparable.

    Columns: by, cell, and those of `rank_cells`. The same errors stand in the cells of every
    column: never add them up.
    """
    tables = [
        rank_cells(classified, training, by, like).rename(columns={by: "cell"}).assign(by=by)
        for by, like in within.items()
    ]
    table = pd.concat(tables).sort_values(
        "above", ascending=False, kind="stable", ignore_index=True
    )
    return table[["by", "cell", *table.columns.drop(["by", "cell"])]]
