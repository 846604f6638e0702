import { describe, expect, it } from "vitest";
import { cornerOf, cut, handleAt, scaled, shifted, SMALLEST, stretched, topmost } from "../src/canvas/objects";
import type { Step } from "../src/messages";
import widget from "../src/views/paintbox";
import { mounted, settled } from "./model";

const BOX = { x: 0.25, y: 0.5, width: 0.25, height: 0.25 };
const OUT = { x: -0.25, y: 0.5, width: 0.5, height: 0.25 };
const OBJECT: Step = { entry: 3, label: "tree dropped in", concept: "tree", mode: "insert", on: true, everywhere: false, seed: 5, box: BOX };
const RECT = { left: 0, top: 0, width: 400, height: 400, right: 400, bottom: 400, x: 0, y: 0 } as DOMRect;

describe("boxes", () => {
  it("are hit from the top", () => {
    const boxes = [BOX, { ...BOX, x: 0.375 }];
    expect([0.3, 0.45, 0.6, 0.1].map((x) => topmost(boxes, { x, y: 0.6 }))).toEqual([0, 1, 1, -1]);
  });

  it("have handles where they can be reached, also when they stick out", () => {
    expect(cornerOf(OUT, { x: -1, y: 1 })).toEqual({ x: 0, y: 0.75 });
    expect(handleAt(OUT, { x: 0.01, y: 0.74 }, 0.03)).toEqual({ x: -1, y: 1 });
    expect(handleAt(BOX, { x: 0.4, y: 0.6 }, 0.03)).toBeNull();
    expect(cut(OUT)).toEqual({ x: 0, y: 0.5, width: 0.25, height: 0.25 });
  });

  it("keep their size when moved, and stay in reach", () => {
    expect(shifted(BOX, 0.5, -0.25)).toEqual({ x: 0.75, y: 0.25, width: 0.25, height: 0.25 });
    const far = shifted(BOX, -5, 5);
    expect([far.width, far.height, cut(far).width > 0.03, cut(far).height > 0.03]).toEqual([0.25, 0.25, true, true]);
  });

  it("are stretched from a corner, the opposite one in its place", () => {
    expect(stretched(BOX, { x: 1, y: 1 }, 0.25, 0.125)).toEqual({ x: 0.25, y: 0.5, width: 0.5, height: 0.375 });
    expect(stretched(BOX, { x: -1, y: -1 }, 0.125, -0.25)).toEqual({ x: 0.375, y: 0.25, width: 0.125, height: 0.5 });
    const least = stretched(BOX, { x: 1, y: 1 }, -9, -9);
    expect([least.width, least.height]).toEqual([expect.closeTo(SMALLEST), expect.closeTo(SMALLEST)]);
    expect(stretched(OUT, { x: -1, y: -1 }, 0.125, 0)).toEqual({ x: 0.125, y: 0.5, width: 0.125, height: 0.25 });
  });

  it("grow and shrink about their middle, within what the kernel takes", () => {
    expect(scaled(BOX, 2)).toEqual({ x: 0.125, y: 0.375, width: 0.5, height: 0.5 });
    expect(scaled(BOX, 100).width).toBe(1);
    expect(scaled(BOX, 0.001).width).toBeCloseTo(SMALLEST);
  });
});

function shown(history: Step[] = [OBJECT]) {
  const view = mounted(widget, { history, tool: "select" });
  const { find } = view;
  const canvas = find<HTMLCanvasElement>(".gw-picture");
  canvas.getBoundingClientRect = find(".gw-frame").getBoundingClientRect = () => RECT;
  const pointer = (type: string, x: number, y: number, more: PointerEventInit = {}) =>
    canvas.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId: 1, isPrimary: true, button: 0, bubbles: true, cancelable: true, ...more }));
  const key = (type: "keydown" | "keyup", name: string, more: KeyboardEventInit = {}) => canvas.dispatchEvent(new KeyboardEvent(type, { key: name, bubbles: true, cancelable: true, ...more }));
  const press = (name: string, more: KeyboardEventInit = {}) => (key("keydown", name, more), key("keyup", name, more));
  const said = () => find(".gw-status").textContent;
  const chosen = () => !find(".gw-object").hidden;
  return { ...view, pointer, key, press, said, chosen };
}

