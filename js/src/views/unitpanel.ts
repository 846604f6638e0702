// The chosen unit: how its activations are spread, its threshold, and the pictures in which it goes highest and lowest.

import { dimmed, litAt } from "../canvas/lit";
import type { Reply } from "../kernel";
import type { UnitRow, UnitTable } from "../messages";
import { allow, button, card, listen, make } from "../parts/dom";
import { noteOf } from "../parts/filter";
import { axisOf, histogram, percent, shareAbove, short, type Axis } from "../parts/histogram";
import { decode } from "../parts/pictures";
import { draws, open, reachable, type Acts, type Studio } from "../studio";

const STEPS = 1000; // along the slider
const STRIDE = 10; // of a key
const STILL = 120; // ms on one unit before its pictures are asked for
const KEPT = 24; // units of a table whose maps stay in memory

interface Maps {
  readonly image: ImageBitmap;
  readonly size: number;
  readonly numbers: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** A unit, the table that it is listed in, and whether that is the one beside, whose units are only looked at. */
export interface Chosen {
  readonly row: UnitRow;
  readonly table: UnitTable;
  readonly beside: boolean;
}

export interface UnitPanel {
  readonly node: HTMLElement;
  of(chosen: Chosen | null): void;
  /** A table has gone, and what is shown of it goes too. */
  forget(table: UnitTable | null): void;
  focus(): void;
}

/** `relit` is told of pictures that are lit otherwise now. */
export function unitPanel(studio: Studio, acts: Acts, relit: (unit: number, pictures: HTMLCanvasElement | null) => void): UnitPanel {
  const { store, signal } = studio;
  const [name, note] = [make("span", "gw-panel-name"), make("span", "gw-panel-note")];
  const bars = histogram();
  const slider = make("input", "gw-threshold", { type: "range", min: 0, max: STEPS, step: STRIDE, "aria-label": "Threshold: lit above" });
  const words = make("output", "gw-threshold-words");
  const back = button({ act: "threshold-own", label: "Back to the dissection's threshold", icon: "reset", className: "gw-small" }, () => set(null), signal);
  const [highest, lowest] = [strip("highest"), strip("lowest")];
  const hint = make("p", "gw-hint");
  const node = card("gw-panel", "Unit", make("p", "gw-panel-unit", {}, name, note), bars.node, slider, make("div", "gw-threshold-line", {}, words, back), bars.words, highest.node, lowest.node, hint);
  const maps = new WeakMap<UnitTable, Map<string, Maps>>();
  let shown: Chosen | null = null;
  let axis: Axis | null = null;
  let threshold = 0;
  let [moving, sent, due] = [false, 0, false];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failed = "";
  node.hidden = true;

  /** Whether there is a model that tells maps; a page and a dissection alone have none, what is beside may have its own. */
  const able = () => open(studio) && (draws(studio) || shown?.beside === true);
  /** Whether a threshold is kept, and not only tried. */
  const keeps = () => open(studio) && shown?.beside === false;
  const own = () => shown?.row.threshold ?? 0;
  const kept = () => (shown?.beside ? undefined : store.get("thresholds").find((each) => each.unit === shown?.row.unit)?.value) ?? own();
  const mapsOf = (table: UnitTable): Map<string, Maps> => {
    if (!maps.has(table)) maps.set(table, new Map());
    return maps.get(table) as Map<string, Maps>;
  };

  function set(value: number | null): void {
    if (!shown) return;
    const { unit } = shown.row;
    threshold = value ?? own();
    draw();
    if (!keeps()) return;
    sent += 1;
    void acts.ask("threshold", value === null ? { unit } : { unit, value }).then(() => {
      sent -= 1;
      settle();
    });
  }

  /** The threshold as it is kept, unless one is under way. */
  function settle(): void {
    if (!shown || moving || sent > 0) return;
    if (keeps()) threshold = kept();
    draw();
  }

  function draw(): void {
    if (!shown) return;
    const { row, table, beside } = shown;
    name.textContent = `${beside ? `${table.name} · ` : ""}${row.unit} · ${row.concept || "no concept"}`;
    note.textContent = noteOf(row, { order: "iou" });
    slider.hidden = back.hidden = axis === null;
    if (axis) {
      const part = percent(shareAbove(table.shares, row.quantiles, threshold));
      bars.mark(axis, threshold, own());
      if (!moving) slider.value = String(Math.round((STEPS * axis.at(threshold)) / STRIDE) * STRIDE);
      slider.setAttribute("aria-valuetext", `${short(threshold)}: ${part} lit`);
      words.textContent = `Lit above ${short(threshold)}${threshold === own() ? "" : ` (dissected: ${short(own())})`}: ${part}.`;
    } else words.textContent = `This unit is nowhere above ${short(row.quantiles[0] ?? 0)}.`;
    allow(back, threshold !== own());
    later();
  }

  /** Light the pictures before the next frame, however often the slider has moved. */
  const later = () => {
    if (!due) requestAnimationFrame(() => {
      due = false;
      if (!signal.aborted && shown) light(shown);
    });
    due = true;
  };

  function light({ row: { unit }, table, beside }: Chosen): void {
    const found = [highest, lowest].map((each) => each.light(mapsOf(table).get(`${unit} ${each.which}`) ?? null, threshold));
    hint.hidden = found.some(Boolean) && !beside;
    if (!able()) hint.textContent = "With a model, gw.UnitBrowser(g, d), its pictures follow the threshold.";
    else if (found.some(Boolean)) hint.textContent = "Beside: a threshold can be tried here, and is not kept.";
    else hint.textContent = failed || "Its pictures are on their way.";
    if (moving && found[0] && !beside) relit(unit, highest.canvas);
  }

  async function fetchMaps(): Promise<void> {
    const asked = shown;
    for (const { which } of [highest, lowest]) {
      if (!asked || asked !== shown || !able()) return;
      const [{ row: { unit }, beside }, held] = [asked, mapsOf(asked.table)];
      if (held.has(`${unit} ${which}`)) continue;
      const reply = await studio.kernel.ask("maps", { unit, lowest: which === "lowest", ...(beside ? { beside } : {}) });
      const came = signal.aborted ? null : await unpacked(reply);
      if (signal.aborted) return;
      if (came) held.set(`${unit} ${which}`, came);
      else if (asked === shown) failed = reply.message ?? "Its pictures cannot be shown.";
      for (const old of [...held.keys()].slice(0, Math.max(0, held.size - 2 * KEPT))) held.delete(old);
      later();
    }
  }

  listen(slider, "input", () => {
    if (!axis) return;
    moving = true;
    threshold = axis.value(Number(slider.value) / STEPS);
    draw();
  }, signal);
  listen(slider, "change", () => {
    moving = false;
    if (axis) set(axis.value(Number(slider.value) / STEPS));
  }, signal);

  let before = new Map<number, number>();
  store.watch(["thresholds"], () => {
    const now = new Map(store.get("thresholds").map(({ unit, value }) => [unit, value]));
    for (const unit of new Set([...before.keys(), ...now.keys()])) if (before.get(unit) !== now.get(unit)) relit(unit, null);
    before = now;
    settle();
  });
  studio.news.on("line", () => {
    slider.disabled = !reachable(studio);
  });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    node,
    of(chosen) {
      shown = chosen;
      node.hidden = shown === null;
      clearTimeout(timer);
      if (!shown) return;
      const { row, table } = shown;
      axis = axisOf(table.shares, row.quantiles);
      bars.show(table.shares, row.quantiles, axis);
      [moving, failed, threshold] = [false, "", kept()];
      draw();
      timer = setTimeout(() => void fetchMaps(), STILL);
    },
    forget(table) {
      if (shown?.table === table) this.of(null);
    },
    focus: () => slider.focus(),
  };
}

