// A UnitBrowser in a page: the same view, on rows and pictures that were recorded.

import type { State, UnitTable } from "../messages";
import { render } from "../views/unitbrowser";
import { contextOf, fileOf, inflated, pageModel, recorded, sheetOf, type Acts } from "./model";
import "./page.css";

interface Recorded {
  /** a unit's threshold in steps of one byte */
  readonly fine: number;
  /** units that a probe answers, at most */
  readonly firing: number;
  readonly state: Partial<State>;
  readonly tables: Readonly<Record<string, UnitTable>>;
  readonly rows: {
    readonly count: number;
    readonly side: number;
    /** of its brightness: what is left of a picture where the unit is not lit */
    readonly dim: number;
    readonly columns: number;
    readonly sheet: string;
    readonly layers: Readonly<Record<string, { numbers: string; lit: string }>>;
  };
  readonly pictures: {
    readonly seeds: readonly number[];
    readonly side: number;
    readonly sheet: string;
    readonly layers: Readonly<Record<string, { height: number; width: number; acts: string }>>;
  };
}

async function begin(): Promise<void> {
  const { state, tables, rows, pictures, fine, firing } = recorded<Recorded>();
  const tiles = await sheetOf(rows.sheet);
  const sheet = pictures.sheet ? await sheetOf(pictures.sheet) : null;
  const held = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  const once = (key: string, text: string) => {
    if (!held.has(key)) held.set(key, inflated(text));
    return held.get(key) as Promise<Uint8Array<ArrayBuffer>>;
  };

  /** A picture of a unit's row on a canvas, dimmed where the unit is not lit. */
  async function draw(to: OffscreenCanvasRenderingContext2D, layer: string, unit: number, slot: number, x: number, y: number): Promise<void> {
    const { numbers, lit } = rows.layers[layer] as { numbers: string; lit: string };
    const places = new Int32Array((await once(`${layer} numbers`, numbers)).buffer);
    const bits = await once(`${layer} lit`, lit);
    const place = places[unit * rows.count + slot] ?? -1;
    if (place < 0) return;
    const { side } = rows;
    const picture = contextOf(tiles).getImageData((place % rows.columns) * side, Math.floor(place / rows.columns) * side, side, side);
    const first = (unit * rows.count + slot) * side * side;
    for (let i = 0; i < side * side; i++) {
      if (((bits[(first + i) >> 3] as number) >> (7 - ((first + i) & 7))) & 1) continue;
      for (let c = 4 * i; c < 4 * i + 3; c++) picture.data[c] = rows.dim * (picture.data[c] as number);
    }
    to.putImageData(picture, x, y);
  }

  /** What units do at a place of the present picture. */
  async function acting(layer: string, seed: number) {
    const { height, width, acts } = pictures.layers[layer] as { height: number; width: number; acts: string };
    const all = await once(`${layer} acts`, acts);
    const units = (tables[layer]?.rows ?? []).length;
    const start = pictures.seeds.indexOf(seed) * units * height * width;
    return { height, width, units, of: (unit: number) => all.subarray(start + unit * height * width, start + (unit + 1) * height * width) };
  }

  async function large(layer: string, unit: number): Promise<ArrayBuffer> {
    const { side } = rows;
    const canvas = new OffscreenCanvas(3 * side, 3 * side);
    for (let slot = 0; slot < Math.min(9, rows.count); slot++) await draw(contextOf(canvas), layer, unit, slot, (slot % 3) * side, Math.floor(slot / 3) * side);
    return fileOf(canvas, "image/png");
  }

  async function picture(seed: number): Promise<ArrayBuffer> {
    const { side } = pictures;
    const canvas = new OffscreenCanvas(side, side);
    if (sheet) contextOf(canvas).drawImage(sheet, pictures.seeds.indexOf(seed) * side, 0, side, side, 0, 0, side, side);
    return fileOf(canvas, "image/png");
  }

  const table = (layer: string) => new TextEncoder().encode(JSON.stringify(tables[layer]));
  const acts: Acts = {
    async ready(_message, page) {
      page.post({ kind: "table", layer: page.state.layer, beside: false }, table(page.state.layer));
      page.frame(sheet ? await picture(page.state.seed) : await large(page.state.layer, tables[page.state.layer]?.rows[0]?.unit ?? 0), "png");
    },
    async list({ layer }, page) {
      if (!tables[layer]) throw new Error(`This page has no units of ${layer}.`);
      page.set({ layer, ticked: [], status: `The units of ${layer}.` });
      page.post({ kind: "table", layer, beside: false }, table(layer));
    },
    async beside({ name }, page) {
      if (name && !tables[name]) throw new Error(`This page has no units of ${name}.`);
      page.set({ beside: name, status: name ? `${name} is beside.` : "Nothing is beside." });
      if (name) page.post({ kind: "table", layer: page.state.layer, beside: true }, table(name));
    },
    async show({ seed }, page) {
      if (!pictures.seeds.includes(seed)) throw new Error(`This page holds the pictures ${pictures.seeds.join(", ")}.`);
      page.set({ seed, status: `Picture ${seed}.`, alt: `Picture ${seed} of ${page.state.model}.` });
      page.frame(await picture(seed), "png");
    },
    async rows({ units, beside }, page) {
      const { side, count } = rows;
      const canvas = new OffscreenCanvas(count * side, units.length * side);
      for (const [row, unit] of units.entries()) for (let slot = 0; slot < count; slot++) await draw(contextOf(canvas), beside ? page.state.beside : page.state.layer, unit, slot, slot * side, row * side);
      return { fields: { units, size: side }, data: await fileOf(canvas, "image/jpeg") };
    },
    async unit({ unit }, page) {
      if (!sheet) return void page.frame(await large(page.state.layer, unit), "png");
      const { height, width, of } = await acting(page.state.layer, page.state.seed);
      return { fields: { height, width }, data: of(unit).map((value) => Math.min(255, Math.round((255 * value) / fine))) };
    },
    async probe({ x, y }, page) {
      const { height, width, units, of } = await acting(page.state.layer, page.state.seed);
      const cell = Math.min(height - 1, Math.floor(y * height)) * width + Math.min(width - 1, Math.floor(x * width));
      const strongest = Array.from({ length: units }, (_, unit) => [unit, of(unit)[cell] as number] as const).filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]).slice(0, firing);
      return { fields: { units: strongest.map(([unit]) => unit), values: strongest.map(([, value]) => value / fine) } };
    },
  };
  render({ model: pageModel({ ...state, alt: `Picture ${state.seed} of ${state.model}.` }, acts), el: document.getElementById("gw") as HTMLElement });
}

void begin();
