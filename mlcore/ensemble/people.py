"""One person as the engine holds them: interactions, place, samples and trunk states."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from mlcore import partition, samples
from mlcore.anchors import Anchors
from mlcore.recipe import Recipe
from mlcore.samples import Interaction, Sample

Place = tuple[int, int]  # shard and slice
Interactions = tuple[Interaction, ...]


class NotHere(LookupError):
    """A person, or an interaction of theirs, that is to be erased is not held."""


@dataclass
class Person:
    """What goes when its subject goes.

    ``states`` are the trunk states of this person's prompts. ``seen`` are the places whose
    checkpoints may have learnt from what this person had before a change that is still to be
    trained: it is empty in a restored engine.
    """

    interactions: Interactions
    place: Place
    rank: bytes
    train: tuple[Sample, ...]
    validation: Sample | None
    states: dict[str, Tensor] = field(default_factory=dict)
    seen: frozenset[Place] = frozenset()

    def trains_as(self, other: "Person") -> bool:
        """Whether a checkpoint could not tell the two apart."""
        return (self.place, self.train) == (other.place, other.train)

    def has_state(self, sample: Sample) -> bool:
        """Whether the trunk state of this person's sample is held."""
        return sample.prompt in self.states

    def fork(self) -> "Person":
        """The same person, to be changed apart."""
        return replace(self, states=dict(self.states))

    def keep(self, validation: Sample | None) -> None:
        """Let go of every state but those of training samples, and of this one of the panel's.

        A sample that was trained on may be nobody's now, or validate outside the panel: its state
        would tell of what was there.
        """
        self.states = _of(self.states, (*self.train, validation))

    def inherit(self, before: "Person") -> None:
        """Keep what the same person had, as far as it is still of use, and nothing else."""
        self.states = _of(before.states, (*self.train, self.validation))
        self.seen = before.seen if self.trains_as(before) else before.seen | {before.place}


def _of(states: Mapping[str, Tensor], samples: Iterable[Sample | None]) -> dict[str, Tensor]:
    """The states of these samples' prompts alone."""
    prompts = {sample.prompt for sample in samples if sample}
    return {prompt: state for prompt, state in states.items() if prompt in prompts}


class Register:
    """Makes persons, each from their own interactions and public arguments alone.

    Args:
        is_late: whether a subject is a likely leaver, by a public attribute of theirs.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        key: bytes,
        anchors: Anchors | None,
        is_late: Callable[[str], bool],
    ) -> None:
        self._recipe = recipe
        self._key = key
        self._anchors = anchors
        self._is_late = is_late

    def person(self, subject: str, interactions: Iterable[Interaction]) -> Person:
        """A subject with these interactions, in any order."""
        held = tuple(sorted(interactions, key=lambda one: one.order_key))
        split = samples.split(held, self._recipe)
        place = partition.place(
            subject,
            [one.item for one in held],
            self._recipe,
            key=self._key,
            anchors=self._anchors,
            is_late=self._is_late(subject),
        )
        rank = partition.order_key(subject, b"panel", key=self._key)
        return Person(held, place, rank, split.train, split.validation)


def nobody(subject: str) -> bool:
    """No subject is a likely leaver."""
    return False


def without(person: Person, gone: Collection[bytes] | None) -> Interactions:
    """The interactions that an erasure of these order keys leaves; of None, all of them.

    Raises:
        NotHere: if one of the keys is of no interaction of theirs.
    """
    if gone is None:
        return ()
    erased = frozenset(gone)
    if not erased <= {one.order_key for one in person.interactions}:
        raise NotHere("an interaction that is to be erased is not this person's")
    return tuple(one for one in person.interactions if one.order_key not in erased)


# What is being done, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""
