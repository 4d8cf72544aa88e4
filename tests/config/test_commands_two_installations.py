"""Two installations with the same keys and different histories serve the same bits."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import pytest
from django.conf import settings

from tests.environment import ROOT
from tests.worlds import ITEMS, rows_of, write

pytestmark = pytest.mark.slow

PEOPLE = [f"person-{number}" for number in range(5)]


class Installation:
    """A folder of state with an embedded database of its own, reached by commands alone."""

    def __init__(self, folder) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "EXPUNGE_VAR"}}
        self.environment = {
            **kept,
            "EXPUNGE_VAR": str(folder / "var"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        }

    def run(self, *words: str, succeeds: bool = True):
        """Run a command in a process of its own; return its one document."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, done.stderr
        return json.loads(done.stdout)

    def ingest(self, name: str, rows) -> None:
        self.run("ingest", str(write(self.folder / f"{name}.csv", rows)))

    def begin(self) -> None:
        catalogue = self.folder / "catalogue.csv"
        catalogue.write_text("item,title\n" + "".join(f"{i},Film {i[1:]}\n" for i in ITEMS))
        self.run("ingest_catalogue", str(catalogue))


@pytest.fixture
def install(django_db_modify_db_settings):
    """Make installations, and stop their databases.

    Not in pytest's folder: it shuts that to others, and the embedded server is another user's.
    """
    made = []

    def installation() -> Installation:
        made.append(Installation(Path(mkdtemp(dir=settings.EXPUNGE_VAR))))
        made[-1].folder.chmod(0o755)
        made[-1].begin()
        return made[-1]

    yield installation
    for each in made:
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "down"], env=each.environment, check=True
        )
        shutil.rmtree(each.folder)


def test_an_installation_that_erased_is_one_that_never_saw(install):
    ours, twin = install(), install()
    ours.ingest("all", [row for person in PEOPLE for row in rows_of(person)])
    before = ours.run("train", "--recipe", "tiny")
    for name, role in (("olivia", "officer"), ("adam", "approver")):
        ours.run("create_user", name, "--role", role)
    filed = ours.run(
        "request_erasure", "--subject", "person-1", "--regulation", "ccpa", "--as", "olivia"
    )
    refused = ours.run("approve", filed["id"], "--as", "olivia", succeeds=False)
    ours.run("approve", filed["id"], "--as", "adam")
    ours.run("train")

    for some in (PEOPLE[3:], [PEOPLE[2], PEOPLE[0]]):
        twin.ingest(some[0], [row for person in some for row in reversed(rows_of(person))])
    twin.run("train", "--recipe", "tiny")

    found, wanted = ours.run("live"), twin.run("live")
    assert set(refused) == {"error"}
    assert found["live_digest"] == wanted["live_digest"] != before["live_digest"]
    assert found["adapters"] == wanted["adapters"]
    assert ours.run("verify_log")["verified"]
