// The ink over the picture, drawn here and at once: strokes on their way, the brush's ring, the box a chip is dropped in.

import { rgbOf, tint, type Rgb } from "../canvas/colour";
import type { Box, Point } from "../canvas/geometry";
import { CORNERS, cornerOf } from "../canvas/objects";
import type { View } from "../canvas/zoom";
import { emptyMask, type Area, type Brush, type Mask } from "../canvas/mask";
import { MASK_SIDE } from "../messages";
import { make } from "../parts/dom";

/** A mask and its colours as a picture. */
export interface Layer {
  readonly mask: Mask;
  /** The mask has changed there. */
  touch(area: Area): void;
  draw(ctx: CanvasRenderingContext2D, side: number, opacity: number): void;
}

export function inkLayer(colour: Rgb): Layer {
  const mask = emptyMask(MASK_SIDE);
  const canvas = make("canvas", "", { width: mask.side, height: mask.side });
  const ctx = canvas.getContext("2d");
  const picture = ctx?.createImageData(mask.side, mask.side);
  const touch = (area: Area) => {
    if (!ctx || !picture || area.x1 <= area.x0 || area.y1 <= area.y0) return;
    tint(mask, colour, picture.data, area);
    ctx.putImageData(picture, 0, 0, area.x0, area.y0, area.x1 - area.x0, area.y1 - area.y0);
  };
  return {
    mask,
    touch,
    draw(to, side, opacity) {
      to.globalAlpha = opacity;
      to.drawImage(canvas, 0, 0, side, side);
      to.globalAlpha = 1;
    },
  };
}

/** Everything that is drawn over the picture, from back to front. */
export interface Scene {
  /** boxes that are dropped, and the one under a dragged chip, which has no name: the chip shows it */
  readonly boxes: readonly { box: Box; color: string; name: string }[];
  /** strokes that the kernel has not answered yet */
  readonly waiting: readonly { layer: Layer; live: boolean }[];
  readonly stroke: Layer | null;
  /** the stroke's effect is being shown: the ink steps back */
  readonly live: boolean;
  /** the selected object, with its handles */
  readonly marked: { readonly box: Box; readonly color: string } | null;
  readonly ring: { at: Point; brush: Brush; erasing: boolean; keys: boolean } | null;
}

const WAITING = 0.42;
const FRESH = 0.6;
const LIVE = 0.3;

/** Draw what the view shows of the scene on a canvas as wide as the frame, with `scale` device pixels to a css pixel. */
export function drawScene(ctx: CanvasRenderingContext2D, scene: Scene, view: View, scale: number): void {
  const wide = ctx.canvas.width;
  const side = wide * view.zoom;
  ctx.clearRect(0, 0, wide, wide);
  ctx.save();
  ctx.translate(view.x * wide, view.y * wide);
  for (const { layer, live } of scene.waiting) layer.draw(ctx, side, live ? LIVE : WAITING);
  scene.stroke?.draw(ctx, side, scene.live ? LIVE : FRESH);
  for (const { box, color, name } of scene.boxes) drawBox(ctx, box, color, name, side, scale);
  if (scene.marked) drawMarked(ctx, scene.marked.box, scene.marked.color, side, scale);
  if (scene.ring) drawRing(ctx, scene.ring, side, scale);
  ctx.restore();
}

function drawMarked(ctx: CanvasRenderingContext2D, box: Box, color: string, side: number, scale: number): void {
  const [r, g, b] = rgbOf(color);
  ctx.beginPath();
  ctx.rect(box.x * side, box.y * side, box.width * side, box.height * side);
  outlined(ctx, scale, 1.75);
  for (const corner of CORNERS) {
    const at = cornerOf(box, corner);
    ctx.beginPath();
    ctx.arc(at.x * side, at.y * side, 6 * scale, 0, 2 * Math.PI);
    ctx.fillStyle = `rgb(${r} ${g} ${b})`;
    ctx.fill();
    outlined(ctx, scale, 2.25);
  }
}

function drawRing(ctx: CanvasRenderingContext2D, ring: NonNullable<Scene["ring"]>, side: number, scale: number): void {
  const [x, y, radius] = [ring.at.x * side, ring.at.y * side, Math.max(2 * scale, (ring.brush.size * side) / 2)];
  const circle = (r: number) => {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
  };
  circle(radius);
  ctx.setLineDash(ring.erasing ? [5 * scale, 4 * scale] : []);
  outlined(ctx, scale, 1.75);
  if (ring.brush.soft > 0.05) {
    circle(Math.max(1, radius * (1 - ring.brush.soft)));
    ctx.setLineDash([1.5 * scale, 3.5 * scale]);
    outlined(ctx, scale, 1);
  }
  ctx.setLineDash([]);
  if (!ring.keys) return;
  const arm = 5 * scale;
  ctx.beginPath();
  ctx.moveTo(x - arm, y);
  ctx.lineTo(x + arm, y);
  ctx.moveTo(x, y - arm);
  ctx.lineTo(x, y + arm);
  outlined(ctx, scale, 1.5);
}

/** White on a dark edge, which shows on every picture. */
function outlined(ctx: CanvasRenderingContext2D, scale: number, width: number): void {
  ctx.strokeStyle = "rgb(20 24 30 / 0.55)";
  ctx.lineWidth = (width + 1.5) * scale;
  ctx.stroke();
  ctx.strokeStyle = "#fff";
  ctx.lineWidth = width * scale;
  ctx.stroke();
}

function drawBox(ctx: CanvasRenderingContext2D, box: Box, color: string, name: string, side: number, scale: number): void {
  const [x, y, w, h] = [box.x * side, box.y * side, box.width * side, box.height * side];
  const [r, g, b] = rgbOf(color);
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, 8 * scale);
  ctx.fillStyle = `rgb(${r} ${g} ${b} / ${name ? 0.22 : 0.08})`;
  ctx.fill();
  ctx.setLineDash([7 * scale, 5 * scale]);
  outlined(ctx, scale, 2);
  ctx.setLineDash([]);
  if (!name) return;
  ctx.font = `600 ${12 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3 * scale;
  ctx.strokeStyle = "rgb(20 24 30 / 0.6)";
  ctx.strokeText(name, x + w / 2, y + h / 2);
  ctx.fillStyle = "#fff";
  ctx.fillText(name, x + w / 2, y + h / 2);
}
