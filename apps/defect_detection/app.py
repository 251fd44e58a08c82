"""Defect detection: photographs in, pass, fail or review out."""

from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from apps.defect_detection import exports, verbs
from apps.defect_detection.decide import decide
from apps.defect_detection.labels import DatasetAbout, ImageLabels
from apps.defect_detection.schema import Box, Code, DetectionResult, ImageFacts, OperatingPoint
from apps.defect_detection.training.config import TrainingConfig
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.contract.extras import Pages, SyncMode, Tab
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.labelling import Editor, Labelling, Layout
from loupe.contract.outcomes import DecisionDraft, Outcome, ReviewVerb, Tone
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Alternative, Place, Step
from loupe.contract.text import Text
from loupe.contract.training import Curve, Training


class App(DomainApp):
    """YOLO detectors over images of surfaces and parts."""

    slug = "defect_detection"
    name = Text(en="Defect detection", zh="缺陷检测")
    summary = Text(
        en="Finds flaws on parts and surfaces and decides pass, fail or review.",
        zh="查找零件和表面上的缺陷，并判定合格、不合格或复检。",
    )
    icon = "defect_detection/icon.svg"

    inputs: ClassVar = (
        InputKind(
            key="image",
            label=Text(en="Image", zh="图像"),
            media_types=("image/jpeg", "image/png", "image/bmp", "image/webp", "image/tiff"),
            max_bytes=1 << 30,
            options=(("max_pixels", 100_000_000),),
        ),
    )
    facts: ClassVar = (
        Fact(
            key="product",
            label=Text(en="Product", zh="产品"),
            scope=True,
            choices="apps.defect_detection.services.products:choices",
        ),
        Fact(key="lot", label=Text(en="Lot", zh="批次")),
        Fact(key="serial", label=Text(en="Serial", zh="序列号")),
        Fact(
            key="station",
            label=Text(en="Station", zh="工位"),
            choices="apps.defect_detection.services.stations:choices",
        ),
        Fact(key="view", label=Text(en="View", zh="视角"), max_length=60),
    )
    check_facts = "apps.defect_detection.services.facts:check"
    scope_fields = ("mm_per_pixel", "sizes", "picture")
    on_results = "apps.defect_detection.services.joining:on_results"
    steps: ClassVar = (
        Step(
            name="decode",
            place=Place.SANDBOX,
            run="apps.defect_detection.inference.decode:decode",
            also=(
                Alternative(device="cuda", run="apps.defect_detection.inference.gpu.admit:admit"),
            ),
        ),
        Step(
            name="detect",
            place=Place.ENGINE,
            run="apps.defect_detection.inference.runner:DetectorRunner",
            also=(
                Alternative(
                    device="cuda",
                    run="apps.defect_detection.inference.gpu.runner:GpuDetectorRunner",
                ),
            ),
        ),
    )
    result_schema = DetectionResult
    operating_point_schema = OperatingPoint
    outcomes: ClassVar = (
        Outcome(key="pass", label=Text(en="Pass", zh="合格"), tone=Tone.GOOD),
        Outcome(key="fail", label=Text(en="Fail", zh="不合格"), tone=Tone.BAD),
        Outcome(key="review", label=Text(en="Review", zh="复检"), tone=Tone.UNSURE),
    )
    review_verbs: ClassVar = (
        ReviewVerb(key="confirm", label=Text(en="Confirm", zh="确认"), shortcut="1"),
        ReviewVerb(
            key="good", label=Text(en="It is good", zh="判为合格"), shortcut="2", outcome="pass"
        ),
        ReviewVerb(
            key="bad", label=Text(en="It is bad", zh="判为不合格"), shortcut="3", outcome="fail"
        ),
    )
    labelling = Labelling(
        schema=ImageLabels,
        about_schema=DatasetAbout,
        layouts=(
            Layout(
                key="yolo",
                label=Text(en="YOLO", zh="YOLO"),
                recognise="apps.defect_detection.layouts.yolo:recognise",
                read="apps.defect_detection.layouts.yolo:read",
                write="apps.defect_detection.layouts.yolo_write:write",
            ),
            Layout(
                key="coco",
                label=Text(en="COCO", zh="COCO"),
                recognise="apps.defect_detection.layouts.coco:recognise",
                read="apps.defect_detection.layouts.coco:read",
                write="apps.defect_detection.layouts.coco_write:write",
            ),
            Layout(
                key="voc",
                label=Text(en="Pascal VOC", zh="Pascal VOC"),
                recognise="apps.defect_detection.layouts.voc:recognise",
                read="apps.defect_detection.layouts.voc:read",
                write="apps.defect_detection.layouts.voc_write:write",
            ),
            Layout(
                key="pictures",
                label=Text(en="Pictures only", zh="仅图像"),
                recognise="apps.defect_detection.layouts.pictures_only:recognise",
                read="apps.defect_detection.layouts.pictures_only:read",
                write="apps.defect_detection.layouts.pictures_only:write",
            ),
        ),
        propose="apps.defect_detection.labels:propose",
        check="apps.defect_detection.labels:check",
        count="apps.defect_detection.labels:count",
        merge="apps.defect_detection.labels:merge",
        of_model="apps.defect_detection.labels:of_model",
        fingerprint="apps.defect_detection.inference.fingerprint:fingerprint",
        rename="apps.defect_detection.labels:rename",
        overlay="defect_detection/labels.html",
        about_form="defect_detection/classes.html",
        about_from="apps.defect_detection.labels:about_from",
        editor=Editor(
            template="defect_detection/label.html",
            panel="defect_detection/label_panel.html",
            module="defect_detection/boxes/editor.js",
            styles=("defect_detection/viewer.css", "defect_detection/boxes.css"),
        ),
    )
    training = Training(
        module="apps.defect_detection.training",
        evaluate_module="apps.defect_detection.training.evaluation",
        config_schema=TrainingConfig,
        curves=(
            Curve(key="map50", label=Text(en="mAP50", zh="mAP50"), higher_is_better=True),
            Curve(key="map50_95", label=Text(en="mAP50-95", zh="mAP50-95"), higher_is_better=True),
            Curve(key="box_loss", label=Text(en="Box loss", zh="框损失"), higher_is_better=False),
            Curve(
                key="cls_loss", label=Text(en="Class loss", zh="类别损失"), higher_is_better=False
            ),
            Curve(
                key="dfl_loss", label=Text(en="Edge loss", zh="边缘损失"), higher_is_better=False
            ),
        ),
        on_evaluated="apps.defect_detection.points.refitting:on_evaluated",
        gate="apps.defect_detection.training.gate:gate",
    )
    exports: ClassVar = (
        Export(
            key="json",
            label=Text(en="JSON lines", zh="JSON 行"),
            media_type="application/x-ndjson",
            extension="jsonl",
            write=exports.write_json,
        ),
        Export(
            key="csv",
            label=Text(en="Table, one row a box", zh="表格，每框一行"),
            media_type="text/csv",
            extension="csv",
            write=exports.write_csv,
        ),
        Export(
            key="coco",
            label=Text(en="COCO", zh="COCO"),
            media_type="application/json",
            extension="json",
            write=exports.write_coco,
        ),
        Export(
            key="png",
            label=Text(en="Annotated picture", zh="标注图"),
            media_type="image/png",
            extension="png",
            render="apps.defect_detection.inference.annotate:annotate",
            options=exports.drawing,
            single=True,
        ),
    )
    sync = SyncMode(
        verb="inspect",
        body="file",
        fail_open="pass",
        fail_closed="fail",
        deadline_ms=2000,
        description=Text(
            en="Inspect one image and answer with boxes, decision and stage times.",
            zh="检测一张图像，返回框、判定和各阶段耗时。",
        ),
    )
    pages = Pages(
        result="defect_detection/result.html",
        row="defect_detection/row.html",
        point="defect_detection/point_on_model.html",
        beside="defect_detection/similar_beside.html",
        preview="apps.defect_detection.inference.preview:preview",
        tiles="apps.defect_detection.inference.pyramid:pyramid",
        scripts=("defect_detection/viewer.js", "defect_detection/similar.js"),
        styles=(
            "defect_detection/viewer.css",
            "defect_detection/boxes.css",
            "defect_detection/similar.css",
        ),
        urls="apps.defect_detection.urls",
        api_urls="apps.defect_detection.api.urls",
        tabs=(
            Tab(label=Text(en="Parts", zh="零件"), url="defect_detection:parts", section="parts"),
            Tab(
                label=Text(en="Quality", zh="质量"),
                url="defect_detection:quality",
                section="quality",
            ),
            Tab(
                label=Text(en="Products", zh="产品"),
                url="defect_detection:products",
                section="products",
            ),
            Tab(
                label=Text(en="Stations", zh="工位"),
                url="defect_detection:stations",
                section="stations",
            ),
        ),
    )
    commands: ClassVar = verbs.COMMANDS
    benchmarks: ClassVar = verbs.BENCHMARKS
    schedules: ClassVar = verbs.SCHEDULES
    check_artefact = "apps.defect_detection.artefact:check_artefact"
    shipped_models: ClassVar = ("models/surfaces",)
    samples = "samples"
    sentences = "sentences.json"

    @classmethod
    def assemble(cls, payload: Payload) -> DetectionResult:
        """Turn ``boxes`` [N, 6] and the decoder's facts into the stored result."""
        meta: dict[str, Any] = dict(payload.meta)
        classes, severities = meta["classes"], meta["severities"]
        rows = np.asarray(payload.arrays["boxes"], dtype=np.float64).reshape(-1, 6).tolist()
        boxes = []
        for x1, y1, x2, y2, score, index in rows:
            label = classes[int(index)]
            boxes.append(
                Box(
                    x1=round(x1, 2),
                    y1=round(y1, 2),
                    x2=round(x2, 2),
                    y2=round(y2, 2),
                    label=label,
                    score=round(score, 6),
                    severity=severities.get(label, "major"),
                )
            )
        return DetectionResult(
            image=ImageFacts(
                width=meta["width"],
                height=meta["height"],
                channels=meta["channels"],
                bits=meta["bits"],
            ),
            boxes=tuple(boxes),
            tiles=meta["tiles"],
            runtime=meta["runtime"],
            file=str(meta.get("input_name", ""))[:500],
            view=str(meta.get("facts", {}).get("view", "")),
            codes=tuple(Code(**code) for code in meta.get("codes", ())),
        )

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        """See `apps.defect_detection.decide`."""
        if not isinstance(result, DetectionResult) or not isinstance(
            operating_point, OperatingPoint
        ):
            raise TypeError("decide takes a DetectionResult and an OperatingPoint.")
        return decide(result, operating_point)

    @classmethod
    def parse_options(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """Which barcodes to read, where the product has some."""
        if not isinstance(operating_point, OperatingPoint):
            raise TypeError("parse_options takes an OperatingPoint.")
        codes = operating_point.picture.codes
        return {} if codes == "off" else {"codes": codes}

    @classmethod
    def request(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """The score floor, the overlap and the tiling limit."""
        if not isinstance(operating_point, OperatingPoint):
            raise TypeError("request takes an OperatingPoint.")
        lowest = min(
            [operating_point.score_floor]
            + [operating_point.review_from_of(label) for label in operating_point.classes]
            + [operating_point.review_from]
        )
        return {
            "score_floor": max(lowest, 0.01),
            "overlap": operating_point.overlap,
            "tile_above": operating_point.tile_above,
        }

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        """A clean image, a clear scratch and a doubtful pit."""
        image = ImageFacts(width=640, height=640, channels=3, bits=8)
        scratch = Box(x1=120, y1=80, x2=310, y2=102, label="scratch", score=0.91)
        pit = Box(x1=400, y1=420, x2=424, y2=446, label="pit", score=0.38)
        return tuple(
            DetectionResult(image=image, boxes=boxes, runtime="openvino")
            for boxes in ((), (scratch, pit), (pit,))
        )
