"""Images from outside: what becomes an icon, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image as Pictures

from launcher.icons.raster import shrink
from launcher.icons.uploads import LIMIT_BYTES, IconRefusedError, Image, Refusal, read_image

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'


def picture(kind: str, size: tuple[int, int] = (300, 200), **options: object) -> bytes:
    target = io.BytesIO()
    Pictures.effect_noise(size, 40).convert("RGB").save(target, kind, **options)
    return target.getvalue()


def png(width: int, height: int, pixels: bytes | None = None) -> bytes:
    """Return a black PNG of one bit a pixel, with these pixels if any are given."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * (width // 8 + 1) * height) if pixels is None else pixels
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def ico(*pictures: bytes, claimed: int = 16) -> bytes:
    """Return an ICO file whose list says that each picture is `claimed` pixels wide and high."""
    listed, offset = b"", 6 + 16 * len(pictures)
    for each in pictures:
        listed += bytes((claimed, claimed, 0, 0, 1, 0, 32, 0)) + struct.pack(
            "<II", len(each), offset
        )
        offset += len(each)
    return b"\0\0\1\0" + struct.pack("<H", len(pictures)) + listed + b"".join(pictures)


def endless_gif(frames: int) -> bytes:
    """Return a GIF of many frames, each as long as a frame can last."""
    one = io.BytesIO()
    Pictures.new("P", (16, 16), 7).save(one, "GIF")
    head, frame = one.getvalue()[:-1].split(b"\x2c", 1)
    pause = b"\x21\xf9\x04\x04\xff\xff\x00\x00"
    return head + (pause + b"\x2c" + frame) * frames + b"\x3b"


def scan_bomb() -> bytes:
    """Return a JPEG of 2048 pixels each way whose last scan comes ten thousand times."""
    whole = picture("JPEG", (2048, 2048), progressive=True, quality=5)
    starts = [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\xff\xda"]
    header_bytes = struct.unpack_from(">H", whole, starts[-1] + 2)[0]
    scan = whole[starts[-1] : starts[-1] + 2 + header_bytes] + b"\0" * 8
    return whole[: starts[1]] + scan * 20_000


def reason_for(content: bytes) -> Refusal:
    with pytest.raises(IconRefusedError) as caught:
        read_image(content, name="icon.png")
    return caught.value.reason


def shrunk(content: bytes) -> Pictures.Image:
    """Do what the other process does, without the third of a second that it takes to start."""
    return Pictures.open(io.BytesIO(shrink(content)[1]))


def test_an_image_becomes_a_small_one_in_a_process_of_its_own() -> None:
    image = read_image(picture("PNG"), name="C:\\icons\\logo.exe")

    assert image.name == "logo.exe"
    assert image.mime == "image/webp"
    assert Pictures.open(io.BytesIO(image.content)).size == (256, 171)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "ICO"])
def test_an_image_is_recognised_by_its_content(kind: str) -> None:
    assert max(shrunk(picture(kind)).size) == (128 if kind == "ICO" else 256)


def test_metadata_and_the_rotation_in_it_do_not_stay() -> None:
    exif = Pictures.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Camera of Ada"
    _, content = shrink(picture("JPEG", (200, 100), exif=exif))
    small = Pictures.open(io.BytesIO(content))

    assert small.size == (100, 200)
    assert not small.getexif()
    assert b"Camera" not in content


def test_what_is_transparent_stays_transparent() -> None:
    target = io.BytesIO()
    Pictures.new("RGBA", (32, 32), (0, 0, 0, 0)).save(target, "PNG")

    assert shrunk(target.getvalue()).convert("RGBA").getpixel((5, 5))[3] == 0


def test_of_an_ico_the_largest_picture_is_taken_whatever_its_list_says() -> None:
    assert shrunk(ico(png(16, 16), png(200, 200), png(48, 48))).size == (200, 200)


