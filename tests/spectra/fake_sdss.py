# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
An SDSS on loopback: its catalogue server and its archive of files.

The catalogue answers the form that astroquery posts with a table of
comma-separated values under a line "#Table1", as the real one does.
"""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

COLUMNS = [
    "ra",
    "dec",
    "plate",
    "mjd",
    "fiberID",
    "run2d",
    "z",
    "zErr",
    "zWarning",
    "class",
    "sciencePrimary",
]


class Sdss:
    """
    The server: its spectra, the requests it got, and the fault it has.
    """

    def __init__(self):
        self.rows = []
        self.files = {}
        self.requests = []
        self.catalogue_fault = None
        self.archive_fault = None
        sdss = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                sdss.requests.append(("GET", self.path))
                if "x_results" in self.path:
                    # The list of columns that astroquery asks for.
                    columns = b'[{"Rows": [{"name": "ra"}, {"name": "plate"}]}]'
                    return self.reply(columns)
                if sdss.archive_fault is not None:
                    return sdss.archive_fault(self)
                content = sdss.files.get(self.path.rpartition("/")[2])
                if content is None:
                    return self.reply(b"not found", 404)
                return self.reply(content)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                sdss.requests.append(("POST", self.path))
                sdss.last_form = body
                if sdss.catalogue_fault is not None:
                    return sdss.catalogue_fault(self)
                return self.reply(sdss.answer(body).encode())

            def reply(self, content, status=200, length=None):
                self.send_response(status)
                length = len(content) if length is None else length
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def add(self, content, *, ra, dec, plate, mjd, fiber, z=0.25, primary=1):
        self.rows.append(
            (ra, dec, plate, mjd, fiber, "26", z, 1e-5, 0, "GALAXY", primary)
        )
        self.files[f"spec-{plate:04d}-{mjd}-{fiber:04d}.fits"] = content

    def answer(self, body):
        selected = re.search(r"SELECT\s+(.*?)\s+FROM", body, re.DOTALL)[1]
        names = [name.strip().removeprefix("s.") for name in selected.split(",")]
        ra, dec = map(float, re.search(r"ra dec \s*\n(\S+) (\S+)", body).groups())
        radius = float(re.search(r'name="radius"\s+(\S+)', body)[1]) / 60
        lines = ["#Table1", ",".join(names)]
        for row in self.rows:
            offset = np.hypot((row[0] - ra) * np.cos(np.deg2rad(dec)), row[1] - dec)
            if offset <= radius:
                values = dict(zip(COLUMNS, row, strict=True))
                lines.append(",".join(str(values[name]) for name in names))
        return "\n".join(lines) + "\n"

    @property
    def downloads(self):
        return [path for method, path in self.requests if path.endswith(".fits")]

    @property
    def queries(self):
        return [path for method, path in self.requests if method == "POST"]
