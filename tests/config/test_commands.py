"""Commands: one JSON document on success and on failure, and an exit code that says which."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from config.management.commands import demo
from corpus.models import Interaction
from erasure.models import DeletionRequest
from erasure.services import execution
from ledger.models import Outbox, TreeHead
from registry import bench, work
from registry.services import live
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, SECOND_OF_0, empty, trained, world
from tests.worlds import rows_of, write

__all__ = ["empty", "trained", "world"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(capsys):
    """Run a command with --json; return its one document."""

    def command(*words: str):
        capsys.readouterr()
        try:
            call_command(*words, "--json")
        finally:
            out = capsys.readouterr().out
            command.document = json.loads(out) if out else None
        return command.document

    return command


def fails(run, *words: str) -> str:
    """The command's error, which is its one document and its exit."""
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert run.document == {"error": str(caught.value)}
    return str(caught.value)


def test_a_person_is_erased_by_commands_alone(empty, run, tmp_path):
    path = write(
        tmp_path / "rows.csv",
        [row for p in ("person-0", "person-1", "person-7") for row in rows_of(p)],
    )
    assert run("ingest", str(path)) | {"batch": ""} == {
        "batch": "",
        "rows": 24,
        "subjects": 3,
        "is_new": True,
    }
    assert not run("ingest", str(path))["is_new"]
    before = run("train", "--recipe", "tiny")
    assert run("live") == {k: v for k, v in before.items() if k != "settled"} | {
        "up_to_date": True,
        "training_failed": None,
    }

    filed = run(
        "request_erasure", "--subject", "person-7", "--regulation", "gdpr", "--as", "olivia"
    )
    assert filed["receipt"].startswith("expunge-receipt-1.")
    approved = run("approve", filed["id"], "--as", "adam")
    assert (approved["state"], approved["erased"]["interactions"]) == ("executing", "8")
    assert not run("live")["up_to_date"]
    after = run("train")

    assert after["settled"] == [filed["number"]]
    assert DeletionRequest.objects.get().state == "completed"
    assert after["live_digest"] != before["live_digest"]
    verified = run("verify_log")
    assert (verified["verified"], verified["first_difference"]) == (True, None)
    assert not Outbox.objects.exists()
    assert TreeHead.objects.exists()


MISTAKES = [
    ("ingest /nowhere.csv", "file: cannot be read (No such file or directory)"),
    ("ingest /", "file: is a folder or a device"),
    ("ingest_catalogue /nowhere.csv", "file: cannot be read (No such file or directory)"),
    ("train --recipe no-such-recipe", "--recipe: there is no such file, and the names are"),
    ("live", "no release is live yet; run train"),
    ("score --subject person-0 --candidates m1", "no release is live yet; run train"),
    ("replay --shard 0", "no release is live yet; run train"),
    ("approve DR-2026-0001 --as adam", "id: there is no such request"),
    (
        "request_erasure --subject ada-lovelace --regulation gdpr --as olivia",
        "subject: nobody is known by this id",
    ),
    (
        "request_erasure --subject person-0 --items ada-lovelace --regulation gdpr --as olivia",
        "items: item 1 is not among this person's interactions",
    ),
    (
        "request_erasure --subject person-0 --regulation gdpr --as adam",
        "only an officer files requests",
    ),
    (
        "request_erasure --subject person-0 --regulation gdpr --as nobody",
        "--as: there is no such user; make one with create_user",
    ),
    ("create_user olivia --role officer", "name: there is such a user already"),
    ("create_user otto --role officer --password short", "--password: This password is too"),
    ("create_user otto --role officer --password password1234", "--password: This password is"),
]


def test_a_mistake_gets_one_line_and_changes_nothing(world, run):
    run("verify_log")
    before = tables.state()

    for words, message in MISTAKES:
        error = fails(run, *words.split())

        assert error.startswith(message)
        assert "\n" not in error
        assert "ada-lovelace" not in error
        assert "person-" not in error
        assert tables.changed(before) == set(), words


def test_words_that_a_command_does_not_know_are_refused(world, run):
    before = tables.state()

    for words in ("create_user otto --role king", "request_erasure --subject x", "approve"):
        with pytest.raises(CommandError, match="Error: "):
            run(*words.split())

    assert tables.changed(before) == set()


