// @vitest-environment node
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { cssColour, heatColour, heatPicture, rgbOf, tint } from "../src/canvas/colour";
import { boxAt, dropSide, fractionAt, inside } from "../src/canvas/geometry";
import { boxMask, coverage, drawPath, drawSegment, emptyMask, isEmpty, rubberLine, type Mask } from "../src/canvas/mask";
import { encodeGrey } from "../src/canvas/png";

const { inflateSync, crc32 } = createRequire(import.meta.url)("node:zlib") as { inflateSync(data: Uint8Array): Uint8Array; crc32?(data: Uint8Array): number };
const at = (mask: Mask, x: number, y: number) => mask.data[y * mask.side + x] as number;
const hard = { size: 0.1, soft: 0 };

/** Read a grey PNG as a decoder that trusts nobody. */
function decodeGrey(png: Uint8Array): { width: number; height: number; data: Uint8Array } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts: Record<string, Uint8Array> = {};
  for (let i = 8; i < png.length; ) {
    const length = view.getUint32(i);
    const type = String.fromCharCode(...png.subarray(i + 4, i + 8));
    parts[type] = png.subarray(i + 8, i + 8 + length);
    if (crc32) expect(view.getUint32(i + 8 + length)).toBe(crc32(png.subarray(i + 4, i + 8 + length)));
    i += length + 12;
  }
  const head = parts["IHDR"] as Uint8Array;
  const [width, height] = [new DataView(head.buffer, head.byteOffset).getUint32(0), new DataView(head.buffer, head.byteOffset).getUint32(4)];
  expect([...head.subarray(8)]).toEqual([8, 0, 0, 0, 0]);
  expect(parts["IEND"]?.length).toBe(0);
  const rows = inflateSync(parts["IDAT"] as Uint8Array);
  expect(rows.length).toBe((width + 1) * height);
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    expect(rows[y * (width + 1)]).toBe(0);
    data.set(rows.subarray(y * (width + 1) + 1, (y + 1) * (width + 1)), y * width);
  }
  return { width, height, data };
}

describe("a stroke", () => {
  it("covers as much as a pen is pressed, each piece by the pressure at its end", () => {
    const mask = emptyMask(64);
    drawPath(mask, [{ x: 0.2, y: 0.5, flow: 1 }, { x: 0.5, y: 0.5, flow: 0.25 }, { x: 0.8, y: 0.5, flow: 0.5 }], { size: 0.1, soft: 0 });
    const row = (x: number) => mask.data[32 * 64 + x];
    expect([row(20), row(44)]).toEqual([64, 128]);
    expect(Math.max(...mask.data)).toBe(128);
  });

  it("is one straight line from where it began, however its end was moved", () => {
    const brush = { size: 0.1, soft: 0.3 };
    const [mask, plain] = [emptyMask(64), emptyMask(64)];
    for (const each of [mask, plain]) drawPath(each, [{ x: 0.1, y: 0.1 }, { x: 0.2, y: 0.1 }], brush);
    const line = rubberLine(mask, { x: 0.2, y: 0.1 }, brush);
    line({ x: 0.9, y: 0.9 });
    const area = line({ x: 0.2, y: 0.8 });
    drawPath(plain, [{ x: 0.2, y: 0.1 }, { x: 0.2, y: 0.8 }], brush);
    expect(mask.data).toEqual(plain.data);
    expect(area.x1).toBeGreaterThan(0.9 * 64); // where the line was, the picture has changed too
  });

  it("leaves no gap between samples far apart", () => {
    const mask = emptyMask(256);
    drawPath(mask, [{ x: 0.1, y: 0.2 }, { x: 0.9, y: 0.8 }], hard);
    for (let t = 0; t <= 1; t += 0.01) expect(at(mask, Math.floor(256 * (0.1 + 0.8 * t)), Math.floor(256 * (0.2 + 0.6 * t)))).toBe(255);
  });

  it("is the same however finely it was sampled", () => {
    const [coarse, fine] = [emptyMask(128), emptyMask(128)];
    drawPath(coarse, [{ x: 0.2, y: 0.3 }, { x: 0.7, y: 0.3 }], { size: 0.2, soft: 0.5 });
    drawPath(fine, Array.from({ length: 51 }, (_, i) => ({ x: 0.2 + i / 100, y: 0.3 })), { size: 0.2, soft: 0.5 });
    const most = coarse.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (fine.data[i] as number))), 0);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("covers no more when it crosses itself", () => {
    const [once, twice] = [emptyMask(64), emptyMask(64)];
    const there = [{ x: 0.2, y: 0.5 }, { x: 0.8, y: 0.5 }];
    drawPath(once, there, { size: 0.3, soft: 1 });
    drawPath(twice, [...there, ...[...there].reverse()], { size: 0.3, soft: 1 });
    expect(twice.data).toEqual(once.data);
  });

  it("is as wide as the brush", () => {
    const mask = emptyMask(200);
    drawPath(mask, [{ x: 0.5, y: 0.5 }], { size: 0.2, soft: 0 });
    const area = mask.data.reduce((sum, value) => sum + value / 255, 0);
    expect(area / (Math.PI * 20 ** 2)).toBeCloseTo(1, 1);
  });

  it("fades by the soft edge and never beyond the ring", () => {
    expect(coverage(0, 20, 1)).toBe(1);
    expect(coverage(20.01, 20, 1)).toBe(0);
    expect(coverage(10, 20, 1)).toBeCloseTo(0.5);
    expect(coverage(10, 20, 0)).toBe(1);
    for (let d = 0; d < 24; d += 0.5) expect(coverage(d + 0.5, 20, 0.5)).toBeLessThanOrEqual(coverage(d, 20, 0.5));
  });

  it("tells which pixels changed, and changes no others", () => {
    const mask = emptyMask(100);
    const area = drawSegment(mask, { x: 0.4, y: 0.4 }, { x: 0.6, y: 0.5 }, hard);
    mask.data.forEach((value, i) => {
      const [x, y] = [i % 100, Math.floor(i / 100)];
      if (value > 0) expect(x >= area.x0 && x < area.x1 && y >= area.y0 && y < area.y1).toBe(true);
    });
    expect(area.x1 - area.x0).toBeLessThan(40);
  });

  it("may leave the picture", () => {
    const mask = emptyMask(32);
    drawPath(mask, [{ x: -3, y: -3 }, { x: -2, y: 9 }], hard);
    expect(isEmpty(mask)).toBe(true);
    drawPath(mask, [{ x: -1, y: 0.5 }, { x: 2, y: 0.5 }], hard);
    expect(at(mask, 0, 16)).toBe(255);
    expect(at(mask, 31, 16)).toBe(255);
  });
});

