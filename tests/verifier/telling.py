"""What stories are told with: a log that grows, sets, adapters, heads and signed statements."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid5

from evidence import facts
from tests.verifier.bundles import (
    ATTESTOR,
    BASE,
    ERASED,
    IDENTITY,
    NAMES,
    NOON,
    ORIGIN,
    RECIPE,
    REQUEST,
    digest,
    set_of,
    sign,
)  # fmt: skip
from verifier import dsse, merkle, notes, spelling, strict
from verifier.sets import CommittedSet

# Both scored from the release before: one follows the next, the other stops.
FOLLOWS, STOPS = sorted(uuid5(NAMES, name) for name in ("a scorer", "another scorer"))

Edits = Mapping[str, Callable[[Any], Any]]


@dataclass
class Adapter:
    """An adapter on its way: what it is, and where the log says so."""

    shard: int
    slice: int
    epoch: int
    weights: str
    records: CommittedSet
    parent: "Adapter | None"
    committed: int = -1
    trained: int = -1
    envelope: str = ""

    @property
    def name(self) -> str:
        return f"shard-{self.shard:02}/slice-{self.slice}"

    @property
    def target(self) -> str:
        return f"registry.AdapterVersion:{uuid5(NAMES, f'{self.name}/{self.epoch}')}"


class Telling:
    """The tools; ``Story`` is the story."""

    def __init__(self, edits: Edits | None = None, *, level: str = "L3", **sizes: int) -> None:
        self.edits = dict(edits or {})
        self.level = level
        self.shards, self.slices = sizes.get("shards", 2), sizes.get("slices", 2)
        self.size = sizes.get("size", 6)
        self.entries: list[bytes] = []
        self.places: dict[str, int] = {}
        self.files: dict[str, bytes] = {}
        self.envelopes: dict[str, str] = {}
        self.attested: dict[str, list[str]] = {"adapters": [], "destructions": [], "replays": []}
        self.old: dict[tuple[int, int], Adapter] = {}
        self.live: dict[tuple[int, int], Adapter] = {}
        self.erased = ERASED
        self.attested_release = ""
        self.head_before = 0

    @property
    def request(self) -> str:
        return f"erasure.DeletionRequest:{REQUEST}"

    def set(self, *keys: bytes, others: str) -> CommittedSet:
        return set_of(*keys, others=others, size=self.size)

    def edited(self, name: str, value: Any) -> Any:
        """A value, or what the edit of this name makes of it."""
        edit = self.edits.pop(name, None)
        if edit is None:
            return value
        value = copy.deepcopy(value) if isinstance(value, dict | list) else value
        found = edit(value)
        return value if found is None else found

    def log(self, name: str, type_: str, target: str, facts_: Mapping[str, Any]) -> int:
        """Append an entry, and return its place."""
        index = len(self.entries)
        event = {
            "actor": "system",
            "at": self.moment(index).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "eventId": str(uuid5(NAMES, f"event {index}")),
            "facts": dict(facts_),
            "target": target,
            "type": type_,
            "v": "1",
        }
        self.entries.append(strict.canonical(self.edited(name, event)))
        self.places[name] = index
        return index

    @staticmethod
    def moment(index: int) -> datetime:
        return NOON + timedelta(seconds=index)

    def spelt(self, index: int) -> str:
        return self.moment(index).strftime(strict.MOMENT)

    def adapter(self, shard: int, slice_: int, epoch: int, *keys: bytes) -> Adapter:
        """Commit to a set and train on it."""
        parent = self.live.get((shard, slice_ - 1)) or self.old.get((shard, slice_ - 1))
        held = self.set(*keys, others=f"{shard}/{slice_}")
        weights = digest("weights", shard, slice_, epoch)
        made = Adapter(shard, slice_, epoch, weights, held, parent)
        here = {"shard": str(shard), "slice": str(slice_), "epoch": str(epoch)}
        where = f"{made.name} of epoch {epoch}"
        committed = {"recipe": RECIPE, "root": held.root.hex(), "count": str(len(held)), **here}
        run = f"registry.TrainingRun:{uuid5(NAMES, where)}"
        made.committed = self.log(f"set {where}", "training_set.committed", run, committed)
        self.train_on(made, where, here)
        return made

    def train_on(self, made: Adapter, where: str, here: dict[str, str]) -> None:
        said = {"digest": made.weights, "set": self.event_id(made.committed), **here}
        made.trained = self.log(f"trained {where}", "adapter.trained", made.target, said)

    def event_id(self, index: int) -> str:
        found: Any = strict.loads(self.entries[index])
        return str(found["eventId"])

    def serving(self) -> dict[int, Adapter]:
        """The last slice of each shard that there is."""
        return {shard: made for (shard, _), made in sorted(self.live.items())}

    def chain(self) -> list[Adapter]:
        return [made for _, made in sorted(self.live.items())]

    def gone(self) -> str:
        return self.old[0, self.slices - 1].weights

    def live_digest(self, number: int = 3) -> str:
        adapters = {str(shard): made.weights for shard, made in self.serving().items()}
        said = {"recipe": RECIPE, "adapters": adapters, "index": digest("index", number)}
        return sha256(strict.canonical(said)).hexdigest()

    def switch(self, name: str, number: int, panel: CommittedSet, kind: str = "full") -> None:
        scorers = [FOLLOWS.bytes, STOPS.bytes] if number > 1 else []
        said = {
            "kind": kind,
            "before": str(number - 1) if number > 1 else "",
            "recipe": RECIPE,
            "shards": str(self.shards),
            "panel": {"root": panel.root.hex(), "count": str(len(panel))},
            "adapters": {str(shard): made.weights for shard, made in self.serving().items()},
            "index": digest("index", number),
            "live": self.live_digest(number),
            "scorers": {"root": merkle.root_over(scorers).hex(), "count": str(len(scorers))},
        }
        self.log(name, "release.switched", f"registry.Release:{number}", said)

    def commit_cache(self, name: str, held: CommittedSet) -> None:
        said = {"root": held.root.hex(), "count": str(len(held)), "states": "9"}
        self.log(name, "trunk_cache.committed", "registry.TrunkState", said)

    def sign(self, name: str, payload: bytes, target: str) -> str:
        """Sign a statement, log it, and return the envelope's digest."""
        payload = self.edited(f"statement {name}", payload)
        envelope = self.edited(f"envelope {name}", dsse.sign(payload, ATTESTOR))
        found = sha256(envelope).hexdigest()
        self.files[f"attestations/{found}.json"] = envelope
        kind: Any = strict.loads(payload)
        said = {"envelope": found, "kind": kind["predicateType"]}
        self.log(f"attested {name}", "attestation.made", target, said)
        return found

    def adapter_facts(self, made: Adapter) -> facts.AdapterFacts:
        committed = self.entries[made.committed]
        held = facts.CommittedSet(root=made.records.root.hex(), count=len(made.records))
        parent = made.parent
        return facts.AdapterFacts(
            files=(facts.File(name=f"{made.name}/adapter.safetensors", sha256=made.weights),),
            shard=made.shard,
            slice=made.slice,
            seed=1,
            training_set=facts.TrainingSet(
                origin=f"{ORIGIN}/ds/{made.name}",
                epoch=made.epoch,
                head=sha256(committed).hexdigest(),
                records=held,
                place=facts.Place(log=ORIGIN, index=made.committed),
            ),
            base=facts.Source(uri="urn:expunge:base:b2", sha256=BASE),
            recipe=facts.Source(uri="urn:expunge:recipe:a1", sha256=RECIPE),
            code=facts.Code(uri="urn:expunge:mlcore", sha256=digest("code")),
            builder=IDENTITY,
            run="urn:uuid:6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d10",
            started_at=self.moment(made.committed),
            finished_at=self.moment(made.trained),
            parent=None
            if parent is None
            else facts.Parent(uri="urn:x:parent", sha256=parent.weights, epoch=parent.epoch),
        )

    def release_facts(self) -> facts.ReleaseFacts:
        def committed(held: CommittedSet) -> facts.CommittedSet:
            return facts.CommittedSet(root=held.root.hex(), count=len(held))

        switched = self.places["switch 3"]
        return facts.ReleaseFacts(
            release=3,
            replaces=2,
            kind="full",
            recipe=RECIPE,
            shards=self.shards,
            members=tuple(
                facts.Member(
                    shard=made.shard,
                    slice=made.slice,
                    epoch=made.epoch,
                    weights=made.weights,
                    provenance=made.envelope,
                )
                for made in self.serving().values()
            ),
            index=digest("index", 3),
            panel=committed(self.panel),
            trunk_cache=committed(self.cache),
            switched_at=self.moment(switched),
            place=facts.Place(log=ORIGIN, index=switched),
            issuer=IDENTITY,
        )

    def sets(self) -> list[tuple[str, CommittedSet, int]]:
        """Name, set and entry of everything that is live."""
        found = [(made.name, made.records, made.committed) for made in self.chain()]
        found.append(("panel", self.panel, self.places["switch 3"]))
        return [*found, ("trunk-cache", self.cache, self.places["cache 2"])]

    def sets_before(self) -> list[tuple[str, CommittedSet, int]]:
        old = self.old[0, self.slices - 1]
        return [
            (old.name, old.records, old.committed),
            ("panel", self.panel_before, self.places["switch 1"]),
            ("trunk-cache", self.cache_before, self.places["cache 1"]),
        ]

    def leaves(self, size: int) -> list[bytes]:
        return [merkle.leaf_hash(entry) for entry in self.entries[:size]]

    def head(self, size: int) -> bytes:
        root = merkle.root_of(self.leaves(size))
        return sign(notes.Checkpoint(ORIGIN, size, root).text())

    def log_files(self, cited: list[int]) -> dict[str, bytes]:
        size = len(self.entries)
        leaves = self.leaves(size)
        path = merkle.consistency_proof(leaves, self.head_before)
        consistency = "".join(f"{spelling.encode(each)}\n" for each in path).encode()
        entries = [
            {
                "entry": spelling.encode(self.entries[index]),
                "index": str(index),
                "proof": [spelling.encode(each) for each in merkle.inclusion_proof(leaves, index)],
            }
            for index in cited
        ]
        return {
            "log/checkpoint": self.head(size),
            "log/consistency": consistency,
            "log/stamped": consistency,
            "log/entries.json": strict.canonical(entries),
        }
