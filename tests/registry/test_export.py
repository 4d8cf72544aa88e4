"""What leaves the house is what serves: whole, clean, logged, or not at all."""

import hashlib
import json
import threading
from pathlib import Path

import peft
import pytest
import torch
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from transformers import AutoModelForCausalLM

from ledger import log
from ledger.kinds import Kind
from ledger.models import Outbox
from mlcore import adapters, lora, trunk
from registry import bases, exporting, storage
from registry.bench import bench_of
from registry.models import AdapterVersion, Release
from registry.services import exports, live
from registry.services.exports import CannotExport
from tests.locks import PATIENCE
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE, SECOND_OF_0, SECOND_OF_1
from tests.worlds import rows_of

pytestmark = pytest.mark.django_db(transaction=True)


def export(folder):
    return exporting.export(folder=folder, actor="test", at=timezone.now())


def exported_events(release: Release):
    return [event for event in log.history(release) if event.kind == Kind.RELEASE_EXPORTED]


def bytes_of(folder) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_folder_holds_what_serves_with_the_manifests_that_were_logged(trained, tmp_path):
    release = live.release()

    done = export(tmp_path / "out")

    document = json.loads((tmp_path / "out" / "release.json").read_bytes())
    assert done.folders == ["merged", "shard-0", "shard-1", "shard-2"]
    assert (document["live"], document["kind"]) == (release.live_digest, "full")
    assert document["recipe"] == release.recipe.digest
    for member in live.members(release):
        folder = tmp_path / "out" / f"shard-{member.shard}"
        weights = (folder / "adapter_model.safetensors").read_bytes()
        named = json.loads((folder / "manifest.json").read_bytes())
        assert hashlib.sha256(weights).hexdigest() == member.adapter.digest == named["output"]
        digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        assert digest == member.adapter.manifest_digest


def test_the_log_says_what_left_and_names_nobody(trained, tmp_path):
    release = live.release()

    done = export(tmp_path / "out")

    (event,) = exported_events(release)
    merged = (tmp_path / "out" / "merged" / "adapter_model.safetensors").read_bytes()
    assert event.actor == "test"
    assert event.facts == {
        "kind": "full",
        "live": release.live_digest,
        "adapters": {str(m.shard): m.adapter.digest for m in live.members(release)},
        "merged": hashlib.sha256(merged).hexdigest(),
        "document": hashlib.sha256((tmp_path / "out" / "release.json").read_bytes()).hexdigest(),
    }
    assert done.digest == event.facts["document"]
    told = b"".join(bytes_of(tmp_path / "out").values()) + json.dumps(event.facts).encode()
    assert not any(person.encode() in told for person in PEOPLE)
    assert str(tmp_path).encode() not in told


def test_the_same_release_is_exported_to_the_same_bytes(trained, tmp_path):
    export(tmp_path / "a")
    (tmp_path / "b").mkdir()  # an empty folder is as good as none
    export(tmp_path / "b")

    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_peft_scores_with_the_merged_adapter_what_the_uniform_mix_scores(trained, tmp_path):
    release = live.release()
    bench = bench_of(release.recipe)
    export(tmp_path / "out")
    each = [adapters.from_bytes(storage.get(m.adapter.weights))[1] for m in live.members(release)]
    mixed = {
        path: bench.plain.mix_scale * torch.stack([b[path] for b in each]).mean(0)
        for path in bench.a
    }
    prompt = "Liked: Film 3\nTarget: Film 4\nAnswer:"

    model = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(bases.folder_of("tiny"), dtype=torch.float32),
        tmp_path / "out" / "merged",
        autocast_adapter_dtype=False,
    )
    with torch.inference_mode():
        logits = model(bench.base.encode(prompt)[None], use_cache=False).logits[0, -1]
        theirs = logits[[bench.base.yes_id, bench.base.no_id]]
        state = trunk.state(bench.base, prompt, depth=bench.plain.depth)
        ours = lora.top_of(bench.base, bench.plain).answers([state], bench.a, mixed)[0]

    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_fallback_is_exported_as_what_it_is(trained, tmp_path):
    trained.erase(FIRST_OF_1)
    trained.erase(SECOND_OF_0)
    release = live.release()

    done = export(tmp_path / "out")

    assert done.document["kind"] == "fallback"
    assert done.folders == ["merged", "shard-0", "shard-2"]
    named = json.loads((tmp_path / "out" / "shard-0" / "manifest.json").read_bytes())
    assert named["slice"] == "0"
    merged = json.loads((tmp_path / "out" / "merged" / "manifest.json").read_bytes())
    assert [part["weight"] for part in merged["parts"]] == ["1/2", "1/2"]
    assert exported_events(release)[0].facts["kind"] == "fallback"


def test_the_command_says_what_it_wrote_and_that_a_fallback_is_one(trained, tmp_path, capsys):
    trained.erase(SECOND_OF_0)
    capsys.readouterr()

    call_command("export_release", "--out", str(tmp_path / "said"))
    said = capsys.readouterr().out
    call_command("export_release", "--out", str(tmp_path / "given"), "--json")
    given = json.loads(capsys.readouterr().out)

    digest = hashlib.sha256((tmp_path / "given" / "release.json").read_bytes()).hexdigest()
    assert (given["release_json"], given["kind"]) == (digest, "fallback")
    assert (given["max_lora_rank"], given["live_digest"]) == ("8", live.release().live_digest)
    assert "It is a fallback" in said
    assert digest in said
    with pytest.raises(CommandError, match="there is something in that place"):
        call_command("export_release", "--out", str(tmp_path / "said"))


