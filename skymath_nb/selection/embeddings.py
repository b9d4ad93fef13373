"""Embeddings of problems.

TF-IDF with a truncated SVD, which needs no download, or a sentence-transformers model.
"""

import re
from collections.abc import Sequence

import numpy as np

from .ngrams import HAN


def embed(
    texts: Sequence[str], method: str = "tfidf", dimensions: int = 64, seed: int = 0
) -> np.ndarray:
    """Return one vector of length 1 per text.

    Shapes:  N texts -> (N, D) float32; D is `dimensions` for "tfidf" (less if the texts hold fewer
             distinct features), else the model's own. A text without any feature gets the zero
             vector.
    What each hides: the SVD keeps topics and wording, and holds problems that differ in numbers or
    names for the same (cosine about 0.99); a sentence model keeps meaning, and holds paraphrases
    for the same. On 2,000 GSM8K questions the two agreed on 7 % of nearest neighbours, so a
    core-set is diverse in the sense of its embedding and in no other. TF-IDF is fitted on the texts
    of one call: vectors of two calls can't be compared. Two languages share only numbers and
    symbols in it, so a translation lies far away; a multilingual sentence model brings it near.

    Args:
        method: "tfidf": words and pairs of words plus runs of 3 to 5 characters; in Chinese each
            character is a word, so that its problems spread as far as others do. Anything else is a
            sentence-transformers id or path.

    Raises:
        ValueError: For no texts, or for one that is empty (its place is given).
    """
    texts = list(texts)
    empty = [i for i, text in enumerate(texts) if not isinstance(text, str) or not text.strip()]
    if not texts or empty:
        raise ValueError(
            f"Embeddings of {len(texts)} texts were asked for, but {len(empty)} of them are empty "
            f"(the first at {empty[:1]}). Give at least one text and leave empty ones out."
        )
    X = _tfidf(texts, dimensions, seed) if method == "tfidf" else _sentences(texts, method)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return (X / np.where(length > 0, length, 1)).astype(np.float32)


def project(X: np.ndarray) -> np.ndarray:
    """Return the two directions in which the rows differ most, (N, D) -> (N, 2).

    A map to look at, not to measure on.
    """
    _, _, directions = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    return (X - X.mean(axis=0)) @ directions[:2].T


def _tfidf(texts, dimensions, seed):
    from scipy.sparse import hstack
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = {"sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=rf"[{HAN}]|[^\W{HAN}]+|[^\w\s]", **options
    )
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), max_features=50_000, **options
    )
    parts, latin = [words.fit_transform(texts)], [re.sub(f"[{HAN}]+", " ", text) for text in texts]
    # runs of Han characters would be nearly all different, and drown in the others
    if any(text.strip() for text in latin):
        parts.append(characters.fit_transform(latin))
    X = hstack(parts, format="csr")
    rank = min(dimensions, *(size - 1 for size in X.shape))
    if rank < 1:
        return X.toarray()
    with np.errstate(invalid="ignore"):  # equal texts have no variance to explain
        return TruncatedSVD(rank, random_state=seed).fit_transform(X)


def _sentences(texts, model):
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise RuntimeError(
            f"The embedding {model!r} needs sentence-transformers, which is not installed. "
            "Install the extra "
            "`embeddings` (pip install -e '.[embeddings]'), or use the embedding tfidf."
        ) from error
    return SentenceTransformer(model).encode(texts, convert_to_numpy=True, show_progress_bar=False)
