"""The first bytes by which file formats are known, and what people call the formats.

Order matters: the first rule that fits wins.
"""

from dataclasses import dataclass

HEAD_BYTES = 4096
"""How much of a file the rules see."""

UNKNOWN = "application/octet-stream"
PICKLE = "application/x-python-pickle"
TORCH = "application/x-pytorch"
ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
SVG = "image/svg+xml"
HTML = "text/html"
XML = "application/xml"
JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
TEXT = "text/plain"
ONNX = "application/x-onnx"
NIFTI = "application/x-nifti"
NIFTI_GZIP = "application/x-nifti+gzip"


@dataclass(frozen=True)
class Magic:
    """Bytes at an offset, and more of them at a second one where the first are not enough."""

    media_type: str
    magic: bytes
    offset: int = 0
    then: bytes = b""
    then_offset: int = 0

    def fits(self, head: bytes) -> bool:
        """Whether a file that starts with `head` is of this format."""
        return head.startswith(self.magic, self.offset) and head.startswith(
            self.then, self.then_offset
        )


RULES = (
    Magic("image/jpeg", b"\xff\xd8\xff"),
    Magic("image/png", b"\x89PNG\r\n\x1a\n"),
    Magic("image/webp", b"RIFF", 0, b"WEBP", 8),
    Magic("image/tiff", b"II*\x00"),
    Magic("image/tiff", b"MM\x00*"),
    Magic("image/tiff", b"II+\x00\x08\x00"),
    Magic("image/tiff", b"MM\x00+\x00\x08"),
    Magic("image/gif", b"GIF87a"),
    Magic("image/gif", b"GIF89a"),
    Magic("image/avif", b"ftypavi", 4),
    Magic("image/heic", b"ftyphe", 4),
    Magic("image/heic", b"ftypmif1", 4),
    Magic("video/mp4", b"ftyp", 4),
    Magic("image/jp2", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    Magic("image/jxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
    Magic("application/dicom", b"DICM", 128),
    Magic(NIFTI, b"n+1\x00", 344),
    Magic(NIFTI, b"ni1\x00", 344),
    Magic(NIFTI, b"n+2\x00\r\n\x1a\n", 4),
    Magic("application/pdf", b"%PDF-"),
    Magic("application/vnd.apache.parquet", b"PAR1"),
    Magic("application/vnd.apache.arrow.file", b"ARROW1\x00\x00"),
    Magic("application/vnd.apache.arrow.stream", b"\xff\xff\xff\xff", 0, b"\x00\x00", 6),
    Magic("application/x-hdf5", b"\x89HDF\r\n\x1a\n"),
    Magic("application/x-npy", b"\x93NUMPY"),
    Magic("application/vnd.safetensors", b"\x00\x00\x00{", 5),
    Magic("application/x-7z-compressed", b"7z\xbc\xaf\x27\x1c"),
    Magic("application/vnd.rar", b"Rar!\x1a\x07"),
    Magic("application/zstd", b"\x28\xb5\x2f\xfd"),
    Magic(ZIP, b"PK\x03\x04"),
    Magic(ZIP, b"PK\x05\x06"),
    Magic(GZIP, b"\x1f\x8b\x08"),
    Magic(BZIP2, b"BZh", 0, b"1AY&SY", 4),
    Magic(XZ, b"\xfd7zXZ\x00"),
    Magic(TAR, b"ustar", 257),
    Magic("application/x-elf", b"\x7fELF"),
    Magic("application/x-msdownload", b"MZ"),
    Magic(PICKLE, b"\x80\x02"),
    Magic(PICKLE, b"\x80\x03"),
    Magic(PICKLE, b"\x80\x04"),
    Magic(PICKLE, b"\x80\x05"),
    Magic("image/bmp", b"BM", 0, b"\x00\x00\x00\x00", 6),
)

NAMES = {
    "application/dicom": "DICOM",
    "application/pdf": "PDF",
    "application/vnd.apache.arrow.file": "Arrow",
    "application/vnd.apache.arrow.stream": "Arrow stream",
    "application/vnd.apache.parquet": "Parquet",
    "application/vnd.rar": "RAR archive",
    "application/vnd.safetensors": "safetensors",
    "application/x-7z-compressed": "7-Zip archive",
    "application/x-elf": "Linux program",
    "application/x-hdf5": "HDF5",
    "application/x-msdownload": "Windows program",
    "application/x-npy": "NumPy array",
    "application/zstd": "Zstandard",
    BZIP2: "bzip2",
    CSV: "CSV",
    GZIP: "gzip",
    HTML: "HTML",
    JSON: "JSON",
    NDJSON: "JSON lines",
    NIFTI: "NIfTI",
    NIFTI_GZIP: "NIfTI (gzip)",
    ONNX: "ONNX",
    PICKLE: "Python pickle",
    SVG: "SVG",
    TAR: "tar archive",
    TEXT: "text",
    TORCH: "PyTorch file",
    UNKNOWN: "unknown content",
    XML: "XML",
    XZ: "xz",
    ZIP: "zip archive",
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/heic": "HEIC",
    "image/jp2": "JPEG 2000",
    "image/jpeg": "JPEG",
    "image/jxl": "JPEG XL",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WebP",
    "video/mp4": "MP4",
}

EXTENSIONS = {
    "image/bmp": {"bmp", "dib"},
    "image/jpeg": {"jpg", "jpeg", "jpe", "jfif"},
    "image/png": {"png", "apng"},
    "image/tiff": {"tif", "tiff", "btf"},
    "image/webp": {"webp"},
}
"""Endings that go with a format, where a misleading name is worth a note."""


def name_of(media_type: str) -> str:
    """What people call the format."""
    return NAMES.get(media_type, media_type)
