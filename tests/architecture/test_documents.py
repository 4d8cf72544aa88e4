"""Documents that cannot rot: what they say of the code is compared with the code."""

import re

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from erasure import states
from erasure.clocks import CLOCKS

ROOT = settings.ROOT
COMMANDS = sorted(name for name, app in get_commands().items() if app == "config")
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if not path.name.startswith(".")
)
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def fenced(path, language):
    """The first fenced block of a language."""
    found = re.search(rf"```{language}\n(.*?)\n```", path.read_text(), re.S)
    assert found, f"{path.name} has no {language} block"
    return found[1]


def section(text, heading):
    """What stands under a heading, up to the next of its level."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    assert found, f"there is no section {heading}"
    return found[1]


def test_the_diagram_of_states_is_the_table():
    assert fenced(ROOT / "docs" / "states.md", "mermaid") == states.mermaid()


@pytest.mark.parametrize("state", states.State)
def test_every_state_is_explained(state):
    assert f"`{state.value}`" in (ROOT / "docs" / "states.md").read_text()


@pytest.mark.parametrize("regulation", CLOCKS)
def test_every_clock_is_documented_with_its_rule(regulation):
    text = (ROOT / "docs" / "clocks.md").read_text()

    assert f"`{regulation.value}`" in text
    assert CLOCKS[regulation].rule in text


def test_every_folder_and_file_of_the_readmes_tree_exists():
    tree = fenced(ROOT / "README.md", "text")
    names = re.findall(r"^([\w./-]+)", tree, re.M)

    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_top_level_package_is_in_the_readmes_tree():
    tree = fenced(ROOT / "README.md", "text")
    packages = [f"platform/{p.parent.name}/" for p in (ROOT / "platform").glob("*/__init__.py")]

    assert packages
    assert [name for name in packages if not re.search(rf"^{name}", tree, re.M)] == []


def test_there_are_commands():
    assert {"demo", "train", "up"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_with_an_example(name):
    commands = section((ROOT / "README.md").read_text(), "Commands")

    assert re.search(rf"^(?:manage|make) .*\b{name}\b", commands, re.M) or (
        f"manage.py {name}" in commands
    )


@pytest.mark.parametrize(
    "line", re.findall(r"manage\.py ([a-z]\w*[^`\n#]*)", (ROOT / "README.md").read_text())
)
def test_every_command_in_the_readme_is_one_with_those_options(line):
    name, *words = line.split()
    parser = load_command_class("config", name).create_parser("manage.py", name)
    options = {option for action in parser._actions for option in action.option_strings}

    assert name in COMMANDS
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_target_of_make_in_a_document_is_in_the_makefile(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`make ([a-z-]+)", path.read_text())) <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_of_ours_leads_somewhere(path):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_variable_that_the_code_reads_is_in_the_readme():
    code = "".join(
        path.read_text() for part in ("platform", "mlcore") for path in (ROOT / part).rglob("*.py")
    )
    read = set(re.findall(r"(?:environ\.get\(|environ\[|flag\(|variable=)\s*\"([A-Z_]+)\"", code))
    documented = section((ROOT / "README.md").read_text(), "Environment")
    internal = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "PATH"}

    assert len(read) > 10
    assert sorted(name for name in read - internal if f"`{name}`" not in documented) == []


def test_every_recipe_is_in_the_readme():
    recipes = section((ROOT / "README.md").read_text(), "Recipes")

    for path in (ROOT / "recipes").glob("*.toml"):
        assert f"`{path.stem}`" in recipes


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_every_decision_has_its_four_parts_and_its_number(path):
    text = path.read_text()
    number = int(path.name.partition("-")[0])

    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^## (.*)", text, re.M) == ["Status", "Context", "Decision", "Consequences"]


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name.partition("-")[0]) for path in ADRS]

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_is_listed():
    index = (ROOT / "docs" / "adr" / "README.md").read_text()

    assert [path.name for path in ADRS if f"({path.name})" not in index] == []
