"""What is checked: the files of a bundle and what is known besides; and what each step found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from verifier.claims import Certificate
from verifier.excerpt import Entry, Excerpt
from verifier.keyring import Keyring
from verifier.report import Refused
from verifier.strict import BadDocument, Json, number

CERTIFICATE: Final = "certificate.json"
ENTRIES: Final = "log/entries.json"
CHECKPOINT: Final = "log/checkpoint"
BEFORE: Final = "log/before"
CONSISTENCY: Final = "log/consistency"
STAMPED: Final = "log/stamped"
KEYS: Final = "keys.json"
ERASED: Final = "erased.keys"
SEALED: Final = "sealed.key"
STORE: Final = "registry.Store"


@dataclass(frozen=True)
class Made:
    """An adapter in a live chain, whose provenance was checked.

    Args:
        envelope: SHA-256 of its provenance's envelope.
        committed: the entry of its training set; ``trained`` the entry of the adapter.
    """

    shard: int
    slice: int
    epoch: int
    weights: str
    envelope: str
    committed: Entry
    trained: Entry

    @property
    def name(self) -> str:
        """As sets and files of it are called."""
        return f"shard-{self.shard:02}/slice-{self.slice}"


@dataclass
class Case:
    """A bundle on its way through the steps: each adds what the later ones rest on.

    Args:
        keys: the log's verification keys, from somewhere else than the bundle.
        receipt: as it was handed out, if it is at hand.
        records: the person's own records in canonical form, if they are at hand.
    """

    files: Mapping[str, bytes]
    certificate: Certificate
    ring: Keyring
    keys: Sequence[str] = field(kw_only=True)
    now: datetime = field(kw_only=True)
    receipt: str | None = field(kw_only=True)
    records: Sequence[bytes] | None = field(kw_only=True)
    log: Excerpt = field(default_factory=lambda: Excerpt({}))
    chain: list[Made] = field(default_factory=list)
    bases: set[str] = field(default_factory=set)
    spared: set[str] = field(default_factory=set)
    erased: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    witnesses: int = 0
    left: int = 0
    members: list[dict[str, Any]] = field(default_factory=list)
    _issued: Entry | None = None

    @property
    def request(self) -> str:
        """What the log calls the deletion request."""
        return f"erasure.DeletionRequest:{self.certificate.request.id}"

    @property
    def issued(self) -> Entry:
        """The entry of the certificate; found by the step of the certificate."""
        assert self._issued is not None
        return self._issued

    @issued.setter
    def issued(self, entry: Entry) -> None:
        self._issued = entry

    @property
    def applied(self) -> Entry:
        """The entry of the erasure."""
        return self.entry(self.certificate.entries.applied, "erasure.applied", self.request)

    @property
    def switched(self) -> Entry | None:
        """The entry of the switch to what serves; None if nothing serves."""
        index = self.certificate.entries.switched
        if index is None:
            return None
        release = f"registry.Release:{self.certificate.live.release}"
        return self.entry(index, "release.switched", release)

    def entry(self, index: int, type_: str, target: str | None = None) -> Entry:
        """An entry that must be there, of this type and about this thing.

        Raises:
            Refused: it is not there, or is another.
        """
        found = self.log.at(index)
        if found is None:
            raise Refused(f"entry {index} is not in the bundle")
        if found.type != type_ or target not in (None, found.target):
            raise Refused(f"entry {index} is not the {type_} that it is said to be")
        return found


def count(value: Json) -> int:
    """A number among facts; -1, which no other number is equal to, if it is none."""
    try:
        return number(value, "fact")
    except BadDocument:
        return -1
