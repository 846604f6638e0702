// Pictures lit where a map is above a threshold, as the kernel lights them.

export const DIM = 0.3; // of its brightness: what is left of a picture where the unit is not lit

/** Where a map, brought to a square of `size` bilinearly between pixel centres, is above a threshold: 1, else 0. */
export function litAt(map: Float32Array, height: number, width: number, size: number, threshold: number): Uint8Array {
  const lit = new Uint8Array(size * size);
  const [rows, columns] = [stops(height, size), stops(width, size)];
  for (const [y, [top, bottom, down]] of rows.entries()) {
    for (const [x, [left, right, along]] of columns.entries()) {
      const upper = (1 - along) * (map[top * width + left] as number) + along * (map[top * width + right] as number);
      const lower = (1 - along) * (map[bottom * width + left] as number) + along * (map[bottom * width + right] as number);
      lit[y * size + x] = (1 - down) * upper + down * lower > threshold ? 1 : 0;
    }
  }
  return lit;
}

/** For each pixel the cell before it, the cell after it, and how far it is on the way. */
function stops(cells: number, size: number): [number, number, number][] {
  return Array.from({ length: size }, (_, i) => {
    const at = Math.max(0, ((i + 0.5) * cells) / size - 0.5);
    const before = Math.min(cells - 1, Math.floor(at));
    return [before, Math.min(cells - 1, before + 1), at - before];
  });
}

/** Dim the pixels (RGBA, a row of squares) of square `slot` where it is not lit; `from` are those of the whole picture. */
export function dimmed(from: Uint8ClampedArray, to: Uint8ClampedArray, wide: number, size: number, slot: number, lit: Uint8Array): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = 4 * (y * wide + slot * size + x);
      const light = lit[y * size + x] ? 1 : DIM;
      for (let c = at; c < at + 3; c++) to[c] = light * (from[c] as number);
      to[at + 3] = 255;
    }
  }
}
