"""The shapes of the networks that enlarge pictures. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RRDBConfig:
    """The shape of an RRDBNet (ESRGAN, Real-ESRGAN).

    features    channels between the blocks
    blocks      residual-in-residual dense blocks, one after the other
    growth      channels that each convolution of a dense block adds
    doublings   how often the map is doubled after the blocks
    unshuffle   the side of the squares of pixels that are folded into channels before the first convolution
    """

    features: int = 64
    blocks: int = 23
    growth: int = 32
    doublings: int = 2
    unshuffle: int = 1

    @property
    def scale(self) -> int:
        """How many times as wide and high as its input the output is."""
        return 2**self.doublings // self.unshuffle


@dataclass(frozen=True)
class SRVGGConfig:
    """The shape of an SRVGGNet ("compact"): `convs` convolutions of `features` channels between the first and the last."""

    features: int = 64
    convs: int = 32
    scale: int = 4

    @property
    def unshuffle(self) -> int:
        """1: pixels go in as they are."""
        return 1


UpscalerConfig = RRDBConfig | SRVGGConfig
