"""One row as the systems that are compared take it: a sample, whose it is, and what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mlcore import samples
from mlcore.recipe import Recipe
from mlcore.samples import Interaction, Sample


@dataclass(frozen=True)
class Row:
    """A sample with its owner, its closure and what the untuned model makes of its prompt.

    ``closure`` holds the order keys of every interaction that the prompt or the label came from,
    the target's among them. ``state`` ``(T, D)`` is ``trunk.state``'s; ``hidden`` ``(D,)``,
    float32, is the last position after the last block and the final norm, with no adapter.
    """

    subject: str
    item: str  # the target's
    sample: Sample
    closure: tuple[bytes, ...]
    state: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class Owned:
    """A row before any model has seen it."""

    subject: str
    item: str
    sample: Sample
    closure: tuple[bytes, ...]


@dataclass(frozen=True)
class OwnedSplit:
    """One subject's rows: trained on, validated on, tested on."""

    train: tuple[Owned, ...]
    validation: Owned | None
    test: Owned | None


def owned(subject: str, interactions: Sequence[Interaction], recipe: Recipe) -> OwnedSplit:
    """``samples.split`` of one subject, with the closure and the target's item of each sample."""
    split = samples.split(interactions, recipe)
    timeline = sorted(interactions, key=lambda one: (one.at, one.item, one.order_key))
    position = {one.order_key: i for i, one in enumerate(timeline)}

    def own(sample: Sample) -> Owned:
        target = position[sample.order_key]
        closure = timeline[max(0, target - recipe.history) : target + 1]
        keys = tuple(one.order_key for one in closure)
        return Owned(subject, timeline[target].item, sample, keys)

    return OwnedSplit(
        train=tuple(own(sample) for sample in split.train),
        validation=own(split.validation) if split.validation else None,
        test=own(split.test) if split.test else None,
    )