def test_the_person_who_filed_cannot_approve_by_command(world, run):
    request = world.file(FIRST_OF_0)

    error = fails(run, "approve", request.number, "--as", "olivia")

    assert error == f"{request}: you filed it; somebody else must decide"
    fails(run, "request_erasure", *f"--subject {FIRST_OF_0} --regulation gdpr --as olivia".split())
    run("approve", request.number, "--as", "adam")
    again = fails(run, "approve", request.number, "--as", "adam")
    assert again == f"{request}: was decided already; it is Retraining"


def test_an_approval_that_the_sweep_overtook_is_answered(world, run, monkeypatch):
    request = world.file(FIRST_OF_0)
    monkeypatch.setattr(execution, "execute", execution._execute)

    def swept(*, request, actor, at):
        execution._execute(request, actor, at)

    monkeypatch.setattr("erasure.services.execute", swept)

    assert run("approve", request.number, "--as", "adam")["state"] == "executing"


def test_an_account_is_made_with_a_token_that_is_shown_once(world, run):
    made = run("create_user", "otto", "--role", "officer", "--role", "auditor")

    assert made["roles"] == ["officer", "auditor"]
    assert tables.naming(made["token"].encode(), made["password"].encode()) == {}
    chosen = run("create_user", "otta", "--role", "auditor", "--password", "correct horse battery")
    assert set(chosen) == {"name", "roles", "token"}


def test_scores_are_for_a_person_or_for_a_history(trained, run):
    known = run("score", "--subject", FIRST_OF_0, "--candidates", "m1", "m2")
    told = run("score", "--history", "m5=5", "m6=1", "m7=4", "--candidates", "m1", "m2")

    assert set(known["scores"]) == set(told["scores"]) == {"m1", "m2"}
    assert all(0 < p < 1 for p in [*known["scores"].values(), *told["scores"].values()])
    assert known["scores"] != told["scores"]
    assert known["live_digest"] == live.release().live_digest


def test_scoring_names_what_it_does_not_know_by_its_place(trained, run):
    for words, message in (
        (["--subject", "ada-lovelace", "--candidates", "m1"], "nobody is known by this id"),
        (["--subject", "", "--candidates", "m1"], "nobody is known by this id"),
        (["--subject", "person-0", "--candidates", "m1", "mx"], "candidate 2: not in the"),
        (["--history", "mx=3", "--candidates", "m1"], "history entry 1: not in the"),
    ):
        assert fails(run, "score", *words).startswith(message)
    for entry in ("m5", "=5", "m5=", "m5=good", "m5=nan", "m5=Infinity", "m5=1e999999", "m5=1_0"):
        with pytest.raises(CommandError, match="each entry is ITEM=VALUE, and VALUE a number"):
            run("score", "--history", "m6=5", entry, "--candidates", "m1")


def test_a_replay_is_identical_and_turns_red_when_a_row_was_changed(trained, run):
    assert run("replay", "--shard", "0")["identical"]
    row = Interaction.objects.filter(
        subject__memberships__shard=0, subject__memberships__slice=1
    ).order_by("at")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE corpus_interaction SET value = CASE value WHEN 1 THEN 5 ELSE 1 END "
            "WHERE subject_id = %s AND order_key = %s",
            [row.subject_id, row.order_key],
        )

    with pytest.raises(CommandError, match="shard 0: the replay is not identical"):
        run("replay", "--shard", "0")

    assert [each["identical"] for each in run.document["slices"]] == [True, False]
    assert not run.document["identical"]
    assert fails(run, "replay", "--shard", "9") == "shard 9 is not in the live release"


def test_a_key_that_is_none_is_not_the_logs_fault(world, run):
    run("verify_log")
    before = tables.state()

    for key in ("nonsense", "a+b+c", "expunge.local/log+00000000+AQ=="):
        assert fails(run, "verify_log", "--key", key).startswith("the key: ")

    assert tables.changed(before) == set()


