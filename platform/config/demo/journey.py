"""The demo's steps, in order. Every number is measured here; every claim is checked here."""

import json
import resource
import secrets
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from config import accounts, provision, terminal, training
from config.demo import data, proof, stage
from corpus import vault
from corpus.models import Interaction, Subject
from erasure import desk, services, verification
from erasure.models import DeletionRequest
from erasure.roles import Role
from erasure.states import State
from evidence import attesting
from ledger import hardening, verify
from ledger.models import Entry
from registry.models import ShardMembership
from registry.services import intake, live

ACTOR = "demo"
# The demo has a worker of its own: it only steps in for one that does not come at all.
PATIENCE = 90.0


@dataclass
class Journey:
    """What the demo found: times, figures, and the claims that did not hold."""

    answer: terminal.Answer
    subjects: int | None
    recipe: str
    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[terminal.Bars]:
        """One step: said when it begins, timed, with bars while it runs."""
        begun = time.monotonic()
        with self.answer.progress() as bars:
            yield bars
        self.seconds[name] = time.monotonic() - begun
        self.answer.say(f"{self.seconds[name]:7.1f} s  {what}")

    def somebody(self) -> str:
        """An id of MovieLens, which is public, of somebody who was not erased."""
        return vault.external_id(Subject.objects.order_by("rank")[0])

    def claim(self, name: str, holds: bool) -> None:
        """Note a claim, and whether it held."""
        self.found[name] = holds
        if not holds:
            self.failed.append(name)


def run(journey: Journey) -> None:
    """Ingest, train, erase, restore, prove."""
    with journey.step("assets", "base model and data are here"):
        training.provide(journey.recipe)
        movielens = provision.movielens()
    stage.clear()
    with suppress(hardening.CannotHarden):  # a server on which this user may not make roles
        hardening.harden()
    folder = Path(settings.EXPUNGE_VAR) / "demo"
    with stage.worker(), stage.server() as address:
        _ingest(journey, data.prepare(movielens, folder, subjects=journey.subjects))
        _train(journey)
        with journey.step("auc_before", "quality measured on held-out interactions") as bars:
            before = _quality(bars)
        officer, approver = _people(folder)
        journey.found |= {"auc_before": before, "live_before": live.describe(live.release())}
        request, receipt = _file(journey, address, officer)
        _erase(journey, request, approver)
        _restore(journey, request)
        with journey.step("auc_after", "quality measured again") as bars:
            journey.found["auc_after"] = _quality(bars)
    _prove(journey, request)
    with journey.step("evidence", "a bundle made, and verified by a program that knows only it"):
        said = proof.certify(request=request, receipt=receipt, folder=folder, actor=ACTOR)
    journey.found["evidence_level"] = said["level"]
    journey.claim("bundle_verified", said["exit"] == 0)
    journey.found["wall_s"] = time.monotonic() - journey.started
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    journey.found["peak_rss_mb"] = peak / 1024


def _ingest(journey: Journey, files: data.Files) -> None:
    # The files hold people in clear: the corpus has them from here on, and forgets when told to.
    with files, journey.step("ingest", f"MovieLens-100K ingested: {files.subjects} people") as bars:
        intake.take_catalogue(path=files.catalogue, actor=ACTOR, at=timezone.now())
        intake.take_interactions(
            path=files.interactions,
            actor=ACTOR,
            at=timezone.now(),
            on_rows=lambda rows: bars.move("rows", rows, None),
        )
        terminal.sequence()
    journey.found |= {
        "subjects": Subject.objects.count(),
        "interactions": Interaction.objects.count(),
    }


def _train(journey: Journey) -> None:
    with journey.step("train", "trained by a Celery worker, and live") as bars:
        recipe = training.choose(journey.recipe, actor=ACTOR)
        training.train(recipe, actor=ACTOR, on_runs=bars.runs, patience=PATIENCE)
        attesting.catch_up(actor=ACTOR, at=timezone.now())


