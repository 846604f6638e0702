// How a picture lies in its frame when it is zoomed: pure geometry, in fractions of the frame.

import { clamp, type Point } from "./geometry";

/** `zoom` times the size; `x`, `y`: the picture's corner in the frame, 0 or less. */
export interface View extends Point {
  readonly zoom: number;
}

export const WHOLE: View = { zoom: 1, x: 0, y: 0 };
export const MOST_ZOOM = 8;
export const PIXELS = 4; // beyond this the net's own pixels are shown

/** A view that leaves no gap in the frame. */
export function kept({ zoom, x, y }: View): View {
  const z = clamp(zoom, 1, MOST_ZOOM);
  return { zoom: z, x: clamp(x, 1 - z, 0), y: clamp(y, 1 - z, 0) };
}

export const onFrame = (view: View, p: Point): Point => ({ x: view.x + p.x * view.zoom, y: view.y + p.y * view.zoom });
export const onPicture = (view: View, p: Point): Point => ({ x: (p.x - view.x) / view.zoom, y: (p.y - view.y) / view.zoom });

/** Zoomed by a factor, so that what was at one place of the frame comes to another. */
export function zoomed(view: View, factor: number, from: Point, to: Point = from): View {
  const zoom = clamp(view.zoom * factor, 1, MOST_ZOOM);
  const held = onPicture(view, from);
  return kept({ zoom, x: to.x - held.x * zoom, y: to.y - held.y * zoom });
}

/** Two fingers that were in one place of the frame and are in another. */
export function pinched(view: View, from: readonly [Point, Point], to: readonly [Point, Point]): View {
  const apart = ([a, b]: readonly [Point, Point]) => Math.max(0.01, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = ([a, b]: readonly [Point, Point]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  return zoomed(view, apart(to) / apart(from), middle(from), middle(to));
}

/** The least pan after which a point of the picture can be seen. */
export function revealed(view: View, at: Point): View {
  const seen = onFrame(view, at);
  const by = (along: number) => clamp(along, 0.1, 0.9) - along;
  return kept({ ...view, x: view.x + by(seen.x), y: view.y + by(seen.y) });
}