def test_the_first_frame_of_an_animation_is_taken_however_many_follow() -> None:
    assert not getattr(shrunk(endless_gif(10_000)), "is_animated", False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Refusal.TYPE),
        (b"hello", Refusal.TYPE),
        (b"\x1f\x8b\x08 a drawing that is compressed", Refusal.TYPE),
        (b"BM a bitmap", Refusal.TYPE),
        (png(20_000, 20_000), Refusal.PIXELS),
        (png(2049, 1), Refusal.PIXELS),
        (b"GIF89a", Refusal.DAMAGED),
        (ico(png(20_000, 20_000)), Refusal.PIXELS),
        (ico(struct.pack("<IiiHH24x", 40, 20_000, 40_000, 1, 32)), Refusal.PIXELS),
        (b"\0\0\1\0\xff\xff" + b"\0" * 100, Refusal.DAMAGED),
    ],
    ids=[
        "nothing", "text", "compressed", "another image", "20000 pixels", "one pixel too many",
        "only a signature", "an ICO that lies", "a bitmap in an ICO that lies",
        "an ICO with pictures beyond its end",
    ],
)  # fmt: skip
def test_what_is_no_small_image_is_refused(content: bytes, reason: Refusal) -> None:
    with pytest.raises(IconRefusedError) as caught:
        shrink(content)

    assert caught.value.reason is reason


def test_more_bytes_than_an_icon_may_have_are_not_decoded() -> None:
    assert reason_for(b"\x89PNG\r\n\x1a\n" + b"\0" * LIMIT_BYTES) is Refusal.BYTES


@pytest.mark.parametrize("content", [png(2048, 2048, b"no pixels"), picture("JPEG")[:900]])
def test_an_image_that_is_cut_off_is_damaged(content: bytes) -> None:
    assert reason_for(content) is Refusal.DAMAGED


def test_the_size_that_is_refused_is_named() -> None:
    with pytest.raises(IconRefusedError) as caught:
        read_image(png(20_000, 20_000), name="x")

    assert caught.value.facts == {"width": 20_000, "height": 20_000, "limit": 2048}


@pytest.mark.slow
def test_an_image_that_takes_minutes_to_decode_is_refused_after_seconds() -> None:
    """Slow, as it takes all the time that decoding may take."""
    assert reason_for(scan_bomb()) is Refusal.STOPPED


@pytest.mark.parametrize(
    "inside",
    [
        '<path d="M0 0h24v24z" fill="url(#a)" style="stroke:red"/>',
        '<style>.a{fill:url("#b")}</style><use xlink:href="#c"/>',
        '<image href="data:image/png;base64,iVBORw0KGgo="/>',
        "<style>@media (prefers-color-scheme:dark){path{fill:#fff}}</style>",
        "<style>@font-face{src:url(#f)format(svg)}</style><font id='f'><glyph/></font>",
        '<metadata><r:RDF xmlns:r="urn:rdf" r:about=""><r:on onload="x">@import</r:on></r:RDF>'
        "</metadata>",
        '<i:view xmlns:i="urn:inkscape" i:file="C:\\a" href="http://host/"/>',
        '<g id="a\\b" class="c\\d" data-name="e\\f"/>',
        '<linearGradient id="a"/><linearGradient id="b" xlink:href="#a" href="#a"/>',
        "<style>path{fill:url(#p)}</style><linearGradient id='p'><stop/></linearGradient>"
        + "<path/>" * 3000,
        "<defs><path id='p'/></defs>" + "<use href='#p'/>" * 4000,
    ],
)
def test_a_drawing_is_kept_as_it_is(inside: str) -> None:
    content = SVG.format(inside).encode()

    assert read_image(content, name="x.png") == Image(content, "image/svg+xml", "x.png")


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">',
        "\ufeff<!-- made by a program -->\n",
    ],
)
def test_what_programs_write_before_a_drawing_is_no_reason_to_refuse_it(head: str) -> None:
    assert read_image((head + SVG.format("")).encode(), name="x").mime == "image/svg+xml"


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<image href="http://host/x.png"/>',
        '<image xlink:href="//host/x.png"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        '<use xlink:href="https://host/x.svg#a"/>',
        '<a href="javascript:alert(1)"/>',
        '<a href="/logout"/>',
        '<animate attributeName="xlink:href" to="javascript:alert(1)"/>',
        '<g fill="url(http://host/x)"/>',
        '<g style="fill:url( &quot;//host/x&quot; )"/>',
        "<style>@import 'http://host/x.css';</style>",
        "<style>a{fill:<!-- -->url(http://host/x)}</style>",
        "<style>a{fill:\\75rl(http://host/x)}</style>",
        "<style>a{fill:red}<g/>@import 'http://host/x.css';</style>",
        "<style>@keyframes a{to{opacity:0}}path{animation:a 1ms infinite}</style>",
        '<g fill="\\75rl(http://host/x)"/>',
        "<style>a{mask:image('http://host/x')}</style>",
        "<g mask=\"image-set('http://host/x' 1x)\"/>",
        '<h:p xmlns:h="http://www.w3.org/1999/xhtml"/>',
        '<h:img xmlns:h="http://www.w3.org/1999/xhtml" srcset="http://host/x 1x"/>',
        '<i:a xmlns:i="urn:i"><script>alert(1)</script></i:a>',
        '<set attributeName="onload" to="alert(1)"/>',
        '<animate attributeName="x" from="0" to="9" repeatCount="indefinite"/>',
        '<image srcset="http://host/x 1x"/>',
        '<use href="#a" xlink:href="#b"/>',
        "<foreignObject/>",
        '<g xml:base="http://host/"/>',
    ],
)
def test_a_drawing_that_does_more_than_draw_is_refused(inside: str) -> None:
    assert reason_for(SVG.format(inside).encode()) is Refusal.ACTIVE


