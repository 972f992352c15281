import pytest
import torch

from engine.data import InputTransform
from engine.data.transform import resized
from engine.data_settings import Transform
from engine.errors import RefusedInput


def pictures(count: int = 3, channels: int = 3, side: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, side, side), generator=generator).to(torch.uint8)


def test_pictures_are_scaled_then_normalised_by_channel() -> None:
    inputs = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1)
    prepared = InputTransform(mean=(0.5, 0.2, 0.0), std=(0.5, 1.0, 2.0)).prepare(inputs)
    assert prepared.dtype == torch.float32
    assert prepared.flatten().tolist() == pytest.approx([-1.0, 0.0, 0.5])


def test_table_rows_are_normalised_by_column_and_not_scaled() -> None:
    prepared = InputTransform(mean=(1.0, 2.0), std=(2.0, 4.0)).prepare(torch.tensor([[3.0, 6.0], [1.0, 2.0]]))
    assert prepared.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_without_settings_only_the_scale_changes() -> None:
    inputs = pictures()
    assert torch.equal(InputTransform().prepare(inputs), inputs.float() / 255)


def test_resizing_before_or_in_prepare_is_the_same() -> None:
    transform = InputTransform(resize=8)
    assert transform.prepare(pictures()).shape == (3, 3, 8, 8)
    assert torch.equal(transform.prepare(pictures()), transform.prepare(resized(pictures(), 8)))


def test_resizing_averages_when_it_shrinks() -> None:
    stripes = torch.zeros(1, 32, 32, dtype=torch.uint8)
    stripes[..., ::4] = 200
    assert (resized(stripes, 8).float() - 50).abs().max() < 15


def test_the_settings_of_a_study_are_taken_over() -> None:
    settings = Transform(resize=8, mean=(0.5,), std=(0.2,), augment=("flip",))
    assert InputTransform.from_study(settings) == InputTransform(8, (0.5,), (0.2,), ("flip",))


def test_a_mean_of_pictures_on_the_scale_to_255_is_refused_with_what_it_would_be() -> None:
    transform = InputTransform(mean=(127.5, 51.0, 0.0), std=(58.0, 57.0, 57.0))
    with pytest.raises(RefusedInput, match=r"mean = \[0.5, 0.2, 0.0\]"):
        transform.check(pictures())
    transform.check(torch.zeros(2, 3))
    InputTransform(mean=(0.4, 1.0, 0.0), std=(0.004, 1.0, 1.0)).check(pictures())


def test_a_mean_for_each_channel_or_column_is_demanded() -> None:
    transform = InputTransform(mean=(0.5, 0.5), std=(1.0, 1.0))
    transform.check(torch.zeros(4, 2))
    with pytest.raises(RefusedInput, match=r"have 2 values, the inputs 3 channel"):
        transform.check(pictures())


def test_the_same_generator_state_gives_the_same_augmentation() -> None:
    transform = InputTransform(augmentations=("crop", "flip"))
    prepared = transform.prepare(pictures(20))
    first, again, other = (transform.augment(prepared, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmentation_leaves_the_global_generator_and_its_input_alone() -> None:
    transform = InputTransform(augmentations=("crop", "flip"))
    prepared = transform.prepare(pictures(20))
    before, state = prepared.clone(), torch.get_rng_state()
    transform.augment(prepared, torch.Generator().manual_seed(1))
    assert torch.equal(prepared, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_flip_mirrors_some_pictures_left_to_right_and_leaves_the_others() -> None:
    prepared = pictures(40).float()
    flipped = InputTransform(augmentations=("flip",)).augment(prepared, torch.Generator().manual_seed(0))
    mirrored = [torch.equal(new, old.flip(2)) for new, old in zip(flipped, prepared, strict=True)]
    kept = [torch.equal(new, old) for new, old in zip(flipped, prepared, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert 10 < sum(mirrored) < 30


def test_crop_cuts_each_picture_out_of_its_own_reflection_at_a_place_of_its_own() -> None:
    prepared = pictures(30, channels=1, side=16).float()
    cropped = InputTransform(augmentations=("crop",)).augment(prepared, torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(prepared, (2, 2, 2, 2), mode="reflect")
    places = set()
    for new, old in zip(cropped, padded, strict=True):
        windows = old.unfold(1, 16, 1).unfold(2, 16, 1)
        found = (windows == new[:, None, None]).all(dim=(0, 3, 4)).nonzero()
        assert len(found) == 1
        places.add(tuple(found[0].tolist()))
    assert len(places) > 10
    assert {row for row, _ in places} == {0, 1, 2, 3, 4}


def test_nothing_is_drawn_without_augmentations() -> None:
    generator = torch.Generator().manual_seed(0)
    prepared = pictures().float()
    assert torch.equal(InputTransform().augment(prepared, generator), prepared)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())
