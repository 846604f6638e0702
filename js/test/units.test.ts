import { afterEach, describe, expect, it, vi } from "vitest";
import type { UnitRow, UnitTable } from "../src/messages";
import { listed, noteOf } from "../src/parts/filter";
import { ROW } from "../src/parts/units";
import widget from "../src/views/unitbrowser";
import { mounted, settled } from "./model";

afterEach(() => void vi.useRealTimers());

const row = (unit: number, concept: string, iou: number, more: Partial<UnitRow> = {}): UnitRow => ({ unit, concept, kind: concept ? "object" : "", color: "#112233", iou, cap: 0.5, other: 0.01, untrained: null, above: iou > 0.04, iqr: null, live: true, twin: null, threshold: 1, quantiles: [0, 0.5, 1, 1.2, 2, 4], ...more });
const ROWS = [row(3, "tree", 0.3), row(1, "cloud", 0.2, { kind: "part", other: 0.19 }), row(2, "tree", 0.1), row(0, "", 0)];

const SHARES = [0.5, 0.9, 0.99, 0.995, 0.999, 1];
const tableOf = (rows: readonly UnitRow[], more: Partial<UnitTable> = {}) => new DataView(new TextEncoder().encode(JSON.stringify({ name: "layer5", rows, shares: SHARES, rankings: [], tallies: [], ...more })).buffer);

function shown(rows: readonly UnitRow[] = ROWS, more: Partial<UnitTable> = {}) {
  const view = mounted(widget, { concepts: [], ticked: [2] });
  const { el, find } = view;
  view.post({ kind: "table", layer: "layer5", beside: false }, [tableOf(rows, more)]);
  const units = () => [...el.querySelectorAll<HTMLElement>(".gw-row")].map((each) => Number(each.dataset["unit"]));
  const press = (key: string, target: HTMLElement = find(".gw-list")) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
    return event;
  };
  return { ...view, units, press };
}

describe("the filter", () => {
  it("finds by concept, by number and by kind, in each order", () => {
    const found = (words: string, kind = "", order = "iou") => listed(ROWS, { words, kind, order }).map((each) => each.unit);
    expect(found("")).toEqual([3, 1, 2, 0]);
    expect(found(" Tree ")).toEqual([3, 2]);
    expect(found("1")).toEqual([1]);
    expect(found("", "part")).toEqual([1]);
    expect(found("", "", "gap")).toEqual([3, 2, 1, 0]);
    expect(found("", "", "concept")).toEqual([0, 1, 3, 2]);
    expect(found("", "", "unit")).toEqual([0, 1, 2, 3]);
  });
});

describe("orders and nulls", () => {
  const order = (rows: readonly UnitRow[], more: object) => listed(rows, { words: "", kind: "", order: "iou", ...more }).map((each) => each.unit);
  it("lists live units first, but by number", () => {
    const rows = [row(0, "tree", 0.9, { live: false }), row(1, "tree", 0.1), row(2, "tree", 0.2)];
    expect(order(rows, {})).toEqual([2, 1, 0]);
    expect(order(rows, { order: "unit" })).toEqual([0, 1, 2]);
  });

  it("goes by a cause, and then by IoU", () => {
    const ranking = { name: "causes tree (ACE)", units: [1, 3], values: [0.7, 0.2] };
    expect(order(ROWS, { ranking })).toEqual([1, 3, 2, 0]);
    expect(noteOf(ROWS[1] as UnitRow, { order: "iou", ranking })).toBe("no. 1 · ACE 0.70 · IoU 0.20");
  });

  it("goes by IQR, and by the gap to the higher null", () => {
    const rows = [row(0, "tree", 0.3, { iqr: 0.1, untrained: 0.29 }), row(1, "tree", 0.2, { iqr: 0.4 })];
    expect(order(rows, { order: "iqr" })).toEqual([1, 0]);
    expect(order(rows, { order: "gap" })).toEqual([1, 0]);
    expect(noteOf(rows[0] as UnitRow, { order: "iou" })).toBe("IoU 0.30 · null 0.29");
    expect(noteOf(row(2, "tree", 0.03), { order: "iou" })).toBe("IoU 0.03 · too low (null 0.01)");
    expect(noteOf({ ...(rows[0] as UnitRow), untrained: 0.3, above: false }, { order: "iou" })).toBe("IoU 0.30 · below null 0.30");
  });

  it("are offered where there are any, and marked in the rows", () => {
    const rows = [row(0, "tree", 0.3, { iqr: 0.1 }), row(1, "tree", 0.02, { twin: 0 }), row(2, "", 0, { live: false })];
    const { find, el } = shown(rows, { rankings: [{ name: "draws tree", units: [1, 0, 2], values: null }], tallies: [{ name: "this layer", units: 3, matched: 1, concepts: 1, iou: 0.1 }] });
    const orders = [...find<HTMLSelectElement>("[aria-label='Order']").options].map((each) => each.value);
    expect(orders).toEqual(["iou", "gap", "iqr", "concept", "unit", "cause draws tree"]);
    expect(find(".gw-row[data-unit='1']").className).toContain("gw-below");
    expect(find(".gw-row[data-unit='1'] .gw-row-unit").textContent).toBe("unit 1 · object · same as 0");
    expect(find(".gw-row[data-unit='2'] .gw-row-unit").textContent).toBe("unit 2 · never lit");
    expect(el.querySelector(".gw-tallies tbody")?.textContent).toBe("this layer1 of 310.100");
  });
});

