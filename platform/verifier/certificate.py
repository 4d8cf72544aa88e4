"""A certificate, read strictly: docs/bundle.md says what each field holds."""

import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from verifier import archive, strict
from verifier.claims import Attestations, Certificate, Entries, Live, Request, SetClaim
from verifier.strict import BadDocument, Json

FORMAT: Final = "expunge/certificate/v1"
MOST_OCTETS: Final = 1 << 24
MOST_FILES: Final = 65_534
PANEL: Final = "panel"
CACHE: Final = "trunk-cache"
SLICE: Final = r"shard-(?:\d\d|[1-9]\d{2,8})/slice-(?:0|[1-9]\d{0,8})"

LEVELS: Final = {
    "L1": "The operator claims the erasure in a signed log that cannot be rewritten unseen.",
    "L2": "No erased record's key is in a list that what serves was committed to be made from.",
    "L3": "What was made after the erasure was trained again from those lists, bit for bit alike.",
}
NOT_ERASED: Final = {
    "base-model": "The base model was trained by others, before; what it may know is not changed.",
    "others": "What other people's records say about the person is still there.",
    "backups": "Backups made before the erasure hold the data until they expire.",
    "exports": "Adapters that learned from the records were exported before; copies remain.",
    "legal-duty": "Records that a law requires to be kept are kept, apart from what serves.",
}


