"""A site replaces a site, and nothing else."""

from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab.site import folder


def put(place: Path, **pages: str) -> None:
    with folder.replacing(folder.checked(place)) as fresh:
        for name, text in pages.items():
            (fresh / f"{name}.html").write_text(text)


def held(place: Path) -> dict[str, str]:
    files = (path for path in place.rglob("*") if path.is_file() and path.name != folder.MARKER)
    return {path.relative_to(place).as_posix(): path.read_text() for path in files}


def test_the_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    put(tmp_path / "deep" / "site", index="1", gone="1")
    put(tmp_path / "deep" / "site", index="2")
    assert held(tmp_path / "deep" / "site") == {"index.html": "2"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["site"]


def test_an_empty_folder_may_become_a_site(tmp_path: Path) -> None:
    put(tmp_path, index="1")
    assert held(tmp_path) == {"index.html": "1"}


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    site = tmp_path / "site"
    put(site, index="1")
    (site / ".git").mkdir()
    (site / ".git" / "HEAD").write_text("main")
    (site / "CNAME").write_text("my.name")
    put(site, index="2")
    assert held(site) == {"index.html": "2", ".git/HEAD": "main", "CNAME": "my.name"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_page_never_replaces_a_file_of_somebody_else(tmp_path: Path) -> None:
    put(tmp_path / "site", index="1")
    (tmp_path / "site" / "more.html").write_text("mine")
    with pytest.raises(UserError, match=r"more\.html was not made by marslab and stands where"):
        put(tmp_path / "site", index="2", more="2")
    assert held(tmp_path / "site") == {"index.html": "1", "more.html": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_build_that_fails_leaves_the_old_site(tmp_path: Path) -> None:
    put(tmp_path / "site", index="1")
    with pytest.raises(KeyboardInterrupt), folder.replacing(tmp_path / "site") as fresh:
        (fresh / "index.html").write_text("2")
        raise KeyboardInterrupt
    assert held(tmp_path / "site") == {"index.html": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("arrived", [False, True])
def test_what_a_killed_build_left_is_put_right(tmp_path: Path, arrived: bool) -> None:
    site = tmp_path / "site"
    put(site, index="1")
    (site / "CNAME").write_text("my.name")
    site.rename(tmp_path / ".site-12ab.old")
    (tmp_path / ".site-34cd.gone").mkdir()
    if arrived:
        put(tmp_path / "other", index="2")
        (tmp_path / "other").rename(site)
    folder.checked(site)
    assert held(site) == {"index.html": "2" if arrived else "1", "CNAME": "my.name"}
    put(site, index="3")
    assert held(site) == {"index.html": "3", "CNAME": "my.name"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("marker", [None, "{", "[]", '{"kind": "bench", "schema": 1, "files": []}'])
def test_a_folder_that_is_no_site_is_never_touched(tmp_path: Path, marker: str | None) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    if marker is not None:
        (tmp_path / folder.MARKER).write_text(marker)
    with pytest.raises(UserError) as error:
        folder.checked(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds things that are no site made by marslab: "
        "empty it, or name another folder with --out"
    )
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_is_no_place_for_a_site(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file: name a folder for the site with --out"):
        folder.checked(tmp_path / "file")
    with pytest.raises(UserError, match="cannot be made"):
        folder.checked(tmp_path / "file" / "inside" / "site")


def test_a_link_to_a_site_stays_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real", index="1")
    (tmp_path / "link").symlink_to("real")
    put(tmp_path / "link", index="2")
    assert (tmp_path / "link").is_symlink() and held(tmp_path / "real") == {"index.html": "2"}