def _quality(bars: terminal.Bars) -> float | None:
    from registry import serving

    return serving.quality(progress=bars.step("held-out")).auc


def _people(folder: Path) -> tuple[str, User]:
    """An officer's API token, and an approver; their passwords are kept for `make up`."""
    notes = {}
    tokens = {}
    for name, role in (("officer", Role.OFFICER), ("approver", Role.APPROVER)):
        password = secrets.token_urlsafe(12)
        tokens[name] = accounts.create(
            name=name, roles=[role], password=password, actor=ACTOR, at=timezone.now()
        )
        notes[name] = password
    path = folder / "users.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(notes, indent=2) + "\n")
    return tokens["officer"], User.objects.get(username="approver")


def _file(journey: Journey, address: str, token: str) -> tuple[DeletionRequest, str]:
    """File a ticket over HTTP for the first person by rank: nobody's choice. And the receipt."""
    person = Subject.objects.order_by("rank")[0]
    body = {"subject": vault.external_id(person), "regulation": "gdpr"}
    with journey.step("file", "one person's request filed over the API"):
        call = urllib.request.Request(
            f"{address}/api/v1/requests",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=60) as response:
            filed = json.load(response)
    place = ShardMembership.objects.get(recipe__is_current=True, subject=person)
    journey.found |= {
        "request": filed["number"],
        "erased_shard": place.shard,
        "erased_slice": place.slice,
    }
    return DeletionRequest.objects.get(pk=filed["id"]), filed["receipt"]


def _erase(journey: Journey, request: DeletionRequest, approver: User) -> None:
    with journey.step("erase", "approved by another user; erased; the fallback release serves"):
        begun = time.monotonic()
        desk.approve(request=request, by=approver, at=timezone.now())
        journey.found["time_to_clean_s"] = time.monotonic() - begun
        journey.found["erasing_since"] = begun
    request.refresh_from_db()
    journey.found["live_fallback"] = live.describe(live.release())


def _restore(journey: Journey, request: DeletionRequest) -> None:
    with journey.step("restore", "the affected shard retrained; full quality is back") as bars:
        recipe = training.choose(None, actor=ACTOR)
        training.train(recipe, actor=ACTOR, on_runs=bars.runs, patience=PATIENCE)
        since = journey.found.pop("erasing_since")
        journey.found["time_to_restored_s"] = time.monotonic() - since
        terminal.sequence()
    journey.found["live_after"] = live.describe(live.release())


def _prove(journey: Journey, request: DeletionRequest) -> None:
    """Check every claim against what is stored."""
    from evidence import replaying
    from registry.replay import replay

    shard = journey.found["erased_shard"]
    before, after = journey.found["live_before"], journey.found["live_after"]
    erased = [bytes(key) for key in request.records.values_list("key", flat=True)]
    with journey.step("replay", "the retrained shard trained once more, from its manifest") as bars:
        again = replay(shard=shard, progress=bars.step(f"replay of shard {shard}"))
        journey.claim("replay_identical", again.is_identical)
        replaying.attest(done=again, actor=ACTOR, at=timezone.now())
    with journey.step("check", "manifests, log and store checked"):
        services.settle(actor=ACTOR, at=timezone.now())
        request.refresh_from_db()
        others = set(before["adapters"]) - {str(shard)}
        journey.claim(
            "untouched_shards_unchanged",
            all(before["adapters"][s] == after["adapters"].get(s) for s in others),
        )
        found = verification.found_in_live(erased, live.release())
        journey.found |= {"erased_commitments": len(erased), "erased_found_in_live": found}
        journey.claim("erased_absent_from_live", bool(erased) and found == 0)
        journey.claim("request_completed", request.state == State.COMPLETED)
        terminal.sequence()
        report = verify.verify()
        journey.claim("log_verified", report.ok)
        journey.found["events"] = Entry.objects.count()
        journey.found["live_digest"] = after["live_digest"]