describe("the bars", () => {
  it("count units above their nulls, and list a concept's alone when pressed", () => {
    const { find, el, units } = shown([row(0, "tree", 0.3), row(1, "tree", 0.2), row(2, "tree", 0.02), row(3, "sky", 0.1)]);
    const bars = [...el.querySelectorAll<HTMLElement>(".gw-bar-button")];
    expect(bars.map((each) => each.textContent)).toEqual(["tree2 units", "sky1 unit"]);
    expect(bars.every((each) => each.tagName === "BUTTON" && each.getAttribute("aria-pressed") === "false")).toBe(true);
    bars[0]?.click();
    expect([units(), bars[0]?.getAttribute("aria-pressed")]).toEqual([[0, 1], "true"]);
    bars[1]?.click();
    expect([units(), bars[0]?.getAttribute("aria-pressed")]).toEqual([[3], "false"]);
    find(".gw-bar-button[aria-pressed='true']").click();
    expect(units()).toHaveLength(4);
  });
});

describe("beside", () => {
  it("lists another table, counts it in the bars, and asks for its rows", async () => {
    vi.useFakeTimers();
    const { of, find, el, say, post } = shown(ROWS);
    say({ others: ["layer4", "layer5"] });
    await vi.advanceTimersByTimeAsync(1);
    expect(find(".gw-list-box + .gw-list-box").hidden).toBe(true);
    find<HTMLSelectElement>(".gw-beside").value = "layer4";
    find(".gw-beside").dispatchEvent(new Event("change"));
    expect(of("beside")).toMatchObject([{ name: "layer4" }]);
    say({ beside: "layer4" });
    post({ kind: "table", layer: "layer5", beside: true }, [tableOf([row(9, "tree", 0.5)], { name: "layer4" })]);
    await vi.advanceTimersByTimeAsync(500);
    expect(el.querySelectorAll(".gw-list-box:not([hidden])")).toHaveLength(2);
    expect(find(".gw-list-box + .gw-list-box .gw-row").dataset["unit"]).toBe("9");
    expect(find(".gw-bar-button").textContent).toBe("tree2 · 1 units here and beside");
    expect(of("rows").map((each) => each["beside"] ?? false)).toContain(true);
  });
});

describe("a unit beside", () => {
  it("opens in the panel, its threshold is only tried, and it goes with its table", async () => {
    vi.useFakeTimers();
    const { of, find, el, say, post } = shown(ROWS);
    find(".gw-row[data-unit='3']").click();
    say({ beside: "layer4" });
    post({ kind: "table", layer: "layer5", beside: true }, [tableOf([row(9, "sky", 0.5)], { name: "layer4" })]);
    find(".gw-list-box + .gw-list-box .gw-row").click();
    expect(find(".gw-panel-unit").textContent).toBe("layer4 · 9 · skyIoU 0.50 · null 0.01");
    expect(el.querySelectorAll(".gw-active")).toHaveLength(1);
    expect(find(".gw-heat").hidden).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(of("maps").at(-1)).toMatchObject({ unit: 9, beside: true });
    for (const kind of ["input", "change"]) {
      find<HTMLInputElement>(".gw-threshold").value = "900";
      find(".gw-threshold").dispatchEvent(new Event(kind));
    }
    expect(find(".gw-threshold-words").textContent).toContain("(dissected: 1)");
    expect(of("threshold")).toEqual([]);
    find(".gw-row[data-unit='3']").click();
    expect(find(".gw-panel-name").textContent).toBe("3 · tree");
    find(".gw-list-box + .gw-list-box .gw-row").click();
    say({ beside: "" });
    await vi.advanceTimersByTimeAsync(1);
    expect(find(".gw-panel").hidden).toBe(true);
  });
});

