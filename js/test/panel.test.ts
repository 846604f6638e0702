import { describe, expect, it } from "vitest";
import { dimmed, litAt } from "../src/canvas/lit";
import type { UnitRow } from "../src/messages";
import { axisOf, binsOf, percent, shareAbove, short } from "../src/parts/histogram";
import widget from "../src/views/unitbrowser";
import { mounted, settled } from "./model";

const SHARES = [0.5, 0.9, 0.99, 0.995, 0.999, 1];
const QUANTILES = [0.03, 0.12, 0.24, 0.31, 2.5, 6.9];

describe("the axis", () => {
  it("goes from the median to the highest, and back", () => {
    const axis = axisOf(SHARES, QUANTILES);
    expect([axis?.at(0.03), axis?.at(6.9), axis?.at(-4), axis?.at(99)]).toEqual([0, 1, 0, 1]);
    for (const value of [0.03, 0.1, 0.5, 3, 6.9]) expect(axis?.value(axis.at(value))).toBeCloseTo(value, 9);
  });
  it("is none for a unit that never rises", () => {
    expect(axisOf(SHARES, [0, 0, 0, 0, 0, 0])).toBeNull();
    expect(axisOf(SHARES, [0, 0, 0, 0, 0, 3])).not.toBeNull();
  });
});

describe("the histogram", () => {
  it("knows the kept quantiles, falls between them, and knows nothing below the median", () => {
    QUANTILES.forEach((value, i) => expect(shareAbove(SHARES, QUANTILES, value)).toBeCloseTo(1 - (SHARES[i] as number), 12));
    const shares = Array.from({ length: 200 }, (_, i) => shareAbove(SHARES, QUANTILES, 0.03 + i * 0.04) ?? 1);
    expect(shares.every((share, i) => i === 0 || share <= (shares[i - 1] as number))).toBe(true);
    expect(shareAbove(SHARES, QUANTILES, 0)).toBeNull();
    expect(shareAbove(SHARES, QUANTILES, 7)).toBe(0);
  });
  it("has a bar between each two quantiles that differ", () => {
    const bins = binsOf(SHARES, QUANTILES, axisOf(SHARES, QUANTILES) as NonNullable<ReturnType<typeof axisOf>>);
    expect(bins).toHaveLength(5);
    expect(bins[0]?.height).toBe(1);
    bins.map((bin) => bin.share).forEach((share, i) => expect(share).toBeCloseTo([0.4, 0.09, 0.005, 0.004, 0.001][i] as number, 12));
    bins.forEach((bin, i) => expect(bin.from).toBeCloseTo(i === 0 ? 0 : (bins[i - 1]?.to as number), 12));
    const flat = [0, 0, 0, 0, 1, 3];
    expect(binsOf(SHARES, flat, axisOf(SHARES, flat) as NonNullable<ReturnType<typeof axisOf>>)).toHaveLength(2);
  });
  it("says numbers in few characters", () => {
    expect([short(0.24488), short(2.5), short(0), short(1234), percent(0.01), percent(0.005), percent(0.25), percent(0), percent(null)]).toEqual(
      ["0.245", "2.5", "0", "1234", "1 % of all pixels", "0.5 % of all pixels", "25 % of all pixels", "no pixel", "more than half of all pixels"]);
  });
});

describe("a lit picture", () => {
  it("goes from cell centre to cell centre, and is level beyond the outer ones", () => {
    // the row of 4 pixels between cells 0 and 1: 0, .25, .75, 1
    const map = new Float32Array([0, 1, 0, 1]);
    const row = (threshold: number) => [...litAt(map, 2, 2, 4, threshold).slice(0, 4)];
    expect(row(-0.1)).toEqual([1, 1, 1, 1]);
    expect(row(0.2)).toEqual([0, 1, 1, 1]);
    expect(row(0.5)).toEqual([0, 0, 1, 1]);
    expect(row(0.9)).toEqual([0, 0, 0, 1]);
    expect(row(1)).toEqual([0, 0, 0, 0]);
  });
  it("is dimmed where it is not lit, in its own square", () => {
    const from = new Uint8ClampedArray(2 * 4).fill(100);
    const to = new Uint8ClampedArray(8);
    dimmed(from, to, 2, 1, 0, new Uint8Array([0]));
    dimmed(from, to, 2, 1, 1, new Uint8Array([1]));
    expect([...to]).toEqual([30, 30, 30, 255, 100, 100, 100, 255]);
  });
});

