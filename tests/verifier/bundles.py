"""Evidence bundles, made up whole and in memory: a log, sets, statements and a certificate.

``Story`` tells what happened, one method a chapter, and is as honest as it is left: a test that
wants a liar overrides a chapter, or edits something by its name on its way into the log, into a
statement or into the certificate. Whoever lies in a Story has the log's key; whoever changes the
files of a Bundle has not.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any
from uuid import UUID, uuid5

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from evidence import facts, statements
from verifier import archive, bundle, dsse, merkle, notes, proof_files, spelling, strict
from verifier.records import canonical
from verifier.sets import CommittedSet

ORIGIN = "expunge.example/log"
IDENTITY = f"https://{ORIGIN}/attestor"
NOON = datetime(2026, 3, 1, 12, microsecond=250_000, tzinfo=UTC)
NAMES = UUID("6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d10")
REQUEST = uuid5(NAMES, "request")
SUBJECT_KEY = b"\x07" * 32
RECIPE, BASE, SHARDS, SLICES = "a1" * 32, "b2" * 32, 2, 2
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)

LOG = notes.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
LOG_PQ = notes.Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(b"\x02" * 32))
WITNESS = notes.Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x03" * 32))
ATTESTOR = Ed25519PrivateKey.from_private_bytes(b"\x04" * 32)
RECEIPT_KEY = X25519PrivateKey.from_private_bytes(b"\x05" * 32)
RECEIPT = "expunge-receipt-1." + RECEIPT_KEY.private_bytes_raw().hex()

Edits = Mapping[str, Callable[[Any], Any]]


def record(subject: str, number: int) -> bytes:
    """One interaction of somebody's, in canonical form."""
    at = NOON - timedelta(days=number)
    return canonical(subject=subject, item=f"film-{number}", value=Decimal("3.5"), at=at)


def key_of(content: bytes, *, subject_key: bytes = SUBJECT_KEY) -> bytes:
    """The record key of an interaction."""
    tagged = b"expunge/rec/v1\0" + sha256(content).digest()
    return hmac_digest(subject_key, tagged, "sha256")


def digest(*parts: object) -> str:
    """Some digest, the same for the same parts."""
    return sha256(repr(parts).encode()).hexdigest()


RECORDS = [record("anna", number) for number in range(3)]
ERASED = sorted(map(key_of, RECORDS))


def set_of(*keys: bytes, others: str, size: int = 6) -> CommittedSet:
    """A set of these keys and of some people's more."""
    rest = [bytes.fromhex(digest("record", others, number)) for number in range(size)]
    return CommittedSet.of((key, sha256(key).digest()) for key in (*keys, *rest))


def sign(text: str) -> bytes:
    """A head as the log publishes it: two keys of its own, and a witness."""
    at = int(NOON.timestamp())
    lines = [LOG.line(text), LOG_PQ.line(text, at=at), WITNESS.line(text, at=at)]
    return (text + "\n" + "".join(lines)).encode()


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


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle, and what its reader has besides."""

    files: dict[str, bytes]
    receipt: str = RECEIPT

    def zip(self) -> bytes:
        """The archive."""
        return archive.write(self.files)

    def check(self, **given: Any) -> bundle.Report:
        """What the verifier says, a minute after it all."""
        wanted = {"keys": [LOG.vkey], "now": NOON + timedelta(hours=1), **given}
        return bundle.check(self.zip(), **wanted)

    def but(self, **files: bytes | None) -> "Bundle":
        """With other files: ``but(**{"keys.json": b""})``; None takes one away."""
        kept = {**self.files, **files}
        return Bundle({name: data for name, data in kept.items() if data is not None})

    def forged(self, **files: bytes | None) -> "Bundle":
        """The same by somebody who makes the certificate list them, and has no key of the log."""
        found = self.but(**files)
        body = self.certificate
        body["files"] = listed(found.files)
        return found.but(**{"certificate.json": strict.canonical(body)})

    @property
    def certificate(self) -> dict[str, Any]:
        """What the certificate says."""
        found: Any = strict.loads(self.files["certificate.json"])
        return found


def listed(files: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of the files that a certificate vouches for."""
    unlisted = {"certificate.json", "log/checkpoint", "log/consistency", "log/entries.json"}
    return {name: sha256(data).hexdigest() for name, data in files.items() if name not in unlisted}


