"""README.txt of a bundle: what this is and how to check it, for somebody who has only the zip."""

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from evidence import paper

WIDTH: Final = 78
FILES: Final = """\
certificate.pdf     the certificate, to read and to print
certificate.json    the same for programs; it vouches for all other files
erased.keys         numbers that stand for the erased records; they tell
                    nothing of what the records said
sealed.key          opens only with the receipt the person was given
sets/               proofs that no erased record is in a training list
attestations/       signed statements of how each model was made
log/                entries of the operator's log, and proof of their place
keys.json           the keys whose signatures are in here
models/             signatures of the models that serve; may be missing
timestamps/         the time by an independent authority; may be missing"""


def readme(certificate: Mapping[str, Any]) -> bytes:
    """README.txt: UTF-8, fewer than 60 lines of at most 80 columns but for one long word."""
    request, level = certificate["request"], certificate["level"]
    name, says, open_ = paper.LEVELS[level]
    parts = [
        "EVIDENCE OF AN ERASURE",
        f"Request {request['number']}\n" + _filled(certificate["controller"]),
        _filled(
            f"{paper.lead(certificate)} Erased {paper.moment(request['erasedAt'])}, certified "
            f"{paper.moment(certificate['issuedAt'])}. "
            f"Valid until {paper.moment(certificate['validUntil'])}."
        ),
        _filled("Not erased: " + " ".join(why for _, why in paper.kept(certificate))),
        _filled(f"Level of evidence: {level}, {name.lower()}. {says} {open_} {paper.LIMIT}"),
        "WHAT IS IN HERE\n" + FILES,
        "HOW TO CHECK IT\n"
        + _filled(
            "Read certificate.pdf first. To check it, you need Python 3.11, Expunge's verifier, "
            "and the key of the operator's log (the file log.pub). Get the key from the operator "
            "by another way than this bundle, such as their website or a letter: whoever forges "
            "a bundle puts their own key in. Leave the zip as it is, and run:"
        ),
        "    python -m verifier bundle.zip --key KEY",
        _filled(
            "KEY is the file log.pub, or the line in it, in quotes. It needs no network. It says "
            "what it checked, and ends with exit code 0 if all holds. Change one letter of the "
            "zip: it is refused."
        ),
        _filled(
            "The name of the person is in none of these files. With the receipt, the person "
            "can also check that the records were theirs."
        ),
    ]
    return ("\n\n".join(parts) + "\n").replace("’", "'").encode()


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=True, break_on_hyphens=False)
