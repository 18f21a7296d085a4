# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A VizieR on loopback, which answers VOTable as the real one does.

The layout of its replies - header, INFO elements, RESOURCE, FIELD with
ucd, width and DESCRIPTION, warnings about unknown columns, no TABLE
where there is no row, OVERFLOW where a limit was set and there are more -
is written by hand after replies of the real
server, not by the writer of the library that reads them.
"""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns="http://www.ivoa.net/xml/VOTable/v1.3"
  xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3
  http://www.ivoa.net/xml/VOTable/v1.3">
 <DESCRIPTION>
   VizieR Astronomical Server vizier.cds.unistra.fr
    Date: 2024-05-01T12:00:00 [V7.33.3]
   Explanations and Statistics of UCDs:\t\t\tSee LINK below
   In case of problem, please report to:\tcds-question@unistra.fr
   In this version, NULL integer columns are written as an empty string
   &lt;TD&gt;&lt;/TD&gt;, explicitely possible from VOTable-1.3
 </DESCRIPTION>
<!-- VOTable description at http://www.ivoa.net/Documents/latest/VOT.html -->
<INFO ID="VERSION" name="votable-version" value="1.99+ (14-Oct-2013)"/>
<INFO ID="Ref" name="-ref" value="VIZ662f8e3c2a1b"/>
<INFO ID="MaxTuples" name="-out.max" value="{limit}"/>
"""


@dataclass
class Column:
    """
    A column as VizieR describes it.
    """

    name: str
    datatype: str = "double"
    unit: str = ""
    ucd: str = "meta"
    description: str = ""

    def xml(self):
        size = ' arraysize="32*"' if self.datatype == "char" else ""
        unit = f' unit="{self.unit}"' if self.unit else ""
        return (
            f'    <FIELD name="{self.name}" ucd="{self.ucd}" '
            f'datatype="{self.datatype}"{size} width="9"{unit}>'
            f"<!-- ucd -->\n      <DESCRIPTION>{self.description}</DESCRIPTION>\n"
            "    </FIELD>\n"
        )


@dataclass
class Table:
    """
    A table of VizieR: its columns and rows of values (None: no value).
    """

    columns: list
    rows: list
    positions: list = field(default_factory=list)

    @property
    def names(self):
        return [column.name for column in self.columns]


def passes(value, condition):
    """
    Apply one of VizieR's constraints to a value.
    """
    if value is None:
        return False
    for part in condition.replace(" ", "").split("&"):
        for operator, holds in (
            (">=", lambda a, b: a >= b),
            ("<=", lambda a, b: a <= b),
            (">", lambda a, b: a > b),
            ("<", lambda a, b: a < b),
            ("", lambda a, b: a == b),
        ):
            if part.startswith(operator):
                if not holds(float(value), float(part[len(operator) :])):
                    return False
                break
    return True