class Story:
    """An erasure from the first training to the certificate; see the module."""

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

    def bundle(self) -> Bundle:
        """Tell it all."""
        self.begin()
        self.train()
        self.head_before = len(self.entries)
        self.erase()
        self.retrain()
        self.restore()
        self.attest()
        self.certify()
        assert not self.edits, f"nothing is called {sorted(self.edits)}"
        return Bundle(self.files)

    def begin(self) -> None:
        self.log("ingest", "batch.ingested", "corpus.Batch:1", {"rows": "12"})
        self.announce()

    def announce(self) -> None:
        public = ATTESTOR.public_key()
        self.log(
            "announce",
            "key.announced",
            f"evidence.Key:{dsse.key_id(public)}",
            {"identity": IDENTITY, "key": spelling.encode(public.public_bytes_raw())},
        )

    def train(self) -> None:
        """Anna is in the last slice of shard 0, in the panel and in the cache."""
        for shard in range(self.shards):
            for slice_ in range(self.slices):
                is_hers = (shard, slice_) == (0, self.slices - 1)
                made = self.adapter(shard, slice_, 0, *(self.erased if is_hers else ()))
                self.old[shard, slice_] = made
        self.live = dict(self.old)
        self.panel_before = self.set(*self.erased[:1], others="panel")
        self.cache_before = self.set(*self.erased, others="cache")
        self.switch("switch 1", 1, self.panel_before)
        self.commit_cache("cache 1", self.cache_before)

    def erase(self) -> None:
        last = self.old[0, self.slices - 1]
        gone = {"why": "erased", "request": str(REQUEST)}
        states = {"trunk_states": "4", "ids_sha256": digest("states"), **gone}
        self.log("destroy states", "artefacts.destroyed", "registry.Store", states)
        adapters = {"adapters": [last.weights], **gone}
        self.log("destroy adapters", "artefacts.destroyed", "registry.Store", adapters)
        self.live.pop((0, self.slices - 1))
        self.switch("switch 2", 2, self.set(others="panel"), kind="fallback")
        root = merkle.root_of([merkle.leaf_hash(key) for key in self.erased]).hex()
        counts = {
            "interactions": str(len(self.erased)),
            "trunk_states": "4",
            "panel_rows": "1",
            "adapters": "1",
            "slices": "1",
        }
        said = {**counts, "records_root": root, "scope": "whole"}
        self.log("applied", "erasure.applied", self.request, said)
        key = sha256(b"expunge/subject-key/v1\0" + SUBJECT_KEY).hexdigest()
        gone = {"fate": "destroyed", "key": key}
        self.log("key destroyed", "subject_key.destroyed", self.request, gone)

    def retrain(self) -> None:
        self.live[0, self.slices - 1] = self.adapter(0, self.slices - 1, 1)

    def restore(self) -> None:
        self.panel = self.set(others="panel")
        self.switch("switch 3", 3, self.panel)
        self.cache = self.set(others="cache")
        self.commit_cache("cache 2", self.cache)
        self.log("verified", "verification.done", self.request, {"ok": "yes"})
        said = {"scorer": str(uuid5(NAMES, "scorer")), "live": self.live_digest()}
        self.log("acknowledged", "release.acknowledged", "registry.Release:3", said)

    def attest(self) -> None:
        for each in self.chain():
            facts_ = self.edited(f"facts {each.name}", self.adapter_facts(each))
            self.attested["adapters"].append(
                self.sign(f"adapter {each.name}", statements.adapter(facts_), each.target)
            )
            each.envelope = self.attested["adapters"][-1]
        for name, states in (("destroy states", 4), ("destroy adapters", 0)):
            subject = ["trunk-states", digest("states")] if states else ["adapter-0", self.gone()]
            gone = facts.DestructionFacts(
                files=(facts.File(name=subject[0], sha256=subject[1]),),
                request=REQUEST,
                trunk_states=states,
                panel_rows=0,
                destroyed_at=self.moment(self.places[name]),
                place=facts.Place(log=ORIGIN, index=self.places[name]),
                issuer=IDENTITY,
            )
            payload = statements.destruction(self.edited(f"facts {name}", gone))
            self.attested["destructions"].append(self.sign(name, payload, "registry.Store"))
        payload = statements.release(self.edited("facts release", self.release_facts()))
        self.attested_release = self.sign("release", payload, "registry.Release:3")
        self.replay(self.live[0, self.slices - 1])

    def replay(self, *made: Adapter) -> None:
        found = facts.ReplayFacts(
            files=tuple(
                facts.File(name=f"{each.name}/adapter", sha256=each.weights) for each in made
            ),
            is_identical=True,
            same_records=True,
            same_environment=True,
            is_as_logged=True,
            policies=(),
            checked_at=self.moment(len(self.entries)),
            verifier=IDENTITY,
        )
        payload = statements.replay(self.edited("facts replay", found))
        self.attested["replays"].append(self.sign("replay", payload, "registry.Replay"))

    def certify(self) -> None:
        """Everything but the certificate and the log first: the certificate lists it."""
        ring = {
            "attestors": [
                {
                    "identity": IDENTITY,
                    "index": str(self.places["announce"]),
                    "key": spelling.encode(ATTESTOR.public_key().public_bytes_raw()),
                }
            ],
            "log": [LOG.vkey, LOG_PQ.vkey],
            "witnesses": [WITNESS.vkey],
        }
        sealed = SUITE.encrypt(
            SUBJECT_KEY, RECEIPT_KEY.public_key(), b"expunge/receipt/v1" + REQUEST.bytes
        )
        self.files |= {
            "README.txt": b"What this is.\n",
            "certificate.pdf": b"%PDF-1.7\n",
            "erased.keys": b"".join(self.edited("erased", self.erased)),
            "keys.json": strict.canonical(self.edited("keys", ring)),
            "sealed.key": sealed,
            "models/key.pem": b"-----BEGIN PUBLIC KEY-----\n",
            f"models/{self.live[1, self.slices - 1].weights}.sig": b"{}",
        }
        sets, before = self.sets(), self.sets_before()
        for _, held, _ in sets:
            self.files[f"sets/{held.root.hex()}.absent"] = proof_files.absent(held, self.erased)
        for _, held, _ in before:
            self.files[f"sets/{held.root.hex()}.present"] = proof_files.present(held, self.erased)
        stamped = self.head(self.head_before)
        self.files |= {
            "log/before": stamped,
            f"timestamps/{self.head_before}.head": stamped,
            f"timestamps/{self.head_before}.tsr": b"\x30" + sha256(stamped).digest(),
        }
        self.files = self.edited("files", self.files)
        body = self.edited("certificate", self.certificate(sets, before))
        body["files"] = listed(self.files)
        raw = strict.canonical(body)
        said = {
            "certificate": sha256(raw).hexdigest(),
            "level": body["level"],
            "live": body["live"]["digest"],
        }
        issued = self.log("issued", "certificate.issued", self.request, said)
        self.log("later", "batch.ingested", "corpus.Batch:2", {"rows": "3"})
        cited = self.edited("cited", [*range(issued + 1)])
        self.files |= {"certificate.json": raw, **self.log_files(cited)}

    def certificate(self, sets: Any, before: Any) -> dict[str, Any]:
        request, at = "erasure.DeletionRequest", self.spelt
        switched = self.places.get("switch 3")
        release = {"kind": "none", "digest": "", "index": "", "recipe": "", "release": ""}
        if switched is not None:
            release = {
                "kind": "full",
                "digest": self.live_digest(),
                "index": digest("index", 3),
                "recipe": RECIPE,
                "release": "3",
            }
        applied: Any = strict.loads(self.entries[self.places["applied"]])
        counted = applied["facts"]
        acknowledged = self.places.get("acknowledged")
        return {
            "acknowledgements": []
            if acknowledged is None
            else [{"entry": str(acknowledged), "scorer": str(uuid5(NAMES, "scorer"))}],
            "attestations": {**self.attested, "release": getattr(self, "attested_release", "")},
            "before": [
                _claim(*each)
                | {"present": str(sum(each[1].get(key) is not None for key in self.erased))}
                for each in before
            ],
            "controller": "Müller & Søn ASA",
            "entries": {
                "applied": str(self.places["applied"]),
                "keyDestroyed": str(self.places["key destroyed"]),
                "switched": "" if switched is None else str(switched),
                "verified": str(self.places["verified"]),
            },
            "erased": {
                "adapters": counted["adapters"],
                "interactions": counted["interactions"],
                "panelRows": counted["panel_rows"],
                "root": counted["records_root"],
                "slices": counted["slices"],
                "trunkStates": counted["trunk_states"],
            },
            "format": "expunge/certificate/v1",
            "issuedAt": at(len(self.entries)),
            "issuer": IDENTITY,
            "legalBasis": "GDPR Art. 17(1)",
            "level": self.level,
            "live": release,
            "notErased": ["base-model", "others", "backups"],
            "origin": ORIGIN,
            "request": {
                "completedAt": at(self.places["verified"]),
                "decidedAt": at(self.places["applied"]),
                "erasedAt": at(self.places["applied"]),
                "id": self.request.removeprefix(f"{request}:"),
                "number": "DR-2026-0001",
                "receivedAt": at(0),
                "regulation": "gdpr",
                "restoredAt": at(self.places["verified"]),
                "scope": "whole",
            },
            "sets": [_claim(*each) for each in sets],
            "validUntil": "2027-03-01T12:00:00Z",
        }

    # What the chapters are made of.

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
        said = {
            "kind": kind,
            "before": str(number - 1) if number > 1 else "",
            "recipe": RECIPE,
            "shards": str(self.shards),
            "panel": {"root": panel.root.hex(), "count": str(len(panel))},
            "adapters": {str(shard): made.weights for shard, made in self.serving().items()},
            "index": digest("index", number),
            "live": self.live_digest(number),
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
            "log/consistency": "".join(f"{spelling.encode(each)}\n" for each in path).encode(),
            "log/entries.json": strict.canonical(entries),
        }


def _claim(name: str, held: CommittedSet, entry: int) -> dict[str, str]:
    return {
        "name": name,
        "root": held.root.hex(),
        "count": str(len(held)),
        "entry": str(entry),
    }