def test_entities_and_style_sheets_of_a_drawing_are_refused() -> None:
    bomb = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};">' for n in range(1, 30))
    with_entities = f'<!DOCTYPE svg [<!ENTITY a0 "aaaa">{bomb}]>' + SVG.format("&a29;")
    with_sheet = '<?xml-stylesheet href="x.css"?>' + SVG.format("")

    assert reason_for(with_entities.encode()) is Refusal.ACTIVE
    assert reason_for(with_sheet.encode()) is Refusal.ACTIVE
    with_type = '<!DOCTYPE svg SYSTEM "http://host/x.dtd">' + SVG.format("")
    assert reason_for(with_type.encode()) is Refusal.ACTIVE


@pytest.mark.parametrize(
    "inside", ["<g>" * 50_000 + "</g>" * 50_000, "<g/>" * 100_000, "<g>" * 101 + "</g>" * 101]
)
def test_a_drawing_without_end_is_refused(inside: str) -> None:
    assert reason_for(SVG.format(inside).encode()) is Refusal.COMPLEX


def repeated(ways: str, levels: int = 9) -> str:
    """Return groups that each draw the one before ten times, in one of several ways."""
    groups = "".join(
        ways.format(at=f"a{at}", before=f"a{at - 1}", tens="{tens}").replace(
            "{tens}", f'<use href="#a{at - 1}"/>' * 10
        )
        for at in range(1, levels)
    )
    return f'<g id="a0"><rect/></g>{groups}'


TEN = '<rect fill="url(#{before})"/>' * 10


@pytest.mark.parametrize(
    "inside",
    [
        repeated('<g id="{at}">{tens}</g>'),
        repeated('<symbol id="{at}">{tens}</symbol>'),
        repeated('<pattern id="{at}">{tens}</pattern>'),
        repeated('<pattern id="{at}">' + TEN + "</pattern>"),
        repeated('<mask id="{at}">' + TEN.replace("fill", "mask") + "</mask>"),
        repeated('<clipPath id="{at}">' + TEN.replace("fill", "clip-path") + "</clipPath>"),
        "<style>.a{marker:url(#m)}</style><marker id='m'>" + "<path/>" * 50 + "</marker>"
        f"<path class='a' d='M0 0{'h1' * 500}'/>",
        "<pattern id='p'>" + "<path/>" * 200 + "</pattern><g fill='url(#p)'>" + "<path/>" * 200
        + "</g>",
        "<style>#b , rect.a:hover{filter:url(#f)}</style><filter id='f'>"
        + "<feGaussianBlur stdDeviation='1000'/>" * 3 + "</filter>"
        + "<rect class='a'/>" * 100,
        f"<path id='p' d='M0 0{'h1' * 50_000}'/>" + "<use href='#p'/>" * 50,
        f"<text id='t'>{'long ' * 10_000}</text>" + "<use href='#t'/>" * 50,
        '<g id="a"><use href="#a"/></g>',
        '<use id="a" href="#b"/><use id="b" href="#a"/>',
        "".join(f'<use id="u{n}" href="#u{n + 1}"/>' for n in range(5000)),
    ],
)  # fmt: skip
def test_a_drawing_that_draws_itself_over_and_over_is_refused(inside: str) -> None:
    assert reason_for(SVG.format(inside).encode()) is Refusal.COMPLEX


@pytest.mark.parametrize(
    "content",
    [
        "<svg>no name space</svg>",
        SVG.format("<g>"),
        SVG.format("\0"),
        "<?xml version='1.0' encoding='nowhere'?>" + SVG.format(""),
        '<html xmlns="http://www.w3.org/1999/xhtml"/>',
    ],
)
def test_markup_that_is_no_drawing_is_no_image(content: str) -> None:
    assert reason_for(content.encode()) is Refusal.TYPE
