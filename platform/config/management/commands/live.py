"""`live`: what serves now, in digests that two installations can compare."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import terminal
from registry.services import live, recipes, runs


class Command(BaseCommand):
    """Show the live release: its adapters, its index, and one digest over them."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing but --json."""
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Show it."""
        with terminal.answering(options) as answer:
            release = live.release()
            failed = runs.broken(recipes.current())
            shown = live.describe(release) | {
                "up_to_date": live.is_current(release.recipe),
                "training_failed": runs.why(failed) if failed else None,
            }
            answer.say(f"Release {release.pk}, {release.get_kind_display().lower()}")
            for member in live.members(release):
                adapter = member.adapter
                answer.say(f"  shard {member.shard} up to slice {adapter.slice}  {adapter.digest}")
            answer.say(f"  aggregation index  {release.index_digest}")
            answer.say(f"  live digest        {release.live_digest}")
            if not shown["up_to_date"]:
                answer.say("  The data has changed since, or a shard stepped back: run train.")
            if failed:
                answer.say(
                    f"  Training of {shown['training_failed']}; what was live before still is."
                )
            answer.give(shown)
