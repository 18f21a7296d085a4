# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What is to be fetched: the settings shared by all objects, and the
objects.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from astrovae.fetch.filenames import safe_name

__all__ = ["Settings", "Target"]


@dataclass(frozen=True)
class Settings:
    """
    What a cutout should be.

    Parameters
    ----------
    service : str
        The name of the service.
    layer : str
        The survey's release, in the words of the service.
    bands : tuple of str
        The bands in the order wanted.
    size : int
        The side in pixels.
    pixel_scale : float
        The side of a pixel in arcsec.
    planes : tuple of str, optional
        What comes with the image: "invvar", "maskbits", "psf".
    subimage : bool, optional
        Whether unresampled pixels are wanted (viewer only).
    server : str, optional
        The root of the service, if it is not the one that comes with
        astrovae: what one server has, another may not.
    """

    service: str
    layer: str
    bands: tuple
    size: int
    pixel_scale: float
    planes: tuple = ()
    subimage: bool = False
    server: str = ""

    def target(self, index, name, ra, dec):
        """
        Make the `Target` of one object.

        Parameters
        ----------
        index : int
            Its row.
        name : str
            Its id.
        ra, dec : float
            Its position in degrees.

        Returns
        -------
        target : `Target`
            The object, with the name of its file: the same for the
            same id, position and settings, and for no other.
        """
        settings = asdict(self)
        if not self.server:
            # As it was before there was a server: caches stay valid.
            del settings["server"]
        key = json.dumps([settings, name, f"{ra:.7f}", f"{dec:.7f}"])
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return Target(index, name, ra, dec, safe_name(name, digest[:16]))


@dataclass(frozen=True)
class Target:
    """
    One object.

    Parameters
    ----------
    index : int
        Its row in the user's list.
    id : str
        The user's name for it.
    ra, dec : float
        Degrees.
    file : str
        The name of its file, inside the cache.
    """

    index: int
    id: str
    ra: float
    dec: float
    file: str
