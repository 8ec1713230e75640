"""The site: `make docs` builds it into build/site."""

import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference_pages  # noqa: E402  (it lies beside this file)

reference_pages.write(HERE / "reference")

project = "aespec"
version = release = version("aespec")
html_title = f"aespec {release}"
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
smartquotes = False  # they would change what commands and code are in texts
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]


def setup(app):
    """Say of the pages in Korean that they are."""

    def with_language(app, page, template, context, doctree):
        context["language"] = "ko" if page.endswith(".ko") else "en"

    app.connect("html-page-context", with_language)