describe("the mask's PNG", () => {
  it("gives back every byte of a stroke", () => {
    const mask = emptyMask(256);
    drawPath(mask, [{ x: 0.1, y: 0.2 }, { x: 0.5, y: 0.9 }, { x: 0.95, y: 0.4 }], { size: 0.25, soft: 0.8 });
    const png = encodeGrey(mask.data, 256, 256);
    expect(decodeGrey(png)).toEqual({ width: 256, height: 256, data: mask.data });
    expect(png.length).toBeLessThan(24000);
  });

  it("gives back what does not repeat, and stays within the limit", () => {
    let state = 1;
    const noise = Uint8Array.from({ length: 256 * 256 }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24);
    const png = encodeGrey(noise, 256, 256);
    expect(decodeGrey(png).data).toEqual(noise);
    expect(png.length).toBeLessThan(262144);
  });

  it.each([[1, 1], [3, 5], [64, 2], [257, 3]])("holds for %i x %i", (width, height) => {
    const data = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 256);
    expect(decodeGrey(encodeGrey(data, width, height))).toEqual({ width, height, data });
  });

  it("is small where nothing is painted", () => expect(encodeGrey(new Uint8Array(65536), 256, 256).length).toBeLessThan(700));
  it("refuses a wrong size", () => expect(() => encodeGrey(new Uint8Array(5), 2, 3)).toThrow(RangeError));
});

describe("boxes", () => {
  it("lose what sticks out of the picture", () => {
    expect(boxAt({ x: 0.5, y: 0.5 }, 0.2)).toEqual({ x: 0.4, y: 0.4, width: expect.closeTo(0.2), height: expect.closeTo(0.2) });
    expect(boxAt({ x: 0, y: 1 }, 0.4)).toEqual({ x: 0, y: 0.8, width: 0.2, height: expect.closeTo(0.2) });
  });
  it("are twice the brush, within reason", () => expect([dropSide(0.02), dropSide(0.15), dropSide(0.6)]).toEqual([0.1, 0.3, 1]));
  it("become masks whose pixels add up to the box", () => {
    const mask = boxMask(50, { x: 0.105, y: 0.2, width: 0.3, height: 0.33 });
    expect(mask.data.reduce((sum, value) => sum + value / 255, 0) / 2500).toBeCloseTo(0.3 * 0.33, 3);
  });
  it("place a pointer by the picture's rectangle", () => {
    const rect = { left: 100, top: 50, width: 200, height: 400 };
    expect(fractionAt({ clientX: 150, clientY: 250 }, rect)).toEqual({ x: 0.25, y: 0.5 });
    expect(inside(fractionAt({ clientX: 301, clientY: 60 }, rect))).toBe(false);
  });
});

describe("colours", () => {
  it("are read from a hex, and anything else is grey", () => {
    expect(rgbOf("#1b7A3d")).toEqual([27, 122, 61]);
    expect(cssColour("red;background:url(x)")).toBe("rgb(128 128 128)");
  });
  it("go from nothing to light with the heat", () => {
    expect(heatColour(0)[3]).toBe(0);
    const light = [0.2, 0.4, 0.6, 0.8, 1].map((heat) => heatColour(heat).slice(0, 3).reduce((sum, value) => sum + value, 0));
    expect([...light].sort((a, b) => a - b)).toEqual(light);
    expect(heatColour(7)).toEqual(heatColour(1));
  });
  it("of a heat map too short for its size are cold at the end", () => {
    const picture = heatPicture(Uint8Array.of(255), 2, 1);
    expect([picture.length, picture[3], picture[7]]).toEqual([8, 235, 0]);
  });
  it("tint only the area that changed", () => {
    const mask = emptyMask(2);
    mask.data.fill(9);
    const rgba = new Uint8ClampedArray(16);
    tint(mask, [1, 2, 3], rgba, { x0: 1, y0: 0, x1: 2, y1: 1 });
    expect([...rgba.subarray(0, 8)]).toEqual([0, 0, 0, 0, 1, 2, 3, 9]);
  });
});
