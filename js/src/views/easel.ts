// The easel: the picture with its ink, and the hand on it, by pointer or by keys.

import { rgbOf } from "../canvas/colour";
import { boxAt, dropSide, fractionAt, inside, moved, type Box, type Point } from "../canvas/geometry";
import { boxMask, drawPath, isEmpty, rubberLine, type Area, type Brush, type Sample } from "../canvas/mask";
import { encodeGrey } from "../canvas/png";
import { MASK_SIDE, type PaintTool } from "../messages";
import { listen, make } from "../parts/dom";
import { fine } from "../parts/pictures";
import { barred, chosen, meant, open, type Acts, type Studio } from "../studio";
import { objects, type Objects } from "./objects";
import { zoomable, type Zoom } from "../parts/zoom";
import { drawScene, inkLayer, type Layer, type Scene } from "./ink";
import type { Screen } from "./screen";

export interface Easel {
  readonly node: HTMLElement;
  readonly isPainting: boolean;
  readonly objects: Objects;
  readonly zoom: Zoom;
  /** A chip hovers at that place of the page: its box is shown, and what it would draw. */
  hover(at: { clientX: number; clientY: number }): void;
  /** Drop the chip in hand there; outside the picture, nothing. */
  dropAt(at: { clientX: number; clientY: number }): void;
  /** The chip has gone. */
  unhover(): void;
  /** Keys on the picture. */
  moveBrush(dx: number, dy: number): void;
  penDown(): void;
  penUp(): void;
  dropAtBrush(): void;
  /** Give the stroke up. */
  abandon(): boolean;
}

interface Stroke {
  readonly layer: Layer;
  readonly tool: PaintTool;
  readonly concept: string;
  readonly brush: Brush;
  /** null: by keys */
  readonly pointer: number | null;
  last: Point;
  sampled: boolean;
  /** draws the straight line that the stroke ends in as long as Shift is held */
  line: ((to: Sample) => Area) | null;
}

const ERASER = "#ffffff";
const LIGHTEST = 0.05; // of a pen's pressure: less would paint nothing that one can see

