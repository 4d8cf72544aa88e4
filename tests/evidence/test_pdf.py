"""What people read of a certificate: certificate.pdf and README.txt."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import segno
from django.conf import settings
from pypdf import PdfReader

from evidence import layman, paper, pdf
from tests.evidence import certificates
from verifier.certificate import NOT_ERASED

KINDS = [certificates.made_up, certificates.nothing_live, certificates.partial, certificates.wide]
# A process that knows no font but ours.
NO_FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig/>'
ELSEWHERE = """
import hashlib, django
django.setup()
from evidence import pdf
from tests.evidence import certificates
print(hashlib.sha256(pdf.render(certificates.wide(), position=7)).hexdigest())
"""


def read(certificate):
    return PdfReader(io.BytesIO(pdf.render(certificate, position=96471)))


def text(reader):
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def elements(node, kind):
    """Every structure element of a kind below a node, in order."""
    node = node.get_object()
    if isinstance(node, list):
        return [each for child in node for each in elements(child, kind)]
    if not isinstance(node, dict):
        return []
    below = elements(node["/K"], kind) if "/K" in node else []
    return [node, *below] if node.get("/S") == kind else below


def digest_elsewhere(**environment):
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["platform", "."]), **environment},
        cwd=Path(settings.ROOT),
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_the_same_certificate_is_the_same_octets_on_a_machine_without_fonts(tmp_path):
    bare = tmp_path / "fonts.conf"
    bare.write_text(NO_FONTS)
    assert digest_elsewhere(PYTHONHASHSEED="1") == digest_elsewhere(
        PYTHONHASHSEED="2", FONTCONFIG_FILE=str(bare), TZ="Asia/Tokyo"
    )


def test_a_screen_reader_finds_language_title_structure_and_what_the_code_is():
    reader = read(certificates.made_up())
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata.title == "Certificate of erasure DR-2027-0042"
    assert b'pdfuaid:part="1"' in root["/Metadata"].get_data()
    tree = root["/StructTreeRoot"]
    assert len(elements(tree, "/H1")) == 1
    assert len(elements(tree, "/H2")) == 9
    assert elements(tree, "/TH")
    assert [each["/Alt"] for each in elements(tree, "/Figure")] == [
        "QR code: this certificate is about entry 96471 of the log"
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_certificate_takes_more_than_three_pages(kind):
    assert len(read(kind()).pages) <= 3


def test_a_name_that_is_markup_is_printed_and_not_obeyed():
    name = '<img src="https://example.org/x">&amp;<script>'
    assert name.replace(" ", "") in text(read(certificates.made_up(controller=name))).replace(
        " ", ""
    )


@pytest.mark.parametrize(
    "url", ["https://example.org/", "file:///etc/passwd", "data:text/css,a", "ftp://example.org/"]
)
def test_nothing_is_fetched_but_our_own_files(url):
    with pytest.raises(ValueError, match="nothing but"):
        pdf.fetch(url)


def test_a_folder_above_ours_is_not_ours():
    with pytest.raises(ValueError, match="nothing but"):
        pdf.fetch((Path(settings.STATICFILES_DIRS[0]) / "fonts/../app.css").as_uri())


def test_numbers_and_dates_are_the_certificates():
    said = text(read(certificates.wide()))
    assert "1,234,567,890" in said
    assert "Sat 5 Feb 2028, 13:41 UTC" in said
    assert "Kept by law" in said


def test_with_nothing_live_nothing_is_said_to_serve():
    said = text(read(certificates.nothing_live()))
    assert "No model was serving" in said
    assert "what serves now was made without them" not in said
    assert "trained again" not in said


def test_a_partial_erasure_is_not_said_to_be_of_everything():
    said = text(read(certificates.partial()))
    assert "Named records of the person" in said
    assert "Everything of the person" not in said


def test_a_claim_is_not_called_a_proof():
    said = text(read(certificates.made_up(level="L1")))
    assert "The operator states: the records of one person were deleted" in said
    assert "proven" not in said


def test_absence_that_nobody_replayed_is_not_called_a_replay():
    said = text(read(certificates.partial()))
    assert "Absence proven" in said
    assert "with the same bits" not in said


def test_what_no_evidence_shows_is_said_at_every_level():
    for kind in KINDS:
        assert paper.LIMIT in text(read(kind()))


def test_everything_that_was_not_erased_is_named():
    said = text(read(certificates.wide()))
    for name in ("Base model", "Other people’s records", "Backups", "Kept by law"):
        assert name in said


def test_what_left_before_is_not_said_to_be_destroyed():
    exported = certificates.made_up(exports=["7"], notErased=["base-model", "exports"])

    assert "destroyed but for copies that were exported before, and" in paper.lead(exported)
    assert ("Exported copies", NOT_ERASED["exports"]) in paper.kept(exported)
    readme = " ".join(layman.readme(exported).decode().split())
    assert f"Not erased: {NOT_ERASED['base-model']} {NOT_ERASED['exports']}" in readme
    assert "exported" not in paper.lead(certificates.made_up())


def test_a_process_that_fell_silent_is_not_said_to_have_stopped():
    said = " ".join(paper.method(certificates.made_up(scorers=["a", "b"])))

    assert "could answer from the model before: 2. By the operator’s log" in said
    assert "or fell silent" in said
    assert "could answer" not in " ".join(paper.method(certificates.made_up()))


def test_every_count_and_date_stands_beside_its_own_name():
    counts = {"interactions": "5", "trunkStates": "4", "panelRows": "3", "adapters": "2"}
    certificate = certificates.made_up(erased={**certificates.made_up()["erased"], **counts})
    told = {what: count for what, count, _ in paper.erased(certificate)}
    assert list(told.values()) == ["5", "4", "3", "2", "1"]
    assert told["Adapters trained on them"] == "2"
    moments = [at for _, _, at in paper.dates(certificate)]
    assert len(moments) == 7
    assert moments == sorted(set(moments))


def test_no_digest_is_cut_in_the_appendix():
    digests = {name: letter * 64 for name, letter in zip(("digest", "index"), "ab", strict=True)}
    live = {**certificates.made_up()["live"], **digests}
    page = pdf.html(certificates.made_up(live=live), position=7)
    assert all(digest in page for digest in digests.values())


def test_the_code_leads_to_the_entry_that_the_certificate_is_of():
    named = segno.make("expunge-log:log.example.com/expunge/96471", error="m", micro=False)
    (squares,) = re.findall(r' d="([^"]+)"', named.svg_inline(border=0, omitsize=True))
    assert squares in pdf.html(certificates.made_up(), position=96471)


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_fits_a_terminal(kind):
    lines = layman.readme(kind()).decode().splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 80
