"""Records: what the collectors of one diagnosis read, in one archive, to diagnose from without any cluster.

A record is a zip archive. `record.json` says what it is; each reading is a file beside it:

    record.json       {"schema": 1, "recorded_by": "0.1.0", "diagnosis_id": …, "started_at": …, "took_ms": …,
                       "question": {…}, "target": {…}, "readings": 17}
    evidence/0.json   {"id": "corefile", "collector": "corefile", "parameters": {…}, "collected_at": …, "took_ms": …,
                       "calls": […], "summary": …, "gap": null, "value": {…}}

`target` is the cluster's entry of dnsbot.yaml as far as rules look at it; `value` is the evidence as it is stored:
redacted and capped (`evidence_store`). What could not be read stands in `gap` in its place. Records come from
anywhere: nothing of one is written to disk, no name in it is a path to anything, and what it unpacks to is bounded.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.domain.alike import evidence_document
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.encoding import decode, encode
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.json_values import JsonValue, canonical
from bot.domain.redaction import redact_value
from bot.errors import ConfigurationError

T = TypeVar("T")

SCHEMA = 1
"""Rises when what stands here is no longer read as before."""
MAX_ARCHIVE_BYTES = 32_000_000
MAX_READING_BYTES = 20_000_000
"""Of one reading, unpacked."""
MAX_RECORD_BYTES = 96_000_000
"""Of all of them, unpacked. What is beyond is left out, and a gap in its place says so."""
MAX_FILES = 400

_MANIFEST = "record.json"
_FILE = re.compile(r"record\.json|evidence/[0-9]{1,3}\.json", re.ASCII)
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, OSError)
"""What `zipfile` raises on an archive that is cut, damaged or encrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a record is of."""

    schema: int
    recorded_by: str
    """The version of dnsbot."""
    diagnosis_id: str
    started_at: datetime
    took_ms: int
    question: Question
    target: ClusterTarget
    readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReading:
    """What one collector read; its value not yet understood."""

    id: str
    collector: str
    parameters: Mapping[str, Any]
    collected_at: datetime
    took_ms: int
    calls: tuple[SourceCall, ...]
    summary: str
    gap: Gap | None
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was read."""

    manifest: Manifest
    readings: tuple[RecordedReading, ...]


def record_of(diagnosis: Diagnosis, *, version: str) -> bytes:
    """Return the record of a diagnosis."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = Manifest(
            schema=SCHEMA,
            recorded_by=version,
            diagnosis_id=diagnosis.id,
            started_at=diagnosis.started_at,
            took_ms=diagnosis.took_ms,
            question=diagnosis.question,
            target=replace(diagnosis.target, channel=""),
            readings=len(diagnosis.evidence),
        )
        archive.writestr(_MANIFEST, canonical(redact_value(encode(manifest))))
        room = MAX_RECORD_BYTES
        for number, collected in enumerate(diagnosis.evidence):
            text = _written(collected, room)
            room -= len(text)
            archive.writestr(f"evidence/{number}.json", text)
    return packed.getvalue()


def _written(collected: Collected, room: int) -> bytes:
    reading = RecordedReading(
        id=collected.id,
        collector=collected.collector,
        parameters=collected.parameters,
        collected_at=collected.collected_at,
        took_ms=collected.took_ms,
        calls=collected.calls,
        summary=collected.summary,
        gap=collected.gap,
        value=None if collected.value is None else evidence_document(collected.value),
    )
    text = canonical(encode(reading)).encode()
    if len(text) <= min(room, MAX_READING_BYTES):
        return text
    gap = Gap(what=collected.id, reason=f"it is left out of the record, which would be too large ({len(text)} bytes)")
    return canonical(encode(replace(reading, gap=gap, value=None))).encode()


def read_record(packed: bytes, *, name: str) -> Record:
    """Return the record in an archive, of which `name` is told. Raises `ConfigurationError` with what is wrong."""
    if len(packed) > MAX_ARCHIVE_BYTES:
        raise _refused(name, f"it is larger than {MAX_ARCHIVE_BYTES} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            documents = dict(_documents(archive, name))
    except _BROKEN as error:
        raise _refused(name, f"it is cut, damaged or no zip archive ({type(error).__name__}: {error})") from error
    if _MANIFEST not in documents:
        raise _refused(name, f"there is no {_MANIFEST} in it")
    manifest = _manifest(documents.pop(_MANIFEST), name)
    wanted = [f"evidence/{number}.json" for number in range(manifest.readings)]
    if sorted(documents) != sorted(wanted):
        raise _refused(name, f"{_MANIFEST} tells of {len(wanted)} readings, and {len(documents)} are in it")
    return Record(
        manifest=manifest, readings=tuple(_decoded(RecordedReading, documents[one], one, name) for one in wanted)
    )


def _documents(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, JsonValue]]:
    files = archive.infolist()
    if len(files) > MAX_FILES:
        raise _refused(name, f"{len(files)} files are in it, and a record has at most {MAX_FILES}")
    if len({one.filename for one in files}) < len(files):
        raise _refused(name, "two files of one name are in it")
    room = MAX_RECORD_BYTES
    for one in files:
        if not _FILE.fullmatch(one.filename):
            raise _refused(name, f"a file {one.filename[:80]!r} is in it, which no record has")
        if one.compress_type not in _PACKINGS:
            raise _refused(name, f"{one.filename} is packed in another way than those of records")
        limit = min(room, MAX_READING_BYTES)
        with archive.open(one) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise _refused(name, f"{one.filename} unpacks to more than {limit} bytes")
        room -= len(content)
        try:
            yield one.filename, json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _refused(name, f"{one.filename} is no JSON") from error


def _manifest(document: JsonValue, name: str) -> Manifest:
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA or isinstance(schema, bool):
        raise _refused(
            name, f"it is written in schema {str(schema)[:20]}, and this dnsbot reads schema {SCHEMA}: take another one"
        )
    found = _decoded(Manifest, document, _MANIFEST, name)
    if not 0 <= found.readings < MAX_FILES:
        raise _refused(name, f"{_MANIFEST} tells of {found.readings} readings")
    return found


def _decoded(kind: type[T], document: JsonValue, file: str, name: str) -> T:
    try:
        return decode(kind, document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(name, f"{file} is not as schema {SCHEMA} says: {place}: {first['msg']}") from error


def _refused(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is not read as a record: {why}.")
