# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Images of galaxies as a DECam coadd shows them: profiles, PSF, noise.

galsim draws the light; this module decides what is in the frame.
"""

import functools

import numpy as np

__all__ = ["draw_conditions", "render_galaxy"]

#: Median seeing (FWHM, arcsec) and sky scatter (nmgy per pixel of
#: 0.262 arcsec) of DECaLS coadds, and the brightness of the sky (AB
#: mag per square arcsec), which with the scatter gives the gain. The
#: sky in g and r reproduces the slope of variance with flux in the DR9
#: inverse-variance maps.
SEEING = {"g": 1.30, "r": 1.20, "i": 1.15, "z": 1.10}
SKY_SIGMA = {"g": 0.0042, "r": 0.0055, "i": 0.0090, "z": 0.0140}
SKY_BRIGHTNESS = {"g": 21.7, "r": 21.0, "i": 20.0, "z": 18.7}
NATIVE_PIXEL = 0.262

_MOFFAT_BETA = 3.5
# Neighbours in the frame: galaxies per square arcmin with
# 17 < r < 23.5, rising by a factor 10**0.34 per magnitude (e.g. Yasuda
# et al. 2001), and stars at high latitude with 15 < r < 21.
_GALAXY_DENSITY = 16.0
_COUNT_SLOPE = 0.34
_STAR_DENSITY = 1.0


@functools.cache
def _load_galsim():
    try:
        import galsim
    except ImportError as error:
        msg = "simulated images need galsim: pip install astrovae[simulate]"
        raise ImportError(msg) from error
    return galsim


def draw_conditions(bands, pixel_scale, rng):
    """
    The seeing, depth and reddening of one frame.

    Parameters
    ----------
    bands : tuple of str
        Bands among g, r, i, z.
    pixel_scale : float
        In arcsec; the sky scatter is that of a pixel of this size.
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    conditions : dict
        ``psf_fwhm`` (arcsec) and ``sky_sigma`` (nmgy per pixel), each
        of shape (bands,), ``gain`` (electrons per nmgy) of shape
        (bands,), and ``ebv`` (mag).
    """
    n = len(bands)
    seeing = np.array([SEEING[band] for band in bands])
    depth = np.array([SKY_SIGMA[band] for band in bands])
    sky = np.array([SKY_BRIGHTNESS[band] for band in bands])
    # Part of the spread is common to the bands of one sky position.
    seeing *= np.exp(rng.normal(0, 0.07) + rng.normal(0, 0.07, n))
    depth *= np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.2, n))
    depth *= pixel_scale / NATIVE_PIXEL
    sky_flux = 10 ** (-0.4 * (sky - 22.5)) * pixel_scale**2
    return {
        "psf_fwhm": seeing,
        "sky_sigma": depth,
        # Poisson noise of the sky alone: sigma^2 = sky / gain.
        "gain": sky_flux / depth**2,
        "ebv": float(np.clip(0.03 * np.exp(rng.normal(0, 0.6)), 0, 0.3)),
    }


def _place_neighbours(frame_arcsec, r_flux, rng):
    """
    Positions, r magnitudes, colours and shapes of other objects.
    """
    half = frame_arcsec / 2 + 2
    area = (2 * half / 60) ** 2
    n_galaxies = rng.poisson(_GALAXY_DENSITY * area)
    n_stars = rng.poisson(_STAR_DENSITY * area)
    n = n_galaxies + n_stars
    is_star = np.arange(n) >= n_galaxies
    bright, faint = 10 ** (_COUNT_SLOPE * np.array([17.0, 23.5]))
    mag = np.log10(rng.uniform(bright, faint, n)) / _COUNT_SLOPE
    mag[is_star] = rng.uniform(15, 21, n_stars)
    dx, dy = rng.uniform(-half, half, (2, n))
    g_r = np.clip(rng.normal(0.9, 0.4, n), -0.2, 2.0)
    r_z = np.clip(rng.normal(0.7, 0.3, n), -0.2, 2.0)
    r_i = 0.55 * r_z
    offsets = {"g": g_r, "r": np.zeros(n), "i": -r_i, "z": -r_z}
    radius = 0.8 * 10 ** (-0.1 * (mag - 20) + rng.normal(0, 0.2, n))
    axis_ratio = rng.uniform(0.3, 1.0, n)
    angle = rng.uniform(0, np.pi, n)
    neighbours = []
    for i in range(n):
        flux = {b: 10 ** (-0.4 * (mag[i] + c[i] - 22.5)) for b, c in offsets.items()}
        # What would be the brighter half of a blend would itself be
        # the catalogued galaxy at the centre of the frame.
        if np.hypot(dx[i], dy[i]) < 4.0 and flux["r"] > 0.5 * r_flux:
            continue
        shape = None if is_star[i] else (radius[i], axis_ratio[i], angle[i])
        neighbours.append((dx[i], dy[i], flux, shape))
    return neighbours


def _inclined(profile, axis_ratio, angle):
    galsim = _load_galsim()
    return profile.shear(q=axis_ratio, beta=angle * galsim.radians)


def _galaxy_profile(galaxy, disc_flux, bulge_flux):
    """
    An exponential disc and a de Vaucouleurs bulge on one axis.

    Radii are those of the major axis; galsim's shear keeps the area,
    so the round profile has the radius r_major sqrt(q).
    """
    galsim = _load_galsim()
    parts = []
    for kind, flux in (("disc", disc_flux), ("bulge", bulge_flux)):
        if flux <= 0:
            continue
        axis_ratio = galaxy[f"{kind}_axis_ratio"]
        radius = galaxy[f"{kind}_radius"] * np.sqrt(axis_ratio)
        family = galsim.Exponential if kind == "disc" else galsim.DeVaucouleurs
        profile = family(half_light_radius=max(radius, 0.02), flux=flux)
        parts.append(_inclined(profile, axis_ratio, galaxy["orientation"]))
    return galsim.Add(parts)


def render_galaxy(
    galaxy, disc_flux, bulge_flux, *, bands, size, pixel_scale, conditions, rng
):
    """
    Draw one galaxy with its neighbours, PSF and noise.

    Parameters
    ----------
    galaxy : dict of float
        ``disc_radius`` and ``bulge_radius`` (arcsec, major axis),
        ``disc_axis_ratio``, ``bulge_axis_ratio`` and ``orientation``
        (rad, from +x counter-clockwise).
    disc_flux, bulge_flux : array_like, shape (bands,)
        Total fluxes in nanomaggies, before reddening by the
        Milky Way.
    bands : tuple of str
        Bands among g, r, i, z.
    size : int
        Pixels on a side.
    pixel_scale : float
        In arcsec.
    conditions : dict
        From `draw_conditions`, with ``extinction`` added: the factor
        of each band's flux that the Milky Way lets through, shape
        (bands,).
    rng : `~numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    image : `~numpy.ndarray` of float32, shape (bands, size, size)
        In nanomaggies per pixel.
    inverse_variance : `~numpy.ndarray` of float32, same shape
        Of sky and source photons, as the surveys give it.
    """
    galsim = _load_galsim()
    image = np.empty((len(bands), size, size), np.float32)
    variance = np.empty_like(image)
    seen = conditions["extinction"]
    r_index = bands.index("r") if "r" in bands else 0
    r_flux = (disc_flux[r_index] + bulge_flux[r_index]) * seen[r_index]
    neighbours = _place_neighbours(size * pixel_scale, r_flux, rng)
    # The catalogue position and the light's centre differ slightly.
    shift = rng.normal(0, 0.05, 2)
    for i, band in enumerate(bands):
        psf = galsim.Moffat(beta=_MOFFAT_BETA, fwhm=conditions["psf_fwhm"][i])
        target = _galaxy_profile(
            galaxy, disc_flux[i] * seen[i], bulge_flux[i] * seen[i]
        )
        canvas = galsim.ImageD(size, size, scale=pixel_scale)
        galsim.Convolve(target, psf).shift(*shift).drawImage(canvas)
        for dx, dy, flux, shape in neighbours:
            _add_neighbour(canvas, psf, dx, dy, flux[band], shape)
        sky_variance = conditions["sky_sigma"][i] ** 2
        variance[i] = sky_variance + np.maximum(canvas.array, 0) / conditions["gain"][i]
        noise = rng.standard_normal((size, size)) * np.sqrt(variance[i])
        image[i] = canvas.array + noise
    return image, 1 / variance


def _add_neighbour(canvas, psf, dx, dy, flux, shape):
    """
    Add an object to the canvas, on a stamp of its own size.
    """
    galsim = _load_galsim()
    scale = canvas.scale
    if shape is None:
        profile, extent = psf.withFlux(flux), 24 * psf.fwhm
    else:
        radius, axis_ratio, angle = shape
        round_profile = galsim.Exponential(
            half_light_radius=radius * np.sqrt(axis_ratio), flux=flux
        )
        profile = galsim.Convolve(_inclined(round_profile, axis_ratio, angle), psf)
        extent = 8 * radius + 8 * psf.fwhm
    centre = canvas.true_center
    position = galsim.PositionD(centre.x + dx / scale, centre.y + dy / scale)
    half = int(np.ceil(extent / scale / 2))
    x, y = round(position.x), round(position.y)
    bounds = galsim.BoundsI(x - half, x + half, y - half, y + half) & canvas.bounds
    if bounds.isDefined():
        profile.drawImage(canvas[bounds], center=position, add_to_image=True)
