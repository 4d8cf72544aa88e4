"""Canonical JSON and what an adapter was made from.

Canonical means RFC 8785 (JSON Canonicalization Scheme), so a digest is the same in any language.
Numbers travel as strings: no reader can round them.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

ADAPTER_FORMAT: Final = "expunge/adapter-manifest/v1"


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises:
        rfc8785.CanonicalizationError: for what JSON cannot hold.
    """
    return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def adapter_manifest(
    *,
    recipe_digest: str,
    base_digest: str,
    environment: Mapping[str, str],
    shard: int,
    slice_: int,
    parent: str | None,
    records_root: str,
    records: int,
    samples: int,
    output: str,
    epoch: int,
) -> dict[str, Any]:
    """The manifest of the adapter of ``shard`` after ``slice_``.

    Args:
        parent: digest of the slice before, None for the first.
        records_root: Merkle root of the commitments to every interaction that was consumed.
        records: how many they are; ``samples`` is how many training rows they made.
        output: digest of the adapter's bytes.
        epoch: the shard's erasure counter when its rows were read.
    """
    return {
        "format": ADAPTER_FORMAT,
        "recipe": recipe_digest,
        "base": base_digest,
        "environment": dict(environment),
        "shard": str(shard),
        "slice": str(slice_),
        "parent": parent,
        "records": {"root": records_root, "count": str(records)},
        "samples": str(samples),
        "output": output,
        "epoch": str(epoch),
    }
