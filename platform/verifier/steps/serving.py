"""Step 5: what serves is what the log last switched to, and the attested release says the same."""

from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from verifier import merkle, statements, strict
from verifier.case import Case, count
from verifier.excerpt import Entry
from verifier.report import Refused
from verifier.steps import attested

PROVES: Final = "The log switched to this release, and to no other until the certificate."


def check(case: Case) -> str:
    """Check the switch, that no other follows, and the release's attestation.

    Raises:
        Refused, ValueError: something else may serve.
    """
    switched = case.switched
    # With nothing live, nothing ever was: only a switch takes another release's place.
    first = 0 if switched is None else switched.index
    if any(index not in case.log for index in range(first, case.issued.index)):
        raise Refused("entries between the switch and the certificate are not in the bundle")
    later = [each for each in case.log.of("release.switched") if each.index >= first]
    if [each.index for each in later if each.index < case.issued.index] != (
        [] if switched is None else [first]
    ):
        raise Refused("there is another switch than the one that the certificate names")
    if switched is None:
        _check_idle(case)
        return "nothing serves, and the log never switched to anything"
    _check_switch(case, switched)
    _check_release(case, switched)
    _check_scorers(case, switched)
    said = case.certificate
    count = len(said.scorers)
    scorers = f"scorers of before that follow or stopped: {count} of {count}"
    if not count:
        scorers = "no scorer could answer from what was before"
    return f"release {said.live.release}; adapters: {len(case.members)}; {scorers}"


def _check_idle(case: Case) -> None:
    said = case.certificate
    told = said.scorers or said.acknowledgements
    if said.attestations.adapters or said.attestations.replays or told:
        raise Refused("nothing serves, and yet there is evidence of how it was made")
    _check_models(case, serving=set())


def _check_switch(case: Case, switched: Entry) -> None:
    live, facts = case.certificate.live, switched.facts
    serving = _adapters(facts)
    said = {name: facts.get(name) for name in ("kind", "recipe", "index", "live")}
    if said != {
        "kind": live.kind,
        "recipe": live.recipe,
        "index": live.index,
        "live": live.digest,
    }:
        raise Refused("the log switched to something else than what the certificate says")
    everything: strict.Json = {"recipe": live.recipe, "adapters": {**serving}, "index": live.index}
    if sha256(strict.canonical(everything)).hexdigest() != live.digest:
        raise Refused("the live digest is not that of what the log switched to")
    _check_models(case, serving={*serving.values()})


def _adapters(facts: Any) -> dict[str, str]:
    """The weights that serve, by shard."""
    found = facts.get("adapters")
    if not isinstance(found, dict):
        raise Refused("the log does not say what it switched to")
    for shard, digest in found.items():
        if not strict.number(shard, "shard") < count(facts.get("shards")):
            raise Refused("the log switched to an adapter of no shard")
        strict.sha256(digest, "adapter")
    return found


def _check_release(case: Case, switched: Entry) -> None:
    said = case.certificate
    statement, made = attested.read(
        case, said.attestations.release, kind=statements.RELEASE, target=switched.target
    )
    release, facts = statement.predicate, switched.facts
    serving = {each["shard"]: each["weights"] for each in release["adapters"]}
    same = {
        "auditLog": said.origin,
        "auditLogIndex": str(switched.index),
        "index": said.live.index,
        "kind": said.live.kind,
        "recipe": said.live.recipe,
        "release": str(said.live.release),
        "shards": facts.get("shards"),
        "switchedAt": switched.second.strftime(strict.MOMENT),
    }
    if {name: release[name] for name in same} != same or serving != facts["adapters"]:
        raise Refused("the attested release is not what the log switched to")
    panel = {"csmtRoot": set_of(facts).get("root"), "leafCount": set_of(facts).get("count")}
    if release["sets"]["panel"] != panel:
        raise Refused("the attested panel is not the one that the log switched to")
    cache = release["sets"]["trunk-cache"]
    if not any(
        switched.index < each.index < made.index
        and {"csmtRoot": each.fact("root"), "leafCount": each.fact("count")} == cache
        for each in case.log.of("trunk_cache.committed")
    ):
        raise Refused("the attested cache was not committed to between switch and attestation")
    if made.index <= switched.index:
        raise Refused("the release was attested before it was switched to")
    case.members = release["adapters"]


def set_of(facts: Any) -> dict[str, Any]:
    """The panel's set among the facts of a switch."""
    found = facts.get("panel")
    return found if isinstance(found, dict) else {}


def _check_scorers(case: Case, switched: Entry) -> None:
    """Whoever scored before the switch follows what it switched to, or has stopped."""
    said = case.certificate
    root = merkle.root_over(UUID(each).bytes for each in said.scorers).hex()
    if switched.facts.get("scorers") != {"root": root, "count": str(len(said.scorers))}:
        raise Refused("other scorers were there at the switch than the certificate names")
    serving = f"registry.Release:{said.live.release}"
    told = set()
    for index, scorer in said.acknowledgements:
        entry = case.log.at(index)
        if entry is None or index <= switched.index:
            raise Refused("a scorer did not follow or stop after the switch")
        if entry.type != "scorer.retired":
            _check_follows(case, case.entry(index, "release.acknowledged", serving), scorer)
        elif entry.target != f"registry.Scorer:{scorer}":
            raise Refused("another scorer stopped than the certificate says")
        told.add(scorer)
    if not told.issuperset(said.scorers):
        raise Refused("a scorer may still answer from what served before")
    later = [each for each in case.log.of("release.acknowledged") if each.index > switched.index]
    # Those that are not cited too: a number alone may be that of a release that was lost.
    follows = (serving, said.live.digest)
    if any((each.target, each.facts.get("live")) != follows for each in later):
        raise Refused("a scorer acknowledged what serves no more")


def _check_follows(case: Case, entry: Entry, scorer: str) -> None:
    if entry.fact("scorer") != scorer or entry.fact("live") != case.certificate.live.digest:
        raise Refused("a scorer acknowledged something else")


def _check_models(case: Case, *, serving: set[str]) -> None:
    signed = {name[7:71] for name in case.files if name.endswith(".sig")}
    if not signed <= serving:
        raise Refused("a model's signature is of no adapter that serves")