def test_what_came_in_is_said_in_the_singular_too(empty, tmp_path, capsys):
    def said(*words: str) -> str:
        capsys.readouterr()
        call_command(*words)
        return capsys.readouterr().out.splitlines()[-1]

    one = write(tmp_path / "one.csv", rows_of("person-0", count=1))
    two = write(tmp_path / "two.csv", rows_of("person-7", count=2))
    film = tmp_path / "film.csv"
    film.write_text("item,title\nnew-film,New\n")

    assert said("ingest", str(one)) == "1 interaction of 1 person"
    assert said("ingest", str(one)) == "1 interaction was ingested before; nothing changed"
    assert said("ingest", str(two)) == "2 interactions of 1 person"
    assert said("ingest", str(two)) == "2 interactions were ingested before; nothing changed"
    assert said("ingest_catalogue", str(film)) == "1 item, new"
    assert said("ingest_catalogue", str(film)) == "1 item, known already"
    film.write_text("item,title\nnew-film,New\nnewer-film,Newer\n")
    assert said("ingest_catalogue", str(film)) == "2 items, some of them new"
    assert said("ingest_catalogue", str(film)) == "2 items, all known already"


def test_train_says_where_each_request_is_now(trained, run, capsys):
    request = trained.file(FIRST_OF_0)
    run("approve", request.number, "--as", "adam")
    capsys.readouterr()

    call_command("train")

    assert f"{request.number}: Completed\n" in capsys.readouterr().out


def test_the_demo_names_its_file_as_one_can_open_it_from_here(tmp_path, monkeypatch):
    inside, outside = tmp_path / "here" / "var" / "summary.json", tmp_path / "summary.json"
    inside.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")

    assert demo.from_here(inside) == Path("var/summary.json")
    assert demo.from_here(outside) == outside


def test_down_answers_in_json_and_leaves_another_server_alone(run, monkeypatch):
    for stopped in (True, False):
        monkeypatch.setattr("config.embedded.stop", lambda stopped=stopped: stopped)

        assert run("down") == {"stopped": stopped}


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), "
        "'\"rows\":\"72\"', '\"rows\":\"71\"'), 'UTF8') WHERE convert_from(body, 'UTF8') LIKE "
        '\'%"rows":"72"%\'',
        "DELETE FROM ledger_entry WHERE index = (SELECT max(index) FROM ledger_entry)",
        "UPDATE ledger_treehead SET root = sha256('x')",
        "UPDATE ledger_sequencerstate SET root = sha256('x')",
    ],
)
def test_the_log_does_not_verify_after_a_superuser_edited_it(world, run, edit):
    assert run("verify_log")["verified"]
    world.file(FIRST_OF_0)
    logs = ("ledger_entry", "ledger_treehead", "ledger_sequencerstate")
    with tables.superuser(*logs) as cursor:
        cursor.execute(edit)
        assert cursor.rowcount == 1

    with pytest.raises(CommandError, match="the log does not verify"):
        run("verify_log")

    assert not run.document["verified"]
    assert run.document["first_difference"]


def test_a_process_with_other_keys_writes_nothing_not_even_a_tree_head(world, run, settings):
    world.file(FIRST_OF_0)
    before = tables.state()
    settings.EXPUNGE_VAULT_KEY = b"another key of thirty-two bytes."

    error = fails(run, "live")

    assert error.startswith("the vault key is not the one that this database was filled under")
    assert tables.changed(before) == set()
    assert not (settings.EXPUNGE_KEYS / "log.key").exists()


def test_a_failure_of_ours_is_told_by_its_class_alone(trained, run, monkeypatch):
    def broken(*args):
        raise RuntimeError(f"{SECOND_OF_0} liked m1")

    monkeypatch.setattr(bench, "open_base", broken)

    with pytest.raises(RuntimeError):
        run("score", "--subject", SECOND_OF_0, "--candidates", "m1")
    assert run.document == {"error": "RuntimeError"}


def test_training_that_fails_for_good_says_which_slice_and_that_the_old_release_serves(
    trained, run, monkeypatch
):
    from mlcore.training import LossNotFinite

    before = run("live")["live_digest"]
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])

    def explodes(*args, **kwargs):
        raise LossNotFinite("the loss left the numbers")

    with monkeypatch.context() as patch:
        patch.setattr(work.training, "fit", explodes)
        error = fails(run, "train")

    assert error == (
        "shard 0, slice 0 failed: a loss or a weight was infinite or not a number (LossNotFinite); "
        "what was live before still is"
    )
    assert run("live")["live_digest"] == before
    assert run("train")["live_digest"] != before
    assert worlds.current().runs.filter(ended_at__lte=timezone.now(), state="failed").count() == 1
