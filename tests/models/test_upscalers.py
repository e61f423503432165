"""Networks that enlarge: equal to the papers', whole and by rolling strips, in memory that grows with the width only."""

from __future__ import annotations

import pytest
import torch

from sdedge.models.strips import enlarge_strips
from sdedge.models.upscaler_config import RRDBConfig, SRVGGConfig
from sdedge.models.upscalers import upscaler
from tests.conftest import cases
from tests.live_bytes import LiveBytes
from tests.upscaler_models import random_state, rrdbnet, srvgg

NETWORKS = [
    RRDBConfig(8, 2, 4),
    RRDBConfig(8, 1, 4, unshuffle=2),
    RRDBConfig(6, 1, 4, unshuffle=4),
    RRDBConfig(8, 1, 4, doublings=1),
    RRDBConfig(8, 1, 4, doublings=0),
    RRDBConfig(8, 1, 4, doublings=3),
    SRVGGConfig(8, 3, 4),
    SRVGGConfig(8, 2, 2),
    SRVGGConfig(4, 0, 3),
]
SCALES = [4, 2, 1, 2, 1, 8, 4, 2, 3]


def _network(config):
    network = upscaler(config)
    network.load_state_dict(random_state(config, 3))
    return network.eval()


def _referee(config, image):
    state = random_state(config, 3)
    with torch.inference_mode():
        if isinstance(config, SRVGGConfig):
            return srvgg(state, image, config.scale)
        return rrdbnet(state, image, config.unshuffle)


def _strips(image, step):
    return (image[:, :, top : top + step] for top in range(0, image.shape[2], step))


@pytest.mark.parametrize(("config", "scale"), list(zip(NETWORKS, SCALES, strict=True)))
def test_a_network_is_the_papers_whole_and_by_strips_of_any_height(config, scale):
    assert config.scale == scale
    network, side = _network(config), config.unshuffle
    for height in (1, 2, 3, 7, 23):
        image = torch.rand(1, 3, height * side, 5 * side)
        expected = _referee(config, image)
        with torch.inference_mode():
            assert torch.allclose(network(image), expected, atol=1e-5)
        for step in (1, 2, 5, 100):
            rows = torch.cat([*enlarge_strips(network, _strips(image, step * side))], dim=2)
            assert rows.shape == (1, 3, height * side * scale, 5 * side * scale)
            assert torch.allclose(rows, expected, atol=1e-5), (height, step)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_published_depth_is_exact_by_strips_where_a_picture_is_lower_than_its_halo(layout):
    network = _network(RRDBConfig(4, 23, 2)).to(memory_format=layout)
    image = torch.rand(1, 3, 40, 6)
    strips = (rows.contiguous(memory_format=layout) for rows in _strips(image, 4))
    assert torch.allclose(
        torch.cat([*enlarge_strips(network, strips)], dim=2), _referee(network.config, image), atol=1e-5
    )


@pytest.mark.parametrize(
    "config", cases([RRDBConfig(4, 1, 2, 0), *NETWORKS[:2], SRVGGConfig(4, 2, 2)], [RRDBConfig(4, 1, 2, 0)])
)
def test_memory_grows_with_the_width_and_not_with_the_height(config):
    network = _network(config)

    def peak(height, width):
        image = torch.rand(1, 3, height * config.unshuffle, width * config.unshuffle)
        with LiveBytes() as live:
            for _ in enlarge_strips(network, _strips(image, 12 * config.unshuffle)):
                pass
        return live.peak

    low, high, wide = peak(60, 4), peak(96, 4), peak(60, 12)
    assert high <= low * 1.01 and wide > 2 * low
