"""The measures of committed sets: building one, proofs of absence, and a verifier of many."""

from collections.abc import Callable
from hashlib import sha256
from statistics import median
from typing import Any

from config.benchmark.figures import Clock, quantile, spread
from config.benchmark.sizes import Sizes
from verifier import csmt, proof_files
from verifier.sets import CommittedSet

Tell = Callable[[str], None]


def building(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Keys a second in one process, and the time and the octets of proofs that keys are absent."""
    items = [(_key("held", number), _key("value", number)) for number in range(sizes.keys)]
    per_second = []
    for repeat in range(sizes.repeats):
        tell(f"a set of {sizes.keys:,} keys, {repeat + 1} of {sizes.repeats}")
        with Clock() as clock:
            held = CommittedSet.of(items)
        per_second.append(sizes.keys / clock.seconds)
    proving, verifying, octets = [], [], []
    for number in range(sizes.proofs):
        key = _key("absent", number)
        with Clock() as clock:
            proof = held.prove(key)
        proving.append(1000 * clock.seconds)
        with Clock() as clock:
            csmt.verify_absent(root=held.root, key=key, proof=proof)
        verifying.append(1000 * clock.seconds)
        octets.append(len(proof))
    return {
        "keys": sizes.keys,
        "per_second": spread(per_second),
        "absence": {
            "proofs": sizes.proofs,
            "milliseconds": median(proving),
            "milliseconds_95": quantile(proving, 0.95),
            "verify_milliseconds": median(verifying),
            "octets": median(octets),
            "octets_most": max(octets),
        },
    }


def verifying(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Seconds to check that each set lacks each erased key, from the files that a bundle holds."""
    tell(f"verifying {sizes.erased:,} keys in {sizes.sets} sets")
    erased = sorted(_key("absent", number) for number in range(sizes.erased))
    files = []
    for name in range(sizes.sets):
        members = ((_key(f"set {name}", number), bytes(32)) for number in range(sizes.members))
        held = CommittedSet.of(members)
        files.append((held.root, proof_files.absent(held, erased)))
    seconds = []
    for _ in range(sizes.repeats):
        with Clock() as clock:
            for root, raw in files:
                for key, proof in zip(
                    erased, proof_files.read_absent(raw, len(erased)), strict=True
                ):
                    csmt.verify_absent(root=root, key=key, proof=proof)
        seconds.append(clock.seconds)
    return {
        "erased": sizes.erased,
        "sets": sizes.sets,
        "members": sizes.members,
        "octets": sum(len(raw) for _, raw in files),
        "seconds": spread(seconds),
    }


def _key(of: str, number: int) -> bytes:
    """Spread evenly, as HMAC outputs are."""
    return sha256(f"{of}/{number}".encode()).digest()
