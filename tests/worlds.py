"""A small platform to live through a history, and its twin that never saw what was erased."""

import csv
import json
import random
import shutil
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.utils import timezone

from config import training
from corpus import services as corpus
from corpus import vault
from corpus.models import Deployment
from erasure import services, verification
from erasure.clocks import Regulation
from erasure.models import DeletionRequest, ErasedRecord
from mlcore.anchors import Anchors, to_bytes
from mlcore.samples import Interaction
from registry import bases, serving, tasks, work
from registry.models import AdapterVersion, Recipe, Release, TrainingRun
from registry.services import anchoring, intake, live, runs

ITEMS = [f"m{number}" for number in range(40)]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """One line of an interactions file."""

    subject: str
    item: str
    value: int
    at: int


def rows_of(subject: str, *, count: int = 8) -> list[Row]:
    """What one person does, in order; the same in every world."""
    chance = random.Random(subject)
    items = chance.sample(ITEMS, count)
    return [Row(subject, item, chance.randint(1, 5), 1000 + 10 * n) for n, item in enumerate(items)]


def title_of(item: str) -> str:
    """A title, now and then a long one: attention cuts long prompts in other places (at 192 tokens,
    measured), which is when a padded batch shows its neighbours in its bits.
    """
    number = int(item[1:])
    return f"Film {number}" + (" and its sequels" * 9 if number % 6 == 0 else "")


def write(path: Path, rows: Iterable[Row]) -> Path:
    """An interactions file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "item", "value", "timestamp"])
        writer.writerows([row.subject, row.item, row.value, row.at] for row in rows)
    return path


def recipe_of(folder: Path, settings, *, anchors: Anchors | None = None, **keys: object) -> str:
    """The path of a recipe that is the tiny one but for some keys, its anchors among the assets."""
    if anchors is not None:
        assets = folder / "assets"
        if not assets.exists():
            assets.mkdir()
            (assets / "tiny").symlink_to(bases.folder_of("tiny").resolve())
        settings.EXPUNGE_ASSETS = assets
        anchoring.write(anchoring.path_of(anchors.digest), to_bytes(anchors))
        keys |= {"partition": "semantic", "anchors": anchors.digest}
    tiny = tomllib.loads((settings.EXPUNGE_RECIPES / "tiny.toml").read_text())
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**tiny, **keys}.items()]
    path = folder / f"{'-'.join(['tiny', *keys])}.toml"
    path.write_text("\n".join(lines))
    return str(path)


def contaminated() -> list[AdapterVersion]:
    """The adapters that can still be read, and learned from a record that was erased."""
    erased = {bytes(key) for key in ErasedRecord.objects.values_list("key", flat=True)}
    readable = AdapterVersion.objects.filter(weights__destroyed_at=None)
    return [a for a in readable if erased & set(verification.record_list(a))]


class World:
    """One installation, emptied when it begins. Only the services of the platform change it."""

    def __init__(self, folder: Path, settings) -> None:
        # It is empty already, unless a world was here before in this test: emptying takes a while.
        if Deployment.objects.exists() or User.objects.exists():
            call_command("flush", interactive=False, verbosity=0)
        shutil.rmtree(settings.EXPUNGE_STORE, ignore_errors=True)
        shutil.rmtree(settings.EXPUNGE_LOG_KEYS, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.files = 0
        corpus.check_keys(at=timezone.now())
        self.officer = user("olivia", "officer")
        self.approver = user("adam", "approver")
        catalogue = folder / "catalogue.csv"
        catalogue.write_text("item,title\n" + "".join(f"{i},{title_of(i)}\n" for i in ITEMS))
        intake.take_catalogue(path=catalogue, actor="test", at=timezone.now())

    def ingest(self, rows: Sequence[Row]) -> None:
        """Take in some rows as one batch."""
        if rows:
            self.files += 1
            path = write(self.folder / f"{self.files}.csv", rows)
            intake.take_interactions(path=path, actor="test", at=timezone.now())

    def mark(self, leavers: Mapping[str, bool]) -> None:
        """Say of some people whether they are likely to leave."""
        if leavers:
            self.files += 1
            path = self.folder / f"{self.files}.csv"
            lines = [f"{person},{int(is_late)}" for person, is_late in leavers.items()]
            path.write_text("\n".join(["subject,likely_leaver", *lines]))
            intake.take_leavers(path=path, actor="test", at=timezone.now())

    def train(self, recipe: str = "tiny") -> Release:
        """Bring the live release up to date in this process, and settle what waits for it."""
        row = training.choose(recipe, actor="test")
        while not live.is_current(row):
            runs.plan(recipe=row, actor="test", at=timezone.now(), retry=True)
            run = work.work_once()
            assert run is not None, "nothing to do, and not up to date"
            assert run.state != TrainingRun.State.FAILED, run.failure
        services.settle(actor="test", at=timezone.now())
        return live.release()

    def erase(self, subject: str, items: Sequence[str] | None = None) -> DeletionRequest:
        """File, approve by somebody else, and erase."""
        request = self.file(subject, items)
        services.approve(request=request, by=self.approver, at=timezone.now())
        services.execute(request=request, actor="test", at=timezone.now())
        return request

    def file(self, subject: str, items: Sequence[str] | None = None) -> DeletionRequest:
        """File a request, and leave it there."""
        request, self.receipt = services.file(
            subject=subject,
            items=items,
            regulation=Regulation.GDPR,
            filed_by=self.officer,
            at=timezone.now(),
        )
        return request

    def interactions_of(self, subject: str) -> list[Interaction]:
        """What is held of a person, as the engine takes it."""
        return serving.history_of(vault.find(subject))

    def lose_a_worker(self, recipe: str = "tiny") -> None:
        """Let a worker claim a run and die, and the sweeper find out."""
        row = training.choose(recipe, actor="test")
        runs.plan(recipe=row, actor="test", at=timezone.now())
        died = runs.claim(run_id=None, worker=NOBODY, at=timezone.now() - timedelta(hours=1))
        if died is not None:
            assert runs.reap(actor="test", at=timezone.now()) >= 1


NOBODY = work.WORKER.__class__(int=0)


def user(name: str, role: str) -> User:
    """An account with a role; it never signs in."""
    made = User.objects.create(username=name)
    made.groups.add(Group.objects.get_or_create(name=role)[0])
    return made


def overtaken_by(action: Callable[[], None], settings, monkeypatch) -> None:
    """Let something happen while the next run is at work, after it has read its data."""
    from registry import training as bridge

    fit = bridge.fit

    def interrupted(*args, **kwargs):
        monkeypatch.setattr(bridge, "fit", fit)
        done = fit(*args, **kwargs)
        action()
        return done

    monkeypatch.setattr(bridge, "fit", interrupted)


def current() -> Recipe:
    """The recipe in use."""
    return Recipe.objects.get(is_current=True)


def silence_the_doorbell(monkeypatch) -> None:
    """Ring for nobody: these worlds have no worker."""
    monkeypatch.setattr(tasks, "call", lambda: None)
