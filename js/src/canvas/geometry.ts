// Points and boxes on the picture, in fractions of it, y down.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Where a pointer is on the picture; outside it below 0 or above 1. */
export function fractionAt(at: { clientX: number; clientY: number }, rect: { left: number; top: number; width: number; height: number }): Point {
  return { x: (at.clientX - rect.left) / (rect.width || 1), y: (at.clientY - rect.top) / (rect.height || 1) };
}

export const inside = (p: Point): boolean => p.x >= 0 && p.x <= 1 && p.y >= 0 && p.y <= 1;

/** A square box of that side round a point, without what sticks out of the picture. */
export function boxAt(centre: Point, side: number): Box {
  const x0 = clamp(centre.x - side / 2, 0, 1);
  const y0 = clamp(centre.y - side / 2, 0, 1);
  const x1 = clamp(centre.x + side / 2, 0, 1);
  const y1 = clamp(centre.y + side / 2, 0, 1);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

/** The side of the box that a chip is dropped in: twice the brush. */
export const dropSide = (size: number): number => clamp(2 * size, 0.1, 1);

/** A point moved by a step and kept on the picture. */
export const moved = (from: Point, dx: number, dy: number): Point => ({ x: clamp(from.x + dx, 0, 1), y: clamp(from.y + dy, 0, 1) });
