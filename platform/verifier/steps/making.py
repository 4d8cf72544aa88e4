"""Step 6: how each adapter that serves was made, from the base model on, slice by slice."""

from datetime import datetime
from typing import Any, Final, TypeAlias

from verifier import statements, strict
from verifier.case import Case, Made
from verifier.excerpt import Entry
from verifier.report import Refused
from verifier.statements import Statement
from verifier.steps import attested

PROVES: Final = "What serves began with the base; each list was fixed before training."
# Shard, slice, epoch and weights.
Place: TypeAlias = tuple[int, int, int, str]


def check(case: Case) -> str:
    """Follow every adapter that serves down to slice 0, and keep the chain.

    Raises:
        Refused, ValueError: something in it is not attested, not logged, or out of order.
    """
    made: dict[Place, tuple[Made, Statement]] = {}
    for digest in case.certificate.attestations.adapters:
        one, statement = _made(case, digest)
        place = (one.shard, one.slice, one.epoch, one.weights)
        if place in made:
            raise Refused("two attestations are of one adapter")
        made[place] = (one, statement)
    for member in case.members:
        _follow(case, member, made)
    if len(case.chain) != len(made):
        raise Refused("an adapter is attested that does not serve, and nothing that serves needs")
    bases = {each[1].dependencies["base-model"]["digest"]["sha256"] for each in made.values()}
    if len(bases) > 1:
        raise Refused("what serves was made from several base models")
    case.bases = bases
    return f"adapters that serve: {len(case.members)}; slices behind them: {len(case.chain)}"


def _follow(case: Case, member: dict[str, Any], made: dict[Place, tuple[Made, Statement]]) -> None:
    shard, slice_, epoch = (int(member[name]) for name in ("shard", "slice", "epoch"))
    place = (shard, slice_, epoch, member["weights"])
    one, statement = _known(made, place)
    if one.envelope != member["provenance"]:
        raise Refused("the release names another attestation of an adapter")
    assert case.switched is not None
    if one.trained.index >= case.switched.index:
        raise Refused("an adapter serves that was not made yet")
    while True:
        case.chain.append(one)
        if not one.slice:
            return
        parent = statement.dependencies["parent-checkpoint"]
        epoch, weights = int(parent["annotations"]["epoch"]), parent["digest"]["sha256"]
        # Of its own shard and the slice before it: whatever else it started from is not clean.
        before, statement = _known(made, (one.shard, one.slice - 1, epoch, weights))
        if before.trained.index >= one.committed.index:
            raise Refused("an adapter was started from one that was not made yet")
        one = before


def _known(made: dict[Place, tuple[Made, Statement]], place: Place) -> tuple[Made, Statement]:
    if place not in made:
        raise Refused("an adapter, or one that it was started from, is not attested here")
    return made[place]


def _made(case: Case, digest: str) -> tuple[Made, Statement]:
    """One adapter: what its attestation says is what the log says."""
    statement, logged = attested.read(case, digest, kind=statements.PROVENANCE)
    given = statement.predicate["buildDefinition"]["externalParameters"]
    shard, slice_, epoch = given["shard"][6:], given["slice"], given["datasetEpoch"]
    [(name, weights), *more] = statement.subject.items()
    if more or name != f"{given['shard']}/slice-{slice_}/adapter.safetensors":
        raise Refused("an attestation is not of one adapter, under its name")
    trained = _only_trained(case, logged)
    committed = _committed(case, statement)
    here = {"shard": str(int(shard)), "slice": slice_, "epoch": epoch}
    if {name: trained.fact(name) for name in here} != here or trained.fact("digest") != weights:
        raise Refused("the log says something else of how an adapter was made")
    if {name: committed.fact(name) for name in here} != here:
        raise Refused("a training set is not that of the adapter's slice")
    if trained.fact("set") != str(committed.event_id):
        raise Refused("an adapter was made from another set than its attestation says")
    if not committed.index < trained.index < logged.index:
        raise Refused("a training set is younger than the training, or that than its attestation")
    _check_times(statement, committed, trained)
    one = Made(int(shard), int(slice_), int(epoch), weights, digest, committed, trained)
    return one, statement


def _only_trained(case: Case, logged: Entry) -> Entry:
    found = [*case.log.of("adapter.trained", target=logged.target)]
    if len(found) != 1:
        raise Refused("the log does not say, or says twice, that an attested adapter was made")
    return found[0]


def _committed(case: Case, statement: Statement) -> Entry:
    """The entry of the training set, which the statement names by position, root and digest."""
    head = statement.dependencies["training-set-head"]
    notes = head["annotations"]
    entry = case.entry(int(notes["auditLogIndex"]), "training_set.committed")
    recipe = statement.dependencies["recipe"]["digest"]["sha256"]
    if not recipe == entry.fact("recipe") == case.certificate.live.recipe:
        raise Refused("an adapter was made by another recipe than what serves")
    if (
        notes["auditLog"] != case.certificate.origin
        or head["digest"]["sha256"] != entry.digest
        or notes["csmtRoot"] != entry.fact("root")
        or notes["leafCount"] != entry.fact("count")
    ):
        raise Refused("an attested training set is not the one that was logged")
    return entry


def _check_times(statement: Statement, committed: Entry, trained: Entry) -> None:
    run = statement.predicate["runDetails"]["metadata"]
    started = strict.moment(run["startedOn"], "startedOn")
    finished: datetime = strict.moment(run["finishedOn"], "finishedOn")
    if committed.second > started or finished != trained.second:
        raise Refused("a training began before its set was fixed, or ended at another time")
