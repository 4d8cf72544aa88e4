"""How well an attack tells members from others, and how sure that is.

Scores come a person at a time, as lists of one score a sample; the higher, the more like a member.
A person's samples resemble each other, so the bootstrap draws people, not samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

People = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Estimate:
    """A value and the 2.5th and the 97.5th percentile of its bootstrap."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, object]:
        return {"value": self.value, "ci95": [self.low, self.high]}


def auc(members: People, others: People, *, resamples: int, seed: int) -> Estimate:
    """How often a member's sample outscores another's, ties one half, from 0 to 1.

    The wins of each person over each other person are counted once. A resample then only says how
    often each person counts: with counts c ``(M,)`` and d ``(N,)`` it is c W d over c n x d m.
    """
    return _estimate(*_drawn_auc(members, others, resamples, seed))


def auc_above(
    one: tuple[People, People], other: tuple[People, People], *, resamples: int, seed: int
) -> Estimate:
    """How much higher the AUC of one model's scores is than another's, from -1 to 1.

    Both are of the same people, as (members, others), and a resample draws the same of them: what
    the draw of people explains is in both, and cancels.
    """
    value, drawn = _drawn_auc(*one, resamples, seed)
    less, drawn_less = _drawn_auc(*other, resamples, seed)
    return _estimate(value - less, drawn - drawn_less)


def _drawn_auc(members: People, others: People, resamples: int, seed: int) -> tuple[float, Tensor]:
    """The AUC, and that of each resample, ``(R,)``."""
    wins = torch.tensor([[_wins(m, o) for o in others] for m in members], dtype=torch.float64)
    ours = torch.tensor([len(m) for m in members], dtype=torch.float64)
    theirs = torch.tensor([len(o) for o in others], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    c = _counts(len(members), resamples, generator)  # (R, M)
    d = _counts(len(others), resamples, generator)  # (R, N)
    drawn = ((c @ wins) * d).sum(dim=1) / ((c @ ours) * (d @ theirs))
    return (wins.sum() / (ours.sum() * theirs.sum())).item(), drawn


def mean(values: Sequence[float], *, resamples: int, seed: int) -> Estimate:
    """The mean of one value a person."""
    counts = _counts(len(values), resamples, torch.Generator().manual_seed(seed))
    drawn = counts @ torch.tensor(values, dtype=torch.float64) / len(values)
    return _estimate(math.fsum(values) / len(values), drawn)


def roc(members: People, others: People) -> list[tuple[float, float]]:
    """The corners of the ROC: false and true positives of each limit, from (0, 0) to (1, 1)."""
    ours = [score for person in members for score in person]
    theirs = [score for person in others for score in person]
    points = [(0.0, 0.0)]
    for limit in sorted({*ours, *theirs}, reverse=True):
        x = sum(score >= limit for score in theirs) / len(theirs)
        y = sum(score >= limit for score in ours) / len(ours)
        # Of three points on one level or upright line, the middle one is no corner.
        if len(points) > 1 and (points[-2][0] == x or points[-2][1] == y):
            points.pop()
        points.append((x, y))
    return points


def true_positives(members: People, others: People, *, false_positives: float) -> float:
    """The largest share of members' samples found at no more than this share of others'.

    A sample is called a member if it outscores a limit; the rate at low false positives is what
    counts, since an attack that is right on average may be sure of nobody (arXiv 2112.03570).
    """
    theirs = sorted((score for person in others for score in person), reverse=True)
    # 0.29 x 100 is 28.999999999999996.
    allowed = math.floor(false_positives * len(theirs) + 1e-9)
    limit = theirs[allowed] if allowed < len(theirs) else -math.inf
    return _share(members, limit)


def advantage(members: People, others: People, *, limit: float) -> float:
    """True minus false positives of calling a member what outscores a limit fixed in advance.

    Membership advantage (Yeom et al., arXiv 1709.01604, definition 4), from -1 to 1.
    """
    return _share(members, limit) - _share(others, limit)


def exposure(loss: float, others: Sequence[float]) -> float:
    """log2 of how many candidates there are over the rank of one loss among them, in bits.

    Carlini et al. (arXiv 1802.08232), with the candidates that were not planted
    and the one itself; a tie counts half a rank.
    """
    smaller = sum(1 for other in others if other < loss)
    equal = sum(1 for other in others if other == loss)
    return math.log2(len(others) + 1) - math.log2(1 + smaller + equal / 2)


def chance_exposure(others: int) -> float:
    """The mean exposure in bits of a candidate whose rank is any, among so many others."""
    ranks = range(1, others + 2)
    return math.log2(others + 1) - math.fsum(map(math.log2, ranks)) / len(ranks)


def _wins(member: Sequence[float], other: Sequence[float]) -> float:
    return sum((m > o) + (m == o) / 2 for m in member for o in other)


def _share(people: People, limit: float) -> float:
    scores = [score for person in people for score in person]
    return sum(score > limit for score in scores) / len(scores)


def _counts(people: int, resamples: int, generator: torch.Generator) -> Tensor:
    """How often each person comes in each resample, ``(R, people)``."""
    drawn = torch.randint(people, (resamples, people), generator=generator)
    counts = torch.zeros(resamples, people, dtype=torch.float64)
    return counts.scatter_add_(1, drawn, torch.ones_like(counts))


def _estimate(value: float, drawn: Tensor) -> Estimate:
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Estimate(value, low, high)
