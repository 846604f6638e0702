import { describe, expect, it } from "vitest";
import { kept, MOST_ZOOM, onFrame, onPicture, pinched, revealed, WHOLE, zoomed } from "../src/canvas/zoom";
import widget from "../src/views/paintbox";
import { mounted } from "./model";

const RECT = { left: 0, top: 0, width: 400, height: 400, right: 400, bottom: 400, x: 0, y: 0 } as DOMRect;

describe("a zoomed picture", () => {
  it("keeps what is under the pointer there", () => {
    const at = { x: 0.75, y: 0.25 };
    const before = onPicture(WHOLE, at);
    const after = onPicture(zoomed(WHOLE, 3, at), at);
    expect([after.x, after.y]).toEqual([expect.closeTo(before.x), expect.closeTo(before.y)]);
    expect(onFrame(zoomed(WHOLE, 3, at), before)).toEqual({ x: expect.closeTo(at.x), y: expect.closeTo(at.y) });
  });

  it("leaves no gap in its frame, and has its limits", () => {
    expect(kept({ zoom: 2, x: 0.5, y: -3 })).toEqual({ zoom: 2, x: 0, y: -1 });
    expect(zoomed(WHOLE, 100, { x: 0.5, y: 0.5 }).zoom).toBe(MOST_ZOOM);
    expect(zoomed({ zoom: 2, x: -0.7, y: -0.2 }, 0.1, { x: 0.1, y: 0.1 })).toEqual(WHOLE);
  });

  it("follows two fingers", () => {
    const view = pinched(WHOLE, [{ x: 0.25, y: 0.5 }, { x: 0.5, y: 0.5 }], [{ x: 0.25, y: 0.5 }, { x: 0.75, y: 0.5 }]);
    expect(view.zoom).toBe(2);
    expect(onPicture(view, { x: 0.5, y: 0.5 }).x).toBeCloseTo(0.375);
  });

  it("moves as little as shows a point", () => {
    const view = { zoom: 4, x: 0, y: 0 };
    expect(revealed(view, { x: 0.1, y: 0.1 })).toEqual(view);
    expect(onFrame(revealed(view, { x: 0.5, y: 0.1 }), { x: 0.5, y: 0.1 }).x).toBeCloseTo(0.9);
  });
});

function shown() {
  const view = mounted(widget);
  const { find } = view;
  const canvas = find(".gw-picture");
  canvas.getBoundingClientRect = find(".gw-frame").getBoundingClientRect = () => RECT;
  const finger = (type: string, pointerId: number, x: number, y: number) =>
    canvas.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId, isPrimary: pointerId === 1, pointerType: "touch", button: 0, bubbles: true, cancelable: true }));
  const wheel = (init: WheelEventInit) => {
    const event = new WheelEvent("wheel", { bubbles: true, cancelable: true });
    for (const [name, value] of Object.entries({ clientX: 200, clientY: 200, ...init })) Object.defineProperty(event, name, { value });
    canvas.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const press = (key: string) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const zoom = () => Number(find(".gw-frame").style.getPropertyValue("--gw-zoom") || 1);
  return { ...view, finger, wheel, press, zoom };
}

describe("the hand that zooms", () => {
  it("turns a stroke into a pinch, and paints nothing until all fingers are up", () => {
    const { finger, of, zoom, find } = shown();
    finger("pointerdown", 1, 100, 200);
    finger("pointermove", 1, 110, 200);
    expect(find(".gw-ink").dataset["gwInk"]).toBe("true");
    finger("pointerdown", 2, 210, 200);
    expect(find(".gw-ink").dataset["gwInk"]).toBe("false");
    finger("pointermove", 2, 310, 200);
    expect(zoom()).toBeCloseTo(2);
    finger("pointerup", 2, 310, 200);
    finger("pointermove", 1, 300, 300);
    finger("pointerup", 1, 300, 300);
    expect(of("stroke")).toEqual([]);
    finger("pointerdown", 1, 100, 200);
    finger("pointerup", 1, 100, 200);
    expect(of("stroke")).toHaveLength(1);
  });

  it("leaves the wheel to the page, but with Ctrl and when zoomed", () => {
    const { wheel, zoom } = shown();
    expect(wheel({ deltaY: 100, deltaX: 0, deltaMode: 0 })).toBe(false);
    expect(wheel({ deltaY: -100, deltaX: 0, deltaMode: 0, ctrlKey: true })).toBe(true);
    expect(zoom()).toBeCloseTo(Math.exp(0.25));
    expect(wheel({ deltaY: 10, deltaX: 0, deltaMode: 0 })).toBe(true);
    expect(wheel({ deltaY: 1000, deltaX: 0, deltaMode: 0 })).toBe(true);
    expect(wheel({ deltaY: 1000, deltaX: 0, deltaMode: 0 })).toBe(false); // at its end
  });

  it("says how far, and goes back by key and by button", () => {
    const { press, zoom, find } = shown();
    const label = find("[data-act=whole]");
    expect(label.hidden).toBe(true);
    press("+");
    expect([zoom(), label.hidden, label.textContent]).toEqual([1.25, false, "1.3×"]);
    press("-");
    expect(zoom()).toBe(1);
    press("+");
    press("0");
    expect(zoom()).toBe(1);
    press("+");
    label.click();
    expect([zoom(), label.hidden]).toEqual([1, true]);
  });
});
