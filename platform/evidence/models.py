"""What was attested and certified. Signed bytes, kept as they were signed."""

import uuid
from hashlib import sha256
from typing import ClassVar

from django.db import models

from erasure.models import DeletionRequest
from registry.models import Artefact
from verifier import dsse, statements


class Attestation(models.Model):
    """One signed in-toto statement: of an adapter, a release, a destruction or a replay.

    ``source`` is the event that it attests, so that each is attested once; ``event`` is the one
    that names the envelope's digest.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "kind", "about", "source", "envelope", "digest", "event", "made_at",
    }  # fmt: skip

    class Kind(models.TextChoices):
        ADAPTER = "adapter", "How an adapter was made"
        RELEASE = "release", "What serves"
        DESTRUCTION = "destruction", "What was destroyed"
        REPLAY = "replay", "What training again showed"

    # By the predicate's type.
    KINDS: ClassVar = {
        statements.PROVENANCE: Kind.ADAPTER,
        statements.RELEASE: Kind.RELEASE,
        statements.DESTRUCTION: Kind.DESTRUCTION,
        statements.REPLAY: Kind.REPLAY,
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    about = models.CharField(max_length=200, db_index=True)
    source = models.UUIDField(unique=True)
    envelope = models.BinaryField()
    digest = models.CharField(max_length=64, unique=True)
    event = models.UUIDField(unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"attestation {self.digest[:16]}"

    @property
    def statement(self) -> statements.Statement:
        """What it says. The signature is ours and is not checked again."""
        return statements.parse(dsse.Envelope.parse(bytes(self.envelope)).payload)

    @staticmethod
    def digest_of(envelope: bytes) -> str:
        """What a release and the log know an envelope by."""
        return sha256(envelope).hexdigest()


class Certificate(models.Model):
    """An issued certificate, and the bundle that proves it."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "request", "level", "live_digest", "digest", "bundle", "exports", "issued_at",
        "valid_until",
    }  # fmt: skip

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(DeletionRequest, models.PROTECT, related_name="certificates")
    level = models.CharField(max_length=2)
    live_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    bundle = models.OneToOneField(Artefact, models.PROTECT, related_name="certificate")
    # Positions in the log: where copies left that held the person, for whoever must delete them.
    exports = models.JSONField(default=list)
    issued_at = models.DateTimeField()
    valid_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"certificate of {self.request}"
