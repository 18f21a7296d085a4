# Licensed under a 3-clause BSD style license - see LICENSE.rst

import time

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Gaussian2D, Sersic2D

from astrovae import GalaxyImageSet
from astrovae.images.orientation import FLOOR, UNDETERMINED, orientation_of

SIZE = 128
CENTRE = (SIZE - 1) / 2


def difference(angle, truth):
    """
    The difference of two axes, in (-90, 90].
    """
    return (np.asarray(angle) - truth + 90) % 180 - 90


def sersic(angle, ellip=0.5, amplitude=1.0, radius=8.0, x0=CENTRE, y0=CENTRE, n=1.5):
    y, x = np.mgrid[:SIZE, :SIZE]
    model = Sersic2D(amplitude, radius, n, x0, y0, ellip, np.radians(angle))
    return model(x, y)


def image_set(stacks, seed=0, noise=0.05, **kwargs):
    rng = np.random.default_rng(seed)
    data = np.array(stacks)[:, None] / 3 * np.ones((3, 1, 1))
    data = data + rng.normal(size=data.shape) * noise / np.sqrt(3)
    return GalaxyImageSet(
        data.astype(np.float32),
        unit=u.nmgy,
        bands="grz",
        pixel_scale=0.262 * u.arcsec,
        **kwargs,
    )


@pytest.mark.parametrize("ellip", [0.3, 0.6])
def test_known_angles(ellip):
    truth = np.array([-89.5, -60, -45, -10, 0, 30, 45, 75, 89.5, 90])
    images = image_set([sersic(angle, ellip) for angle in truth])
    angle, error, failed = images.orientation()
    assert not failed.any()
    assert angle.unit == error.unit == u.deg
    assert ((angle > -90 * u.deg) & (angle <= 90 * u.deg)).all()
    assert np.abs(difference(angle.value, truth)).max() < 3
    # Bright, so that the paper's error is the floor.
    floor = np.degrees(FLOOR)
    assert ((error.value >= floor) & (error.value < 1.2 * floor)).all()


def test_gaussian_of_known_angle():
    y, x = np.mgrid[:SIZE, :SIZE]
    model = Gaussian2D(5, CENTRE, CENTRE, 9, 4, np.radians(-70))
    angle, _, _ = image_set([model(x, y)]).orientation()
    assert abs(difference(angle[0].value, -70)) < 0.5


def test_neighbours_that_are_apart():
    truth = np.array([20, -40, 85])
    rng = np.random.default_rng(1)
    stacks = []
    for angle in truth:
        stack = sersic(angle)
        for _ in range(6):
            phi, distance = rng.uniform(0, 2 * np.pi), rng.uniform(40, 60)
            stack = stack + sersic(
                rng.uniform(-90, 90),
                amplitude=3,
                radius=3,
                n=1,
                x0=CENTRE + distance * np.cos(phi),
                y0=CENTRE + distance * np.sin(phi),
            )
        stacks.append(stack)
    angle, _, failed = image_set(stacks).orientation()
    assert not failed.any()
    assert np.abs(difference(angle.value, truth)).max() < 3


@pytest.mark.parametrize("truth", [-50, 0, 40])
def test_brighter_neighbour_on_the_same_isophote(truth):
    neighbour = sersic(100, 0.3, amplitude=5, radius=7, x0=92, y0=80)
    angle, _error, failed = image_set([sersic(truth) + neighbour]).orientation()
    assert not failed[0]
    assert abs(difference(angle[0].value, truth)) < 5
    # The centre counts, not the brightest source.
    assert abs(difference(angle[0].value, 100)) > 15


def test_galaxy_that_fills_the_frame():
    angle, _error, failed = image_set([sersic(62, radius=60)]).orientation()
    assert not failed[0]
    assert abs(difference(angle[0].value, 62)) < 5


def test_blank_noise_fails():
    images = image_set(np.zeros((20, SIZE, SIZE)))
    angle, error, failed = images.orientation()
    assert failed.all()
    assert np.isnan(angle).all()
    assert np.isnan(error).all()


def test_source_far_from_the_centre_fails():
    images = image_set([sersic(10, radius=4, x0=30, y0=40)])
    assert images.orientation()[2].tolist() == [True]


