"""A run so small that a test can wait for it: its assets, and its configuration."""

from pathlib import Path

import pytest

from mlcore import base_model
from mlcore.benchmark import config as configs
from mlcore.benchmark.config import Config
from tests.mlcore.conftest import ROOT

SMOKE = ROOT / "mlcore" / "benchmark" / "configs" / "smoke.toml"
PEOPLE = 16


def small(text: str) -> str:
    """The smoke configuration for a handful of made-up people and few systems."""
    head, _, rest = text.partition("[data.movielens]")
    _, _, quality = rest.partition("[quality]")
    quality = quality.partition("[audit]")[0].partition("[measures.")[0]
    head = "\n".join(line for line in head.splitlines() if not line.startswith("learning_rate"))
    return (
        f"{head}\nlearning_rate = 0.05\n"
        "[data.movielens]\nsubjects = 0\ntest_rows = 0\npanel = 4\nneighbours = 2\nanchors = true\n"
        f"[quality]{quality}"
    ).replace('= ["all"]', '= ["retrain", "ours", "sisa", "apa_d"]')


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(small(SMOKE.read_text("utf-8")), "utf-8")
    return file


@pytest.fixture
def config(toml: Path) -> Config:
    return configs.load(toml)


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base, and a MovieLens of sixteen people whose ratings follow from their numbers."""
    folder = tmp_path_factory.mktemp("assets")
    base_model.make_tiny(folder / "tiny", seed=1)
    movies = folder / "ml-100k"
    movies.mkdir()
    titles = "".join(f"{item}\tFilm {item}\t1990\tDrama\n" for item in range(30))
    (movies / "ml-100k.item").write_text(f"item\ttitle\tyear\tclass\n{titles}", "utf-8")
    ratings = "".join(
        f"{who}\t{(who * 7 + 5 * n) % 30}\t{1 + (who + 3 * n) % 5}\t{1000 * n + who}\n"
        for who in range(PEOPLE)
        for n in range(6)
    )
    (movies / "ml-100k.inter").write_text(f"user\titem\trating\ttime\n{ratings}", "utf-8")
    return folder


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BookCrossing of as many readers, half of them for test."""
    folder = tmp_path_factory.mktemp("books")
    titles = "".join(f'b{item},"Book {item}, by A. B."\n' for item in range(30))
    (folder / "catalogue.csv").write_text(f"item,title\n{titles}", "utf-8")
    ratings = "".join(
        f"{part}-{who:04},b{(who * 7 + 5 * n) % 30},{(who + n) % 2},{1000 + n}\n"
        for part in ("valid", "test")
        for who in range(PEOPLE)
        for n in range(5)
    )
    (folder / "interactions.csv").write_text(f"subject,item,value,timestamp\n{ratings}", "utf-8")
    return folder
