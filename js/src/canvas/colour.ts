// Colours of masks and heat maps, as RGBA bytes.

import type { Mask, Area } from "./mask";

export type Rgb = readonly [number, number, number];

/** "#rrggbb" as three bytes; anything else is grey. */
export function rgbOf(hex: string): Rgb {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return found ? [1, 2, 3].map((i) => Number.parseInt(found[i] as string, 16)) as unknown as Rgb : [128, 128, 128];
}

/** "#rrggbb", made safe for a style. */
export const cssColour = (hex: string): string => `rgb(${rgbOf(hex).join(" ")})`;

/** Colour the pixels of a mask into `into` (RGBA), as opaque as the mask is. */
export function tint(mask: Mask, colour: Rgb, into: Uint8ClampedArray, area: Area = { x0: 0, y0: 0, x1: mask.side, y1: mask.side }): void {
  for (let y = area.y0; y < area.y1; y++) {
    for (let x = area.x0; x < area.x1; x++) {
      const i = y * mask.side + x;
      into[4 * i] = colour[0];
      into[4 * i + 1] = colour[1];
      into[4 * i + 2] = colour[2];
      into[4 * i + 3] = mask.data[i] as number;
    }
  }
}

// from nothing over violet and orange to pale yellow: darkness to light, so that it reads without hue
const STOPS: readonly (readonly [number, number, number, number])[] = [
  [38, 12, 81, 0],
  [72, 18, 110, 120],
  [164, 44, 96, 175],
  [237, 105, 37, 205],
  [251, 190, 60, 220],
  [252, 251, 190, 235],
];

/** The colour of a heat, 0 to 1, as RGBA. */
export function heatColour(heat: number): readonly [number, number, number, number] {
  const at = Math.min(1, Math.max(0, heat)) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  const [a, b] = [STOPS[low] as readonly number[], STOPS[low + 1] as readonly number[]];
  return [0, 1, 2, 3].map((i) => Math.round((a[i] as number) + (at - low) * ((b[i] as number) - (a[i] as number)))) as unknown as readonly [number, number, number, number];
}

/** A heat map of bytes as RGBA; bytes beyond width x height are left out, missing ones are cold. */
export function heatPicture(values: Uint8Array, width: number, height: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) out.set(heatColour((values[i] ?? 0) / 255), 4 * i);
  return out;
}
