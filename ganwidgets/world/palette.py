"""The colours of the world: by hour, season and weather, and how light and distance change them."""
from __future__ import annotations

from .parts import Color, Number, Scene

SKY = {"day": ((70, 140, 218), (188, 222, 246)), "dawn": ((120, 142, 208), (255, 208, 186)),
       "sunset": ((92, 76, 150), (255, 156, 88)), "night": ((14, 18, 54), (56, 70, 124))}
LIGHT = {"day": (1, 1, 1), "dawn": (1, .90, .88), "sunset": (1, .80, .68), "night": (.48, .54, .80)}
DULL = {"clear": 1, "cloudy": .98, "overcast": .86, "mist": .95}       # how bright the weather leaves things
GREY = {"clear": 0, "cloudy": .08, "overcast": .8, "mist": .6}         # how grey it makes the sky
HAZE = {"clear": .30, "cloudy": .34, "overcast": .42, "mist": .78}     # how much of the farthest things it hides
GRASS = {"spring": (126, 190, 84), "summer": (98, 166, 70), "autumn": (184, 158, 84), "winter": (150, 148, 108)}
FOLIAGE = {"spring": ((140, 196, 84), (112, 180, 84), (242, 184, 202)),
           "summer": ((62, 138, 64), (84, 150, 58), (50, 120, 78)),
           "autumn": ((222, 122, 44), (228, 176, 56), (190, 74, 48)),
           "winter": ((152, 156, 168), (140, 150, 156), (160, 152, 156))}
CONIFER = ((38, 94, 70), (30, 84, 58), (50, 100, 62))
SHADOW = (20, 30, 50)
SNOW, EARTH, PATH, TRUNK, PAPER = (240, 245, 252), (150, 116, 84), (214, 190, 148), (104, 72, 50), (226, 224, 218)
MOUNTAIN, SUN, MOON, GLASS, LAMP = (122, 128, 152), (255, 226, 110), (246, 244, 224), (84, 116, 150), (255, 214, 110)
WALLS = {"house": ((250, 240, 216), (238, 206, 150), (226, 158, 136), (176, 204, 222), (246, 246, 242),
                   (206, 152, 104)),
         "church": ((248, 246, 240), (232, 214, 178), (206, 202, 200), (240, 218, 196)),
         "barn": ((178, 58, 48), (146, 90, 58), (196, 84, 60))}
ROOFS = {"house": ((190, 74, 56), (150, 70, 54), (84, 94, 120), (112, 86, 72), (70, 120, 110)),
         "church": ((168, 70, 58), (76, 92, 128), (104, 84, 80)),
         "barn": ((96, 96, 108), (110, 84, 70), (72, 82, 96))}
DOMES = ((72, 140, 140), (64, 104, 176), (204, 158, 70), (164, 74, 80))
DOORS = ((120, 66, 44), (52, 96, 140), (58, 112, 74), (164, 52, 52), (92, 62, 96))
FENCES = ((250, 248, 240), (156, 112, 76))
CROPS = {"spring": (122, 92, 66), "summer": (214, 186, 84), "autumn": (140, 98, 62), "winter": (128, 104, 84)}


def mix(a: Color, b: Color, share: Number) -> Color:
    """`a` with `share` (0..1) of `b`."""
    red, green, blue = (int(round(p + (q - p) * share)) for p, q in zip(a, b, strict=True))
    return red, green, blue


def scaled(color: Color, factor: Number) -> Color:
    """Lighter (factor > 1) or darker."""
    red, green, blue = (max(0, min(255, int(round(c * factor)))) for c in color)
    return red, green, blue


class Light:
    """How a scene's hour and weather colour what stands in it."""

    def __init__(self, scene: Scene):
        dull = DULL[scene.weather]
        dull = max(dull, .95) if scene.hour == "night" else dull
        self.tint = tuple(c * dull for c in LIGHT[scene.hour])
        self.air = scene.sky.bottom
        self.haze = HAZE[scene.weather]
        self.lamps = scene.hour in ("night", "sunset")

    def __call__(self, color: Color, depth: Number = 0, shade: Number = 1) -> Color:
        """The colour as seen: shaded, tinted, and paler with depth (0 near .. 1 far)."""
        red, green, blue = (max(0, min(255, int(round(c * t * shade)))) for c, t in zip(color, self.tint, strict=True))
        return mix((red, green, blue), self.air, self.haze * depth)
