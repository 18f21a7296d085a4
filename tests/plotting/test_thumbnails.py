# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that render galaxies in colour.
"""

import astropy.units as u
import numpy as np
import pytest

from astrovae import GalaxyImageSet

pytest.importorskip("matplotlib", reason="needs the extra 'plot'")

from astrovae.plotting import colour_images, plot_images


def make_set(n=3, bands="grz", mask=None):
    """
    Galaxies that are bright in the last band only.
    """
    y, x = np.mgrid[-8:9, -8:9]
    data = np.zeros((n, len(bands), 17, 17))
    data[:, -1] = 5.0 * np.exp(-(x**2 + y**2) / 8.0)
    return GalaxyImageSet(
        data * u.nmgy, bands=bands, pixel_scale=0.262 * u.arcsec, mask=mask
    )


def test_the_longest_band_is_red():
    red, green, blue = colour_images(make_set())[0, 8, 8]
    assert red > 150
    assert green < 50
    assert blue < 50


def test_bands_can_be_chosen():
    red, green, blue = colour_images(make_set(), bands="grz")[0, 8, 8]
    assert blue > 150
    assert max(red, green) < 50


def test_order_of_the_bands_does_not_matter():
    images = make_set(bands="grz")
    swapped = GalaxyImageSet(
        images.data[:, [2, 0, 1]],
        unit=images.unit,
        bands="zgr",
        pixel_scale=images.pixel_scale,
    )
    np.testing.assert_array_equal(colour_images(images), colour_images(swapped))


def test_masked_pixels():
    mask = np.zeros((1, 3, 17, 17), dtype=bool)
    mask[0, :, 0] = True  # all bands
    mask[0, :2, 8] = True  # all but the brightest
    colours = colour_images(make_set(1, mask=mask))[0]
    assert np.all(colours[0] == 96)
    assert colours[8, 8].min() > 100  # bright, and without a colour
    assert np.ptp(colours[8, 8].astype(int)) < 100


def test_one_band_is_grey():
    colours = colour_images(make_set(1, bands="r"))
    assert np.all(colours[..., 0] == colours[..., 2])


def test_plot(tmp_path):
    images = make_set(5)
    figure = plot_images(images, n_columns=3)
    figure.savefig(tmp_path / "images.png")
    assert [ax.get_title() for ax in figure.axes] == list(images.ids)
    assert figure.axes[0].images[0].origin == "lower"


def test_titles():
    figure = plot_images(make_set(2), titles=["a", "b"])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    with pytest.raises(ValueError, match="1 titles were given for 2 images"):
        plot_images(make_set(2), titles=["a"])


def test_unknown_band():
    with pytest.raises(ValueError, match="bands must name three of g, r, z"):
        colour_images(make_set(), bands="zrY")


def test_no_image():
    with pytest.raises(ValueError, match="there is no image to plot"):
        plot_images(make_set()[:0])
