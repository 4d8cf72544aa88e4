"""Whose cosignatures a checkpoint needs: the file that C2SP's tlog-policy describes.

Lines of ``log``, ``witness``, ``group`` and ``quorum``; who asks the witnesses and who checks a
receipt years later read the same file.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from verifier import notes
from verifier.checkpoints import decode
from verifier.keys import ED25519_COSIGNATURE, MLDSA44_COSIGNATURE

NOBODY: Final = "none"
COSIGNERS: Final = {ED25519_COSIGNATURE, MLDSA44_COSIGNATURE}


class BadPolicy(ValueError):
    """A policy's file is malformed; the message names the line."""


@dataclass(frozen=True)
class Witness:
    """Somebody who cosigns: a name within the policy, a verification key, and where to ask."""

    name: str
    vkey: str
    url: str | None


@dataclass(frozen=True)
class Group:
    """Met when at least so many of its members are; a member is a witness or a group."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The known logs by verification key, the witnesses and groups by name, and the quorum."""

    logs: Mapping[str, str | None]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str

    def is_met(self, vkeys: Collection[str]) -> bool:
        """Whether cosignatures of these verification keys are enough."""
        return self.quorum == NOBODY or self._is_met(self.quorum, vkeys)

    def _is_met(self, name: str, vkeys: Collection[str]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name].vkey in vkeys
        group = self.groups[name]
        return sum(self._is_met(each, vkeys) for each in group.members) >= group.needed


def parse(text: str) -> Policy:
    """Read a policy.

    Raises:
        BadPolicy: a line is malformed, a name or a key comes twice or is unknown, a group asks
            for more members than it has, or there is not exactly one quorum.
    """
    logs: dict[str, str | None] = {}
    witnesses: dict[str, Witness] = {}
    groups: dict[str, Group] = {}
    quorum: list[str] = []
    used: set[str] = set()

    def known(name: str) -> bool:
        return name in witnesses or name in groups

    for number, line in enumerate(text.split("\n"), start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if not words[0] or words[0].startswith("#"):
            continue
        match words:
            case ["log", vkey, *url] if len(url) < 2:
                good = _is_new(vkey, logs) and _kind(vkey) != ED25519_COSIGNATURE
                logs[vkey] = url[0] if url else None
            case ["witness", name, vkey, *url] if len(url) < 2:
                others = [each.vkey for each in witnesses.values()]
                good = name != NOBODY and not known(name) and _is_new(vkey, others)
                good = good and _kind(vkey) in COSIGNERS and _is_http(url)
                witnesses[name] = Witness(name, vkey, url[0] if url else None)
            case ["group", name, needed, *members]:
                count = {"any": "1", "all": str(len(members))}.get(needed, needed)
                good = name != NOBODY and not known(name) and all(map(known, members))
                good = good and len({*members}) == len(members) and not used & {*members}
                good = good and re.fullmatch(r"[1-9][0-9]{0,3}", count) is not None
                good = good and int(count) <= len(members)
                used |= {*members}
                groups[name] = Group(int(count) if good else 0, tuple(members))
            case ["quorum", name]:
                good = not quorum and (name == NOBODY or known(name))
                quorum.append(name)
            case _:
                good = False
        if not good:
            raise BadPolicy(f"line {number}: not as tlog-policy says, or at odds with the others")
    if not quorum:
        raise BadPolicy("there is no line of the quorum")
    return Policy(logs, witnesses, groups, quorum[0])


def _is_new(vkey: str, others: Collection[str]) -> bool:
    """Whether it is a key, and nobody's of these: under another name it is still the same key."""
    try:
        notes.parse_vkey(vkey)
    except notes.BadNote:
        return False
    return vkey.split("+", 2)[2] not in {each.split("+", 2)[2] for each in others}


def _kind(vkey: str) -> bytes:
    return decode(vkey.split("+", 2)[2])[:1]


def _is_http(url: list[str]) -> bool:
    return not url or url[0].startswith(("https://", "http://"))
