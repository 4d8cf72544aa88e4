"""What a bundle that holds does not prove, and where else a reader can look. A sentence each."""

from collections.abc import Collection, Iterator
from typing import Final

from verifier.case import Case
from verifier.certificate import NOT_ERASED

WEIGHTS: Final = (
    "Absence is from the lists that were committed to, not a theorem about the weights: no proof "
    "looks into them."
)
KEYS: Final = (
    "Records are known by keys that are made with the person's own, which is gone: the same "
    "records, taken in again, have other keys and are not looked for."
)
ALWAYS: Final = ("base-model", "others", "backups")


def not_proven(case: Case, level: str, held: Collection[int]) -> Iterator[str]:
    """What none of the steps shows.

    Args:
        level: what the evidence reached.
        held: the numbers of the steps that hold.
    """
    if level == "L1":
        yield "How what serves was made, and that it lacks the erased records, is only claimed."
    yield WEIGHTS
    yield KEYS
    if level != "L3":
        yield "That training read those lists and nothing else is only claimed: none was repeated."
    else:
        yield "Training was repeated by whoever attests it, not by this program."
        again = sum(each.trained.index > case.applied.index for each in case.chain)
        if again < len(case.chain):
            yield (
                f"Of {len(case.chain)} adapters, the {again} that were made after the erasure were "
                "trained again; that the others read their lists and nothing else is only claimed."
            )
        yield "How the adapters are weighed against each other was not computed again."
    for base in case.bases:
        yield (
            "What the base model had seen is only claimed. Its digest (expunge/base-digest/v1), to "
            f"be compared with that of the one that was published: {base}"
        )
    for code in dict.fromkeys([*ALWAYS, *case.certificate.not_erased]):
        yield NOT_ERASED[code]
    exports = ", ".join(map(str, case.certificate.exports))
    but = f" but by the exports at log entries {exports}" if exports else ""
    yield f"That no copy left before the erasure{but} is the operator's word."
    if case.certificate.live.release is not None:
        yield "Scorers are known by the log: that none else answers is the operator's word."
    if not case.witnesses:
        yield "Others may have been shown another log: no witness cosigned this head."
    else:
        yield (
            f"Witnesses that cosigned the head: {case.witnesses}. Whether they are independent is "
            "for you to know: compare their keys in keys.json with theirs."
        )
    if 10 not in held:
        yield "That these were the person's records is only claimed: it takes the receipt to tell."
    elif case.left:
        yield (
            f"{case.left} of the records that were given are not among those erased here: they "
            "were erased before, under another key, or not at all."
        )
    elif case.records is None:
        yield "Which records these were is not shown: it takes the person's own copy to tell."
    yield "certificate.pdf and README.txt are the operator's words: certificate.json was checked."
    yield "What serves later than the certificate was issued is not in it."
    yield "The time of a head is the operator's word, unless an authority stamped it."


def notes(case: Case) -> Iterator[str]:
    """What else is in the bundle, and what checks it."""
    yield from case.notes
    if "models/key.pem" in case.files:
        yield (
            "Signatures of the adapters' files are there. Check a folder that holds the weights "
            "alone, as adapter.safetensors: model_signing verify key FOLDER "
            "--signature models/DIGEST.sig --public_key models/key.pem"
        )
