"""Step 4: what was erased is what the log said then, and the key to it is gone."""

from typing import Final

from verifier import merkle
from verifier.case import ERASED, Case, count
from verifier.excerpt import Entry
from verifier.report import Refused

PROVES: Final = "These very record keys were logged as erased; the person's key is gone."

_COUNTS: Final = {
    "adapters": "adapters",
    "interactions": "interactions",
    "panelRows": "panel_rows",
    "slices": "slices",
    "trunkStates": "trunk_states",
}
_FATES: Final = {"whole": "destroyed", "items": "rotated"}


def check(case: Case) -> str:
    """Compare the erased keys and the certificate with the log's entries.

    Raises:
        Refused: something differs.
    """
    said, applied = case.certificate, case.applied
    raw = case.files[ERASED]
    keys = [raw[at : at + merkle.SIZE] for at in range(0, len(raw), merkle.SIZE)]
    if len(raw) % merkle.SIZE or keys != sorted(set(keys)):
        raise Refused("the erased keys are no list of keys, ascending, each once")
    root = merkle.root_over(keys).hex()
    if not root == said.erased_root == applied.fact("records_root"):
        raise Refused("the erased keys are not those that were logged")
    counts = {name: count(applied.facts.get(fact)) for name, fact in _COUNTS.items()}
    if counts != said.erased or said.erased["interactions"] != len(keys):
        raise Refused("the log counts otherwise what was erased")
    _check_key(case)
    _check_once(case)
    _check_verified(case)
    _check_times(case)
    case.erased = keys
    return f"records: {len(keys)}, logged at entry {applied.index}"


def _check_key(case: Case) -> None:
    said, applied = case.certificate, case.applied
    gone = case.entry(said.entries.key_destroyed, "subject_key.destroyed", case.request)
    if gone.index <= applied.index:
        raise Refused("the person's key was not destroyed by this erasure")
    scope = said.request.scope
    if applied.fact("scope") != scope or gone.fact("fate") != _FATES[scope]:
        raise Refused("the log says another scope, or that the key met another fate")


def _check_once(case: Case) -> None:
    """A restored database erases again what it lost; it does not erase anything else."""
    for type_, facts in (
        ("erasure.applied", ("records_root", "interactions", "scope")),
        ("subject_key.destroyed", ("key", "fate")),
    ):
        told = case.log.of(type_, target=case.request)
        if len({tuple(each.fact(name) for name in facts) for each in told}) > 1:
            raise Refused("the log says two different things of this erasure")


def _check_verified(case: Case) -> None:
    verified = case.entry(case.certificate.entries.verified, "verification.done", case.request)
    if verified.fact("ok") != "yes" or verified.index <= case.applied.index:
        raise Refused("the log does not say that the erasure was verified")
    later = case.log.of("verification.done", target=case.request)
    if any(each.index > verified.index and each.fact("ok") != "yes" for each in later):
        raise Refused("a later verification says that the erasure does not hold")


def _check_times(case: Case) -> None:
    request = case.certificate.request
    verified = case.entry(case.certificate.entries.verified, "verification.done")
    if request.erased_at != case.applied.second or request.completed_at != verified.second:
        raise Refused("the log says another time of the erasure, or of its end")
    _check_filed(case)
    decided = _moves(case, to="approved")
    if request.decided_at not in {each.second for each in decided}:
        raise Refused("the log says another time of the decision")
    if not any(request.restored_at <= each.second for each in _moves(case, to="verifying")):
        raise Refused("the log says an earlier time of full strength")
    if not request.received_at <= request.decided_at <= request.erased_at:
        raise Refused("the erasure comes before the request, or before the decision")
    if not request.erased_at <= request.restored_at <= request.completed_at:
        raise Refused("full strength comes before the erasure, or after the end of the request")


def _check_filed(case: Case) -> None:
    request = case.certificate.request
    filed = [*case.log.of("request.filed", target=case.request)]
    if not filed or any(each.second != request.received_at for each in filed):
        raise Refused("the log says another time of the request")
    said = {"number": request.number, "regulation": request.regulation, "scope": request.scope}
    if any({name: each.fact(name) for name in said} != said for each in filed):
        raise Refused("something else was asked for than the certificate says")


def _moves(case: Case, *, to: str) -> list[Entry]:
    moved = case.log.of("request.moved", target=case.request)
    return [each for each in moved if each.fact("to") == to]
