"""Checkpoints that others have published: where they are, what they may be used for, and how they are fetched."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.checkpoints import check_hash, head_of

DISSECT, GANDISSECT = "https://dissect.csail.mit.edu/models/", "http://gandissect.csail.mit.edu/models/"
REWRITING = "http://rewriting.csail.mit.edu/data/models/"
NVIDIA_ADA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/"
NVIDIA_3 = "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/"
NVIDIA_2 = NVIDIA_3.replace("stylegan3", "stylegan2")       # trained by the same code
BIGGAN_DEEP = "https://s3.amazonaws.com/models.huggingface.co/biggan/"
BIGGAN, PRETORCHED = "http://ganocracy.csail.mit.edu/models/", "http://pretorched-x.csail.mit.edu/gans/BigGAN/"
STABILITY = "https://huggingface.co/stabilityai/"
PATIENCE = 20       # seconds without a byte, after which a server is taken for gone
BLOCK = 1 << 14     # bytes written at a time: so many are lost at most where a download breaks off


@dataclass(frozen=True)
class Public:
    """A published checkpoint: `files` by name, each with the places where it is, the first first.

    `sha256`: the beginning of the hash of a single file, where it is known. `free`: whether the licence is an open one
    (OSI, CC-BY); for any other `accept_license=True` is asked for.
    """

    name: str
    about: str
    kind: str
    files: Mapping[str, Sequence[str]] = field(repr=False)
    licence: str
    free: bool
    source: str
    megabytes: int = 0          # 0: nobody says
    sha256: str = ""


def single(name: str, about: str, kind: str, file: str, places: Sequence[str], **facts: Any) -> Public:
    """A checkpoint of one file, which has the same name in every place."""
    return Public(name, about, kind, {file: tuple(place + file for place in places)}, **facts)


def turbo(name: str, about: str, parts: Sequence[str], **facts: Any) -> Public:
    """A folder of diffusers, of its files those that are read: half precision, which is opened as float32."""
    tokenizers = ("tokenizer", "tokenizer_2")[:len(parts) - 2]
    files = ["model_index.json", "scheduler/scheduler_config.json",
             *(f"{part}/config.json" for part in parts),
             *(f"{part}/{'model' if 'text' in part else 'diffusion_pytorch_model'}.fp16.safetensors" for part in parts),
             *(f"{part}/{file}" for part in tokenizers
               for file in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"))]
    return Public(name, about, "diffusion", {file: (f"{STABILITY}{name}/resolve/main/{file}",) for file in files},
                  source="arXiv 2311.17042", free=False, **facts)


PROGAN: dict[str, Any] = {"licence": "CC BY-NC 4.0 (Karras et al., weights)", "free": False,
                          "source": "arXiv 1710.10196, converted for 1811.10597"}
STYLEGAN2: dict[str, Any] = {"licence": "Nvidia Source Code License-NC", "free": False,
                             "source": "arXiv 1912.04958, converted for 2007.15646"}
ADA: dict[str, Any] = {"licence": "Nvidia Source Code License", "free": False, "source": "arXiv 2006.06676"}
THREE: dict[str, Any] = {"licence": "Nvidia Source Code License", "free": False, "source": "arXiv 2106.12423"}
DEEP: dict[str, Any] = {"licence": "MIT", "free": True, "source": "arXiv 1809.11096, converted by Hugging Face"}
TENSORFLOW: dict[str, Any] = {"licence": "Apache 2.0", "free": True, "source": "arXiv 1809.11096, converted from TensorFlow Hub"}
PLACES: dict[str, Any] = {"licence": "none is stated", "free": False, "source": "arXiv 1809.11096, used by 2103.10951"}

PUBLIC: tuple[Public, ...] = (
    *(single(f"progan-{scene}", f"ProGAN of {scene}, {size} px", "progan", f"proggan_{scene}-{digits}.pth", (DISSECT, GANDISSECT),
             megabytes=megabytes, sha256=digits, **PROGAN)
      for scene, digits, size, megabytes in (
          ("bedroom", "d8a89ff1", 256, 73), ("churchoutdoor", "7e701dd5", 256, 73), ("conferenceroom", "21e85882", 256, 73),
          ("diningroom", "3aa0ab80", 256, 73), ("kitchen", "67f1e16c", 256, 73), ("livingroom", "5ef336dd", 256, 73),
          ("restaurant", "b8578299", 256, 73), ("celebhq", "620d161c", 1024, 92))),
    *(single(f"stylegan2-{scene}", f"StyleGAN2 of {scene}, {size} px", "stylegan2", f"stylegan2_{scene}-{digits}.pt", (REWRITING,),
             megabytes=megabytes, sha256=digits, **STYLEGAN2)
      for scene, digits, size, megabytes in (
          ("bedroom", "6fa55a6e", 256, 121), ("car", "3659b4b6", 512, 124), ("cat", "d8dc98b2", 256, 121),
          ("church", "e8ca9fd0", 256, 121), ("faces", "2858cc2e", 1024, 133), ("horse", "499b5380", 256, 121),
          ("kitchen", "b3a526e9", 256, 121), ("places", "a3b72d71", 256, 121))),
    *(single(f"stylegan2-ada-{data}", f"StyleGAN2-ADA of {data}", "stylegan2-ada", f"{data}.pkl", (NVIDIA_ADA,), **ADA)
      for data in ("ffhq", "metfaces", "afhqcat", "afhqdog", "afhqwild", "cifar10", "brecahad")),
    *(single(f"stylegan3-{kind}-{data}", f"StyleGAN3-{kind.upper()} of {data}", "stylegan3", f"stylegan3-{kind}-{data}.pkl",
             (NVIDIA_3,), **THREE)
      for kind in ("t", "r")
      for data in ("ffhq-1024x1024", "ffhqu-1024x1024", "ffhqu-256x256", "metfaces-1024x1024", "metfacesu-1024x1024",
                   "afhqv2-512x512")),
    *(single(f"stylegan2-{data}", f"StyleGAN2 of {data}, trained by StyleGAN3's code", "stylegan2-ada", f"stylegan2-{data}.pkl",
             (NVIDIA_2,), **THREE)
      for data in ("ffhq-1024x1024", "ffhq-512x512", "ffhq-256x256", "ffhqu-1024x1024", "ffhqu-256x256", "metfaces-1024x1024",
                   "metfacesu-1024x1024", "afhqv2-512x512", "afhqcat-512x512", "afhqdog-512x512", "afhqwild-512x512",
                   "brecahad-512x512", "cifar10-32x32", "celebahq-256x256", "lsundog-256x256")),
    *(Public(f"biggan-deep-{size}", f"BigGAN-deep of ImageNet, {size} px", "biggan",
             {"config.json": (f"{BIGGAN_DEEP}biggan-deep-{size}-config.json",),
              "pytorch_model.bin": (f"{BIGGAN_DEEP}biggan-deep-{size}-pytorch_model.bin",)}, megabytes=megabytes, **DEEP)
      for size, megabytes in ((128, 201), (256, 224), (512, 225))),
    *(single(f"biggan-{size}", f"BigGAN of ImageNet, {size} px", "biggan", f"tfbiggan_{size}-{digits}.pth", (BIGGAN,),
             sha256=digits, **TENSORFLOW)
      for size, digits in ((128, "13f17ff2"), (256, "a4cf3382"), (512, "447bfb81"))),
    *(single(f"biggan-{data}", f"BigGAN of {data}, {size} px", "biggan", f"{file}-{digits}.pth", (PRETORCHED,), sha256=digits,
             **PLACES)
      for data, size, file, digits in (
          ("imagenet-128", 128, "biggan128_G_ema_imagenet", "c9706dfb"),
          ("places365-128", 128, "biggan128_G_ema_places365", "78c78abe"),
          ("places365-256-ch96", 256, "biggan256_G_ema_ch96_places365", "ac277771"),
          ("places365-256-ch128", 256, "biggan256_G_ema_ch128_places365", "6fb66feb"),
          ("deep-places365-challenge-256", 256, "biggan_deep256_G_ema_places365-challenge", "c3a49c8a"))),
    turbo("sd-turbo", "one-step diffusion from a prompt, 512 px", ("unet", "vae", "text_encoder"), megabytes=2580,
          licence="Stability AI Community License"),
    turbo("sdxl-turbo", "larger one-step diffusion from a prompt, 512 px", ("unet", "vae", "text_encoder", "text_encoder_2"),
          megabytes=6940, licence="Stability AI Non-Commercial Research Community License"),
)


def fetched(public: Public, *, accept_license: bool = False, folder: Path | None = None) -> Path:
    """The checkpoint on this disk, downloaded where it is not there yet; what was begun is gone on with.

    Licence and source are printed before. Errors: CheckpointError where the licence has to be accepted, no server answers, or
    the file that came is not the one that was meant.
    """
    home = (folder or cache_folder()) / public.name
    whole = home if len(public.files) > 1 else home / next(iter(public.files))
    missing = {file: places for file, places in public.files.items() if not (home / file).exists()}
    if missing:
        size = f", about {public.megabytes} MB" if public.megabytes else ""
        print(f"{public.name}: {public.about}{size}. Licence: {public.licence}. Source: {public.source}.", file=sys.stderr)
        if not public.free and not accept_license:
            raise CheckpointError(f"{public.name} is under the licence {public.licence!r}, which is no open one; if you may use it "
                                  f"so, say gw.load({public.name!r}, accept_license=True).")
    for file, places in missing.items():
        download(public.name, places, home / file)
    if public.sha256:
        check_kept(whole, public.sha256, new=bool(missing))
    return whole


def check_kept(path: Path, sha256: str, *, new: bool) -> None:
    """Errors: CheckpointError for a file of another hash. A new one is not kept: it would stand in the way of another try."""
    try:
        check_hash(path, sha256)
    except CheckpointError as error:
        if new:
            path.unlink()
        what = "It was not kept; try again" if new else f"Take {path} away and try again"
        raise CheckpointError(f"{error} {what}, and it is fetched anew.") from None


def cache_folder() -> Path:
    """Where downloads are kept: `GANWIDGETS_CACHE`, or the folder that the system has for such."""
    import pooch

    return Path(os.environ.get("GANWIDGETS_CACHE") or pooch.os_cache("ganwidgets"))


def download(name: str, places: Sequence[str], target: Path) -> None:
    """Fetch a file from the first place that has it. Errors: CheckpointError."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")      # it would tell the hash of everything
    said = []
    for place in places:
        try:
            pooch.retrieve(place, None, fname=target.name, path=target.parent, downloader=resume)
            head_of(target)
            return
        except CheckpointError as error:        # a page, say: what is kept would stand in the way of the next try
            target.unlink(missing_ok=True)
            said.append(f"{place.split('/')[2]}: {error}")
        except (requests.RequestException, OSError, ValueError) as error:
            said.append(f"{place.split('/')[2]}: {type(error).__name__}")
    raise CheckpointError(f"{name} is not on this computer and could not be fetched ({'; '.join(said)}); with a network try again, "
                          f"or put {target.name} into {target.parent} by hand, from {places[0]}.")


def resume(url: str, output: Any, _pooch: Any) -> None:
    """A downloader for pooch that shows a bar, and goes on with what an earlier one left."""
    import requests
    from tqdm.auto import tqdm

    final = Path(output)
    part = final.parent / f"{url.rsplit('/', 1)[1]}.part"
    have = part.stat().st_size if part.exists() else 0
    with requests.get(url, stream=True, timeout=PATIENCE, headers={"Range": f"bytes={have}-"} if have else {}) as answer:
        if answer.status_code == 416:       # nothing is left to send: it was complete
            part.replace(final)
            return
        answer.raise_for_status()
        have = have if answer.status_code == 206 else 0
        total = have + int(answer.headers.get("content-length", 0))
        with open(part, "ab" if have else "wb") as file, tqdm(total=total or None, initial=have, unit="B", unit_scale=True) as bar:
            for block in answer.iter_content(BLOCK):
                file.write(block)
                bar.update(len(block))
        if total and part.stat().st_size < total:
            raise OSError(f"{url} ended after {part.stat().st_size:,} of {total:,} bytes")
    part.replace(final)
