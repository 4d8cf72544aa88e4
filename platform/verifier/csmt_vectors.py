"""Writes docs/vectors/csmt.json: sets, proofs and forgeries, each with its verdict.

Roots and paths come from the recursive definition at the end, not from the code that the vectors
test.

    python -m verifier.csmt_vectors > docs/vectors/csmt.json
"""

import hashlib
import json
import sys
from dataclasses import replace
from typing import Final
from uuid import UUID

from verifier.csmt import EMPTY, Ends, Proof, leaf_hash, to_text, value_of
from verifier.merkle import node_hash
from verifier.sets import MAGIC

Rows = list[tuple[bytes, bytes]]
Vector = dict[str, str]
Table = list[tuple[str, dict[str, bytes], Proof | bytes, str]]

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
LOW: Final = bytes(32)
HIGH: Final = b"\xff" * 32
TWINS: Final = "two keys that differ in the last bit"
GENUINE: Final = {
    Ends.NOTHING: "no key of the set begins like this one",
    Ends.OTHER: "the only key of the set that begins like this one is another",
    Ends.ITSELF: "the set holds this key with this value",
}


def document() -> str:
    """The whole file: members in order of their names, and a newline at the end."""
    sets = _sets()
    content = {
        "format": "expunge/csmt-vectors/v1",
        "empty": EMPTY.hex(),
        "values": [_value_vector(each) for each in (0, 1, 255, 65_536)],
        "sets": [_set_vector(name, rows) for name, rows in sets.items()],
        "proofs": [
            *_genuine(sets),
            *_false_claims(sets["7 keys"]),
            *_false_paths(sets["7 keys"], sets[TWINS]),
            *_bad_encodings(sets["7 keys"], sets[TWINS]),
            *_bad_texts(),
        ],
        "files": _files(sets["3 keys"]),
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _sets() -> dict[str, Rows]:
    counted = {f"{count} keys": _rows(*map(_key, range(count))) for count in (0, 1, 2, 3, 7, 256)}
    base = _key(1000)
    turned = [_turned(base, bit) for bit in (13, 101, 254, 255)]
    return {
        **counted,
        TWINS: _rows(base, turned[-1]),
        "long shared prefixes": _rows(base, *turned, LOW, HIGH),
    }


def _genuine(sets: dict[str, Rows]) -> list[Vector]:
    """What an honest builder gives out: for keys that are there, and for keys that are not."""
    found = []
    for name, rows in sets.items():
        values, root = dict(rows), _root(rows)
        keys = {"a key of no set": _key(5000), "zeros": LOW, "ones": HIGH}
        if rows:
            keys |= {"first": rows[0][0], "middle": rows[len(rows) // 2][0], "last": rows[-1][0]}
            keys |= {f"first, but for bit {bit}": _turned(rows[0][0], bit) for bit in (5, 128, 255)}
        for which, key in keys.items():
            path = _path(rows, key)
            claim = {"root": root, "key": key}
            if key in values:
                claim["value"] = values[key]
            found.append(_vector(f"{name}: {which}", claim, path, GENUINE[path.ends]))
    return found


def _false_claims(rows: Rows) -> list[Vector]:
    """What these show, if anything, is something else than what is claimed."""
    root, (key, value), (other, kept), gone = _root(rows), rows[2], rows[5], _key(5000)
    here, there, absence = _path(rows, key), _path(rows, other), _path(rows, gone)
    own = replace(here, ends=Ends.OTHER, other=key + value)
    off = replace(there, ends=Ends.OTHER, other=other + kept)
    beside = leaf_hash(other, kept)
    stray = Proof(Ends.OTHER, [beside], HIGH + value)
    forged = node_hash(leaf_hash(HIGH, value), beside)
    short = {"root": root, "key": key[:31], "value": key[31:] + value}
    present, absent = {"root": root, "key": key}, {"root": root, "key": gone}
    table: Table = [
        ("terminal == target", present, own, "the other leaf is the key's own"),
        ("a presence, as absence", present, here, "the path ends at the key"),
        ("an absence, as presence", {**absent, "value": value}, absence, "no leaf of the key's"),
        ("other leaf's path", absent, off, "the leaf is in the set, but not on the key's path"),
        ("prefix mismatch", {"root": forged, "key": LOW}, stray, "a tree built to hide the key"),
        ("a key of 31 octets", short, here, "key and value hash alike, but have 32 octets each"),
        ("an empty root", {**absent, "root": b""}, absence, "a root has 32 octets"),
    ]
    return _refused("claim", table)


def _false_paths(rows: Rows, twins: Rows) -> list[Vector]:
    """Well-formed and to the point, but hashing does not lead to the root."""
    root, (key, value), (other, kept), gone = _root(rows), rows[2], rows[5], _key(5000)
    here, there, absence = _path(rows, key), _path(rows, other), _path(rows, gone)
    present, absent = {"root": root, "key": key, "value": value}, {"root": root, "key": gone}
    beside = {**absent, "key": _turned(key, 255)}
    nothing = replace(here, ends=Ends.NOTHING)
    elsewhere = replace(there, ends=Ends.OTHER, other=key + value)
    beheaded = replace(here, siblings=here.siblings[1:])
    cut = replace(absence, siblings=absence.siblings[:-1])
    upwards = replace(here, siblings=here.siblings[::-1])
    flipped = replace(here, siblings=[_turned(here.siblings[0], 77), *here.siblings[1:]])
    left, right = (_root([row for row in rows if row[0][0] >> 7 == bit], 1) for bit in (0, 1))
    inner, as_other = Proof(Ends.ITSELF, []), Proof(Ends.OTHER, [], left + right)
    halves = {"root": root, "key": left, "value": right}
    twin = {"root": _root(twins), "key": twins[1][0], "value": twins[0][1]}
    table: Table = [
        ("nothing where the key is", {"root": root, "key": key}, nothing, "a leaf is there"),
        ("other leaf's siblings", beside, elsewhere, "the siblings are those of another leaf"),
        ("another key's path", present, there, "the siblings are those of another key"),
        ("truncated siblings: first", present, beheaded, "the path begins below the root"),
        ("truncated siblings: last", absent, cut, "the path ends above its ending"),
        ("siblings upwards", present, upwards, "the first sibling is the one below the root"),
        ("flipped byte: sibling", present, flipped, "a bit of the first sibling is turned"),
        ("flipped byte: root", {**present, "root": _turned(root, 0)}, here, "one bit is turned"),
        ("another value", {**present, "value": kept}, here, "the key has another value"),
        ("inner node as leaf", halves, inner, "a node hashes 0x01 before its halves, a leaf 0x00"),
        ("inner node as other leaf", absent, as_other, "a node hashes 0x01, a leaf 0x00"),
        ("the last of 256 bits", twin, _path(twins, twins[0][0]), "the path differs in bit 255"),
    ]
    return _refused("root", table)


def _bad_encodings(rows: Rows, twins: Rows) -> list[Vector]:
    """Octets that a lenient reader might take for a proof that holds."""
    root, (key, value) = _root(rows), rows[2]
    claim = {"root": root, "key": key, "value": value}
    good, appended = _path(rows, key).encode(), b"\x01\x02\x00\x01\x00"
    endless = b"\x01\x02\x01\x01" + b"\xff" * 32 + b"\x80" + root * 257
    spare, spelt = bytearray(good), bytearray(_path(twins, twins[0][0]).encode())
    spare[4] |= 1
    spelt[4] |= 0x80
    spelt[36:36] = EMPTY
    twin = {"root": _root(twins), "key": twins[0][0], "value": twins[0][1]}
    one = {"root": leaf_hash(LOW, value), "key": LOW, "value": value}
    longer = {**one, "root": node_hash(one["root"], EMPTY)}
    void = {"root": node_hash(EMPTY, EMPTY), "key": LOW}
    table: Table = [
        ("no octets", claim, b"", "a proof has 4 octets at least"),
        ("half a header", claim, good[:3], "a proof has 4 octets at least"),
        ("a byte after the end", claim, good + b"\x00", "trailing octets"),
        ("the last byte is missing", claim, good[:-1], "the last sibling is not whole"),
        ("version 0", claim, b"\x00" + good[1:], "the version is 1"),
        ("version 2", claim, b"\x02" + good[1:], "the version is 1"),
        ("an unknown ending", claim, b"\x01\x03" + good[2:], "endings are 0, 1 and 2"),
        ("> 256 siblings", claim, endless, "a key has 256 bits"),
        ("a bit beyond the last sibling", claim, bytes(spare), "unused bits are 0"),
        ("other leaf, not asked for", claim, good + key + value, "ending 2 has no other leaf"),
        ("other leaf, missing", claim, b"\x01\x01" + good[2:], "ending 1 has another leaf"),
        ("EMPTY spelt out", twin, bytes(spelt), "an EMPTY sibling is a 0 bit and nothing more"),
        ("appended EMPTY", one, appended, "the last sibling is not EMPTY"),
        ("appended EMPTY, fitting root", longer, appended, "the subtree of one key is its leaf"),
        ("EMPTY beside EMPTY", void, b"\x01\x00\x00\x01\x00", "a subtree of no key is EMPTY"),
    ]
    return _refused("encoding", table)


def _bad_texts() -> list[Vector]:
    """Other spellings of ``AQAAAA==``, which proves that the empty set does not hold a key."""
    table = [
        ("no padding", "AQAAAA", "padding is not optional"),
        ("too much padding", "AQAAAA====", "padding fills up to four letters"),
        ("a padding bit", "AQAAAB==", "the bits that no octet needs are 0"),
        ("a newline at the end", "AQAAAA==\n", "no white space"),
        ("a space inside", "AQAA AA==", "no white space"),
        ("a hyphen inside", "AQAA-AA==", "the standard alphabet only"),
        ("a full-width letter", "\uff21QAAAA==", "ASCII only"),
    ]
    claim = {"root": EMPTY, "key": _key(0)}
    refused = _refused("text", [(name, claim, b"", reason) for name, _, reason in table])
    return [{**each, "proof": text} for each, (_, text, _) in zip(refused, table, strict=True)]


def _files(rows: Rows) -> list[Vector]:
    """Set files: the one spelling of a set, and what a reader refuses."""
    whole = b"".join(key + value for key, value in rows)
    backwards = b"".join(key + value for key, value in rows[::-1])
    head, longer = MAGIC + bytes(7), MAGIC[:-1] + b"\x01" + bytes(7)
    table = [
        ("3 keys", head + b"\x03" + whole, "the rows of the set", _root(rows).hex()),
        ("0 keys", head + b"\x00", "a set may be empty", EMPTY.hex()),
        ("rows out of order", head + b"\x03" + backwards, "keys ascend", ""),
        ("a key twice", head + b"\x04" + whole[:64] + whole, "keys are unique", ""),
        ("a row too many", head + b"\x02" + whole, "the count is that of the rows", ""),
        ("a row too few", head + b"\x04" + whole, "the count is that of the rows", ""),
        ("a byte after the end", head + b"\x03" + whole + b"\x00", "a row has 64 octets", ""),
        ("another version", longer + b"\x03" + whole, "the magic is that of version 1", ""),
        ("no count", MAGIC, "a file has 24 octets at least", ""),
    ]
    return [
        {
            **({"root": root} if root else {}),
            **{"name": name, "file": to_text(raw), "reason": reason},
            "verdict": ACCEPTED if root else REFUSED,
        }
        for name, raw, reason, root in table
    ]


def _refused(fails: str, table: Table) -> list[Vector]:
    return [
        {**_vector(name, claim, proof, reason), "verdict": REFUSED, "fails": fails}
        for name, claim, proof, reason in table
    ]


def _vector(name: str, claim: dict[str, bytes], proof: Proof | bytes, reason: str) -> Vector:
    return {
        "name": name,
        "claim": "present" if "value" in claim else "absent",
        **{part: octets.hex() for part, octets in claim.items()},
        "proof": to_text(proof.encode() if isinstance(proof, Proof) else proof),
        "reason": reason,
        "verdict": ACCEPTED,
    }


def _set_vector(name: str, rows: Rows) -> dict[str, str | list[str]]:
    lines = [f"{key.hex()} {value.hex()}" for key, value in rows]
    return {"name": name, "root": _root(rows).hex(), "rows": lines}


def _value_vector(number: int) -> Vector:
    numbers = {"shard": str(number), "multiplicity": str(number + 1)}
    return {"record": str(_record(number)), **numbers, "value": _value(number).hex()}


def _key(number: int) -> bytes:
    return hashlib.sha256(b"expunge/csmt-vectors/key" + number.to_bytes(4, "big")).digest()


def _record(number: int) -> UUID:
    octets = hashlib.sha256(b"expunge/csmt-vectors/record" + number.to_bytes(4, "big")).digest()
    return UUID(bytes=octets[:16], version=4)


def _value(number: int) -> bytes:
    return value_of(_record(number), shard=number, multiplicity=number + 1)


def _rows(*keys: bytes) -> Rows:
    return sorted((key, _value(number)) for number, key in enumerate(keys))


def _turned(octets: bytes, bit: int) -> bytes:
    return (int.from_bytes(octets, "big") ^ 1 << (255 - bit)).to_bytes(32, "big")


def _halves(rows: Rows, depth: int) -> tuple[Rows, Rows]:
    ones = [row for row in rows if row[0][depth // 8] >> (7 - depth % 8) & 1]
    return [row for row in rows if row not in ones], ones


def _root(rows: Rows, depth: int = 0) -> bytes:
    """The definition: ``build(S, d)``."""
    if not rows:
        return EMPTY
    if len(rows) == 1:
        return leaf_hash(*rows[0])
    zeros, ones = _halves(rows, depth)
    return node_hash(_root(zeros, depth + 1), _root(ones, depth + 1))


def _path(rows: Rows, key: bytes) -> Proof:
    """The definition: ``proof(k)``."""
    siblings: list[bytes] = []
    while len(rows) > 1:
        depth = len(siblings)
        halves = _halves(rows, depth)
        side = key[depth // 8] >> (7 - depth % 8) & 1
        rows = halves[side]
        siblings.append(_root(halves[1 - side], depth + 1))
    if not rows:
        return Proof(Ends.NOTHING, siblings)
    if rows[0][0] == key:
        return Proof(Ends.ITSELF, siblings)
    return Proof(Ends.OTHER, siblings, b"".join(rows[0]))


if __name__ == "__main__":
    sys.stdout.write(document())
