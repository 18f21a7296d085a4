# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The samples of the paper, and Cardamone's green peas.

The names of VizieR's tables follow the rules of the CDS (journal,
volume, page); those of the columns come from the tables that the
authors released and from public code that reads them or VizieR's
copies. Where VizieR says otherwise, `load_sample` names what is
missing, and its argument ``columns`` says what to read instead.
"""

import astropy.units as u

from astrovae.samples import cuts
from astrovae.samples.cuts import Cut
from astrovae.samples.definition import Sample, SampleColumn

__all__ = ["BUILTIN"]

# Of right ascension and declination, as the CDS and as authors write them;
# VizieR computes the last ones, in degrees, for any table with positions.
_RA = SampleColumn(
    ("RAJ2000", "RAdeg", "RA_ICRS", "RA", "ra", "RAcen", "_RAJ2000"), u.deg
)
_DEC = SampleColumn(
    ("DEJ2000", "DEdeg", "DE_ICRS", "DEC", "Dec", "dec", "Deccen", "_DEJ2000"), u.deg
)
_SFR = u.Msun / u.yr


def _redshift_cuts(z_min, z_max):
    return (
        Cut("z_min", z_min, "redshift above", cuts.above, "redshift", operator=">"),
        Cut("z_max", z_max, "redshift below", cuts.below, "redshift", operator="<"),
    )


def _mass_cuts(min_mass, max_mass):
    return (
        Cut("min_mass", min_mass, "stellar mass above", cuts.above, "stellar_mass"),
        Cut("max_mass", max_mass, "stellar mass below", cuts.below, "stellar_mass"),
    )


# VizieR's table lists spectra. Its columns RAJ2000, DEJ2000, z, q_z (nQ) and
# IsBest are read by public code; upper-case names are those of GAMA's own
# tables gkvScienceCat and ProSpect. The paper states no cuts: nQ >= 3 and
# z > 0.002 (no stars) are what the survey recommends for its redshifts.
GAMA_DR4 = Sample(
    name="gama-dr4",
    catalogues=("J/MNRAS/513/439/gamadr4",),
    version="DR4",
    reference="Driver et al. 2022, MNRAS 513, 439",
    bibcode="2022MNRAS.513..439D",
    description="GAMA: spectroscopic redshifts; masses and SFR by ProSpect",
    columns={
        "id": SampleColumn(("CATAID", "CataId", "CATAId", "GAMA", "uberID")),
        "ra": _RA,
        "dec": _DEC,
        "redshift": SampleColumn(("z", "Z")),
        "stellar_mass": SampleColumn(
            ("StellarMass_50",),
            u.Msun,
            interval=(("StellarMass_16",), ("StellarMass_84",)),
        ),
        "sfr": SampleColumn(("SFR_50",), _SFR, interval=(("SFR_16",), ("SFR_84",))),
    },
    cuts=(
        Cut(
            "min_quality",
            3,
            "redshift quality nQ of at least",
            cuts.at_least,
            names=("q_z", "NQ", "nQ"),
            operator=">=",
        ),
        Cut(
            "best_only",
            True,
            "the best spectrum of the galaxy",
            cuts.not_zero,
            names=("IsBest", "IS_BEST"),
        ),
        *_redshift_cuts(0.002, 1.0),
        *_mass_cuts(None, None),
    ),
    prefix="GAMA ",
    large=True,
    key=("CATAID", "CataId", "CATAId", "GAMA"),
    hint=(
        "VizieR's table has redshifts only; give GAMA's table of ProSpect "
        "(ProSpectv03 of gama-survey.org/dr4) as 'properties'"
    ),
)

# Columns of the released tables es1.v1, wcdfs.v1 and xmmlss.v1 (Zenodo
# 6620892). The cuts are those of the paper's authors' public script; with
# "spectroscopic" for the paper's text. They took the fit by galaxy templates
# (_gal); the catalogue's own choice is in Mstar_best and SFR_best.
ZOU2022 = Sample(
    name="zou2022",
    catalogues=("J/ApJS/262/15",),
    version="v1",
    reference="Zou et al. 2022, ApJS 262, 15",
    bibcode="2022ApJS..262...15Z",
    description="LSST deep-drilling fields: masses and SFR by CIGALE",
    columns={
        "id": SampleColumn(("Tractor_ID", "TractorID", "Tractor")),
        "ra": _RA,
        "dec": _DEC,
        "redshift": SampleColumn(
            ("redshift", "z"),
            interval=(("zphot_lowlim", "b_z"), ("zphot_upplim", "B_z")),
        ),
        "stellar_mass": SampleColumn(
            ("Mstar_gal", "Mstar"), u.Msun, error=("Mstar_gal_err", "e_Mstar")
        ),
        "sfr": SampleColumn(("SFR_gal", "SFR"), _SFR, error=("SFR_gal_err", "e_SFR")),
    },
    cuts=(
        Cut(
            "spectroscopic",
            True,
            "the redshift is spectroscopic",
            cuts.is_spectroscopic,
            names=("ztype", "f_z"),
        ),
        Cut("no_stars", True, "no star", cuts.is_zero, names=("flag_star",)),
        Cut(
            "min_bands",
            5,
            "bands of good photometry, at least",
            cuts.at_least,
            names=("ngoodband",),
            operator=">=",
        ),
        *_redshift_cuts(None, 1.0),
        *_mass_cuts(1e8 * u.Msun, 1e12 * u.Msun),
    ),
    prefix="Z22 ",
    large=True,
    combine=True,
)

RED_SPIRALS = Sample(
    name="red-spirals",
    catalogues=("J/MNRAS/405/783",),
    version="table A1",
    reference="Masters et al. 2010, MNRAS 405, 783",
    bibcode="2010MNRAS.405..783M",
    description="passive red spirals of Galaxy Zoo: redshifts only",
    columns={
        "id": SampleColumn(("SDSS", "objID", "ObjID", "OBJID")),
        "ra": _RA,
        "dec": _DEC,
        "redshift": SampleColumn(("z", "zsp", "redshift")),
    },
    cuts=_redshift_cuts(None, None),
    prefix="SDSS ",
    n_rows=294,
)

# No table of these positions was found that could be checked and shipped.
GREEN_PEAS_KISS = Sample(
    name="green-peas-kiss",
    catalogues=("J/ApJ/926/131", "J/ApJ/898/68"),
    version="2022",
    reference="Brunker et al. 2022, ApJ 926, 131",
    bibcode="2022ApJ...926..131B",
    description="green peas of the KISS survey: redshifts only",
    columns={
        "id": SampleColumn(("KISSR", "KISS", "Name")),
        "ra": _RA,
        "dec": _DEC,
        "redshift": SampleColumn(("z", "zsp", "redshift")),
    },
    cuts=_redshift_cuts(None, None),
    prefix="KISSR ",
    n_rows=13,
)

GREEN_PEAS_CARDAMONE = Sample(
    name="green-peas-cardamone",
    catalogues=("J/MNRAS/399/1191",),
    version="table 4",
    reference="Cardamone et al. 2009, MNRAS 399, 1191",
    bibcode="2009MNRAS.399.1191C",
    description="star-forming green peas of Galaxy Zoo",
    columns={
        "id": SampleColumn(("SDSS", "objID", "ObjID", "DR7OBJID", "id")),
        "ra": _RA,
        "dec": _DEC,
        "redshift": SampleColumn(("z", "zsp", "REDSHIFT", "redshift")),
        "stellar_mass": SampleColumn(
            ("logM*", "logM", "M_STELLAR"), u.Msun, log=True, error=("e_logM*",)
        ),
        "sfr": SampleColumn(("SFR",), _SFR, error=("e_SFR", "SFR_ERR")),
    },
    cuts=_redshift_cuts(None, None),
    prefix="SDSS ",
    n_rows=80,
    packaged="green_peas_cardamone2009.ecsv",
)

BUILTIN = (GAMA_DR4, ZOU2022, RED_SPIRALS, GREEN_PEAS_KISS, GREEN_PEAS_CARDAMONE)
