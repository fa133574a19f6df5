"""Settings: strict about names and types, and the same after a trip through JSON."""

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.config import from_json, names, override, read, to_json
from marslab.errors import UserError

FEW = settings(max_examples=80, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Omega:
    enabled: bool = True
    codes: int = 8

    def __post_init__(self) -> None:
        if self.codes < 1:
            raise ValueError(f"omega.codes must be positive, got {self.codes}")


@dataclass(frozen=True)
class Block:
    omega: Omega = field(default_factory=Omega)
    kind: Literal["ssd", "rwkv"] = "ssd"
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, str] = (1, "x")
    rates: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Config:
    width: int
    block: Block = field(default_factory=Block)
    dropout: float = 0.0
    name: str | None = None
    weights: dict[str, float] = field(default_factory=dict)
    extra: Omega | None = None


def test_a_dotted_name_changes_one_setting() -> None:
    config = override(Config(8), {"block.omega.enabled": False, "width": 4})
    assert config == Config(4, Block(Omega(enabled=False)))


def test_a_mapping_changes_a_part_and_leaves_the_rest() -> None:
    start = Config(8, Block(kind="rwkv"))
    changed = override(start, {"block": {"omega": {"codes": 3}, "sizes": [5]}})
    assert changed == Config(8, Block(Omega(codes=3), kind="rwkv", sizes=(5,)))


def test_no_change_is_the_same_config() -> None:
    config = Config(8, name="x", weights={"a": 1.0}, extra=Omega(False, 2))
    assert override(config, {}) == config


def test_what_was_none_can_be_filled_and_emptied() -> None:
    filled = override(Config(8), {"extra.codes": 3})
    assert filled.extra == Omega(codes=3)
    assert override(filled, {"extra": None}).extra is None
    assert override(filled, {"extra": {}}).extra == Omega(codes=3)
    assert override(Config(8), {"extra": {}}).extra == Omega()


def test_a_dict_is_replaced_whole() -> None:
    start = Config(8, weights={"a": 1.0})
    assert override(start, {"weights": {"b": 2}}).weights == {"b": 2.0}


def test_an_int_becomes_a_float_and_a_list_a_tuple() -> None:
    config = override(Config(8), {"dropout": 1, "block.pair": [2, "y"], "block.rates": [1, 0.5]})
    assert isinstance(config.dropout, float)
    assert config.block.pair == (2, "y") and config.block.rates == [1.0, 0.5]


