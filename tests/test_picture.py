"""What pictures of tables and of series say: the names of their columns."""

import numpy as np
import pytest

from aespec.picture import COLORS, blank, draw_legend, reconstructions
from aespec.uses.features_picture import draw_first_layer
from aespec.uses.generation_picture import draw_grid

WIDE = tuple(f"column {i}" for i in range(30))
CHANNELS = ("flow", "heat")


@pytest.fixture
def figure(monkeypatch):
    """What was drawn last."""
    found = []
    for module in ("aespec.picture", "aespec.uses.features_picture", "aespec.uses.generation_picture"):
        monkeypatch.setattr(f"{module}.save", lambda figure, path: found.append(figure))
    return lambda: found[-1]


def test_a_wide_table_is_restored_in_bars_of_what_changed_most(figure):
    given, restored = np.zeros((3, 30)), np.zeros((3, 30))
    restored[:, 7] = 2
    reconstructions({"original": given, "restored": restored}, "p.png", images=False, columns=WIDE)
    above, below = figure().axes[0], figure().axes[3]
    assert above.get_yticklabels()[0].get_text() == "column 7"
    assert above.patches[0].get_width() == 0
    assert below.patches[0].get_width() == 2
    assert "the 16 of 30 features with the largest differences" in figure().get_supxlabel()


def test_names_are_clipped_and_stand_as_they_are(figure):
    rows = {"original": np.zeros((2, 3)), "restored": np.zeros((2, 3))}
    reconstructions(rows, "p.png", images=False, columns=["a", "b $x", "c" * 40])
    labels = figure().axes[0].get_yticklabels()
    assert [text.get_text() for text in labels] == ["a", "b $x", "c" * 23 + "…"]
    assert not any(text.get_parse_math() for text in labels)


def test_weights_of_a_wide_table_are_bars_of_the_largest(figure):
    weights = np.zeros(30)
    weights[[4, 9]] = 0.5, -1
    draw_first_layer({3: weights}, "p.png", images=False, columns=WIDE)
    (axes,) = figure().axes
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == ["column 9", "column 4"]
    assert [bar.get_width() for bar in axes.patches[:2]] == [-1, 0.5]


def test_a_wide_table_that_was_made_has_its_names_and_a_key(figure):
    draw_grid(np.arange(60.0).reshape(2, 30), "p.png", columns=1, images=False, features=WIDE)
    table, key = figure().axes
    assert tuple(text.get_text() for text in table.get_xticklabels()) == WIDE
    assert [text.get_text() for text in key.get_yticklabels()] == ["lowest", "highest"]


def called(legend):
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize(
    ("features", "columns", "legend", "said"),
    [
        (1, (), None, ""),
        (1, ("flow",), ["flow"], ""),
        (3, (), ["feature 0", "feature 1", "feature 2"], ""),
        (9, (), [f"feature {i}" for i in range(1, 9)], "the 8 of 9 features with the largest differences"),
    ],
)
def test_a_series_that_is_restored_has_a_legend_and_the_steps_of_its_windows(features, columns, legend, said, figure):
    x = np.zeros((2, 5, features)) + np.arange(features)  # restored as zeros: the last changes most
    names = ["steps 0 to 4", "steps 9 to 13"]
    rows = {"original": x, "restored": 0 * x}
    reconstructions(rows, "p.png", images=False, columns=columns, names=names, title="pump")
    assert [called(each) for each in figure().legends] == ([] if legend is None else [legend])
    assert figure().get_suptitle() == "\n".join(filter(None, ("pump", said)))
    assert [axes.get_title() for axes in figure().axes] == [*names, "", ""]
    above = figure().axes[0].get_lines()
    assert [line.get_ydata()[0] for line in above] == [*range(features)][-len(COLORS) :]


@pytest.mark.parametrize(
    ("width", "names", "across"),
    [
        (10.0, ["flow"] * 6, 6),
        (5.0, ["flow"] * 6, 3),  # 5 would have room
        (4.4, ["c" * 40] * 5, 2),
        (1.0, ["c" * 24] * 3, 1),
    ],
)
def test_the_rows_of_a_legend_are_of_like_length(width, names, across):
    drawing = blank(width, 2.0)
    lines = drawing.subplots().plot(np.zeros((2, len(names))))
    draw_legend(drawing, lines, names)
    (legend,) = drawing.legends
    assert legend._ncols == across
    assert drawing.get_figheight() == pytest.approx(2 + 0.2 * -(-len(names) // across))


@pytest.mark.filterwarnings("error")
def test_channels_of_a_series_have_a_legend(figure):
    x = np.random.default_rng(0).normal(size=(4, 9, 2))

    def legend():
        (found,) = figure().legends
        texts = tuple(text.get_text() for text in found.get_texts())
        return texts, tuple(line.get_color() for line in found.get_lines())

    reconstructions({"original": x, "restored": x}, "p.png", images=False, columns=CHANNELS)
    assert legend() == (CHANNELS, COLORS[:2])
    draw_grid(x, "p.png", columns=2, images=False, features=CHANNELS)
    assert legend() == (CHANNELS, COLORS[:2])
    draw_first_layer({0: x[0]}, "p.png", images=False, columns=CHANNELS)
    assert legend() == (CHANNELS, COLORS[:2])
