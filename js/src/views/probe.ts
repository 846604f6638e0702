// A point of the picture, and the units that act there; by pointer, or by arrows and Enter.

import { fractionAt, inside, moved, type Point } from "../canvas/geometry";
import { stride } from "../keys";
import type { UnitRow } from "../messages";
import { button, listen, make } from "../parts/dom";
import { draws, reachable, type Studio } from "../studio";
import type { Screen } from "./screen";

export interface Probe {
  readonly mark: HTMLElement;
  readonly node: HTMLElement;
}

export function prober(studio: Studio, picture: Screen, rows: () => readonly UnitRow[], choose: (unit: number) => void): Probe {
  const { signal, store } = studio;
  const mark = make("span", "gw-probe-mark", { "aria-hidden": "true" });
  const units = make("div", "gw-probe-units");
  const node = make("div", "gw-probe", {}, make("span", "gw-probe-words", {}, "Acting at the point:"), units);
  let at: Point = { x: 0.5, y: 0.5 };

  function place(point: Point): void {
    at = point;
    mark.style.left = `${100 * at.x}%`;
    mark.style.top = `${100 * at.y}%`;
    mark.hidden = false;
  }

  async function ask(): Promise<void> {
    if (!reachable(studio) || !draws(studio)) return;
    const reply = await studio.kernel.ask("probe", { x: at.x, y: at.y });
    if (reply.status !== "done") return;
    const known = new Map(rows().map((row) => [row.unit, row]));
    units.replaceChildren(...(reply.units ?? []).map((unit, i) => {
      const each = button({ act: `probe-${unit}`, label: `Unit ${unit}, ${known.get(unit)?.concept || "no concept"}`, text: `${unit} ${known.get(unit)?.concept ?? ""}` }, () => choose(unit), signal);
      each.style.setProperty("--gw-dot", known.get(unit)?.color ?? "#888");
      each.title = `${(reply.values?.[i] ?? 0).toFixed(2)} of its threshold`;
      return each;
    }));
    place(at);
    node.hidden = false;
    studio.say(`${reply.units?.length ?? 0} units act there.`);
  }

  listen(picture.canvas, "click", (event) => {
    const point = fractionAt(event, picture.canvas.getBoundingClientRect());
    if (!inside(point) || !draws(studio)) return;
    place(point);
    void ask();
  }, signal);
  listen(picture.canvas, "keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !draws(studio)) return;
    const by = stride(event);
    const steps: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
    const step = steps[event.key];
    if (step) {
      place(moved(at, ...step));
      studio.say(`Point at ${Math.round(100 * at.x)} % across, ${Math.round(100 * at.y)} % down.`);
    } else if (event.key === "Enter" && !event.shiftKey) void ask();
    else return;
    event.preventDefault();
  }, signal);
  store.watch(["seed", "layer"], () => {
    mark.hidden = node.hidden = true;
  });
  return { mark, node };
}
