"""Pass, fail or review: a pure function of the boxes and the operating point."""

from apps.defect_detection.schema import Box, DetectionResult, OperatingPoint, Severity
from loupe.contract.outcomes import DecisionDraft, Reason

RANK: dict[Severity, float] = {"critical": 3.0, "major": 2.0, "minor": 1.0}
SEVERITY_ZH: dict[Severity, str] = {"critical": "致命", "major": "严重", "minor": "轻微"}
# A list of results is sorted by score: everything failed stands above everything to review.
FAIL_FROM, REVIEW_FROM = 2.0, 1.0


def decide(result: DetectionResult, point: OperatingPoint) -> DecisionDraft:
    """Return the outcome with its reasons, strongest first (severity, then score)."""
    found: list[tuple[float, str, Box, Reason]] = []
    for box in standing(result, point):
        severity = point.severity_of(box.label, max(box.width, box.height), box.severity)
        if severity is None:
            continue
        threshold = point.threshold_of(box.label)
        if box.score >= threshold:
            outcome = "review" if severity == "minor" else "fail"
            weight = RANK[severity] + box.score
            found.append((weight, outcome, box, _counts(box, severity, threshold, point)))
        elif box.score >= point.review_from_of(box.label):
            # Below every box that counts, whatever its severity.
            weight = box.score
            found.append((weight, "review", box, _unsure(box, severity, threshold, point)))
    if not found:
        return _passed(result, point)
    found.sort(key=lambda one: one[0], reverse=True)
    outcome = "fail" if any(one[1] == "fail" for one in found) else "review"
    lead = next(one for one in found if one[1] == outcome)
    base = FAIL_FROM if outcome == "fail" else REVIEW_FROM
    return DecisionDraft(
        outcome=outcome,
        score=base + lead[2].score,
        label=lead[2].label,
        reasons=tuple(one[3] for one in found),
    )


def standing(result: DetectionResult, point: OperatingPoint) -> tuple[Box, ...]:
    """The boxes that lie where defects count: in the product's regions and not under a mask."""
    picture = point.picture
    if not picture.regions and not picture.masks:
        return result.boxes
    view = point.view_of(result)
    return tuple(box for box in result.boxes if not _left_out(box, result, point, view))


def counting(result: DetectionResult, point: OperatingPoint) -> tuple[Box, ...]:
    """The boxes that fail the picture or send it to review, strongest first."""
    return tuple(
        box
        for box in standing(result, point)
        if point.severity_of(box.label, max(box.width, box.height), box.severity) is not None
        and box.score >= point.review_from_of(box.label)
    )


def _left_out(box: Box, result: DetectionResult, point: OperatingPoint, view: str) -> str:
    corners, image = (box.x1, box.y1, box.x2, box.y2), result.image
    return point.picture.leaves_out(corners, (image.width, image.height), view)


def _size(box: Box, point: OperatingPoint) -> tuple[str, str]:
    """A box's width and height, in English and Chinese; in millimetres too where that is known."""
    pixels = f"{box.width:.0f} × {box.height:.0f}"
    mm = point.mm_per_pixel
    if mm is None:
        return f"{pixels} px", f"{pixels} 像素"
    real = f"{box.width * mm:.2f} × {box.height * mm:.2f}"
    return f"{pixels} px ({real} mm)", f"{pixels} 像素（{real} 毫米）"


def _counts(box: Box, severity: Severity, threshold: float, point: OperatingPoint) -> Reason:
    en, zh = _size(box, point)
    code = "minor_defect" if severity == "minor" else "defect"
    return Reason(
        code=code,
        en=f"{box.label}, {severity}, {en}: score {box.score:.2f}, at or above the threshold "
        f"{threshold:.2f}.",
        zh=f"{box.label}，{SEVERITY_ZH[severity]}，{zh}：得分 {box.score:.2f}，"
        f"达到阈值 {threshold:.2f}。",
        weight=RANK[severity] + box.score,
    )


def _unsure(box: Box, severity: Severity, threshold: float, point: OperatingPoint) -> Reason:
    en, zh = _size(box, point)
    return Reason(
        code="unsure",
        en=f"Perhaps {box.label}, {severity}, {en}: score {box.score:.2f}, "
        f"below the threshold {threshold:.2f}.",
        zh=f"可能是{box.label}，{SEVERITY_ZH[severity]}，{zh}：得分 {box.score:.2f}，"
        f"低于阈值 {threshold:.2f}。",
        weight=box.score,
    )


def _passed(result: DetectionResult, point: OperatingPoint) -> DecisionDraft:
    if not result.boxes:
        return DecisionDraft(
            outcome="pass",
            score=0.0,
            reasons=(
                Reason(
                    code="nothing_found",
                    en=f"No defect scored {point.score_floor:.2f} or more.",
                    zh=f"没有缺陷的得分达到 {point.score_floor:.2f}。",
                ),
            ),
        )
    counted = standing(result, point)
    if not counted:
        return _nothing_where_it_counts(result)
    best = max(counted, key=lambda box: box.score)
    threshold = point.review_from_of(best.label)
    side = max(best.width, best.height)
    if side < point.min_side_of(best.label):
        limit = point.min_side_of(best.label)
        reason = Reason(
            code="too_small",
            en=f"The strongest find, {best.label} at {best.score:.2f}, is smaller than "
            f"{limit:.0f} px.",
            zh=f"最强的发现{best.label}（{best.score:.2f}）小于 {limit:.0f} 像素。",
        )
    elif point.severity_of(best.label, side, best.severity) is None:
        en, zh = _size(best, point)
        reason = Reason(
            code="ignored_size",
            en=f"The strongest find, {best.label} at {best.score:.2f}, counts as no defect at its "
            f"size, {en}.",
            zh=f"最强的发现{best.label}（{best.score:.2f}）按其尺寸（{zh}）不算缺陷。",
        )
    else:
        reason = Reason(
            code="below_review",
            en=f"The strongest find, {best.label} at {best.score:.2f}, is below the review limit "
            f"{threshold:.2f}.",
            zh=f"最强的发现{best.label}（{best.score:.2f}）低于复检下限 {threshold:.2f}。",
        )
    return DecisionDraft(outcome="pass", score=best.score, reasons=(reason,))


def _nothing_where_it_counts(result: DetectionResult) -> DecisionDraft:
    best = max(result.boxes, key=lambda box: box.score)
    return DecisionDraft(
        outcome="pass",
        score=0.0,
        reasons=(
            Reason(
                code="left_out",
                en=f"Every find lies outside the product's regions or under a mask; the strongest "
                f"is {best.label} at {best.score:.2f}.",
                zh=f"所有发现都在产品检测区域之外或被屏蔽；最强的是{best.label}（{best.score:.2f}）。",
            ),
        ),
    )
