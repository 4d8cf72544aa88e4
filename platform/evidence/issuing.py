"""Issuing a certificate: gather, prove, log its digest, and seal it all into one bundle."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from erasure.models import DeletionRequest
from evidence import attesting, bundling, certifying, entries, layman, pdf
from evidence.bundling import Attested
from evidence.entries import NotPlaced, Placed
from evidence.models import Attestation, Certificate
from evidence.placing import place
from evidence.scene import CannotCertify, Scene, gather, has_clean_cache
from ledger import log, proofs, publishing, signing, timestamps
from ledger.kinds import Kind
from ledger.models import TreeHead
from ledger.witnessing import NotWitnessed
from registry import storage
from registry.models import Artefact, Release
from registry.services import caching
from verifier import archive, bundle, notes, spelling, strict
from verifier.strict import Json


def valid(request: DeletionRequest, *, at: datetime) -> Certificate | None:
    """The newest certificate of a request that is of what serves, if another would say no more.

    It has not expired, and nothing was replayed since.
    """
    live = Release.objects.filter(is_live=True).values_list("live_digest", flat=True).first()
    found = request.certificates.filter(live_digest=live or "", valid_until__gt=at)
    newest = found.order_by("-issued_at").first()
    replays = Attestation.objects.filter(kind=Attestation.Kind.REPLAY)
    if newest is None or replays.filter(made_at__gt=newest.issued_at).exists():
        return None
    return newest


def issue(*, request: DeletionRequest, actor: str, at: datetime) -> Certificate:
    """Certify a completed request, and keep the bundle that proves it.

    Not one transaction, because a certificate is of what has its place in the signed log: if the
    process dies, the log holds the digest of a certificate that nobody was given.

    Raises:
        CannotCertify: the request is not completed, or what is stored is not a proof.
        evidence.placing.NotSequenced: the log does not move.
        evidence.pdf.CannotRender: a library of the system is missing.
    """
    scene, attested = _prepared(request, actor=actor, at=at)
    before = TreeHead.objects.filter(size__lte=scene.applied.index).order_by("-size").first()
    body = certifying.certificate(scene, attested, at=at)
    stamp = timestamps.newest()
    try:
        files = bundling.files_of(scene, attested, before=before, stamp=stamp)
    except (storage.Corrupt, storage.Destroyed, NotWitnessed) as error:  # or an erasure came
        raise CannotCertify(f"{request}: {error}") from error
    files["certificate.pdf"] = pdf.render(body, position=scene.applied.index)
    files["README.txt"] = layman.readme(body)
    files["certificate.json"] = certifying.with_files(body, files)
    entry = _log(request, body, files["certificate.json"], actor=actor, at=at)
    cited = bundling.cited(scene, attested, until=entry.index)
    files |= _log_files(cited, before=before, stamped=stamp.head if stamp else None)
    raw = archive.write(files)
    _check(request, raw, at=at)
    return _keep(request, body, files["certificate.json"], raw, at=at)


def _prepared(request: DeletionRequest, *, actor: str, at: datetime) -> tuple[Scene, Attested]:
    """The scene and its attestations, once all of it is attested and in the log."""
    attesting.catch_up(actor=actor, at=at)
    if not has_clean_cache(request):
        # With nothing live no release has asked for one; or an erasure came while it was made.
        caching.commit(actor=actor, at=at)
        attesting.catch_up(actor=actor, at=at)
    with suppress(timestamps.CannotTimestamp):  # the last one that could be had will do
        timestamps.stamp(at=at)
    try:
        scene = gather(request, at=at)
        return scene, bundling.attested(scene)
    except (NotPlaced, storage.Corrupt, storage.Destroyed) as error:
        raise CannotCertify(f"{request}: {error}") from error


@transaction.atomic(durable=True)
def _note(request: DeletionRequest, facts: Mapping[str, str], *, actor: str, at: datetime) -> None:
    """Log a certificate once: two of one second, of the same things, are one certificate."""
    DeletionRequest.objects.select_for_update().get(pk=request.pk)
    known = {event.facts.get("certificate") for event in log.history(request)}
    if facts["certificate"] not in known:
        log.append(Kind.CERTIFICATE_ISSUED, actor=actor, on=request, at=at, facts=facts)


def _log(
    request: DeletionRequest,
    body: Mapping[str, Json],
    certificate: bytes,
    *,
    actor: str,
    at: datetime,
) -> Placed:
    """Log a certificate's digest, and return the entry once a signed head covers it."""
    live = body["live"]
    assert isinstance(live, dict)
    digest = sha256(certificate).hexdigest()
    facts = {"certificate": digest, "live": str(live["digest"]), "level": str(body["level"])}
    _note(request, facts, actor=actor, at=at)
    place()
    issued = entries.of_target(request, Kind.CERTIFICATE_ISSUED)
    return next(each for each in issued if each.event.facts["certificate"] == digest)


def _log_files(
    cited: Sequence[Placed], *, before: TreeHead | None, stamped: TreeHead | None
) -> dict[str, bytes]:
    note = publishing.published()
    assert note is not None
    size = notes.Checkpoint.parse(notes.signed_by(note)[0]).size
    listed: list[Json] = [
        {
            "entry": spelling.encode(each.body),
            "index": str(each.index),
            "proof": [spelling.encode(hash_) for hash_ in proofs.inclusion(each.index, size)],
        }
        for each in cited
    ]
    files = {"log/checkpoint": note.encode(), "log/entries.json": strict.canonical(listed)}
    for name, head in (("log/consistency", before), ("log/stamped", stamped)):
        if head is not None:
            path = [spelling.encode(hash_) for hash_ in proofs.consistency(head.size, size)]
            files[name] = "".join(f"{line}\n" for line in path).encode()
    return files


def _check(request: DeletionRequest, raw: bytes, *, at: datetime) -> None:
    """Refuse to hand out what our own verifier refuses."""
    report = bundle.check(raw, keys=signing.vkeys(), now=at)
    if report.exit_code:
        failed = next(step for step in report.steps if step.failed)
        raise CannotCertify(f"{request}: the bundle does not verify: {failed.detail}")


@transaction.atomic(durable=True)
def _keep(
    request: DeletionRequest,
    body: Mapping[str, Json],
    certificate: bytes,
    raw: bytes,
    *,
    at: datetime,
) -> Certificate:
    live = body["live"]
    assert isinstance(live, dict)
    digest = sha256(certificate).hexdigest()
    DeletionRequest.objects.select_for_update().get(pk=request.pk)
    if there := Certificate.objects.filter(digest=digest).first():
        return there
    return Certificate.objects.create(
        request=request,
        level=str(body["level"]),
        live_digest=str(live["digest"]),
        digest=digest,
        bundle=storage.put(Artefact.Kind.EVIDENCE, raw, at=at),
        issued_at=at,
        valid_until=at + certifying.VALID,
    )
