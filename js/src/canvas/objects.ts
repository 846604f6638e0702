// Boxes that are selected, moved and resized: pure geometry, in fractions of the picture.

import { clamp, type Box, type Point } from "./geometry";

/** A corner by its edges: -1 left or top, 1 right or bottom. */
export interface Corner {
  readonly x: -1 | 1;
  readonly y: -1 | 1;
}

export const CORNERS: readonly Corner[] = [{ x: -1, y: -1 }, { x: 1, y: -1 }, { x: 1, y: 1 }, { x: -1, y: 1 }];
export const SMALLEST = 0.03; // side of a box
const SHOWN = 0.04; // how much of a box stays on the picture, so that it can be grabbed again

export const within = (p: Point, box: Box): boolean => p.x >= box.x && p.x <= box.x + box.width && p.y >= box.y && p.y <= box.y + box.height;

/** The topmost of the boxes, the last, that lies under a point; -1: none. */
export const topmost = (boxes: readonly Box[], at: Point): number => boxes.map((box) => within(at, box)).lastIndexOf(true);

/** The part of a box that lies on the picture. */
export function cut(box: Box): Box {
  const [x, y] = [clamp(box.x, 0, 1), clamp(box.y, 0, 1)];
  return { x, y, width: clamp(box.x + box.width, 0, 1) - x, height: clamp(box.y + box.height, 0, 1) - y };
}

/** Where a box's handle is: a corner that sticks out of the picture is shown at its edge. */
export function cornerOf(box: Box, corner: Corner): Point {
  const seen = cut(box);
  return { x: corner.x < 0 ? seen.x : seen.x + seen.width, y: corner.y < 0 ? seen.y : seen.y + seen.height };
}

/** The handle within reach of a point, the nearest; null: none. */
export function handleAt(box: Box, at: Point, reach: number): Corner | null {
  const far = (corner: Corner) => Math.max(Math.abs(cornerOf(box, corner).x - at.x), Math.abs(cornerOf(box, corner).y - at.y));
  const nearest = CORNERS.reduce((best, corner) => (far(corner) < far(best) ? corner : best));
  return far(nearest) <= reach ? nearest : null;
}

/** The box moved by a step, at its size, and never wholly off the picture. */
export function shifted(box: Box, dx: number, dy: number): Box {
  const along = (start: number, side: number) => clamp(start, Math.min(SHOWN, side) - side, 1 - Math.min(SHOWN, side));
  return { ...box, x: along(box.x + dx, box.width), y: along(box.y + dy, box.height) };
}

/** The box with one corner moved; what stuck out there is cut off, the opposite corner stays. */
export function stretched(box: Box, corner: Corner, dx: number, dy: number): Box {
  const at = cornerOf(box, corner);
  const side = (start: number, length: number, sign: number, to: number): [number, number] => {
    const end = start + length;
    if (sign < 0) {
      const low = clamp(to, Math.max(0, end - 1), Math.min(1, end) - SMALLEST);
      return [low, end - low];
    }
    return [start, clamp(to, Math.max(0, start) + SMALLEST, Math.min(1, start + 1)) - start];
  };
  const [x, width] = side(box.x, box.width, corner.x, at.x + dx);
  const [y, height] = side(box.y, box.height, corner.y, at.y + dy);
  return { x, y, width, height };
}

/** The box larger or smaller about its middle. */
export function scaled(box: Box, factor: number): Box {
  const most = Math.min(factor, 1 / Math.max(box.width, box.height));
  const by = Math.max(most, SMALLEST / Math.min(box.width, box.height));
  const grown = { x: box.x + (box.width * (1 - by)) / 2, y: box.y + (box.height * (1 - by)) / 2, width: Math.min(1, box.width * by), height: Math.min(1, box.height * by) };
  return shifted(grown, 0, 0);
}
