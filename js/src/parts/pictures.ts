// Pictures from the kernel: decoded, and sheets of small squares in one row.

import { make } from "./dom";

/** A picture from bytes; null where it cannot be decoded. */
export async function decode(data: DataView, type: "image/png" | "image/jpeg"): Promise<ImageBitmap | null> {
  if (typeof createImageBitmap !== "function" || data.byteLength === 0) return null;
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  try {
    return await createImageBitmap(new Blob([bytes], { type }));
  } catch {
    return null;
  }
}

export interface Sheet {
  readonly keys: readonly (string | number)[];
  readonly size: number;
  readonly image: CanvasImageSource | null;
}

export const NO_SHEET: Sheet = { keys: [], size: 64, image: null };

/** A small picture for show: its name stands beside it. */
export const tile = (className: string, size = 64): HTMLCanvasElement => make("canvas", `gw-tile ${className}`, { width: size, height: size, "aria-hidden": "true" });

/** Draw the square of that key; whether the sheet has it. */
export function drawTile(canvas: HTMLCanvasElement, sheet: Sheet, key: string | number): boolean {
  const at = sheet.keys.indexOf(key);
  const ctx = at < 0 || !sheet.image ? null : canvas.getContext("2d");
  if (!ctx || !sheet.image) return false;
  if (canvas.width !== sheet.size) canvas.width = canvas.height = sheet.size;
  ctx.drawImage(sheet.image, at * sheet.size, 0, sheet.size, sheet.size, 0, 0, canvas.width, canvas.height);
  canvas.dataset["gwDrawn"] = "true";
  return true;
}

/** Keep a square canvas as fine as the screen, up to `most` pixels a side; `drawn` draws it again. */
export function fine(canvas: HTMLCanvasElement, signal: AbortSignal, drawn: () => void, most = 4096): void {
  const fit = () => {
    const side = Math.min(most, Math.max(1, Math.round(canvas.clientWidth * (globalThis.devicePixelRatio || 1))));
    if (canvas.clientWidth === 0 || side === canvas.width) return;
    canvas.width = canvas.height = side;
    drawn();
  };
  const sizes = typeof ResizeObserver === "function" ? new ResizeObserver(fit) : null;
  sizes?.observe(canvas);
  signal.addEventListener("abort", () => sizes?.disconnect(), { once: true });
  window.addEventListener("resize", fit, { signal }); // also when the page is zoomed, or moved to another screen
}

/** Let the browser keep bytes as a file. */
export function download(name: string, data: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const link = make("a", "", { href: url, download: name });
  link.style.display = "none";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
