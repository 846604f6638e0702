// The list of units: thousands of rows, of which only those in sight are on the page and have their pictures fetched.

import { ROWS, type UnitRow } from "../messages";
import { reachable, type Acts, type Studio } from "../studio";
import { keyed, listen, make } from "./dom";
import { icon } from "./icons";
import { decode } from "./pictures";

export const ROW = 84; // css pixels
const BEYOND = 3; // rows drawn above and below those in sight
const KEPT = 480; // rows whose pictures stay in memory
const STILL = 90; // ms without scrolling before pictures are asked for

export interface UnitList {
  readonly node: HTMLElement;
  /** List these; `note` says what stands in a row about its numbers. */
  show(rows: readonly UnitRow[], note: (row: UnitRow) => string): void;
  /** Other units than before: their pictures are not these. */
  forget(): void;
  /** Bring a unit into sight and choose it. */
  choose(unit: number): void;
  /** No unit is chosen; nothing is said of it. */
  leave(): void;
  /** Show other pictures of a unit for now; null: as they were, drawn anew by the kernel. */
  relit(unit: number, pictures: HTMLCanvasElement | null): void;
}

export interface Look {
  readonly label: string;
  /** of the table that is put beside: its units are looked at, not ticked */
  readonly beside: boolean;
}

export function unitList(studio: Studio, acts: Acts, { label, beside }: Look, chosen: (row: UnitRow | null) => void): UnitList {
  const { store, signal } = studio;
  const name = `gw-${Math.random().toString(36).slice(2)}`;
  const space = make("div", "gw-rows");
  const node = make("div", "gw-list", { role: "listbox", tabindex: 0, "aria-multiselectable": beside ? null : "true", "aria-label": label, "data-lm-suppress-shortcuts": "true" }, space);
  const pictures = new Map<number, { image: ImageBitmap | HTMLCanvasElement; row: number; size: number }>();
  const stale = new Set<number>(); // shown until the kernel has drawn them anew
  let rows: readonly UnitRow[] = [];
  let note: (row: UnitRow) => string = () => "";
  let active = -1;
  let [asking, due] = [false, false];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let generation = 0;

  const sight = (): [number, number] => {
    const first = Math.floor(node.scrollTop / ROW);
    return [Math.max(0, first - BEYOND), Math.min(rows.length, first + Math.ceil((node.clientHeight || 500) / ROW) + BEYOND)];
  };

  function draw(): void {
    due = false;
    const [from, to] = sight();
    space.style.height = `${rows.length * ROW}px`;
    let at = from;
    keyed(space, rows.slice(from, to), (row) => String(row.unit), create, (each, row) => fill(each, row, at++));
    const row = rows[active];
    if (row && active >= from && active < to) node.setAttribute("aria-activedescendant", `${name}-${row.unit}`);
    else node.removeAttribute("aria-activedescendant");
  }

  const later = () => {
    if (!due) requestAnimationFrame(() => signal.aborted || draw());
    due = true;
    clearTimeout(timer);
    timer = setTimeout(() => void fetchPictures(), STILL);
  };

  function create(row: UnitRow): HTMLElement {
    const words = make("div", "gw-row-words", {}, make("span", "gw-row-name"), make("span", "gw-row-unit"), make("span", "gw-row-iou"));
    return make("div", "gw-row", { role: "option", id: `${name}-${row.unit}`, "data-unit": row.unit }, make("span", "gw-row-tick", { "aria-hidden": "true" }, icon("check")), words, make("canvas", "gw-row-pictures", { "aria-hidden": "true", width: 6, height: 1 }));
  }

  function fill(each: HTMLElement, row: UnitRow, at: number): void {
    each.style.top = `${at * ROW}px`;
    each.style.setProperty("--gw-dot", row.color);
    each.classList.toggle("gw-active", at === active);
    each.classList.toggle("gw-dead", !row.live);
    each.classList.toggle("gw-below", row.live && !row.above);
    each.setAttribute("aria-selected", String(beside ? at === active : store.get("ticked").includes(row.unit)));
    each.setAttribute("aria-setsize", String(rows.length));
    each.setAttribute("aria-posinset", String(at + 1));
    const [title, unit, iou] = [...(each.querySelector(".gw-row-words") as Element).children] as HTMLElement[];
    (title as HTMLElement).textContent = row.concept || "no concept";
    const marks = [`unit ${row.unit}`, row.kind, row.live ? "" : "never lit", row.twin === null ? "" : `same as ${row.twin}`];
    (unit as HTMLElement).textContent = marks.filter(Boolean).join(" · ");
    (iou as HTMLElement).textContent = note(row).replace(/null /, "null\u00a0"); // a number stays with its word
    each.title = [row.concept || "no concept", ...marks.filter(Boolean), note(row)].filter(Boolean).join(" · ");
    paint(each.querySelector("canvas") as HTMLCanvasElement, row.unit);
  }

  function paint(canvas: HTMLCanvasElement, unit: number): void {
    const held = pictures.get(unit);
    const mark = held ? `${generation}` : "";
    if (canvas.dataset["gwDrawn"] === mark && !(held?.image instanceof HTMLCanvasElement)) return;
    canvas.dataset["gwDrawn"] = mark;
    const ctx = canvas.getContext("2d");
    if (!held) return void ctx?.clearRect(0, 0, canvas.width, canvas.height);
    [canvas.width, canvas.height] = [held.image.width, held.size];
    ctx?.drawImage(held.image, 0, held.row * held.size, held.image.width, held.size, 0, 0, canvas.width, canvas.height);
  }

  async function fetchPictures(): Promise<void> {
    if (asking || signal.aborted || !reachable(studio)) return;
    const [from, to] = sight();
    const units = rows.slice(from, to).map((row) => row.unit).filter((unit) => !pictures.has(unit) || stale.has(unit)).slice(0, ROWS);
    if (units.length === 0) return;
    asking = true;
    const asked = generation;
    for (const unit of units) stale.delete(unit);
    const reply = await studio.kernel.ask("rows", beside ? { units, beside } : { units });
    asking = false;
    const [data, size] = [reply.buffers[0], reply.size ?? 0];
    const image = reply.status === "done" && data ? await decode(data, "image/jpeg") : null;
    if (reply.status === "error") return studio.fail({ message: reply.message ?? "The rows could not be drawn.", details: reply.details ?? "" });
    if (asked === generation && image && size > 0) {
      units.forEach((unit, row) => pictures.set(unit, { image, row, size }));
      for (const canvas of node.querySelectorAll<HTMLCanvasElement>(".gw-row-pictures")) canvas.dataset["gwDrawn"] = "";
      for (const unit of [...pictures.keys()].slice(0, Math.max(0, pictures.size - KEPT))) pictures.delete(unit);
      draw();
    }
    if (reply.status === "done") void fetchPictures(); // what has come into sight meanwhile
  }

  function go(to: number): void {
    const row = rows[to];
    active = row ? to : -1;
    if (row) {
      const [top, height] = [to * ROW, node.clientHeight || 500];
      if (top < node.scrollTop) node.scrollTop = top;
      if (top + ROW > node.scrollTop + height) node.scrollTop = top + ROW - height;
      studio.say(`Unit ${row.unit}: ${row.concept || "no concept"}.`);
    }
    draw();
    later();
    chosen(row ?? null);
  }

  const tick = (row: UnitRow | undefined) => row && !beside && void acts.ask("tick", { units: [row.unit], on: !store.get("ticked").includes(row.unit) });

  listen(node, "scroll", later, signal, { passive: true });
  listen(node, "click", (event) => {
    const at = rows.findIndex((row) => String(row.unit) === (event.target as Element).closest<HTMLElement>(".gw-row")?.dataset["unit"]);
    if (at < 0) return;
    if ((event.target as Element).closest(".gw-row-tick")) tick(rows[at]);
    go(at);
  }, signal);
  listen(node, "keydown", (event) => {
    const page = Math.max(1, Math.floor((node.clientHeight || 500) / ROW) - 1);
    const steps: Readonly<Record<string, number>> = { ArrowDown: active + 1, ArrowUp: Math.max(0, active - 1), PageDown: Math.max(0, active) + page, PageUp: active - page, Home: 0, End: rows.length - 1 };
    const to = steps[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (to !== undefined) go(Math.min(rows.length - 1, Math.max(0, to)));
    else if (event.key === " ") tick(rows[active]);
    else return;
    event.preventDefault();
  }, signal);
  store.watch(["ticked"], draw);
  studio.news.on("line", later);
  const sizes = typeof ResizeObserver === "function" ? new ResizeObserver(later) : null;
  sizes?.observe(node);
  signal.addEventListener("abort", () => (sizes?.disconnect(), clearTimeout(timer)), { once: true });

  return {
    node,
    show(shown, said) {
      const unit = rows[active]?.unit;
      [rows, note] = [shown, said];
      active = unit === undefined ? -1 : rows.findIndex((row) => row.unit === unit);
      node.scrollTop = 0;
      draw();
      later();
    },
    forget() {
      generation += 1;
      active = -1;
      pictures.clear();
      stale.clear();
    },
    choose: (unit) => go(rows.findIndex((row) => row.unit === unit)),
    leave() {
      active = -1;
      draw();
    },
    relit(unit, canvas) {
      if (!canvas) {
        stale.add(unit);
        return later();
      }
      const copy = make("canvas", "", { width: canvas.width, height: canvas.height });
      copy.getContext("2d")?.drawImage(canvas, 0, 0);
      pictures.set(unit, { image: copy, row: 0, size: canvas.height });
      draw();
    },
  };
}
