"""What is wrong with one file: its name, the field, the value, what is allowed, what to do.

Offers `Fault` and the exceptions damaged files make libraries raise (`DAMAGE`).
"""

import struct
import zlib
from dataclasses import dataclass

from pydicom.errors import BytesLengthException, InvalidDicomError

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text

DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,  # RecursionError too: sequences nested without end
    TypeError,
    ValueError,
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    zlib.error,
)
"""What pydicom and the decoders raise on damaged bytes. Not MemoryError: that is a matter
of the process."""

_LONGEST_VALUE = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One file cannot be used, or one image of it."""

    name: str
    """The file, as it came: it may name a person, so it is shown to the sender only."""
    code: str
    field: str
    value: str
    allowed: Text
    advice: Text
    field_zh: str
    value_zh: str

    def text(self) -> Text:
        """One sentence for the sender."""
        return Text(
            en=f"{self.name}: {self.field} is {self.value}; {self.allowed.en}. {self.advice.en}",
            zh=f"{self.name}：{self.field_zh} 为 {self.value_zh}；{self.allowed.zh}。"
            f"{self.advice.zh}",
        )

    def as_json(self) -> dict[str, JsonValue]:
        """The same for `--json` and REST."""
        text = self.text()
        return {
            "file": self.name,
            "code": self.code,
            "field": self.field,
            "value": self.value,
            "allowed": self.allowed.en,
            "en": text.en,
            "zh": text.zh,
        }


class Faulty(InputRefused):
    """A file that cannot be used, with its `Fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text().en, code=fault.code)
        self.fault = fault


_SEND_AGAIN = Text(
    en="Send the file again from the source, unaltered.", zh="请从来源重新发送未经改动的文件。"
)
FILE = Text(en="file", zh="文件")
CONTENT = Text(en="content", zh="内容")
BYTES = Text(en="bytes", zh="字节数")
UNPACKED = Text(en="unpacked bytes", zh="解压后的字节数")
MISSING = Text(en="missing", zh="缺失")


def unreadable(why: str) -> Text:
    """The value of something that a library broke off at; `why` is in its words."""
    return Text(en=f"unreadable ({why})", zh=f"无法读取（{why}）")


def more_than(most: int) -> Text:
    """The value of a size that was only counted up to what is allowed."""
    return Text(en=f"more than {most:,}", zh=f"超过 {most:,}")


def faulty(
    name: str,
    code: str,
    field: str | Text,
    value: object,
    allowed: Text,
    advice: Text = _SEND_AGAIN,
) -> Faulty:
    """The exception for one file; `value` is cut to a length a sentence bears.

    Names of DICOM's attributes and values out of files are the same in every language; other words
    come as `Text`.
    """
    told = field if isinstance(field, Text) else Text(en=field, zh=field)
    shown = value if isinstance(value, Text) else Text(en=_plain(value), zh=_plain(value))
    return Faulty(
        Fault(
            name=name,
            code=code,
            field=told.en,
            value=_short(shown.en),
            allowed=allowed,
            advice=advice,
            field_zh=told.zh,
            value_zh=_short(shown.zh),
        )
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _short(words: str) -> str:
    shown = "".join(each if each.isprintable() else "�" for each in words)
    return shown[:_LONGEST_VALUE] + "…" if len(shown) > _LONGEST_VALUE else shown or "∅"
