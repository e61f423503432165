"""What clients of the A1111 web UI's API send. Everything may be left out or null; what is not listed is kept and named later."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False)]


class Drawing(BaseModel):
    """What txt2img and img2img have in common."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    prompt: str | None = None
    negative_prompt: str | None = None
    styles: list[str] | None = None
    seed: int | None = None
    subseed: int | None = None
    subseed_strength: Number | None = None
    sampler_name: str | None = None
    sampler_index: str | int | None = None
    scheduler: str | None = None
    batch_size: Annotated[int, Field(ge=1, le=64)] | None = None
    n_iter: Annotated[int, Field(ge=1, le=1000)] | None = None
    steps: int | None = None
    cfg_scale: Number | None = None
    width: int | None = None
    height: int | None = None
    tiling: bool | None = None
    eta: Number | None = None
    denoising_strength: Number | None = None
    override_settings: dict[str, Any] | None = None
    alwayson_scripts: dict[str, Any] | None = None
    send_images: bool | None = None


class Txt2Img(Drawing):
    """The body of txt2img; what else hires fix takes is read where that is on."""

    enable_hr: bool | None = None


class Img2Img(Drawing):
    """The body of img2img; pictures in base64."""

    init_images: list[str] | None = None
    mask: str | None = None
    resize_mode: Annotated[int, Field(ge=0, le=3)] | None = None
    mask_blur: Number | None = None
    mask_blur_x: Number | None = None
    mask_blur_y: Number | None = None
    inpainting_fill: Annotated[int, Field(ge=0, le=3)] | None = None
    inpaint_full_res: bool | None = None
    inpaint_full_res_padding: int | None = None
    inpainting_mask_invert: bool | int | None = None
    image_cfg_scale: Number | None = None
    include_init_images: bool | None = None


class ExtraSingleImage(BaseModel):
    """The body of extra-single-image."""

    model_config = ConfigDict(extra="allow")

    image: str
    resize_mode: Annotated[int, Field(ge=0, le=1)] = 0
    upscaling_resize: Annotated[float, Field(ge=0.1, le=8, allow_inf_nan=False)] = 2
    upscaling_resize_w: Annotated[int, Field(ge=1, le=8192)] = 512
    upscaling_resize_h: Annotated[int, Field(ge=1, le=8192)] = 512
    upscaling_crop: bool = True
    upscaler_1: str | None = None


class PngInfo(BaseModel):
    """The body of png-info."""

    image: str


class Detect(BaseModel):
    """The body of controlnet/detect."""

    model_config = ConfigDict(extra="allow")

    controlnet_module: str = "none"
    controlnet_input_images: list[str] | None = None
    controlnet_images: list[str] | None = None
    controlnet_threshold_a: Number | None = None
    controlnet_threshold_b: Number | None = None
