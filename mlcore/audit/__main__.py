"""``python -m mlcore.audit``: audit the engine on MovieLens-100K, and write what was found."""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from mlcore import base_model
from mlcore.audit import config as configs
from mlcore.audit import movielens, running
from mlcore.audit.attacks import PASSES
from mlcore.audit.cast import TooFewPeople
from mlcore.audit.config import BadConfig
from mlcore.audit.movielens import NotMovieLens
from mlcore.base_model import PromptTooLong, UnsupportedBase
from mlcore.lora import NoSuchModule
from mlcore.recipe import BadRecipe
from mlcore.training import LossNotFinite
from mlcore.trunk import TooDeep

HERE = Path(__file__).parent
REFUSED = (
    BadConfig,
    BadRecipe,
    NoSuchModule,
    NotMovieLens,
    PromptTooLong,
    TooDeep,
    TooFewPeople,
    UnsupportedBase,
)


def main(arguments: list[str] | None = None) -> int:
    """0 if the audit passes, 1 if it does not or is inconclusive, 2 if it could not be made."""
    options = _parser().parse_args(arguments)
    try:
        if options.out.is_dir():
            raise BadConfig(f"--out: {options.out} is a folder.")
        found = _audit(options)
    except (*REFUSED, LossNotFinite, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draft = options.out.with_name(f"{options.out.name}.tmp")
    draft.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    draft.replace(options.out)
    for name, test in found["tests"].items():
        print(f"{name}: {test['verdict']} ({test['says']})")
    print(f"after equals the twin, bit for bit: {'yes' if found['identical'] else 'no'}")
    print(f"audit: {found['verdict']}")
    return 0 if found["verdict"] == PASSES else 1


def _audit(options: argparse.Namespace) -> dict[str, Any]:
    config, recipe = configs.load(options.config)
    # The audit's own keys: those of a platform place real people, and are no business of a test.
    key = hashlib.sha256(f"expunge/audit/{config.seed}".encode()).digest()
    people = movielens.read(options.data or options.assets / "ml-100k", key=key)
    base = base_model.open_base(
        options.assets / recipe.base, dtype=recipe.dtype, threads=recipe.threads
    )
    return running.run(config, base, recipe, people, key=key, progress=_tell)


def _tell(what: str, done: int, total: int) -> None:
    print(f"audit: {what}, {done} of {total} done", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore.audit", description=main.__doc__)
    parser.add_argument("--config", type=Path, default=HERE / "tiny.toml", help="TOML")
    parser.add_argument("--out", type=Path, required=True, help="the JSON to write")
    parser.add_argument("--assets", type=Path, default=Path("var/assets"), help="base models")
    parser.add_argument("--data", type=Path, help="the folder of MovieLens-100K")
    return parser


if __name__ == "__main__":
    sys.exit(main())
