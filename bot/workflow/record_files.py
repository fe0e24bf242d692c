"""Records of diagnoses as files: written whole or not at all, for their owner alone; read up to a limit."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile

from bot.domain.diagnosis import Diagnosis
from bot.errors import ConfigurationError
from bot.workflow.record import MAX_ARCHIVE_BYTES, record_of

DISTRIBUTION = "eks-dns-bot"


def own_version() -> str:
    """Return the version of this dnsbot; empty in a tree that was never installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return ""


def check_writable(file: Path) -> None:
    """Raise `ConfigurationError` where no file can be made in that folder: before a minute of diagnosing, not after."""
    try:
        if file.is_dir():
            raise ConfigurationError(f"No record can be written to {file}: it is a folder. Name a file in it.")
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}."):
            pass
    except OSError as error:
        raise ConfigurationError(f"No record can be written to {file}: {_why(file, error)}") from error


def keep_record(diagnosis: Diagnosis, file: Path) -> int:
    """Write the record of a diagnosis; return its size in bytes."""
    packed = record_of(diagnosis, version=own_version())
    try:
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as begun:
            begun.write(packed)
        Path(begun.name).replace(file)
    except OSError as error:
        raise ConfigurationError(f"The record could not be written to {file}: {_why(file, error)}") from error
    return len(packed)


def _why(file: Path, error: OSError) -> str:
    """Say of the folder what keeps a file from being made there, and what to do; the begun file is nobody's name."""
    folder = file.absolute().parent
    if isinstance(error, FileNotFoundError):
        return f"the folder {folder} does not exist. Make it (mkdir -p {folder}), or name another file."
    if isinstance(error, NotADirectoryError):
        return f"{folder} is no folder. Name another file."
    return f"in the folder {folder}: {error.strerror or error}. Name another file."


def read_packed(file: Path) -> bytes:
    """Return what is in a file that should be a record, at most a little more than a record may have."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_ARCHIVE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}.") from error
