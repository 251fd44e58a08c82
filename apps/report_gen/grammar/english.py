"""English."""

from typing import Final

from apps.report_gen.findings import Lobe, Side
from apps.report_gen.grammar.words import Words

ENGLISH: Final = Words(
    code="en",
    names={
        "lung_nodule": ("pulmonary nodule", "nodule", "lung nodule"),
        "mass": ("lung mass", "mass", "pulmonary mass"),
        "lung_opacity": ("ground-glass opacity", "ground-glass attenuation"),
        "consolidation": ("consolidation", "airspace consolidation"),
        "atelectasis": ("atelectasis", "atelectatic change"),
        "emphysema": ("emphysema", "emphysematous change"),
        "pleural_effusion": ("pleural effusion", "pleural fluid"),
        "pneumothorax": ("pneumothorax", "pleural air"),
        "cardiomegaly": ("cardiomegaly", "enlargement of the heart"),
        "pericardial_effusion": ("pericardial effusion", "pericardial fluid"),
        "arterial_calcification": ("arterial wall calcification", "aortic wall calcification"),
        "coronary_calcification": ("coronary artery calcification", "coronary wall calcification"),
        "hiatal_hernia": ("hiatal hernia", "herniation of the stomach through the hiatus"),
    },
    plural={"lung_nodule": "pulmonary nodules", "mass": "lung masses"},
    lobes={
        Lobe.RIGHT_UPPER: "right upper lobe",
        Lobe.RIGHT_MIDDLE: "right middle lobe",
        Lobe.RIGHT_LOWER: "right lower lobe",
        Lobe.LEFT_UPPER: "left upper lobe",
        Lobe.LEFT_LOWER: "left lower lobe",
    },
    sides={Side.RIGHT: "right side", Side.LEFT: "left side", Side.BOTH: "right and left sides"},
    found={
        "focal": (
            "there is a {size} {name} in the {place}.",
            "{name} in the {place}, longest diameter {size}.",
            "the {place} contains a {name} measuring {size}.",
            "a {name} of {size} is seen in the {place}.",
        ),
        "lobed": (
            "there is {name} in the {place}.",
            "{name} is seen in the {place}.",
            "{name} involving the {place}.",
            "the {place} shows {name}.",
        ),
        "sided": (
            "there is {name} on the {place}.",
            "{name} is present on the {place}.",
            "{name} on the {place}.",
        ),
        "plain": (
            "there is {name}.",
            "{name} is present.",
            "{name} is noted.",
            "findings of {name}.",
        ),
    },
    possible=(
        "possible {name}; please check.",
        "{name} cannot be judged with confidence.",
        "{name} is uncertain on this study.",
    ),
    none_of=(
        "no {list}.",
        "no {list} is seen.",
        "there is no {list}.",
        "no evidence of {list}.",
    ),
    yes=(
        "in answer to the question, {name} is present.",
        "the question of {name} is answered yes.",
        "as asked, there is {name}.",
    ),
    no=(
        "in answer to the question, {name} is absent.",
        "the question of {name} is answered no.",
        "as asked, there is no {name}.",
    ),
    unsure=(
        "in answer to the question, {name} remains uncertain.",
        "the question of {name} cannot be answered with confidence.",
    ),
    summary={
        "focal": (
            "{name} on the {place}, {size}.",
            "{size} {name} on the {place}.",
            "a single {name} of {size} on the {place}.",
        ),
        "several": (
            "{count} {plural} on the {place}, the largest {size}.",
            "{count} {plural}, up to {size}, on the {place}.",
        ),
        "sided": ("{name}, {place}.", "{name} of the {place}.", "impression of {name}, {place}."),
        "plain": ("{name} overall.", "impression of {name}.", "{name} as described."),
    },
    nothing=(
        "none of the findings assessed is present.",
        "normal as to the findings assessed.",
        "no abnormality among the findings assessed.",
    ),
    joins=(" and ", " or ", ", "),
    title=True,
)
