"""`benchmark_ledger`: what the log costs, in databases of its own that it makes and drops."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.markdown import Markdown

from config import terminal
from config.benchmark import report, sizes
from config.benchmark.run import run


class Command(BaseCommand):
    """Measure writing, proofs and verification on this machine. Takes some minutes."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to write, and how much to measure."""
        parser.add_argument("--write", type=Path, help="a JSON file; tables and a plot beside it")
        parser.add_argument(
            "--smoke", action="store_true", help="seconds, and sizes that say nothing about speed"
        )
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Measure, write, show the targets. A target that is missed is no error."""
        chosen = sizes.SMOKE if options["smoke"] else sizes.FULL
        with terminal.answering(options) as answer:
            words = ["manage.py benchmark_ledger", *(["--smoke"] if options["smoke"] else [])]
            if options["write"]:
                words.append(f"--write {options['write']}")
            result = run(chosen, command=" ".join(words), tell=answer.say)
            if options["write"]:
                report.write(result, options["write"])
            answer.show(Markdown(report.target_table(result["targets"])))
            answer.give(result)
