"""Putting a release live: one row in one transaction, and the end of the one before it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import connection, transaction

from corpus import commitments
from ledger import log
from ledger.kinds import Kind
from mlcore import determinism, index_file, manifest
from registry import records, storage
from registry.models import (
    AdapterVersion,
    Artefact,
    FormerMembership,
    PanelError,
    PanelRow,
    Recipe,
    Release,
    ReleaseAdapter,
    Scorer,
    Slice,
    TrainingRun,
)
from registry.services import live, places, runs
from registry.services.runs import LeaseLost
from verifier import merkle

AT_ONCE = 500


class MixedEnvironments(Exception):
    """Adapters, or they and the index, were made by different code or on different machines.

    No twin would end with the same bits, so they do not serve together: `train --anew` makes all
    of them again.
    """


@transaction.atomic(durable=True)
def put_live(*, run: TrainingRun, worker: UUID, panel: Sequence[UUID], at: datetime) -> Release:
    """Put the full release of a recipe live, if every adapter still is of the data as it is now.

    Args:
        panel: the subjects of the validation panel, by rank. Each has a row, and the row an
            error for every adapter of the release.

    Raises:
        LeaseLost: the data changed while the index was computed; nothing is switched.
        MixedEnvironments: some adapters are of another code version or machine than the others,
            or than this process, which has computed the index.
    """
    recipe = run.recipe
    # Of every recipe, in lock order: superseding another recipe's adapters raises its epochs.
    slices = Slice.objects.select_for_update().order_by("recipe", "shard", "slice")
    epoch = sum(row.epoch for row in slices if row.recipe_id == recipe.pk)
    if epoch != run.epoch or runs.stale_slices(recipe):
        raise LeaseLost(f"{run}: the data changed")
    _refuse_mixture(recipe)
    take_turns()
    runs.end(run=run, worker=worker, at=at)
    last = recipe.plain.slices - 1
    chosen = {
        adapter.shard: adapter
        for adapter in runs.fresh_adapters(recipe).filter(slice=last)
        if adapter.cumulative_samples  # a shard that nobody trained has nothing to say
    }
    release = switch(
        recipe=recipe,
        kind=Release.Kind.FULL,
        adapters=chosen,
        panel=panel,
        actor=f"worker:{worker}",
        at=at,
    )
    _destroy_superseded(recipe, actor=f"worker:{worker}", at=at)
    return release


def _refuse_mixture(recipe: Recipe) -> None:
    made_in = {
        manifest.digest(adapter.named["environment"]) for adapter in runs.fresh_adapters(recipe)
    }
    made_in.add(manifest.digest(determinism.environment()))
    if len(made_in) > 1:
        raise MixedEnvironments(f"{recipe}: adapters and index of {len(made_in)} environments")


def take_turns() -> None:
    """Wait until nobody else is changing what serves; whoever comes next then sees the change.

    Locking the live release would not do: who waited for it would find that it no longer is. It
    is taken after the locks on slices, and before panel rows are deleted: two erasures delete
    each other's errors, by person and by adapter.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('registry.release'))")


def switch(
    *,
    recipe: Recipe,
    kind: Release.Kind,
    adapters: Mapping[int, AdapterVersion],
    panel: Sequence[UUID] | None,
    actor: str,
    at: datetime,
) -> Release:
    """Make a release of these adapters and put it live, inside the caller's transaction.

    The caller has called `take_turns` before it chose the adapters.

    The release before it stops serving in the same transaction, and its index, which holds rows
    of people, is destroyed.
    """
    shards = sorted(adapters)
    people, embeddings, errors = _panel_rows(recipe, [adapters[s] for s in shards], panel)
    index = index_file.pack(shards, embeddings, errors)
    seen = records.committed(commitments.record_keys(people))
    index_digest = sha256(index).hexdigest()
    digests = {shard: adapters[shard].digest for shard in shards}
    live_digest = live.digest_of(recipe=recipe, adapters=digests, index=index_digest)
    before = Release.objects.select_for_update().filter(is_live=True).first()
    if before is not None:
        Release.objects.filter(pk=before.pk).update(is_live=False, replaced_at=at)
        storage.destroy([before.index_id], at=at)
    scorers = _scorers()
    release = Release.objects.create(
        recipe=recipe,
        kind=kind,
        index=storage.put(Artefact.Kind.INDEX, index, at=at),
        index_digest=index_digest,
        epochs=live.epochs(recipe),
        live_digest=live_digest,
        panel_rows=index_file.row_count(index),
        panel_records=storage.put(Artefact.Kind.RECORDS, seen.encode(), at=at),
        scorers=[str(scorer) for scorer in scorers],
        switched_at=at,
    )
    ReleaseAdapter.objects.bulk_create(
        ReleaseAdapter(release=release, shard=shard, adapter=adapters[shard]) for shard in shards
    )
    facts = {
        "kind": kind.value,
        "before": str(before.pk) if before else "",
        "recipe": recipe.digest,
        "shards": str(recipe.plain.shards),
        "panel": {"root": seen.root.hex(), "count": str(len(seen))},
        "adapters": {str(shard): digest for shard, digest in digests.items()},
        "index": index_digest,
        "live": live_digest,
        "scorers": {
            "root": merkle.root_over(scorer.bytes for scorer in scorers).hex(),
            "count": str(len(scorers)),
        },
    }
    log.append(Kind.RELEASE_SWITCHED, actor=actor, on=release, at=at, facts=facts)
    return release


