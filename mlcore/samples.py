"""From one subject's interactions to training, validation and test samples.

Everything is a function of the interactions as a set: the order in which they are given, or once
arrived, can decide nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mlcore import prompts
from mlcore.recipe import Recipe


@dataclass(frozen=True)
class Interaction:
    """What a subject thought of one item; ``title`` is what a prompt calls it."""

    item: str
    title: str
    value: Decimal
    at: datetime
    order_key: bytes


@dataclass(frozen=True)
class Sample:
    """One row: the prompt made of a history and a target, and whether the target was liked."""

    order_key: bytes
    prompt: str
    label: bool


@dataclass(frozen=True)
class Split:
    """One subject's samples. No training sample holds the validation or the test target."""

    train: tuple[Sample, ...]
    validation: Sample | None
    test: Sample | None


def split(interactions: Sequence[Interaction], recipe: Recipe) -> Split:
    """Leave-last: the last interaction is the test target, the one before it validates.

    Of the rest, each is a training target (the most recent ``recipe.targets`` of them, or all
    for 0) if at least ``recipe.min_history`` interactions came before it; so is the demand on
    the validation and the test target. A history is the ``recipe.history`` interactions before
    its target, oldest first.
    """
    timeline = _timeline(interactions)
    last = len(timeline) - 1
    return Split(
        train=tuple(_sample(timeline, i, recipe) for i in _training_targets(timeline, recipe)),
        validation=_sample(timeline, last - 1, recipe) if last - 1 >= recipe.min_history else None,
        test=_sample(timeline, last, recipe) if last >= recipe.min_history else None,
    )


def used(interactions: Sequence[Interaction], recipe: Recipe) -> tuple[Interaction, ...]:
    """Every interaction that a training sample of this subject consumed, by order key.

    Targets and their histories: the closure that an adapter's manifest commits to.
    """
    timeline = _timeline(interactions)
    reached = [False] * len(timeline)
    for target in _training_targets(timeline, recipe):
        for i in range(max(0, target - recipe.history), target + 1):
            reached[i] = True
    consumed = [one for one, is_reached in zip(timeline, reached, strict=True) if is_reached]
    return tuple(sorted(consumed, key=lambda one: one.order_key))


def in_order(samples: Iterable[Sample]) -> list[Sample]:
    """The samples by order key: the one order in which a shard trains."""
    return sorted(samples, key=lambda sample: sample.order_key)


def _timeline(interactions: Sequence[Interaction]) -> list[Interaction]:
    return sorted(interactions, key=lambda one: (one.at, one.item, one.order_key))


def _training_targets(timeline: Sequence[Interaction], recipe: Recipe) -> range:
    """Positions in the timeline. The last two are the test's and the validation's."""
    end = max(len(timeline) - 2, recipe.min_history)
    start = max(recipe.min_history, end - recipe.targets) if recipe.targets else recipe.min_history
    return range(start, end)


def candidate_prompt(interactions: Sequence[Interaction], title: str, recipe: Recipe) -> str:
    """The prompt that asks whether a subject with this history will like one more item."""
    return _prompt(_timeline(interactions)[-recipe.history :], title, recipe)


def _sample(timeline: Sequence[Interaction], target: int, recipe: Recipe) -> Sample:
    one = timeline[target]
    prompt = _prompt(timeline[max(0, target - recipe.history) : target], one.title, recipe)
    return Sample(one.order_key, prompt, one.value > Decimal(recipe.like_above))


def _prompt(history: Sequence[Interaction], title: str, recipe: Recipe) -> str:
    bar = Decimal(recipe.like_above)
    return prompts.render(
        recipe.template,
        liked=[one.title for one in history if one.value > bar],
        disliked=[one.title for one in history if one.value <= bar],
        target=title,
    )
