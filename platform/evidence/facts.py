"""What an attestation is made of: plain values, read from the database by whoever attests.

Random ids, digests, counts and times only: nothing here may name a person. Digests are 64
lower-case hexadecimal digits, times are aware; what a statement cannot hold is refused when it is
built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class File:
    """A file by its relative path, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something that lies elsewhere, and its SHA-256."""

    uri: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """The code that ran: its git commit, or without a repository the SHA-256 of the sources."""

    uri: str
    commit: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An entry of the audit log: the log's origin, and the entry's position in it."""

    log: str
    index: int


@dataclass(frozen=True, kw_only=True)
class CommittedSet:
    """The root of a compact sparse Merkle tree in hexadecimal, and how many keys it has."""

    root: str
    count: int


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """The one way in which training data enters an adapter.

    Args:
        origin: of the data set, without a scheme: ``expunge.example.com/ds/shard-07``.
        epoch: the shard's erasure counter when the rows were read.
        head: SHA-256 of the signed head that commits to the set.
        place: the audit log's entry that names the set.
    """

    origin: str
    epoch: int
    head: str
    records: CommittedSet
    place: Place


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The adapter of the slice before, which a training started from: its weights' SHA-256."""

    uri: str
    sha256: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The removed records after which an adapter was trained: SHA-256 of their keys, and count."""

    id: UUID
    keys: str
    count: int


@dataclass(frozen=True, kw_only=True)
class AdapterFacts:
    """How one adapter version was made.

    Args:
        files: of the adapter, at least one.
        recipe: the recipe's configuration, and ``seed`` the seed in it.
        builder: the identity of who trained, a URI; trusted only together with its own key.
        run: the identity of this run, a URI.
        parent: None for slice 0 alone.
        batch: None if no erasure led to this training.
        image: the container that trained, if one did.
        environment: whatever else may have decided bits, by name.
        versions: of the builder's components, by name.
        byproducts: SHA-256 by the names of ``verifier.statements.BYPRODUCTS``.
    """

    files: tuple[File, ...]
    shard: int
    slice: int
    seed: int
    training_set: TrainingSet
    base: Source
    recipe: Source
    code: Code
    builder: str
    run: str
    started_at: datetime
    finished_at: datetime
    parent: Parent | None = None
    batch: Batch | None = None
    image: Source | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    byproducts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Member:
    """An adapter that serves.

    Args:
        weights: SHA-256 of the adapter's bytes.
        provenance: SHA-256 of the envelope that attests how it was made.
    """

    shard: int
    slice: int
    epoch: int
    weights: str
    provenance: str


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """What serves from a moment on.

    Args:
        replaces: the release before; None for the first.
        kind: ``full`` or ``fallback``.
        recipe, index: SHA-256 of each.
        shards: how many the recipe has; one without a member does not serve.
        panel, trunk_cache: the other live state that holds what came from people.
        place: the audit log's entry of the switch.
        issuer: who says so, a URI.
    """

    release: int
    replaces: int | None
    kind: str
    recipe: str
    shards: int
    members: tuple[Member, ...]
    index: str
    panel: CommittedSet
    trunk_cache: CommittedSet
    switched_at: datetime
    place: Place
    issuer: str


@dataclass(frozen=True, kw_only=True)
class DestructionFacts:
    """What nobody can read any more, because its key was destroyed.

    Args:
        files: what it was, at least one.
        request: the deletion request; None if it was merely superseded.
        trunk_states, panel_rows: how many of them went with it.
        place: the audit log's entry of the destruction.
        issuer: who says so, a URI.
    """

    files: tuple[File, ...]
    request: UUID | None
    trunk_states: int
    panel_rows: int
    destroyed_at: datetime
    place: Place
    issuer: str


@dataclass(frozen=True, kw_only=True)
class ReplayFacts:
    """What training again showed of adapters.

    Args:
        files: the weights that were compared.
        is_identical: every slice came out bit for bit.
        same_records: each slice read the records that its manifest commits to.
        same_environment: it was done in the environment that the adapter was made in.
        is_as_logged: what serves is what was logged when it went live.
        policies: what the result was judged by.
        verifier: who did it, a URI.
    """

    files: tuple[File, ...]
    is_identical: bool
    same_records: bool
    same_environment: bool
    is_as_logged: bool
    policies: tuple[Source, ...]
    checked_at: datetime
    verifier: str
