"""What an audit refuses: each in one sentence, before anything is trained."""

import re
from pathlib import Path

import pytest

from mlcore.audit import __main__ as program
from mlcore.audit import config as configs
from mlcore.audit.config import BadConfig
from mlcore.recipe import BadRecipe

TINY = Path(configs.__file__).with_name("tiny.toml")


def changed(tmp_path: Path, key: str, line: str) -> Path:
    """The default configuration with the line of a key replaced."""
    text, count = re.subn(f"(?m)^{key} = .*$", line, TINY.read_text("utf-8"), count=1)
    assert count == 1
    file = tmp_path / "audit.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize("file", sorted(TINY.parent.glob("*.toml")), ids=lambda file: file.stem)
def test_the_configurations_that_come_along_are_read(file: Path) -> None:
    config, recipe = configs.load(file)
    assert config.retained >= recipe.shards
    assert configs.of_table(configs.as_json(config), "again") == config


@pytest.mark.parametrize(
    ("key", "line", "sentence"),
    [
        ("seen_auc", "seen_auc = 1.5", "seen_auc must be a number from 0.5 to 1, not 1.5."),
        ("left_auc", "left_auc = true", "left_auc must be a number from 0 to 0.5, not True."),
        ("left_auc", "left_auc = nan", "left_auc must be a number from 0 to 0.5, not nan."),
        ("shadows", "shadows = 5", "shadows must be 0 or an even number from 4 to 1024, not 5."),
        ("shadows", "shadows = 2", "shadows must be 0 or an even number from 4 to 1024, not 2."),
        ("erased", "erased = 1", "erased must be a whole number from 2 to 1000000, not 1."),
        (
            "false_positives",
            "false_positives = [0.05, 0.01]",
            "false_positives must be a list of ascending rates from 0 to 1, not [0.05, 0.01].",
        ),
        ("seed", "", "seed is missing."),
        ("seed", "seed = 1\nsneed = 1", "sneed is not a key of an audit."),
        ("fixed_variance", "fixed_variance = 1", "fixed_variance must be true or false, not 1."),
    ],
)
def test_a_bad_key_is_named_in_one_sentence(
    tmp_path: Path, key: str, line: str, sentence: str
) -> None:
    with pytest.raises(BadConfig) as refused:
        configs.load(changed(tmp_path, key, line))
    assert str(refused.value) == f"audit.toml: {sentence}"


def test_a_bad_key_of_the_recipe_is_named_too(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"^audit.toml: recipe: depth must be a whole number"):
        configs.load(changed(tmp_path, "depth", "depth = 0"))


def test_the_program_refuses_in_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    config = changed(tmp_path, "left_auc", "left_auc = 0.7")
    assert program.main(["--config", str(config), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert told == "audit: audit.toml: left_auc must be a number from 0 to 0.5, not 0.7.\n"
    assert program.main(["--data", str(tmp_path), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert told == "audit: There is no ml-100k.item in the folder of the data.\n"
    assert not out.exists()


@pytest.mark.parametrize("rating", ["2\t1\t3", "2\t1\tgood\t9", "2\t7\t3\t9"])
def test_a_line_that_is_no_rating_is_named_without_the_person(
    tmp_path: Path, rating: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ml-100k.item").write_text("id\ttitle\tyear\tclass\n1\tFargo\t1996\tCrime\n")
    (tmp_path / "ml-100k.inter").write_text(f"a\tb\tc\td\n1234\t1\t3\t9\n{rating}\n")
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "out.json")]
    assert program.main(arguments) == 2
    assert capsys.readouterr().err.startswith("audit: ml-100k.inter, line 3 ")
