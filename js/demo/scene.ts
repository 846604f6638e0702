// A small landscape from a seed, and things to paint into it: enough to try every control without a generator.

export const SIDE = 64;

type Ctx = OffscreenCanvasRenderingContext2D;

interface Shape {
  readonly color: string;
  readonly units: number;
  readonly measured: boolean;
  /** draw it into a box, in pixels */
  draw(ctx: Ctx, x: number, y: number, w: number, h: number): void;
}

const fill = (ctx: Ctx, color: string, path: () => void) => {
  ctx.fillStyle = color;
  ctx.beginPath();
  path();
  ctx.fill();
};
const ellipse = (ctx: Ctx, color: string, x: number, y: number, rx: number, ry: number) => fill(ctx, color, () => ctx.ellipse(x, y, Math.abs(rx), Math.abs(ry), 0, 0, 2 * Math.PI));
const polygon = (ctx: Ctx, color: string, ...points: number[]) =>
  fill(ctx, color, () => {
    for (let i = 0; i < points.length; i += 2) ctx.lineTo(points[i] as number, points[i + 1] as number);
    ctx.closePath();
  });
const rect = (ctx: Ctx, color: string, x: number, y: number, w: number, h: number) => {
  ctx.fillStyle = color;
  ctx.fillRect(x, y, w, h);
};

export const SHAPES: Readonly<Record<string, Shape>> = {
  tree: {
    color: "#1b7a3d",
    units: 6,
    measured: true,
    draw(ctx, x, y, w, h) {
      rect(ctx, "#5d4027", x + w * 0.44, y + h * 0.6, w * 0.12, h * 0.4);
      for (const [dx, dy, r] of [[0.34, 0.42, 0.27], [0.66, 0.44, 0.26], [0.5, 0.28, 0.29], [0.5, 0.52, 0.27]] as const) ellipse(ctx, "#2c6e35", x + w * dx, y + h * dy, w * r, h * r);
      for (const [dx, dy, r] of [[0.42, 0.26, 0.15], [0.62, 0.38, 0.12]] as const) ellipse(ctx, "#438a45", x + w * dx, y + h * dy, w * r, h * r);
    },
  },
  cloud: {
    color: "#b9d3ee",
    units: 5,
    measured: true,
    draw(ctx, x, y, w, h) {
      for (const [dx, dy, r] of [[0.3, 0.6, 0.24], [0.52, 0.46, 0.3], [0.74, 0.6, 0.22]] as const) ellipse(ctx, "#f7f9fc", x + w * dx, y + h * dy, w * r, h * r * 0.8);
    },
  },
  window: {
    color: "#f2b233",
    units: 4,
    measured: true,
    draw(ctx, x, y, w, h) {
      rect(ctx, "#e9dfc9", x + w * 0.12, y + h * 0.08, w * 0.76, h * 0.84);
      rect(ctx, "#47627e", x + w * 0.2, y + h * 0.16, w * 0.6, h * 0.68);
      rect(ctx, "#e9dfc9", x + w * 0.46, y + h * 0.16, w * 0.08, h * 0.68);
      rect(ctx, "#e9dfc9", x + w * 0.2, y + h * 0.46, w * 0.6, h * 0.08);
    },
  },
  roof: { color: "#b4432f", units: 6, measured: false, draw: (ctx, x, y, w, h) => polygon(ctx, "#a8442f", x, y + h * 0.9, x + w / 2, y + h * 0.1, x + w, y + h * 0.9) },
  door: {
    color: "#8a4b9c",
    units: 3,
    measured: true,
    draw(ctx, x, y, w, h) {
      rect(ctx, "#6b3a24", x + w * 0.2, y + h * 0.1, w * 0.6, h * 0.9);
      ellipse(ctx, "#e6c15a", x + w * 0.68, y + h * 0.58, w * 0.05, w * 0.05);
    },
  },
  water: {
    color: "#2f7fc2",
    units: 7,
    measured: true,
    draw(ctx, x, y, w, h) {
      ellipse(ctx, "#3f7fb4", x + w / 2, y + h / 2, w / 2, h * 0.42);
      for (const dy of [0.38, 0.52, 0.66]) rect(ctx, "#7fb2d6", x + w * 0.25, y + h * dy, w * 0.5, Math.max(0.6, h * 0.04));
    },
  },
  snow: { color: "#e4ecf5", units: 8, measured: false, draw: (ctx, x, y, w, h) => rect(ctx, "#f2f6fa", x, y, w, h) },
  mountain: {
    color: "#75808f",
    units: 5,
    measured: false,
    draw(ctx, x, y, w, h) {
      polygon(ctx, "#6c7887", x, y + h, x + w * 0.5, y + h * 0.08, x + w, y + h);
      polygon(ctx, "#eef2f6", x + w * 0.39, y + h * 0.28, x + w * 0.5, y + h * 0.08, x + w * 0.61, y + h * 0.28);
    },
  },
  sun: { color: "#f4d35e", units: 2, measured: false, draw: (ctx, x, y, w, h) => ellipse(ctx, "#ffdf70", x + w / 2, y + h / 2, w * 0.36, h * 0.36) },
  wall: { color: "#d9a679", units: 6, measured: false, draw: (ctx, x, y, w, h) => rect(ctx, "#e6d2ae", x, y, w, h) },
  grass: { color: "#8fbf4d", units: 9, measured: false, draw: (ctx, x, y, w, h) => rect(ctx, "#5f9a4a", x, y, w, h) },
  fence: {
    color: "#c7713c",
    units: 3,
    measured: false,
    draw(ctx, x, y, w, h) {
      for (let i = 0; i < 6; i++) rect(ctx, "#f3ead6", x + (w * (i + 0.2)) / 6, y + h * 0.25, w * 0.09, h * 0.6);
      rect(ctx, "#f3ead6", x, y + h * 0.42, w, h * 0.09);
    },
  },
};

