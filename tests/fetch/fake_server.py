# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A real HTTP server on loopback that behaves as the survey's services
do, their faults included.

The viewer: a missing position is HTTP 400; an unknown layer is answered
with 200 and the text "no such layer"; one unknown band replaces the
whole list by the layer's default; sizes are clamped; outside the
footprint is a page with status 500; what is not covered is zero.
"""

import io
import threading
import time
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
from astropy.io import fits

LAYERS = {
    "ls-dr10": ("griz", "DR10"),
    "ls-dr9-south": ("grz", "DR9-south"),
    "decals-dr5": ("grz", "DR5"),
}
HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body>x</body></html>"
ABANDONED = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


@lru_cache(maxsize=64)
def cutout_parts(n_bands, size, kinds):
    """
    The HDUs of a cutout as bytes with gaps for what differs.
    """
    rng = np.random.default_rng(size * 100 + n_bands)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    galaxy = 5 * np.exp(-np.hypot(y, x) / 4)
    parts = []
    for kind in kinds:
        header = fits.Header()
        header["SURVEY"] = "LegacySurvey"
        header["VERSION"] = "@VERSION@".ljust(20)
        header["IMAGETYP"] = kind.upper()
        header["BANDS"] = "@BANDS@".ljust(20)
        for i in range(n_bands):
            header[f"BAND{i}"] = f"@BAND{i}@".ljust(20)
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRVAL1"], header["CRVAL2"] = 111.123456789, 22.123456789
        header["CRPIX1"] = header["CRPIX2"] = (size + 1) / 2
        header["CD1_1"], header["CD1_2"] = -0.000033333333, 0.0
        header["CD2_1"], header["CD2_2"] = 0.0, 0.000044444444
        shape = (size, size) if n_bands == 1 else (n_bands, size, size)
        if kind == "image":
            data = rng.normal(0, 0.01, shape) + galaxy
        elif kind == "invvar":
            data = np.full(shape, 1e4)
        else:
            data = np.zeros((size, size))
            data[size // 4, size // 4] = 1 << 3  # SATUR_R
        data = data.astype(np.int16 if kind == "maskbits" else np.float32)
        hdu = fits.ImageHDU(data, header) if parts else fits.PrimaryHDU(data, header)
        buffer = io.BytesIO()
        hdu.writeto(buffer)
        content = buffer.getvalue()
        if parts:  # a file was made around the extension
            content = content[content.index(b"XTENSION") :]
        parts.append(content)
    return b"".join(parts)


def card(key, value):
    text = f"'{value:<8}'" if isinstance(value, str) else f"{value:>20.12E}"
    return f"{key:<8}= {text}".ljust(80).encode()


def set_card(content, key, value):
    """
    Put a value into the card of a header, in every HDU.
    """
    pattern = f"{key:<8}= ".encode()
    start = content.find(pattern)
    while start >= 0:
        content = content[:start] + card(key, value) + content[start + 80 :]
        start = content.find(pattern, start + 80)
    return content


def cutout(ra, dec, *, bands="grz", size=128, scale=0.262, version="DR10", kinds=()):
    """
    What ``fits-cutout`` answers.
    """
    content = cutout_parts(len(bands), size, ("image", *kinds))
    cards = {"VERSION": version, "BANDS": bands, "CRVAL1": ra, "CRVAL2": dec}
    cards |= {"CD1_1": -scale / 3600, "CD2_2": scale / 3600}
    cards |= {f"BAND{i}": band for i, band in enumerate(bands)}
    for key, value in cards.items():
        content = set_card(content, key, value)
    return content


def blank(content, bands=slice(None), value=0):
    """
    A cutout with zeros, or another value, in some bands.
    """
    with fits.open(io.BytesIO(content)) as hdus:
        data = np.array(hdus[0].data)
        data[bands] = value
        hdus[0].data = data
        buffer = io.BytesIO()
        hdus.writeto(buffer)
    return buffer.getvalue()


class FakeServer:
    """
    Start with ``with``; `url` is its root.

    Attributes
    ----------
    faults : dict
        By right ascension ("10.0100000"), what goes wrong at the next
        requests, one after the other.
    always : dict
        By right ascension, what always goes wrong; "*" for all.
    files : dict
        Contents by path, or functions that make one from the path and
        query.
    replies : dict
        By right ascension, what ``fits-cutout`` answers instead.
    psf : bytes
        What ``coadd-psf`` answers instead.
    log : list of str
        The paths that were asked for.
    latency : float
        Seconds before an answer.
    """

    max_size = 3000

    def __init__(self, folder=None, latency=0.0):
        self.folder = folder
        self.latency = latency
        self.faults = defaultdict(deque)
        self.always = {}
        self.files = {}
        self.replies = {}
        self.psf = None
        self.log = []
        self.agents = set()
        self.times = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()
        return self

    def __exit__(self, *args):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def counts(self):
        """
        Requests for images by right ascension.
        """
        queries = [parse_qs(urlsplit(path).query) for path in self.log]
        return Counter(query["ra"][0] for query in queries if "ra" in query)

    def fault(self, ra):
        with self._lock:
            waiting = self.faults.get(ra)
            if waiting:
                return waiting.popleft()
        return self.always.get(ra) or self.always.get("*")

    def enter(self, path, agent):
        with self._lock:
            self.log.append(path)
            self.agents.add(agent)
            self.times.append(time.monotonic())
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)

    def leave(self):
        with self._lock:
            self.at_once -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that went away is part of the tests


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.fake.enter(self.path, self.headers.get("User-Agent", ""))
        try:
            self._answer()
        except ABANDONED:
            self.close_connection = True
        finally:
            self.fake.leave()

    def _answer(self):
        if self.fake.latency:
            time.sleep(self.fake.latency)
        parts = urlsplit(self.path)
        query = {
            key: values[0]
            for key, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        if parts.path == "/fits-cutout":
            self._cutout(query)
        elif parts.path == "/coadd-psf/":
            self._psf(query)
        elif parts.path in self.fake.files:
            self._file(self.fake.files[parts.path], parts.path)
        else:
            self._static(parts.path)

    def _send(self, body, status=200, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _cutout(self, query):
        fault = self.fake.fault(query.get("ra", ""))
        if fault and self._break(fault):
            return
        if query.get("ra") in self.fake.replies:
            self._send(self.fake.replies[query["ra"]])
            return
        if "ra" not in query or "dec" not in query:
            self._send(b"no position", 400)
            return
        if query["layer"] not in LAYERS or fault == "layer":
            self._send(b"no such layer")
            return
        default, version = LAYERS[query["layer"]]
        if not float(query["dec"]) < 80:
            self._send(HTML % b"Server Error (500)", 500)
            return
        bands = query.get("bands", default)
        if set(bands) - set(default) or fault == "bands":
            bands = default
        size = min(int(query.get("size", 256)), self.fake.max_size)
        size = size // 2 if fault == "clamped" else size
        scale = float(query.get("pixscale", 0.262)) * (2 if fault == "scale" else 1)
        kinds = tuple(kind for kind in ("invvar", "maskbits") if kind in query)
        ra, dec = float(query["ra"]), float(query["dec"])
        body = cutout(
            ra + (0.01 if fault == "centre" else 0),
            dec,
            bands=bands,
            size=size,
            scale=scale,
            version="DR3" if fault == "version" else version,
            kinds=() if fault == "no planes" else kinds,
        )
        self._send(self._spoil(body, fault), headers={"Content-Type": "image/fits"})

    def _spoil(self, body, fault):
        spoils = {
            "zeros": blank,
            "zero band": lambda body: blank(body, 0),
            "NaN": lambda body: blank(body, value=np.nan),
            "truncated": lambda body: body[: len(body) // 2],
            "truncated at a block": lambda body: body[:-2880],
            "damaged header": lambda body: body.replace(b"NAXIS   =", b"NAXES   =", 1),
            "larger": lambda body: body + bytes(4 << 20),
            "no WCS": lambda body: body.replace(b"RA---TAN", b"LAMBDA  "),
        }
        return spoils.get(fault, lambda body: body)(body)

    def _break(self, fault):
        # What HTTP itself can do; True if that was the answer.
        answers = {
            "html": lambda: self._send(HTML % b"Down for maintenance"),
            "text": lambda: self._send(b"Traceback (most recent call last): ..."),
            "empty": lambda: self._send(b""),
            "jpeg": lambda: self._send(b"\xff\xd8\xff\xe0" + bytes(5000)),
            "400": lambda: self._send(b"bad", 400),
            "403": lambda: self._send(b"forbidden", 403),
            "404": lambda: self._send(b"not found", 404),
            "500": lambda: self._send(HTML % b"Server Error (500)", 500),
            "502": lambda: self._send(b"", 502),
            "503": lambda: self._send(b"", 503),
            "429": lambda: self._send(b"", 429),
            "429 seconds": lambda: self._send(b"", 429, {"Retry-After": "1"}),
            "429 date": lambda: self._send(
                b"",
                429,
                {
                    "Retry-After": format_datetime(
                        datetime.now(UTC) + timedelta(seconds=2), usegmt=True
                    )
                },
            ),
            "503 tomorrow": lambda: self._send(b"", 503, {"Retry-After": "86400"}),
            "503 for ever": lambda: self._send(b"", 503, {"Retry-After": "9" * 12}),
            "late": lambda: time.sleep(1.5),
            "drip": self._drip,
            "reset": self._reset,
            "hang up": self._hang_up,
            "redirect loop": lambda: self._send(b"", 302, {"Location": self.path}),
        }
        if fault not in answers:
            return False
        answers[fault]()
        if fault == "late":
            self.close_connection = True
        return True

    def _drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "2880")
        self.end_headers()
        for _ in range(400):
            self.wfile.write(b"S")
            time.sleep(0.05)

    def _reset(self):
        # In the middle of a body.
        self.send_response(200)
        self.send_header("Content-Length", "200000")
        self.end_headers()
        self.wfile.write(b"SIMPLE  =" + bytes(10000))
        self.close_connection = True

    def _hang_up(self):
        self.close_connection = True

    def _psf(self, query):
        fault = self.fake.fault("psf " + query.get("ra", ""))
        if fault and self._break(fault):
            return
        if self.fake.psf is not None:
            self._send(self.fake.psf)
            return
        y, x = np.mgrid[:63, :63] - 31
        hdus = []
        for i, band in enumerate(query["bands"]):
            sigma = (1.3 - 0.1 * i) / 0.262 / 2.3548
            data = np.exp(-(x**2 + y**2) / 2 / sigma**2).astype(np.float32)
            hdu = fits.ImageHDU(data) if hdus else fits.PrimaryHDU(data)
            hdu.header["BAND"] = band
            hdus.append(hdu)
        buffer = io.BytesIO()
        fits.HDUList(hdus).writeto(buffer)
        self._send(buffer.getvalue())

    def _file(self, content, path):
        fault = self.fake.fault(path)
        if fault and self._break(fault):
            return
        content = content(self.path) if callable(content) else content
        self._send(self._spoil(content, fault))

    def _static(self, path):
        file = self.fake.folder and self.fake.folder / path.lstrip("/")
        if file and file.is_file():
            self._file(file.read_bytes(), path)
        else:
            self._send(b"not found", 404)
