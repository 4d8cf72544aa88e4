"""What trains at the moment: the slices that one request made stale, and the others beside them.

Everything is read from rows that the work writes anyway; nothing here is kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from console.tags import moment
from erasure.models import DeletionRequest
from erasure.states import State
from registry.models import AdapterVersion, Recipe, Slice, TrainingRun

Place = tuple[int, int]


@dataclass(frozen=True)
class Cell:
    """One slice in the table. ``share`` is how much of it is done, 0 to 1, as <progress> wants."""

    slice: int
    state: str
    share: str
    words: str


@dataclass(frozen=True)
class Row:
    """One shard of the table."""

    shard: int
    is_ours: bool
    note: str
    cells: list[Cell]


@dataclass(frozen=True)
class Work:
    """What trains at the moment. ``share`` is of our own shard's slices, in percent."""

    rows: list[Row]
    share: int
    release: TrainingRun | None

    @property
    def is_retrained(self) -> bool:
        """Whether every slice of our shard is fresh, and only the release is missing."""
        ours = [cell for row in self.rows if row.is_ours for cell in row.cells]
        return bool(ours) and all(cell.state in ("kept", "new") for cell in ours)

    @property
    def slices(self) -> list[int]:
        return [cell.slice for cell in self.rows[0].cells] if self.rows else []


def cell_of(
    place: Slice,
    adapter: AdapterVersion | None,
    run: TrainingRun | None,
    since: datetime | None,
) -> Cell:
    """One slice: kept, new since the erasure, running, waiting, or failed."""
    if adapter is not None:
        if since is None or adapter.trained_at < since:
            return Cell(place.slice, "kept", "1", "kept")
        return Cell(place.slice, "new", "1", f"done {moment(adapter.trained_at)}")
    if run is None or run.state == TrainingRun.State.WAITING:
        return Cell(place.slice, "waiting", "0", "waits")
    if run.state == TrainingRun.State.FAILED:
        return Cell(place.slice, "failed", "0", "failed")
    share = run.done / run.total if run.total else 0
    return Cell(place.slice, "running", f"{share:.2f}", f"{share:.0%}".replace("%", "\xa0%"))


def note_of(runs: list[TrainingRun]) -> str:
    """What to know about the runs of one shard."""
    for run in runs:
        if run.state == TrainingRun.State.RUNNING:
            again = f"attempt {run.attempt}; " if run.attempt > 1 else ""
            return f"{again}since {moment(run.started_at)}"
    if any(run.state == TrainingRun.State.FAILED for run in runs):
        return "failed; an engineer is needed"
    return "waits for a free worker" if runs else "waits"


def rows_of(recipe: Recipe, ours: int | None, since: datetime | None) -> Iterator[Row]:
    """The shards that retrain, and ours: first ours, then the others by number."""
    fresh = {
        (each.shard, each.slice, each.epoch): each
        for each in AdapterVersion.objects.filter(recipe=recipe).only(
            "shard", "slice", "epoch", "trained_at"
        )
    }
    places: dict[int, list[Slice]] = defaultdict(list)
    for place in Slice.objects.filter(recipe=recipe).order_by("shard", "slice"):
        places[place.shard].append(place)
    runs: dict[Place, TrainingRun] = {}
    tracked = (*TrainingRun.OPEN, TrainingRun.State.FAILED)
    for run in TrainingRun.objects.filter(
        recipe=recipe, kind=TrainingRun.Kind.ADAPTER, state__in=tracked
    ).order_by("created_at"):
        if run.shard is not None and run.slice is not None:
            runs[run.shard, run.slice] = run
    for shard in sorted(places, key=lambda shard: (shard != ours, shard)):
        adapters = {
            place.slice: fresh.get((shard, place.slice, place.epoch)) for place in places[shard]
        }
        stale = [place for place in places[shard] if adapters[place.slice] is None]
        if not stale and shard != ours:
            continue
        at_work = [runs[shard, each.slice] for each in stale if (shard, each.slice) in runs]
        yield Row(
            shard=shard,
            is_ours=shard == ours,
            note=note_of(at_work) if stale else "done",
            cells=[
                cell_of(each, adapters[each.slice], runs.get((shard, each.slice)), since)
                for each in places[shard]
            ],
        )


def work_on(ticket: DeletionRequest) -> Work | None:
    """What trains, while this request retrains; None in every other state."""
    recipe = Recipe.objects.filter(is_current=True).first()
    if ticket.state != State.EXECUTING or recipe is None:
        return None
    number = ticket.plan.get("shard", "")
    ours = int(number) if str(number).isdigit() else None
    rows = [*rows_of(recipe, ours, ticket.clean_at)]
    cells = [cell for row in rows if row.is_ours for cell in row.cells if cell.state != "kept"]
    share = round(100 * sum(float(cell.share) for cell in cells) / len(cells)) if cells else 100
    release = (
        TrainingRun.objects.filter(
            recipe=recipe, kind=TrainingRun.Kind.RELEASE, state__in=TrainingRun.OPEN
        )
        .order_by("-created_at")
        .first()
    )
    return Work(rows=rows, share=share, release=release)
