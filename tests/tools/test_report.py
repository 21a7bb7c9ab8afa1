"""`videorec.tools.report`: pages of tiny runs of every task, read with html.parser and, where it is there, with Chromium."""

import html
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import keras
import pytest
from tiny_runs import measured

from videorec import tasks
from videorec.config import UserError
from videorec.runs.mirror import Mirror
from videorec.runs.run import Run
from videorec.storage import files
from videorec.tools import report

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="runs are trained with TensorFlow")

ADDRESSES = ("src", "href", "data", "action", "poster", "srcset")
SINGLE = ("meta", "img", "link", "br", "hr", "input")


class Page(HTMLParser):
    """What a page holds: its texts, headings, tags, attributes; every tag must be closed."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags, self.attributes, self.open, self.texts, self.titles = set(), [], [], [], []
        self.whole = path.read_text(encoding="utf-8")
        self.feed(self.whole)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.open += [] if tag in SINGLE else [tag]
        if tag == "img":
            assert dict(attrs)["alt"] and dict(attrs)["src"].startswith("data:image/")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
        if "h2" in self.open:
            self.titles.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def page_of(runs, tmp_path, *options) -> Page:
    out = tmp_path / "page.html"
    assert report.main([*(run.place if isinstance(run, Run) else str(run) for run in runs), "--out", str(out), *options]) == 0
    page = Page(out)
    assert not {"script", "link", "iframe", "object"} & page.tags
    places = [value for _, name, value in page.attributes if name in ADDRESSES]
    assert all(value.startswith(("data:", "#")) for value in places)
    assert "url(" not in page.whole and "@import" not in page.whole
    return page


def assert_figures(page: Page, run: Run) -> None:
    """Every figure of results.json is in the page with all its digits."""
    figures = tasks.of(run.experiment).figures(json.loads((run.folder / "results.json").read_text()))
    exact = [value for tag, name, value in page.attributes if (tag, name) == ("td", "title")]
    for figure in figures:
        assert figure.name in page.text
        assert figure.value is None or repr(figure.value) in exact


@pytest.fixture
def recogniser(small_runs, monkeypatch) -> Run:
    monkeypatch.chdir(small_runs)
    return Run("runs/a")


def test_a_recognisers_page(recogniser, tmp_path):
    page = page_of([recogniser], tmp_path, "--pictures", "2", "--repeats", "1")
    assert_figures(page, recogniser)
    assert page.titles[:5] == ["Figures", "Curves", "Confusion", "Classes", "Worst errors"]
    assert page.titles[-4:] == ["Cost", "Settings", "Environment", "Commands"]
    results = json.loads((recogniser.folder / "results.json").read_text())
    wrong = sum(map(sum, results["confusion"])) - sum(row[n] for n, row in enumerate(results["confusion"]))
    assert f"{wrong} of 16 videos were not recognised" in page.text
    assert sum(tag == "img" and name == "src" for tag, name, _ in page.attributes) == 2
    assert "python evaluate.py runs/a" in page.text and f"{recogniser.load_model().count_params():,}" in page.text


@pytest.mark.parametrize("task, title", [("dense", "Timelines"), ("anticipation", "By lead time")])
def test_pages_of_moments(task_runs, task, title, tmp_path):
    page = page_of([task_runs[task]], tmp_path, "--pictures", "1", "--repeats", "1")
    assert_figures(page, task_runs[task])
    assert title in page.titles


@pytest.mark.parametrize(
    "name, has, has_not", [("several_labels", "mAP", "Confusion"), ("two_streams", "flow alone", "By lead time")]
)
def test_several_labels_and_two_streams(old_runs, name, has, has_not, tmp_path, monkeypatch):
    shutil.copytree(old_runs, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")  # where their data lie
    run = Run(f"trained/{name}")
    results = measured(run)
    page = page_of([run], tmp_path, "--pictures", "1", "--repeats", "1")
    assert_figures(page, run)
    assert has_not not in page.titles and {"Figures", "Classes", "Cost"} <= set(page.titles)
    assert has in page.text and all(label in page.text for label in results["per_class"])


def test_a_run_that_lies_elsewhere(recogniser, s3, tmp_path):
    """Its page is made from what lies there, and lies beside it."""
    mirror = Mirror(f"{s3}/runs/x")
    shutil.copytree(recogniser.folder, mirror.folder, dirs_exist_ok=True)
    mirror.push()
    shutil.rmtree(mirror.folder)
    assert report.main([f"{s3}/runs/x", "--pictures", "1", "--repeats", "1"]) == 0
    (tmp_path / "page.html").write_bytes(files.read(f"{s3}/runs/x/report.html"))
    page = Page(tmp_path / "page.html")
    assert_figures(page, recogniser)
    assert f"python evaluate.py {s3}/runs/x" in page.text


@pytest.fixture(scope="module")
def several(small_runs, task_runs, tmp_path_factory):
    """Two recognisers and a forecaster in one page."""
    runs = [Run(small_runs / "runs/a"), Run(small_runs / "runs/frozen"), task_runs["forecasting"]]
    return runs, page_of(runs, tmp_path_factory.mktemp("several"), "--pictures", "1", "--repeats", "1")


def test_runs_of_several_tasks_in_one_page(several):
    runs, page = several
    for run in runs:
        assert_figures(page, run)
    assert {"Forecasts", "By lead time", "Confusion"} <= set(page.titles)
    assert "squared error summed over pixels" in page.text and "model.trainable_from ≠" in page.text.replace("  ", " ")


# === What is missing, damaged or hostile ===


def test_what_is_missing_is_said(recogniser, tmp_path):
    folder = Path(shutil.copytree(recogniser.folder, tmp_path / "bare"))
    for name in ("results.json", "model.keras"):
        (folder / name).unlink()
    shutil.rmtree(folder / "state")
    page = page_of([folder], tmp_path)
    for words in ("not measured yet", "has no results yet", f"python evaluate.py {folder}", "has no curves", "has no model"):
        assert words in page.text


@pytest.mark.parametrize("content", ["{", "[]", '{"protocol": {}}', '{"accuracy": "high", "protocol": {"data": "x"}}'])
def test_damaged_results_are_said(recogniser, tmp_path, content):
    folder = Path(shutil.copytree(recogniser.folder, tmp_path / "damaged"))
    (folder / "results.json").write_text(content)
    (folder / "model.keras").unlink()
    assert "cannot be read" in page_of([folder], tmp_path).text


def test_videos_that_are_gone_and_hostile_names(recogniser, tmp_path):
    folder = Path(shutil.copytree(recogniser.folder, tmp_path / "hostile"))
    hostile = "<script>alert(1)</script>&amp;\u202e"
    name = recogniser.classes[0]
    for file in ("classes.txt", "results.json", "config.json"):
        text = (folder / file).read_text()
        if file != "config.json":
            text = text.replace(name, hostile)
        (folder / file).write_text(text)
    (folder / "recipe.json").unlink()
    rows = f"video,label,predicted,score,p(a),p(b)\n/gone/<b>x</b>.avi,a,{hostile},0.9,0.1,0.9\n"
    (folder / "predictions.csv").write_text(rows)
    page = page_of([folder], tmp_path)
    assert "<script" not in page.whole and "<b>x" not in page.whole and "\u202e" not in page.whole
    assert "<script>alert(1)</script>&amp;\\u202e" in page.text and "The video is not there any more." in page.text


def test_wrong_arguments(recogniser):
    with pytest.raises(UserError, match="at least one run folder"):
        report.main([])
    with pytest.raises(UserError, match="--out must lie in a folder that exists"):
        report.main(["runs/a", "--out", "nowhere/page.html"])


# === In a browser ===


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_no_page_is_wider_than_its_window(several, tmp_path):
    whole = html.escape(several[1].whole)
    frames = "".join(
        f'<iframe width="{width}" height="900" style="border:0" srcdoc="{whole}"></iframe>' for width in (400, 1400)
    )
    script = "onload=()=>document.body.dataset.wide=Array.from(frames, f=>f.document.documentElement.scrollWidth).join()"
    (tmp_path / "frame.html").write_text(f"<meta charset=utf-8><body>{frames}<script>{script}</script>", encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", f"--user-data-dir={tmp_path}/c"]
    command = ["chromium", *options, "--dump-dom", f"file://{tmp_path}/frame.html"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    narrow, wide = map(int, shown.split('data-wide="')[1].split('"')[0].split(","))
    assert narrow <= 400 and wide <= 1400
