"""The memory a picture takes in each mode, predicted by arithmetic, and the mode that a machine can afford. No torch.

    fast     the UNet and the VAE stay between pictures; the text encoder goes when its work is done
    low      one network at a time
    lowest   the same, and the VAE keeps its rows in a temporary file
    stream   the same, and weights stay in their file: a layer's are read just before it runs

All give the same picture. On a CPU every mode decodes row by row, which is also faster there; elsewhere fast decodes as
a whole. Above 1024x1024 pixels on a CPU, and where no mode fits otherwise, the UNet also runs in parts: the halves of guidance
one after the other, its widest layers by rows. `python -m tests.benchmarks memory` measures what is predicted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

MODES = ("fast", "low", "lowest", "stream")
CHOICES = ("auto", *MODES)

MB = 10**6
BASE = {"cpu": 260 * MB, "mps": 400 * MB, "cuda": 500 * MB}
"""The process itself: Python, torch and its kernels; on CUDA the context on the card."""

# Numbers per pixel that are alive at most, beside the weights. The UNet's and the control nets' are also per picture and branch.
UNET_FEATURES = 190  # the largest set of feature maps alive, and their copies in kernels
UNET_FEATURES_FREED = (
    47  # freed ones between them, which the C library keeps in the modes that let it: as large as the maps are
)
UNET_FEATURES_TIGHT = 70  # the largest set where nothing freed is kept
UNET_FEATURES_IN_PARTS = (
    70  # of one row, which are run one after the other, wide layers by rows, and nothing freed is kept
)
CONTROL_RESIDUALS = 26  # what control nets add to the skips and the middle, held for the UNet
VAE_WHOLE = 1090  # the VAE decodes the picture as a whole
VAE_BY_ROWS = 290  # it decodes row by row, with feature maps in memory
VAE_BY_ROWS_IN_FILE = 60  # it decodes row by row, with its large feature maps in a file

LOADING = 90 * MB  # the buffers of layers that were loaded last, and what packing takes
STREAMED_BUFFER = 15_000_000  # numbers of the largest layer, into whose space a network that waits for its turn reads
ROWS = 90 * MB  # blocks of rows in work, and kernels' copies of weights
STREAMED_LAYERS = 250 * MB  # the buffer that layers are read into and packed in, the layer in use, and kernels' copies
CHECKER = 350 * MB  # the libraries that the safety checker needs
CHECKER_SIZE = 304_000_000  # its parameters, in float32
LARGEST_MAP_IN_MEMORY = 16 * 2**20  # bytes; larger feature maps of the VAE go to a file in the tight modes
SMALL_NETWORK = 64 * MB  # a text encoder below this size is not worth loading again for every picture
MARGIN = 0.9  # of the free memory is planned with
LARGE = 1024 * 1024  # pixels; larger pictures are drawn in parts on a CPU: what that costs is lost in their steps
SIZE_STEP = 64  # pixels between the sizes that are tried as the nearest one


@dataclass(frozen=True)
class Sizes:
    """Numbers of parameters of the networks, and of channels at their widest resolution. The defaults are v1's."""

    text_encoder: int = 123_060_480
    unet: int = 859_520_964
    vae: int = 83_653_863
    safety_checker: int = 0
    """0 where the model has none; always in float32 and on the CPU."""
    unet_width: int = 320
    vae_width: int = 128
    every_step: tuple[int, ...] = ()
    """Of each network that works at every step beside the UNet, such as control nets."""
    once: tuple[int, ...] = ()
    """Of each network that works once a picture beside the model's own, such as adapters and image encoders."""


