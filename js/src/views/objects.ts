// Objects that were dropped: selected, moved, resized and taken away, by pointer and by keys.

import { cssColour } from "../canvas/colour";
import { fractionAt, type Box, type Point } from "../canvas/geometry";
import { cut, handleAt, scaled, shifted, stretched, topmost, within, type Corner } from "../canvas/objects";
import { onFrame } from "../canvas/zoom";
import type { Step } from "../messages";
import { button, listen, make } from "../parts/dom";
import type { Zoom } from "../parts/zoom";
import { open, type Acts, type Studio } from "../studio";
import type { Screen } from "./screen";

export interface Objects {
  /** The name of the selected object, and a button that takes it away. */
  readonly node: HTMLElement;
  /** The selected object's box as it is now, and its colour. */
  readonly marked: { readonly box: Box; readonly color: string } | null;
  select(entry: number): void;
  /** The object after (1) or before (-1) the selected one. */
  next(by: 1 | -1): void;
  /** Move or resize the selected object, until `commit`; false: none is selected. */
  nudge(dx: number, dy: number): boolean;
  grow(by: 1 | -1): boolean;
  commit(): void;
  remove(): boolean;
  /** Give a drag up. */
  abandon(): boolean;
  deselect(): boolean;
}

type Placed = Step & { readonly box: Box };

interface Drag {
  readonly entry: number;
  /** null: by keys */
  readonly pointer: number | null;
  readonly start: Point;
  readonly from: Box;
  readonly corner: Corner | null;
  box: Box;
  going: boolean;
}

const REACH = { mouse: 12, touch: 22 }; // css pixels round a handle's middle
const FAR = { mouse: 3, touch: 8 }; // css pixels: less is a click

