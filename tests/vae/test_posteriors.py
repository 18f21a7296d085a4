# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Posteriors: quantiles, probabilities, draws and densities are of one kind.
"""

import copy

import numpy as np
import pytest
from astropy.cosmology import units as cu
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import kstest, norm

from astrovae import PhysicsVAE, posterior_files
from astrovae.data import load_sample_set
from astrovae.exceptions import AstrovaeWarning
from astrovae.flags import GalaxyFlags
from astrovae.nn import (
    LEVELS,
    Encoding,
    PITCalibration,
    QuantileCalibration,
    n_mixture_outputs,
)
from astrovae.parameters import PARAMETERS, PHYSICAL
from astrovae.vae.posteriors import GaussianPosterior, MixturePosterior
from astrovae.vae.scaling import LatentScaling

K = 4
PROBABILITIES = np.array([0.025, 0.16, 0.5, 0.84, 0.975])
STATISTICS = {
    "redshift": {"mean": 0.4, "std": 0.2, "min": 0, "max": 1, "n": 9},
    "stellar_mass": {"mean": 10.2, "std": 0.8, "min": 8, "max": 12, "n": 9},
    "sfr": {"mean": 0.1, "std": 0.7, "min": -2, "max": 2, "n": 9},
}
SCALING = LatentScaling(("cos2phi", "sin2phi", *PHYSICAL), STATISTICS, True)


def make(n=6, seed=0, raw=None, calibrated=True):
    """
    Posteriors of a network that says something at random.
    """
    rng = np.random.default_rng(seed)
    if raw is None:
        raw = rng.normal(scale=0.8, size=(n, K, n_mixture_outputs(1, 3)))
        raw[..., 4:7] -= 1.0
    raw = np.asarray(raw, dtype=np.float32)
    n = len(raw)
    angle = rng.uniform(-np.pi, np.pi, n)
    mean = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    code = Encoding(
        mean,
        np.full((n, 2), -3.0),
        np.zeros((n, 1)),
        raw.reshape(n, K * 10),
        rng.uniform(1, 7, n),
    )
    calibration = {}
    if calibrated:
        for i, name in enumerate(PARAMETERS):
            brightness = rng.uniform(1, 7, 4000)
            pit = ndtr(
                (1.6 - brightness / 8) * rng.standard_normal(4000) + 0.2 * (i - 1)
            )
            calibration[name] = PITCalibration.fit(pit, brightness)
    return MixturePosterior(code, SCALING, calibration)


def at_zero():
    """
    Redshifts of which much, nearly all and all is below zero.
    """
    raw = np.zeros((4, K, 10))
    raw[:, :, 1] = np.array([1.0, -2.0, -4.0, -9.0])[:, None]
    raw[..., 4:7] = -0.7
    raw[..., 7] = 2.0
    return raw


def marginal_cdf(posterior, name, row, value):
    """
    Of the mixture as it is, cut off at zero for redshifts.
    """
    i = PHYSICAL.index(name)
    sigma = np.sqrt(posterior.covariance[row, :, i, i])

    def below(x):
        own = norm.cdf((x - posterior.mean[row, :, i]) / sigma)
        return float(np.sum(posterior.weight[row] * own))

    if name != "redshift":
        return below(value)
    return max(below(value) - below(0.0), 0.0) / (1 - below(0.0))


def test_posterior_is_the_networks_mixture_in_physical_units():
    posterior = make(2, calibrated=False)
    assert posterior.weight.sum(axis=1) == pytest.approx([1, 1])
    assert posterior.names == ("redshift", "stellar_mass", "sfr", "orientation")
    # The same in single precision from the same numbers: the centre.
    raw = np.zeros((1, K, 10))
    raw[..., 1:4] = [0.5, -1.0, 2.0]
    centred = make(raw=raw, calibrated=False)
    assert centred.mean[0, 0] == pytest.approx([0.5, 9.4, 1.5])
    variance = np.diag(centred.covariance[0, 0])
    assert np.sqrt(variance) == pytest.approx([0.2, 0.8, 0.7])


@pytest.mark.parametrize("name", PHYSICAL)
def test_quantiles_are_a_numeric_inversion(name):
    posterior = make(calibrated=False)
    found = posterior.quantiles(name, PROBABILITIES)
    for row in range(6):
        for level, value in zip(PROBABILITIES, found[row], strict=True):

            def excess(x, row=row, level=level):
                return marginal_cdf(posterior, name, row, x) - level

            assert value == pytest.approx(brentq(excess, -60, 60), abs=1e-6)


@pytest.mark.parametrize("name", [*PHYSICAL, "orientation"])
def test_probabilities_and_quantiles_are_inverse(name):
    posterior = make()
    found = posterior.quantiles(name, PROBABILITIES)
    assert np.all(np.diff(found, axis=1) > 0)
    again = posterior.cdf(name, found)
    assert again == pytest.approx(np.tile(PROBABILITIES, (6, 1)), abs=1e-6)
    # Nor is it what the network said.
    assert not np.allclose(posterior.raw_cdf(name, found), again, atol=0.02)


@given(seed=st.integers(0, 50), calibrated=st.booleans())
def test_probabilities_rise_from_zero_to_one(seed, calibrated):
    posterior = make(3, seed, calibrated=calibrated)
    for name in PHYSICAL:
        values = posterior.cdf(name, np.linspace(-200, 200, 4001))
        assert np.all(np.diff(values, axis=1) >= 0)
        assert values[:, 0] == pytest.approx(0, abs=1e-9)
        assert values[:, -1] == pytest.approx(1, abs=1e-9)


def test_label_errors_widen():
    posterior = make(calibrated=False)
    for name in ("stellar_mass", "sfr"):
        ends = posterior.quantiles(name, (0.16, 0.84))
        exact = posterior.raw_cdf(name, ends)
        vague = posterior.raw_cdf(name, ends, np.full(6, 3.0))
        assert np.all(np.diff(vague) < np.diff(exact))
        tiny = posterior.raw_cdf(name, ends, np.zeros(6))
        assert np.array_equal(tiny, exact)


@pytest.mark.parametrize("error", [0.0, 1e-3, 0.1, 1.0, 5.0])
def test_redshifts_with_errors_are_calibrated(error):
    # Posteriors that are cut off at zero, and labels that may lie below it.
    posterior = make(calibrated=False)
    random = np.random.RandomState(0)
    draws = posterior.sample(3000, random)["redshift"]
    labels = draws + error * random.normal(size=draws.shape)
    pit = posterior.raw_cdf("redshift", labels, np.full(len(draws), error))
    for row in pit:
        assert kstest(row, "uniform").statistic < 0.04


@pytest.mark.parametrize("kind", ["usual", "narrow and wide", "at zero"])
@pytest.mark.parametrize("calibrated", [True, False])
def test_draws_have_the_quantiles(kind, calibrated):
    raw = None
    if kind == "narrow and wide":
        # A narrow peak in a wide one, whatever the table's nodes are.
        raw = np.zeros((2, K, 10))
        raw[:, 0, 0] = 3.0
        raw[:, 0, 4:7] = -6.0
        raw[:, 1:, 4:7] = 1.5
    elif kind == "at zero":
        raw = at_zero()[:3]
    posterior = make(raw=raw, calibrated=calibrated)
    n = 20_000
    draws = posterior.sample(n, np.random.RandomState(0))
    assert list(draws) == [*PHYSICAL, "orientation"]
    for name in PARAMETERS:
        ends = posterior.quantiles(name, PROBABILITIES)
        for row in range(len(ends)):
            below = np.mean(draws[name][row][:, None] <= ends[row], axis=0)
            # Five standard errors, and what the table's nodes leave.
            noise = 5 * np.sqrt(PROBABILITIES * (1 - PROBABILITIES) / n)
            assert np.all(np.abs(below - PROBABILITIES) < noise + 0.002), name


def test_no_galaxy_has_posteriors_of_the_right_shape():
    posterior = make(raw=np.zeros((0, K, 10)))
    draws = posterior.sample(7, np.random.RandomState(0))
    for name in PARAMETERS:
        assert posterior.quantiles(name, PROBABILITIES).shape == (0, 5)
        assert posterior.cdf(name, np.zeros(4)).shape == (0, 4)
        assert draws[name].shape == (0, 7)


def test_draws_repeat_themselves():
    posterior = make()
    first, second, third = (
        posterior.sample(10, np.random.RandomState(seed)) for seed in (0, 0, 1)
    )
    for name in PARAMETERS:
        assert np.array_equal(first[name], second[name])
        assert not np.array_equal(first[name], third[name])


@pytest.mark.parametrize("calibrated", [True, False])
def test_draws_keep_the_correlation(calibrated):
    # One Gaussian of known correlation, in every component.
    raw = np.zeros((2, K, 10))
    raw[0, :, 7] = 1.5
    raw[1, :, 7] = -0.5
    raw[..., 1] = 3.0
    raw[..., 4] = -1.5
    posterior = make(raw=raw, calibrated=calibrated)
    draws = posterior.sample(20_000, np.random.RandomState(0))
    for row, slope in enumerate((1.5, -0.5)):
        expected = slope / np.hypot(1, slope)
        pair = draws["redshift"][row], draws["stellar_mass"][row]
        # By ranks, which no calibration of one parameter changes.
        ranks = [np.argsort(np.argsort(values)) for values in pair]
        found = np.corrcoef(*ranks)[0, 1]
        of_ranks = 6 / np.pi * np.arcsin(expected / 2)
        assert found == pytest.approx(of_ranks, abs=0.03)
        assert abs(np.corrcoef(draws["redshift"][row], draws["sfr"][row])[0, 1]) < 0.03


def test_two_peaks_stay_two_and_go_together():
    # Near and light, or far and heavy: never near and heavy.
    raw = np.zeros((1, K, 10))
    raw[..., 4:7] = -3.0
    raw[0, :2, 1:3] = [-1.0, -1.0]
    raw[0, 2:, 1:3] = [1.5, 1.5]
    posterior = make(raw=raw, calibrated=False)
    draws = posterior.sample(4000, np.random.RandomState(0))
    far = draws["redshift"][0] > 0.4
    heavy = draws["stellar_mass"][0] > 10.4
    assert 0.2 < far.mean() < 0.8
    assert np.array_equal(far, heavy)


@pytest.mark.parametrize("calibrated", [True, False])
def test_redshifts_are_never_negative(calibrated):
    posterior = make(raw=at_zero(), calibrated=calibrated)
    quantiles = posterior.quantiles("redshift", PROBABILITIES)
    assert np.all(quantiles >= 0)
    assert np.all(posterior.sample(2000, np.random.RandomState(0))["redshift"] >= 0)
    assert posterior.cdf("redshift", np.array([-1.0, 0.0])) == pytest.approx(0)
    # Even with little left of it, it has a shape: here a tail that falls
    # by a factor e in sigma / 4.
    assert np.all(quantiles[:3, 2] > quantiles[:3, 1] + 1e-3)
    assert np.all(np.diff(quantiles[:3, 2]) < 0)


def test_nearly_degenerate_mixtures_can_be_drawn_from():
    # Cholesky's decomposition of such a covariance fails.
    raw = np.zeros((1, K, 10))
    raw[..., 7:10] = 1e4
    draws = make(raw=raw).sample(100, np.random.RandomState(0))
    assert all(np.all(np.isfinite(values)) for values in draws.values())


# --- the posteriors of models that treat each parameter by itself


def make_gaussian():
    rng = np.random.default_rng(0)
    own = QuantileCalibration.fit(rng.gamma(3.0, size=4000) - 2.5, np.ones(4000))
    estimates = {"redshift": (np.array([0.5, 0.02]), np.array([0.05, 0.04]))}
    return GaussianPosterior(estimates, {"redshift": own})


def test_gaussian_probabilities_and_quantiles_are_inverse():
    posterior = make_gaussian()
    found = posterior.quantiles("redshift", LEVELS)
    again = posterior.cdf("redshift", found)
    assert again == pytest.approx(np.tile(LEVELS, (2, 1)), abs=1e-6)
    values = posterior.cdf("redshift", np.linspace(-3, 3, 3001))
    assert np.all(np.diff(values, axis=1) >= 0)
    draws = posterior.sample(20_000, np.random.RandomState(0))["redshift"]
    levels = PROBABILITIES[1:4]
    expected = posterior.quantiles("redshift", levels)
    found = np.quantile(draws, levels, axis=1).T
    assert found == pytest.approx(expected, abs=0.003)


# --- through the estimator

GRIDS = [
    np.linspace(-8, 10, 1801),
    np.r_[-8, -1, np.geomspace(1e-4, 10, 700)],
    np.array([-8.0, 0.2, 0.21, 10.0]),
]


@pytest.fixture(scope="module")
def packaged():
    return PhysicsVAE.from_pretrained("decals-sim-v1")


@pytest.fixture(scope="module")
def sample():
    images, truth = load_sample_set()
    return images[:250], truth


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("model", ["standard", "paper"])
def test_density_integrates_to_one(model, grid, unseen, request):
    density = request.getfixturevalue(model).redshift_pdf(unseen[0][:5], grid)
    assert density.shape == (5, len(grid))
    assert np.all(density >= 0)
    assert np.trapezoid(density, grid, axis=1) == pytest.approx([1] * 5, abs=1e-6)


def test_density_has_the_quantiles_of_the_table(standard, unseen):
    images = unseen[0][:5]
    grid = np.linspace(0, 3, 6001)
    density = standard.redshift_pdf(images, grid * cu.redshift)
    steps = np.diff(grid) * (density[:, 1:] + density[:, :-1]) / 2
    total = np.cumsum(steps, axis=1)
    table = standard.predict(images)
    for name, level in (("_lower", 0.16), ("", 0.5), ("_upper", 0.84)):
        value = table[f"redshift{name}"].value
        found = [np.interp(value[i], grid[1:], total[i]) for i in range(5)]
        assert found == pytest.approx([level] * 5, abs=0.01)


def test_part_of_a_density_is_its_probability(standard, unseen):
    images = unseen[0][:4]
    middle = standard.predict(images)["redshift"].value
    for row, z in enumerate(middle):
        density = standard.redshift_pdf(images, [0.0, z])
        assert np.trapezoid(density, [0.0, z], axis=1)[row] == pytest.approx(0.5)


def test_density_of_the_old_weights(packaged, sample):
    images = sample[0][:20]
    for grid in GRIDS:
        density = packaged.redshift_pdf(images, grid)
        assert np.trapezoid(density, grid, axis=1) == pytest.approx([1] * 20, abs=1e-4)
    # That model does not know that redshifts are positive: what is below
    # zero is missing in a grid that starts there, as the docs say.
    grid = np.linspace(0, 10, 501)
    inside = np.trapezoid(packaged.redshift_pdf(images, grid), grid, axis=1)
    below = np.trapezoid(packaged.redshift_pdf(images, [-8, 0]), [-8, 0], axis=1)
    assert inside + below == pytest.approx([1] * 20, abs=1e-4)


def test_wrong_grids(standard, unseen):
    for grid in ([0.1], [0.3, 0.2], [0.1, 0.1], [[0.1, 0.2]], [0.1, np.nan]):
        with pytest.raises(ValueError, match="at least two increasing redshifts"):
            standard.redshift_pdf(unseen[0][:2], grid)


def test_models_without_redshifts_have_no_density(toy):
    vae = PhysicsVAE(
        "gagliano2023", physics=False, max_epochs=1, random_state=0, verbose=False
    )
    vae.fit(toy[0][:30])
    with pytest.raises(ValueError, match="without physical parameters has no redshift"):
        vae.redshift_pdf(toy[0][:2], [0.1, 0.2])


def test_unusable_images_have_no_density(standard, unseen, tmp_path):
    qp = pytest.importorskip("qp", reason="needs the extra 'qp'")
    images = unseen[0][:3]
    mask = np.zeros(images.shape, bool)
    mask[1] = True
    images = type(images)(
        images.data,
        bands=images.bands,
        pixel_scale=images.pixel_scale,
        unit=images.unit,
        ids=images.ids,
        mask=mask,
    )
    grid = np.linspace(0, 3, 301)
    assert np.isnan(standard.redshift_pdf(images, grid)[1]).all()
    path = tmp_path / "posteriors.hdf5"
    with pytest.warns(AstrovaeWarning, match="1 of 3 galaxies have no usable"):
        standard.write_redshift_pdf(path, images, grid)
    ensemble = qp.read(str(path))
    assert list(ensemble.ancil["id"].astype(str)) == [images.ids[0], images.ids[2]]
    own = standard.redshift_pdf(images, grid)[[0, 2]]
    assert ensemble.pdf(grid) == pytest.approx(own, rel=0.01, abs=1e-3)
    # A file that cannot be written is refused before an image is read.
    with pytest.raises(OSError, match="overwrite=True"):
        standard.write_redshift_pdf(path, None, grid)
    standard.write_redshift_pdf(path, images[:1], grid, overwrite=True)
    assert qp.read(str(path)).npdf == 1


def test_grid_that_misses_the_posterior_is_warned_of(
    standard, unseen, monkeypatch, tmp_path
):
    written = []
    monkeypatch.setattr(posterior_files, "prepare_qp", lambda *_, **__: None)
    monkeypatch.setattr(
        posterior_files, "write_qp", lambda *args, **__: written.append(args)
    )
    images = unseen[0][:8]
    median = standard.predict(images)["redshift"].value
    with pytest.warns(AstrovaeWarning, match="holds less than 95 % of the prob"):
        standard.write_redshift_pdf(
            tmp_path / "a.hdf5", images, np.linspace(0, median.min(), 50)
        )
    standard.write_redshift_pdf(tmp_path / "a.hdf5", images, np.linspace(-1, 5, 601))
    assert len(written) == 2


def test_a_strange_image_is_flagged_and_its_answer_left_alone(standard, unseen):
    # The score widens nothing: it sets a flag, and the user decides.
    images = unseen[0][:8]
    usual = standard.predict(images)
    other = copy.copy(standard)
    other.outlier_score_ = copy.copy(standard.outlier_score_)
    other.outlier_score_.tail *= 1e-3
    other.outlier_score_.distances = standard.outlier_score_.distances * 1e-3
    strange = other.predict(images)
    flag = int(GalaxyFlags.OUT_OF_DISTRIBUTION)
    assert np.all(strange["ood_score"] > 3)
    assert np.all(strange["flags"] & flag > 0)
    assert np.array_equal(strange["flags"] & ~flag, usual["flags"] & ~flag)
    assert np.array_equal(usual["flags"] & flag > 0, usual["ood_score"] > 3)
    for name in PARAMETERS:
        for end in ("", "_lower", "_upper"):
            assert np.array_equal(usual[name + end], strange[name + end])


def test_calibration_is_part_of_the_model(standard, unseen, tmp_path):
    standard.save(tmp_path / "model.safetensors")
    again = PhysicsVAE.load(tmp_path / "model.safetensors")
    for name in PARAMETERS:
        own = again.calibration_[name]
        assert isinstance(own, PITCalibration)
        assert own.n == standard.n_validation_
        assert own.to_dict() == standard.calibration_[name].to_dict()
    grid = np.linspace(0, 2, 11)
    images = unseen[0][:3]
    before, after = (vae.redshift_pdf(images, grid) for vae in (standard, again))
    assert np.array_equal(before, after)
    # It matters: without it the answers are others.
    raw = copy.copy(standard)
    raw.calibration_ = {}
    assert not np.allclose(
        raw.predict(images)["redshift_upper"].value,
        standard.predict(images)["redshift_upper"].value,
        rtol=1e-4,
    )


def test_calibration_takes_what_was_held_out(standard, toy, unseen):
    # Of the galaxies that calibrated, as many lie in each part as should.
    rng = np.random.RandomState(0)
    seed = int(rng.randint(2**31 - 1))
    held_out = np.sort(np.random.default_rng(seed).permutation(200)[:40])
    images, labels = toy
    table = standard.predict(images[held_out])
    for name in ("redshift", "stellar_mass", "sfr"):
        truth = labels[name][held_out].value
        value = table[name].value
        # A shift and a width of 40 PITs, not their very median.
        assert 0.25 < np.mean(truth < value) < 0.75
        low, high = table[f"{name}_lower"].value, table[f"{name}_upper"].value
        assert 0.5 < np.mean((low < truth) & (truth < high)) < 0.88
