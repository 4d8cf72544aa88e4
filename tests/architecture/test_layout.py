"""The layout defends itself: the rules of the tree that a newcomer breaks first."""

import platform
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.migrations.loader import MigrationLoader

ROOT = settings.ROOT
OURS = sorted(
    path.name for path in (ROOT / "platform").iterdir() if (path / "__init__.py").exists()
)
MODELS = [
    model
    for config in apps.get_app_configs()
    if config.name in OURS
    for model in config.get_models(include_auto_created=True)
]
MODULE, TEST_MODULE = 300, 400
# What a path of somebody's own machine begins with.
ELSEWHERE = re.compile(r"(?<![\w.}])/(?:home|root|work|Users|opt|tmp)/\w")


def tracked(*patterns):
    """The files that git knows, or will know with the next commit."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


def name_of(path):
    return str(path.relative_to(ROOT))


def test_stdlib_platform_is_the_one_imported():
    assert platform.__file__ is not None
    assert not Path(platform.__file__).is_relative_to(ROOT / "platform")
    assert platform.system()


def test_platform_has_no_init():
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "platform.py").exists()


def test_platform_holds_packages_and_no_loose_modules():
    assert [path.name for path in (ROOT / "platform").glob("*.py")] == []


@pytest.mark.parametrize("name", [*OURS, "mlcore", "migrations"])
def test_package_name_is_ours_alone(name):
    owners = set(packages_distributions().get(name, []))

    assert name not in sys.stdlib_module_names
    assert owners <= {"expunge"}


def test_every_app_with_models_is_migrated():
    """Django silently treats an app whose migrations package is missing as unmigrated."""
    with_models = {c.label for c in apps.get_app_configs() if c.name in OURS and c.models}

    assert with_models == set(settings.MIGRATION_MODULES)
    assert with_models <= MigrationLoader(connection=None).migrated_apps


def test_there_are_models_to_classify():
    assert {model._meta.app_label for model in MODELS} == set(settings.MIGRATION_MODULES)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_column_is_classified(model):
    """A new column fails here until someone decides whether an erasure must clear it."""
    columns = {field.name for field in model._meta.concrete_fields}
    columns -= {f.name for f in model._meta.fields if isinstance(f, models.CompositePrimaryKey)}

    assert columns == model.PERSONAL | model.RETAINED
    assert not model.PERSONAL & model.RETAINED


@pytest.mark.parametrize("path", tracked("platform/*.py", "mlcore/*.py"), ids=name_of)
def test_a_module_fits_in_a_head(path):
    assert len(path.read_text().splitlines()) <= MODULE


@pytest.mark.parametrize("path", tracked("tests/*.py"), ids=name_of)
def test_a_test_module_fits_in_a_head(path):
    assert len(path.read_text().splitlines()) <= TEST_MODULE


@pytest.mark.parametrize("path", tracked("platform/*.py", "mlcore/*.py"), ids=name_of)
def test_a_module_says_what_it_is(path):
    text = path.read_text()

    assert not text.strip() or text.startswith('"""')


def test_no_file_names_a_path_of_one_machine():
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name_of(path)}:{number}"
            for number, line in enumerate(text.splitlines(), start=1)
            if ELSEWHERE.search(line) and path != Path(__file__)
        ]

    assert found == []


def test_the_lock_pins_every_package_and_names_no_index():
    lines = (ROOT / "requirements" / "lock.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert wanted
    assert [line for line in wanted if not re.fullmatch(r"[\w.-]+==\S+ \\", line)] == []
    assert not any("://" in line for line in lines)


def test_every_dependency_of_ours_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        re.match(r"[\w-]+", each)[0].lower()
        for each in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    }
    files = [(ROOT / "requirements" / name).read_text() for name in ("lock.txt", "torch.txt")]
    locked = set(re.findall(r"^([\w.-]+)==", "\n".join(files).lower(), re.M))

    assert declared <= {name.replace("_", "-") for name in locked}
