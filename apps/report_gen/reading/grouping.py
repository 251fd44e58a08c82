"""Files to series: every header read once, every image with the series it says it belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import MediaStorageDirectoryStorage

from apps.report_gen.reading.deflated import plain_bytes
from apps.report_gen.reading.faults import Fault, Faulty
from apps.report_gen.reading.frames import images_of
from apps.report_gen.reading.headers import FileHeader, Image, read_header
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.sniffing import Kind
from apps.report_gen.reading.sources import Source, Sources
from apps.report_gen.volume import Series, SeriesFacts


@dataclass(slots=True, eq=False)
class Group:
    """One series as it came: its images, its files, and what is wrong with some of them."""

    headers: list[FileHeader] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    nifti: Source | None = None

    def series(self) -> Series:
        """Where it belongs and its facts, as the first file says."""
        if not self.headers:
            return Series()
        first = self.headers[0]
        return Series(
            series_uid=first.series_uid,
            study_uid=first.study_uid,
            number=first.series_number,
            facts=SeriesFacts(
                modality=first.modality,
                body_part=first.body_part,
                kernel=first.kernel,
                manufacturer=first.manufacturer,
                image_type=first.image_type,
                patient_position=first.patient_position,
                contrast=first.contrast,
                thickness=self.images[0].thickness if self.images else None,
                kvp=first.kvp,
                transfer_syntax=first.transfer_syntax,
                images=len(self.images),
                rows=first.rows,
                columns=first.columns,
            ),
        )


def grouped(sources: Sources, limits: Limits) -> list[Group]:
    """Every series of what came, in the order of its first file; the pixels are not read.

    Files that belong to no series are told in `sources.faults`.
    """
    groups: dict[tuple[str, str], Group] = {}
    for source, content in sources:
        if source.kind is not Kind.DICOM:
            groups[("nifti", source.name)] = Group(nifti=source)
            continue
        try:
            _add(groups, _undeflated(source, limits), content, limits)
        except Faulty as error:
            sources.faults.append(error.fault)
    return list(groups.values())


def _add(
    groups: dict[tuple[str, str], Group], source: Source, content: bytes, limits: Limits
) -> None:
    header, dataset = read_header(source, plain_bytes(content, source.name, limits))
    if header.sop_class_uid == MediaStorageDirectoryStorage:
        return
    group = groups.setdefault((header.study_uid, header.series_uid), Group())
    group.headers.append(header)
    try:
        group.images += images_of(header, dataset, limits)
    except Faulty as error:
        group.faults.append(error.fault)


def _undeflated(source: Source, limits: Limits) -> Source:
    """The same file, whose bytes come as an ordinary data set every time they are read."""
    return Source(
        source.name,
        source.kind,
        lambda: plain_bytes(source.read(), source.name, limits),
        source.path,
    )


def opened(
    paths: Iterable[Path], limits: Limits, called: Mapping[str, str] | None = None
) -> Sources:
    """The files below `paths`: single ones, folders, zips; see `Sources`."""
    return Sources([Path(each) for each in paths], limits, called)
