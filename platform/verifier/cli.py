"""``python -m verifier bundle.zip --key log.pub``: what a bundle proves, and an exit code."""

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from verifier import bundle, receipts, records
from verifier.archive import MOST_OCTETS
from verifier.certificate import LEVELS
from verifier.checkpoints import BadNote
from verifier.keys import parse_vkey
from verifier.report import EXITS, UNREADABLE, Report, State

WIDTH: Final = 80
MARKS: Final = {State.OK: "✓", State.FAILED: "✗", State.SKIPPED: "–"}
LARGEST_KEY: Final = 1 << 16
RECEIPT: Final = rf"{receipts.PATTERN}\b"


class CannotRead(Exception):
    """An argument names nothing that can be read. The message holds nothing of what was read."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong without repeating it: somebody may have typed a secret."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        # What is missing are names of ours; everything else may quote what was typed.
        told = message if message.startswith("the following arguments are required") else ""
        sys.stderr.write(f"verifier: {told or 'the command is not as the line above says'}\n")
        raise SystemExit(UNREADABLE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle as the command line asks, say what was found, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        report = _check(given)
    except (CannotRead, records.BadRecords) as no:
        return _refuse(str(no))
    except BadNote:
        return _refuse("the key is no verification key, or there are several logs' keys")
    except Exception as error:
        # The outermost door: a stranger's file must not end in a traceback that quotes it.
        return _refuse(f"the bundle could not be read ({type(error).__name__})")
    lines = [json.dumps(report.json(), indent=2)] if given.json else [*_lines(report)]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.flush()
    return report.exit_code


def _parser() -> _Parser:
    codes = "\n".join(f"  {code:2}  the bundle {text}" for code, text in EXITS.items())
    parser = _Parser(
        prog="python -m verifier",
        description="Check an evidence bundle of an erasure, offline.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("bundle", type=Path, help="the zip")
    parser.add_argument(
        "--key", required=True, help="the log's key, from elsewhere: a file, or the key itself"
    )
    parser.add_argument("--receipt", help="a file with the person's receipt; - is standard input")
    parser.add_argument("--records", type=Path, help="CSV of the person's own copy; with --subject")
    parser.add_argument("--subject", help="the person's id in that file")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--at", help="check as of this time, like 2026-03-01T12:00:00Z")
    return parser


def _check(given: argparse.Namespace) -> Report:
    if (given.records is None) != (given.subject is None):
        raise CannotRead("--records and --subject belong together")
    if given.records is not None and given.receipt is None:
        raise CannotRead("--records are compared with what the receipt opens: give --receipt")
    rows = None
    if given.records is not None:
        raw = _read(given.records, "records", most=records.MOST_OCTETS)
        rows = records.read(raw, subject=given.subject)
    return bundle.check(
        _read(given.bundle, "bundle", most=MOST_OCTETS),
        keys=_keys(given.key),
        now=_moment(given.at),
        receipt=None if given.receipt is None else _receipt(given.receipt),
        records=rows,
    )


def _keys(given: str) -> list[str]:
    """The keys that were given: one itself, or the lines of a file."""
    with suppress(BadNote):
        parse_vkey(given)
        return [given]
    text = _read(Path(given), "key", most=LARGEST_KEY).decode("utf-8", "replace")
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise CannotRead("the key's file is empty")
    return found


def _receipt(given: str) -> str:
    if given == "-":
        raw = sys.stdin.buffer.read(LARGEST_KEY)
    else:
        raw = _read(Path(given), "receipt", most=LARGEST_KEY)
    # The line that the platform printed may have come along with it.
    found = re.findall(RECEIPT, raw.decode("utf-8", "replace"))
    if len(found) != 1:
        raise CannotRead("there is no receipt in what was given as one, or more than one")
    return str(found[0])


def _moment(given: str | None) -> datetime:
    if given is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise CannotRead("--at is not a time like 2026-03-01T12:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _read(path: Path, what: str, *, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except (OSError, ValueError):
        raise CannotRead(f"the file of the {what} cannot be read") from None
    if len(raw) > most:
        raise CannotRead(f"the file of the {what} is larger than {most} octets")
    return raw


def _refuse(message: str) -> int:
    sys.stderr.write(f"verifier: {message}\n")
    return UNREADABLE


def _lines(report: Report) -> Iterator[str]:
    """The report for people, no line wider than a terminal of old."""
    if report.request:
        yield from _wrapped(f"Evidence for deletion request {report.request}")
        yield ""
    for step in report.steps:
        yield from _wrapped(f"{MARKS[step.state]} {step.number:2}. {step.name}: {step.detail}", 6)
        if step.ok:
            yield from _wrapped(f"      {step.proves}", 6)
    yield ""
    yield from _wrapped(report.verdict)
    if report.level:
        yield from _wrapped(f"Level {report.level}: {LEVELS[report.level]}", 4)
    for title, sentences in (("Not proven", report.not_proven), ("Besides", report.notes)):
        if sentences:
            yield ""
            yield f"{title}:"
        for each in sentences:
            yield from _wrapped(f"  - {each}", 4)


def _wrapped(text: str, indent: int = 0) -> list[str]:
    # Commands and digests are kept whole, so that they can be copied.
    return textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
