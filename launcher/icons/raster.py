"""Decode one image and write it small, as a process of its own.

The request on standard input is the file in Base64. Whatever the file does to the decoder, it is
limited to four seconds of processor time and half a gigabyte.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from launcher.background.child import answering, limit
from launcher.icons.uploads import LIMIT_PIXELS, SIDE_PIXELS, IconRefusedError, Refusal

_MEMORY_BYTES = 512 << 20
_PROCESSOR_S = 4
_PNG = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = ((_PNG, "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"))
_ICO = b"\x00\x00\x01\x00"
_MOST_ENTRIES = 100
Image.MAX_IMAGE_PIXELS = None  # ours is lower, and says how large the image is


def main() -> None:
    """Answer the request on standard input."""
    warnings.simplefilter("ignore")
    with answering() as (line, stream):
        limit(memory_bytes=_MEMORY_BYTES, alive_s=20, processor_s=_PROCESSOR_S)
        json.dump(_reply(base64.b64decode(line)), stream)


def _reply(content: bytes) -> Mapping[str, Any]:
    try:
        mime, small = shrink(content)
    except IconRefusedError as error:
        return {"reason": error.reason, "facts": error.facts}
    except MemoryError:
        return {"reason": Refusal.STOPPED}
    except Exception:  # noqa: BLE001  (a decoder may raise anything at a damaged file)
        return {"reason": Refusal.DAMAGED}
    return {"mime": mime, "content": base64.b64encode(small).decode()}


def shrink(content: bytes) -> tuple[str, bytes]:
    """Return type and content of the first picture of an image, at most 256 pixels wide and high.

    Raises:
        IconRefusedError: it is no image of a known type, or has too many pixels.
        Exception: it is damaged.
    """
    kind = recognised(content)
    if kind is None:
        raise IconRefusedError(Refusal.TYPE)
    image = _largest_of_ico(content) if kind == "ICO" else _opened(content, kind)
    small = _small(image)
    written = {"image/webp": _written(small, "WEBP"), "image/png": _written(small, "PNG")}
    return min(written.items(), key=lambda each: len(each[1]))


def require_decodable(content: bytes) -> str:
    """Return the type of an image that decodes within the limits, else raise as `shrink` does."""
    kind = recognised(content)
    if kind not in {"PNG", "WEBP"}:
        raise IconRefusedError(Refusal.TYPE)
    _opened(content, kind).load()
    return f"image/{kind.lower()}"


def recognised(content: bytes) -> str | None:
    """Return Pillow's name for the type of an image, by its first bytes."""
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and {b"avif", b"avis"} & set(_fours(content[8:64])):
        return "AVIF"
    return "ICO" if content.startswith(_ICO) else None


def _fours(text: bytes) -> Iterator[bytes]:
    return (text[at : at + 4] for at in range(0, len(text), 4))


def _opened(content: bytes, kind: str) -> Image.Image:
    """Open an image and look at its size, before anything is decoded."""
    try:
        image = Image.open(io.BytesIO(content), formats=(kind,))
    except UnidentifiedImageError as error:
        raise IconRefusedError(Refusal.DAMAGED) from error
    _require_size(*image.size)
    return image


def _require_size(width: int, height: int) -> None:
    if max(width, height) > LIMIT_PIXELS:
        raise IconRefusedError(Refusal.PIXELS, width=width, height=height, limit=LIMIT_PIXELS)


def _largest_of_ico(content: bytes) -> Image.Image:
    """Open the largest picture of an ICO file that can be read.

    What the list in front says of sizes is not believed: each picture has a header of its own.
    """
    number = min(struct.unpack_from("<H", content, 4)[0], _MOST_ENTRIES)
    best: Image.Image | None = None
    refused: IconRefusedError | None = None
    for at in range(6, 6 + 16 * number, 16):
        try:
            image = _picture_of_ico(content, at)
        except IconRefusedError as error:
            refused = error
        except Exception:  # noqa: BLE001, S112  (the next one may be whole)
            continue
        else:
            if best is None or image.width > best.width:
                best = image
    if best is None:
        raise refused or IconRefusedError(Refusal.DAMAGED)
    return best


def _picture_of_ico(content: bytes, at: int) -> Image.Image:
    size_bytes, offset = struct.unpack_from("<II", content, at + 8)
    data = content[offset : offset + size_bytes]
    if data.startswith(_PNG):
        return _opened(data, "PNG")
    header_bytes, width, height = struct.unpack_from("<Iii", data)
    if header_bytes < 40:
        raise IconRefusedError(Refusal.DAMAGED)
    # A picture and its mask, one above the other.
    _require_size(abs(width), abs(height) // 2)
    alone = _ICO + b"\x01\x00" + content[at : at + 8] + struct.pack("<II", len(data), 22) + data
    image = Image.open(io.BytesIO(alone), formats=("ICO",))
    image.load()
    _require_size(*image.size)
    return image


def _small(image: Image.Image) -> Image.Image:
    image.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))  # a JPEG is decoded at a fraction of its size
    image.load()
    turned = ImageOps.exif_transpose(image)
    plain = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
    plain.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    plain.info.clear()  # the writers would take metadata from there
    return plain


def _written(image: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    options: dict[str, Any] = {"quality": 90} if kind == "WEBP" else {"optimize": True}
    image.save(target, kind, **options)
    return target.getvalue()


if __name__ == "__main__":
    main()
