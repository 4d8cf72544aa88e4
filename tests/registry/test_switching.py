"""A release is of a whole panel or of none, and what is destroyed for it fits into the log."""

from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from corpus import vault
from ledger import log
from ledger.kinds import Kind
from mlcore.recipe import MOST_SHARDS
from registry import work
from registry.models import AdapterVersion, PanelError, PanelRow, Release, ShardMembership
from registry.services import live, releases, runs
from registry.services.runs import LeaseLost
from tests.worlds import rows_of

pytestmark = pytest.mark.django_db(transaction=True)


def switch_again(panel):
    """The same adapters once more, on this panel."""
    before = live.release()
    with transaction.atomic():
        releases.take_turns()
        return releases.switch(
            recipe=before.recipe,
            kind=Release.Kind.FULL,
            adapters={member.shard: member.adapter for member in live.members(before)},
            panel=panel,
            actor="test",
            at=timezone.now(),
        )


def panel_of(recipe):
    rows = PanelRow.objects.filter(recipe=recipe).order_by("subject__rank")
    return list(rows.values_list("subject", flat=True))


def test_the_same_adapters_and_panel_are_live_as_the_same_bits(trained):
    before = live.release()

    after = switch_again(panel_of(before.recipe))

    assert (after.live_digest, after.panel_rows) == (before.live_digest, before.panel_rows)
    before.refresh_from_db()
    assert (before.is_live, before.replaced_at) == (False, after.switched_at)
    assert log.history(after)[0].facts["before"] == str(before.pk)


def test_a_panel_that_lacks_somebody_is_not_switched_to(trained):
    """Somebody was erased since their errors were computed: the others' were too, with them."""
    before = live.release()

    with pytest.raises(LeaseLost, match="the panel changed"):
        switch_again([*panel_of(before.recipe), uuid4()])

    assert live.release() == before


def test_a_row_without_an_error_of_every_adapter_has_no_place_in_the_index(trained):
    before = live.release()
    row = PanelRow.objects.filter(recipe=before.recipe).first()
    adapter = live.members(before)[0].adapter
    PanelError.objects.filter(row=row, adapter=adapter).delete()

    with pytest.raises(LeaseLost, match="the panel changed"):
        switch_again(panel_of(before.recipe))
    assert switch_again(None).panel_rows == before.panel_rows - 1


def test_a_thousand_adapters_are_said_to_be_destroyed_in_events_that_fit(db):
    """An entry of the log holds 65,535 octets, and a digest takes 67 of them."""
    doomed = [AdapterVersion(digest=f"{number:064x}") for number in range(1001)]

    with transaction.atomic():
        releases.log_destroyed(doomed, why={"why": "superseded"}, actor="test", at=timezone.now())

    events = log.history("registry.Store")
    assert {event.kind for event in events} == {Kind.ARTEFACTS_DESTROYED}
    assert {event.facts["why"] for event in events} == {"superseded"}
    said = [digest for event in events for digest in event.facts["adapters"]]
    assert said == [each.digest for each in doomed]


def test_a_switch_of_as_many_shards_as_a_recipe_may_have_fits_into_an_entry(trained):
    """Else an erasure would fail, and with it everything that it does."""
    (adapter, *_) = [member.adapter for member in live.members(live.release())]

    with transaction.atomic():
        releases.take_turns()
        release = releases.switch(
            recipe=adapter.recipe,
            kind=Release.Kind.FALLBACK,
            adapters=dict.fromkeys(range(MOST_SHARDS), adapter),
            panel=None,
            actor=f"worker:{uuid4()}",
            at=timezone.now(),
        )

    (switched,) = [e for e in log.history(release) if e.kind == Kind.RELEASE_SWITCHED]
    assert len(switched.facts["adapters"]) == MOST_SHARDS


def test_what_newer_data_supersedes_is_destroyed_and_said_to_be(trained):
    old = {member.adapter.digest for member in live.members(live.release())}

    trained.ingest(rows_of("person-9"))
    trained.train()

    gone = old - {member.adapter.digest for member in live.members(live.release())}
    said = [e.facts for e in log.history("registry.Store") if e.facts.get("why") == "superseded"]
    assert gone
    assert gone <= {digest for facts in said for digest in facts["adapters"]}


def test_a_shard_of_which_nobody_is_left_has_no_say(trained):
    there = ShardMembership.objects.filter(recipe=live.release().recipe, shard=2)
    for person in [vault.external_id(each.subject) for each in there.select_related("subject")]:
        trained.erase(person)

    trained.train()

    assert [member.shard for member in live.members(live.release())] == [0, 1]


def test_a_release_of_older_data_is_not_switched_to(trained):
    """Even if nobody told the run: whoever changes data ends it in the same transaction."""
    trained.ingest(rows_of("person-9"))
    recipe, before = live.release().recipe, live.release()
    while runs.stale_slices(recipe):
        runs.plan(recipe=recipe, actor="test", at=timezone.now())
        work.work_once()
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    worker = uuid4()
    run = runs.claim(run_id=None, worker=worker, at=timezone.now())
    recipe.slices.filter(shard=0, slice=0).update(epoch=F("epoch") + 1)

    with pytest.raises(LeaseLost, match="the data changed"):
        releases.put_live(run=run, worker=worker, panel=[], at=timezone.now())
    assert live.release() == before