describe("the list", () => {
  it("says when nothing fits, and lists every unit again", () => {
    const { find, units } = shown();
    expect(find(".gw-none").hidden).toBe(true);
    find<HTMLInputElement>(".gw-search").value = "attic";
    find(".gw-search").dispatchEvent(new Event("input"));
    expect([units(), find(".gw-none").hidden, find(".gw-status").textContent]).toEqual([[], false, "0 units listed."]);
    find("[data-act='everything']").click();
    expect([units().length, find(".gw-none").hidden]).toEqual([4, true]);
  });

  it("holds only the rows in sight, however many there are", () => {
    const { units, find, el } = shown(Array.from({ length: 4096 }, (_, i) => row(i, "tree", 1 - i / 5000)));
    expect(units().length).toBeLessThan(20);
    expect(find(".gw-rows").style.height).toBe(`${4096 * ROW}px`);
    expect(el.querySelectorAll("*").length).toBeLessThan(400);
    expect(find(".gw-row").getAttribute("aria-setsize")).toBe("4096");
  });

  it("ticks by box and by Space, and shows where a chosen unit acts", async () => {
    const { of, find, press, answer } = shown();
    find(".gw-row[data-unit='3'] .gw-row-tick").click();
    expect(of("tick")).toMatchObject([{ units: [3], on: true }]);
    answer("tick");
    await settled();
    expect(of("unit")).toMatchObject([{ unit: 3 }]);
    press("ArrowDown");
    press("ArrowDown");
    expect(press(" ").defaultPrevented).toBe(true);
    expect(of("tick")).toMatchObject([{}, { units: [2], on: false }]);
    expect(find(".gw-row[data-unit='2']").getAttribute("aria-selected")).toBe("true");
    expect(find(".gw-list").getAttribute("aria-activedescendant")).toBe(find(".gw-row[data-unit='2']").id);
  });

  it("asks once scrolling rests, for the rows in sight, one request at a time", () => {
    vi.useFakeTimers();
    const { of } = shown(Array.from({ length: 4096 }, (_, i) => row(i, "tree", 1 - i / 5000)));
    expect(of("rows")).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(of("rows")).toHaveLength(1);
    expect((of("rows")[0]?.["units"] as number[]).slice(0, 3)).toEqual([0, 1, 2]);
  });

  it("writes names as text, whatever they are", () => {
    const { find, el } = shown([row(0, "<img src=x onerror=alert(1)>", 0.5)]);
    expect(find(".gw-row-name").textContent).toContain("<img");
    expect(el.querySelector("img")).toBeNull();
  });

  it("leaves no handler behind", () => {
    const { handlers, end, el } = shown();
    expect(handlers()).toBeGreaterThan(0);
    end();
    expect(handlers()).toBe(0);
    expect(el.children).toHaveLength(0);
  });
});

describe("the picture", () => {
  it("is asked at a point that arrows move, and Enter asks", async () => {
    const { of, find, press, answer } = shown();
    const picture = find(".gw-picture");
    for (const key of ["ArrowRight", "ArrowDown", "ArrowDown"]) expect(press(key, picture).defaultPrevented).toBe(true);
    press("Enter", picture);
    const [asked] = of("probe") as unknown as { x: number; y: number }[];
    expect([asked?.x, asked?.y]).toEqual([expect.closeTo(0.52), expect.closeTo(0.54)]);
    answer("probe", { units: [1], values: [1.5] });
    await settled();
    expect(find(".gw-probe-units").textContent).toContain("cloud");
    expect(find(".gw-probe").hidden).toBe(false);
  });
});

describe("the sheet of keys", () => {
  it("opens with ?, and Escape closes it and gives the focus back", () => {
    const { find, press } = shown();
    find(".gw-list").focus();
    press("?");
    expect(find(".gw-sheet").hidden).toBe(false);
    expect(find(".gw-sheet").textContent).toContain("which units act there?");
    press("Escape", find(".gw-sheet"));
    expect(find(".gw-sheet").hidden).toBe(true);
    expect(document.activeElement).toBe(find(".gw-list"));
  });
});

describe("with no kernel", () => {
  it("says why there is no list, and what to do", () => {
    const { find, of } = mounted(widget, { layout: { comm_live: false } }, false);
    expect(find(".gw-unit-card .gw-hint").textContent).toContain("Run the cell again");
    expect(find(".gw-badge").textContent).toContain("No kernel");
    expect(of("rows")).toEqual([]);
  });
});
