"""Train everything, erase at once, and restore exactly what the erasure made stale."""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from torch import Tensor

from mlcore import aggregation, manifest, trunk
from mlcore.anchors import Anchors
from mlcore.base_model import Base
from mlcore.ensemble import panel
from mlcore.ensemble.chain import Chain
from mlcore.ensemble.checkpoints import Checkpoint
from mlcore.ensemble.people import (
    NotHere,
    Person,
    Place,
    Progress,
    Register,
    nobody,
    quiet,
    without,
)
from mlcore.lora import Weights, common_a, top_of
from mlcore.recipe import BadRecipe, Recipe
from mlcore.samples import Interaction, Sample
from mlcore.scoring import Scorer

States = Callable[[str], Tensor]


@dataclass(frozen=True)
class Fallback:
    """What an erasure left: the slices to train anew, and the shards without an adapter."""

    slices: tuple[Place, ...]
    silent: tuple[int, ...]


@dataclass(frozen=True)
class Restored:
    """What a restoration did. A slice is counted once, and so is each of its samples."""

    slices: tuple[Place, ...]
    samples: int  # training rows of these slices
    steps: int  # optimiser steps
    states: int  # trunk states that were computed
    errors: int  # panel errors that were computed
    seconds: Mapping[str, float]  # by phase: trunk, training, panel, fallbacks


