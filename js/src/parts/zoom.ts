// Zooming and panning a picture in its frame: by two fingers, by the wheel, by the middle button, and by keys.

import { fractionAt, type Point } from "../canvas/geometry";
import { kept, pinched, revealed, WHOLE, zoomed, type View } from "../canvas/zoom";
import type { Screen } from "../views/screen";
import type { Studio } from "../studio";
import { button, listen, make } from "./dom";

export interface Zoom {
  /** The picture and what lies on it, cut off at its edges. */
  readonly frame: HTMLElement;
  /** How far it is zoomed, and back to the whole. */
  readonly label: HTMLElement;
  /** Zoom in or out round the middle; whether that changed anything. */
  by(factor: number): boolean;
  pan(dx: number, dy: number): void;
  reset(): void;
  reveal(at: Point): void;
}

const MIDDLE = { x: 0.5, y: 0.5 };

/** `interrupted` is told when a second finger comes: what the first began is given up. */
export function zoomable(studio: Pick<Studio, "signal" | "news" | "say">, screen: Screen, layers: readonly HTMLElement[], interrupted: () => void): Zoom {
  const { signal, news } = studio;
  const frame = make("div", "gw-frame", {}, ...layers);
  const label = button({ act: "whole", label: "The whole picture again", text: "1×", key: "0", className: "gw-zoom" }, () => {
    set(WHOLE);
    screen.canvas.focus();
  }, signal);
  const fingers = new Map<number, Point>();
  let pinch: { view: View; from: readonly [Point, Point] } | null = null;
  let hand: { pointer: number; at: Point } | null = null;
  const at = (event: MouseEvent) => fractionAt(event, frame.getBoundingClientRect());

  function set(next: View): boolean {
    const old = screen.view;
    if (next.zoom === old.zoom && next.x === old.x && next.y === old.y) return false;
    for (const [name, value] of Object.entries(next)) frame.style.setProperty(`--gw-${name}`, String(value));
    draw(next);
    screen.look(next);
    news.tell("zoom");
    return true;
  }

  function draw({ zoom }: View): void {
    label.hidden = zoom === 1;
    (label.querySelector(".gw-text") as HTMLElement).textContent = `${zoom.toFixed(1)}×`;
  }

  const pair = () => [...fingers.values()].slice(0, 2) as [Point, Point];
  const ours = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  listen(frame, "pointerdown", (event) => {
    if (event.button === 1) {
      hand = { pointer: event.pointerId, at: at(event) };
      frame.setPointerCapture?.(event.pointerId);
      return ours(event);
    }
    if (event.pointerType !== "touch") return;
    if (event.isPrimary) fingers.clear(); // an end that never came
    fingers.set(event.pointerId, at(event));
    if (fingers.size < 2) return;
    if (!pinch) interrupted();
    pinch = { view: screen.view, from: pair() };
    ours(event);
  }, signal, { capture: true });
  listen(frame, "pointermove", (event) => {
    if (hand?.pointer === event.pointerId) {
      const to = at(event);
      set(zoomed(screen.view, 1, hand.at, to));
      hand.at = to;
      return ours(event);
    }
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, at(event));
    if (!pinch) return;
    if (fingers.size >= 2) set(pinched(pinch.view, pinch.from, pair()));
    ours(event); // the finger that is left does not paint
  }, signal, { capture: true });
  for (const end of ["pointerup", "pointercancel"] as const) {
    listen(frame, end, (event) => {
      if (hand?.pointer === event.pointerId) hand = null;
      if (!fingers.delete(event.pointerId)) return;
      if (pinch) ours(event);
      if (fingers.size === 0) pinch = null;
      else if (pinch && fingers.size >= 2) pinch = { view: screen.view, from: pair() };
    }, signal, { capture: true });
  }
  listen(frame, "mousedown", (event) => event.button === 1 && event.preventDefault(), signal); // else the page would scroll
  listen(frame, "wheel", (event) => {
    const step = event.deltaMode === 1 ? 16 : 1;
    const [dx, dy] = [event.deltaX * step, event.deltaY * step];
    const { width, height } = frame.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault(); // else the page is zoomed
      set(zoomed(screen.view, Math.exp(-Math.min(25, Math.max(-25, dy)) / 100), at(event)));
    } else if (set(kept({ ...screen.view, x: screen.view.x - dx / (width || 1), y: screen.view.y - dy / (height || 1) }))) {
      event.preventDefault();
    }
  }, signal, { passive: false });

  draw(WHOLE);
  return {
    frame,
    label,
    by(factor) {
      const changed = set(zoomed(screen.view, factor, MIDDLE));
      studio.say(`Zoomed ${screen.view.zoom.toFixed(1)} times.`);
      return changed;
    },
    pan: (dx, dy) => void set(kept({ ...screen.view, x: screen.view.x - dx, y: screen.view.y - dy })),
    reset() {
      set(WHOLE);
      studio.say("The whole picture.");
    },
    reveal: (place) => void set(revealed(screen.view, place)),
  };
}