/** `under` and `over` the ink lie other things. */
export function easel(studio: Studio, acts: Acts, screen: Screen, under: readonly HTMLElement[], over: readonly HTMLElement[]): Easel {
  const { store, kernel, signal } = studio;
  const ink = make("canvas", "gw-ink", { "aria-hidden": "true", width: 512, height: 512 });
  const zoom = zoomable(studio, screen, [screen.canvas, screen.glass, ...under, ink], () => abandon());
  const ctx = ink.getContext("2d");
  const waiting: { layer: Layer; live: boolean }[] = [];
  const dropping: { box: Box; color: string; name: string }[] = [];
  let stroke: Stroke | null = null;
  let box: Box | null = null;
  let cursor: Point = { x: 0.5, y: 0.5 };
  let [hovered, byKeys, live, trying] = [false, false, false, false];

  let made = false; // objects draw as they are made
  const things: Objects = objects(studio, acts, screen, zoom, () => made && draw());
  made = true;
  const node = make("div", "gw-stage", {}, zoom.frame, ...over, things.node, zoom.label);

  // What is drawn over the picture.

  function scene(): Scene {
    const chip = chosen(studio);
    const focused = byKeys && document.activeElement === screen.canvas;
    const selects = store.get("tool") === "select";
    const ring = open(studio) && !box && (stroke || trying || (!selects && (hovered || focused)));
    return {
      waiting,
      stroke: stroke?.layer ?? null,
      live,
      boxes: box && chip ? [...dropping, { box, color: chip.color, name: "" }] : dropping,
      marked: things.marked,
      ring: ring ? { at: cursor, brush: brush(), erasing: (stroke?.tool ?? store.get("tool")) === "ablate", keys: focused } : null,
    };
  }

  function draw(): void {
    if (ctx) drawScene(ctx, scene(), screen.view, ink.width / (ink.clientWidth || ink.width));
  }
  const brush = (): Brush => stroke?.brush ?? { size: store.get("size"), soft: store.get("soft") };

  function settle(): void {
    ink.dataset["gwStrokes"] = String(waiting.length + dropping.length);
    ink.dataset["gwInk"] = String(stroke !== null);
    draw();
  }

  // A stroke.

  function begin(at: Sample, tool: PaintTool, pointer: number | null): boolean {
    const chip = chosen(studio);
    if (!open(studio) || !chip) {
      studio.say(barred(studio) || "Choose something in the palette first.");
      return false;
    }
    const colour = rgbOf(tool === "insert" ? chip.color : ERASER);
    stroke = { layer: inkLayer(colour), tool, concept: chip.name, brush: brush(), pointer, last: at, sampled: false, line: null };
    live = false;
    extend([at]);
    return true;
  }

  /** Go on through these points, or with `straight` in one line to the last of them from where it began. */
  function extend(points: readonly Sample[], straight = false): void {
    const end = points[points.length - 1];
    if (!stroke || end === undefined) return;
    const { layer, concept, tool } = stroke;
    stroke.line = straight && stroke.sampled ? stroke.line ?? rubberLine(layer.mask, stroke.last, stroke.brush) : null;
    layer.touch(stroke.line ? stroke.line(end) : drawPath(layer.mask, stroke.sampled ? [stroke.last, ...points] : points, stroke.brush));
    stroke.sampled = true;
    stroke.last = cursor = end;
    settle();
    if (!isEmpty(layer.mask)) kernel.preview({ concept, tool, ...meant(store) }, () => encodeGrey(layer.mask.data, MASK_SIDE, MASK_SIDE));
  }

  function commit(): void {
    if (!stroke) return;
    const { layer, concept, tool } = stroke;
    stroke = null;
    kernel.dropPreviews(false);
    if (!isEmpty(layer.mask)) {
      const sent = { layer, live };
      waiting.push(sent);
      void acts.ask("stroke", { concept, tool, ...meant(store) }, encodeGrey(layer.mask.data, MASK_SIDE, MASK_SIDE)).then((reply) => {
        waiting.splice(waiting.indexOf(sent), 1);
        if (reply?.status !== "done") screen.restore();
        settle();
      });
    }
    settle();
  }

  function abandon(): boolean {
    if (!stroke && !box) return things.abandon();
    stroke = box = null;
    kernel.dropPreviews();
    screen.restore();
    studio.say("Given up.");
    settle();
    return true;
  }

  // The pointer.

  const at = (event: { clientX: number; clientY: number }) => fractionAt(event, screen.canvas.getBoundingClientRect());
  const sampleAt = (event: PointerEvent): Sample => (event.pointerType === "pen" ? { ...at(event), flow: Math.max(LIGHTEST, event.pressure) } : at(event));
  const ours = (event: PointerEvent) => stroke !== null && stroke.pointer === event.pointerId;

  listen(screen.canvas, "pointerdown", (event) => {
    if (!event.isPrimary || stroke || (event.button !== 0 && event.button !== 5)) return;
    byKeys = false;
    hovered = true;
    const tool = event.button === 5 ? "ablate" : store.get("tool"); // 5: the other end of the pen
    if (tool === "select") return;
    if (begin(sampleAt(event), tool, event.pointerId)) screen.canvas.setPointerCapture?.(event.pointerId);
  }, signal);
  listen(screen.canvas, "pointermove", (event) => {
    if (!event.isPrimary) return;
    byKeys = false;
    hovered = true;
    if (ours(event)) {
      const samples = event.getCoalescedEvents?.() ?? [];
      return extend((samples.length > 0 ? samples : [event]).map(sampleAt), event.shiftKey);
    }
    if (stroke) return;
    cursor = at(event);
    draw();
  }, signal);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    listen(screen.canvas, end, (event) => ours(event) && commit(), signal);
  }
  listen(screen.canvas, "pointerleave", () => {
    hovered = false;
    draw();
  }, signal);
  listen(screen.canvas, "focus", () => {
    byKeys = screen.canvas.matches(":focus-visible");
    draw();
  }, signal);
  listen(screen.canvas, "blur", () => {
    if (stroke?.pointer === null) commit();
    draw();
  }, signal);

  // A chip over the picture.

  function target(event: { clientX: number; clientY: number }): Box | null {
    const place = at(event);
    const seen = screen.view.zoom === 1 || inside(fractionAt(event, zoom.frame.getBoundingClientRect()));
    return seen && inside(place) ? boxAt(place, dropSide(store.get("size"))) : null;
  }

  function hover(event: { clientX: number; clientY: number }): void {
    const was = box;
    box = target(event);
    const chip = chosen(studio);
    if (box && chip) {
      const mask = boxMask(MASK_SIDE, box);
      kernel.preview({ concept: chip.name, tool: "insert", ...meant(store) }, () => encodeGrey(mask.data, MASK_SIDE, MASK_SIDE));
    } else if (was) {
      kernel.dropPreviews();
      screen.restore();
    }
    draw();
  }

  function drop(place: Box): void {
    const chip = chosen(studio);
    if (!chip) return studio.say("Choose something in the palette first.");
    const shown = { box: place, color: chip.color, name: chip.name };
    kernel.dropPreviews(false);
    dropping.push(shown);
    settle();
    void acts.drop(chip.name, place).then((reply) => {
      dropping.splice(dropping.indexOf(shown), 1);
      if (reply?.status !== "done") screen.restore();
      else if (store.get("tool") === "select") things.select(store.get("history").at(-1)?.entry ?? 0);
      settle();
    });
  }

  fine(ink, signal, draw);
  store.watch(["tool", "concept", "read_only"], draw);
  let started = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tryOut = () => {
    trying = started;
    draw();
    clearTimeout(timer);
    timer = setTimeout(() => {
      trying = false;
      draw();
    }, 900);
  };
  store.watch(["size", "soft"], tryOut); // the ring shows what a slider does
  started = true;
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  studio.news.on("line", draw);
  studio.news.on("zoom", draw);
  studio.news.on("preview", () => {
    live = true;
    draw();
  });
  settle();

  return {
    node,
    objects: things,
    zoom,
    get isPainting() {
      return stroke !== null;
    },
    hover,
    dropAt(event) {
      const place = target(event);
      box = null;
      if (place) drop(place);
      else abandonHover();
    },
    unhover: () => abandonHover(),
    moveBrush(dx, dy) {
      if (stroke && stroke.pointer !== null) return;
      byKeys = true;
      cursor = moved(cursor, dx, dy);
      zoom.reveal(cursor);
      if (stroke) extend([cursor]);
      else draw();
      studio.say(`Brush at ${Math.round(100 * cursor.x)} % across, ${Math.round(100 * cursor.y)} % down.`);
    },
    penDown() {
      byKeys = true;
      cursor = moved(cursor, 0, 0);
      const tool = store.get("tool");
      if (tool === "select") return studio.say("Take the brush (b) or the eraser (e) to paint.");
      if (!stroke) begin(cursor, tool, null);
    },
    penUp: () => void (stroke?.pointer === null && commit()),
    dropAtBrush: () => void (!stroke && drop(boxAt(moved(cursor, 0, 0), dropSide(store.get("size"))))),
    abandon,
  };

  function abandonHover(): void {
    box = null;
    kernel.dropPreviews();
    screen.restore();
    settle();
  }
}
