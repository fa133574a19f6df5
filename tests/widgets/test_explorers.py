"""The explorers draw what is right, follow their controls, and stand without a kernel."""

import xml.etree.ElementTree as ET

import pytest
import torch
from plotly.graph_objects import Figure

from marslab.widgets.explorers import Explorer, scan_rounds, text_memory
from marslab.widgets.explorers.drawing import svg
from marslab.widgets.explorers.scan_rounds import spans
from marslab.widgets.explorers.text_memory import LONGEST, characters, memory

SVG = "{http://www.w3.org/2000/svg}"


def shapes(explorer: Explorer, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(explorer.picture.value).iter(SVG + kind))


@pytest.mark.parametrize("length", [2, 5, 8, 16])
def test_the_rounds_are_those_of_a_real_scan_by_doubling(length: int) -> None:
    holds = [{t} for t in range(length)]
    for rounds in range(1, (length - 1).bit_length() + 1):
        back = 2 ** (rounds - 1)
        holds = [holds[t] | (holds[t - back] if t >= back else set()) for t in range(length)]
        assert [(min(h), max(h)) for h in holds] == spans(length, rounds)
    assert all(first == 0 for first, _ in spans(length, (length - 1).bit_length()))


def test_the_memory_is_a_running_average_of_the_bytes() -> None:
    text = "Мир, world"
    x, h = memory(text, 5.0)
    mean = torch.tensor(list(text.encode()), dtype=torch.float64).mean()
    decay, state = torch.tensor(-1 / 5.0, dtype=torch.float64).exp().item(), 0.0
    for byte, got in zip(text.encode(), h.tolist(), strict=True):
        state = decay * state + (1 - decay) * (byte - mean.item())
        assert got == pytest.approx(state, abs=1e-3)
    assert x.tolist() == pytest.approx([byte - mean.item() for byte in text.encode()], abs=1e-3)


def test_every_byte_has_a_label() -> None:
    for text in ("plain", "Жизнь", "日本", "a b"):
        assert len(characters(text)) == len(text.encode())


def test_a_control_moves_the_picture_and_the_sentence() -> None:
    explorer = scan_rounds(8)
    assert len(shapes(explorer, "circle")) == 2 * 8 + 4  # nodes, and the legend
    explorer.controls["rounds"].value = 3
    assert len(shapes(explorer, "circle")) == 4 * 8 + 4
    assert explorer.sentence.value == "After 3 of 3 rounds 8 of 8 states are final."


def test_a_longer_time_constant_weighs_the_past_more() -> None:
    explorer = text_memory("a text of some length", 1.0)

    def oldest() -> float:
        first = shapes(explorer, "rect")[0]
        return float(first.attrib["height"])

    short = oldest()
    explorer.controls["time_constant"].value = 64.0
    assert oldest() > short + 10


def test_a_page_without_a_kernel_gets_the_drawing() -> None:
    explorer = text_memory("<script>alert(1)</script>")
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<svg" in bundle["text/html"] and "<script" not in bundle["text/html"]


def test_an_exported_notebook_shows_the_drawing() -> None:
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    output = nbformat.v4.new_output("display_data", data=scan_rounds(4)._repr_mimebundle_())
    cell = nbformat.v4.new_code_cell("scan_rounds(4)", outputs=[output])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert (
        "After 1 of 2 rounds 2 of 4 states are final." in page
        and page.count("<circle") == 2 * 4 + 4
    )


def test_every_control_can_be_reached_by_keyboard() -> None:
    for explorer in (scan_rounds(), text_memory("text")):
        for control in explorer.controls.values():
            assert not control.disabled and control.tabbable is not False and control.description


def test_lines_break_where_a_value_is_missing() -> None:
    figure = Figure({"data": [{"type": "scatter", "x": [0, 1, None, 2], "y": [0, 1, None, 0]}]})
    lines = [p for p in ET.fromstring(svg(figure)).iter(SVG + "path") if "d" in p.attrib]
    assert any(p.attrib["d"].count("M") == 2 and p.attrib["d"].count("L") == 1 for p in lines)


@pytest.mark.parametrize("length", [1, 17])
def test_scan_rounds_says_which_lengths_it_takes(length: int) -> None:
    with pytest.raises(ValueError, match=f"length must be in 2..16, got {length}; 8 reads well"):
        scan_rounds(length)


def test_text_memory_wants_a_text() -> None:
    with pytest.raises(ValueError, match="text is empty; give it a sentence"):
        text_memory("")


def test_a_long_text_is_cut_between_characters() -> None:
    explorer = text_memory("a" + "ж" * 500)
    labels = [label.text for label in shapes(explorer, "text")]
    assert "�" not in labels and labels.count("ж") == (LONGEST - 1) // 2
