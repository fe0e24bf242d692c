"""Records: written, read back, and refused in words where they are none."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.collectors.corefile import COLLECTOR as COREFILE
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.errors import ConfigurationError
from bot.workflow.record import MAX_ARCHIVE_BYTES, MAX_READING_BYTES, read_record, record_of
from bot.workflow.record_files import check_writable
from tests.report.test_reports import HOME_SEEN, WELL, diagnosis, evidence_of

NAME = "incident.dnsrec"


def recorded() -> Diagnosis:
    """Return a diagnosis with a reading, a gap, and a channel that is nobody's business."""
    seen = diagnosis(WELL)
    target = replace(seen.target, channel="C0123456789", workload_selector="token=abcdef0123456789abcdef")
    gap = Gap(what="corefile", reason="403 Forbidden", grant="configmaps: get")
    evidence = (evidence_of("cluster_binding", HOME_SEEN), evidence_of(COREFILE.name, None, gap))
    return replace(seen, target=target, evidence=evidence, question=Question(cluster="cluster-prod", names=("a.b",)))


def files() -> dict[str, Any]:
    """Return what is in a record, by name."""
    with zipfile.ZipFile(io.BytesIO(record_of(recorded(), version="9.9"))) as archive:
        return {one: json.loads(archive.read(one)) for one in archive.namelist()}


