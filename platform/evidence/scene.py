"""Everything that a certificate rests on, gathered once and checked as it is gathered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from erasure import verification
from erasure.models import DeletionRequest
from erasure.states import State
from evidence import cut_over, entries, exported, readings
from evidence.entries import Placed
from evidence.models import Attestation
from ledger.kinds import Kind
from registry import records
from registry.models import AdapterVersion, CacheSet, Release
from verifier import statements
from verifier.sets import CommittedSet


class CannotCertify(Exception):
    """There is nothing to certify yet, or what is there would not be a proof."""


class StaleCache(CannotCertify):
    """What is cached has to be committed again: it was not since, or with the person in it."""


@dataclass(frozen=True)
class Named:
    """A committed set, what a certificate calls it, and the entry that commits to it."""

    name: str
    entry: Placed
    held: CommittedSet


@dataclass(frozen=True)
class Scene:
    """What there is to say about one request, all of it with its place in the log.

    Args:
        chain: the adapters behind what serves.
        old: every adapter of the weights that were destroyed, made before that: to be counted.
    """

    request: DeletionRequest
    keys: list[bytes]
    applied: Placed
    key_destroyed: Placed
    verified: Placed
    release: Release | None
    switched: Placed | None
    chain: list[AdapterVersion]
    old: list[AdapterVersion]
    sets: list[Named]
    before: list[Named]
    destroyed: list[Placed]
    replays: list[Attestation]
    exported: list[Placed]
    scorers: list[str]
    acknowledged: list[Placed]


def gather(request: DeletionRequest, *, at: datetime) -> Scene:
    """Read what is stored and logged of a completed request and of what serves now.

    Args:
        at: of the certificate: what a clock that runs ahead says of later is left out.

    Raises:
        StaleCache: the cached states are to be committed, and then it may be tried again.
        CannotCertify: the request is not completed, or a record of it is in what is live.
        evidence.cut_over.StillAnswers: a scorer may answer from what was live before.
        evidence.entries.NotPlaced: something waits for its place in the log.
    """
    if request.state != State.COMPLETED:
        raise CannotCertify(f"{request} is not completed yet, so there is nothing to certify")
    keys = sorted(bytes(key) for key in request.records.values_list("key", flat=True))
    applied = readings.only(request, Kind.ERASURE_APPLIED)
    release = Release.objects.select_related("recipe").filter(is_live=True).first()
    if release is not None and release.kind != Release.Kind.FULL:
        raise CannotCertify(f"{request}: a fallback serves; once it is retrained, ask again")
    switched = readings.only(release, Kind.RELEASE_SWITCHED) if release else None
    chain = sorted(
        verification.live_chain(release) if release else [], key=lambda a: (a.shard, a.slice)
    )
    since = max((each for each in (applied, switched) if each), key=lambda each: each.index)
    cache = readings.cache_after(since)
    if cache is None:
        raise StaleCache(f"{request}: the cached states are not committed since the erasure")
    *sets, cached = _live_sets(release, switched, chain, cache)
    for each in sets:
        if _held(each, keys):
            raise CannotCertify(f"{request}: a record of it is in the set of {each.name}")
    if _held(cached, keys):
        raise StaleCache(f"{request}: a record of it is in the set of {cached.name}")
    destroyed = _destroyed(request)
    verified = entries.of_target(request, Kind.VERIFICATION_DONE)
    if not verified:
        raise entries.NotPlaced("the verification has no place in the log yet")
    old = _of_destroyed_weights(destroyed)
    return Scene(
        request=request,
        keys=keys,
        applied=applied,
        key_destroyed=readings.only(request, Kind.SUBJECT_KEY_DESTROYED),
        verified=verified[-1],
        release=release,
        switched=switched,
        chain=chain,
        old=old,
        sets=[*sets, cached],
        before=[
            each
            for each in [*map(of_adapter, old), *_others_before(request, applied)]
            if _held(each, keys)
        ],
        destroyed=destroyed,
        replays=_replays(chain),
        exported=exported.holding(keys, before=applied),
        scorers=release.scorers if release else [],
        acknowledged=cut_over.told(release, switched, at=at) if release and switched else [],
    )


def _held(named: Named, keys: Iterable[bytes]) -> bool:
    return any(key in named.held for key in keys)


def of_adapter(made: AdapterVersion) -> Named:
    """The set of what one slice was trained on."""
    name = readings.name_of(made.shard, made.slice)
    return Named(name, entries.of_event(made.set_event), records.stored(made.records))


def _of_panel(release: Release, switched: Placed) -> Named:
    assert release.panel_records is not None
    return Named("panel", switched, records.stored(release.panel_records))


def _of_cache(cache: CacheSet) -> Named:
    return Named("trunk-cache", entries.of_event(cache.event), records.stored(cache.records))


def _live_sets(
    release: Release | None,
    switched: Placed | None,
    chain: list[AdapterVersion],
    cache: CacheSet,
) -> list[Named]:
    """Of every adapter, of the panel, and last of the cache."""
    panel = [_of_panel(release, switched)] if release and switched else []
    return [*map(of_adapter, chain), *panel, _of_cache(cache)]


def _destroyed(request: DeletionRequest) -> list[Placed]:
    """What the erasure destroyed, each before it; of one that was applied again, what that did."""
    *earlier, applied = entries.of_target(request, Kind.ERASURE_APPLIED)
    since = earlier[-1].index if earlier else -1
    found = entries.of_target("registry.Store", Kind.ARTEFACTS_DESTROYED, after=since)
    return [
        each
        for each in found
        if each.index < applied.index and each.event.facts.get("request") == str(request.pk)
    ]


def _of_destroyed_weights(destroyed: list[Placed]) -> list[AdapterVersion]:
    """The adapters of the weights that an erasure destroyed, as far as made before it.

    Without a sample an adapter has the weights of the one before it, which may serve on.
    """
    digests = [digest for each in destroyed for digest in each.event.facts.get("adapters", [])]
    old = AdapterVersion.objects.filter(digest__in=digests).exclude(set_event=None)
    since = max((each.index for each in destroyed), default=-1)
    return [
        made
        for made in old.order_by("shard", "slice", "epoch")
        if readings.only(made, Kind.ADAPTER_TRAINED).index < since
    ]


def _others_before(request: DeletionRequest, applied: Placed) -> list[Named]:
    """The other sets that may have held the person: the panel's and the cache's of then."""
    found: list[Named] = []
    if request.fallback is not None:
        switched = readings.only(request.fallback, Kind.RELEASE_SWITCHED)
        was = Release.objects.filter(pk=int(switched.event.facts["before"] or 0)).first()
        if was is not None and was.panel_records is not None:
            found.append(_of_panel(was, readings.only(was, Kind.RELEASE_SWITCHED)))
    caches = entries.of_target("registry.TrunkState", Kind.TRUNK_CACHE_COMMITTED)
    earlier = [each.event.event_id for each in caches if each.index < applied.index]
    # A restored database has lost what the log still tells of, so it need not have the last one.
    known = {each.event: each for each in CacheSet.objects.filter(event__in=earlier)}
    if held := [known[event] for event in earlier if event in known]:
        found.append(_of_cache(held[-1]))
    return found


def _replays(chain: list[AdapterVersion]) -> list[Attestation]:
    """The replays that found all four properties, of adapters that serve."""
    serving = {made.digest for made in chain}
    found = []
    for each in Attestation.objects.filter(kind=Attestation.Kind.REPLAY).order_by("made_at"):
        statement = each.statement
        is_whole = statement.predicate["properties"] == list(statements.PROPERTIES)
        if is_whole and set(statement.subject.values()) & serving:
            found.append(each)
    return found
