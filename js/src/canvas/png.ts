// Masks as 8-bit grey PNG, written at once so that strokes leave in their order (a canvas gives only RGBA, and only later).

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A grey picture, row by row, as PNG. */
export function encodeGrey(data: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  if (data.length !== width * height) throw new RangeError(`${data.length} grey values for ${width} x ${height} pixels`);
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter, 0: none
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head[8] = 8; // bits a pixel; the zeros after it: grey, deflate, filters by row, not interlaced
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", head),
    chunk("IDAT", zlib(rows, width + 1)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(body.length + 8, crc32(bytes.subarray(4, body.length + 8)));
  return bytes;
}

/** Deflate with the fixed code, which looks for repeats in two places only: the pixel before and the row above. */
export function zlib(data: Uint8Array, stride: number): Uint8Array {
  const out = new Bits(data.length + 64);
  out.put(0x78, 8);
  out.put(0x01, 8);
  out.put(1, 1); // the last block
  out.put(1, 2); // fixed code
  for (let i = 0; i < data.length; ) {
    const before = repeat(data, i, 1);
    const above = repeat(data, i, stride);
    const length = Math.max(before, above);
    if (length >= 3) {
      putLength(out, length);
      putDistance(out, before >= above ? 1 : stride);
      i += length;
    } else {
      putLiteral(out, data[i++] as number);
    }
  }
  putLiteral(out, 256);
  out.align();
  const sum = adler32(data);
  for (const shift of [24, 16, 8, 0]) out.put((sum >>> shift) & 255, 8);
  return out.done();
}

function repeat(data: Uint8Array, at: number, distance: number): number {
  if (at < distance) return 0;
  const most = Math.min(258, data.length - at);
  let length = 0;
  while (length < most && data[at + length] === data[at + length - distance]) length++;
  return length;
}

class Bits {
  private bytes: Uint8Array;
  private size = 0;
  private held = 0;
  private count = 0;

  constructor(room: number) {
    this.bytes = new Uint8Array(room);
  }

  /** Lowest bit first. */
  put(value: number, bits: number): void {
    this.held |= value << this.count;
    this.count += bits;
    while (this.count >= 8) {
      if (this.size === this.bytes.length) this.grow();
      this.bytes[this.size++] = this.held & 255;
      this.held >>>= 8;
      this.count -= 8;
    }
  }

  align(): void {
    if (this.count > 0) this.put(0, 8 - this.count);
  }

  done(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  private grow(): void {
    const larger = new Uint8Array(this.bytes.length * 2);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

function putLiteral(out: Bits, symbol: number): void {
  out.put(CODES[symbol] as number, symbol < 144 || symbol > 279 ? 8 : symbol < 256 ? 9 : 7);
}

function putLength(out: Bits, length: number): void {
  if (length === 258) return putLiteral(out, 285);
  const { group, extra, rest } = grouped(length - 3, 4);
  putLiteral(out, 257 + group);
  out.put(rest, extra);
}

function putDistance(out: Bits, distance: number): void {
  const { group, extra, rest } = grouped(distance - 1, 2);
  out.put(turned(group, 5), 5);
  out.put(rest, extra);
}

/** Deflate numbers lengths and distances in groups that double: `first` of each width. */
function grouped(value: number, first: number): { group: number; extra: number; rest: number } {
  let [extra, size, start, group] = [0, 2 * first, 0, 0];
  for (let width = 1; ; width *= 2) {
    if (value < start + size * width) {
      const index = Math.floor((value - start) / width);
      return { group: group + index, extra, rest: value - start - index * width };
    }
    start += size * width;
    group += size;
    size = first;
    extra++;
  }
}

/** The bits of a number the other way round: codes go highest bit first, all else lowest. */
function turned(value: number, bits: number): number {
  let out = 0;
  for (let i = 0; i < bits; i++) out |= ((value >> i) & 1) << (bits - 1 - i);
  return out;
}

/** The fixed code of each literal and length. */
const CODES = Uint16Array.from({ length: 288 }, (_, symbol) => {
  if (symbol < 144) return turned(0x30 + symbol, 8);
  if (symbol < 256) return turned(0x190 + symbol - 144, 9);
  return symbol < 280 ? turned(symbol - 256, 7) : turned(0xc0 + symbol - 280, 8);
});

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = (CRC[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let i = 0; i < bytes.length; i++) {
    a += bytes[i] as number;
    b += a;
    if (i % 3800 === 0 || i === bytes.length - 1) {
      a %= 65521; // rarely enough to be quick, and before b leaves 32 bits
      b %= 65521;
    }
  }
  return ((b << 16) | a) >>> 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
