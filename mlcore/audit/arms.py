"""The models that are attacked: before the erasure, at once, after, and the twin's."""

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from mlcore import samples
from mlcore.audit import lira
from mlcore.audit.cast import People
from mlcore.recipe import Recipe
from mlcore.samples import Interaction
from mlcore.scoring import Scorer

States = Callable[[str], Tensor]
# Each person's P(like), one a training sample, in the samples' order.
Answers = Mapping[str, tuple[float, ...]]


class Engine(Protocol):
    """What an audit asks of a system that unlearns; ``mlcore.ensemble.Ensemble`` has it."""

    def fit(self, people: Mapping[str, Sequence[Interaction]], *, states: States | None) -> object:
        """Train on all of the people."""

    def erase(self, gone: Mapping[str, Collection[bytes] | None]) -> object:
        """Stop serving anything that saw these subjects."""

    def restore(self) -> object:
        """Retrain what the erasure took."""

    def scorer(self) -> Scorer:
        """What serves now."""

    def digest(self) -> str:
        """What the whole live state is known by."""


@dataclass(frozen=True)
class Questions:
    """A person's training samples: trunk states ``(T, D)``, and what the answers would be."""

    states: tuple[Tensor, ...]
    labels: tuple[bool, ...]


@dataclass(frozen=True)
class Arms:
    """What each model answers to everyone's training samples.

    ``fallback`` is what serves between the erasure and the retraining.
    """

    before: Answers
    fallback: Answers
    after: Answers
    twin: Answers

    def named(self) -> dict[str, Answers]:
        return dict(vars(self))


def questions(people: People, recipe: Recipe, states: States) -> dict[str, Questions]:
    """What each person would be recognised by: the samples that train when the person does."""
    asked = {}
    for name, interactions in people.items():
        train = samples.split(interactions, recipe).train
        asked[name] = Questions(
            states=tuple(states(sample.prompt) for sample in train),
            labels=tuple(sample.label for sample in train),
        )
    return asked


def answers(scorer: Scorer, asked: Mapping[str, Questions]) -> Answers:
    """P(like) of every sample, each scored alone: bits must not depend on who shares a batch."""
    return {
        name: tuple(scorer.score([state], batch_size=1)[0] for state in one.states)
        for name, one in asked.items()
    }


def confidences(given: Answers, asked: Mapping[str, Questions], name: str) -> list[float]:
    """Logit of P(label) of each of a person's samples."""
    return [lira.confidence(p) for p in _towards(given, asked, name)]


def losses(given: Answers, asked: Mapping[str, Questions], name: str) -> list[float]:
    """-log P(label), in nats, of each of a person's samples."""
    return [lira.loss(p) for p in _towards(given, asked, name)]


def differences(left: Answers, right: Answers) -> tuple[bool, float]:
    """Whether two models answer with the same bits, and by how much they differ at most."""
    pairs = [(x, y) for name in left for x, y in zip(left[name], right[name], strict=True)]
    # As bits, since 0.0 == -0.0 and nothing equals a NaN.
    identical = all(struct.pack(">d", x) == struct.pack(">d", y) for x, y in pairs)
    return identical, max((abs(x - y) for x, y in pairs), default=0.0)


def _towards(given: Answers, asked: Mapping[str, Questions], name: str) -> list[float]:
    pairs = zip(given[name], asked[name].labels, strict=True)
    return [p if label else 1 - p for p, label in pairs]
