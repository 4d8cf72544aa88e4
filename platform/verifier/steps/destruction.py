"""Step 8: what had seen the person is destroyed, as much of it as the erasure said."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

from verifier import statements, strict
from verifier.case import STORE, Case, count
from verifier.certificate import CACHE, PANEL
from verifier.excerpt import Entry
from verifier.report import Refused
from verifier.steps import attested

PROVES: Final = "The keys to all that had seen the person are attested as destroyed."


def check(case: Case) -> str:
    """Compare the destructions with the log, and their sum with the erasure.

    Raises:
        Refused, ValueError: one is missing, is of something else, or of what serves.
    """
    destroyed: dict[str, int] = {}
    gone: Counter[str] = Counter()
    states = 0
    seen: set[int] = set()
    for digest in case.certificate.attestations.destructions:
        statement, made = attested.read(case, digest, kind=statements.DESTRUCTION)
        entry = case.entry(int(statement.predicate["auditLogIndex"]), "artefacts.destroyed", STORE)
        if entry.index in seen or entry.index >= made.index:
            raise Refused("a destruction is attested twice, or before it happened")
        seen.add(entry.index)
        adapters = _adapters(entry)
        _check_same(case, statement, entry, adapters)
        gone.update(adapters)
        # The last time counts, in whatever order they are told: so does what was made before it.
        destroyed |= {each: max(entry.index, destroyed.get(each, -1)) for each in adapters}
        states += int(statement.predicate["trunkStates"])
    erased = case.certificate.erased
    if gone.total() != erased["adapters"] or states != erased["trunkStates"]:
        raise Refused("not as much is attested to be destroyed as the erasure says")
    _check_chain(case, destroyed, gone)
    _check_before(case, destroyed)
    _check_exports(case)
    return f"adapters: {gone.total()}; cached states: {states}"


def _check_chain(case: Case, destroyed: Mapping[str, int], gone: Counter[str]) -> None:
    """No destroyed adapter is behind what serves.

    Made again without the person's records, an adapter may well come out as it was. And one that
    nothing was to be learnt for has the weights of the one before it: it takes an adapter of these
    weights more, made by then, than were destroyed.
    """
    spared = Counter(
        one.weights for one in case.chain if one.trained.index < destroyed.get(one.weights, -1)
    )
    for weights, alive in spared.items():
        made = {
            each.target
            for each in case.log.of("adapter.trained")
            if each.fact("digest") == weights and each.index < destroyed[weights]
        }
        if len(made) < gone[weights] + alive:
            raise Refused("an adapter that was destroyed is behind what serves")
    case.spared = {*spared}


def _check_before(case: Case, destroyed: Collection[str]) -> None:
    """What is shown to have held the person is among what was destroyed."""
    for claim in case.certificate.before:
        if claim.name == CACHE and not case.certificate.erased["trunkStates"]:
            raise Refused("cached states held the person, and none was destroyed")
        if claim.name in (CACHE, PANEL):
            continue
        committed = case.entry(claim.entry, "training_set.committed")
        made = [
            each
            for each in case.log.of("adapter.trained")
            if each.fact("set") == str(committed.event_id)
        ]
        if not made or any(each.fact("digest") not in destroyed for each in made):
            raise Refused("an adapter was trained on the person, and was not destroyed")


def _check_exports(case: Case) -> None:
    """What left before is said to remain: none of it could be destroyed."""
    said = case.certificate
    for index in said.exports:
        if case.entry(index, "release.exported").index >= case.applied.index:
            raise Refused("an export that is said to be from before came after the erasure")
    if ("exports" in said.not_erased) != bool(said.exports):
        raise Refused("it is not said that what was exported before remains")


def _adapters(entry: Entry) -> list[str]:
    found = entry.facts.get("adapters", [])
    if not isinstance(found, list):
        raise Refused("the log does not say what was destroyed")
    return [strict.sha256(each, "adapter") for each in found]


def _check_same(
    case: Case, statement: statements.Statement, entry: Entry, adapters: list[str]
) -> None:
    said: dict[str, Any] = statement.predicate
    request = case.certificate.request.id
    subject = {f"adapter-{number}": digest for number, digest in enumerate(adapters)}
    if "ids_sha256" in entry.facts:
        subject["trunk-states"] = entry.fact("ids_sha256")
    if said.get("request") != request.urn or said["reason"] != "erased":
        raise Refused("a destruction is not of this request")
    if entry.fact("why") != "erased" or entry.fact("request") != str(request):
        raise Refused("the log destroyed something for another reason")
    states = count(entry.facts.get("trunk_states", "0"))
    if (
        statement.subject != subject
        or said["auditLog"] != case.certificate.origin
        or int(said["trunkStates"]) != states
        or (states > 0) != ("ids_sha256" in entry.facts)
        or said["destroyedAt"] != entry.second.strftime(strict.MOMENT)
    ):
        raise Refused("what is attested to be destroyed is not what was logged")
