"""The social card: the image that other sites show next to a link to this one."""

from pathlib import Path

from app.clinic import ClinicError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = (1200, 630)  # pixels, as the large networks recommend


def read_social_card(file: Path) -> bytes:
    """The bytes of ``file``. Raises ClinicError unless it is a PNG image of the right size."""
    data = file.read_bytes()
    size = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])  # in the header chunk
    if not data.startswith(PNG_SIGNATURE) or size != SIZE:
        raise ClinicError(f"{file}: must be a PNG image of {SIZE[0]} by {SIZE[1]} pixels")
    return data
