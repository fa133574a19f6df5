"""The site of a tiny course: its pages, its search index, and what a failure looks like."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from marslab import cli
from marslab.lab.site import building
from marslab.lab.site.contents import entries
from marslab.lab.site.outputs import described, figure

FAILING = "# %% [markdown]\n# # A bad page\n\n# %%\nx = 1\n\n# %%\n1 / 0\n\n# %%\nprint('never')\n"
FINE = "# %% [markdown]\n# # A good page\n\n# %%\nprint('ran to the end')\n"


def text_of(site: building.Site, name: str) -> str:
    return (site.index.parent / f"{name}.html").read_text("utf-8")


def test_the_pages_and_what_they_share(made) -> None:
    folder = made.index.parent
    assert made.failed == []
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assets = {"site.css", "theme.js", "figures.js", "reading.js", "search.js", "search-index.js"}
    assets |= {"plotly.min.js", "katex.min.js"}
    assert names == {
        *("index.html", "01_first.html", "02_second.html", "marslab-site.json"),
        *(f"assets/{name}" for name in assets),
    }
    for name in ("index", "01_first", "02_second"):
        used = re.findall(r'(?:src|href)="(assets/[^"]+)"', text_of(made, name))
        assert used and [each for each in used if each not in names] == []


def test_links_lead_to_pages_and_sources_are_told(made) -> None:
    html = text_of(made, "01_first")
    assert '<a href="02_second.html#The-end">next page</a>' in html
    assert '<span title="../kernels/ssd/naive.py">source</span>' in html
    assert '<a href="https://arxiv.org/abs/2312.00752" rel="noreferrer">paper</a>' in html
    assert ".ipynb" not in html


def test_every_link_inside_the_site_has_its_target(made) -> None:
    for page in made.index.parent.glob("*.html"):
        html = page.read_text("utf-8")
        for link in re.findall(r'href="([^":]*)"', html):
            name, _, id = link.partition("#")
            target = (page.parent / name).read_text("utf-8") if name else html
            assert not id or f'id="{id}"' in target, link


def test_the_outputs_of_a_notebook_cannot_break_its_page(made) -> None:
    html = text_of(made, "01_first")
    assert "document.title = 'run'" not in re.sub(r"<span class=.*", "", html)
    assert html.count("</body>") == html.count("</main>") == 1
    assert html.count("<script") == html.count("</script>")
    assert '<div class="html"><div><b>open </b></div></div>' in html


def test_figures_are_described_and_never_send_anything(made) -> None:
    html = text_of(made, "01_first")
    assert 'aria-label="Figure 1: Three points"' in html
    drawn = re.findall(r'<script type="application/json">(.*?)</script>', html)
    assert len(drawn) == 2 and html.count('class="plot"') == 2
    for each in map(json.loads, drawn):
        assert each["config"]["showSendToCloud"] is False and each["config"]["responsive"]
    assert "plotly.min.js" not in text_of(made, "02_second")


def test_a_figure_cannot_send_data_away_by_its_own_wish() -> None:
    wish = {"showSendToCloud": True, "plotlyServerURL": "https://x.y", "displaylogo": True}
    html = figure({"data": [], "layout": {"height": "9px;position:fixed"}, "config": wish}, 1)
    assert "x.y" not in html and '"showSendToCloud":false' in html and "height:450px" in html


def test_a_description_without_title_and_axes() -> None:
    assert described({"title": {"text": None}, "xaxis": {}}, 3) == "Figure 3"


def test_a_control_is_a_drawing_with_a_note(made) -> None:
    html = text_of(made, "01_first")
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in html
    assert "In JupyterLab this picture has controls that move it." in html


def test_an_exercise_has_hints_to_unfold_and_no_solution(made) -> None:
    html = text_of(made, "01_first")
    section = html[html.index('<section class="exercise">') :]
    section = section[: section.index("</section>")]
    assert "Exercise tiny.1: Add &lt;one&gt; &amp; be done" in section
    assert section.count("<details>") == 2 and "<summary>Hint 2 of 2</summary>" in section
    assert '<span class="tex">x + 1</span>' in section
    assert "1 exercise" in text_of(made, "index")


def test_cells_are_counted_without_what_the_run_added(made) -> None:
    counts = re.findall(r"In \[(\d+)\]", text_of(made, "01_first"))
    assert counts == [str(count) for count in range(1, len(counts) + 1)]
    assert "injected" not in text_of(made, "01_first")


def test_the_real_exercises_have_titles_and_hints() -> None:
    registry = import_module("marslab.lab.course.registry")
    for id, exercise in registry.exercises().items():
        task = building.task(id)
        assert task is not None and task.title == exercise.title and len(task.hints) > 0
    assert building.task("no.such") is None


def test_the_search_index_holds_every_section(made) -> None:
    text = (made.index.parent / "assets" / "search-index.js").read_text("utf-8")
    found = json.loads(text.removeprefix("window.marslabSearch = ").removesuffix(";\n"))
    first = [each for each in found if each["page"] == "01_first"]
    assert [(each["id"], each["heading"]) for each in first] == [
        ("A-first-page", "A first page"),
        ("Pictures-numbers", "Pictures & numbers"),
        ("Smaller", "Smaller"),
    ]
    assert "quokka" in first[1]["text"] and "quokka" not in first[0]["text"]
    assert "scan_rounds" in first[1]["text"] and "h_t" in first[0]["text"]


def test_a_notebook_that_fails_says_so_and_the_others_are_made(course, tmp_path, capsys) -> None:
    root, out = course(nb01_good=FINE, nb02_bad=FAILING), tmp_path / "site"
    code, told = site(capsys, "--out", out, "--root", root, "--workers", "1")
    assert code == 1
    assert told.out == f"{out / 'index.html'}\n"
    assert "02_bad: FAILED, ZeroDivisionError: division by zero" in told.err
    assert told.err.endswith("stopped before the end: 02_bad\n")
    bad = (out / "02_bad.html").read_text("utf-8")
    assert 'This notebook stopped at <a href="#in-3">In [3]</a>' in bad and 'id="in-3"' in bad
    assert bad.count("ZeroDivisionError: division by zero") >= 2 and 'class="error"' in bad
    assert "ran to the end\n</pre>" in (out / "01_good.html").read_text("utf-8")
    assert '<a href="02_bad.html">A bad page</a>.' in (out / "index.html").read_text("utf-8")


def site(capsys, *words: object):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["marslab", "site", *map(str, words)])
        cli.main()
    return end.value.code or 0, capsys.readouterr()


def test_without_a_run_the_notebooks_are_shown_as_they_are(course, tmp_path, capsys) -> None:
    root, out = course(nb01_good=FINE, nb02_bad=FAILING), tmp_path / "site"
    code, told = site(capsys, "2", "--no-run", "--out", out, "--root", root)
    assert (code, told.err) == (0, "")
    assert sorted(path.name for path in out.glob("*.html")) == ["02_bad.html", "index.html"]
    html = (out / "02_bad.html").read_text("utf-8")
    assert "never" in html and "stopped" not in html and "In [" not in html


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["7"], "there is no notebook '7'. Choose from: 01_good."),
        (["--out", "{root}"], "holds things that are no site made by marslab"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_runs(
    course, tmp_path, capsys, monkeypatch, words, sentence: str
) -> None:
    monkeypatch.setattr(building.engine, "run", lambda *_, **__: pytest.fail("it ran"))
    root = course(nb01_good=FINE)
    words = [word.format(root=root) for word in words]
    code, told = site(capsys, "--root", root, "--out", tmp_path / "site", *words)
    assert code == 2 and told.out == ""
    assert told.err.startswith("marslab: ") and sentence in told.err and told.err.count("\n") == 1


def test_a_run_for_the_site_is_that_of_a_fresh_reader(course, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MARSLAB_SOLUTIONS", "1")
    code = "# %% [markdown]\n# # One\n\n# %%\nimport os\nfrom marslab.home import home\n"
    code += "(home() / 'progress').mkdir()\nassert not os.environ.get('MARSLAB_SOLUTIONS')\n"
    made = building.build(tmp_path / "site", root=course(nb01_one=code), workers=1)
    assert made.failed == []
    assert not (tmp_path / "home" / "progress").exists()


def test_the_catalogue_gives_titles_parts_and_minutes() -> None:
    start, first = entries(["00_start", "01_from_loop_to_scan"], Path("nowhere"))
    assert (start.part, start.title) == ("Part 0: Start", "Start here")
    assert first.minutes > 0 and first.learn and first.part == "Part 1: Scans"


def test_the_site_goes_into_the_checkout(monkeypatch, tmp_path: Path) -> None:
    assert building.default() == Path(building.__file__).parents[3] / "site"
    monkeypatch.setattr(building, "shipped", lambda: tmp_path / "notebooks")
    assert building.default() == Path("marslab-site")


def test_dark_figures_have_the_colours_of_the_dark_figures() -> None:
    style = import_module("marslab.widgets.figures.style")
    script = (Path(building.__file__).parent / "static" / "figures.js").read_text("utf-8")
    table = script[script.index("LIGHT_TO_DARK = {") : script.index("};")]
    shown = dict(re.findall(r'"(#\w{6})": "(#\w{6})"', table))
    light, dark = style._LOOKS[False], style._LOOKS[True]
    expected = {light[name]: dark[name] for name in light}
    for low, high in zip(style.diverging(False), style.diverging(True), strict=True):
        expected[str(low[1])] = str(high[1])
    assert shown == expected
