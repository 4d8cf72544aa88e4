"""How well scores rank what was liked above what was not."""

from collections.abc import Sequence


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Area under the ROC curve: how often a liked row outranks a disliked one, ties one half.

    None when a class is missing, because then nothing was ranked.

    >>> auc([0.1, 0.4, 0.4, 0.8], [False, False, True, True])
    0.875

    Raises:
        ValueError: if there are not as many labels as scores.
    """
    rows = sorted(zip(scores, labels, strict=True), key=lambda row: row[0])
    positives = sum(1 for _, label in rows if label)
    negatives = len(rows) - positives
    if not positives or not negatives:
        return None
    outranked, below, start = 0.0, 0, 0
    while start < len(rows):
        end = start
        while end < len(rows) and rows[end][0] == rows[start][0]:
            end += 1
        liked = sum(1 for _, label in rows[start:end] if label)
        tied = end - start - liked
        outranked += liked * (below + tied / 2)
        below += tied
        start = end
    return outranked / (positives * negatives)
