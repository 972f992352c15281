import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.pictures import decoded_pictures
from engine.errors import RefusedInput

Picture = Callable[..., bytes]


def decoded(*contents: bytes | None, resize: int | None = None) -> torch.Tensor:
    named = [(f"train.parquet#{row}", content) for row, content in enumerate(contents)]
    return decoded_pictures(named, resize, lambda count: None).pixels


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_pixels_come_out_as_they_went_in(picture: Picture) -> None:
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    assert torch.equal(decoded(picture(pixels))[0], torch.from_numpy(pixels).permute(2, 0, 1))


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3)])
def test_greyscale_keeps_one_channel_and_all_else_has_three(picture: Picture, mode: str, channels: int) -> None:
    pixels = decoded(picture(255, mode=mode))
    assert pixels.shape == (1, channels, 4, 4)
    assert (pixels == 255).all()


def test_a_palette_with_transparency_keeps_its_colours() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert decoded(saved(image, transparency=bytes([0, 128])))[0, :, 0, 0].tolist() == [10, 20, 30]


def test_a_set_that_mixes_grey_and_colour_is_in_colour(picture: Picture) -> None:
    pixels = decoded(picture(7, mode="L"), picture(9))
    assert pixels.shape == (2, 3, 4, 4)
    assert (pixels[0] == 7).all()


def test_sizes_may_differ_when_they_are_resized(picture: Picture) -> None:
    assert decoded(picture(7, size=4), picture(9, size=12), resize=8).shape == (2, 3, 8, 8)


def test_sizes_that_differ_are_refused_without_resize(picture: Picture) -> None:
    with pytest.raises(RefusedInput, match=r"train.parquet#1 has 5 x 5 pixels.*Set resize"):
        decoded(picture(size=4), picture(size=5))


@pytest.mark.parametrize("content", [b"", b"no picture", b"<html></html>", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_refused_by_its_row(picture: Picture, content: bytes) -> None:
    with pytest.raises(RefusedInput, match=r"train.parquet#1 is not a readable picture"):
        decoded(picture(), content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_a_truncated_picture_is_refused_by_its_row(picture: Picture, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    whole = picture(noise, kind=kind)
    assert decoded(whole).shape == (1, 3, 32, 32)
    with pytest.raises(RefusedInput, match=r"train.parquet#0 is not a readable picture"):
        decoded(whole[: len(whole) // 2])


@pytest.mark.parametrize("factor", [1.5, 3])
def test_a_picture_that_unpacks_to_too_many_pixels_is_refused(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(64 * 64 / factor))
    with pytest.raises(RefusedInput, match="more pixels than a picture should have"):
        decoded(picture(size=64))


def test_more_than_eight_bits_are_refused_rather_than_cut(picture: Picture) -> None:
    with pytest.raises(RefusedInput, match="more than 8 bits"):
        decoded(picture(np.full((4, 4), 1000, dtype=np.uint16)))


def test_a_format_that_another_program_would_draw_is_not_opened() -> None:
    with pytest.raises(RefusedInput, match="its format is unknown"):
        decoded(saved(Image.new("RGB", (4, 4)), "EPS"))


def test_missing_bytes_are_refused() -> None:
    with pytest.raises(RefusedInput, match=r"train.parquet#0 holds no picture"):
        decoded(None)


def test_every_picture_is_reported_once(picture: Picture) -> None:
    reports: list[int] = []
    decoded_pictures([("a", picture(size=1))] * 600, None, reports.append)
    assert reports == [256, 256, 88]
