"""`evidence REQUEST --out bundle.zip`: what proves that a request was carried out."""

import os
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from erasure.models import DeletionRequest
from evidence import issuing
from evidence.models import Certificate
from ledger import files, signing
from registry import storage


def _check(out: Path) -> None:
    """Refuse what no file can be put at, before anything is issued."""
    if not out.name or out.is_symlink() or (out.exists() and not out.is_file()):
        raise CommandError("--out: name a file, and no folder, link or device")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise CommandError("--out: there is no folder there that can be written to")


def _bundle(request: DeletionRequest, *, is_anew: bool) -> tuple[Certificate, bytes]:
    """The certificate that still holds, if its bundle can be read; else another."""
    now = timezone.now()
    found = None if is_anew else issuing.valid(request, at=now)
    if found is not None:
        with suppress(storage.Corrupt, storage.Destroyed):
            return found, storage.get(found.bundle)
    made = issuing.issue(request=request, actor="cli", at=now)
    return made, storage.get(made.bundle)


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
        with terminal.answering(options, *issuing.CANNOT) as answer:
            request = DeletionRequest.objects.named(options["request"])
            if request is None:
                raise CommandError("there is no such request")
            _check(options["out"])
            certificate, raw = _bundle(request, is_anew=options["anew"])
            try:
                files.replace(options["out"], raw, mode=0o644)
            except OSError as error:
                raise CommandError(f"--out: cannot be written ({error.strerror})") from None
            answer.say(f"{request}: evidence level {certificate.level}, {len(raw):,} bytes")
            answer.say(f"  certificate        {certificate.digest}")
            key = signing.folder() / "log.pub"
            answer.say(f"  verify it with     python -m verifier {options['out']} --key {key}")
            if certificate.exports:
                entries = ", ".join(map(str, certificate.exports))
                answer.say(f"  copies remain      exported before, at log entries {entries}")
            if certificate.level == "L2":
                answer.say(
                    "  for level L3       replay each shard that was retrained, and ask again"
                )
            answer.give(
                {
                    "request": request.number,
                    "level": certificate.level,
                    "certificate": certificate.digest,
                    "live_digest": certificate.live_digest,
                    "exports": certificate.exports,
                    "bytes": len(raw),
                    "keys": [*signing.vkeys()],
                }
            )
