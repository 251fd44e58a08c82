"""What may stay although the profile's table does not name it: the attributes reading needs.

Everything else of a kind that can hold words is removed.
"""

import re
from typing import Final

KEPT: Final = frozenset(
    {
        "SpecificCharacterSet",
        "ImageType",
        "SOPClassUID",
        "Modality",
        "Manufacturer",
        "ManufacturerModelName",
        "BodyPartExamined",
        "ScanOptions",
        "ConvolutionKernel",
        "FilterType",
        "ReconstructionAlgorithm",
        "PatientPosition",
        "RotationDirection",
        "ExposureModulationType",
        "AcquisitionType",
        "FrameType",
        "PixelPresentation",
        "VolumetricProperties",
        "VolumeBasedCalculationTechnique",
        "PositionReferenceIndicator",
        "PhotometricInterpretation",
        "RescaleType",
        "LossyImageCompression",
        "LossyImageCompressionMethod",
        "PresentationLUTShape",
        "QuantityDefinitionSequence",
        "DimensionOrganizationType",
    }
)
"""Of the value types that hold words (CS, LO, SH …)."""

NUMERIC: Final = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "DS", "IS", "AT"})
"""Value types that hold numbers: kept, after being read as numbers."""

STRUCTURE: Final = frozenset(
    {
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "FrameContentSequence",
        "FrameVOILUTSequence",
        "CTImageFrameTypeSequence",
        "CTAcquisitionTypeSequence",
        "CTAcquisitionDetailsSequence",
        "CTTableDynamicsSequence",
        "CTPositionSequence",
        "CTGeometrySequence",
        "CTReconstructionSequence",
        "CTExposureSequence",
        "CTXRayDetailsSequence",
        "MultiEnergyCTAcquisitionSequence",
        "DimensionOrganizationSequence",
        "DimensionIndexSequence",
        "ReferencedImageSequence",
        "SourceImageSequence",
        "ReferencedSeriesSequence",
        "ReferencedInstanceSequence",
    }
)
"""Sequences that say how an image was made or what it refers to; items are cleaned in turn."""

PIXELS: Final = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})

DEFINED: Final = frozenset(
    {
        "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "LOCALIZER", "HELIX", "HELICAL",
        "CINE", "VOLUME", "NONE", "SAMPLED", "MIP", "MINIP", "MPR", "REFORMATTED", "PROJECTION",
        "IMAGE", "AVERAGE", "RESAMPLED", "PERFUSION", "RCBF", "SCREEN", "SAVE", "DOSE_INFO",
        "VOLUME_RENDER", "MONOENERGETIC", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "MONOCHROME1",
        "MONOCHROME2",
    }
)  # fmt: skip
"""Terms that DICOM or a vendor defines for image types: they name nobody, though they hold the
letters of many a name (PRIMARY that of Mary)."""

WORDS: Final = re.compile(r"^[A-Za-z0-9 _.+\-/]{0,64}$")
"""What a kept text may look like."""