/** A row of pictures, dimmed where their unit is not lit. */
function strip(which: "highest" | "lowest") {
  const canvas = make("canvas", "gw-panel-pictures", { role: "img", width: 1, height: 1 });
  const node = make("figure", "gw-panel-strip", { "data-which": which }, make("figcaption", "", {}, which), canvas);
  return {
    which,
    node,
    canvas,
    /** Whether there were pictures to light. */
    light(maps: Maps | null, threshold: number): boolean {
      node.hidden = maps === null;
      if (!maps) return false;
      const { size, numbers, height, width, values, image } = maps;
      [canvas.width, canvas.height] = [image.width, size];
      canvas.setAttribute("aria-label", `Pictures ${numbers.join(", ")}: those in which the unit goes ${which}, dimmed where it is not lit`);
      const ctx = canvas.getContext("2d", { willReadFrequently: true });
      if (!ctx) return true;
      ctx.drawImage(image, 0, 0);
      const whole = ctx.getImageData(0, 0, image.width, size);
      const shown = new ImageData(image.width, size);
      let lit = 0;
      for (const slot of numbers.keys()) {
        const mask = litAt(values.subarray(slot * height * width, (slot + 1) * height * width), height, width, size, threshold);
        lit += mask.reduce((sum, each) => sum + each, 0);
        dimmed(whole.data, shown.data, image.width, size, slot, mask);
      }
      ctx.putImageData(shown, 0, 0);
      canvas.dataset["gwLit"] = String(lit);
      return true;
    },
  };
}

/** The pictures and maps of an answer; null: it has none. */
async function unpacked({ status, buffers: [page, cells], size = 0, height = 0, width = 0, numbers = [] }: Reply): Promise<Maps | null> {
  if (status !== "done" || !page || !cells || cells.byteLength !== 4 * numbers.length * height * width || size < 1) return null;
  const image = await decode(page, "image/jpeg");
  const values = new Float32Array(cells.buffer.slice(cells.byteOffset, cells.byteOffset + cells.byteLength));
  return image && { image, size, numbers, height, width, values };
}