def _scorers() -> list[UUID]:
    """The scorers that may still answer, which `services.scorers` keeps.

    Locked, so that whoever retires one meanwhile is logged after the switch that names it.
    """
    return [row.pk for row in Scorer.objects.select_for_update().order_by("pk")]


def _panel_rows(
    recipe: Recipe, adapters: Sequence[AdapterVersion], panel: Sequence[UUID] | None
) -> tuple[list[UUID], list[bytes], list[list[float]]]:
    """The panel by rank, with embeddings and errors: these people, or all who have a row.

    A row counts only if every adapter has an error on it.
    """
    rows = PanelRow.objects.filter(recipe=recipe).order_by("subject__rank")
    if panel is not None:
        rows = rows.filter(subject__in=panel)
    errors: dict[int, dict[UUID, float]] = {}
    found = PanelError.objects.filter(row__in=rows, adapter__in=adapters)
    for row_id, adapter_id, error in found.values_list("row", "adapter", "error"):
        errors.setdefault(row_id, {})[adapter_id] = error
    complete = [row for row in rows if len(errors.get(row.pk, {})) == len(adapters)]
    if panel is not None and len(complete) != len(panel):
        raise LeaseLost("the panel changed while its errors were computed")
    return (
        [row.subject_id for row in complete],
        [bytes(row.embedding) for row in complete],
        [[errors[row.pk][a.pk] for a in adapters] if adapters else [] for row in complete],
    )


def destroy_adapters(adapters: Sequence[AdapterVersion], *, at: datetime) -> int:
    """Forget the keys of these adapters' weights, and what was measured of them."""
    PanelError.objects.filter(adapter__in=adapters).delete()
    return storage.destroy([adapter.weights_id for adapter in adapters], at=at)


def log_destroyed(
    adapters: Sequence[AdapterVersion], *, why: Mapping[str, str], actor: str, at: datetime
) -> None:
    """Log whose keys are forgotten, in as many events as it takes: an entry holds 65,535 octets."""
    for start in range(0, len(adapters), AT_ONCE):
        digests = [adapter.digest for adapter in adapters[start : start + AT_ONCE]]
        facts = {"adapters": digests, **why}
        log.append(Kind.ARTEFACTS_DESTROYED, actor=actor, on="registry.Store", at=at, facts=facts)


def _destroy_superseded(recipe: Recipe, *, actor: str, at: datetime) -> None:
    """Destroy every adapter that is of older data or of another recipe: it never serves again.

    The slices of other recipes get a new epoch, so that going back to one trains it again.
    """
    kept = runs.fresh_adapters(recipe).values("pk")
    old = AdapterVersion.objects.filter(weights__destroyed_at=None).exclude(pk__in=kept)
    if doomed := list(old.select_for_update(of=("self",), no_key=True).order_by("pk")):
        destroy_adapters(doomed, at=at)
        others = {(a.recipe_id, a.shard, a.slice) for a in doomed if a.recipe_id != recipe.pk}
        places.raise_epochs(others, actor=actor, at=at)
        log_destroyed(doomed, why={"why": "superseded"}, actor=actor, at=at)
    # What can still be read is fresh, so it saw nobody who had moved away.
    FormerMembership.objects.all().delete()
