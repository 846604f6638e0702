// The chosen unit: how its activations are spread, its threshold, and the pictures in which it goes highest and lowest.

import { dimmed, litAt } from "../canvas/lit";
import type { Reply } from "../kernel";
import type { UnitRow } from "../messages";
import { allow, button, card, listen, make } from "../parts/dom";
import { axisOf, histogram, percent, shareAbove, short, type Axis } from "../parts/histogram";
import { decode } from "../parts/pictures";
import { draws, open, reachable, type Acts, type Studio } from "../studio";

const STEPS = 1000; // along the slider
const STRIDE = 10; // of a key
const STILL = 120; // ms on one unit before its pictures are asked for
const KEPT = 24; // units whose maps stay in memory

interface Maps {
  readonly image: ImageBitmap;
  readonly size: number;
  readonly numbers: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

export interface UnitPanel {
  readonly node: HTMLElement;
  of(row: UnitRow | null): void;
  /** Which parts of all pixels the quantiles of rows are of. */
  shares(shares: readonly number[]): void;
  /** Another layer, or other units: nothing that was fetched holds. */
  forget(): void;
  focus(): void;
}

/** `relit` is told of pictures that are lit otherwise now. */
export function unitPanel(studio: Studio, acts: Acts, relit: (unit: number, pictures: HTMLCanvasElement | null) => void): UnitPanel {
  const { store, signal } = studio;
  const name = make("span", "gw-panel-name");
  const bars = histogram();
  const slider = make("input", "gw-threshold", { type: "range", min: 0, max: STEPS, step: STRIDE, "aria-label": "Threshold: lit above" });
  const words = make("output", "gw-threshold-words");
  const back = button({ act: "threshold-own", label: "Back to the dissection's threshold", icon: "reset", className: "gw-small" }, () => set(null), signal);
  const [highest, lowest] = [strip("highest"), strip("lowest")];
  const hint = make("p", "gw-hint");
  const node = card("gw-panel", "Unit", name, bars.node, slider, make("div", "gw-threshold-line", {}, words, back), highest.node, lowest.node, hint);
  const maps = new Map<string, Maps>();
  let row: UnitRow | null = null;
  let shares: readonly number[] = [];
  let axis: Axis | null = null;
  let threshold = 0;
  let [moving, sent, due] = [false, 0, false];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let generation = 0;
  let failed = "";
  node.hidden = true;

  /** Whether there is a model that tells maps; a page and a dissection alone have none. */
  const able = () => open(studio) && draws(studio);
  const own = () => row?.threshold ?? 0;
  const held = (unit: number) => store.get("thresholds").find((each) => each.unit === unit)?.value;

  function set(value: number | null): void {
    if (!row) return;
    threshold = value ?? own();
    draw();
    if (!open(studio)) return; // a page: nothing is kept, but it can be looked at
    sent += 1;
    void acts.ask("threshold", value === null ? { unit: row.unit } : { unit: row.unit, value }).then(() => {
      sent -= 1;
      settle();
    });
  }

  /** The threshold as it is kept, unless one is under way. */
  function settle(): void {
    if (!row || moving || sent > 0) return;
    if (open(studio)) threshold = held(row.unit) ?? own();
    draw();
  }

  function draw(): void {
    if (!row) return;
    name.textContent = `${row.unit} · ${row.concept || "no concept"}`;
    slider.hidden = back.hidden = axis === null;
    if (axis) {
      const part = percent(shareAbove(shares, row.quantiles, threshold));
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
      if (!signal.aborted && row) light();
    });
    due = true;
  };

  function light(): void {
    const unit = (row as UnitRow).unit;
    const found = [highest, lowest].map((each) => each.light(maps.get(`${unit} ${each.which}`) ?? null, threshold));
    hint.hidden = found.some(Boolean);
    hint.textContent = !able() ? "Its pictures are lit anew where there is a model: gw.UnitBrowser(g, d)." : failed || "Its pictures are on their way.";
    if (moving && found[0]) relit(unit, highest.canvas);
  }

  async function fetchMaps(): Promise<void> {
    const [unit, asked] = [row?.unit, generation];
    for (const { which } of [highest, lowest]) {
      const key = `${unit} ${which}`;
      if (unit === undefined || unit !== row?.unit || maps.has(key) || !able()) continue;
      const reply = await studio.kernel.ask("maps", { unit, lowest: which === "lowest" });
      const came = signal.aborted ? null : await unpacked(reply);
      if (asked !== generation || signal.aborted) return;
      if (came) maps.set(key, came);
      else failed = reply.message ?? "Its pictures cannot be shown.";
      for (const old of [...maps.keys()].slice(0, Math.max(0, maps.size - 2 * KEPT))) maps.delete(old);
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
      row = chosen;
      node.hidden = row === null;
      clearTimeout(timer);
      if (!row) return;
      axis = axisOf(shares, row.quantiles);
      bars.show(shares, row.quantiles, axis);
      [moving, failed, threshold] = [false, "", held(row.unit) ?? own()];
      draw();
      timer = setTimeout(() => void fetchMaps(), STILL);
    },
    shares: (given) => void (shares = given),
    forget() {
      generation += 1;
      row = null;
      node.hidden = true;
      maps.clear();
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
