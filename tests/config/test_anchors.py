"""Anchors and marks by commands: one JSON document each, and a recipe that can be met."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from corpus import vault
from mlcore import anchors
from registry import bases
from registry.services import anchoring
from tests import worlds
from tests.registry.conftest import FIRST_OF_0, PEOPLE, empty, world

__all__ = ["empty", "world"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(capsys):
    """Run a command with --json; return its one document."""

    def command(*words: str) -> dict[str, object]:
        capsys.readouterr()
        call_command(*words, "--json")
        document: dict[str, object] = json.loads(capsys.readouterr().out)
        return document

    return command


@pytest.fixture
def assets(tmp_path, settings):
    """Assets of this test's own, with the tiny base."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "tiny").symlink_to(bases.folder_of("tiny").resolve())
    settings.EXPUNGE_ASSETS = folder
    return folder


def test_fitted_anchors_can_be_trained_with_as_printed(world, run, assets, tmp_path, settings):
    fitted = run("fit_anchors", "--recipe", "tiny")

    path = anchoring.path_of(str(fitted["anchors"]))
    assert fitted == {
        "anchors": fitted["anchors"],
        "shards": 3,
        "items": len(worlds.ITEMS),
        "path": str(path),
    }
    assert anchors.from_bytes(path.read_bytes()).votes.keys() == set(worlds.ITEMS)
    recipe = tmp_path / "semantic.toml"
    tiny = (settings.EXPUNGE_RECIPES / "tiny.toml").read_text()
    recipe.write_text(f'{tiny}\npartition = "semantic"\nanchors = "{fitted["anchors"]}"\n')
    assert run("train", "--recipe", str(recipe))["kind"] == "full"


def test_what_people_did_changes_no_anchors(empty, run, assets):
    before = run("fit_anchors", "--recipe", "tiny")

    empty.ingest(worlds.rows_of(PEOPLE[0]))

    assert run("fit_anchors", "--recipe", "tiny") == before


def test_a_file_of_titles_gives_the_same_anchors_as_the_catalogue(empty, run, assets, tmp_path):
    out = tmp_path / "anchors.json"
    ingested = run("fit_anchors", "--recipe", "tiny")

    from_file = run(
        "fit_anchors",
        *("--recipe", "tiny", "--catalogue", str(empty.folder / "catalogue.csv")),
        *("--out", str(out)),
    )

    assert from_file == ingested | {"path": str(out)}
    assert out.read_bytes() == Path(str(ingested["path"])).read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "nothing"], "--recipe: there is no such file"),
        (["--recipe", "tiny", "--catalogue", "{tmp}/none.csv"], "file: cannot be read"),
        (["--recipe", "tiny", "--catalogue", "{tmp}/one.csv"], "shards must be from 1 to the 1"),
        (["--recipe", "tiny", "--out", "{tmp}/one.csv/x"], "--out: cannot be written"),
        (["--recipe", "tiny", "--out", "{tmp}"], "--out: cannot be written"),
        (["--recipe", "tiny", "--out", "/"], "--out: cannot be written"),
        (["--recipe", "n" * 300], "--recipe: there is no such file"),
        (["--recipe", "~no-such-person/x"], "--recipe: there is no such file"),
        (["--recipe", "{tmp}/far.toml"], "the base model n+ is not here"),
    ],
)
def test_anchors_that_cannot_be_made_are_refused(
    empty, run, assets, tmp_path, settings, words, message
):
    (tmp_path / "one.csv").write_text("item,title\nm1,Film 1\n")
    tiny = (settings.EXPUNGE_RECIPES / "tiny.toml").read_text()
    (tmp_path / "far.toml").write_text(tiny.replace('base = "tiny"', f'base = "{"n" * 300}"'))

    with pytest.raises(CommandError, match=message):
        run("fit_anchors", *(word.format(tmp=tmp_path) for word in words))

    assert not (assets / "anchors").exists()
    assert not [*tmp_path.parent.glob(".*.draft")]


def test_marks_come_in_by_a_command(world, run, tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text(f"subject,likely_leaver\n{FIRST_OF_0},1\n{PEOPLE[0]},0\n")

    assert run("ingest_subjects", str(path)) == {"rows": 2, "changed": 1}
    assert vault.find(FIRST_OF_0).is_likely_leaver


def test_a_mark_of_a_stranger_is_refused_without_the_name(world, run, tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text("subject,likely_leaver\nada-lovelace,1\n")

    with pytest.raises(CommandError, match="nobody of this subject's id is here") as caught:
        run("ingest_subjects", str(path))

    assert "ada" not in str(caught.value)
