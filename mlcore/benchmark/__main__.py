"""The command: ``python -m mlcore.benchmark``."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mlcore.audit.cast import TooFewPeople
from mlcore.base_model import PromptTooLong
from mlcore.baselines.partitions import CannotPartition
from mlcore.benchmark import config as configs
from mlcore.benchmark import display, jobs, plan
from mlcore.benchmark.config import DATA, Config
from mlcore.benchmark.report import write
from mlcore.benchmark.tables import BadConfig
from mlcore.benchmark.world import World
from mlcore.recipe import BadRecipe
from mlcore.training import LossNotFinite
from mlcore.trunk import TooDeep

COMMAND = "python -m mlcore.benchmark"
REFUSED = (BadConfig, BadRecipe, CannotPartition, PromptTooLong, TooDeep, TooFewPeople)


def main(argv: Sequence[str]) -> int:
    """Run what the arguments ask for; the exit code: 2 for bad input, 130 when interrupted."""
    arguments = _parser().parse_args(argv)
    again = shlex.join([*COMMAND.split(), *argv])
    try:
        return _main(arguments, again)
    except REFUSED as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"benchmark: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 2
    except LossNotFinite as error:
        print(f"benchmark: training broke down, nothing of it is kept: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What is done is kept; to go on: {again}", file=sys.stderr)
        return 130


def _main(arguments: argparse.Namespace, again: str) -> int:
    config = _config(arguments)
    if arguments.out.exists() and not arguments.out.is_dir():
        raise BadConfig(f"--out: {arguments.out} is no folder.")
    with jobs.alone(arguments.work):
        world = World(
            config,
            assets=arguments.assets,
            work=arguments.work,
            folders={"movielens": arguments.assets / "ml-100k", **_folders(arguments.data)},
        )
        planned = plan.jobs(world)
        wanted = jobs.chosen(planned, arguments.only)
        if arguments.list:
            for job in wanted:
                print("done" if jobs.file(job, arguments.work).exists() else "    ", job.name)
            return 0
        if not arguments.report:
            with display.best() as shown:
                jobs.run(wanted, arguments.work, shown)
        results = jobs.results(planned, arguments.work)
        summary = write(config, results, arguments.out, command=_reproduced(arguments, world))
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print(f"Wrote {arguments.out / 'README.md'}: {len(results)} of {len(planned)} jobs.")
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    if arguments.config is not None:
        return configs.load(arguments.config)
    return configs.of_size(arguments.size)


def _reproduced(arguments: argparse.Namespace, world: World) -> str:
    """What anyone would type to make the same, with no path of this machine."""
    size = arguments.config.name if arguments.config else arguments.size
    which = f"--config {size}" if arguments.config else f"--size {size}"
    more = [f"--data {name}=FOLDER" for name in world.data if name != "movielens"]
    return " ".join([COMMAND, which, *more])


def _folders(given: Sequence[str]) -> dict[str, Path]:
    """Data set to folder, from ``name=folder`` arguments."""
    folders = {}
    for one in given:
        name, equals, folder = one.partition("=")
        if name not in DATA or not equals:
            raise BadConfig(f"--data wants one of {', '.join(DATA)}, then =FOLDER, not {one!r}.")
        if not Path(folder).is_dir():
            raise BadConfig(f"--data {name}: there is no folder {folder}.")
        folders[name] = Path(folder)
    return folders


def _parser() -> argparse.ArgumentParser:
    var = Path(os.environ.get("EXPUNGE_VAR", "var"))
    assets = Path(os.environ.get("EXPUNGE_ASSETS", var / "assets"))
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Measure our engine and its rivals on the same samples, and write the report. "
        "Start it again to go on: what is done is kept.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--size", default="standard", help="smoke, standard or full")
    which.add_argument("--config", type=Path, metavar="FILE", help="a configuration of your own")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FOLDER",
                        help="where a data set lies, as in bookcrossing=FOLDER")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("docs/benchmark"), metavar="FOLDER")
    parser.add_argument("--work", type=Path, default=var / "benchmark", metavar="FOLDER")
    parser.add_argument("--assets", type=Path, default=assets, metavar="FOLDER")
    parser.add_argument("--only", metavar="PATTERN", help="only jobs of this name, and their needs")
    parser.add_argument("--list", action="store_true", help="say which jobs there are")
    parser.add_argument("--report", action="store_true", help="only write what is there")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