NAMES = (
    "width, block.omega.enabled, block.omega.codes, block.kind, block.sizes, block.pair, "
    "block.rates, dropout, name, weights, extra.enabled, extra.codes"
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"block.omga.enabled": True},
            "there is no setting 'block.omga.enabled'. Did you mean 'block.omega.enabled'? "
            "Choose from: block.omega.enabled, block.omega.codes, block.kind, block.sizes, "
            "block.pair, block.rates.",
        ),
        (
            {"widht": 3},
            f"there is no setting 'widht'. Did you mean 'width'? Choose from: {NAMES}.",
        ),
        ({"width.x": 3}, "there is no setting 'width.x'. Did you mean 'width'? Choose from: "),
        ({"block": {"omega": {"code": 1}}}, "there is no setting 'block.omega.code'. Did you "),
        ({"": 3}, "there is no setting ''. Choose from: "),
        ({3: 3}, "the name of a setting must be text, got 3"),
        ({"width": "3"}, "width should be a valid integer, got '3'"),
        ({"width": 3.0}, "width should be a valid integer, got 3.0"),
        ({"width": True}, "width should be a valid integer, got True"),
        ({"width": None}, "width should be a valid integer, got None"),
        ({"dropout": "0.1"}, "dropout should be a valid number, got '0.1'"),
        ({"block.omega.enabled": 1}, "block.omega.enabled should be a valid boolean, got 1"),
        ({"block.omega.enabled": "no"}, "block.omega.enabled should be a valid boolean, got 'no'"),
        ({"block.kind": "gru"}, "block.kind should be 'ssd' or 'rwkv', got 'gru'"),
        ({"block.sizes": [1, "2"]}, "block.sizes.1 should be a valid integer, got '2'"),
        ({"block.sizes": 3}, "block.sizes should be a valid "),
        ({"block": 3}, "block must be a mapping of settings, got 3"),
        ({"block": None}, "block must be a mapping of settings, got None"),
        ({"block.omega": []}, "block.omega must be a mapping of settings, got []"),
        ({"block.": 1}, "there is no setting 'block.'. "),
        ({"block.omega.codes": 0}, "omega.codes must be positive, got 0"),
        ({"name": {1, 2}}, "a setting holds what a config cannot: "),
        ([1], "the config must be a mapping of settings, got [1]"),
    ],
)
def test_a_mistake_is_one_sentence(changes: Any, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        override(Config(8), changes)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_reading_takes_defaults_and_asks_for_what_has_none() -> None:
    assert read(Config, {"width": 3, "block": {"kind": "rwkv"}}) == Config(3, Block(kind="rwkv"))
    with pytest.raises(UserError, match="^width is missing: give it a value$"):
        read(Config, {})


def test_the_names_are_dotted() -> None:
    assert ", ".join(names(Config)) == NAMES


def test_only_dataclasses_are_configs() -> None:
    with pytest.raises(TypeError, match="a config must be a dataclass instance, got {}"):
        override({}, {})
    with pytest.raises(TypeError, match="a config must be a dataclass"):
        names(int)


CONFIGS = st.builds(
    Config,
    width=st.integers(-9, 9),
    block=st.builds(
        Block,
        omega=st.builds(Omega, enabled=st.booleans(), codes=st.integers(1, 9)),
        kind=st.sampled_from(["ssd", "rwkv"]),
        sizes=st.lists(st.integers(), max_size=3).map(tuple),
        pair=st.tuples(st.integers(), st.text(max_size=3)),
        rates=st.lists(st.floats(allow_nan=False), max_size=3),
    ),
    dropout=st.floats(allow_nan=False),
    name=st.none() | st.text(max_size=3),
    weights=st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=2),
    extra=st.none() | st.builds(Omega, enabled=st.booleans(), codes=st.integers(1, 9)),
)


@FEW
@given(CONFIGS)
def test_every_config_comes_back_from_json(config: Config) -> None:
    assert from_json(Config, to_json(config)) == config


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*names(Config), "block", "omega", "codes", "enabled", "zebra"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@FEW
@given(st.dictionaries(st.sampled_from([*names(Config), "block", "extra"]), VALUES, max_size=4))
def test_any_change_gives_a_config_or_one_sentence(changes: dict[str, Any]) -> None:
    try:
        config = override(Config(8), changes)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(config, Config)
        assert to_json(from_json(Config, to_json(config))) == to_json(config)


@FEW
@given(VALUES)
def test_any_json_gives_a_config_or_one_sentence(values: Any) -> None:
    import json

    try:
        assert isinstance(from_json(Config, json.dumps(values)), Config)
    except UserError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the config is not JSON: "),
        ("[" * 100_000, "the config is not JSON: "),
        ("[]", "the config should be Config, got []"),
        ("{}", "the config is incomplete: "),
        ('{"width": 8, "wide": 1}', "there is no setting 'wide'. "),
        ('{"width": 8, "block": {"omega": {"x": 1}}}', "there is no setting 'block.omega.x'. "),
        ('{"width": "8"}', "width should be int, got '8'"),
        ('{"width": true}', "width should be int, got True"),
        ('{"width": 8, "block": {"kind": "gru"}}', "block.kind should be typing.Literal"),
        ('{"width": 8, "block": {"pair": [1]}}', "block.pair should have 2 values, got 1"),
        ('{"width": 8, "block": {"sizes": [1, 2.5]}}', "block.sizes.1 should be int, got 2.5"),
        ('{"width": 8, "name": 3}', "name should be str, got 3"),
        ('{"width": 8, "extra": {"codes": 0}}', "omega.codes must be positive, got 0"),
    ],
)
def test_json_that_does_not_fit_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        from_json(Config, text)
    assert str(error.value).startswith(sentence)


def test_a_shipped_model_loads_without_pydantic_and_yaml() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pydantic', 'yaml', 'pandas'])); "
        "import marslab; marslab.load('digits-recurrence')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
