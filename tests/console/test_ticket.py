"""One request's page: its sentence, its clock, its work, its evidence, and nobody's identity."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console import progress, words
from erasure.models import DeletionRequest
from erasure.states import ERASED, State
from ledger import heads, log, sequencer
from registry.models import AdapterVersion, Release, TrainingRun
from tests.console import factories


@pytest.fixture
def made(people):
    def ticket(state, **fields):
        return factories.ticket(
            people["officer"], state=state, decided_by=people["approver"], **fields
        )

    return ticket


def page_of(client, ticket):
    return client.get(reverse("request", args=[ticket.number])).text


@pytest.mark.parametrize("state", State)
def test_page_of_every_state_starts_with_its_sentence(as_, people, made, recipe, state):
    ticket = made(state)
    reader = words.Reader(user=people["auditor"], may_decide=False)

    page = page_of(as_("auditor"), ticket)

    assert words.status(ticket, reader).lead in page
    assert f"<h1>{ticket.number}</h1>" in page
    assert state.label in page
    assert ticket.clock.rule in page


@pytest.mark.parametrize("state", State)
def test_page_refreshes_itself_exactly_while_the_machine_works(as_, made, state):
    ticket = made(state)
    sequencer.drain_all()
    heads.sign(at=timezone.now())

    page = page_of(as_("auditor"), ticket)

    works = state in (State.APPROVED, State.EXECUTING, State.VERIFYING)
    assert ("hx-trigger" in page) is works


def test_page_refreshes_itself_until_every_entry_has_a_signed_place(as_, made):
    page = page_of(as_("auditor"), made(State.COMPLETED))

    assert "hx-trigger" in page


@pytest.mark.parametrize("state", ERASED)
def test_nothing_of_the_person_is_on_any_page_after_the_erasure(as_, made, recipe, state):
    person = factories.subject()
    ticket = made(state)
    person.delete()

    pages = [page_of(as_("officer"), ticket), as_("officer").get("/requests/").text]

    assert all("4821" not in page for page in pages)
    assert "The identity was erased with the data." in pages[0]


def test_page_shows_only_the_end_of_the_id_before_the_erasure(as_, made):
    ticket = made(State.AWAITING_APPROVAL, person=factories.subject())

    page = page_of(as_("officer"), ticket)

    assert "••••4821" in page
    assert factories.PERSON not in page


def test_timeline_gives_each_entry_its_place_in_the_signed_log(as_, made):
    ticket = made(State.EXECUTING)

    before = page_of(as_("auditor"), ticket)
    head = factories.sign()
    after = page_of(as_("auditor"), ticket)

    assert before.count("waits for its place") == 3
    assert "No tree head is signed yet" in before
    for event in log.history(ticket):
        assert event.leaf_hash.hex()[:8] in after
    assert f"3 of 3 entries are in tree head {head.size}" in after
    assert bytes(head.root).hex() in after


def test_entry_that_came_after_the_tree_head_is_not_called_signed(as_, made):
    ticket = made(State.AWAITING_APPROVAL)
    factories.sign()
    as_("officer").post(reverse("request-cancel", args=[ticket.number]))
    sequencer.drain_all()

    page = page_of(as_("auditor"), ticket)

    assert "1 of 2 entries are in tree head 1" in page


def test_timeline_names_colleagues_and_calls_the_rest_the_system(as_, made):
    page = page_of(as_("auditor"), made(State.COMPLETED))

    timeline = page[page.index('class="timeline"') :]
    assert "<small>officer</small>" in timeline
    assert "<small>approver</small>" in timeline
    assert "<small>System</small>" in timeline


def test_failed_check_is_named_and_shown_as_not_so(as_, made):
    page = page_of(as_("auditor"), made(State.FAILED))

    assert f"Not so: {words.CHECKS['old_destroyed']}" in page
    assert words.CHECKS["states_destroyed"] in page
    assert f"Not so: {words.CHECKS['states_destroyed']}" not in page


def test_completed_ticket_shows_both_releases_and_what_was_erased(as_, made, recipe):
    fallback = factories.release(recipe, Release.Kind.FALLBACK)
    restored = factories.release(recipe)
    ticket = made(State.COMPLETED, fallback=fallback, restored=restored)

    page = page_of(as_("auditor"), ticket)

    assert fallback.live_digest in page
    assert restored.live_digest in page
    assert "212 deleted" in page


def test_top_bar_says_what_serves_now(as_, made, recipe):
    none = page_of(as_("auditor"), made(State.AWAITING_APPROVAL))
    full = factories.release(recipe)
    with_full = as_("auditor").get("/requests/").text
    fallback = factories.release(recipe, Release.Kind.FALLBACK)
    with_fallback = as_("auditor").get("/requests/").text

    assert "No release yet" in none
    assert f"Release {full.pk}" in with_full
    assert "full strength" in with_full
    assert f"Release {fallback.pk}" in with_fallback
    assert ", fallback" in with_fallback


@pytest.fixture
def retraining(made, recipe):
    """A request in shard 3, slice 1 of 3, just erased: slices 1 and 2 are stale."""
    now = timezone.now()
    factories.trained(recipe, at=now - timedelta(days=9))
    recipe.slices.filter(shard=3, slice__gte=1).update(epoch=2)
    return made(State.EXECUTING, clean_at=now - timedelta(minutes=5))


def cells_of(ticket):
    work = progress.work_on(ticket)
    return [cell.state for row in work.rows if row.is_ours for cell in row.cells], work


def test_table_of_slices_follows_the_work(retraining, recipe):
    second, third = recipe.slices.filter(shard=3, slice__gte=1)
    waiting, at_start = cells_of(retraining)
    factories.running(second, done=58)
    running, at_work = cells_of(retraining)
    TrainingRun.objects.update(state="done", worker=None, leased_until=None)
    parent = AdapterVersion.objects.get(recipe=recipe, shard=3, slice=0)
    made = factories.adapter(second, at=timezone.now(), parent=parent)
    half, in_between = cells_of(retraining)
    factories.adapter(third, at=timezone.now(), parent=made)
    done, at_end = cells_of(retraining)

    assert waiting == ["kept", "waiting", "waiting"]
    assert running == ["kept", "running", "waiting"]
    assert half == ["kept", "new", "waiting"]
    assert done == ["kept", "new", "new"]
    assert [w.share for w in (at_start, at_work, in_between, at_end)] == [0, 29, 50, 100]
    assert at_end.is_retrained


def test_bar_moves_on_the_page(as_, retraining, recipe):
    run = factories.running(recipe.slices.get(shard=3, slice=1), done=10, attempt=2)

    before = page_of(as_("auditor"), retraining)
    TrainingRun.objects.filter(pk=run.pk).update(done=90)
    after = page_of(as_("auditor"), retraining)

    assert '<progress value="0.10"' in before
    assert "attempt 2" in before
    assert '<progress value="0.90"' in after


def test_other_shards_are_shown_only_while_they_retrain(retraining, recipe):
    def shards():
        return [row.shard for row in progress.work_on(retraining).rows]

    alone = shards()
    recipe.slices.filter(shard=1, slice=2).update(epoch=2)

    assert alone == [3]
    assert shards() == [3, 1]


def test_run_of_an_older_epoch_does_not_count_as_the_slices(retraining, recipe):
    """An adapter of data that has changed since is stale, however late it was finished."""
    place = recipe.slices.get(shard=3, slice=1)
    recipe.slices.filter(pk=place.pk).update(epoch=3)
    place.epoch = 2
    parent = AdapterVersion.objects.get(recipe=recipe, shard=3, slice=0)
    factories.adapter(place, at=timezone.now(), parent=parent)

    assert cells_of(retraining)[0] == ["kept", "waiting", "waiting"]


def test_plan_without_a_recipe_promises_nothing_about_training(as_, made):
    plan = {"interactions": "3", "trunk_states": "0", "panel_rows": "0"}

    page = page_of(as_("auditor"), made(State.AWAITING_APPROVAL, plan=plan))

    assert "Slices to retrain" not in page
    assert "Until full strength" not in page
    assert "Interactions" in page


def test_unknown_number_is_not_found(as_):
    assert as_("auditor").get("/requests/DR-2026-9999/").status_code == 404


def test_reader_without_rights_sees_no_control_that_changes_anything(as_, made):
    ticket = made(State.AWAITING_APPROVAL)

    page = page_of(as_("auditor"), ticket)

    assert "Withdraw this request" not in page
    assert reverse("request-decide", args=[ticket.number]) not in page
    assert page.count('method="post"') == 1  # signing out
    assert DeletionRequest.objects.get().state == State.AWAITING_APPROVAL
