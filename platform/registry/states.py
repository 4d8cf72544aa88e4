"""The cache of trunk states: computed one sample at a time, kept encrypted, purged with its person.

A state is a function of its own sample alone (exactness rule 7), so a cached one and a computed
one are the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from torch import Tensor

from corpus.models import Subject
from mlcore import determinism, manifest, trunk
from mlcore.base_model import Base
from registry import storage
from registry.models import Artefact, Recipe, Slice, TrunkState
from registry.samples import Owned, Place
from registry.services.runs import LeaseLost

# A commit costs some milliseconds, a state some hundred: enough at once that only states count.
STORE_AT_ONCE = 16

Progress = Callable[[str, int, int], None]


def key_of(base: Base, recipe: Recipe, prompt: str) -> str:
    """What a state depends on, as a digest."""
    plain = recipe.plain
    here = manifest.digest(determinism.environment())
    return trunk.state_key(
        base.digest,
        prompt,
        depth=plain.depth,
        dtype=plain.dtype,
        trunk_dtype=plain.trunk_dtype,
        environment=here,
    )


def load(
    base: Base,
    recipe: Recipe,
    owned: Sequence[Owned],
    *,
    epochs: Mapping[Place, int],
    clock: Callable[[], datetime],
    progress: Progress,
) -> list[Tensor]:
    """The state of every sample, in the order given; those that are new are cached.

    Args:
        epochs: of the slices that the samples' people train in, from the same snapshot.

    Raises:
        LeaseLost: somebody's data changed meanwhile; nothing of theirs is kept.
    """
    keys = [key_of(base, recipe, each.sample.prompt) for each in owned]
    cached = {
        (state.subject_id, state.key): state.artefact
        for state in TrunkState.objects.filter(
            subject__in={each.subject for each in owned}, key__in=keys
        ).select_related("artefact")
    }
    states: list[Tensor] = []
    fresh: list[tuple[Owned, str, bytes]] = []
    for count, (each, key) in enumerate(zip(owned, keys, strict=True), start=1):
        found = cached.get((each.subject, key))
        if found is not None:
            states.append(trunk.from_bytes(storage.get(found)))
        else:
            state = trunk.state_of(base, recipe.plain, each.sample.prompt)
            fresh.append((each, key, trunk.to_bytes(state)))
            states.append(state)
        if len(fresh) == STORE_AT_ONCE:
            _store(recipe, fresh, epochs, at=clock())
            fresh = []
        progress("trunk states", count, len(owned))
    _store(recipe, fresh, epochs, at=clock())
    return states


def compute(
    base: Base, recipe: Recipe, owned: Sequence[Owned], *, progress: Progress
) -> list[Tensor]:
    """The states anew, past the cache: what a replay trusts."""
    states = []
    for count, each in enumerate(owned, start=1):
        states.append(trunk.state_of(base, recipe.plain, each.sample.prompt))
        progress("trunk states", count, len(owned))
    return states


@transaction.atomic(durable=True)
def _store(
    recipe: Recipe,
    fresh: Sequence[tuple[Owned, str, bytes]],
    epochs: Mapping[Place, int],
    *,
    at: datetime,
) -> None:
    """Keep some states, if the data that they were computed from is still there.

    The people are locked, then the epochs read under a lock: an erasing transaction waits for
    this one and then finds the states to destroy, or goes first and is seen here.
    """
    subjects = {each.subject for each, _, _ in fresh}
    locked = Subject.objects.select_for_update(no_key=True).filter(pk__in=subjects)
    if len(locked.order_by("pk")) != len(subjects):
        raise LeaseLost("a person of this slice was erased")
    places = {each.place for each, _, _ in fresh}
    for row in (
        Slice.objects.select_for_update()
        .filter(recipe=recipe, shard__in={shard for shard, _ in places})
        .order_by("shard", "slice")
    ):
        if (row.shard, row.slice) in places and row.epoch != epochs[row.shard, row.slice]:
            raise LeaseLost(f"{row}: its data changed")
    kept = TrunkState.objects.filter(subject__in=subjects, key__in=[key for _, key, _ in fresh])
    there = set(kept.values_list("subject_id", "key"))
    for each, key, data in fresh:
        if (each.subject, key) not in there:
            there.add((each.subject, key))
            artefact = storage.put(Artefact.Kind.TRUNK, data, at=at)
            TrunkState.objects.create(subject_id=each.subject, key=key, artefact=artefact)
