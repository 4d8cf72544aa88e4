"""The likelihood-ratio attack: is this confidence one of a model that trained on the sample?

LiRA (Carlini et al. 2022, arXiv 2112.03570). Shadow ensembles that trained with a person, and
others that trained without, say what confidence to expect of each of the person's samples.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Half of float32's resolution at one: a probability that rounds to 0 or 1 is no nearer than this.
NEAREST: Final = 2.0**-25
SMALLEST: Final = 1e-30  # the reference code's floor, so that equal shadows divide by no zero


@dataclass(frozen=True)
class Seen:
    """What shadows made of one sample: logit confidences with its person in training, and out."""

    inside: tuple[float, ...]
    outside: tuple[float, ...]


def confidence(probability: float) -> float:
    """log(p / (1 - p)) of the true label's probability: near Gaussian over models."""
    p = min(max(probability, NEAREST), 1 - NEAREST)
    return math.log(p) - math.log1p(-p)


def loss(probability: float) -> float:
    """-log of the true label's probability, in nats."""
    return -math.log(min(max(probability, NEAREST), 1.0))


def online(confidences: Sequence[float], seen: Sequence[Seen], *, fixed: bool) -> list[float]:
    """log N(x; in) - log N(x; out) of each sample: larger for a member.

    Args:
        fixed: one variance for all samples, the mean of theirs; else each its own, which many
            shadows are needed to tell.
    """
    inside = _gaussians([one.inside for one in seen], fixed)
    outside = _gaussians([one.outside for one in seen], fixed)
    return [
        _log_density(x, *i) - _log_density(x, *o)
        for x, i, o in zip(confidences, inside, outside, strict=True)
    ]


def offline(confidences: Sequence[float], seen: Sequence[Seen], *, fixed: bool) -> list[float]:
    """How many deviations each confidence is above those of models that trained without it.

    The paper's 1 - Pr[Z > x] is the normal distribution function of this, in the
    same order; here, samples far out stay apart.
    """
    outside = _gaussians([one.outside for one in seen], fixed)
    return [
        (x - mean) / math.sqrt(variance)
        for x, (mean, variance) in zip(confidences, outside, strict=True)
    ]


def halves(person: str, shadows: int, *, seed: int) -> frozenset[int]:
    """The half of the shadows that train on a person, by a hash of both.

    Exactly half, so that both Gaussians rest on equally many.
    """
    drawn = sorted(
        range(shadows),
        key=lambda shadow: hashlib.sha256(f"{seed}/shadow/{shadow}/{person}".encode()).digest(),
    )
    return frozenset(drawn[: shadows // 2])


def _gaussians(samples: Sequence[Sequence[float]], fixed: bool) -> list[tuple[float, float]]:
    """Mean and variance (maximum likelihood, as numpy's default) of each."""
    means = [math.fsum(one) / len(one) for one in samples]
    variances = [
        max(math.fsum((x - mean) ** 2 for x in one) / len(one), SMALLEST)
        for one, mean in zip(samples, means, strict=True)
    ]
    if fixed:
        variances = [math.fsum(variances) / len(variances)] * len(variances)
    return list(zip(means, variances, strict=True))


def _log_density(x: float, mean: float, variance: float) -> float:
    return -(math.log(2 * math.pi * variance) + (x - mean) ** 2 / variance) / 2
