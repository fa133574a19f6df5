"""The Memory hub view over the user's own store: a copy is asked, the store is never written."""

from pathlib import Path

import pytest

from marslab.home import home
from marslab.memory import MemoryHub, Titans
from marslab.widgets.views import HubView
from marslab.widgets.views.memory_hub import HubSetup, answers, hubs, run


def shown(text: str) -> HubView:
    """The view of the user's store, as a notebook cell shows it."""
    view = HubView(store="mine", text=text)
    view.__panel__()
    assert view.wait(60)
    return view


def set_and_wait(view: HubView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


@pytest.fixture
def mine() -> Path:
    """A store of the user's own, with three records and one answer."""
    path = home() / "memory" / "store.sqlite"
    with MemoryHub(path, titans=Titans(96, 192)) as hub:
        for text in ("The boiler is in the cellar.", "The key hangs by the door.", "<b>bold</b>"):
            hub.remember(text)
        hub.keep_answer("Where is the boiler?", "In the cellar.")
    return path


def test_your_store_is_read_and_never_written(mine: Path) -> None:
    before = mine.read_bytes()
    view = shown("typed here")
    set_and_wait(view, question="where is the boiler")
    found = view.result
    assert found.size == 4 and [record.text for record in found.records][-1] == "typed here"
    assert found.kept.hit == "In the cellar." and found.recalled[0].source == "memo"
    assert "opened read-only" in str(view._card.object) and "<b>bold" not in str(view._card.object)
    assert mine.read_bytes() == before
    with MemoryHub(mine) as hub:
        assert [record.text for record in hub.store.records()] == [
            "The boiler is in the cellar.",
            "The key hangs by the door.",
            "<b>bold</b>",
        ]


def test_what_titans_has_learned_beside_your_store_is_known(mine: Path) -> None:
    known = run(HubSetup(store="mine", text="The boiler is in the cellar."))
    assert known.last is not None and known.last.before < 0.35 and not known.last.written
    assert "not above the threshold" in answers.titans_sentence(known)


def test_a_store_that_is_open_elsewhere_is_read_with_its_last_record(mine: Path) -> None:
    with MemoryHub(mine) as hub:
        hub.remember("just now")  # still in the write-ahead log
        assert run(HubSetup(store="mine", text="")).size == 4


def test_no_store_of_ones_own_is_a_card() -> None:
    view = shown("something")
    assert "You have no memory store yet" in str(view._alert.object) and view._alert.visible
    assert not (home() / "memory").exists() and view._card.object == ""
    set_and_wait(view, store="facts")
    assert not view._alert.visible and view._shown.visible


def test_a_damaged_or_too_large_store_is_told_in_a_sentence(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hubs, "LARGEST", 10)
        with pytest.raises(ValueError, match="too much to copy for a page"):
            run(HubSetup(store="mine"))
    mine.write_bytes(b"no store at all" * 100)
    with pytest.raises(ValueError, match="cannot be read .file is not a database"):
        run(HubSetup(store="mine"))


def test_one_record_alone_has_no_map() -> None:
    with MemoryHub(home() / "memory" / "store.sqlite"):
        pass  # a store with nothing in it
    view = shown("the only one")
    assert "map" not in view.offered.values() and view.drawn == "bars"
    assert view.readouts()[0] == ("Memo", "empty", "no question was answered yet")
    set_and_wait(view, text="")
    assert view.result.near == [] and view.readouts()[1][1] == "none"
    for name in ("bars", "surprise", "loss", "records"):
        set_and_wait(view, figure=name)
        assert view._shown.visible and not view._alert.visible