def test_no_adapter_left_is_one_sentence(trained, tmp_path):
    for person in (FIRST_OF_0, FIRST_OF_1, "person-0"):
        trained.erase(person)

    with pytest.raises(CannotExport, match="has no adapters, the base model answers alone"):
        export(tmp_path / "out")
    assert list(tmp_path.glob("*out*")) == []


def test_nothing_live_is_one_sentence(world, tmp_path):
    with pytest.raises(live.NothingLive, match="no release is live yet"):
        export(tmp_path / "out")


def test_an_adapter_of_older_data_does_not_leave(trained, tmp_path):
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])

    with pytest.raises(CannotExport, match="the data has changed since Release"):
        export(tmp_path / "out")

    assert list(tmp_path.glob("*out*")) == []
    trained.train()
    assert export(tmp_path / "out").folders


def test_a_file_that_is_not_what_was_logged_does_not_leave(trained, tmp_path):
    adapter = live.members(live.release()).first().adapter
    path = storage.path_of(adapter.weights_id)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(CannotExport, match="not those that were logged"):
        export(tmp_path / "out")
    assert list(tmp_path.glob("*out*")) == []


def test_a_folder_that_holds_something_is_left_alone(trained, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine too")

    for place in ("out", "file", "file/below"):
        with pytest.raises(CannotExport, match=r"^--out: "):
            export(tmp_path / place)

    assert bytes_of(tmp_path / "out") == {"mine.txt": b"mine"}
    assert not exported_events(live.release())


def test_a_link_is_followed_to_the_folder_that_it_means(trained, tmp_path):
    (tmp_path / "real").mkdir()
    for link, place in (("to-a-folder", "real"), ("to-nothing-yet", "later")):
        (tmp_path / link).symlink_to(tmp_path / place)

        done = export(tmp_path / link)

        assert hashlib.sha256((tmp_path / place / "release.json").read_bytes()).hexdigest() == (
            done.digest
        )
        assert (tmp_path / link).is_symlink()


def test_a_place_that_no_folder_can_take_is_refused_before_anything_is_logged(
    trained, tmp_path, monkeypatch
):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for place in (tmp_path / "loop", tmp_path / ("n" * 300), Path("~no-such-person/out")):
        with pytest.raises(CannotExport, match=r"^--out: "):
            export(place)
    # An empty volume, which nothing can be renamed onto.
    (tmp_path / "volume").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "volume")
    with pytest.raises(CannotExport, match="--out: a file system is mounted there"):
        export(tmp_path / "volume")

    assert not exported_events(live.release())


def test_an_erasure_that_lands_during_an_export_stops_it(trained, tmp_path, monkeypatch):
    """After the adapters were read and written, before anybody can see them."""
    release = live.release()
    write = exporting.files.write

    def interrupted(*args, **kwargs):
        document = write(*args, **kwargs)
        trained.erase(SECOND_OF_1)
        return document

    monkeypatch.setattr(exporting.files, "write", interrupted)

    with pytest.raises(CannotExport, match="the data has changed since Release"):
        export(tmp_path / "out")

    assert list(tmp_path.glob("*out*")) == []
    assert not exported_events(release)
    monkeypatch.undo()
    clean = export(tmp_path / "out")
    assert clean.document["kind"] == "fallback"


@pytest.mark.slow
def test_whatever_the_race_no_folder_holds_a_destroyed_adapter_that_the_log_let_out(
    trained, tmp_path
):
    """Of an export and an erasure at once: the export was first, by the log, or holds no trace."""
    start, outcome = threading.Barrier(2), []

    def exporter():
        try:
            start.wait(PATIENCE)
            outcome.append(export(tmp_path / "out"))
        except CannotExport:
            outcome.append(None)
        finally:
            connection.close()

    before = live.release()
    thread = threading.Thread(target=exporter)
    thread.start()
    start.wait(PATIENCE)
    trained.erase(SECOND_OF_1)
    thread.join()

    (done,) = outcome
    doomed = {
        adapter.digest
        for adapter in AdapterVersion.objects.exclude(weights__destroyed_at=None)
        if adapter.served_in.exists()
    }
    assert doomed
    if done is None:
        assert not (tmp_path / "out").exists()
        return
    left = {
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (tmp_path / "out").glob("shard-*/adapter_model.safetensors")
    }
    if left & doomed:
        assert done.release == before
        assert exported_events(before)
        bodies = Outbox.objects.order_by("id").values_list("body", flat=True)
        order = [json.loads(bytes(body))["type"] for body in bodies]
        later = order[order.index(Kind.RELEASE_EXPORTED) :]
        assert Kind.RELEASE_SWITCHED in later
    else:
        assert done.release != before


def test_an_export_waits_for_an_erasure_that_is_about_to_commit(trained, tmp_path, monkeypatch):
    """The check takes its turn: what it then reads is what the erasure left."""
    release = live.release()
    take_turns = exports.releases.take_turns
    waited = []

    def erased_meanwhile():
        monkeypatch.setattr(exports.releases, "take_turns", take_turns)
        other = threading.Thread(target=erase)
        other.start()
        other.join()
        waited.append(True)
        take_turns()

    def erase():
        try:
            trained.erase(SECOND_OF_1)
        finally:
            connection.close()

    monkeypatch.setattr(exports.releases, "take_turns", erased_meanwhile)

    with pytest.raises(CannotExport):
        export(tmp_path / "out")

    assert waited
    assert not exported_events(release)
