"""Step 9: what was made after the erasure was trained again, and came out bit for bit."""

from typing import Final

from verifier import statements
from verifier.case import Case
from verifier.report import Refused
from verifier.steps import attested

PROVES: Final = "Training again from the same lists gave the same adapters, bit for bit."


def check(case: Case) -> str:
    """Compare the replays with the chain.

    Raises:
        Refused, ValueError: a replay found less than all, or an adapter was not replayed.
    """
    replayed: dict[tuple[str, str], int] = {}
    for digest in case.certificate.attestations.replays:
        statement, made = attested.read(case, digest, kind=statements.REPLAY)
        if statement.predicate["properties"] != [*statements.PROPERTIES]:
            raise Refused("a replay did not find all that it looks for")
        for name, weights in statement.subject.items():
            replayed[name, weights] = max(made.index, replayed.get((name, weights), -1))
    again = [each for each in case.chain if each.trained.index > case.applied.index]
    if not again:
        raise Refused("nothing that serves was made after the erasure, so nothing was replayed")
    for each in case.chain:
        # Of the weights that were destroyed, and said to be another's: training again tells.
        if each.trained.index <= case.applied.index and each.weights not in case.spared:
            continue
        at = replayed.get((f"{each.name}/adapter", each.weights), -1)
        if at <= each.trained.index:
            raise Refused(
                "an adapter made after the erasure, or of weights that were destroyed, was not "
                "trained again"
            )
    return f"made after the erasure, and trained again: {len(again)}"
