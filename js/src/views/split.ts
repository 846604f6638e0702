// Before and after: the picture before all edits, from the left up to a line that can be moved across.

import { clamp, fractionAt } from "../canvas/geometry";
import { onFrame } from "../canvas/zoom";
import { listen, make } from "../parts/dom";
import { fine } from "../parts/pictures";
import type { Studio } from "../studio";
import { GLASS, through, type Screen } from "./screen";

export interface Split {
  /** The picture before all edits, over the one after them. */
  readonly canvas: HTMLCanvasElement;
  /** The line between the two. */
  readonly handle: HTMLElement;
  readonly on: boolean;
  toggle(): void;
}

const STEP = 0.02; // of the picture, by an arrow

export function splitView(studio: Studio, screen: Screen): Split {
  const { signal, news, store } = studio;
  const canvas = make("canvas", "gw-split", { "aria-hidden": "true", width: 1, height: 1 });
  const handle = make("div", "gw-split-line", {
    role: "slider",
    tabindex: 0,
    "aria-label": "Before all edits on the left, after them on the right",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "data-lm-suppress-shortcuts": "true",
  });
  let [on, at, held] = [false, 0.5, false];

  function draw(): void {
    const before = on ? screen.before() : null;
    canvas.hidden = before === null;
    handle.hidden = !on;
    const ctx = before ? canvas.getContext("2d") : null;
    if (!ctx || !before) return;
    through(ctx, before, screen.view);
  }

  function move(to: number): void {
    at = clamp(to, 0, 1);
    const percent = Math.round(1000 * at) / 10;
    canvas.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    handle.style.left = `${percent}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(percent)));
    handle.setAttribute("aria-valuetext", `${Math.round(percent)} % of the picture as it was before`);
  }

  listen(handle, "pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    held = true;
    handle.setPointerCapture?.(event.pointerId);
  }, signal);
  listen(handle, "pointermove", (event) => held && event.isPrimary && move(onFrame(screen.view, fractionAt(event, screen.canvas.getBoundingClientRect())).x), signal);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    listen(handle, end, () => {
      held = false;
    }, signal);
  }
  listen(handle, "keydown", (event) => {
    const to = target(event.key, at);
    if (to === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(to);
  }, signal);

  fine(canvas, signal, draw, GLASS);
  store.watch(["seed"], draw);
  news.on("original", draw);
  news.on("zoom", draw);
  move(at);
  return {
    canvas,
    handle,
    get on() {
      return on;
    },
    toggle() {
      on = !on;
      draw();
      news.tell("split");
      studio.say(on ? "Before all edits on the left, after them on the right." : "The picture as it is.");
    },
  };
}

function target(key: string, at: number): number | null {
  if (key === "ArrowLeft" || key === "ArrowDown") return at - STEP;
  if (key === "ArrowRight" || key === "ArrowUp") return at + STEP;
  if (key === "Home") return 0;
  return key === "End" ? 1 : null;
}
