"""Where people train under recipes that place by what they did, or by who is likely to leave."""

import hashlib
from pathlib import Path

import pytest
from django.utils import timezone

from corpus import vault
from erasure import services
from mlcore.anchors import Anchors
from mlcore.recipe import BadRecipe
from registry import storage
from registry.models import (
    AdapterVersion,
    AnchorFile,
    FormerMembership,
    Recipe,
    ShardMembership,
    TrainingRun,
)
from registry.services import anchoring, intake, live, runs
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, PEOPLE, SECOND_OF_0
from tests.worlds import Row, World, current, rows_of

pytestmark = pytest.mark.django_db(transaction=True)

VOTES = Anchors(3, {item: number % 3 for number, item in enumerate(worlds.ITEMS)})
MOVER = "mover"


def films(shard: int, count: int, *, since: int = 1000) -> list[Row]:
    """What the mover rates of the films that vote for a shard."""
    items = [item for item, vote in VOTES.votes.items() if vote == shard][:count]
    return [Row(MOVER, item, 1 + n % 5, since + 10 * n) for n, item in enumerate(items)]


@pytest.fixture
def semantic(tmp_path, settings):
    """A recipe of semantic shards; the mover's slice is the first."""
    return worlds.recipe_of(tmp_path, settings, anchors=VOTES, slices=1)


@pytest.fixture
def settled(world, semantic):
    """The world with the mover, who is of shard 0, and a full release of the semantic recipe."""
    world.ingest(films(0, 8))
    world.train(semantic)
    assert shard_of(MOVER) == 0
    return world


def shard_of(person: str) -> int:
    return ShardMembership.objects.get(recipe=current(), subject=vault.find(person)).shard


def stale() -> list[tuple[int, int]]:
    return [(row.shard, row.slice) for row in runs.stale_slices(current())]


def serving() -> dict[int, str]:
    return {member.shard: member.adapter.digest for member in live.members(live.release())}


def twin_of(tmp_path, settings, recipe: str, rows: list[Row]) -> object:
    twin = World(tmp_path / "twin", settings)
    twin.ingest([row for person in PEOPLE for row in rows_of(person)])
    twin.ingest(rows)
    return live.describe(twin.train(recipe))["live_digest"]


def test_people_train_where_most_of_their_items_vote(settled):
    for person in PEOPLE:
        votes = [VOTES.votes[row.item] for row in rows_of(person)]

        assert votes.count(shard_of(person)) == max(map(votes.count, range(3)))


def test_whoever_likes_other_things_by_now_moves(settled, semantic, tmp_path, settings):
    before = serving()
    more = films(2, 9, since=5000)
    places = dict(ShardMembership.objects.values_list("subject", "shard"))

    settled.ingest(more)

    places[vault.find(MOVER).pk] = 2
    assert dict(ShardMembership.objects.values_list("subject", "shard")) == places
    assert stale() == [(0, 0), (2, 0)]
    assert serving() == before
    ours = live.describe(settled.train(semantic))["live_digest"]
    assert ours == twin_of(tmp_path, settings, semantic, [*films(0, 8), *more])


def test_an_erasure_reaches_the_adapter_of_the_place_that_was_left(settled, semantic):
    left = AdapterVersion.objects.get(recipe=current(), shard=0)
    settled.ingest(films(2, 9, since=5000))

    settled.erase(MOVER)

    with pytest.raises(storage.Destroyed):
        storage.get(left.weights)
    assert 0 not in serving()
    assert not worlds.contaminated()
    assert not FormerMembership.objects.exists()


def test_a_place_that_was_left_before_the_last_release_is_left_alone(settled, semantic):
    settled.ingest(films(2, 9, since=5000))
    settled.train(semantic)
    assert not FormerMembership.objects.exists()

    settled.erase(MOVER)

    assert stale() == [(2, 0)]
    assert set(serving()) == {0, 1}


def test_a_part_that_goes_takes_its_votes_along(settled, semantic, tmp_path, settings):
    settled.ingest(films(1, 7, since=5000))
    settled.train(semantic)
    assert shard_of(MOVER) == 0
    clean = AdapterVersion.objects.get(
        recipe=current(), shard=1, epoch=current().slices.get(shard=1).epoch
    )
    gone = [row.item for row in films(0, 8)[:4]]

    settled.erase(MOVER, gone)

    # Where the mover goes saw nothing of what was erased, and serves until it is made again.
    assert shard_of(MOVER) == 1
    assert stale() == [(0, 0), (1, 0)]
    assert serving()[1] == clean.digest
    assert 0 not in serving()
    assert not worlds.contaminated()
    ours = live.describe(settled.train(semantic))["live_digest"]
    rest = [*films(0, 8)[4:], *films(1, 7, since=5000)]
    assert ours == twin_of(tmp_path, settings, semantic, rest)


def test_nothing_is_placed_by_a_file_that_may_be_gone(settled, semantic):
    anchoring.path_of(VOTES.digest).unlink()
    anchoring._read.cache_clear()

    settled.ingest(films(2, 9, since=5000))
    settled.erase(MOVER, [films(0, 1)[0].item])
    settled.train(semantic)

    assert shard_of(MOVER) == 2


def test_anchors_that_were_tampered_with_place_nobody(settled):
    AnchorFile.objects.update(body=b'{"format":"expunge/anchors/v1","shards":3,"votes":{"m1":0}}')
    anchoring._read.cache_clear()
    before = tables.state()

    with pytest.raises(anchoring.AnchorsChanged):
        settled.ingest(films(2, 9, since=5000))

    assert tables.changed(before) == set()


