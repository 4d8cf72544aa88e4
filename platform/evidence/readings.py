"""Facts for attestations, read from rows and from entries of the log that have their place."""

from uuid import UUID

from django.conf import settings
from django.db.models import Model

from evidence import entries, identity
from evidence.entries import NotPlaced, Placed, of_event, of_target
from evidence.facts import (
    AdapterFacts,
    Code,
    CommittedSet,
    DestructionFacts,
    File,
    Member,
    Parent,
    Place,
    ReleaseFacts,
    Source,
    TrainingSet,
)
from evidence.models import Attestation
from ledger import log
from ledger.kinds import Kind
from registry.models import AdapterVersion, CacheSet, Release
from registry.services import live


def place_of(entry: Placed) -> Place:
    """An entry, as statements name it."""
    return Place(log=settings.EXPUNGE_ORIGIN, index=entry.index)


def name_of(shard: int, slice_: int) -> str:
    """How sets and files of one slice are called."""
    return f"shard-{shard:02}/slice-{slice_}"


def only(target: Model | str, kind: Kind) -> Placed:
    """The entry of this kind about a thing.

    Of several the newest: a restored database erases again, and gives a release the number of one
    that it lost, while the log has both.

    Raises:
        NotPlaced: there is none yet.
    """
    found = of_target(target, kind)
    if not found:
        raise NotPlaced(f"{kind} has no place in the log yet")
    return found[-1]


def announced(target: str) -> Placed:
    """Where the log first says whose key this is: two processes that begin at once both say it.

    Raises:
        NotPlaced: it does not yet.
    """
    found = of_target(target, Kind.KEY_ANNOUNCED)
    if not found:
        raise NotPlaced("the attestor's key has no place in the log yet")
    return found[0]


def cache_after(entry: Placed) -> CacheSet | None:
    """The newest set of the cached states, if its event comes after an entry; else None.

    By position, which is what a stranger can check: times are only said.
    """
    found = entries.of_target("registry.TrunkState", Kind.TRUNK_CACHE_COMMITTED, after=entry.index)
    return CacheSet.objects.get(event=found[-1].event.event_id) if found else None


def adapter(made: AdapterVersion) -> AdapterFacts:
    """How an adapter was made.

    Raises:
        NotPlaced: an event of it waits for its place.
    """
    committed = of_event(made.set_event)
    trained = only(made, Kind.ADAPTER_TRAINED)
    said = committed.event.facts
    recipe, parent = made.recipe, made.parent
    here = name_of(made.shard, made.slice)
    environment = made.named["environment"]
    return AdapterFacts(
        files=(File(name=f"{here}/adapter.safetensors", sha256=made.digest),),
        shard=made.shard,
        slice=made.slice,
        seed=recipe.plain.seed,
        training_set=TrainingSet(
            origin=f"{settings.EXPUNGE_ORIGIN}/ds/{here}",
            epoch=made.epoch,
            head=committed.digest,
            records=CommittedSet(root=said["root"], count=int(said["count"])),
            place=place_of(committed),
        ),
        base=Source(uri=f"urn:expunge:base:{recipe.base_digest}", sha256=recipe.base_digest),
        recipe=Source(uri=f"urn:expunge:recipe:{recipe.digest}", sha256=recipe.digest),
        code=Code(uri="urn:expunge:mlcore", sha256=said["code"]),
        builder=identity.name(),
        run=UUID(trained.event.facts["run"]).urn,
        started_at=made.started_at or made.trained_at,
        finished_at=made.trained_at,
        parent=Parent(uri=parent.pk.urn, sha256=parent.digest, epoch=parent.epoch)
        if parent
        else None,
        environment=environment,
        versions={name: environment[name] for name in ("torch", "transformers")},
    )


def release(switched: Release, cache: CacheSet) -> ReleaseFacts:
    """What serves since a switch.

    Args:
        cache: the set of the cached states, committed after the switch.

    Raises:
        NotPlaced: an event of it waits for its place, or an adapter is not attested yet.
    """
    entry = only(switched, Kind.RELEASE_SWITCHED)
    held = of_event(cache.event).event.facts
    said = entry.event.facts
    return ReleaseFacts(
        release=switched.pk,
        replaces=int(said["before"]) if said["before"] else None,
        kind=switched.kind,
        recipe=switched.recipe.digest,
        shards=int(said["shards"]),
        members=tuple(
            Member(
                shard=member.shard,
                slice=member.adapter.slice,
                epoch=member.adapter.epoch,
                weights=member.adapter.digest,
                provenance=envelope_of(member.adapter).digest,
            )
            for member in live.members(switched)
        ),
        index=switched.index_digest,
        panel=CommittedSet(root=said["panel"]["root"], count=int(said["panel"]["count"])),
        trunk_cache=CommittedSet(root=held["root"], count=int(held["count"])),
        switched_at=switched.switched_at,
        place=place_of(entry),
        issuer=identity.name(),
    )


def destruction(entry: Placed) -> DestructionFacts:
    """What an event says was destroyed."""
    facts = entry.event.facts
    files = [
        File(name=f"adapter-{number}", sha256=digest)
        for number, digest in enumerate(facts.get("adapters", []))
    ]
    if "ids_sha256" in facts:
        files.append(File(name="trunk-states", sha256=facts["ids_sha256"]))
    return DestructionFacts(
        files=tuple(files),
        request=UUID(facts["request"]) if facts["why"] == "erased" else None,
        trunk_states=int(facts.get("trunk_states", "0")),
        panel_rows=0,
        destroyed_at=entry.event.at,
        place=place_of(entry),
        issuer=identity.name(),
    )


def envelope_of(made: AdapterVersion) -> Attestation:
    """The attestation of an adapter.

    Raises:
        NotPlaced: it is not attested yet.
    """
    found = Attestation.objects.filter(
        kind=Attestation.Kind.ADAPTER, about=log.name_of(made)
    ).first()
    if found is None:
        raise NotPlaced(f"{made} is not attested yet")
    return found
