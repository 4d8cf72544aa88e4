"""A timestamp authority of the tests' own: openssl's, behind a small HTTP server."""

import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = """
[req]
distinguished_name = name
[name]
[tsa]
default_tsa = t
[t]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256, sha3-256
accuracy = secs:1
ess_cert_id_chain = no
signer_digest = sha256
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamper]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


class Authority:
    """A root, a certificate that may stamp, and what was asked of it."""

    def __init__(self, folder, *, name="TSA"):
        folder.mkdir()
        self.folder = folder
        self.answers = []
        # What goes out in place of the answer, given it; a status other than 200.
        self.bend = lambda answer: answer
        self.status = 200
        (folder / "config").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._new("root", f"/CN={name} root", "-x509", "-extensions", "root")
        self._new("tsa", f"/CN={name}")
        self._openssl(
            *("x509", "-req", "-in", "tsa.req", "-CA", "root.pem", "-CAkey", "root.key"),
            *("-set_serial", "2", "-extfile", "config", "-extensions", "stamper", "-out"),
            "tsa.pem",
        )

    @property
    def roots(self):
        """The file that an operator configures."""
        return str(self.folder / "root.pem")

    def reply(self, query):
        """An answer to a query, as openssl makes it."""
        (self.folder / "query").write_bytes(query)
        self._openssl(
            *("ts", "-reply", "-config", "config", "-section", "t", "-queryfile", "query"),
            *("-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "answer"),
        )
        return (self.folder / "answer").read_bytes()

    def _new(self, name, subject, *words):
        out = f"{name}.pem" if words else f"{name}.req"
        self._openssl(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", "config", "-subj"),
            *(subject, "-keyout", f"{name}.key", "-out", out, *words),
        )

    def _openssl(self, *words):
        command = ["openssl", *words]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60)


@contextmanager
def serving(authority):
    """The authority's address, for as long as it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.answers.append(authority.reply(query))
            body = authority.bend(authority.answers[-1])
            self.send_response(authority.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