def parse(raw: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        BadDocument: it is not canonical JSON of exactly these fields.
    """
    fields = _Fields(strict.loads(raw, most=MOST_OCTETS), "certificate", _NAMES)
    strict.exactly(fields["format"], "format", FORMAT)
    live = _live(fields["live"])
    nothing = live.kind == "none"
    erased = _Fields(fields["erased"], "erased", (*_COUNTS, "root"))
    return Certificate(
        level=_one_of(fields["level"], "level", LEVELS),
        issued_at=fields.read("issuedAt", strict.moment),
        valid_until=fields.read("validUntil", strict.moment),
        issuer=fields.read("issuer", strict.uri),
        origin=fields.read("origin", strict.text),
        controller=_for_people(fields["controller"]),
        legal_basis=fields.read("legalBasis", strict.text),
        request=_request(fields["request"]),
        live=live,
        erased={name: erased.read(name, strict.number) for name in _COUNTS},
        erased_root=erased.read("root", strict.sha256),
        entries=_entries(fields["entries"], nothing=nothing),
        sets=_list(fields["sets"], "sets", partial(_set, more=())),
        before=_list(fields["before"], "before", partial(_set, more=("present",))),
        attestations=_attestations(fields["attestations"], nothing=nothing),
        exports=_list(fields["exports"], "exports", strict.number),
        scorers=_list(fields["scorers"], "scorers", lambda *each: str(_uuid(*each))),
        acknowledgements=_list(fields["acknowledgements"], "acknowledgements", _acknowledgement),
        not_erased=_codes(fields["notErased"]),
        files=_files(fields["files"]),
    )


_NAMES: Final = (
    "acknowledgements", "attestations", "before", "controller", "entries", "erased", "exports",
    "files", "format", "issuedAt", "issuer", "legalBasis", "level", "live", "notErased", "origin",
    "request", "scorers", "sets", "validUntil",
)  # fmt: skip
# Format characters among them: they turn the direction of what follows, or are not seen at all.
_CONTROLS: Final = {"Cc", "Cf", "Zl", "Zp"}
_COUNTS: Final = ("adapters", "interactions", "panelRows", "slices", "trunkStates")
_TIMES: Final = ("receivedAt", "decidedAt", "erasedAt", "restoredAt", "completedAt")

T = TypeVar("T")


class _Fields:
    """An object of exactly these members, read one at a time."""

    def __init__(self, value: Json, where: str, names: tuple[str, ...]) -> None:
        self._found = strict.members(value, where, names)
        self._where = where

    def __getitem__(self, name: str) -> Json:
        return self._found[name]

    def read(self, name: str, as_: Callable[[Json, str], T]) -> T:
        return as_(self._found[name], f"{self._where}: {name}")


def _one_of(value: Json, where: str, allowed: Mapping[str, Any]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise BadDocument(f"{where}: none that is known")
    return value


def _list(value: Json, where: str, read: Callable[[Json, str], T]) -> tuple[T, ...]:
    found = tuple(read(each, where) for each in strict.items(value, where))
    if len(set(found)) != len(found):
        raise BadDocument(f"{where}: one is there twice")
    return found


def _uuid(value: Json, where: str) -> UUID:
    return UUID(strict.text(value, where, pattern=strict.UUID))


def _for_people(value: Json) -> str:
    """A line in whatever script: nothing that hides, and one spelling of each letter."""
    if not isinstance(value, str) or not 0 < len(value) <= strict.LONGEST_TEXT:
        raise BadDocument("controller: not a text of 1 to 2000 characters")
    if any(unicodedata.category(each) in _CONTROLS for each in value):
        raise BadDocument("controller: holds a control character")
    if unicodedata.normalize("NFC", value) != value:
        raise BadDocument("controller: not in NFC")
    return value


def _request(value: Json) -> Request:
    names = ("id", "number", "regulation", "scope", *_TIMES)
    fields = _Fields(value, "request", names)
    received, decided, erased, restored, completed = (
        fields.read(name, strict.moment) for name in _TIMES
    )
    return Request(
        id=fields.read("id", _uuid),
        number=fields.read("number", strict.text),
        regulation=fields.read("regulation", strict.text),
        scope=_one_of(fields["scope"], "scope", {"whole": 1, "items": 1}),
        received_at=received,
        decided_at=decided,
        erased_at=erased,
        restored_at=restored,
        completed_at=completed,
    )


def _live(value: Json) -> Live:
    fields = _Fields(value, "live", ("digest", "index", "kind", "recipe", "release"))
    if fields["kind"] == "none":
        for name in ("digest", "index", "recipe", "release"):
            strict.exactly(fields[name], f"live: {name}", "")
        return Live("none", None, "", "", "")
    strict.exactly(fields["kind"], "live: kind", "full")
    digest, index, recipe = (
        fields.read(name, strict.sha256) for name in ("digest", "index", "recipe")
    )
    return Live("full", fields.read("release", strict.number), digest, index, recipe)


def _entries(value: Json, *, nothing: bool) -> Entries:
    fields = _Fields(value, "entries", ("applied", "keyDestroyed", "switched", "verified"))
    if nothing:
        strict.exactly(fields["switched"], "entries: switched", "")
    return Entries(
        applied=fields.read("applied", strict.number),
        key_destroyed=fields.read("keyDestroyed", strict.number),
        switched=None if nothing else fields.read("switched", strict.number),
        verified=fields.read("verified", strict.number),
    )


def _set(value: Json, where: str, *, more: tuple[str, ...]) -> SetClaim:
    fields = _Fields(value, where, ("count", "entry", "name", "root", *more))
    pattern = f"{SLICE}|{PANEL}|{CACHE}"
    return SetClaim(
        name=strict.text(fields["name"], f"{where}: name", pattern=pattern),
        root=bytes.fromhex(fields.read("root", strict.sha256)),
        count=fields.read("count", strict.number),
        entry=fields.read("entry", strict.number),
        present=fields.read("present", strict.number) if more else None,
    )


def _attestations(value: Json, *, nothing: bool) -> Attestations:
    names = ("adapters", "destructions", "release", "replays")
    fields = _Fields(value, "attestations", names)
    if nothing:
        strict.exactly(fields["release"], "attestations: release", "")
    found = Attestations(
        adapters=_list(fields["adapters"], "attestations: adapters", strict.sha256),
        destructions=_list(fields["destructions"], "attestations: destructions", strict.sha256),
        release="" if nothing else fields.read("release", strict.sha256),
        replays=_list(fields["replays"], "attestations: replays", strict.sha256),
    )
    if len(set(found.all)) != len(found.all):
        raise BadDocument("attestations: one is there twice")
    return found


def _acknowledgement(value: Json, where: str) -> tuple[int, str]:
    fields = _Fields(value, where, ("entry", "scorer"))
    return fields.read("entry", strict.number), str(fields.read("scorer", _uuid))


def _codes(value: Json) -> tuple[str, ...]:
    return _list(value, "notErased", lambda each, where: _one_of(each, where, NOT_ERASED))


def _files(value: Json) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MOST_FILES:
        raise BadDocument("files: not an object")
    return {
        strict.text(path, "files", pattern=archive.PATH): strict.sha256(digest, "files")
        for path, digest in value.items()
    }
