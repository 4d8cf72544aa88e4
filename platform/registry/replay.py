"""Training a live shard again from what its manifests name, to see that the bits come out again."""

from dataclasses import dataclass
from hashlib import sha256

from mlcore import adapters, determinism
from registry import samples, states, storage, training
from registry.bench import bench_of
from registry.models import AdapterVersion
from registry.services import live
from registry.states import Progress
from registry.training import Work


class NotLive(LookupError):
    """The shard is not in the live release."""


@dataclass(frozen=True)
class Replayed:
    """One slice, trained again."""

    slice: int
    recorded: str
    replayed: str
    records_match: bool
    samples: int

    @property
    def is_identical(self) -> bool:
        """Whether the same rows gave the same bits."""
        return self.recorded == self.replayed and self.records_match


@dataclass(frozen=True)
class Replay:
    """A shard, trained again from slice 0, and whether this is the machine it was trained on."""

    shard: int
    slices: list[Replayed]
    same_environment: bool
    is_as_logged: bool

    @property
    def is_identical(self) -> bool:
        """Whether every slice came out bit for bit, and what serves is what was logged."""
        return self.is_as_logged and bool(self.slices) and all(s.is_identical for s in self.slices)


def replay(*, shard: int, progress: Progress) -> Replay:
    """Retrain a shard of the live release from the base, slice by slice.

    What is compared are the bytes in the store, not what a row says of them. Takes nothing from
    the adapter that serves but its manifest: the rows are read again, the
    trunk states are computed again, not taken from the cache, and each slice starts from the
    replayed one before it.

    Raises:
        NotLive: the shard is not in the live release.
    """
    release = live.release()
    member = live.members(release).filter(shard=shard).first()
    if member is None:
        raise NotLive(f"shard {shard} is not in the live release")
    bench = bench_of(release.recipe)
    chain = _chain(member.adapter)
    results, b = [], None
    for version in chain:
        with samples.snapshot():
            data = samples.of_slice(release.recipe, shard=shard, slice_=version.slice)
        trunks = states.compute(bench.base, release.recipe, data.samples, progress=progress)
        b = training.train(
            bench,
            shard=shard,
            slice_=version.slice,
            start=b,
            work=Work(data=data, parent=None),
            trunk=trunks,
            progress=progress,
        )
        results.append(
            Replayed(
                slice=version.slice,
                recorded=sha256(storage.get(version.weights)).hexdigest(),
                replayed=adapters.digest(adapters.to_bytes(bench.a, b)),
                records_match=version.named["records"]["root"] == data.records.root.hex(),
                samples=len(data.samples),
            )
        )
    here = determinism.environment()
    made = member.adapter.named["environment"]
    return Replay(
        shard=shard,
        slices=results,
        same_environment=here == made,
        is_as_logged=live.is_as_logged(release),
    )


def _chain(adapter: AdapterVersion) -> list[AdapterVersion]:
    """The adapter and all that it was trained from, oldest first."""
    chain: list[AdapterVersion] = []
    version: AdapterVersion | None = adapter
    while version is not None:
        chain.insert(0, version)
        version = version.parent
    return chain