function panel(traits: object = {}) {
  const view = mounted(widget, { concepts: [], ...traits });
  const { find } = view;
  const row: UnitRow = { unit: 3, concept: "tree", kind: "object", color: "#112233", iou: 0.3, cap: 0.5, other: 0.01, untrained: null, above: true, iqr: null, live: true, twin: null, threshold: 0.24, quantiles: QUANTILES };
  const table = { name: "layer5", rows: [row, { ...row, unit: 4, live: false, quantiles: [0, 0, 0, 0, 0, 0] }], shares: SHARES, rankings: [], tallies: [] };
  view.post({ kind: "table", layer: "layer5", beside: false }, [new DataView(new TextEncoder().encode(JSON.stringify(table)).buffer)]);
  const slide = (value: number, ...kinds: string[]) => {
    const slider = find<HTMLInputElement>(".gw-threshold");
    slider.value = String(value);
    for (const kind of kinds) slider.dispatchEvent(new Event(kind));
  };
  return { ...view, slide };
}

describe("the panel of a unit", () => {
  it("opens with the unit, its histogram in words and its threshold", () => {
    const { find } = panel();
    expect(find(".gw-panel").hidden).toBe(true);
    find(".gw-row[data-unit='3']").click();
    expect(find(".gw-panel").hidden).toBe(false);
    expect(find(".gw-panel-name").textContent).toBe("3 · tree");
    expect(find(".gw-panel-note").textContent).toBe("IoU 0.30 · null 0.01");
    expect(find(".gw-hist").getAttribute("aria-label")).toContain("1 % above 0.24");
    expect(find(".gw-threshold-words").textContent).toBe("Lit above 0.24: 1 % of all pixels.");
    expect(find(".gw-threshold").getAttribute("aria-valuetext")).toContain("0.24");
    expect(find("[data-act='threshold-own']").getAttribute("aria-disabled")).toBe("true");
  });

  it("tells each bar's share, and hatches the half whose spread is not kept", () => {
    const { find, el } = panel();
    find(".gw-row[data-unit='3']").click();
    expect(find(".gw-hist-half").textContent).toBe("50 %");
    expect([...el.querySelectorAll(".gw-hist-share")].map((each) => each.textContent)).toEqual(["", "", "", "0.4 %", "0.1 %"]); // the others are too narrow
    expect(find(".gw-hist-ends").textContent).toBe("median 0.03highest 6.9");
  });

  it("says nothing to the kernel while it slides, and once where it rests", async () => {
    const { find, slide, of, answer, say } = panel();
    find(".gw-row[data-unit='3']").click();
    for (const value of [300, 400, 500]) slide(value, "input");
    expect(of("threshold")).toEqual([]);
    expect(find(".gw-threshold-words").textContent).toContain("(dissected: 0.24)");
    slide(500, "change");
    const [asked] = of("threshold") as unknown as { unit: number; value: number }[];
    expect(of("threshold")).toHaveLength(1);
    expect(asked?.unit).toBe(3);
    expect(asked?.value).toBeGreaterThan(0.24);
    say({ thresholds: [{ unit: 3, value: asked?.value as number }] });
    answer("threshold");
    await settled();
    say({ thresholds: [] }); // undone
    await settled();
    expect(find(".gw-threshold-words").textContent).toBe("Lit above 0.24: 1 % of all pixels.");
  });

  it("goes back to the dissection's threshold", async () => {
    const { find, of } = panel({ thresholds: [{ unit: 3, value: 2 }] });
    find(".gw-row[data-unit='3']").click();
    expect(find(".gw-threshold-words").textContent).toContain("Lit above 2 (dissected: 0.24)");
    find("[data-act='threshold-own']").click();
    expect(of("threshold")).toHaveLength(1);
    expect(of("threshold")[0]).not.toHaveProperty("value");
  });

  it("has no slider for a unit that never rises", () => {
    const { find } = panel();
    find(".gw-row[data-unit='4']").click();
    expect([find(".gw-hist").hidden, find(".gw-threshold").hidden]).toEqual([true, true]);
    expect(find(".gw-threshold-words").textContent).toContain("nowhere above 0");
  });

  it("is reached with t", () => {
    const { find } = panel();
    find(".gw-row[data-unit='3']").click();
    find(".gw-list").dispatchEvent(new KeyboardEvent("keydown", { key: "t", bubbles: true, cancelable: true }));
    expect(document.activeElement).toBe(find(".gw-threshold"));
  });
});
