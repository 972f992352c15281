import base64
from io import BytesIO

import numpy as np
from PIL import Image

from app.workflow.thumbnails import SIDE, enlarged, shown_width, thumbnail, upright


def opened(address: str) -> Image.Image:
    start, _, content = address.partition(",")
    assert start == "data:image/png;base64"
    return Image.open(BytesIO(base64.b64decode(content)))


def test_a_small_picture_is_enlarged_by_whole_pixels():
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    picture = opened(thumbnail(pixels))

    assert picture.size == (64, 64)
    np.testing.assert_array_equal(np.asarray(picture)[::8, ::8], pixels[0])


def test_a_large_picture_keeps_its_proportions_and_its_colours():
    pixels = np.zeros((3, 100, 300), dtype=np.uint8)
    pixels[0] = 200
    picture = opened(thumbnail(pixels))

    assert picture.size == (SIDE, 21)
    assert picture.getpixel((3, 3)) == (200, 0, 0)


def test_a_picture_larger_than_the_side_is_left_as_it_is():
    pixels = np.zeros((200, 90), dtype=np.uint8)

    assert enlarged(pixels, 160).shape == (200, 90)
    assert enlarged(pixels[:70], 160).shape == (70, 90)
    assert enlarged(pixels[:60, :30], 160).shape == (120, 60)


def test_channels_come_last_and_grey_has_none():
    assert upright(np.zeros((3, 4, 5), dtype=np.uint8)).shape == (4, 5, 3)
    assert upright(np.zeros((1, 4, 5), dtype=np.uint8)).shape == (4, 5)


def test_a_picture_is_shown_in_its_proportions_within_a_side():
    wide, high, square = (np.zeros(shape, dtype=np.uint8) for shape in ((30, 90), (90, 30, 3), (8, 8)))

    assert [shown_width(pixels, 160) for pixels in (wide, high, square)] == [160, 53, 160]
    assert shown_width(np.zeros((5000, 1), dtype=np.uint8), 160) == 1


def test_a_picture_that_was_made_a_square_gets_its_proportions_back():
    square = np.zeros((3, 40, 40), dtype=np.uint8)
    square[0, :, 20:] = 200

    wide, high = upright(square, (300, 150)), upright(square, np.array([20, 80]))

    assert (wide.shape, high.shape) == ((20, 40, 3), (40, 10, 3))
    assert wide[10, 2].tolist() == [0, 0, 0]
    assert wide[10, 37].tolist() == [200, 0, 0]
    assert upright(square, (7, 7)).shape == (40, 40, 3)
    assert opened(thumbnail(square[:1], (10, 30))).size == (13, 40)
