"""Of a zip there is one spelling: whatever another reader could see otherwise is refused."""

import io
import struct
import zipfile

import pytest

from verifier import archive
from verifier.archive import BadArchive

FILES = {"README.txt": b"What this is.\n", "log/checkpoint": b"c" * 300, "keys.json": b""}
RAW = archive.write(FILES)
LOCAL = 30


def zipped(*files, compression=zipfile.ZIP_STORED, comment=b"", **fields):
    """What Python's own zipfile makes, with these fields of each file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        made.comment = comment
        for name, data in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            info.compress_type = compression
            for field, value in fields.items():
                setattr(info, field, value)
            made.writestr(info, data)
    return buffer.getvalue()


def refused(raw):
    with pytest.raises(BadArchive) as raised:
        archive.read(raw)
    return str(raised.value)


@pytest.mark.parametrize("files", [FILES, {}, {"a": b""}, {f"a/{n}": b"x" for n in range(300)}])
def test_what_is_written_is_read(files):
    assert archive.read(archive.write(files)) == files


def test_the_order_in_which_files_are_given_is_not_in_the_archive():
    assert archive.write(dict(reversed(FILES.items()))) == RAW


def test_other_programs_read_it():
    with zipfile.ZipFile(io.BytesIO(RAW)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == FILES


def test_what_another_program_writes_alike_is_read():
    assert archive.read(zipped(*sorted(FILES.items()), create_system=3)) == FILES


def test_an_octet_is_never_free():
    for at in range(len(RAW)):
        for bit in (1, 128):
            refused(RAW[:at] + bytes([RAW[at] ^ bit]) + RAW[at + 1 :])


@pytest.mark.parametrize("cut", range(1, len(RAW), 7))
def test_an_archive_that_was_cut_is_refused(cut):
    refused(RAW[:-cut])


@pytest.mark.parametrize(
    "raw",
    [RAW + b"\0", b"\0" + RAW, b"#!/bin/sh\n" + RAW, RAW + RAW, b""],
    ids=["trailing", "prepended", "a program", "twice", "empty"],
)
def test_nothing_stands_before_or_behind_it(raw):
    refused(raw)


def test_two_files_of_one_name_are_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        raw = zipped(("keys.json", b"one"), ("keys.json", b"two"))

    assert "two files of one name" in refused(raw)


def test_a_bomb_is_not_unpacked():
    raw = zipped(("keys.json", b"\0" * 10_000_000), compression=zipfile.ZIP_DEFLATED)

    assert len(raw) < 20_000
    refused(raw)


def test_a_data_descriptor_is_refused():
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation

    stream = Stream()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("keys.json", b"one")

    assert stream.getvalue()[6] & 8
    refused(stream.getvalue())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("comment", b"hello"),
        ("extra", struct.pack("<HH", 0x7075, 0)),
        ("create_system", 0),
        ("external_attr", 0o120777 << 16),
        ("internal_attr", 1),
        ("date_time", (2026, 3, 1, 12, 0, 0)),
    ],
)
def test_no_field_says_more_than_it_must(field, value):
    refused(zipped(("keys.json", b"one"), **{"create_system": 3, field: value}))


def test_a_comment_of_the_archive_is_refused():
    refused(zipped(("keys.json", b"one"), comment=b"hello", create_system=3))


def test_files_out_of_order_are_refused():
    refused(zipped(("b", b""), ("a", b""), create_system=3))


def test_the_directory_is_not_believed_where_it_differs():
    """The name in the directory, which most programs show, against the name before the data."""
    at = RAW.rindex(b"keys.json")

    refused(RAW[:at] + b"keyz.json" + RAW[at + 9 :])


@pytest.mark.parametrize(
    "name",
    [
        "../keys.json", "log/..", "/keys.json", "log//x", "log/", "", ".", "a/b/c", "C:keys",
        "log\\x", "Keys.json", "read\tme", "kеys.json", "ｋeys.json", "keys.json ", "a" * 201,
        "README.TXT", "x/README.txt",
    ],
)  # fmt: skip
def test_a_name_that_a_folder_or_an_eye_could_take_for_another_is_refused(name):
    with pytest.raises(BadArchive):
        archive.write({name: b""})

    refused(zipped((name or "x/", b""), create_system=3, flag_bits=0))


def test_an_archive_says_how_long_it_may_be(monkeypatch):
    monkeypatch.setattr(archive, "MOST_OCTETS", len(RAW) - 1)

    assert "more than" in refused(RAW)
    with pytest.raises(BadArchive, match="octets"):
        archive.write({"a": b"x" * len(RAW)})
    monkeypatch.setattr(archive, "MOST_OCTETS", len(RAW))
    assert archive.read(RAW) == FILES


def test_no_more_files_than_a_zip_without_extensions_can_count():
    """In a count of 65,535 programs see the sign of a larger format, and look elsewhere."""
    files = {f"a/{number}": b"" for number in range(65_534)}
    with zipfile.ZipFile(io.BytesIO(archive.write(files))) as found:
        assert len(found.namelist()) == len(files)

    with pytest.raises(BadArchive, match="files"):
        archive.write({**files, "b": b""})


def test_the_longest_name_is_read():
    files = {"a" * 200: b"x"}

    assert archive.read(archive.write(files)) == files


def test_what_is_no_zip_is_called_that():
    assert refused(b"%PDF-1.7\n") == "not a zip"


def test_an_error_quotes_nothing_of_what_is_inside():
    assert "anna" not in refused(zipped(("anna@example.com", b""), create_system=3))