class Ensemble:
    """The engine. Once restored, all of it is a function of the people it holds.

    Args:
        key: decides shards, slices and the panel. Interactions bring their own order keys.
        anchors: those that a semantic recipe names.
        is_late: whether a subject is a likely leaver, where the recipe has late slices.

    Raises:
        BadRecipe: if the anchors are not those that the recipe names.
    """

    def __init__(
        self,
        base: Base,
        recipe: Recipe,
        *,
        key: bytes,
        anchors: Anchors | None = None,
        is_late: Callable[[str], bool] = nobody,
    ) -> None:
        if recipe.anchors != (anchors.digest if anchors else ""):
            raise BadRecipe("anchors must be the digest of the anchors that are given.")
        self.base = base
        self.recipe = recipe
        self._register = Register(recipe, key=key, anchors=anchors, is_late=is_late)
        self._chain = Chain(base, recipe, common_a(base, recipe))
        self._top = top_of(base, recipe)
        self._people: dict[str, Person] = {}
        self._checkpoints: dict[Place, Checkpoint] = {}
        self._stale: dict[int, int] = {}  # shard to its first slice that is to be trained anew

    def fit(
        self,
        people: Mapping[str, Sequence[Interaction]],
        *,
        states: States | None = None,
        kept: Path | None = None,
        progress: Progress = quiet,
    ) -> Restored:
        """Forget everyone, and train all shards and slices on these people.

        Args:
            states: trunk states by prompt, where someone keeps them. Without it, and for
                whatever comes later, they are computed.
            kept: a folder of trained slices, named by all that they consumed: those that are
                there are read, the others are trained and put there.

        Raises:
            BadRecipe: if there are more shards than people.
            LossNotFinite: with everything held before still held.
        """
        if len(people) < self.recipe.shards:
            raise BadRecipe(
                f"shards is {self.recipe.shards}, but there are only {len(people)} people."
            )
        before = self._people, self._checkpoints, self._stale
        self._people, self._checkpoints = {}, {}
        self._stale = dict.fromkeys(range(self.recipe.shards), 0)
        try:
            self.add(people)
            return self._restore(states or self._state, kept, progress, perf_counter)
        except BaseException:
            self._people, self._checkpoints, self._stale = before
            raise

    def add(self, people: Mapping[str, Sequence[Interaction]]) -> None:
        """Take in more people, or more interactions of some; ``restore`` trains them.

        What serves goes on serving: there is nothing that it must forget.
        """
        for subject, interactions in people.items():
            held = self._people[subject].interactions if subject in self._people else ()
            self._change(subject, (*held, *interactions), is_erasure=False)

    def erase(self, gone: Mapping[str, Collection[bytes] | None]) -> Fallback:
        """Erase people (None) or some of their interactions (order keys) from all that is held.

        Their rows, trunk states and panel errors go, and every checkpoint that learnt from what
        goes or changes. Those shards serve their last checkpoint that did not, or nothing.
        Nothing is computed, so it takes no time.

        Raises:
            NotHere: for a person or an interaction that is not held, with nothing erased.
        """
        if not gone.keys() <= self._people.keys():
            raise NotHere("a person who is to be erased is not held")
        left = {subject: without(self._people[subject], keys) for subject, keys in gone.items()}
        for subject, interactions in left.items():
            self._change(subject, interactions, is_erasure=True)
        pending = self._pending()
        silent = {shard for shard, _ in pending} - self._serving().keys()
        return Fallback(pending, tuple(sorted(silent)))

    def restore(
        self, *, progress: Progress = quiet, clock: Callable[[], float] = perf_counter
    ) -> Restored:
        """Train the stale slices, each once, and compute the panel errors that are missing.

        Args:
            clock: in seconds; decides nothing but ``Restored.seconds``.

        Raises:
            LossNotFinite: with what served before still serving.
        """
        return self._restore(self._state, None, progress, clock)

    def adapters(self) -> dict[int, Weights]:
        """Shard to the B that serves, on the CPU; without the shards that have learnt nothing."""
        return {shard: one.b for shard, one in self._serving().items()}

    def scorer(self) -> Scorer:
        """What serves now, ready to score."""
        index = panel.index(self._serving(), self._panel(), self.base.hidden)
        return Scorer(
            self.base, self.recipe, a=self._chain.a, adapters=self.adapters(), index=index
        )

    def digest(self) -> str:
        """SHA-256, in hexadecimal, over the digests of the adapters that serve and the index."""
        index = panel.index(self._serving(), self._panel(), self.base.hidden)
        return manifest.digest(
            {
                "adapters": {str(shard): one.digest for shard, one in self._serving().items()},
                "index": aggregation.digest(index),
            }
        )

    def bytes_stored(self) -> dict[str, int]:
        """Bytes of the adapters that serve, of all checkpoints, of the index, of trunk states."""
        kept = {id(one): one.size for one in self._checkpoints.values()}
        index = panel.index(self._serving(), self._panel(), self.base.hidden)
        states = [state for one in self._people.values() for state in one.states.values()]
        return {
            "adapters": sum(one.size for one in self._serving().values()),
            "checkpoints": sum(kept.values()),
            "index": len(aggregation.to_bytes(index)),
            "states": sum(state.numel() * state.element_size() for state in states),
        }

    def fork(self) -> "Ensemble":
        """Another engine in the same state, which this one's erasures do not reach."""
        other = copy.copy(self)
        # By one deep copy a checkpoint that was passed on stays one object; tensors are shared.
        shared: dict[int, object] = {
            id(tensor): tensor for one in self._checkpoints.values() for tensor in one.b.values()
        }
        other._checkpoints = copy.deepcopy(self._checkpoints, shared)
        other._people = {name: person.fork() for name, person in self._people.items()}
        other._stale = dict(self._stale)
        return other

    def _change(
        self, subject: str, interactions: Sequence[Interaction], *, is_erasure: bool
    ) -> None:
        before = self._people.pop(subject, None)
        after = self._register.person(subject, interactions) if interactions else None
        if after:
            self._people[subject] = after
        if before and after:
            after.inherit(before)
        is_same = before is not None and after is not None and after.trains_as(before)
        if after and after.train and not is_same:
            self._make_stale(after.place, is_contaminated=False)
        if before and before.train and not is_same:
            self._make_stale(before.place, is_contaminated=is_erasure)
        if before and is_erasure:
            # What is still to be trained anew knows more than today's samples show.
            for place in before.seen:
                self._make_stale(place, is_contaminated=True)
        if before and before.validation and not (after and after.validation == before.validation):
            for checkpoint in self._checkpoints.values():
                checkpoint.errors.pop(before.validation, None)

    def _make_stale(self, place: Place, *, is_contaminated: bool) -> None:
        shard, slice_ = place
        self._stale[shard] = min(slice_, self._stale.get(shard, slice_))
        if is_contaminated:
            for later in range(slice_, self.recipe.slices):
                self._checkpoints.pop((shard, later), None)

    def _restore(
        self, states: States, kept: Path | None, progress: Progress, clock: Callable[[], float]
    ) -> Restored:
        seconds: dict[str, float] = {}

        @contextmanager
        def timed(phase: str) -> Iterator[None]:
            start = clock()
            yield
            seconds[phase] = clock() - start

        pending = self._pending()
        rows = [row for place in pending for row in self._rows(place)]
        with timed("trunk"):
            missing = [row for row in (*rows, *self._panel()) if not row[0].has_state(row[1])]
            for done, (person, sample) in enumerate(missing, start=1):
                person.states[sample.prompt] = states(sample.prompt)
                progress("states", done, len(missing))
        with timed("training"):
            fresh, steps = self._chain.train(
                self._stale, self._checkpoints, self._rows, kept=kept, progress=progress
            )
        on_panel, a = self._panel(), self._chain.a
        with timed("panel"):
            serving = _last(fresh).values()
            errors = panel.fill(serving, on_panel, self._top, a, progress)
        # What an erasure steps back to must be weighed in an instant, too.
        with timed("fallbacks"):
            errors += panel.fill(fresh.values(), on_panel, self._top, a, progress)
        self._checkpoints, self._stale = fresh, {}
        validates = {id(person): sample for person, sample in on_panel}
        for person in self._people.values():
            person.seen = frozenset()
            person.keep(validates.get(id(person)))
        return Restored(pending, len(rows), steps, len(missing), errors, seconds)

    def _rows(self, place: Place) -> list[tuple[Person, Sample]]:
        """The training samples of a place with their owners, by order key."""
        own = [person for person in self._people.values() if person.place == place]
        rows = [(person, sample) for person in own for sample in person.train]
        return sorted(rows, key=lambda row: row[1].order_key)

    def _panel(self) -> panel.Panel:
        return panel.chosen(self._people.values(), self.recipe.panel)

    def _pending(self) -> tuple[Place, ...]:
        """The stale places that have samples."""
        filled = {person.place for person in self._people.values() if person.train}
        slices = self.recipe.slices
        return tuple(sorted(p for p in filled if p[1] >= self._stale.get(p[0], slices)))

    def _serving(self) -> dict[int, Checkpoint]:
        return _last(self._checkpoints)

    def _state(self, prompt: str) -> Tensor:
        return trunk.state_of(self.base, self.recipe, prompt)


def _last(checkpoints: Mapping[Place, Checkpoint]) -> dict[int, Checkpoint]:
    """Shard to its last checkpoint, ascending; one that learnt nothing is not in the mix."""
    return {shard: checkpoints[shard, slice_] for shard, slice_ in sorted(checkpoints)}