@dataclass(frozen=True)
class MemoryRequest:
    """What is to be drawn: pixels, pictures at a time, bytes per number, and the kind of device ("cpu", "cuda", "mps")."""

    width: int
    height: int
    batch: int = 1
    itemsize: int = 4
    device: str = "cpu"
    unet_itemsize: int = 0
    """Of the UNet's weights, where they take other room than numbers do while drawing; 0 where they do not."""
    branches: int = 2
    """Rows of a step for each picture: the conditions of guidance."""
    is_single: bool = False
    """Whether nothing was drawn before and nothing comes after, from noise: the VAE comes when the UNet has gone."""
    window: tuple[int, int] | None = None
    """Width and height in pixels of what the UNet sees at once; None is all."""

    @property
    def drawn_pixels(self) -> int:
        """Returns how many pixels the UNet sees at once."""
        width, height = self.window or (self.width, self.height)
        return min(width, self.width) * min(height, self.height)


@dataclass(frozen=True)
class MemoryPlan:
    """How to draw a job.

    peak      predicted bytes at most
    free      bytes there were
    nearest   the job that would fit where this one does not: the same one where it does in another mode than the named one;
              None also where nothing does
    in_parts  whether the rows of a batch run one after the other, and wide layers by rows
    mapped    bytes of the peak that are mapped from files in the cache: they count while they are used, and the system drops them
              where others need the memory; the rest is anonymous
    """

    mode: str
    peak: int
    free: int
    nearest: MemoryRequest | None = None
    in_parts: bool = False
    mapped: int = 0

    @property
    def fits(self) -> bool:
        return self.peak <= self.free

    def __str__(self) -> str:
        mapped = f", {spoken_size(self.mapped)} of them mapped from the cache" if self.mapped else ""
        return f"{self.mode} (about {spoken_size(self.peak)} of {spoken_size(self.free)} free{mapped})"


def keeps(mode: str, size: int, once: bool) -> bool:
    """Returns whether a network stays loaded while another runs; `once` is True for one that runs once a picture.

    `size` is that of its weights in bytes.
    """
    return mode == "fast" and (not once or size < SMALL_NETWORK)


def is_tight(mode: str) -> bool:
    """Returns whether memory counts for more than time: rows go to a file and nothing freed is kept at hand."""
    return mode in ("lowest", "stream")


def smaller(mode: str) -> str | None:
    """Returns the next mode that takes less, for when an allocation fails all the same; None after the last."""
    return next(iter(MODES[MODES.index(mode) + 1 :]), None)


def plan(job: MemoryRequest, free: int, sizes: Sizes = Sizes(), mode: str = "auto") -> MemoryPlan:
    """Returns the first mode that fits into `free` bytes, or the named one.

    Where none does, it is the one that takes least, with the nearest job that would fit.
    """
    if mode != "auto":
        ways = [_planned(mode, job, free, sizes, in_parts, (mode,)) for in_parts in _ways(job)]
        return next((candidate for candidate in ways if candidate.fits), ways[-1])
    # Beside a step of a large picture, loading a network again and keeping rows in a file take no time.
    modes = MODES[2:] if _is_large(job) else MODES
    plans = [_planned(name, job, free, sizes, in_parts) for in_parts in _ways(job) for name in modes]
    affordable = next((candidate for candidate in plans if candidate.peak <= MARGIN * free), None)
    return affordable or min(plans, key=lambda candidate: candidate.peak)


def _is_large(job: MemoryRequest) -> bool:
    return job.device == "cpu" and job.drawn_pixels > LARGE


def _ways(job: MemoryRequest) -> tuple[bool, ...]:
    """Returns whether a job may be drawn as a whole, in parts, or either; on other devices it is never in parts."""
    return (False,) if job.device != "cpu" else (True,) if _is_large(job) else (False, True)


def _planned(
    mode: str, job: MemoryRequest, free: int, sizes: Sizes, in_parts: bool, modes: Sequence[str] = MODES
) -> MemoryPlan:
    """Plans a job in a mode; the nearest one that would fit does so in one of the `modes`."""
    made = MemoryPlan(mode, predict(mode, job, sizes, in_parts), free, in_parts=in_parts)
    return made if made.fits else replace(made, nearest=_nearest(job, free, sizes, modes))


