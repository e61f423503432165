"""Skeletons are drawn as the openpose ControlNets were trained on: points, limbs, colours and widths."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge.images.pose import COLOURS, FROM_COCO, LIMBS, NECK, NOSE, POINTS, body_of_coco, skeletons


def test_a_point_is_a_disc_of_its_colour():
    for point in range(POINTS):
        drawn = skeletons([{point: (30.0, 20.0)}], 40, 60)
        y, x = np.mgrid[:40, :60]
        disc = (x - 30) ** 2 + (y - 20) ** 2 <= 16
        assert (drawn[disc] == COLOURS[point]).all() and not drawn[~disc].any()


@pytest.mark.parametrize(("start", "end"), [((10, 30), (50, 30)), ((30, 8), (30, 52)), ((12, 12), (44, 36))])
def test_a_limb_is_an_ellipse_between_its_points_in_three_fifths_of_its_colour(start, end):
    drawn = skeletons([{2: start, 3: end}], 60, 60)
    middle, length = np.add(start, end) / 2, np.hypot(*np.subtract(end, start))
    u, v = np.subtract(end, start) / length
    expected = np.zeros((60, 60), bool)
    for y in range(60):
        for x in range(60):
            dx, dy = x - middle[0], y - middle[1]
            expected[y, x] = ((dx * u + dy * v) / (length / 2)) ** 2 + ((dy * u - dx * v) / 4) ** 2 <= 1
    colour = [int(channel * 0.6) for channel in COLOURS[LIMBS.index((2, 3))]]
    limb = (drawn == colour).all(axis=2)
    points = (drawn == COLOURS[2]).all(axis=2) | (drawn == COLOURS[3]).all(axis=2)
    assert np.array_equal(limb | points, expected | points) and limb.sum() > 60


def test_limbs_are_those_of_the_body_and_points_lie_above_them():
    assert len(LIMBS) == POINTS - 1 and len(COLOURS) == POINTS == len(set(COLOURS))
    assert {point for limb in LIMBS for point in limb} == set(range(POINTS))
    assert COLOURS[LIMBS.index((NECK, NOSE))] == (0, 0, 255) and COLOURS[LIMBS.index((1, 2))] == (255, 0, 0)
    crossing = skeletons([{2: (10, 30), 3: (50, 30)}, {4: (30, 30)}], 60, 60)
    assert tuple(crossing[30, 30]) == COLOURS[4]


def test_the_points_of_coco_find_their_places_and_the_neck_lies_between_the_shoulders():
    points = {number: (float(number), float(10 * number)) for number in range(17)}
    body = body_of_coco(points)
    assert sorted(body) == list(range(POINTS)) and sorted(FROM_COCO.values()) == list(range(17))
    assert body[NECK] == (5.5, 55.0) and body[NOSE] == (0.0, 0.0)
    right, left = (6.0, 60.0), (5.0, 50.0)  # shoulders: COCO has the left one first, openpose the right one
    assert body[2] == right and body[5] == left
    del points[6]
    assert NECK not in body_of_coco(points) and 2 not in body_of_coco(points)


def test_what_lies_beyond_the_edges_is_cut_off_and_nothing_is_an_empty_picture():
    drawn = skeletons([{2: (-20.0, 5.0), 3: (200.0, 5.0), 4: (-50.0, -50.0)}], 20, 30)
    assert drawn.shape == (20, 30, 3) and drawn[5].any() and not drawn[12:].any()
    assert not skeletons([], 8, 8).any() and not skeletons([{}], 8, 8).any()
