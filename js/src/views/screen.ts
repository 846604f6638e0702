// The picture: frames as they come, the last one at rest to go back to, and the picture before all edits.

import { PIXELS, WHOLE, type View } from "../canvas/zoom";
import type { Frame } from "../messages";
import { make } from "../parts/dom";
import { decode, fine } from "../parts/pictures";
import type { Studio } from "../studio";

export interface Screen {
  /** The picture, pixel for pixel. */
  readonly canvas: HTMLCanvasElement;
  /** The same as fine as the screen, over it: a browser smooths a canvas better than it stretches one. */
  readonly glass: HTMLCanvasElement;
  /** How the picture lies in its frame, and to look at it so. */
  readonly view: View;
  look(view: View): void;
  frame(frame: Frame, data: DataView): Promise<void>;
  original(seed: number, data: DataView): Promise<void>;
  /** The picture before all edits, if it has come. */
  before(): ImageBitmap | null;
  /** Show the picture before all edits, as long as it is held; whether there is one. */
  hold(on: boolean): boolean;
  /** Back to the last picture at rest, after a preview that came to nothing. */
  restore(): void;
}

export const GLASS = 640; // pixels; finer costs more at each frame where nothing but the processor draws, and shows little

/** Draw a picture on a canvas that is as large as the frame. */
export function through(ctx: CanvasRenderingContext2D, picture: CanvasImageSource, { zoom, x, y }: View): void {
  const { width, height } = ctx.canvas;
  ctx.imageSmoothingEnabled = zoom <= PIXELS;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(picture, x * width, y * height, zoom * width, zoom * height);
}

export function screen(studio: Pick<Studio, "store" | "signal" | "news">): Screen {
  const { store, news } = studio;
  const canvas = make("canvas", "gw-picture", {
    tabindex: 0,
    role: "application",
    width: 64,
    height: 64,
    "data-lm-suppress-shortcuts": "true",
    "data-jp-suppress-context-menu": "true",
  });
  const glass = make("canvas", "gw-glass", { "aria-hidden": "true", width: 1, height: 1 });
  let shown = -1; // number of the frame that is shown; 0: the trait
  let now: ImageBitmap | null = null;
  let rest: ImageBitmap | null = null;
  let first: { seed: number; picture: ImageBitmap } | null = null; // before all edits
  let held = false;
  let view = WHOLE;

  const before = () => (first?.seed === store.get("seed") ? first.picture : null);

  function paint(): void {
    const picture = (held ? before() : null) ?? now;
    canvas.classList.toggle("gw-before", held && picture === before());
    const ctx = picture ? canvas.getContext("2d") : null;
    if (!ctx || !picture) return;
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    ctx.drawImage(picture, 0, 0);
    polish();
  }

  function polish(): void {
    const ctx = now ? glass.getContext("2d") : null;
    if (!ctx) return;
    through(ctx, canvas, view);
  }

  function take(picture: ImageBitmap | null, number: number, resting: boolean): void {
    const old = [now, rest];
    now = picture ?? now;
    if (resting) rest = now;
    for (const each of old) if (each && each !== now && each !== rest) each.close();
    shown = number;
    paint();
    canvas.dataset["gwFrame"] = String(number);
    if (resting) news.tell("picture");
  }

  store.watch(["picture"], () => {
    if (shown > 0) return; // frames are coming
    const data = store.get("picture");
    if (!data || data.byteLength === 0) return;
    void decode(data, "image/png").then((picture) => shown <= 0 && picture && take(picture, 0, true));
  });
  store.watch(["alt", "seed"], () => canvas.setAttribute("aria-label", store.get("alt") || `Picture ${store.get("seed")}`));

  fine(glass, studio.signal, polish, GLASS);
  return {
    canvas,
    glass,
    get view() {
      return view;
    },
    look(next) {
      view = next;
      polish();
    },
    async frame(frame, data) {
      const picture = await decode(data, frame.format === "jpeg" ? "image/jpeg" : "image/png");
      if (frame.frame < shown || studio.signal.aborted) return picture?.close();
      take(picture, frame.frame, frame.rest);
    },
    async original(seed, data) {
      const picture = await decode(data, "image/png");
      if (!picture) return;
      first?.picture.close();
      first = { seed, picture };
      paint();
      news.tell("original");
    },
    before,
    hold(on) {
      held = on;
      paint();
      return before() !== null;
    },
    restore() {
      if (!rest || now === rest) return;
      now?.close();
      now = rest;
      paint();
    },
  };
}
