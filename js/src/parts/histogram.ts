// A unit's activations as a histogram of the quantiles that a dissection keeps, and the axis that its threshold moves on.

import { clamp } from "../canvas/geometry";
import { make } from "./dom";

const HALF = 0.12; // of the width: the half of all pixels below the median, whose spread is not kept
const [WIDE, HIGH] = [300, 64]; // of the drawing, in its own units
const DECADES = 4; // that the heights span
const ROOM = 0.09; // of the width, for a bar's share in digits

/** Where values lie between the median (0) and the highest (1): the wider, the further out, so that thresholds have room. */
export interface Axis {
  at(value: number): number;
  value(at: number): number;
}

/** The axis of these quantiles; null: the unit is the same from its median up. */
export function axisOf(shares: readonly number[], quantiles: readonly number[]): Axis | null {
  const [low, top] = [quantiles[0] as number, quantiles[quantiles.length - 1] as number];
  const usual = quantiles[Math.max(0, shares.indexOf(0.99))] as number;
  const unit = usual > low ? usual - low : (top - low) / 4;
  const length = Math.log1p((top - low) / unit);
  if (!(top > low) || !Number.isFinite(length)) return null;
  return {
    at: (value) => clamp(Math.log1p(Math.max(0, value - low) / unit) / length, 0, 1),
    value: (at) => clamp(low + unit * Math.expm1(at * length), low, top),
  };
}

/** The part of all pixels above a value, between the kept quantiles by the logarithm; below the median: not known, null. */
export function shareAbove(shares: readonly number[], quantiles: readonly number[], value: number): number | null {
  const last = quantiles.length - 1;
  if (value < (quantiles[0] as number)) return null;
  if (value >= (quantiles[last] as number)) return 0;
  const i = quantiles.filter((each) => each <= value).length - 1;
  const [low, high] = [quantiles[i] as number, quantiles[i + 1] as number];
  const [above, beyond] = [1 - (shares[i] as number), 1 - (shares[i + 1] as number)];
  const along = high > low ? (value - low) / (high - low) : 1;
  return beyond > 0 ? above * (beyond / above) ** along : above * (1 - along);
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  /** 0..1, on a logarithmic scale */
  readonly height: number;
  /** of all pixels that it holds */
  readonly share: number;
}

/** A bar between each two quantiles, in fractions of the axis. */
export function binsOf(shares: readonly number[], quantiles: readonly number[], axis: Axis): Bin[] {
  const found = shares.slice(1).map((share, i) => {
    const [from, to] = [axis.at(quantiles[i] as number), axis.at(quantiles[i + 1] as number)];
    const part = share - (shares[i] as number);
    return { from, to, share: part, dense: to > from ? part / (to - from) : 0 };
  }).filter((bin) => bin.dense > 0);
  const most = Math.max(...found.map((bin) => bin.dense));
  return found.map(({ from, to, share, dense }) => ({ from, to, share, height: clamp(1 + Math.log10(dense / most) / DECADES, 0.05, 1) }));
}

/** A number in few characters. */
export const short = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3).replace(/\.?0+$/, "").replace(/^-?0$/, "0"));

/** A part as so many of a hundred. */
const hundredths = (share: number): string => `${100 * share >= 10 ? Math.round(100 * share) : (100 * share).toPrecision(2).replace(/\.?0+$/, "")} %`;

/** A part of all pixels, in words. */
export const percent = (share: number | null): string => (share === null ? "more than half of all pixels" : share === 0 ? "no pixel" : `${hundredths(share)} of all pixels`);

export interface Histogram {
  readonly node: HTMLElement;
  /** how it is to be read */
  readonly words: HTMLElement;
  /** Draw a unit; null: none, or one that has no spread. */
  show(shares: readonly number[], quantiles: readonly number[], axis: Axis | null): void;
  /** Move the threshold, of which `own` is the dissection's. */
  mark(axis: Axis, threshold: number, own: number): void;
}

export function histogram(): Histogram {
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", class: "gw-hist-bars", "aria-hidden": "true" });
  const own = make("span", "gw-hist-own", { "aria-hidden": "true" });
  const line = make("span", "gw-hist-line", { "aria-hidden": "true" });
  const ends = make("div", "gw-hist-ends", { "aria-hidden": "true" });
  const labels = make("div", "gw-hist-shares", { "aria-hidden": "true" });
  const plot = make("div", "gw-hist-plot", {}, svg, labels, own, line);
  const words = make("p", "gw-hist-words", { "aria-hidden": "true" }, "A bar tells its share of all pixels; of the hatched half no more is known.");
  const node = make("div", "gw-hist", { role: "img" }, plot, ends);
  return {
    node,
    words,
    show(shares, quantiles, axis) {
      node.hidden = words.hidden = axis === null;
      if (!axis) return;
      const x = (at: number) => WIDE * (HALF + (1 - HALF) * at);
      const bins = binsOf(shares, quantiles, axis);
      svg.replaceChildren(...bins.map(({ from, to, height }) => shape("rect", { x: x(from), y: HIGH * (1 - height), width: Math.max(1, x(to) - x(from)), height: HIGH * height, class: "gw-hist-bar" })));
      labels.replaceChildren(shareOf("gw-hist-half", 0, HALF, shares[0] as number), ...bins.map(({ from, to, share }) => shareOf("gw-hist-share", x(from) / WIDE, (x(to) - x(from)) / WIDE, share)));
      const [median, top] = [quantiles[0] as number, quantiles[quantiles.length - 1] as number];
      ends.replaceChildren(make("span", "", {}, `median ${short(median)}`), make("span", "", {}, `highest ${short(top)}`));
      node.setAttribute("aria-label", `Activations: half of all pixels are below ${short(median)}, ${shares.slice(1, -1).map((share, i) => `${percent(1 - share).replace(" of all pixels", "")} above ${short(quantiles[i + 1] as number)}`).join(", ")}; the highest is ${short(top)}.`);
      node.title = "How the unit's values are spread. Heights and widths are logarithmic; half of all pixels are below the median; how they are spread is not kept.";
    },
    mark(axis, threshold, usual) {
      const left = (value: number) => `${100 * (HALF + (1 - HALF) * axis.at(value))}%`;
      line.style.left = left(threshold);
      own.style.left = left(usual);
      own.hidden = threshold === usual;
    },
  };
}

/** A bar's share of all pixels, written where it stands; nothing where that is too narrow. */
function shareOf(className: string, left: number, width: number, share: number): HTMLElement {
  const node = make("span", className, {}, width < ROOM ? "" : hundredths(share));
  [node.style.left, node.style.width] = [`${100 * left}%`, `${100 * width}%`];
  return node;
}

function shape(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
