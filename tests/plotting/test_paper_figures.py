# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that render the paper's figures.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import units as cu
from astropy.table import QTable
from astropy.utils.masked import Masked

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

from matplotlib.figure import Figure
from matplotlib.image import imread

from astrovae import GalaxyImageSet, PhysicsVAE
from astrovae.plotting import (
    plot_estimates,
    plot_galleries,
    plot_latent_spaces,
    plot_reconstructions,
    plot_traversals,
)

KINDS = ("galaxy", "red spiral", "green pea")


def sample(n=600):
    """Estimates, a catalogue with errors, and kinds, of n galaxies."""
    rng = np.random.default_rng(1)
    labels = np.array(["galaxy"] * (n - 53) + ["red spiral"] * 40 + ["green pea"] * 13)
    kind = np.array([KINDS.index(label) for label in labels])
    z = np.clip(rng.choice([0.15, 0.4], n) + rng.normal(0, 0.07, n), 0.02, 0.9)
    z = np.where(kind == 1, 0.06, np.where(kind == 2, 0.25, z))
    mass = np.array([10.0, 10.8, 9.4])[kind] + rng.normal(0, 0.5, n)
    sfr = mass - np.array([9.8, 11.3, 8.5])[kind] + rng.normal(0, 0.3, n)

    def table(z, mass, sfr):
        return QTable(
            {
                "redshift": z * cu.redshift,
                "stellar_mass": 10**mass * u.Msun,
                "sfr": 10**sfr * u.Msun / u.yr,
            }
        )

    truth = table(z, mass, sfr)
    truth["redshift_err"] = np.full(n, 1e-3) * cu.redshift
    truth["stellar_mass_err"] = 0.2 * truth["stellar_mass"]
    truth["sfr_err"] = 0.5 * truth["sfr"]
    noise = rng.normal(size=(3, n))
    predicted = table(z + 0.03 * noise[0], mass + 0.2 * noise[1], sfr + 0.3 * noise[2])
    predicted["morphology"] = rng.normal(size=n) - 2.0 * (kind == 2)
    return predicted, truth, labels