def broken(path):
    path.write_bytes(path.read_bytes() + b" ")


def of_two_shards(path):
    data = b'{"format":"expunge/anchors/v1","shards":2,"votes":{"m1":0}}'
    anchoring.write(anchoring.path_of(hashlib.sha256(data).hexdigest()), data)
    return hashlib.sha256(data).hexdigest()


def not_anchors(path):
    anchoring.write(anchoring.path_of(hashlib.sha256(b"{}").hexdigest()), b"{}")
    return hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "are not among the assets; fit_anchors makes them"),
        (broken, "are not what the file of that name in the assets holds"),
        (of_two_shards, "are for 2 shards, and not for 3"),
        (not_anchors, "not of the format"),
    ],
)
def test_a_recipe_without_its_anchors_is_refused_and_changes_nothing(
    world, semantic, tmp_path, spoil, message
):
    named = spoil(anchoring.path_of(VOTES.digest))
    if named:
        recipe = tmp_path / "named.toml"
        recipe.write_text(Path(semantic).read_text().replace(VOTES.digest, named))
        semantic = str(recipe)
    before = tables.state()

    with pytest.raises(BadRecipe, match=message):
        worlds.training.choose(semantic, actor="test")

    assert tables.changed(before) == set()


def test_likely_leavers_train_last_and_cost_one_slice(world, tmp_path, settings):
    late = worlds.recipe_of(tmp_path, settings, late_slices=1)
    world.mark(dict.fromkeys(PEOPLE[:3], True))
    world.train(late)
    slices = {
        person: ShardMembership.objects.get(recipe=current(), subject=vault.find(person)).slice
        for person in PEOPLE
    }
    assert slices == {person: int(person in PEOPLE[:3]) for person in PEOPLE}

    world.erase(PEOPLE[0])

    assert len(stale()) == 1


def test_whoever_is_marked_later_moves_and_both_places_are_made_again(world, tmp_path, settings):
    late = worlds.recipe_of(tmp_path, settings, late_slices=1)
    world.train(late)
    shard = shard_of(FIRST_OF_0)

    world.mark({FIRST_OF_0: True})

    assert stale() == [(shard, 0), (shard, 1)]
    assert ShardMembership.objects.get(subject=vault.find(FIRST_OF_0), recipe=current()).slice == 1
    world.train(late)
    world.mark({FIRST_OF_0: True})
    assert stale() == []


def test_a_mark_moves_nobody_where_no_slices_are_kept_for_it(trained):
    trained.mark({FIRST_OF_0: True})

    assert stale() == []
    assert live.is_current(current())


def test_a_mark_goes_with_its_person(world, tmp_path, settings):
    world.mark({FIRST_OF_0: True})
    world.erase(FIRST_OF_0)

    world.ingest(rows_of(FIRST_OF_0))

    assert not vault.find(FIRST_OF_0).is_likely_leaver


def test_erasing_or_adding_others_moves_nobody(settled, semantic):
    places = dict(ShardMembership.objects.values_list("subject", "shard"))
    gone = vault.find(SECOND_OF_0).pk

    settled.erase(SECOND_OF_0)
    settled.ingest(rows_of("somebody-new"))

    del places[gone]
    now = dict(ShardMembership.objects.values_list("subject", "shard"))
    assert places.items() <= now.items()


def test_requests_that_wait_together_cost_one_run_a_slice(world, tmp_path, settings):
    one = worlds.recipe_of(tmp_path, settings, shards=1)
    world.train(one)
    requests = [world.file(person) for person in PEOPLE[:5]]
    for request in requests:
        services.approve(request=request, by=world.approver, at=timezone.now())
    for request in requests:
        services.execute(request=request, actor="test", at=timezone.now())
    before = set(TrainingRun.objects.values_list("pk", flat=True))

    world.train(one)

    made = TrainingRun.objects.exclude(pk__in=before).filter(kind=TrainingRun.Kind.ADAPTER)
    assert list(made.values_list("state", "slice").order_by("slice")) == [("done", 0), ("done", 1)]
    assert Recipe.objects.get(is_current=True).runs.filter(state="failed").count() == 0
    for request in requests:
        request.refresh_from_db()
    assert {request.state for request in requests} == {"completed"}


def test_marks_are_logged_without_names(world):
    path = world.folder / "marks.csv"
    path.write_text(f"subject,likely_leaver\n{FIRST_OF_0},1\n{SECOND_OF_0},0\n")

    taken = intake.take_leavers(path=path, actor="test", at=timezone.now())

    assert (taken.rows, taken.subjects) == (2, 1)
    assert tables.naming(b"leavers.ingested") == {"ledger_outbox": {b"leavers.ingested"}}
    assert tables.naming(FIRST_OF_0.encode()) == {}


def test_the_plan_counts_what_the_erasure_does(settled):
    settled.ingest(films(2, 9, since=5000))

    request = settled.file(MOVER, [row.item for row in films(2, 9)[:4]])
    services.approve(request=request, by=settled.approver, at=timezone.now())
    services.execute(request=request, actor="test", at=timezone.now())

    # Left behind, in shard 0, is an adapter that can be read; shard 2 never had one of theirs.
    planned = {name: request.plan[name] for name in ("adapters", "slices_to_retrain")}
    assert planned == {"adapters": request.erased["adapters"], "slices_to_retrain": "2"}
    assert request.erased["slices"] == "2"
