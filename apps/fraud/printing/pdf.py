"""A case as PDF, set by typst from `case.typ`.

The content goes in as JSON: nothing of it is read as markup. Fonts come from one package and not
from the machine, so that a document looks the same everywhere and no Chinese character is missing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst
from pylopdf_fonts_zh_cn import sans_path

from apps.fraud.printing.text import printable

TEMPLATE = Path(__file__).parent / "case.typ"


def pdf(content: Mapping[str, Any], language: str) -> bytes:
    """The document in English or Chinese.

    Args:
        content: `apps.fraud.services.exporting.content`.
        language: ``zh…`` for Chinese; anything else is English.
    """
    told = {
        "case": json.dumps(printable(content), ensure_ascii=False),
        "language": "zh" if language.startswith("zh") else "en",
    }
    return typst.compile(
        TEMPLATE,
        format="pdf",
        font_paths=[sans_path().parent],
        ignore_system_fonts=True,
        sys_inputs=told,
    )
