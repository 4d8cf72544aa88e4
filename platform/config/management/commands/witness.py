"""`witness`: watch logs of others, and cosign their heads as long as these only grow."""

import time
from argparse import ArgumentParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from verifier.witness import Answer, BadWitness, Witness

# A checkpoint, 63 hashes, and sixteen of the largest signatures there are.
LARGEST_BODY = 128 * 1024


class Command(BaseCommand):
    """Answer POST /add-checkpoint, C2SP's tlog-witness, until Ctrl-C. Needs no database."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who the witness is, whom it watches, and where it listens."""
        parser.add_argument("--folder", type=Path, required=True, help="its key and what it saw")
        parser.add_argument("--name", required=True, help="the name it signs under")
        parser.add_argument("--log", action="append", required=True, help="a verification key")
        parser.add_argument("--bind", default="127.0.0.1:8100", help="host:port")

    def handle(self, **options: Any) -> None:
        """Say the witness's own verification key, and answer."""
        host, _, port = options["bind"].rpartition(":")
        try:
            witness = Witness(options["folder"], name=options["name"], vkeys=options["log"])
            server = ThreadingHTTPServer((host, int(port)), handler(witness))
        except (BadWitness, ValueError, OSError) as error:
            raise CommandError(f"the witness cannot start: {error}") from None
        self.stdout.write(f"{witness.vkey}\nhttp://{host}:{server.server_port}")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


def handler(witness: Witness) -> type[BaseHTTPRequestHandler]:
    """The requests of one witness."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            """Answer a checkpoint; anything else is not here."""
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint":
                answer = Answer(404, "there is only POST /add-checkpoint\n")
            elif not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
                answer = Answer(400, f"expected a body of up to {LARGEST_BODY} octets\n")
            else:
                answer = witness.add_checkpoint(self.rfile.read(int(length)), at=int(time.time()))
                return self._give(answer)
            # The body was not read, so the next request would begin within it.
            self.close_connection = True
            return self._give(answer)

        def _give(self, answer: Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