class Vizier:
    """
    The server: its tables, the requests it got and the fault it has.
    """

    def __init__(self):
        self.tables = {}
        self.requests = []
        self.fault = None
        vizier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length).decode()
                lines = [line.partition("=") for line in body.splitlines()]
                request = {key: value for key, _, value in lines}
                request["path"] = self.path
                request["agent"] = self.headers["User-Agent"]
                vizier.requests.append(request)
                content = vizier.answer(request).encode()
                if vizier.fault is not None:
                    vizier.fault(self, content)
                else:
                    self.reply(content)

            def reply(self, content, status=200, kind="text/xml", **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
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

    def answer(self, request):
        source = request["-source"]
        text = HEADER.format(limit=request["-out.max"])
        text += '<INFO name="queryParameters" value="4">\n'
        text += "\n".join(f"{k}={v}" for k, v in request.items() if k[0] == "-")
        text = text + "\n</INFO>\n\n<!--\nExecution Reports\n -->\n\n"
        chosen = {
            name: table
            for name, table in self.tables.items()
            if name == source or name.startswith(f"{source}/")
        }
        notes = ""
        text += f'<RESOURCE ID="yCat" name="{source}">\n'
        text += "  <DESCRIPTION>A catalogue (Author+, 2000)</DESCRIPTION>\n"
        for name, table in chosen.items():
            part, warnings = self.table(name, table, request)
            text, notes = text + part, notes + warnings
        return f"{text}</RESOURCE>\n{notes}</VOTABLE>\n"

    def table(self, name, table, request):
        wanted = table.names
        notes = ""
        if "-out.all" not in request:
            asked = request["-out"].split(",")
            wanted = [column for column in asked if column in table.names]
            for column in set(asked) - set(wanted):
                notes += (
                    f'<INFO name="Warning" value="Column \'{column}\' unknown '
                    f"in '{name}'\"/>\n"
                )
        conditions = {k: v for k, v in request.items() if k in table.names}
        rows = [
            (row, position)
            for row, position in zip(
                table.rows, table.positions or [None] * len(table.rows), strict=True
            )
            if all(passes(row[table.names.index(k)], v) for k, v in conditions.items())
        ]
        limit, overflow = request["-out.max"], ""
        if limit != "unlimited" and len(rows) > int(limit):
            rows = rows[: int(limit)]
            why = f"truncated result (maxtup={limit})"
            overflow = f'<INFO name="Warning" value="{why}"/>\n'
            overflow += f'<INFO name="QUERY_STATUS" value="OVERFLOW">{why}</INFO>\n'
        if not rows:
            return "", notes
        columns = [table.columns[table.names.index(n)] for n in wanted]
        computed = "_RAJ2000" in request.get("-out.add", "") and table.positions
        text = (
            f'  <TABLE ID="T" name="{name}">\n    <DESCRIPTION>A table</DESCRIPTION>\n'
        )
        extra = (Column("_RAJ2000", unit="deg"), Column("_DEJ2000", unit="deg"))
        for column in [*columns, *(extra if computed else ())]:
            text += column.xml()
        text += "<DATA><TABLEDATA>\n"
        for row, position in rows:
            values = [row[table.names.index(n)] for n in wanted]
            values += list(position) if computed else []
            cells = ["" if value is None else str(value) for value in values]
            text += f"<TR>{''.join(f'<TD>{cell}</TD>' for cell in cells)}</TR>\n"
        return f"{text}</TABLEDATA></DATA>\n  </TABLE>\n{overflow}", notes


POSITION = (
    Column("RAJ2000", unit="deg", ucd="pos.eq.ra;meta.main"),
    Column("DEJ2000", unit="deg", ucd="pos.eq.dec;meta.main"),
)


def gama_table():
    """
    J/MNRAS/513/439/gamadr4; the numbers are invented.
    """
    columns = [
        Column("SpecID", "char", ucd="meta.id"),
        Column("Survey", "char", ucd="meta.id"),
        Column("SCode", "short"),
        *POSITION,
        Column("Wmin", "float", "0.1nm", ucd="em.wl"),
        Column("Wmax", "float", "0.1nm", ucd="em.wl"),
        Column("z", "double", ucd="src.redshift"),
        Column("q_z", "short", ucd="meta.code.qual"),
        Column("CATAID", "int", ucd="meta.id"),
        Column("IsBest", "short", ucd="meta.code"),
    ]
    rows = [
        ("G09_1", "GAMA", 5, 129.1, 0.5, 3727, 8856, 0.05, 4, 101, 1),
        ("G09_2", "GAMA", 5, 129.2, 0.6, 3727, 8856, 0.20, 3, 102, 1),
        # The same galaxy, its second-best spectrum.
        ("G09_3", "GAMA", 5, 129.2, 0.6, 3727, 8856, 0.21, 3, 102, 0),
        ("G09_4", "GAMA", 5, 129.3, 0.7, 3727, 8856, 0.30, 2, 103, 1),
        # A star, a distant galaxy, and one without a redshift.
        ("G09_5", "GAMA", 5, 129.4, 0.8, 3727, 8856, 0.0003, 4, 104, 1),
        ("G09_6", "SDSS", 1, 129.5, 0.9, 3800, 9200, 1.4, 4, 105, 1),
        ("G09_7", "GAMA", 5, 129.6, 1.0, 3727, 8856, None, 4, 106, 1),
        ("G09_8", "GAMA", 5, 129.7, 1.1, 3727, 8856, 0.10, None, 107, 1),
        ("G09_9", "GAMA", 5, 129.8, 1.2, 3727, 8856, 0.15, 4, 108, 1),
    ]
    return Table(columns, rows)


def zou_table(field_number=0):
    """
    A table in the layout of es1.v1; the numbers are invented.
    """
    columns = [
        Column("Tractor_ID", "long", ucd="meta.id"),
        Column("RA", unit="deg"),
        Column("DEC", unit="deg"),
        Column("redshift", ucd="src.redshift"),
        Column("ztype", "char"),
        Column("zphot_lowlim"),
        Column("zphot_upplim"),
        Column("flag_star", "short"),
        Column("ngoodband", "short"),
        Column("Mstar_gal", unit="solMass"),
        Column("Mstar_gal_err", unit="solMass"),
        Column("SFR_gal", unit="solMass/yr"),
        Column("SFR_gal_err", unit="solMass/yr"),
        Column("Mstar_best", unit="solMass"),
        Column("Mstar_best_err", unit="solMass"),
    ]
    ra = 8.0 + 20.0 * field_number
    common = (3e10, 3e9, 4.0, 1.0, 2e10, 2e9)
    rows = [
        (1, ra, -44.0, 0.5, "zspec", 0.5, 0.5, 0, 12, *common),
        (2, ra + 0.1, -44.1, 0.7, "zphot", 0.6, 0.9, 0, 12, *common),
        (3, ra + 0.2, -44.2, 0.6, "zspec", 0.6, 0.6, 1, 12, *common),
        (4, ra + 0.3, -44.3, 0.6, "zspec", 0.6, 0.6, 0, 4, *common),
        (5, ra + 0.4, -44.4, 1.2, "zspec", 1.2, 1.2, 0, 12, *common),
        (6, ra + 0.5, -44.5, 0.4, "zspec", 0.4, 0.4, 0, 5, 9e7, 1e6, *common[2:]),
    ]
    return Table(columns, rows)
