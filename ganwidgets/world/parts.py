"""What a scene is made of: plain frozen records, every length a fraction of the picture, y pointing down."""
from __future__ import annotations

import math
from dataclasses import dataclass

Color = tuple[int, int, int]
Number = float | int


@dataclass(frozen=True)
class Box:
    """An upright rectangle by its left top corner."""
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Sky:
    """Colours at the top and at the horizon, and the few stars (x, y) of a clear night."""
    top: Color
    bottom: Color
    stars: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Disc:
    """The sun or the moon; `kind` is the concept."""
    kind: str
    x: float
    y: float
    radius: float
    color: Color


@dataclass(frozen=True)
class Cloud:
    """Overlapping blobs (dx, dy, rx, ry) about a centre."""
    x: float
    y: float
    blobs: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Peak:
    """One mountain: its top, its half width at the foot, and where its ridge meets the foot."""
    x: float
    top: float
    half: float
    ridge: float
    depth: float      # 0 near .. 1 far


@dataclass(frozen=True)
class Curve:
    """The rim of a hill: two waves about a height."""
    y: float
    waves: tuple[tuple[float, float, float], ...]     # height, number across the picture, phase

    def at(self, x: Number) -> float:
        return self.y + sum(h * math.sin(n * x * 2 * math.pi + phase) for h, n, phase in self.waves)


@dataclass(frozen=True)
class Ground:
    """The land: a far hill, a near one, and their own shade of green."""
    far: Curve
    near: Curve
    color: Color


@dataclass(frozen=True)
class Water:
    """A pond or a lake seen at a slant."""
    x: float
    y: float
    rx: float
    ry: float


@dataclass(frozen=True)
class Path:
    """A way from (x0, y0) to (x1, y1), bent by `bend`, that widens as it comes nearer."""
    x0: float
    y0: float
    x1: float
    y1: float
    bend: float
    narrow: float
    wide: float


@dataclass(frozen=True)
class Field:
    """Crop rows that run to a vanishing point, between two heights."""
    x0: float
    x1: float
    top: float
    bottom: float
    vanish: float
    rows: int
    color: Color


@dataclass(frozen=True)
class Tower:
    """A church tower, or the drum below a central dome, with what stands on it."""
    body: Box
    top: str          # "spire" | "dome"
    top_height: float
    color: Color
    dome: Color
    drum: bool = False


@dataclass(frozen=True)
class Building:
    """A house, church or barn; the front faces us, and a "corner" one shows its long side too."""
    kind: str         # "house" | "church" | "barn"
    style: str        # "facade" | "corner"
    box: Box          # the walls
    front: Box        # the part that faces us: all of `box` unless the style is "corner"
    roof_height: float
    wall: Color
    roof: Color
    door_color: Color
    door: Box
    windows: tuple[Box, ...]
    chimney: Box | None = None
    tower: Tower | None = None

    @property
    def foot(self) -> float:
        return self.box.y + self.box.height


@dataclass(frozen=True)
class Tree:
    """A round tree or a conifer, by its foot."""
    kind: str         # "round" | "conifer"
    x: float
    foot: float
    height: float
    width: float
    color: Color
    blobs: tuple[tuple[float, float, float], ...] = ()    # dx, dy, radius, in tree widths from the crown's centre


@dataclass(frozen=True)
class Bush:
    """A low shrub by its foot."""
    x: float
    foot: float
    width: float
    height: float
    color: Color


@dataclass(frozen=True)
class Fence:
    """Posts and two rails from x0 to x1, standing on `foot`."""
    x0: float
    x1: float
    foot: float
    height: float
    gap: float
    color: Color


@dataclass(frozen=True)
class Scene:
    """All the data of one picture. `without` names the concepts that are left undrawn."""
    seed: int
    place: str
    hour: str
    season: str
    weather: str
    light_from: int   # -1 left, 1 right
    sky: Sky
    disc: Disc | None
    clouds: tuple[Cloud, ...]
    peaks: tuple[Peak, ...]
    ground: Ground
    water: Water | None
    field: Field | None
    path: Path | None
    building: Building | None
    trees: tuple[Tree, ...]
    bushes: tuple[Bush, ...]
    fence: Fence | None
    grain: tuple[tuple[int, ...], ...]     # 6 x 6 values 0..255 of the paper
    without: frozenset[str] = frozenset()
