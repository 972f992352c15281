from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, model_validator

from engine.refusals import contradiction, refusal, refusals, unknown_key


class Wheel(BaseModel, extra="forbid"):
    size: Annotated[float, Field(gt=0, le=60)] | Literal["small", "large"] = "small"
    spokes: tuple[Annotated[int, Field(ge=1)], ...] | str = ()


class Cart(BaseModel, extra="forbid"):
    owner: str
    front: Wheel = Wheel()
    hidden: int = Field(0, exclude=True)

    @model_validator(mode="after")
    def _large_wheels_have_spokes(self) -> "Cart":
        if self.front.size == "large" and not self.front.spokes:
            raise contradiction("a large wheel has no spokes", "at least one", "Add spokes")
        return self


class Garage(BaseModel, extra="forbid"):
    cart: Cart


def refused(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Garage.model_validate(values, strict=True)
    return str(refusal(caught.value, Garage, "garage.toml"))


@pytest.mark.parametrize(
    ("wheel", "message"),
    [
        ({"size": "lage"}, "size is 'lage'. Expected a number or 'small' or 'large'. Write 'large'"),
        ({"size": 61}, "size is 61. Expected a number of at most 60 or 'small' or 'large'. Change [cart.front] size."),
        ({"spokes": (3, 0)}, "spokes[1] is 0. Expected a number of at least 1. Change [cart.front] spokes[1]."),
        ({"spokes": 3}, "spokes is 3. Expected a list or a string. Change [cart.front] spokes."),
    ],
)
def test_a_value_that_may_be_of_several_kinds_is_refused_once_for_all_of_them(
    wheel: dict[str, Any], message: str
) -> None:
    assert refused(cart={"owner": "Ada", "front": wheel}).startswith(f"garage.toml: [cart.front] {message}")


def test_a_contradiction_keeps_its_words_and_names_its_table() -> None:
    message = refused(cart={"owner": "Ada", "front": {"size": "large"}})

    assert message == "garage.toml: [cart] a large wheel has no spokes. Expected at least one. Add spokes."


def test_a_missing_key_is_asked_for() -> None:
    assert refused(cart={}) == (
        "garage.toml: [cart] owner is missing. Expected a value for [cart] owner. Add it to the study file."
    )


def test_a_key_of_another_table_is_sent_there_and_an_excluded_one_never_offered() -> None:
    assert refused(cart={"owner": "Ada"}, front={}) == (
        "garage.toml: unknown key 'front'. Expected one of cart. Move it to [cart]."
    )
    assert str(unknown_key("hiden", ["cart"], Garage, "garage.toml")) == (
        "garage.toml: unknown key 'hiden' in [cart]. Expected one of owner, front. Remove the key or mend its name."
    )


def test_a_long_value_is_shortened() -> None:
    message = refused(cart={"owner": tuple(range(1000))})

    assert "owner is [0, 1, 2," in message
    assert "… 8, 999]. Expected a string." in message
    assert len(message) < 200


def test_all_complaints_are_told_by_their_keys() -> None:
    with pytest.raises(ValidationError) as caught:
        Garage.model_validate({"cart": {"front": {"size": 61, "spokes": 3}, "bell": 1}}, strict=True)

    found = refusals(caught.value, Garage, "garage.toml")

    assert list(found) == ["cart.owner", "cart.front.size", "cart.front.spokes", "cart.bell"]
    assert "[cart] owner is missing" in str(found["cart.owner"])
    assert "unknown key 'bell'" in str(found["cart.bell"])
    assert str(refusal(caught.value, Garage, "garage.toml")) == str(found["cart.owner"])


def test_a_contradiction_stands_under_its_table() -> None:
    with pytest.raises(ValidationError) as caught:
        Garage.model_validate({"cart": {"owner": "Ada", "front": {"size": "large"}}}, strict=True)

    assert list(refusals(caught.value, Garage, "garage.toml")) == ["cart"]
