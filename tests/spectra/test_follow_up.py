# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of a list of candidates.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable
from spectrum_helpers import LOGLAM, old_flux, pea_flux, spectrum, write_spec_lite

from astrovae.anomaly import rank_candidates
from astrovae.spectra import conf, follow_up


def candidates(n=4):
    return QTable(
        {
            "id": [f"g{i}" for i in range(n)],
            "ra": (150.0 + np.arange(n)) * u.deg,
            "dec": np.full(n, 2.0) * u.deg,
        }
    )


def test_from_sdss(sdss, tmp_path):
    table = candidates()
    table["kind"] = ["green_pea", "passive_spiral", "green_pea", ""]
    for i, (flux, z) in enumerate(((pea_flux(0.25), 0.25), (old_flux(0.06, 20), 0.06))):
        noise = np.random.default_rng(i).normal(0, 0.5, LOGLAM.size)
        path = write_spec_lite(tmp_path / "a.fits", flux + noise, 0.5, z=z)
        common = {"ra": 150.0 + i, "dec": 2.0, "plate": 1000, "mjd": 52345}
        sdss.add(path.read_bytes(), fiber=i + 1, z=z, **common)
    sdss.rows.append((153.0, 2.0, 9, 52345, 9, "26", 0.1, 0, 0, "GALAXY", 1))
    found = follow_up(table, cache=tmp_path / "c")
    assert found["id"].tolist() == ["g0", "g1", "g2", "g3"]
    assert found["spectrum"][0] == "spec-1000-52345-0001.fits"
    assert found["redshift"].unmasked.value[:2] == pytest.approx([0.25, 0.06], abs=2e-3)
    assert found["redshift"].mask.tolist() == [False, False, True, True]
    assert found["verdict"].tolist() == ["confirmed", "confirmed", None, None]
    assert found["ew_oiii_5007"].unit == u.AA
    assert found["ew_oiii_5007"][0].unmasked.value == pytest.approx(400, rel=0.05)
    assert found["ew_oiii_5007_err"].mask.tolist() == [False, False, True, True]
    assert found["d4000"][1].unmasked.value > 1.6
    assert "no spectrum within" in found["reason"][2]
    assert "could not be downloaded" in found["reason"][3]
    # The table survives a file, and what is cached is not fetched again.
    found.write(tmp_path / "t.ecsv")
    back = QTable.read(tmp_path / "t.ecsv")
    assert back["redshift"].mask.tolist() == found["redshift"].mask.tolist()
    n = len(sdss.downloads)
    again = follow_up(table[:2], cache=tmp_path / "c")
    assert len(sdss.downloads) == n
    assert again["redshift"][0] == found["redshift"][0]


def test_given_spectra(tmp_path):
    path = write_spec_lite(tmp_path / "a.fits", pea_flux(0.5), 0.5)
    (tmp_path / "bad.fits").write_bytes(b"SIMPLE")
    galaxy = spectrum(pea_flux(0.2), 0.5, seed=1)
    bare = type(galaxy)(flux=galaxy.flux, spectral_axis=galaxy.spectral_axis)
    spectra = [path, galaxy, None, tmp_path / "bad.fits", bare, tmp_path / "none.fits"]
    found = follow_up(candidates(6), kind="green_pea", spectra=spectra)
    assert found["redshift"].mask.tolist() == [False, False, True, True, True, True]
    assert found["verdict"].tolist()[:2] == ["excluded", "confirmed"]
    # A line out of range is masked, with the reason, and not zero.
    assert found["flux_h_alpha"].mask.tolist()[:2] == [True, False]
    assert "H alpha: outside of the spectrum" in found["reason"][0]
    reasons = ("no spectrum was given", "bad.fits", "no uncertainty", "there is no")
    for reason, expected in zip(found["reason"][2:], reasons, strict=True):
        assert expected in reason


def test_gives_up_when_nobody_answers(sdss):
    sdss.catalogue_fault = lambda handler: handler.reply(b"", 503)
    with conf.set_temp("give_up_after", 2):
        found = follow_up(candidates(5))
    assert found["redshift"].mask.all()
    assert ["answered 503" in reason for reason in found["reason"]] == [
        *(True, True, False, False, False)
    ]
    assert found["reason"][4] == "not tried: 2 requests in a row had failed"
    assert len(sdss.queries) == 2


def test_no_candidates():
    found = follow_up(candidates(0))
    assert len(found) == 0
    assert "ew_h_alpha_err" in found.colnames


@pytest.mark.parametrize("masked", [False, True])
def test_list_of_the_package_itself(tmp_path, masked):
    # The column "kind" of rank_candidates holds its groups.
    table = candidates(5)
    groups = ["candidate", "artefact", "unusable", "known", "green_pea"]
    table["kind"] = MaskedColumn(groups, mask=[False] * 4 + [masked])
    table.write(tmp_path / "candidates.ecsv")
    table = QTable.read(tmp_path / "candidates.ecsv")
    galaxy = spectrum(pea_flux(0.2), 0.5, seed=1)
    found = follow_up(table, spectra=[galaxy, None, None, None, galaxy])
    last = "" if masked else "green_pea"
    assert found["kind"].tolist() == ["", "", "", "", last]
    assert found["redshift"][0].unmasked.value == pytest.approx(0.2, abs=1e-3)
    verdict = None if masked else "confirmed"
    assert found["verdict"].tolist() == [None, None, None, None, verdict]
    spectra = [galaxy, None, None, None, None]
    judged = follow_up(table, kind="green_pea", spectra=spectra)
    assert judged["verdict"][0] == "confirmed"


def test_groups_are_those_of_rank_candidates():
    parameters = QTable(
        {
            "id": [f"g{i}" for i in range(40)],
            "ra": np.linspace(150, 151, 40) * u.deg,
            "dec": np.full(40, 2.0) * u.deg,
            "sfr": np.random.default_rng(0).lognormal(size=40) * u.Msun / u.yr,
        }
    )
    labels = QTable(
        {
            "id": ["g0", "g1", "g2"],
            "label": ["known", "artefact", "interesting"],
        }
    )
    ranked = rank_candidates(parameters, labels=labels)
    assert set(ranked["kind"]) == {"known", "artefact", "candidate"}
    found = follow_up(ranked, spectra=[None] * len(ranked))
    assert set(found["kind"]) == {""}


def test_kinds_of_a_frame():
    columns = {"ra": [150.0], "dec": [2.0], "kind": ["quasar"]}
    with pytest.raises(ValueError, match=r"a kind must be .* not 'quasar'"):
        follow_up(columns, spectra=[None])


def test_unreachable_server_is_a_plain_sentence(sdss):
    with conf.set_temp("skyserver", "http://127.0.0.1:9"):
        found = follow_up(candidates(1))
    assert found["reason"][0] == (
        "no answer from SDSS's catalogue at http://127.0.0.1:9: the server cannot be "
        "reached"
    )


def test_unknown_position_keeps_its_row(sdss):
    table = candidates(2)
    table["ra"][1] = np.nan
    found = follow_up(table)
    assert found["reason"][1] == "the position is not known"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "quasar"}, "a kind must be .* not 'quasar'"),
        ({"kind": ["green_pea"]}, "1 kinds for 4 candidates"),
        ({"spectra": [None]}, "1 spectra for 4 candidates"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        follow_up(candidates(), **arguments)
