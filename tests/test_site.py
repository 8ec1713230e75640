"""The site: it is built without a warning, and what it is generated from is all there, under addresses that stay."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import aespec
from aespec.cli import COMMANDS
from aespec.registry import kinds
from aespec.rules import AREAS, every_rule
from aespec.source.items import ITEMS
from aespec.spec import Spec

DOCS = Path(__file__).parents[1] / "docs"


class Ids(HTMLParser):
    """The anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.update(value for name, value in attrs if name == "id")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the site, and what building it printed, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", str(DOCS), str(folder)]
    return folder, subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def site(built):
    return built[0]


def test_it_is_built_without_a_warning(built):
    assert (built[1].stderr, built[1].returncode) == ("", 0)


def ids(site, page):
    return Ids((site / page).read_text()).found


@pytest.mark.parametrize(
    ("family", "page"),
    [
        ("layer", "layers"),
        ("activation", "activations"),
        ("initializer", "initializers"),
        ("regularizer", "regularizers"),
        ("loss", "losses"),
        ("optimizer", "optimizers"),
        ("schedule", "schedules"),
    ],
)
def test_each_kind_is_on_its_page(family, page, site):
    own = {name for name, kind in kinds(family).items() if kind.__module__.startswith("aespec.")}
    assert own
    assert {name.replace("_", "-") for name in own} <= ids(site, f"reference/{page}.html")


def test_kinds_of_other_packages_are_not(site):
    assert "attention_pool" in kinds("layer")
    assert "attention-pool" not in ids(site, "reference/layers.html")


def test_each_code_is_on_one_page(site):
    codes = every_rule()
    assert {code.lower() for code in codes} <= ids(site, "reference/codes.html")
    assert {code[:2] for code in codes} == {*AREAS}


def test_each_command_is_on_one_page(site):
    names = {name for section in COMMANDS.values() for name in section}
    assert names <= ids(site, "reference/commands.html")


def test_each_public_name_is_on_the_page_of_python(site):
    text = (site / "reference/python.html").read_text()
    assert [name for name in aespec.__all__ if f">aespec.{name}<" not in text] == ["__version__"]
    assert {"aespec-build", "aespec-run", "model-reconstruct", "autoencoder-predict"} <= ids(
        site, "reference/python.html"
    )
    words = " ".join(re.sub("<[^>]+>", "", text).split())
    assert "open_run(folder: StrPath, *, finished: bool = True) -&gt; Run" in words
    assert "finished: Whether the run must have ended, so that it has a model." in words


def test_each_field_of_a_spec_is_on_one_page(site):
    text = (site / "reference/spec.html").read_text()
    assert [name for name in Spec.model_fields if f'<span class="pre">{name}</span>' not in text] == []
    assert {"input", "decoder", "training", "early-stopping", "greedy", "classifier"} <= ids(
        site, "reference/spec.html"
    )


def test_what_stands_in_a_list_of_layers_is_on_the_page_of_a_spec(site):
    assert {*ITEMS, "variables-and-arithmetic"} <= ids(site, "reference/spec.html")
    text = " ".join(re.sub("<[^>]+>", "", (site / "reference/spec.html").read_text()).split())
    assert [told for fields in ITEMS.values() for told in fields.values() if told.replace("`", "") not in text] == []


def test_a_page_of_a_kind_says_what_the_kind_says(site):
    """A dense layer of 3 units on 5 numbers has a kernel of 5 by 3 and a bias of 3."""
    section = (
        (site / "reference/layers.html").read_text().partition('<section id="dense">')[2].partition("</section>")[0]
    )
    words = " ".join(re.sub("<[^>]+>", "", section).split())
    assert "units whole number &gt;= 1 required Width of the output." in words
    assert "dense: {units: 3} (5,) → (3,) kernel (5, 3), bias (3,)" in words
    assert "Mirror: A dense layer of the width that this one was given." in words
    assert "Backends: keras, numpy, torch" in words


@pytest.mark.parametrize("page", ["tutorial.html", "tutorial.ko.html"])
def test_formulas_are_set_as_such(page, site):
    text = (site / page).read_text()
    assert len(re.findall('class="math notranslate', text)) == 2
    assert "$D_" not in text


@pytest.mark.parametrize(("page", "language"), [("tutorial", "en"), ("tutorial.ko", "ko")])
def test_a_page_says_its_language(page, language, site):
    assert f'<html class="no-js" lang="{language}"' in (site / f"{page}.html").read_text()


def test_every_page_is_in_the_tree(site):
    """What Sphinx itself warns of, seen once from outside: each Markdown file is a page that the first one links to."""
    linked = set(re.findall(r'href="([\w./-]+)\.html', (site / "index.html").read_text()))
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")} - {"index"}
    assert pages <= linked
