"""Checks an evidence bundle: the ten steps of docs/bundle.md, each resting on those before it.

Reads no clock, no file and no network. Whatever is in the bundle, the answer is a Report.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Final

from verifier import outlook
from verifier.case import Case
from verifier.checkpoints import BadNote
from verifier.keys import parse_vkey
from verifier.report import Refused, Report, State, Step
from verifier.steps import (
    absence,
    certified,
    destruction,
    erasure,
    form,
    heads,
    making,
    receipt,
    replays,
    serving,
)

# By their numbers: the name, the code of a bundle that fails there, and the level that needs it.
STEPS: Final[dict[int, tuple[str, int, str, ModuleType]]] = {
    1: ("The archive", 10, "L1", form),
    2: ("The log", 11, "L1", heads),
    3: ("The certificate", 12, "L1", certified),
    4: ("The erasure", 14, "L1", erasure),
    5: ("What serves", 15, "L2", serving),
    6: ("How it was made", 16, "L2", making),
    7: ("Absence", 17, "L2", absence),
    8: ("Destruction", 18, "L2", destruction),
    9: ("Replay", 19, "L3", replays),
    10: ("The receipt", 20, "L1", receipt),
}


def check(
    raw: bytes,
    *,
    keys: Sequence[str],
    now: datetime,
    receipt: str | None = None,
    records: Sequence[bytes] | None = None,
) -> Report:
    """Say what a bundle proves.

    Args:
        raw: the zip.
        keys: the log's verification keys, had from somewhere else than the bundle; during a
            rotation there may be several.
        now: aware; a certificate is refused before and after its time.
        receipt: as it was handed out to the person, to show that the erasure was theirs.
        records: the person's own records in canonical form, to show that these were erased; of
            use only with the receipt.

    Raises:
        BadNote: a key is malformed, they are of several logs, or there is none. What is in the
            bundle raises nothing.
    """
    if not keys:
        raise BadNote("verification key: there is none")
    if len({parse_vkey(key)[0] for key in keys}) > 1:
        raise BadNote("verification key: they are of several logs")
    make = partial(Case, keys=keys, now=now, receipt=receipt, records=records)
    return _Run().check(raw, make)


class _Run:
    """The steps so far."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._claimed = "L1"

    def check(self, raw: bytes, make: Callable[..., Case]) -> Report:
        """Take every step."""
        case: Case | None = None

        def read() -> str:
            nonlocal case
            files, certificate, ring = form.check(raw)
            case = make(files, certificate, ring)
            return f"{len(files)} files, and nothing besides"

        self._take(1, read)
        if case is not None:
            self._claimed = case.certificate.level
        for number, (*_, module) in STEPS.items():
            if number == 1:
                continue
            if case is None:
                self._skip(number, "not looked at")
            elif module is receipt and case.receipt is None:
                self._skip(number, "no receipt was given")
            else:
                self._take(number, partial(module.check, case))
        return self._report(case)

    def _take(self, number: int, check: Callable[[], str]) -> None:
        _, code, level, _ = STEPS[number]
        resting_on = [each for each in self._steps if STEPS[each.number][2] <= level]
        if not all(each.ok for each in resting_on):
            self._skip(number, "not looked at: it rests on a step that does not hold")
            return
        try:
            detail = check()
        except Refused as no:
            self._fail(number, str(no), no.code or code)
        except BadNote:
            # Its messages name keys, and anybody can call a key what they like.
            self._fail(number, "a head or a key is malformed, or wrongly signed", code)
        except ValueError as no:
            self._fail(number, str(no), code)
        else:
            self._add(number, State.OK, detail)

    def _fail(self, number: int, detail: str, code: int) -> None:
        if STEPS[number][2] > self._claimed:
            self._skip(number, f"not claimed, and not shown: {detail}")
        else:
            self._add(number, State.FAILED, detail, code)

    def _skip(self, number: int, detail: str) -> None:
        self._add(number, State.SKIPPED, detail)

    def _add(self, number: int, state: State, detail: str, code: int = 0) -> None:
        name, _, _, module = STEPS[number]
        self._steps.append(Step(number, name, module.PROVES, state, detail, code))

    def _report(self, case: Case | None) -> Report:
        level = ""
        if not any(each.failed for each in self._steps):
            level = "L1"
            for next_ in ("L2", "L3"):
                needed = [each for each in self._steps if STEPS[each.number][2] == next_]
                if not all(each.ok for each in needed):
                    break
                level = next_
        held = {each.number for each in self._steps if each.ok}
        return Report(
            steps=tuple(self._steps),
            level=level,
            claimed=case.certificate.level if case else "",
            request=case.certificate.request.number if case else "",
            notes=tuple(outlook.notes(case)) if case and level else (),
            not_proven=tuple(outlook.not_proven(case, level, held)) if case and level else (),
        )
