"""Building a release: the panel's embeddings, and every adapter's error on every panel row."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from torch import Tensor

from corpus.models import Subject
from mlcore import adapters, aggregation, trunk
from mlcore.lora import top_of
from registry import samples, states, storage
from registry.bench import Bench
from registry.models import AdapterVersion, PanelError, PanelRow, Slice
from registry.samples import Owned, Place
from registry.services import runs
from registry.services.runs import LeaseLost
from registry.states import Progress


def build(
    bench: Bench,
    *,
    epoch: int,
    progress: Progress,
    clock: Callable[[], datetime] = timezone.now,
) -> list[UUID]:
    """Make the panel complete: a row for each of its people, an error for each fresh adapter.

    Every slice's adapter gets its errors, not only the last: an erasure steps back to one of the
    others in an instant, and its column must be there. What is known already is not computed
    again; a row and an error depend on nothing else.

    Returns:
        The panel's people, by rank.

    Raises:
        LeaseLost: the data changed meanwhile.
    """
    recipe = bench.recipe
    with samples.snapshot():
        panel = samples.panel(recipe)
        epochs = samples.epochs(recipe)
    if sum(epochs.values()) != epoch:
        raise LeaseLost("the release: the data changed")
    trunks = states.load(bench.base, recipe, panel, epochs=epochs, clock=clock, progress=progress)
    _write_rows(bench, panel, trunks, epochs)
    rows = {
        row.subject_id: row
        for row in PanelRow.objects.filter(recipe=recipe, subject__in=[p.subject for p in panel])
    }
    if len(rows) != len(panel):
        raise LeaseLost("the release: a person of the panel was erased")
    fresh = list(
        runs.fresh_adapters(recipe)
        .filter(cumulative_samples__gt=0)
        .select_related("weights")
        .order_by("shard", "slice")
    )
    known = set(PanelError.objects.filter(adapter__in=fresh).values_list("row", "adapter"))
    missing = {
        adapter: [
            (rows[each.subject].pk, state, each.sample.label)
            for each, state in zip(panel, trunks, strict=True)
            if (rows[each.subject].pk, adapter.pk) not in known
        ]
        for adapter in fresh
    }
    _measure(bench, missing, progress)
    return [each.subject for each in panel]


@transaction.atomic(durable=True)
def _write_rows(
    bench: Bench, panel: list[Owned], trunks: list[Tensor], epochs: Mapping[Place, int]
) -> None:
    """Keep the rows of exactly these people, unless somebody's data changed since the snapshot."""
    recipe = bench.recipe
    subjects = [each.subject for each in panel]
    locked = Subject.objects.select_for_update(no_key=True).filter(pk__in=subjects).order_by("pk")
    found = len(locked)
    slices = Slice.objects.select_for_update().filter(recipe=recipe).order_by("shard", "slice")
    if found != len(panel) or any(row.epoch != epochs[row.shard, row.slice] for row in slices):
        raise LeaseLost("the release: the data changed")
    PanelRow.objects.filter(recipe=recipe).exclude(subject__in=subjects).delete()
    # The label too: the same prompt may ask about an item that was rated again, differently.
    rows = PanelRow.objects.filter(recipe=recipe).values_list("subject", "key", "label")
    there = {subject: (key, label) for subject, key, label in rows}
    fresh = []
    for each, state in zip(panel, trunks, strict=True):
        key = states.key_of(bench.base, recipe, each.sample.prompt)
        if there.get(each.subject) == (key, each.sample.label):
            continue
        PanelRow.objects.filter(recipe=recipe, subject=each.subject).delete()
        embedding = trunk.embed(state).cpu().numpy().astype("<f4").tobytes()
        fresh.append(
            PanelRow(
                recipe=recipe,
                subject_id=each.subject,
                key=key,
                label=each.sample.label,
                embedding=embedding,
            )
        )
    PanelRow.objects.bulk_create(fresh)


def _measure(
    bench: Bench,
    missing: Mapping[AdapterVersion, list[tuple[int, Tensor, bool]]],
    progress: Progress,
) -> None:
    """Compute the errors that are not known yet, one sample at a time, adapter by adapter."""
    top = top_of(bench.base, bench.plain)
    total = sum(len(rows) for rows in missing.values())
    errors: list[PanelError] = []
    for adapter, rows in missing.items():
        if not rows:
            continue
        _, b = adapters.from_bytes(storage.get(adapter.weights))
        for row, state, label in rows:
            error = aggregation.panel_error(top, bench.a, b, state, label)
            errors.append(PanelError(row_id=row, adapter=adapter, error=error))
            progress("panel", len(errors), total)
    with transaction.atomic(durable=True):
        # The adapters first, then the rows, as an erasure does: nobody waits in a circle. One that
        # was destroyed meanwhile keeps nothing.
        used = {error.adapter_id for error in errors}
        readable = AdapterVersion.objects.select_for_update(of=("self",), no_key=True).filter(
            pk__in=used, weights__destroyed_at=None
        )
        if len(readable.order_by("pk")) != len(used):
            raise LeaseLost("the release: an adapter was destroyed")
        # Locked, so that an erasure either finds these errors to delete or was here before them.
        wanted = {error.row_id for error in errors}
        alive = PanelRow.objects.select_for_update(no_key=True).filter(pk__in=wanted)
        if len(alive.order_by("pk")) != len(wanted):
            raise LeaseLost("the release: a person of the panel was erased")
        PanelError.objects.bulk_create(errors, ignore_conflicts=True, batch_size=2000)