def image_set(n, seed=0):
    """Galaxies as red or blue blobs."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((32, 32)) - 15.5
    profile = np.exp(-(x**2 + y**2) / 18.0)
    colours = rng.uniform(0.2, 1.0, (n, 3))
    data = colours[:, :, None, None] * profile + rng.normal(0, 0.01, (n, 3, 32, 32))
    return GalaxyImageSet(
        data.astype(np.float32) * u.nmgy,
        bands="grz",
        pixel_scale=0.262 * u.arcsec,
        ids=[f"g{i}" for i in range(n)],
    )


@pytest.fixture(scope="module")
def vae():
    images = image_set(110)
    rng = np.random.default_rng(0)
    labels = QTable(
        {
            "redshift": rng.uniform(0.1, 0.5, 110) * cu.redshift,
            "stellar_mass": 10 ** rng.uniform(9, 11, 110) * u.Msun,
            "sfr": 10 ** rng.uniform(-1, 1, 110) * u.Msun / u.yr,
            "orientation": rng.uniform(-80, 80, 110) * u.deg,
        }
    )
    vae = PhysicsVAE("gagliano2023", max_epochs=1, random_state=0, verbose=False)
    return vae.fit(images, labels)


def render(figure, tmp_path):
    """Write a figure and return its pixels."""
    assert isinstance(figure, Figure)
    path = tmp_path / "figure.png"
    figure.savefig(path, dpi=60)
    return imread(path)[..., :3]


def has_colour(pixels, colour):
    """Whether a colour (hexadecimal) covers some pixels."""
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.count_nonzero(np.abs(pixels - rgb).max(axis=2) < 0.05) > 5


def texts(ax):
    """All that is written in a panel."""
    return "\n".join(text.get_text() for text in ax.texts)


def test_figure_1(tmp_path):
    predicted, truth, labels = sample()
    figure = plot_estimates(predicted, truth, labels=labels)
    pixels = render(figure, tmp_path)
    assert has_colour(pixels, "#009e73")
    assert has_colour(pixels, "#c8102e")
    assert len(figure.axes) == 3
    written = figure.axes[0].get_title()
    assert "n = 547" in written  # of the ordinary galaxies alone
    assert "R^2 = 1 - SSE/SST" in written
    assert "r^2$ (Pearson)" in written
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["galaxy (547)", "red spiral (40)", "green pea (13)"]


def test_figure_1_has_no_numbers_on_points(tmp_path):
    predicted, truth, labels = sample()
    figure = plot_estimates(predicted, truth, labels=labels)
    render(figure, tmp_path)
    for ax in figure.axes:
        assert not texts(ax)
        own = ax.title.get_window_extent()
        assert own.y0 >= ax.bbox.y1
        # Nor on the legend, a neighbour's or beyond the page.
        assert own.y1 <= figure.legends[0].get_window_extent().y0
        assert not any(
            own.overlaps(other.get_tightbbox())
            for other in figure.axes
            if other is not ax
        )
        assert own.x0 >= 0
        assert own.x1 <= figure.bbox.x1


def test_figure_1_with_redshifts_only(tmp_path):
    predicted, truth, labels = sample()
    spirals = labels == "red spiral"
    truth["sfr"] = Masked(truth["sfr"], mask=spirals)
    truth["sfr_err"] = Masked(truth["sfr_err"], mask=spirals)
    figure = plot_estimates(
        predicted, truth, labels=labels, parameters=["redshift", "sfr"]
    )
    render(figure, tmp_path)
    assert len(figure.axes) == 2
    assert "n = 547" in figure.axes[1].get_title()


def test_figure_1_without_kinds(tmp_path):
    predicted, truth, _ = sample(60)
    figure = plot_estimates(predicted, truth, parameters=["stellar_mass"])
    render(figure, tmp_path)
    assert not figure.legends
    with pytest.raises(ValueError, match="one row per galaxy, got 60, 59 and 59"):
        plot_estimates(predicted, truth[:-1])
    with pytest.raises(ValueError, match="age: not in both tables"):
        plot_estimates(predicted, truth, parameters=["age"])
    with pytest.raises(ValueError, match="no galaxy has the label 'star'"):
        plot_estimates(predicted, truth, control="star")


def test_figure_1_on_a_figure_of_ones_own(tmp_path):
    predicted, truth, labels = sample()
    own = Figure(figsize=(9, 3))
    figure = plot_estimates(predicted, truth, labels=labels, figure=own)
    assert figure is own
    render(figure, tmp_path)
    assert len(figure.axes[0].get_legend().get_texts()) == 3


def test_figure_2(tmp_path):
    predicted, _, labels = sample()
    vanilla = np.random.default_rng(0).normal(size=(len(labels), 5))
    figure = plot_latent_spaces(
        {"vanilla": vanilla, "physics-informed": predicted}, labels
    )
    pixels = render(figure, tmp_path)
    assert has_colour(pixels, "#c8102e")
    drawn = [ax for ax in figure.axes if ax.axison]
    assert len(drawn) == 6
    # A line for each rare kind, in the lower row only.
    assert [len(ax.lines) for ax in drawn] == [0, 0, 0, 2, 2, 2]
    assert drawn[0].get_xlabel() == "latent 1"
    assert "M" in drawn[3].get_xlabel()


def test_figure_2_boundary_separates(tmp_path):
    x = np.r_[np.linspace(-1, 1, 50), np.linspace(4, 5, 50)]
    points = np.column_stack([x, np.tile([0.0, 1.0], 50)])
    labels = np.repeat(["galaxy", "green pea"], 50)
    figure = plot_latent_spaces(
        {"a": points}, labels, pairs={"a": [(0, 1)]}, boundaries=["a"]
    )
    render(figure, tmp_path)
    line = figure.axes[0].lines[-1]
    assert 1 < np.min(line.get_xdata())
    assert np.max(line.get_xdata()) < 4


def test_figure_2_errors():
    _, _, labels = sample(60)
    with pytest.raises(ValueError, match="'a' has 3 rows for 60 labels"):
        plot_latent_spaces({"a": np.zeros((3, 2))}, labels)
    space = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match=r"'a' has no column 7, but \[0, 1\]"):
        plot_latent_spaces({"a": space}, labels, pairs={"a": [(0, 7)]})


def test_figure_3(tmp_path):
    figure = plot_galleries(
        {"like peas": image_set(5), "like spirals": image_set(3, seed=1)},
        captions={"like peas": list("abcde")},
        n_columns=3,
    )
    pixels = render(figure, tmp_path)
    # The images are dark, the page is white.
    assert np.mean(pixels.max(axis=2) < 0.5) > 0.3
    written = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert [text for text in written if text] == list("abcde")
    assert [len(ax.images) for ax in figure.axes] == [1] * 5 + [0] + [1] * 3 + [0] * 3
    with pytest.raises(ValueError, match="2 captions were given for 3 of 'a'"):
        plot_galleries({"a": image_set(3)}, captions={"a": ["x", "y"]})
    with pytest.raises(ValueError, match="each gallery needs an image"):
        plot_galleries({"a": image_set(3)[:0]})


def test_traversals(vae, tmp_path):
    figure = plot_traversals(vae, image_set(8), n_steps=4)
    render(figure, tmp_path)
    assert len(figure.axes) == 5 * 4
    assert "residual0" in figure.axes[16].get_ylabel()
    masses = [float(texts(ax)) for ax in figure.axes[8:12]]
    assert masses == sorted(masses)
    figure = plot_traversals(vae, image_set(8), latents=["redshift"], n_steps=3)
    assert len(figure.axes) == 3
    with pytest.raises(ValueError, match="the model has no latent age, but"):
        plot_traversals(vae, image_set(8), latents=["age"])
    with pytest.raises(ValueError, match="two usable images at least, got 1"):
        plot_traversals(vae, image_set(1))


def test_reconstructions(vae, tmp_path):
    figure = plot_reconstructions(vae, image_set(4))
    render(figure, tmp_path)
    assert len(figure.axes) == 8
    with pytest.raises(ValueError, match="there is no image to reconstruct"):
        plot_reconstructions(vae, image_set(1)[:0])
