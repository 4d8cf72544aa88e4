"""`evidence REQUEST --out bundle.zip`: what proves that a request was carried out."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from erasure.models import DeletionRequest
from evidence import issuing
from evidence.pdf import CannotRender
from evidence.placing import NotSequenced
from evidence.scene import CannotCertify
from ledger import files, signing
from registry import storage


class Command(BaseCommand):
    """Issue the certificate of a completed request, or take the one that still holds."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A request, and a file."""
        parser.add_argument("request", help="its number, as in DR-2026-0001, or its id")
        parser.add_argument("--out", type=Path, required=True, help="the bundle, a zip")
        parser.add_argument("--anew", action="store_true", help="issue another certificate")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Write the bundle. Exits with 1 if there is nothing to certify."""
        with terminal.answering(options, CannotCertify, CannotRender, NotSequenced) as answer:
            request = DeletionRequest.objects.named(options["request"])
            if request is None:
                raise CommandError("there is no such request")
            now = timezone.now()
            found = None if options["anew"] else issuing.valid(request, at=now)
            certificate = found or issuing.issue(request=request, actor="cli", at=now)
            raw = storage.get(certificate.bundle)
            try:
                files.replace(options["out"], raw, mode=0o644)
            except OSError as error:
                raise CommandError(f"--out: cannot be written ({error.strerror})") from None
            answer.say(f"{request}: evidence level {certificate.level}, {len(raw):,} bytes")
            answer.say(f"  certificate        {certificate.digest}")
            answer.say("  verify it with     python -m verifier BUNDLE --key log.pub")
            answer.give(
                {
                    "request": request.number,
                    "level": certificate.level,
                    "certificate": certificate.digest,
                    "live_digest": certificate.live_digest,
                    "bytes": len(raw),
                    "keys": [*signing.vkeys()],
                }
            )