def packed(content: Mapping[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of these files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, one in content.items():
            archive.writestr(name, one if isinstance(one, bytes) else json.dumps(one))
    return made.getvalue()


def test_what_is_read_back_is_what_was_written() -> None:
    """Question, times, gaps, calls and evidence; secrets are out, and the channel too."""
    read = read_record(record_of(recorded(), version="9.9"), name=NAME)

    assert (read.manifest.schema, read.manifest.recorded_by) == (1, "9.9")
    assert (read.manifest.diagnosis_id, read.manifest.took_ms) == ("d1", 1830)
    assert read.manifest.started_at == recorded().started_at
    assert read.manifest.question == recorded().question
    assert read.manifest.target.channel == ""
    assert "abcdef0123456789" not in json.dumps(files())
    assert [(one.id, one.gap and one.gap.reason) for one in read.readings] == [
        ("cluster_binding", None),
        ("corefile", "403 Forbidden"),
    ]
    assert read.readings[0].value["vpc_id"] == "vpc-1"


def test_a_reading_that_is_too_large_is_left_out_and_says_so() -> None:
    """The others are kept."""
    seen = recorded()
    huge = replace(seen.evidence[0], value=replace(HOME_SEEN, why="x" * MAX_READING_BYTES))

    read = read_record(record_of(replace(seen, evidence=(huge, *seen.evidence)), version=""), name=NAME)

    first, second, _ = read.readings
    assert (first.value, second.gap) == (None, None)
    assert first.gap is not None
    assert "left out of the record" in first.gap.reason


def without(name: str) -> bytes:
    """Return a record that lacks a file."""
    return packed({key: one for key, one in files().items() if key != name})


def changed(name: str, **members: Any) -> bytes:
    """Return a record in which members of a file are others."""
    return packed({**files(), name: {**files()[name], **members}})


def twice() -> bytes:
    """Return an archive with two files of one name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("record.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("record.json", "{}")
    return made.getvalue()


def flipped() -> bytes:
    """Return a record whose packed content was changed under way."""
    whole = bytearray(packed(files(), zipfile.ZIP_STORED))
    at = whole.index(b"vpc-1")
    whole[at : at + 5] = b"vpc-2"
    return bytes(whole)


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty", lambda: b"", "cut, damaged or no zip archive"),
    ("no archive", lambda: b"PK\x03\x04 or so", "cut, damaged or no zip archive"),
    ("cut", lambda: record_of(recorded(), version="")[:-40], "cut, damaged or no zip archive"),
    ("cut in the middle", lambda: record_of(recorded(), version="")[:300], "cut, damaged or no zip archive"),
    ("changed under way", flipped, "cut, damaged or no zip archive"),
    ("another packing", lambda: packed(files(), zipfile.ZIP_LZMA), "is packed in another way"),
    ("schema of tomorrow", lambda: changed("record.json", schema=2), "schema 2, and this dnsbot reads schema 1"),
    ("schema as a word", lambda: changed("record.json", schema="1"), "written in schema 1"),
    ("schema true", lambda: changed("record.json", schema=True), "written in schema True"),
    ("no schema", lambda: packed({"record.json": []}), "written in schema None"),
    ("no manifest", lambda: without("record.json"), "there is no record.json in it"),
    ("a reading is missing", lambda: without("evidence/1.json"), "tells of 2 readings, and 1 are in it"),
    ("more readings than told", lambda: changed("record.json", readings=1), "tells of 1 readings, and 2 are in it"),
    ("minus one reading", lambda: changed("record.json", readings=-1), "tells of -1 readings"),
    ("a billion readings", lambda: changed("record.json", readings=10**9), "tells of 1000000000 readings"),
    ("member of another kind", lambda: changed("record.json", took_ms="long"), "as schema 1 says: took_ms"),
    ("reading of another kind", lambda: changed("evidence/0.json", calls=7), "as schema 1 says: calls"),
    ("no JSON", lambda: packed({**files(), "evidence/1.json": b"{"}), "evidence/1.json is no JSON"),
    ("deep", lambda: packed({**files(), "evidence/1.json": b"[" * 200_000}), "evidence/1.json is no JSON"),
    ("a path upwards", lambda: packed({**files(), "../../etc/cron.d/x": b"{}"}), "'../../etc/cron.d/x' is in it"),
    ("an absolute path", lambda: packed({**files(), "/etc/passwd": b"{}"}), "'/etc/passwd' is in it"),
    ("a path inside", lambda: packed({**files(), "evidence/../x.json": b"{}"}), "which no record has"),
    ("two of one name", twice, "two files of one name"),
    ("many files", lambda: packed({f"evidence/{n}.json": b"1" for n in range(500)}), "500 files are in it"),
    ("a bomb", lambda: packed({"record.json": b" " * (MAX_READING_BYTES + 1)}), "unpacks to more than 20000000 bytes"),
    ("a large file", lambda: b"x" * (MAX_ARCHIVE_BYTES + 1), "larger than 32000000 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_record_is_refused_in_words(make: Callable[[], bytes], why: str) -> None:
    """Records come from anywhere: by bug reports, by chat."""
    with pytest.raises(ConfigurationError) as raised:
        read_record(make(), name=NAME)

    assert str(raised.value).startswith(f"{NAME} is not read as a record: ")
    assert why in str(raised.value)


def test_a_file_that_cannot_be_made_names_its_folder_and_what_to_do(tmp_path: Path) -> None:
    """A folder that is missing, one that is none, and a name that a folder has; never the name of a begun file."""
    (tmp_path / "plain").touch()
    cases = {
        tmp_path / "no" / "x": f"the folder {tmp_path}/no does not exist. Make it (mkdir -p {tmp_path}/no), or name",
        tmp_path / "plain" / "x": f"{tmp_path}/plain is no folder. Name another file.",
        tmp_path: "it is a folder. Name a file in it.",
        tmp_path / ("n" * 300): f"in the folder {tmp_path}: File name too long. Name another file.",
    }

    for file, said in cases.items():
        with pytest.raises(ConfigurationError) as raised:
            check_writable(file)

        assert str(raised.value).startswith(f"No record can be written to {file}: ")
        assert said in str(raised.value)


def test_many_small_bombs_are_one() -> None:
    """What all files unpack to is bounded, too."""
    spaces = b" " * (MAX_READING_BYTES - 1) + b"1"
    content = {"record.json": files()["record.json"], **{f"evidence/{n}.json": spaces for n in range(6)}}

    with pytest.raises(ConfigurationError, match="unpacks to more than"):
        read_record(packed(content), name=NAME)