export function objects(studio: Studio, acts: Acts, screen: Screen, zoom: Zoom, changed: () => void): Objects {
  const { store, kernel, signal } = studio;
  const words = make("span", "gw-object-name");
  const gone = button({ act: "delete", label: "Take the object away", icon: "close", key: "Delete", className: "gw-small" }, () => {
    remove();
    screen.canvas.focus();
  }, signal);
  const node = make("div", "gw-object", {}, make("span", "gw-dot"), words, gone);
  let selected: number | null = null;
  let drag: Drag | null = null;
  let sent: { readonly entry: number; readonly box: Box } | null = null; // not yet answered

  const here = () => store.get("history").filter((step): step is Placed => step.on && step.box !== null && (step.everywhere || step.seed === store.get("seed")));
  const found = (entry = selected) => here().find((step) => step.entry === entry) ?? null;
  const boxOf = (step: Placed): Box => (drag?.entry === step.entry ? drag.box : sent?.entry === step.entry ? sent.box : step.box);
  const nameOf = (step: Step) => step.concept || step.label;
  const colourOf = (step: Step) => store.get("concepts").find((chip) => chip.name === step.concept)?.color ?? "#888888";

  function draw(): void {
    const step = found();
    node.hidden = step === null || drag?.going === true;
    if (step) {
      const seen = cut(boxOf(step));
      const [top, end] = [onFrame(screen.view, seen), onFrame(screen.view, { x: seen.x + seen.width, y: seen.y + seen.height })];
      const [middle, above] = [Math.min(0.8, Math.max(0.2, (top.x + end.x) / 2)), top.y > 0.14];
      node.style.left = `${100 * middle}%`;
      node.style.top = `${100 * (above ? top.y : Math.min(0.86, Math.max(0, end.y)))}%`;
      node.classList.toggle("gw-below", !above);
      node.style.setProperty("--gw-concept", cssColour(colourOf(step)));
      words.textContent = nameOf(step);
    }
    changed();
  }

  function choose(step: Placed | null): void {
    const other = step?.entry !== selected;
    selected = step?.entry ?? null;
    if (step && other) studio.say(`${nameOf(step)} selected: arrows move it, + and - resize it, Delete takes it away.`);
    draw();
  }

  function select(entry: number): void {
    const step = found(entry);
    if (!step || !open(studio)) return;
    if (store.get("tool") !== "select") store.set({ tool: "select" });
    zoom.reveal({ x: step.box.x + step.box.width / 2, y: step.box.y + step.box.height / 2 });
    choose(step);
    screen.canvas.focus();
  }

  function to(box: Box): void {
    if (!drag) return;
    drag.box = box;
    drag.going = true;
    kernel.peek({ entry: drag.entry, ...box });
    draw();
  }

  function byKeys(change: (box: Box) => Box): boolean {
    const step = found();
    if (!step) return false;
    if (drag && drag.pointer !== null) return true; // the pointer has it
    drag ??= { entry: step.entry, pointer: null, start: step.box, from: boxOf(step), corner: null, box: boxOf(step), going: true };
    to(change(drag.box));
    return true;
  }

  function commit(): void {
    if (!drag) return;
    const { entry, box, going } = drag;
    drag = null;
    if (going) {
      const placed = { entry, box };
      kernel.dropPreviews(false);
      sent = placed;
      void acts.move(entry, box).then((reply) => {
        if (sent === placed) sent = null;
        if (reply?.status !== "done") screen.restore();
        draw();
      });
    }
    draw();
  }

  function abandon(): boolean {
    if (!drag) return false;
    const { going } = drag;
    drag = null;
    if (going) {
      kernel.dropPreviews();
      screen.restore();
      studio.say("Given up.");
    }
    draw();
    return going;
  }

  function remove(): boolean {
    const step = found();
    if (!step) return false;
    abandon();
    void acts.delete(step.entry);
    return true;
  }

  // The pointer.

  const at = (event: MouseEvent) => fractionAt(event, screen.canvas.getBoundingClientRect());
  const pixels = (event: PointerEvent, of: typeof REACH) => (event.pointerType === "touch" ? of.touch : of.mouse) / (screen.canvas.getBoundingClientRect().width || 1);
  const grip = (event: PointerEvent): { step: Placed; corner: Corner | null } | null => {
    const [step, place] = [found(), at(event)];
    const corner = step ? handleAt(boxOf(step), place, pixels(event, REACH)) : null;
    if (step && (corner || within(place, boxOf(step)))) return { step, corner };
    const under = here()[topmost(here().map(boxOf), place)];
    return under ? { step: under, corner: null } : null;
  };

  listen(screen.canvas, "pointerdown", (event) => {
    if (store.get("tool") !== "select" || event.button !== 0 || !event.isPrimary || drag || !open(studio)) return;
    const held = grip(event);
    if (!held) return void deselect();
    choose(held.step);
    const box = boxOf(held.step);
    drag = { entry: held.step.entry, pointer: event.pointerId, start: at(event), from: box, corner: held.corner, box, going: false };
    screen.canvas.setPointerCapture?.(event.pointerId);
  }, signal);
  listen(screen.canvas, "pointermove", (event) => {
    if (store.get("tool") !== "select") return;
    if (drag?.pointer !== event.pointerId) {
      const held = drag ? null : grip(event);
      screen.canvas.style.cursor = !held ? "default" : !held.corner ? "move" : held.corner.x === held.corner.y ? "nwse-resize" : "nesw-resize";
      return;
    }
    const place = at(event);
    const [dx, dy] = [place.x - drag.start.x, place.y - drag.start.y];
    if (!drag.going && Math.hypot(dx, dy) < pixels(event, FAR)) return;
    to(drag.corner ? stretched(drag.from, drag.corner, dx, dy) : shifted(drag.from, dx, dy));
  }, signal);
  listen(screen.canvas, "pointerup", (event) => {
    if (drag?.pointer !== event.pointerId) return;
    const clicked = !drag.going && !drag.corner;
    commit();
    if (clicked) choose(here()[topmost(here().map(boxOf), at(event))] ?? found());
  }, signal);
  for (const end of ["pointercancel", "lostpointercapture"] as const) {
    listen(screen.canvas, end, (event) => drag?.pointer === event.pointerId && (end === "pointercancel" ? abandon() : commit()), signal);
  }

  function deselect(): boolean {
    if (selected === null) return false;
    abandon();
    selected = null;
    draw();
    return true;
  }

  const check = () => {
    if (store.get("tool") !== "select") screen.canvas.style.cursor = "";
    if (store.get("tool") !== "select" || !open(studio) || !found()) deselect();
    draw();
  };
  store.watch(["history", "seed", "tool", "concepts", "read_only"], check);
  studio.news.on("line", check);
  studio.news.on("zoom", draw);

  return {
    node,
    get marked() {
      const step = found();
      return step ? { box: boxOf(step), color: colourOf(step) } : null;
    },
    select,
    next(by) {
      const all = here();
      if (all.length === 0) return studio.say("No object on this picture: drag a chip onto it first.");
      const from = all.findIndex((step) => step.entry === selected);
      select((all[from < 0 ? (by > 0 ? 0 : all.length - 1) : (from + by + all.length) % all.length] as Placed).entry);
    },
    nudge: (dx, dy) => byKeys((box) => shifted(box, dx, dy)),
    grow: (by) => byKeys((box) => scaled(box, by > 0 ? 1.1 : 1 / 1.1)),
    commit: () => void (drag?.pointer === null && commit()),
    remove,
    abandon,
    deselect,
  };
}
