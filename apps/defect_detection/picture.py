"""What is known of how a product's pictures are taken: where defects count, how files are named.

`PictureRules` is the part of an operating point that belongs to the product and not to the model.
Coordinates are shares of the picture's width and height, so that they hold when a camera's
resolution changes.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from apps.defect_detection import polygons
from apps.defect_detection.naming import Template, TemplateInvalid

CodeUse = Literal["off", "linear", "matrix", "any"]
MOST_AREAS = 60
MOST_CORNERS = 200


class Area(BaseModel):
    """A polygon in a picture, its corners in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", max_length=60)
    view: str = Field(default="", max_length=60, description="only in this view; empty: in all")
    corners: tuple[tuple[float, float], ...] = Field(
        min_length=3,
        max_length=MOST_CORNERS,
        description="x and y as shares of the picture's width and height, from 0 to 1",
    )

    @field_validator("corners")
    @classmethod
    def _inside(cls, corners: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        for x, y in corners:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(
                    f"the corner ({x}, {y}) lies outside the picture: both are shares from 0 to 1"
                )
        if polygons.area(corners) < 1e-6:
            raise ValueError("the corners enclose nothing: they lie on one line or one point")
        return corners


class PictureRules(BaseModel):
    """How a product's pictures are read.

    A find counts where it touches a region of its view, or anywhere where the view has none. It is
    left out where masks cover `mask_share` of it or more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: tuple[Area, ...] = Field(
        default=(), max_length=MOST_AREAS, description="where defects count; empty: everywhere"
    )
    masks: tuple[Area, ...] = Field(
        default=(), max_length=MOST_AREAS, description="where finds are left out"
    )
    mask_share: float = Field(
        default=0.5, gt=0, le=1, description="of a find's area, from which masks leave it out"
    )
    file_names: str = Field(
        default="",
        max_length=200,
        description="what file names say, e.g. {lot}_{serial}_{view}; empty: nothing",
    )
    codes: CodeUse = Field(
        default="off",
        description="read barcodes in the picture: off, linear (1D), matrix (QR, Data Matrix), any",
    )
    code_texts: str = Field(
        default="{serial}", max_length=200, description="what a barcode's text says"
    )

    @field_validator("file_names", "code_texts")
    @classmethod
    def _readable(cls, text: str) -> str:
        if text:
            try:
                Template.parse(text)
            except TemplateInvalid as error:
                raise ValueError(error.message.rstrip(".")) from error
        return text

    def regions_of(self, view: str) -> tuple[Area, ...]:
        """Where defects count in `view`; empty: everywhere."""
        return tuple(area for area in self.regions if area.view in {"", view})

    def masks_of(self, view: str) -> tuple[Area, ...]:
        """Where finds are left out in `view`."""
        return tuple(area for area in self.masks if area.view in {"", view})

    def leaves_out(
        self, box: tuple[float, float, float, float], size: tuple[int, int], view: str
    ) -> str:
        """Why a find does not count: ``outside`` every region, ``masked``, or empty: it counts.

        Args:
            box: x1, y1, x2, y2 in source pixels.
            size: width and height of the picture in pixels.
        """
        if not self.regions and not self.masks:
            return ""
        width, height = size
        x1, y1, x2, y2 = box
        share = (x1 / width, y1 / height, x2 / width, y2 / height)
        regions = self.regions_of(view)
        if regions and not any(polygons.touches(area.corners, share) for area in regions):
            return "outside"
        whole = (share[2] - share[0]) * (share[3] - share[1])
        if whole <= 0:
            return ""
        covered = sum(polygons.overlap(area.corners, share) for area in self.masks_of(view))
        return "masked" if covered >= self.mask_share * whole else ""
