"""`fit_anchors --recipe NAME`: make the public anchors that a semantic recipe votes with."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import terminal, training
from corpus import catalogue
from corpus.models import Item
from mlcore import anchors
from mlcore.anchors import BadAnchors
from registry.services import anchoring


class Command(BaseCommand):
    """Cluster the catalogue's titles by a recipe's base model, into as many parts as its shards.

    Nothing that anybody did is read. The digest that is printed goes into the recipe.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A recipe, and where titles come from and anchors go to."""
        parser.add_argument(
            "--recipe", required=True, help="a name under recipes/ or a path: base, shards and seed"
        )
        parser.add_argument(
            "--catalogue", type=Path, help="CSV or Parquet; default: the ingested catalogue"
        )
        parser.add_argument("--out", type=Path, help="a file; default: among the assets")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Fit, write, and say the digest."""
        with terminal.answering(options, BadAnchors) as answer:
            plain = training.provide(options["recipe"])
            titles = (
                catalogue.titles(options["catalogue"])
                if options["catalogue"]
                else dict(Item.objects.values_list("external_id", "title"))
            )
            from registry import bench  # torch, which a recipe that is not there need not wait for

            with answer.progress() as bars:
                fitted = anchors.fit(
                    bench.base_of(plain),
                    titles,
                    shards=plain.shards,
                    seed=plain.seed,
                    progress=lambda done, total: bars.move("titles", done, total),
                )
            path = options["out"] or anchoring.path_of(fitted.digest)
            try:
                anchoring.write(path, anchors.to_bytes(fitted))
            except OSError as error:
                raise CommandError(f"--out: cannot be written ({error.strerror})") from None
            answer.say(f"{len(fitted.votes):,} items, {fitted.shards} shards, written to {path}")
            answer.say(f'partition = "semantic"\nanchors = "{fitted.digest}"')
            answer.give(
                {
                    "anchors": fitted.digest,
                    "shards": fitted.shards,
                    "items": len(fitted.votes),
                    "path": str(path),
                }
            )
