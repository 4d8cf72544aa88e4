"""Issuing a certificate: gather, prove, log its digest, and seal it all into one bundle."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from erasure.models import DeletionRequest
from evidence import attesting, bundling, certifying, entries, layman, pdf
from evidence.bundling import Attested
from evidence.cut_over import StillAnswers
from evidence.entries import NotPlaced, Placed
from evidence.keys import BadAttestorKey
from evidence.models import Attestation, Certificate
from evidence.placing import NotSequenced, place
from evidence.scene import CannotCertify, Scene, StaleCache, gather
from ledger import log, proofs, publishing, signing, timestamps
from ledger.heads import CannotSign
from ledger.kinds import Kind
from ledger.models import TreeHead
from ledger.witnessing import NotWitnessed
from registry import storage
from registry.models import Artefact, Release
from registry.services import caching, scorers
from verifier import archive, bundle, case, spelling, strict
from verifier.strict import Json

# What whoever asks for a certificate may be told instead of getting one.
CANNOT = (CannotCertify, pdf.CannotRender, NotSequenced, CannotSign, BadAttestorKey)


def newest(request: DeletionRequest) -> Certificate | None:
    """The certificate that was issued last, if any was."""
    return request.certificates.select_related("bundle").order_by("-issued_at").first()


def valid(request: DeletionRequest, *, at: datetime) -> Certificate | None:
    """The newest certificate of a request that is of what serves, if another would say no more.

    It has not expired, and nothing was replayed since.
    """
    live = Release.objects.filter(is_live=True).values_list("live_digest", flat=True).first()
    found = request.certificates.filter(live_digest=live or "", valid_until__gt=at)
    last = found.order_by("-issued_at").first()
    replays = Attestation.objects.filter(kind=Attestation.Kind.REPLAY)
    if last is None or replays.filter(made_at__gt=last.issued_at).exists():
        return None
    return last


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
    files[case.CERTIFICATE] = certifying.with_files(body, files)
    said = {
        "certificate": sha256(files[case.CERTIFICATE]).hexdigest(),
        "live": scene.release.live_digest if scene.release else "",
        "level": str(body["level"]),
    }
    entry = _log(request, said, actor=actor, at=at)
    cited = bundling.cited(scene, attested, until=entry.index)
    files |= _log_files(cited, before=before, stamped=stamp.head if stamp else None)
    raw = archive.write(files)
    _check(request, raw, at=at)
    return _keep(scene, said, raw, at=at)


def _prepared(request: DeletionRequest, *, actor: str, at: datetime) -> tuple[Scene, Attested]:
    """The scene and its attestations, once all of it is attested and in the log."""
    scorers.retire_silent(actor=actor, at=at)
    attesting.catch_up(actor=actor, at=at)
    with suppress(timestamps.CannotTimestamp):  # the last one that could be had will do
        timestamps.stamp(at=at)
    try:
        scene = _gathered(request, actor=actor, at=at)
        return scene, bundling.attested(scene)
    except (NotPlaced, StillAnswers, storage.Corrupt, storage.Destroyed) as error:
        raise CannotCertify(f"{request}: {error}") from error


def _gathered(request: DeletionRequest, *, actor: str, at: datetime) -> Scene:
    try:
        return gather(request, at=at)
    except StaleCache:
        # With nothing live no release has asked for one; or an erasure came while it was made.
        caching.commit(actor=actor, at=at)
        attesting.catch_up(actor=actor, at=at)
        return gather(request, at=at)


@transaction.atomic(durable=True)
def _note(request: DeletionRequest, said: Mapping[str, str], *, actor: str, at: datetime) -> None:
    """Log a certificate once: two of one second, of the same things, are one certificate."""
    DeletionRequest.objects.select_for_update().get(pk=request.pk)
    known = {event.facts.get("certificate") for event in log.history(request)}
    if said["certificate"] not in known:
        log.append(Kind.CERTIFICATE_ISSUED, actor=actor, on=request, at=at, facts=said)


def _log(request: DeletionRequest, said: Mapping[str, str], *, actor: str, at: datetime) -> Placed:
    """Log what a certificate says, and return the entry once a signed head covers it."""
    _note(request, said, actor=actor, at=at)
    place()
    issued = entries.of_target(request, Kind.CERTIFICATE_ISSUED)
    return next(each for each in issued if each.event.facts["certificate"] == said["certificate"])


def _log_files(
    cited: Sequence[Placed], *, before: TreeHead | None, stamped: TreeHead | None
) -> dict[str, bytes]:
    note = publishing.published()
    assert note is not None
    size = publishing.size_of(note)
    listed: list[Json] = [
        {
            "entry": spelling.encode(each.body),
            "index": str(each.index),
            "proof": [spelling.encode(hash_) for hash_ in proofs.inclusion(each.index, size)],
        }
        for each in cited
    ]
    files = {case.CHECKPOINT: note.encode(), case.ENTRIES: strict.canonical(listed)}
    for name, head in ((case.CONSISTENCY, before), (case.STAMPED, stamped)):
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
def _keep(scene: Scene, said: Mapping[str, str], raw: bytes, *, at: datetime) -> Certificate:
    DeletionRequest.objects.select_for_update().get(pk=scene.request.pk)
    if there := Certificate.objects.filter(digest=said["certificate"]).first():
        return there
    return Certificate.objects.create(
        request=scene.request,
        level=said["level"],
        live_digest=said["live"],
        digest=said["certificate"],
        bundle=storage.put(Artefact.Kind.EVIDENCE, raw, at=at),
        exports=[each.index for each in scene.exported],
        issued_at=at,
        valid_until=at + certifying.VALID,
    )
