"""Training again, attested: an in-toto verification result of what came out."""

from datetime import datetime
from uuid import uuid4

from evidence import attesting, identity, readings, statements
from evidence.facts import File, ReplayFacts
from evidence.models import Attestation
from registry.replay import Replay


def attest(*, done: Replay, actor: str, at: datetime) -> Attestation | None:
    """Attest what a replay showed; None if nothing of it held, or there was nothing to replay."""
    facts = ReplayFacts(
        files=tuple(
            File(name=f"{readings.name_of(done.shard, each.slice)}/adapter", sha256=each.recorded)
            for each in done.slices
        ),
        is_identical=all(each.recorded == each.replayed for each in done.slices),
        same_records=all(each.records_match for each in done.slices),
        same_environment=done.same_environment,
        is_as_logged=done.is_as_logged,
        policies=(),
        checked_at=at,
        verifier=identity.name(),
    )
    held = (
        facts.is_identical, facts.same_records, facts.same_environment, facts.is_as_logged,
    )  # fmt: skip
    if not done.slices or not any(held):
        return None
    identity.announce(actor=actor, at=at)
    source = uuid4()
    payload = statements.replay(facts)
    attesting.attest(payload, about="registry.Replay", source=source, actor=actor, at=at)
    return Attestation.objects.get(source=source)
