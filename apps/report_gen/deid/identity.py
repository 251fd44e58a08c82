"""What names a person in a study: the words to be found nowhere in its de-identified form.

Offers `Identity`, gathered from data sets, and `clean`, which takes those words, dates, numbers and
addresses out of free text.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from apps.report_gen.reading.faults import DAMAGE

GONE: Final = "[…]"
LEAST: Final = 2
"""Characters of a word that is looked for; Chinese names have as few."""

_IDENTIFIERS: Final = {
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "StudyID",
    "AdmissionID",
    "IssuerOfPatientID",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "DeviceSerialNumber",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientBirthDate",
    "MedicalRecordLocator",
    "PerformedProcedureStepID",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
}
_PATTERNS: Final = (
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"),  # mail
    re.compile(r"https?://\S+"),
    re.compile(r"\b\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?"),  # dates
    re.compile(r"\b\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\b"),
    re.compile(
        r"\b\d{1,2}\.?\s(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?\s\d{2,4}\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d{1,2},?\s\d{4}\b",
        re.IGNORECASE,
    ),
    re.compile(r"\+?\d[\d\s()/-]{6,}\d"),  # telephone and other long numbers
    re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{7,}\b"),  # identifiers of letters and digits
    re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Sir)\.?\s+(?:[A-Z][\w'’-]+\s?){1,3}"),
    re.compile(r"(?:患者|病人|姓名|医师|医生)[：:]\s*[\u4e00-\u9fff·]{2,4}"),
)
_WORD: Final = re.compile(r"[\w'’-]+")


@dataclass(slots=True)
class Identity:
    """Words that name somebody, folded: lower case, without accents."""

    words: set[str] = field(default_factory=set)
    _pattern: re.Pattern[str] | None = None

    def learn(self, dataset: Dataset) -> "Identity":
        """Take up every person name, identifier and birth date of a data set, at any depth."""
        try:
            for element in dataset.iterall():
                if element.VR == "PN":
                    for name in _several(element.value):
                        self.add_name(name)
                elif element.keyword in _IDENTIFIERS:
                    for value in _several(element.value):
                        self.add(str(value))
        except DAMAGE:
            return self  # what cannot be decoded is not kept either
        return self

    def add_name(self, name: object) -> None:
        """A person's name, with all of its parts in all of its scripts."""
        text = str(name)
        groups = name.components if isinstance(name, PersonName) else text.split("=")
        for group in groups:
            whole = group.replace("^", " ").strip()
            self.add(whole)
            self.add(group.replace("^", "").strip())
            for part in _WORD.findall(whole):
                self.add(part)

    def add(self, value: str) -> None:
        """One word or line that names somebody."""
        folded = fold(value.strip())
        wide = any(ord(each) > 0x2E80 for each in folded)  # Chinese, Japanese, Korean
        if len(folded) >= (LEAST if wide else LEAST + 1):
            self.words.add(folded)
            self._pattern = None

    def found_in(self, text: str) -> bool:
        """Whether one of the words stands in `text`."""
        return bool(self.words) and self._compiled().search(fold(text)) is not None

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            words = sorted(self.words, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, words)))
        return self._pattern

    def clean(self, text: str) -> str:
        """`text` without the words, nor dates, telephone numbers, addresses and identifiers."""
        for pattern in _PATTERNS:
            text = pattern.sub(GONE, text)
        if not self.words:
            return text
        folded, origin = _folded_with_origin(text)
        pieces, last = [], 0
        for match in self._compiled().finditer(folded):
            start, end = origin[match.start()], origin[match.end() - 1] + 1
            if start >= last:
                pieces += [text[last:start], GONE]
                last = end
        return "".join([*pieces, text[last:]])


def fold(text: str) -> str:
    """Lower case, without accents, width and composition told apart no more."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each))


def _folded_with_origin(text: str) -> tuple[str, list[int]]:
    """Folded text, and for each of its characters the place of the one it came from."""
    pieces, origin = [], []
    for at, each in enumerate(text):
        folded = fold(each)
        pieces.append(folded)
        origin += [at] * len(folded)
    return "".join(pieces), origin


def _several(value: object) -> Iterable[object]:
    if value is None:
        return ()
    if isinstance(value, str | bytes | PersonName):
        return (value,)
    return value if isinstance(value, Iterable) else (value,)
