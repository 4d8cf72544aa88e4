"""What an adapter was after a slice, and how wrong it was on the panel."""

from dataclasses import dataclass, field

from mlcore import adapters
from mlcore.lora import Weights
from mlcore.samples import Sample


@dataclass
class Checkpoint:
    """The B of a shard after a slice, the digest of its file, and its error on panel samples.

    A slice without samples passes on the checkpoint of the slice before: the same object.
    """

    b: Weights
    digest: str
    size: int  # bytes of the file, A included
    errors: dict[Sample, float] = field(default_factory=dict)


def of(a: Weights, b: Weights) -> Checkpoint:
    """A checkpoint of freshly trained weights, with no errors yet."""
    data = adapters.to_bytes(a, b)
    return Checkpoint(b, adapters.digest(data), len(data))
