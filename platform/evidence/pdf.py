"""certificate.pdf: the certificate for people, as tagged PDF/UA.

The same certificate gives the same octets on every machine with the same version of WeasyPrint:
fonts come with us, dates are the certificate's, and nothing is fetched.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import segno
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from evidence import paper

# PDF/UA-1, and not 2: it is what screen readers and checkers of today know. WeasyPrint has no
# variant that is PDF/A as well.
VARIANT: Final = "pdf/ua-1"
TYPES: Final = {".css": "text/css", ".otf": "font/otf", ".ttf": "font/ttf"}
MISSING: Final = (
    "certificate.pdf needs Pango of the system: "
    "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
)


class CannotRender(Exception):
    """A library of the system that lays text out is missing; the message says which package."""


def render(certificate: Mapping[str, Any], *, position: int) -> bytes:
    """The PDF of a certificate.

    Args:
        certificate: certificate.json as docs/bundle.md says, without ``files``.
        position: the log entry that the QR code names.

    Raises:
        CannotRender: Pango is not installed.
    """
    # Here and not above, so that whoever issues no certificate needs no Pango.
    try:
        from weasyprint import HTML
        from weasyprint.text.fonts import FontConfiguration
    except OSError:
        raise CannotRender(MISSING) from None

    page = html(certificate, position=position)
    return bytes(
        HTML(string=page, base_url=_static().as_uri() + "/", url_fetcher=fetch).write_pdf(
            font_config=FontConfiguration(),
            pdf_variant=VARIANT,
            # Whole, because what is left of a font depends on the system's HarfBuzz.
            full_fonts=True,
            pdf_identifier=sha256(page.encode()).digest()[:16],
        )
    )


def html(certificate: Mapping[str, Any], *, position: int) -> str:
    """The page that is printed. Everything from the certificate is escaped by the template."""
    origin = certificate["origin"]
    context = {
        "certificate": certificate,
        "position": paper.grouped(str(position)),
        "qr": _qr(f"expunge-log:{origin}/{position}", position=position),
        "level": paper.LEVELS[certificate["level"]],
        "limit": paper.LIMIT,
        "nothing_live": paper.nothing_live(certificate),
        "lead": paper.lead(certificate),
        "scope": paper.scope(certificate),
        "method": paper.method(certificate),
        "erased": paper.erased(certificate),
        "dates": paper.dates(certificate),
        "kept": paper.kept(certificate),
        "digests": paper.digests(certificate),
        "issued": paper.moment(certificate["issuedAt"]),
        "until": paper.moment(certificate["validUntil"]),
        "short_live": paper.short(certificate["live"]["digest"]),
        "sets": paper.grouped(str(len(certificate["sets"]))),
    }
    return render_to_string("evidence/certificate.html", context)


def fetch(url: str) -> Any:
    """Our own stylesheet and fonts, by their folder; nothing else, from nowhere.

    Raises:
        ValueError: it is something else. WeasyPrint leaves it out and goes on.
    """
    from weasyprint.urls import URLFetcherResponse

    for path in (_static() / "certificate.css", *sorted((_static() / "fonts").iterdir())):
        if url == path.as_uri() and path.suffix in TYPES:
            headers = {"Content-Type": TYPES[path.suffix]}
            return URLFetcherResponse(url, path.read_bytes(), headers)
    raise ValueError("nothing but the certificate's own files is read")


def _static() -> Path:
    return Path(settings.STATICFILES_DIRS[0])


def _qr(text: str, *, position: int) -> SafeString:
    code = segno.make(text, error="m", micro=False)
    title = f"QR code: this certificate is about entry {position} of the log"
    drawn = code.svg_inline(border=0, title=title, svgclass="qr", lineclass=None, omitsize=True)
    # All text in it is ours and a number; the log's name is only in the squares.
    return mark_safe(drawn)
