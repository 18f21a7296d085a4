# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What fitted estimators share: files, and weights by name.
"""

from sklearn.utils.validation import check_is_fitted

from .model_file import read_model, write_model

__all__ = ["PersistenceMixin"]


class PersistenceMixin:
    """
    Saving and loading, for `~astrovae.PhysicsVAE`.
    """

    def save(self, path):
        """
        Write the fitted estimator to one safetensors file.

        Parameters
        ----------
        path : path-like
            The file; replaced if it exists.
        """
        check_is_fitted(self, "network_")
        write_model(path, self)

    @classmethod
    def load(cls, path):
        """
        Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        vae : `PhysicsVAE`
            Fitted.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        `~astrovae.exceptions.ModelFileError`
            If the file is truncated, altered, no model, or of a
            version that this release cannot read.
        """
        return read_model(path, cls)

    @classmethod
    def from_pretrained(cls, name=None):
        """
        Load weights that come with the package.

        Parameters
        ----------
        name : str, optional
            A name in `list_pretrained`; `None`: the recommended ones.

        Returns
        -------
        vae : `PhysicsVAE`
            Fitted.
        """
        from astrovae.data import weights_path

        path = weights_path(name)
        vae = cls.load(path)
        vae.weights_ = path.stem
        return vae

    @staticmethod
    def list_pretrained():
        """
        List the weights that come with the package.

        Returns
        -------
        table : `~astropy.table.QTable`
            The columns name, recommended, files and description.
        """
        from astrovae.data import list_weights

        return list_weights()