def test_round_galaxies_are_undetermined():
    images = image_set([sersic(0, ellip=e, radius=4, amplitude=0.3) for e in [0, 0.6]])
    _, error, failed = images.orientation()
    assert not failed.any()
    assert error[0] > 2 * error[1]
    assert error[0].value <= np.degrees(UNDETERMINED) + 1e-9


@pytest.mark.parametrize(("amplitude", "ellip"), [(0.3, 0.5), (0.1, 0.3), (0.05, 0.5)])
def test_error_covers_the_scatter(amplitude, ellip):
    stacks = [sersic(20, ellip, amplitude, radius=5)] * 40
    angle, error, failed = image_set(stacks, seed=2).orientation()
    assert failed.mean() < 0.1
    pull = difference(angle.value, 20)[~failed] / error.value[~failed]
    assert np.median(np.abs(pull)) < 1.0
    assert np.sqrt(np.mean(pull**2)) < 1.6


def test_masked_pixels_and_bands():
    stack = sersic(33)
    mask = np.zeros((3, 3, SIZE, SIZE), dtype=bool)
    mask[0, 1] = True  # a band that is missing
    mask[1, 0, :20] = True  # a strip
    mask[1, 2, 100:] = True
    mask[2] = True  # no image at all
    images = image_set([stack] * 3, mask=mask)
    images.data[mask] = 1e4
    angle, _, failed = images.orientation()
    assert failed.tolist() == [False, False, True]
    assert np.abs(difference(angle.value[:2], 33)).max() < 3


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_images_fail(value):
    assert np.isnan(orientation_of(np.full((32, 32), value))).all()


@pytest.mark.parametrize("pixel", [0.1, 0.2, 0.4, 0.8])
def test_angles_do_not_depend_on_the_pixels(pixel):
    # The same sky, 33.5 arcsec wide, with the same noise per area: two
    # galaxies, one that is 1.2 arcsec off the centre, and nothing but a
    # neighbour at 2.6 arcsec.
    truth = np.array([-70, 15, 60])
    angles, failures = {}, {}
    for size in (0.262, pixel):
        n = round(33.536 / size)
        y, x = (np.mgrid[:n, :n] - (n - 1) / 2) * size
        models = [
            Sersic2D(1.0, 2.2, 1.5, x0, 0, 0.5, np.radians(angle))(x, y)
            for angle, x0 in zip(truth, [0, 0, 1.2], strict=True)
        ]
        models.append(Sersic2D(1.0, 1.0, 1, 2.0, 1.7, 0.5, 0.3)(x, y))
        noise = np.random.default_rng(0).normal(size=(4, 1, n, n))
        data = np.array(models)[:, None] * (size / 0.262) ** 2
        data += 0.05 * noise * size / 0.262
        images = GalaxyImageSet(data * u.nmgy, bands="r", pixel_scale=size * u.arcsec)
        angle, _, failed = images.orientation()
        angles[size], failures[size] = angle.value, failed.tolist()
    assert failures[pixel] == failures[0.262] == [False, False, False, True]
    assert np.abs(difference(angles[pixel][:3], truth)).max() < 3
    assert np.abs(difference(angles[pixel][:3], angles[0.262][:3])).max() < 3


def test_small_frames():
    y, x = np.mgrid[:20, :20] - 9.5
    image = 5 * np.exp(-((x / 4) ** 2) - (y / 2) ** 2)
    image += np.random.default_rng(0).normal(size=image.shape) * 0.05
    angle, _ = orientation_of(image)
    assert abs(np.degrees(angle)) < 5


def test_processes_agree_with_one(tmp_path):
    images = image_set([sersic(angle) for angle in np.linspace(-80, 80, 70)])
    alone = images.orientation()
    images.write(tmp_path / "set.hdf5")
    lazy = GalaxyImageSet.read(tmp_path / "set.hdf5")
    together = lazy.orientation(n_jobs=2)
    assert lazy.is_lazy
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_speed():
    rng = np.random.default_rng(3)
    stacks = [
        sersic(rng.uniform(-90, 90), amplitude=rng.uniform(0.1, 2))
        + sersic(0, amplitude=2, radius=3, x0=30, y0=90)
        for _ in range(15)
    ]
    images = image_set(stacks).data.sum(axis=1)
    times = []
    for image in images:
        start = time.process_time()
        orientation_of(image)
        times.append(time.process_time() - start)
    # About 4 ms on a free core.
    assert np.median(times) < 0.020
