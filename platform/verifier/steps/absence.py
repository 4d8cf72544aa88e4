"""Step 7: no erased key is in a set of what serves, and those that held one did hold it."""

from typing import Final

from verifier import csmt, proof_files
from verifier.case import Case, count
from verifier.certificate import CACHE, PANEL
from verifier.claims import SetClaim
from verifier.excerpt import Entry
from verifier.report import Refused
from verifier.steps.serving import set_of

PROVES: Final = "No erased record's key is in a list that what serves was made from."


def check(case: Case) -> str:
    """Compare the sets with those that must be there, and verify every proof.

    Raises:
        Refused, ValueError: one is missing, another than logged, or not without an erased key.
    """
    said = case.certificate
    expected = {each.name: each.committed for each in case.chain}
    if case.switched is not None:
        expected[PANEL] = case.switched
    named = {each.name: each for each in said.sets}
    if named.keys() != {*expected, CACHE} or len(named) != len(said.sets):
        raise Refused("the sets are not those of everything that serves")
    for name, each in named.items():
        entry = _cache(case, each) if name == CACHE else expected[name]
        if each.entry != entry.index:
            raise Refused("a set is not the one that something that serves was made from")
        _check_committed(each, entry)
    proofs = 0
    for root in {each.root for each in said.sets}:
        raw = case.files[f"sets/{root.hex()}.absent"]
        for key, proof in zip(
            case.erased, proof_files.read_absent(raw, len(case.erased)), strict=True
        ):
            csmt.verify_absent(root=root, key=key, proof=proof)
            proofs += 1
    held = sum(_held(case, each) for each in said.before)
    return f"proofs of absence: {proofs}, in sets: {len(named)}; of presence before: {held}"


def _cache(case: Case, claim: SetClaim) -> Entry:
    """The set of the cached states, committed after everything that could have changed it."""
    entry = case.entry(claim.entry, "trunk_cache.committed", "registry.TrunkState")
    since = max(each.index for each in (case.applied, case.switched) if each is not None)
    if entry.index <= since:
        raise Refused("the cached states were not committed to since erasure and switch")
    later = case.log.of("trunk_cache.committed", target=entry.target)
    if any(entry.index < each.index < case.issued.index for each in later):
        raise Refused("the cached states were committed to again since")
    return entry


def _check_committed(claim: SetClaim, entry: Entry) -> None:
    facts = set_of(entry.facts) if claim.name == PANEL else entry.facts
    if facts.get("root") != claim.root.hex() or count(facts.get("count")) != claim.count:
        raise Refused("a set is not the one that its entry commits to")


def _held(case: Case, claim: SetClaim) -> int:
    """Check a set that held the person; return how many of the erased keys it had."""
    if claim.name == PANEL:
        entry = case.entry(claim.entry, "release.switched")
    elif claim.name == CACHE:
        entry = case.entry(claim.entry, "trunk_cache.committed", "registry.TrunkState")
    else:
        entry = case.entry(claim.entry, "training_set.committed")
        shard, slice_ = (each.partition("-")[2] for each in claim.name.split("/"))
        if entry.fact("shard") != str(int(shard)) or entry.fact("slice") != slice_:
            raise Refused("a set from before is of another slice")
    if entry.index >= case.applied.index:
        raise Refused("a set from before the erasure was committed to after it")
    _check_committed(claim, entry)
    found = 0
    for number, value, proof in proof_files.read_present(
        case.files[f"sets/{claim.root.hex()}.present"]
    ):
        if number >= len(case.erased):
            raise Refused("a key is said to have been there that was not erased")
        key = case.erased[number]
        csmt.verify_present(root=claim.root, key=key, value=value, proof=proof)
        found += 1
    if not found or found != claim.present:
        raise Refused("a set did not hold as many of the keys as is said")
    return found