/** Numbers from a seed, 0 to 1. */
export function numbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const HOURS = [
  ["#6fa8dc", "#cfe4f5", "#5f9a4a"],
  ["#f0a36b", "#fbe0b2", "#87823f"],
  ["#8fb7cf", "#e8eef2", "#e6edf3"],
  ["#33426d", "#8a7fa8", "#3b5a44"],
] as const;

/** The landscape of a seed, without the concepts left out. */
export function landscape(seed: number, without: readonly string[] = []): OffscreenCanvas {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const ctx = canvas.getContext("2d") as Ctx;
  const next = numbers(seed);
  const between = (low: number, high: number) => low + next() * (high - low);
  const put = (name: string, x: number, y: number, w: number, h: number) => without.includes(name) || SHAPES[name]?.draw(ctx, x, y, w, h);
  const [top, low, ground] = HOURS[Math.floor(next() * HOURS.length)] as (typeof HOURS)[number];
  const sky = ctx.createLinearGradient(0, 0, 0, 42);
  sky.addColorStop(0, top);
  sky.addColorStop(1, low);
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, SIDE, SIDE);
  put("sun", between(4, 46), between(2, 12), 13, 13);
  if (next() > 0.3) for (let x = -12; x < 64; x += between(18, 28)) put("mountain", x, between(18, 26), between(26, 38), 24);
  for (let i = 0; i < 2; i++) put("cloud", between(-4, 48), between(2, 14), between(14, 22), between(8, 12));
  const hill = between(38, 43);
  fill(ctx, ground, () => {
    ctx.moveTo(0, hill);
    ctx.bezierCurveTo(20, hill - 5, 40, hill + 5, 64, hill - 2);
    ctx.lineTo(64, 64);
    ctx.lineTo(0, 64);
  });
  if (next() > 0.5) put("water", between(-4, 34), between(50, 54), between(20, 34), 10);
  const [x, y, w] = [between(8, 34), between(28, 33), between(18, 24)];
  put("wall", x, y, w, 17);
  put("roof", x - 2, y - 11, w + 4, 13);
  put("window", x + 2, y + 4, 6, 7);
  put("door", x + w - 9, y + 5, 7, 12);
  put("tree", x > 22 ? between(-2, 8) : between(42, 46), between(22, 28), 19, 27);
  if (next() > 0.5) put("fence", 0, 51, 64, 9);
  return canvas;
}
