"""The public log over HTTP, read-only and for anybody: the paths of C2SP's tlog-tiles."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ledger import publishing
from verifier import tlog

# A tile never changes. A checkpoint does, every second.
FOR_EVER = "public, max-age=31536000, immutable"
NOT_LONG = "public, max-age=1"


@require_safe
def resource(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with one file of the public log, as it lies there; 404 for every other path."""
    if not tlog.RESOURCE.fullmatch(name):
        raise Http404
    try:
        content = (publishing.folder() / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Http404 from None
    moves = name == tlog.CHECKPOINT
    return HttpResponse(
        content,
        content_type="text/plain; charset=utf-8" if moves else "application/octet-stream",
        headers={"Cache-Control": NOT_LONG if moves else FOR_EVER},
    )
