"""What a certificate says, as values. Whether any of it is true is not checked here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Request:
    """The deletion request, and when what became of it happened."""

    id: UUID
    number: str
    regulation: str
    scope: str
    received_at: datetime
    decided_at: datetime
    erased_at: datetime
    restored_at: datetime
    completed_at: datetime


@dataclass(frozen=True)
class Live:
    """What serves. Of kind ``none`` the release is None and the digests are empty."""

    kind: str
    release: int | None
    digest: str
    index: str
    recipe: str


@dataclass(frozen=True)
class SetClaim:
    """A committed set by name, and the log entry that commits to it.

    Args:
        root: 32 octets.
        present: how many erased keys it held; None of a set that holds none.
    """

    name: str
    root: bytes
    count: int
    entry: int
    present: int | None = None


@dataclass(frozen=True)
class Entries:
    """Positions in the log; ``switched`` is None if nothing serves."""

    applied: int
    key_destroyed: int
    switched: int | None
    verified: int


@dataclass(frozen=True)
class Attestations:
    """Digests of envelopes; ``release`` is empty if nothing serves."""

    adapters: tuple[str, ...]
    destructions: tuple[str, ...]
    release: str
    replays: tuple[str, ...]

    @property
    def all(self) -> list[str]:
        """Every envelope."""
        release = [self.release] if self.release else []
        return [*self.adapters, *self.destructions, *release, *self.replays]


@dataclass(frozen=True)
class Certificate:
    """All of it.

    Args:
        erased: ``interactions``, ``adapters``, ``slices``, ``panelRows`` and ``trunkStates``.
        erased_root: of the record keys, RFC 6962, in hexadecimal.
        exports: log entries of what had left before.
        scorers: who scored when what serves took another's place.
        acknowledgements: log entry and scorer of each that follows it, or stopped.
        files: SHA-256 by path.
    """

    level: str
    issued_at: datetime
    valid_until: datetime
    issuer: str
    origin: str
    controller: str
    legal_basis: str
    request: Request
    live: Live
    erased: Mapping[str, int]
    erased_root: str
    entries: Entries
    sets: tuple[SetClaim, ...]
    before: tuple[SetClaim, ...]
    attestations: Attestations
    exports: tuple[int, ...]
    scorers: tuple[str, ...]
    acknowledgements: tuple[tuple[int, str], ...]
    not_erased: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def cited(self) -> set[int]:
        """Every log entry that it names."""
        entries = self.entries
        switched = set() if entries.switched is None else {entries.switched}
        named = {each.entry for each in (*self.sets, *self.before)}
        said = {entry for entry, _ in self.acknowledgements}
        always = {entries.applied, entries.key_destroyed, entries.verified}
        return always | switched | named | said | set(self.exports)
