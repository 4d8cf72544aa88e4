"""Evidence bundles, made up whole and in memory: a log, sets, statements and a certificate.

``Story`` tells what happened, one method a chapter, and is as honest as it is left: a test that
wants a liar overrides a chapter, or edits something by its name on its way into the log, into a
statement or into the certificate. Whoever lies in a Story has the log's key; whoever changes the
files of a Bundle has not.
"""

from hashlib import sha256
from typing import Any

from evidence import facts, statements
from tests.verifier.bundles import (
    ATTESTOR,
    IDENTITY,
    LOG,
    LOG_PQ,
    ORIGIN,
    RECEIPT_KEY,
    RECIPE,
    REQUEST,
    SUBJECT_KEY,
    SUITE,
    WITNESS,
    Bundle,
    digest,
    listed,
)  # fmt: skip
from tests.verifier.telling import FOLLOWS, STOPS, Adapter, Telling
from verifier import dsse, merkle, proof_files, spelling, strict
from verifier.sets import CommittedSet


class Story(Telling):
    """An erasure from the first training to the certificate; see the module."""

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

    def file(self) -> None:
        said = {"number": "DR-2026-0001", "regulation": "gdpr", "scope": "whole"}
        self.log("filed", "request.filed", self.request, said)
        self.log("decided", "request.moved", self.request, {"to": "approved"})

    def erase(self) -> None:
        self.file()
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
        self.verify()
        said = {"scorer": str(FOLLOWS), "live": self.live_digest()}
        self.log("acknowledged", "release.acknowledged", "registry.Release:3", said)
        said = {"release": "2", "why": "silent"}
        self.log("retired", "scorer.retired", f"registry.Scorer:{STOPS}", said)

    def verify(self) -> None:
        self.log("restored", "request.moved", self.request, {"to": "verifying"})
        self.log("verified", "verification.done", self.request, {"ok": "yes"})

    def attest(self) -> None:
        self.attest_adapters()
        self.attest_destructions()
        self.attest_release()
        self.replay(self.live[0, self.slices - 1])

    def attest_adapters(self) -> None:
        for made in self.chain():
            payload = statements.adapter(
                self.edited(f"facts {made.name}", self.adapter_facts(made))
            )
            made.envelope = self.sign(f"adapter {made.name}", payload, made.target)
            self.attested["adapters"].append(made.envelope)

    def attest_destructions(self) -> None:
        for name, states in (("destroy states", 4), ("destroy adapters", 0)):
            subject = ("trunk-states", digest("states")) if states else ("adapter-0", self.gone())
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

    def attest_release(self) -> None:
        payload = statements.release(self.edited("facts release", self.release_facts()))
        self.attested_release = self.sign("release", payload, "registry.Release:3")

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
            **self.models(),
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

    def models(self) -> dict[str, bytes]:
        signed = {f"models/{made.weights}.sig": b"{}" for made in self.serving().values()}
        return {"models/key.pem": b"-----BEGIN PUBLIC KEY-----\n", **signed}

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
        exports = [str(index) for name, index in self.places.items() if name == "exported"]
        scorers = {} if switched is None else {"acknowledged": FOLLOWS, "retired": STOPS}
        return {
            "acknowledgements": [
                {"entry": str(self.places[name]), "scorer": str(scorer)}
                for name, scorer in scorers.items()
            ],
            "attestations": {**self.attested, "release": self.attested_release},
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
            "exports": exports,
            "format": "expunge/certificate/v1",
            "issuedAt": at(len(self.entries)),
            "issuer": IDENTITY,
            "legalBasis": "GDPR Art. 17(1)",
            "level": self.level,
            "live": release,
            "notErased": ["base-model", "others", "backups", *(["exports"] if exports else [])],
            "origin": ORIGIN,
            "request": {
                "completedAt": at(self.places["verified"]),
                "decidedAt": at(self.places["decided"]),
                "erasedAt": at(self.places["applied"]),
                "id": self.request.removeprefix(f"{request}:"),
                "number": "DR-2026-0001",
                "receivedAt": at(self.places["filed"]),
                "regulation": "gdpr",
                "restoredAt": at(self.places["restored"]),
                "scope": "whole",
            },
            "scorers": [str(scorer) for scorer in scorers.values()],
            "sets": [_claim(*each) for each in sets],
            "validUntil": "2027-03-01T12:00:00Z",
        }


def _claim(name: str, held: CommittedSet, entry: int) -> dict[str, str]:
    return {
        "name": name,
        "root": held.root.hex(),
        "count": str(len(held)),
        "entry": str(entry),
    }
