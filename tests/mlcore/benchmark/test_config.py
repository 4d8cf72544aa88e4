"""A configuration is read strictly: one sentence names what is wrong, before any work."""

import re

import pytest

from mlcore.benchmark import __main__ as command
from mlcore.benchmark import config as configs
from mlcore.benchmark import data
from mlcore.benchmark.tables import BadConfig


@pytest.mark.parametrize("size", configs.sizes())
def test_every_size_loads_and_every_key_says_why(size):
    made = configs.of_size(size)

    assert made.name == size
    assert {"retrain", "ours"} <= {*made.main}


def test_the_sizes_are_those_that_are_documented():
    assert configs.sizes() == ["full", "smoke", "standard"]


@pytest.mark.parametrize(
    ("was", "to", "complaint"),
    [
        ('name = "smoke"', 'nome = "smoke"', "nome is not a key"),
        ('name = "smoke"', "name = 3", "name must be a text"),
        ("resamples = 200", "resamples = 2", "statistics: resamples must be a whole number from"),
        ("resamples = 200", "resamples = true", "resamples must be a whole number"),
        ("resamples = 200", "", "statistics: resamples is missing"),
        ("seeds = [1, 2]", "seeds = [1, 1]", "quality: seeds must be a list of different entries"),
        ("seeds = [1, 2]", "seeds = []", "quality: seeds must be a list"),
        ("ablation_seeds = 1", "ablation_seeds = 1.5", "ablation_seeds must be a whole number"),
        ("learning_rate_ab = 0.01", "learning_rate_ab = nan", "learning_rate_ab must be a number"),
        ('"sisa"', '"sissa"', "there is no system 'sissa'"),
        ('"retrain", ', "", "must name retrain and ours"),
        ("depth = 2", "depth = 0", "recipe: depth must be"),
        ("subjects = 0", "people = 0", "data.movielens: people is not a key"),
        ("[data.movielens]", "[data.lastfm]", "data: movielens is missing"),
        ("[statistics]", "[measures.speed]\nx = 1\n[statistics]", "measures: speed is not one of"),
        ("[quality]", "[quality", "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(toml, was, to, complaint):
    text = toml.read_text("utf-8")
    assert was in text
    toml.write_text(text.replace(was, to), "utf-8")

    with pytest.raises(BadConfig, match=complaint) as caught:
        configs.load(toml)
    assert str(caught.value).count("\n") == 0


def test_a_recipe_may_lie_over_that_of_a_file(toml, tmp_path):
    text = toml.read_text("utf-8")
    head, _, rest = text.partition("[recipe]")
    recipe, _, tail = rest.partition("[data.movielens]")
    (tmp_path / "base.toml").write_text(recipe, "utf-8")
    toml.write_text(
        f'{head}[recipe]\nfile = "base.toml"\nrank = 2\n[data.movielens]{tail}', "utf-8"
    )

    made = configs.load(toml)

    assert (made.recipe.rank, made.recipe.depth) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--size", "huge"], "size must be one of full, smoke, standard"),
        (["--config", "nowhere.toml"], "there is no file nowhere.toml"),
        (["--size", "smoke", "--data", "lastfm=."], "--data wants one of"),
        (["--size", "smoke", "--data", "bookcrossing=nowhere"], "there is no folder nowhere"),
    ],
)
def test_bad_arguments_end_with_two_and_write_nothing(tmp_path, capsys, arguments, complaint):
    work, out = tmp_path / "work", tmp_path / "out"

    code = command.main([*arguments, "--work", str(work), "--out", str(out)])

    assert code == 2
    assert complaint in capsys.readouterr().err
    assert not out.exists()


def test_a_missing_base_ends_with_two(tmp_path, capsys, toml, assets):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "ml-100k").symlink_to(assets / "ml-100k")

    code = command.main(
        ["--config", str(toml), "--assets", str(tmp_path / "assets"),
         "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    )  # fmt: skip

    assert code == 2
    assert "the base model tiny is not in the assets" in capsys.readouterr().err


def test_more_shards_than_people_are_refused_before_any_work(tmp_path, capsys, toml, assets):
    toml.write_text(toml.read_text("utf-8").replace("shards = [2, 4]", "shards = [2, 400]"))

    code = command.main(
        ["--config", str(toml), "--assets", str(assets),
         "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    )  # fmt: skip

    assert code == 2
    assert "16 subjects cannot fill 400 shards" in capsys.readouterr().err
    assert not (tmp_path / "work" / "results").exists()


@pytest.mark.parametrize(
    ("was", "to", "complaint"),
    [
        ('"q_proj", "v_proj"', '"x_proj"', "recipe: .*x_proj"),
        ("[statistics]", "[measures.clean]\nshards = 400\nslices = 1\ntrials = 1\n[statistics]",
         "16 subjects cannot fill 400 shards"),
    ],
)  # fmt: skip
def test_what_the_base_or_the_people_cannot_meet_is_refused_before_any_work(
    tmp_path, capsys, toml, assets, was, to, complaint
):
    assert was in toml.read_text("utf-8")
    toml.write_text(toml.read_text("utf-8").replace(was, to))

    code = command.main(
        ["--config", str(toml), "--assets", str(assets),
         "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    )  # fmt: skip

    assert code == 2
    assert re.search(complaint, capsys.readouterr().err)
    assert not (tmp_path / "work" / "results").exists()


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("ml-100k.item", b"", "no rating of an item of the catalogue"),
        ("ml-100k.item", b"a\tb\tc\td\n1\t\xe9\t9\tX\n", "ml-100k.item is not a table in UTF-8"),
        ("ml-100k.inter", b"u\ti\tr\tt\n1\t1\t3\n", "ml-100k.inter, line 2 has not 4 columns"),
        ("ml-100k.inter", b"u\ti\tr\tt\n1\t99\t3\t5\n", "line 2 is no rating of an item"),
        ("ml-100k.inter", b"u\ti\tr\tt\n1\t1\tx\t5\n", "line 2 is no rating of an item"),
        ("ml-100k.inter", b"u\ti\tr\tt\n1\t1\t3\tnow\n", "line 2 is no rating of an item"),
    ],
)  # fmt: skip
def test_a_bad_line_of_data_is_named(tmp_path, assets, file, text, complaint):
    for name in ("ml-100k.item", "ml-100k.inter"):
        (tmp_path / name).write_bytes((assets / "ml-100k" / name).read_bytes())
    (tmp_path / file).write_bytes(text)

    with pytest.raises(BadConfig, match=complaint):
        data.movielens(tmp_path, {"subjects": 0, "test_rows": 0})


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("catalogue.csv", "item,name\nb1,Book\n", "catalogue.csv, line 2 has no title"),
        ("interactions.csv", "subject,item,value\nvalid-1,b1,1\n", "line 2 has no timestamp"),
        ("interactions.csv", "subject,item,value,timestamp\nvalid-1,b1\n", "line 2 has no value"),
    ],
)
def test_a_bad_row_of_books_is_named(tmp_path, books, file, text, complaint):
    for name in ("catalogue.csv", "interactions.csv"):
        (tmp_path / name).write_bytes((books / name).read_bytes())
    (tmp_path / file).write_text(text, "utf-8")

    with pytest.raises(BadConfig, match=complaint):
        data.bookcrossing(tmp_path, {"subjects": 0, "test_rows": 0, "panel": 1})


@pytest.mark.parametrize("argument", ["--config", "--work", "--out"])
def test_a_path_of_the_wrong_kind_ends_with_two(tmp_path, capsys, toml, assets, argument):
    (tmp_path / "file").write_text("mine")
    wrong = tmp_path if argument == "--config" else tmp_path / "file"
    given = {"--config": toml, "--work": tmp_path / "work", "--out": tmp_path / "out"}

    words = [str(one) for pair in {**given, argument: wrong}.items() for one in pair]
    code = command.main([*words, "--assets", str(assets)])

    assert code == 2
    assert capsys.readouterr().err.startswith("benchmark: ")
    assert not (tmp_path / "work" / "results").exists()