def predict(mode: str, job: MemoryRequest, sizes: Sizes = Sizes(), in_parts: bool = False) -> int:
    """Returns the bytes at most while a job is drawn in a mode, the whole process counted; on CUDA those on the card."""
    pixels, itemsize = job.width * job.height, job.itemsize
    unet, vae = sizes.unet * (job.unet_itemsize or itemsize), sizes.vae * itemsize
    beside, once = [size * itemsize for size in sizes.every_step], max(sizes.text_encoder, *sizes.once, 0) * itemsize
    drawing = _drawing(mode, job, sizes, in_parts)
    decoding = ROWS + _vae_features(mode, job.device) * pixels * itemsize * sizes.vae_width // 128
    checking = sizes.safety_checker * 4 + CHECKER if sizes.safety_checker and job.device != "cuda" else 0
    if mode == "fast" and job.is_single and job.device == "cpu":
        return BASE[job.device] + checking + max(once, unet + sum(beside) + drawing, vae + decoding)
    if mode == "fast":
        recorded = drawing if job.device == "cuda" else 0  # which `cuda_graphs` keeps for the next call
        return BASE[job.device] + unet + sum(beside) + vae + checking + recorded + max(once, drawing, decoding)
    if mode == "stream":
        once, unet = (min(size, STREAMED_LAYERS) for size in (once, unet))
        beside = [min(size, STREAMED_BUFFER * itemsize) for size in beside]  # one network's layers are in use at a time
    return BASE[job.device] + max(once, unet + sum(beside) + drawing, vae + decoding, checking)


def _drawing(mode: str, job: MemoryRequest, sizes: Sizes, in_parts: bool) -> int:
    """Returns the bytes of a step's feature maps, and on a CPU of what loading leaves beside them."""
    rows = job.branches * job.batch
    tight = is_tight(mode) and job.device == "cpu"
    features = UNET_FEATURES_IN_PARTS if in_parts else rows * (UNET_FEATURES_TIGHT if tight else UNET_FEATURES)
    features += CONTROL_RESIDUALS * rows if sizes.every_step else 0
    if job.device == "cpu" and not tight and not in_parts:
        features += UNET_FEATURES_FREED * rows
    maps = features * job.drawn_pixels * job.itemsize * sizes.unet_width // 320
    if job.device != "cpu" or mode == "stream":  # whose buffers are counted with the layers
        return maps
    return maps + min(LOADING, sizes.unet * job.itemsize)


def _vae_features(mode: str, device: str) -> int:
    """Returns the numbers per pixel that are alive at most while the VAE decodes."""
    if mode == "fast":
        return VAE_BY_ROWS if device == "cpu" else VAE_WHOLE
    return VAE_BY_ROWS if mode == "low" else VAE_BY_ROWS_IN_FILE


def _nearest(job: MemoryRequest, free: int, sizes: Sizes, modes: Sequence[str]) -> MemoryRequest | None:
    """Returns the job with the fewest changes that fits: the same in another mode, one picture at a time, then ever smaller in
    the same proportions."""
    if _least(job, sizes, MODES) <= MARGIN * free:
        return job
    return next((single for single in _easier(job) if _least(single, sizes, modes) <= MARGIN * free), None)


def _least(job: MemoryRequest, sizes: Sizes, modes: Sequence[str]) -> int:
    return min(predict(mode, job, sizes, in_parts) for mode in modes for in_parts in _ways(job))


def _easier(job: MemoryRequest) -> Iterator[MemoryRequest]:
    """Yields jobs that take ever less: one picture at a time, then smaller sizes in the same proportions."""
    single = replace(job, batch=1)
    yield single
    long = max(job.width, job.height)
    for side in range((long - 1) // SIZE_STEP * SIZE_STEP, SIZE_STEP, -SIZE_STEP):
        width, height = (max(1, round(x * side / long / SIZE_STEP)) * SIZE_STEP for x in (job.width, job.height))
        yield replace(single, width=width, height=height)


def spoken_size(size: int) -> str:
    """Returns a number of bytes as people read it: in MB below a tenth of a GB."""
    if size >= 1e8:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e6:.1f} MB"
