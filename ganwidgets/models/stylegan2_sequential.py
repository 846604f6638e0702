"""The keys of StyleGAN2's sequential port (rewriting's `layer2.conv.mconv.*`, `to_rgb1.rgb.*`), and rosinality's for the same."""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

Rule = tuple[str, Callable[[re.Match], str]]

TO_ROSINALITY: tuple[Rule, ...] = (
    (r"^layer2\.conv\.", lambda found: "conv1."),
    (r"^layer(\d+)\.sconv\.", lambda found: f"convs.{int(found[1]) - 3}."),
    (r"^(conv1|convs\.\d+)\.mconv\.(dconv\.)?", lambda found: f"{found[1]}.conv."),
    (r"^to_rgb1\.rgb\.", lambda found: "to_rgb1."),
    (r"^to_rgb(\d+)\.rgb\.", lambda found: f"to_rgbs.{int(found[1]) - 2}."),
    (r"^up_rgb(\d+)\.", lambda found: f"to_rgbs.{int(found[1]) - 1}.upsample."),
    (r"^latents\.", lambda found: ""))
FROM_ROSINALITY: tuple[Rule, ...] = (
    (r"^conv1\.conv\.", lambda found: "layer2.conv.mconv."),
    (r"^conv1\.", lambda found: "layer2.conv."),
    (r"^convs\.(\d+)\.conv\.", lambda found: f"layer{int(found[1]) + 3}.sconv.mconv."),
    (r"^convs\.(\d+)\.", lambda found: f"layer{int(found[1]) + 3}.sconv."),
    (r"^to_rgb1\.", lambda found: "to_rgb1.rgb."),
    (r"^to_rgbs\.(\d+)\.upsample\.", lambda found: f"up_rgb{int(found[1]) + 1}."),
    (r"^to_rgbs\.(\d+)\.", lambda found: f"to_rgb{int(found[1]) + 2}.rgb."),
    (r"^latent_avg$", lambda found: "latents.latent_avg"))
SIGN = re.compile(r"(layer2\.conv|layer\d+\.sconv)\.mconv\.|to_rgb\d+\.rgb\.")


def sequential(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are the port's keys."""
    return any(SIGN.match(key) for key in tensors)


def translated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under rosinality's keys; a mean of w that the port never filled is left out."""
    held = {changed(key, TO_ROSINALITY): value for key, value in tensors.items()}
    if "latent_avg" in held and held["latent_avg"].ndim == 0:
        del held["latent_avg"]
    return held


def spelling(tensors: Mapping[str, Tensor]) -> Callable[[str], str]:
    """How this file writes one of rosinality's keys: the port keeps a convolution's weight in one of two places."""
    apart = any(".dconv." in key for key in tensors)

    def spelled(key: str) -> str:
        own = changed(key, FROM_ROSINALITY)
        return re.sub(r"mconv\.weight$", "mconv.dconv.weight", own) if apart else own

    return spelled


def changed(key: str, rules: tuple[Rule, ...]) -> str:
    """A key after all rules, one after another."""
    for pattern, replace in rules:
        key = re.sub(pattern, replace, key)
    return key