describe("an object", () => {
  it("is selected by a click, and let go by a click beside it and by Escape", () => {
    const { pointer, chosen, said, key } = shown();
    const click = (x: number, y: number) => (pointer("pointerdown", x, y), pointer("pointerup", x, y));
    click(150, 250);
    expect(chosen()).toBe(true);
    expect(said()).toBe("tree selected: arrows move it, + and - resize it, Delete takes it away.");
    click(20, 20);
    expect(chosen()).toBe(false);
    click(150, 250);
    key("keydown", "Escape");
    expect(chosen()).toBe(false);
  });

  it("is moved by one message, shown on the way by one peek at a time", async () => {
    const { pointer, of, answer, said } = shown();
    pointer("pointerdown", 150, 250);
    for (const x of [170, 190, 210, 230]) pointer("pointermove", x, 250);
    expect(of("peek")).toMatchObject([{ entry: 3, x: expect.closeTo(0.3) }]);
    answer("peek");
    await settled();
    expect(of("peek")).toHaveLength(2);
    pointer("pointerup", 230, 250);
    pointer("lostpointercapture", 230, 250);
    expect(of("move")).toMatchObject([{ entry: 3, x: expect.closeTo(0.45), y: 0.5, width: 0.25, height: 0.25 }]);
    expect(of("stroke")).toEqual([]);
    expect(said()).toContain("tree selected");
  });

  it("is resized at a corner, which a finger reaches from further away", () => {
    for (const [type, off] of [["mouse", 10], ["touch", 20]] as const) {
      const { pointer, of } = shown();
      pointer("pointerdown", 150, 250);
      pointer("pointerup", 150, 250);
      pointer("pointerdown", 200 + off, 300 + off, { pointerType: type });
      pointer("pointermove", 240 + off, 280 + off, { pointerType: type });
      pointer("pointerup", 240 + off, 280 + off, { pointerType: type });
      expect(of("move")).toMatchObject([{ x: 0.25, y: 0.5, width: expect.closeTo(0.35), height: expect.closeTo(0.2) }]);
    }
  });

  it("goes back when the drag is given up: nothing is sent", () => {
    const { pointer, of, key, chosen } = shown();
    pointer("pointerdown", 150, 250);
    pointer("pointermove", 250, 250);
    key("keydown", "Escape");
    pointer("pointerup", 250, 250);
    expect(of("move")).toEqual([]);
    expect(of("cancel")).toHaveLength(1);
    expect(chosen()).toBe(true);
  });

  it("is moved and resized by keys, a key held is one step", () => {
    const { press, key, of, chosen } = shown();
    press("n");
    expect(chosen()).toBe(true);
    key("keydown", "ArrowRight");
    key("keydown", "ArrowRight", { repeat: true });
    key("keydown", "ArrowDown", { shiftKey: true });
    key("keyup", "ArrowRight");
    expect(of("move")).toEqual([]);
    key("keyup", "ArrowDown");
    expect(of("move")).toMatchObject([{ x: expect.closeTo(0.29), y: expect.closeTo(0.6) }]);
    press("+");
    expect(of("move")[1]).toMatchObject({ width: expect.closeTo(0.275), x: expect.closeTo(0.2775) });
  });

  it("is taken away by key, by its button and in the history, strokes there too", () => {
    const { press, find, of } = shown([{ ...OBJECT, entry: 2, label: "tree painted", box: null }, OBJECT]);
    press("Delete");
    expect(of("delete")).toEqual([]);
    press("n");
    press("Backspace");
    find("[data-act=delete]").click();
    find('[data-entry="2"] [data-act=delete-step]').click();
    expect(of("delete").map((each) => each["entry"])).toEqual([3, 3, 2]);
  });

  it("is found under others by n and in the history, but not where it cannot be seen", () => {
    const { press, find, said } = shown([
      { ...OBJECT, entry: 2, concept: "door" },
      OBJECT,
      { ...OBJECT, entry: 4, concept: "cloud", seed: 6 },
      { ...OBJECT, entry: 5, concept: "sun", on: false },
      { ...OBJECT, entry: 6, concept: "roof", box: null },
    ]);
    for (const name of ["door", "tree", "door"]) {
      press("n");
      expect(said()).toContain(`${name} selected`);
    }
    const off = [2, 3, 4, 5, 6].map((entry) => find(`[data-entry="${entry}"] [data-act=select-step]`).getAttribute("aria-disabled") === "true");
    expect(off).toEqual([false, false, true, true, true]);
    find('[data-entry="3"] [data-act=select-step]').click();
    expect(said()).toContain("tree selected");
  });

  it("is let go when its step has gone or another picture is shown", async () => {
    for (const change of [{ history: [] }, { seed: 6 }, { tool: "insert" as const }, { history: [{ ...OBJECT, on: false }] }]) {
      const { press, say, chosen } = shown();
      press("n");
      say(change);
      await settled();
      expect(chosen()).toBe(false);
    }
  });
});
