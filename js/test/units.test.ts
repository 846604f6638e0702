import { afterEach, describe, expect, it, vi } from "vitest";
import type { UnitRow } from "../src/messages";
import { listed, ROW } from "../src/parts/units";
import widget from "../src/views/unitbrowser";
import { fakeModel, settled } from "./model";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.useRealTimers();
});

const row = (unit: number, concept: string, iou: number, more: Partial<UnitRow> = {}): UnitRow => ({ unit, concept, kind: concept ? "object" : "", color: "#112233", iou, cap: 0.5, other: 0.01, live: true, ...more });
const ROWS = [row(3, "tree", 0.3), row(1, "cloud", 0.2, { kind: "part", other: 0.19 }), row(2, "tree", 0.1), row(0, "", 0)];

function shown(rows: readonly UnitRow[] = ROWS) {
  const fake = fakeModel({ concepts: [], ticked: [2] });
  const el = document.createElement("div");
  document.body.append(el);
  const end = widget.render({ model: fake.model, el });
  ends.push(() => (end(), el.remove()));
  fake.answer("ready");
  fake.post({ kind: "table", layer: "layer5" }, [new DataView(new TextEncoder().encode(JSON.stringify(rows)).buffer)]);
  const find = <T extends HTMLElement = HTMLElement>(selector: string) => el.querySelector<T>(selector) as T;
  const units = () => [...el.querySelectorAll<HTMLElement>(".gw-row")].map((each) => Number(each.dataset["unit"]));
  const press = (key: string, target: HTMLElement = find(".gw-list")) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
    return event;
  };
  return { ...fake, el, end, find, units, press };
}

describe("the filter", () => {
  it("finds by concept, by number and by kind, in each order", () => {
    const found = (words: string, kind = "", order: "iou" | "gap" | "concept" | "unit" = "iou") => listed(ROWS, { words, kind, order }).map((each) => each.unit);
    expect(found("")).toEqual([3, 1, 2, 0]);
    expect(found(" Tree ")).toEqual([3, 2]);
    expect(found("1")).toEqual([1]);
    expect(found("", "part")).toEqual([1]);
    expect(found("", "", "gap")).toEqual([3, 2, 1, 0]);
    expect(found("", "", "concept")).toEqual([0, 1, 3, 2]);
    expect(found("", "", "unit")).toEqual([0, 1, 2, 3]);
  });
});

describe("the list", () => {
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
    const fake = fakeModel({ layout: { comm_live: false } });
    const el = document.createElement("div");
    document.body.append(el);
    const end = widget.render({ model: fake.model, el });
    ends.push(() => (end(), el.remove()));
    expect(el.querySelector(".gw-unit-card .gw-hint")?.textContent).toContain("Run the cell again");
    expect(el.querySelector(".gw-badge")?.textContent).toContain("No kernel");
    expect(fake.of("rows")).toEqual([]);
  });
});
