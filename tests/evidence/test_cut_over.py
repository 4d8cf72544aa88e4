"""A certificate says of each process that scored before that it follows, or has stopped."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from evidence import cut_over, issuing
from evidence.scene import CannotCertify
from ledger import signing
from registry import storage
from registry.services import scorers
from tests.registry.conftest import FIRST_OF_0
from verifier import archive, bundle

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BOB = UUID(int=1), UUID(int=2)


def follow(scorer):
    scorers.follow(scorer=scorer, at=timezone.now())


@pytest.fixture
def scored_before(trained):
    """A completed request; two processes scored from the release that it made history."""
    follow(ADA)
    follow(BOB)
    request = trained.erase(FIRST_OF_0)
    trained.train()
    request.refresh_from_db()
    assert request.state == "completed"
    return request


def issue(request, *, at=None):
    certificate = issuing.issue(request=request, actor="test", at=at or timezone.now())
    raw = storage.get(certificate.bundle)
    report = bundle.check(raw, keys=signing.vkeys(), now=at or timezone.now())
    assert (report.exit_code, report.level) == (0, "L2")
    return json.loads(archive.read(raw)["certificate.json"])


def told(said):
    return [each["scorer"] for each in said["acknowledgements"]]


def test_a_certificate_waits_for_whoever_may_still_answer_from_before(scored_before):
    follow(ADA)

    with pytest.raises(CannotCertify, match=r"release before: 1; ask again"):
        issue(scored_before)


def test_whoever_follows_or_has_stopped_is_cited(scored_before):
    follow(ADA)
    scorers.retire(scorer=BOB, at=timezone.now())

    said = issue(scored_before)

    assert said["scorers"] == told(said) == [str(ADA), str(BOB)]


def test_whoever_fell_silent_is_retired_and_cited(scored_before):
    said = issue(scored_before, at=timezone.now() + timedelta(hours=1))

    assert sorted(told(said)) == [str(ADA), str(BOB)]


def test_that_somebody_stopped_before_they_came_back_is_no_answer(trained):
    """The last word before the switch is that they score."""
    follow(ADA)
    scorers.retire(scorer=ADA, at=timezone.now())
    follow(ADA)
    request = trained.erase(FIRST_OF_0)
    trained.train()
    request.refresh_from_db()

    with pytest.raises(CannotCertify, match=r"release before: 1; ask again"):
        issue(request)


def test_what_a_clock_that_runs_ahead_says_is_left_for_later(scored_before):
    for scorer in (ADA, BOB):
        follow(scorer)
    scorers.follow(scorer=UUID(int=3), at=timezone.now() + timedelta(minutes=10))

    assert told(issue(scored_before)) == [str(ADA), str(BOB)]


def test_whoever_came_later_is_cited_as_well(scored_before):
    for scorer in (ADA, BOB, UUID(int=3)):
        follow(scorer)

    said = issue(scored_before)

    assert said["scorers"] == [str(ADA), str(BOB)]
    assert told(said) == [str(ADA), str(BOB), str(UUID(int=3))]


def test_of_those_who_came_later_no_more_are_cited_than_a_certificate_holds(
    scored_before, monkeypatch
):
    """Each command that scores is one more, and there may be thousands before the next switch."""
    monkeypatch.setattr(cut_over, "MOST_ITEMS", 3)
    late = [UUID(int=each) for each in (3, 4, 5)]
    for scorer in (*late, ADA, BOB):
        follow(scorer)

    assert told(issue(scored_before)) == [str(late[0]), str(ADA), str(BOB)]


def test_whoever_follows_time_and_again_is_cited_once(scored_before):
    for scorer in (ADA, BOB, ADA):
        follow(scorer)
        scorers.retire(scorer=scorer, at=timezone.now())

    assert told(issue(scored_before)) == [str(ADA), str(BOB)]
