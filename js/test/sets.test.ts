import { describe, expect, it } from "vitest";
import type { State } from "../src/messages";
import widget from "../src/views/unitbrowser";
import { mounted, settled } from "./model";

const shown = (traits: Partial<State>) => mounted(widget, { concepts: [], ...traits });

const SETS = [{ name: "<b>towers</b>", layer: "layer5", units: [3, 4] }];

describe("sets of units", () => {
  it("are kept under the name that is typed, by button or Enter", async () => {
    const { find, of, say, answer } = shown({ ticked: [] });
    const name = find<HTMLInputElement>(".gw-set-name");
    name.value = "towers";
    find("[data-act='keep']").click();
    expect(of("keep")).toEqual([]); // nothing is ticked
    say({ ticked: [3] });
    await settled();
    name.value = "  ";
    find("[data-act='keep']").click();
    expect(of("keep")).toEqual([]);
    name.value = " towers ";
    name.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(of("keep")).toMatchObject([{ name: "towers" }]);
    answer("keep");
    await settled();
    expect(name.value).toBe("");
  });

  it("are ticked, sent to the palette and forgotten; their names are text", () => {
    const { find, of, el } = shown({ sets: SETS });
    for (const act of ["use", "palette", "forget"] as const) find(`.gw-set [data-act='${act}']`).click();
    for (const act of ["use", "palette", "forget"] as const) expect(of(act)).toMatchObject([{ name: "<b>towers</b>" }]);
    expect(el.querySelector(".gw-set b")).toBeNull();
    expect(find(".gw-set-count").textContent).toBe("2 of layer5");
  });
});

describe("with no model", () => {
  it("has no picture number, no heat map, no changes; rows can be ticked, sets kept", () => {
    const { find, of } = shown({ image_size: 0, ticked: [3], sets: SETS });
    for (const act of ["heat", "change-ablate", "next"]) expect(find(`[data-act='${act}']`).closest<HTMLElement>("[hidden]")).not.toBeNull();
    find("[data-act='palette']").click();
    find(".gw-picture").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(of("palette")).toEqual([]);
    expect(of("probe")).toEqual([]);
    find("[data-act='use']").click();
    expect(of("use")).toHaveLength(1);
  });

  it("asks for a chosen unit's pictures once, also when they have come", async () => {
    const { find, of, post, answer } = shown({ image_size: 0 });
    const rows = [{ unit: 3, concept: "tree", kind: "object", color: "#112233", iou: 0.3, cap: 0.5, other: 0.01, untrained: null, above: true, iqr: null, live: true, twin: null, threshold: 1, quantiles: [0, 1] }];
    post({ kind: "table", layer: "layer5", beside: false }, [new DataView(new TextEncoder().encode(JSON.stringify({ name: "layer5", rows, shares: [0.5, 1], rankings: [], tallies: [] })).buffer)]);
    await settled();
    find(".gw-row").click();
    expect(of("unit")).toMatchObject([{ unit: 3 }]);
    answer("unit");
    post({ kind: "frame", frame: 1, id: null, view: "", format: "png", rest: true, seed: 0, preview: false }, [new DataView(new ArrayBuffer(4))]);
    await settled();
    await settled();
    expect(of("unit")).toHaveLength(1);
  });

  it("says how many edits lie under the ticks, and takes them away with the ticks", () => {
    const { find, of } = shown({ ticked: [], under: 2 });
    expect(find(".gw-count").textContent).toBe("0 units ticked, under them 2 edits");
    find("[data-act='reset']").click();
    expect(of("reset")).toHaveLength(1);
  });
});
