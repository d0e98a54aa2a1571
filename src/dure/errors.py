"""Every error that Dure raises on purpose.

A program that catches :class:`DureError` catches them all; each also derives from the built-in type that code written
for the other libraries already catches::

    DureError
    ├── InputError (ValueError)              an argument is wrong
    ├── RepositoryError (OSError)            a name or its files can't be had
    │   ├── RepositoryNotFoundError          neither a folder, nor cached, nor reachable
    │   ├── MissingFileError                 the repository lacks a file that is needed
    │   └── DownloadError                    the server answered, but not with the files
    ├── CheckpointError (OSError)            weights that can't be used
    │   ├── CorruptCheckpointError           truncated or damaged file
    │   ├── UnsafePickleError                a pickle that wants to run code
    │   ├── ShapeMismatchError               weights that don't fit the configuration
    │   └── MissingWeightError               weights that the checkpoint lacks and nothing can stand in for
    ├── ConfigError (ValueError)             config.json has a wrong or missing field
    │   └── UnknownModelTypeError            a family that Dure doesn't know
    ├── TokenizerError (ValueError)          tokenizer.json, vocab.txt or a call that can't be honoured
    ├── DatasetError (ValueError)            data that can't be read or transformed
    │   ├── DataFileError                    a file, row or encoding is wrong
    │   ├── ColumnError (KeyError)           no such column
    │   └── LabelError                       a label is empty or unknown
    └── TrainingError (RuntimeError)         training can't start or go on
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "ColumnError",
    "ConfigError",
    "CorruptCheckpointError",
    "DataFileError",
    "DatasetError",
    "DownloadError",
    "DureError",
    "InputError",
    "LabelError",
    "MissingFileError",
    "MissingWeightError",
    "RepositoryError",
    "RepositoryNotFoundError",
    "ShapeMismatchError",
    "TokenizerError",
    "TrainingError",
    "UnknownModelTypeError",
    "UnsafePickleError",
]


class DureError(Exception):
    """Any error that Dure raises on purpose. Its message says what was given, what is allowed and what to do next."""


class InputError(DureError, ValueError):
    """An argument is wrong."""


class RepositoryError(DureError, OSError):
    """A name, or the files behind it, can't be had."""


class RepositoryNotFoundError(RepositoryError):
    """A name is neither a folder, nor in the cache, nor a starter model, and can't be downloaded."""


class MissingFileError(RepositoryError):
    """A repository was found, but lacks a file that is needed."""


class DownloadError(RepositoryError):
    """The server was reached, but the files did not come (rights, revision, broken transfer)."""


class CheckpointError(DureError, OSError):
    """Weights that can't be used."""


class CorruptCheckpointError(CheckpointError):
    """A weight file is truncated or damaged."""


class UnsafePickleError(CheckpointError):
    """A pickle asks for more than tensors, so it could run code; it was not loaded."""


class ShapeMismatchError(CheckpointError):
    """Weights in the checkpoint have other shapes than the configuration asks for."""


class MissingWeightError(CheckpointError):
    """The checkpoint lacks weights that nothing can stand in for."""


class ConfigError(DureError, ValueError):
    """A configuration has a wrong or missing field."""


class UnknownModelTypeError(ConfigError):
    """``model_type`` names a family that Dure doesn't know."""


class TokenizerError(DureError, ValueError):
    """Tokenizer files, or a call to a tokenizer, can't be honoured."""


class DatasetError(DureError, ValueError):
    """Data can't be read or transformed."""


class DataFileError(DatasetError):
    """A data file is wrong: its path, encoding, or one of its rows."""


class ColumnError(DatasetError, KeyError):
    """A data set has no column of that name."""

    # KeyError prints the repr of its argument; people should read the sentence.
    __str__ = Exception.__str__


class LabelError(DatasetError):
    """A label is empty, or was never seen in training."""


class TrainingError(DureError, RuntimeError):
    """Training can't start or go on."""
