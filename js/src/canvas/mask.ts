// A soft-brush stroke as a mask: how much of each pixel the brush has covered, 0 to 255.

import { clamp, type Box, type Point } from "./geometry";

export interface Mask {
  readonly side: number;
  /** row by row */
  readonly data: Uint8Array;
}

/** Brush diameter as a fraction of the picture, and how much of its radius fades out, 0 to 1. */
export interface Brush {
  readonly size: number;
  readonly soft: number;
  /** how much it covers at most, 0 to 1: a pen's pressure; left out: 1 */
  readonly flow?: number;
}

/** A place on the way of a brush, with the pressure of a pen. */
export interface Sample extends Point {
  readonly flow?: number;
}

/** Pixels of a mask: from x0, y0 up to but without x1, y1. */
export interface Area {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export const emptyMask = (side: number): Mask => ({ side, data: new Uint8Array(side * side) });

export const isEmpty = (mask: Mask): boolean => !mask.data.some((value) => value > 0);

/** How much a brush covers at a distance from its path, 0 to 1; all lengths in pixels. A hard edge is still one pixel wide. */
export function coverage(distance: number, radius: number, soft: number): number {
  const outer = radius + 0.5 * (1 - soft);
  const fade = Math.max(1, soft * radius);
  const t = clamp((outer - distance) / fade, 0, 1);
  return t * t * (3 - 2 * t);
}

/**
 * Draw the brush from one point to another into the mask, and answer the pixels that may have changed.
 *
 * Each pixel is covered by its distance to the whole segment, so that samples far apart leave no gap; crossing a stroke
 * again covers no more than once.
 */
export function drawSegment(mask: Mask, from: Point, to: Point, brush: Brush): Area {
  const { side, data } = mask;
  const radius = (brush.size * side) / 2;
  const most = 255 * (brush.flow ?? 1);
  const [ax, ay, bx, by] = [from.x * side, from.y * side, to.x * side, to.y * side];
  const reach = radius + 1;
  const area = {
    x0: clamp(Math.floor(Math.min(ax, bx) - reach), 0, side),
    y0: clamp(Math.floor(Math.min(ay, by) - reach), 0, side),
    x1: clamp(Math.ceil(Math.max(ax, bx) + reach), 0, side),
    y1: clamp(Math.ceil(Math.max(ay, by) + reach), 0, side),
  };
  const dx = bx - ax;
  const dy = by - ay;
  const length2 = dx * dx + dy * dy;
  for (let row = area.y0; row < area.y1; row++) {
    const py = row + 0.5 - ay;
    for (let column = area.x0; column < area.x1; column++) {
      const px = column + 0.5 - ax;
      const along = length2 > 0 ? clamp((px * dx + py * dy) / length2, 0, 1) : 0;
      const ox = px - along * dx;
      const oy = py - along * dy;
      const away2 = ox * ox + oy * oy;
      if (away2 > reach * reach) continue;
      const value = Math.round(most * coverage(Math.sqrt(away2), radius, brush.soft));
      const i = row * side + column;
      if (value > (data[i] as number)) data[i] = value;
    }
  }
  return area;
}

/** Draw the brush along points, each piece with the pressure at its end; from nowhere, the first point is a dab. */
export function drawPath(mask: Mask, points: readonly Sample[], brush: Brush): Area {
  let area = nowhere(mask);
  points.forEach((point, i) => {
    if (i > 0 || points.length === 1) area = union(area, drawSegment(mask, points[i - 1] ?? point, point, point.flow === undefined ? brush : { ...brush, flow: point.flow }));
  });
  return area;
}

const nowhere = (mask: Mask): Area => ({ x0: mask.side, y0: mask.side, x1: 0, y1: 0 });

/** A straight line that is drawn anew from its fixed end each time, over what the mask held before. */
export function rubberLine(mask: Mask, from: Point, brush: Brush): (to: Sample) => Area {
  const before = mask.data.slice();
  let drawn = nowhere(mask);
  return (to) => {
    mask.data.set(before);
    const last = drawn;
    drawn = drawPath(mask, [from, to], brush);
    return union(last, drawn);
  };
}

/** The mask of a box: each pixel by the share of it that lies inside. */
export function boxMask(side: number, box: Box): Mask {
  const mask = emptyMask(side);
  const share = (i: number, start: number, length: number) =>
    clamp(Math.min(i + 1, (start + length) * side) - Math.max(i, start * side), 0, 1);
  for (let row = 0; row < side; row++) {
    const down = share(row, box.y, box.height);
    if (down === 0) continue;
    for (let column = 0; column < side; column++) mask.data[row * side + column] = Math.round(255 * down * share(column, box.x, box.width));
  }
  return mask;
}

export const union = (a: Area, b: Area): Area => ({
  x0: Math.min(a.x0, b.x0),
  y0: Math.min(a.y0, b.y0),
  x1: Math.max(a.x1, b.x1),
  y1: Math.max(a.y1, b.y1),
});
