"""`export_release --out DIR`: the live release as files that PEFT and vLLM load."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from evidence import export_signing
from registry import bench, exporting
from registry.services.exports import CannotExport


class Command(BaseCommand):
    """Write the live release as PEFT adapters, one a shard and one merged, and log that it left."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A folder."""
        parser.add_argument("--out", type=Path, required=True, help="a folder, new or empty")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Export it."""
        with terminal.answering(options, CannotExport, bench.BaseChanged) as answer:
            done = exporting.export(
                folder=options["out"],
                actor="cli",
                at=timezone.now(),
                finish=export_signing.sign_folders,
            )
            shards = [name for name in done.folders if name != "merged"]
            answer.say(
                f"{done.release}, {done.release.get_kind_display().lower()}: "
                f"{', '.join(shards)} and their uniform mix, merged"
            )
            if done.release.kind == done.release.Kind.FALLBACK:
                answer.say(
                    "  It is a fallback: shards stepped back to before an erasure; run train."
                )
            answer.say(f"  live digest        {done.release.live_digest}")
            answer.say(f"  release.json       {done.digest}")
            answer.say("  model.sig          in each folder; models.pub beside log.pub verifies it")
            answer.give(
                {
                    "release": done.release.pk,
                    "kind": done.release.kind,
                    "live_digest": done.release.live_digest,
                    "folders": done.folders,
                    "max_lora_rank": done.document["max_lora_rank"],
                    "release_json": done.digest,
                }
            )
