"""A certificate is issued for what is so, and the bundle convinces a program that knows only it."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from erasure.models import ErasedRecord
from evidence import issuing
from evidence.placing import place
from evidence.scene import CannotCertify
from ledger import log, rotation, signing
from ledger.kinds import Kind
from registry import records, storage
from registry.services import live, places
from tests.ledger.authority import Authority, serving
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE, SECOND_OF_1
from tests.worlds import rows_of
from verifier import archive, bundle

pytestmark = pytest.mark.django_db(transaction=True)


def issue(request, **more):
    return issuing.issue(request=request, actor="test", at=timezone.now(), **more)


def files_of(certificate) -> dict[str, bytes]:
    return archive.read(storage.get(certificate.bundle))


def check(certificate, **more):
    raw = storage.get(certificate.bundle)
    return bundle.check(raw, keys=signing.vkeys(), now=timezone.now(), **more)


def certificate_of(files: dict[str, bytes]) -> dict:
    return json.loads(files["certificate.json"])


@pytest.fixture
def issued(completed):
    return issue(completed)


def test_the_bundle_of_a_completed_request_verifies(issued):
    report = check(issued)

    assert (report.exit_code, report.level) == (0, "L2")


def test_a_replay_of_what_was_retrained_raises_the_level(completed):
    from evidence import replaying
    from registry.replay import replay

    done = replay(shard=0, progress=lambda *_: None)
    replaying.attest(done=done, actor="test", at=timezone.now())

    assert check(issue(completed)).level == "L3"


LACKING = {
    "bits": lambda done: replace(
        done, slices=[replace(each, replayed="0" * 64) for each in done.slices]
    ),
    "records": lambda done: replace(
        done, slices=[replace(each, records_match=False) for each in done.slices]
    ),
    "environment": lambda done: replace(done, same_environment=False),
    "log": lambda done: replace(done, is_as_logged=False),
}


@pytest.mark.parametrize("what", LACKING)
def test_a_replay_that_came_out_otherwise_raises_no_level(completed, what):
    from evidence import replaying
    from registry.replay import replay

    done = LACKING[what](replay(shard=0, progress=lambda *_: None))
    replaying.attest(done=done, actor="test", at=timezone.now())

    assert check(issue(completed)).level == "L2"


def test_a_replay_of_a_part_of_what_was_made_since_raises_no_level(completed, trained):
    from evidence import replaying
    from registry.replay import replay

    trained.erase(FIRST_OF_1)
    trained.train()
    done = replay(shard=0, progress=lambda *_: None)
    replaying.attest(done=done, actor="test", at=timezone.now())

    assert check(issue(completed)).level == "L2"


def test_a_replay_of_before_it_was_trained_again_raises_no_level(completed, trained):
    """The same bits came out of both trainings, and nobody replayed the one that serves."""
    from evidence import replaying
    from registry.replay import replay

    done = replay(shard=0, progress=lambda *_: None)
    replaying.attest(done=done, actor="test", at=timezone.now())
    recipe = live.release().recipe_id
    with transaction.atomic():
        places.raise_epochs({(recipe, 0, 0), (recipe, 0, 1)}, actor="test", at=timezone.now())
    trained.train()

    assert check(issue(completed)).level == "L2"


def test_every_live_set_is_proven_to_lack_every_erased_record(issued, completed):
    files = files_of(issued)
    said = certificate_of(files)
    chain = [f"shard-{shard:02}/slice-{slice_}" for shard in range(3) for slice_ in range(2)]
    assert [each["name"] for each in said["sets"]] == [*chain, "panel", "trunk-cache"]
    keys = files["erased.keys"]
    assert len(keys) == 32 * completed.records.count()
    for each in said["sets"]:
        assert f"sets/{each['root']}.absent" in files


def test_the_sets_of_before_are_proven_to_have_held_the_records(issued):
    said = certificate_of(files_of(issued))
    names = {each["name"] for each in said["before"]}
    assert {"shard-00/slice-0", "trunk-cache"} <= names
    assert all(int(each["present"]) > 0 for each in said["before"])


def test_a_request_that_is_not_completed_gets_no_certificate(trained):
    request = trained.erase(FIRST_OF_0)

    with pytest.raises(CannotCertify, match="not completed"):
        issue(request)
    assert not [e for e in log.history(request) if e.kind == Kind.CERTIFICATE_ISSUED]


def test_a_record_that_is_still_in_a_live_set_gets_no_certificate(completed):
    adapter = live.members(live.release()).first().adapter
    key = records.stored(adapter.records).keys()[0]
    ErasedRecord.objects.create(request=completed, key=key)

    with pytest.raises(CannotCertify, match="a record of it is in the set of"):
        issue(completed)


def test_while_a_fallback_serves_there_is_no_certificate(completed, trained):
    """It names what serves, and that will be another model within the hour."""
    trained.erase(FIRST_OF_1)

    with pytest.raises(CannotCertify, match="a fallback serves"):
        issue(completed)


def test_a_record_that_the_log_never_heard_of_gets_no_certificate(completed):
    """Our own verifier is asked before anybody else can be."""
    ErasedRecord.objects.create(request=completed, key=b"k" * 32)

    with pytest.raises(CannotCertify, match="the bundle does not verify"):
        issue(completed)
    assert not completed.certificates.exists()


def test_a_certificate_ends_with_its_time_and_with_a_replay_that_says_more(completed):
    from evidence import replaying
    from registry.replay import replay

    first = issue(completed)
    assert issuing.valid(completed, at=first.valid_until - timedelta(seconds=1)) == first
    assert issuing.valid(completed, at=first.valid_until) is None

    done = replay(shard=0, progress=lambda *_: None)
    replaying.attest(done=done, actor="test", at=timezone.now())

    assert issuing.valid(completed, at=timezone.now()) is None


def test_a_certificate_holds_until_something_else_serves(completed, trained):
    first = issue(completed)
    assert issuing.valid(completed, at=timezone.now()) == first

    trained.ingest(rows_of(SECOND_OF_1, count=9)[-1:])
    trained.train()

    assert issuing.valid(completed, at=timezone.now()) is None
    assert check(issue(completed)).exit_code == 0


def test_a_partial_erasure_is_certified_as_one(trained):
    from erasure import services

    items = [row.item for row in rows_of(FIRST_OF_0)[:3]]
    request = trained.erase(FIRST_OF_0, items)
    trained.train()
    services.settle(actor="test", at=timezone.now())
    request.refresh_from_db()

    issued = issue(request)

    assert certificate_of(files_of(issued))["request"]["scope"] == "items"
    assert check(issued).exit_code == 0


def test_with_nothing_live_an_erasure_is_certified_too(world):
    """Somebody is erased before anything was trained: there is no model to be absent from."""
    from erasure import services

    request = world.erase(FIRST_OF_0)
    services.settle(actor="test", at=timezone.now())
    request.refresh_from_db()

    issued = issue(request)

    assert certificate_of(files_of(issued))["live"]["kind"] == "none"
    assert check(issued).exit_code == 0


def test_the_receipt_opens_the_key_and_another_does_not(completed, trained):
    issued = issue(completed)

    assert check(issued, receipt=trained.receipt).exit_code == 0
    other = trained.receipt[:-1] + ("0" if trained.receipt[-1] != "0" else "1")
    assert check(issued, receipt=other).exit_code == 20


def test_a_bundle_names_nobody(issued):
    for data in files_of(issued).values():
        for person in PEOPLE:
            assert person.encode() not in data


def test_what_a_bundle_holds_follows_from_what_is_stored(completed):
    """So two of one moment are one certificate, in the log too, and not two that differ."""
    at = timezone.now()

    first, second = (issuing.issue(request=completed, actor="test", at=at) for _ in range(2))

    assert first == second
    told = [e for e in log.history(completed) if e.kind == Kind.CERTIFICATE_ISSUED]
    assert [event.facts["certificate"] for event in told] == [first.digest]


def test_a_bundle_survives_a_rotation_of_the_logs_key(completed):
    """The head of before the erasure is signed by a key that is gone by now."""
    rotation.begin(actor="test", at=timezone.now())
    place()
    rotation.finish(actor="test", at=timezone.now())
    place()

    assert check(issue(completed)).exit_code == 0


def test_an_authoritys_timestamp_travels_in_the_bundle_and_its_own_tool_checks_it(
    completed, settings, tmp_path
):
    authority = Authority(tmp_path / "authority")
    with serving(authority) as url:
        settings.EXPUNGE_TSA, settings.EXPUNGE_TSA_CERTIFICATES = url, authority.roots
        issued = issue(completed)

    assert check(issued).exit_code == 0
    files = files_of(issued)
    (head,) = [name for name in files if name.endswith(".head")]
    for name in (head, head.replace(".head", ".tsr")):
        (tmp_path / name.rpartition("/")[2]).write_bytes(files[name])
    stem = head.rpartition("/")[2].removesuffix(".head")
    said = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-data", f"{stem}.head", "-in", f"{stem}.tsr"),
            *("-CAfile", authority.roots),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.strip() == "Verification: OK", said.stderr


def test_a_stamped_head_of_another_history_is_refused(completed, settings, tmp_path):
    """A fork that an authority stamped says nothing of the log that the certificate is in."""
    authority = Authority(tmp_path / "authority")
    with serving(authority) as url:
        settings.EXPUNGE_TSA, settings.EXPUNGE_TSA_CERTIFICATES = url, authority.roots
        issued = issue(completed)
    files = files_of(issued)
    files["log/stamped"] = files["log/stamped"].replace(b"A", b"B")

    report = bundle.check(archive.write(files), keys=signing.vkeys(), now=timezone.now())

    assert report.exit_code == 11
