"""Confusion matrices: nothing of the names is cut, every count is to be seen, the listed pairs are those that occur most."""

import itertools

import numpy as np
import pytest

from videorec.reports.confusion import confusion_figure, most_confused
from videorec.reports.pictures import to_array


def test_the_most_confused_pairs_by_hand():
    matrix = [[5, 3, 0], [1, 9, 0], [4, 2, 2]]
    assert most_confused(matrix) == [(2, 0, 4, 0.5), (0, 1, 3, 3 / 8), (2, 1, 2, 0.25), (1, 0, 1, 0.1)]
    assert most_confused(matrix, 2) == [(2, 0, 4, 0.5), (0, 1, 3, 3 / 8)]
    assert most_confused(np.diag([3, 0])) == []


@pytest.mark.parametrize(("count", "long"), [(2, False), (8, True), (30, True), (60, False)])
def test_all_text_lies_inside_the_picture_and_names_are_whole(count, long):
    names = [f"{'riding a unicycle along the shore of a lake at dusk ' * (long and k == 3)}class {k}" for k in range(count)]
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 3, (count, count)) + 20 * np.eye(count)
    figure = confusion_figure(matrix, names, "validation, epoch 3\na second line")
    figure.canvas.draw()
    axes = figure.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == names
        boxes = [label.get_window_extent() for label in labels]
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
        assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    rows = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 - 2 for upper, lower in itertools.pairwise(rows))  # one below the other
    lowest = min(label.get_window_extent().y0 for label in axes.get_xticklabels())
    texts = [text.get_window_extent() for text in figure.texts]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in texts)
    assert all(box.y1 <= lowest for box in texts[1:])  # the pairs
    shown = [text.get_text() for text in figure.texts[2:]]
    assert len(shown) == len(most_confused(matrix)) > 0


def test_a_single_video_among_thousands_is_seen_where_there_are_many_classes():
    matrix = 5000 * np.eye(40)
    matrix[3, 17] = 1
    figure = confusion_figure(matrix, [str(k) for k in range(40)], "test")
    picture = to_array(figure).astype(int)
    x, y = figure.axes[0].transData.transform((17, 3))
    cell = picture[len(picture) - 1 - round(y), round(x)]
    x, y = figure.axes[0].transData.transform((18, 3))
    empty = picture[len(picture) - 1 - round(y), round(x)]
    assert empty.min() >= 250 and cell.min() < 230
    assert [text.get_text() for text in figure.texts[2:]] == ["1 (0%): 3 taken for 17"]
