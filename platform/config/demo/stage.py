"""What the demo needs around it: an empty installation, a worker process, and an HTTP server."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.db import connection

from config import embedded
from config.wsgi import application
from corpus.models import Deployment, Item, Subject
from ledger import publishing, signing
from registry import storage
from registry.models import Artefact, Recipe


class NotEmpty(Exception):
    """The installation holds data that is not the demo's, and the demo will not touch it."""


def clear() -> None:
    """Empty an installation that an earlier demo filled.

    Raises:
        NotEmpty: it holds anything else.
    """
    if Item.objects.exists() or Subject.objects.exists() or Recipe.objects.exists():
        if not Deployment.objects.filter(is_demo=True).exists():
            raise NotEmpty(
                "this installation holds data that no demo put there; "
                "name an empty folder with EXPUNGE_VAR, or an empty database with DATABASE_URL"
            )
        _drop_everything()
        embedded.ready()


def _drop_everything() -> None:
    # The log refuses DELETE and TRUNCATE, so its tables go as a whole, and its key with them:
    # the next demo's log is another log.
    for artefact in Artefact.objects.values_list("pk", flat=True):
        storage.path_of(artefact).unlink(missing_ok=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    for name in signing.FILES:
        (signing.folder() / name).unlink(missing_ok=True)
    shutil.rmtree(publishing.folder(), ignore_errors=True)


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker, in a process of its own, for as long as the demo runs."""
    folder = Path(settings.EXPUNGE_VAR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "worker.log").open("wb")
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo"]
    command += ["--queues", "gpu,default", "--loglevel", "warning", "--without-gossip"]
    path = os.pathsep.join([str(settings.ROOT / "platform"), str(settings.ROOT)])
    process = subprocess.Popen(
        [*command, "--without-mingle"],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=settings.ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: the demo's output is the demo's."""


@contextmanager
def server() -> Iterator[str]:
    """The console and the API over HTTP on a free port of this machine. Gives the address."""
    httpd = make_server("127.0.0.1", 0, application, _Server, _Quiet)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
