// A kernel that lives in the page: it speaks the protocol and paints its small landscapes, so that every control can be tried.

import type { Box } from "../src/canvas/geometry";
import type { Answer, Chip, Requests, PaintTool, State, Step } from "../src/messages";
import { BLANK } from "../src/pages/model";
import type { Model } from "../src/store";
import { landscape, numbers, SHAPES, SIDE } from "./scene";

interface Edit {
  readonly concept: string;
  readonly tool: PaintTool;
  readonly box: Box | null;
  readonly mask: Float32Array;
  readonly strength: number;
  readonly seed: number | null;
  readonly entry: number;
  readonly on: boolean;
}

type Message = { [K in keyof Requests]: Requests[K] & { kind: K; id: number; view: string } }[keyof Requests];

export interface Options {
  /** ms that a request takes */
  readonly delay?: number;
  /** traits that differ from the usual */
  readonly traits?: Partial<State>;
  /** nobody answers */
  readonly silent?: boolean;
}

const CHIPS: Chip[] = Object.entries(SHAPES).map(([name, { color, units, measured }]) => ({ name, kind: "object", color, units, measured, note: `best unit's IoU 0.${10 + units}` }));

export const START: State = {
  ...BLANK,
  version: "0.1.0",
  model: "storybook",
  layer: "layer5",
  image_size: SIDE,
  seed: 5,
  strip: [0, 1, 2, 3, 4, 5, 6, 7],
  concepts: CHIPS,
  concept: "tree",
  size: 0.16,
  level: "medium",
  layers: ["layer5"],
  alt: "Picture 5 of storybook: sky, grass, house, tree.",
  read_only: false,
  driver: "thread",
};

/** A model with a kernel behind it. */
export function fakeModel(options: Options = {}): Model {
  const state = { ...START, ...options.traits } as State;
  const heard = new Map<string, Set<(...args: unknown[]) => void>>();
  const emit = (event: string, ...args: unknown[]) => {
    for (const hear of heard.get(event) ?? []) hear(...args);
  };
  const set = (values: Partial<State>) => {
    Object.assign(state, values);
    for (const name of Object.keys(values)) emit(`change:${name}`);
  };
  const post = (content: object, data?: ArrayBuffer) => emit("msg:custom", content, data ? [new DataView(data)] : []);
  const kernel = options.silent ? null : fakeKernel(state, set, post);
  let queue = Promise.resolve();
  return {
    get: (name) => state[name],
    set: (name, value) => set({ [name]: value }),
    save_changes: () => kernel?.settled(),
    on: (event: string, hear: (...args: never[]) => void) => void heard.set(event, (heard.get(event) ?? new Set()).add(hear as never)),
    off: (event, hear) => void heard.get(event as string)?.delete(hear as never),
    send(content, _callbacks, buffers = []) {
      const message = structuredClone(content) as Message;
      const data = (buffers as ArrayBufferView<ArrayBuffer>[]).map((each) => new Uint8Array(each.buffer.slice(each.byteOffset, each.byteOffset + each.byteLength)));
      queue = queue.then(async () => {
        await new Promise((done) => setTimeout(done, options.delay ?? 20));
        await kernel?.receive(message, data);
      });
    },
  } as Model;
}

function fakeKernel(state: State, set: (values: Partial<State>) => void, post: (content: object, data?: ArrayBuffer) => void) {
  let past: Edit[][] = [];
  let future: Edit[][] = [];
  let edits: Edit[] = [];
  let [frames, entries, shuffles] = [0, 0, 0];

  const asStep = ({ entry, concept, tool, on, seed, box }: Edit): Step => ({ entry, label: `${concept} ${tool === "insert" ? "painted" : "erased"}`, concept, mode: tool, on, everywhere: seed === null, seed, box });

  async function turn(next: Edit[], words: string, message: Message, keep = true): Promise<void> {
    if (keep) [past, future] = [[...past, edits], []];
    edits = next;
    set({ history: edits.map(asStep), can_undo: past.length > 0, can_redo: future.length > 0, status: words, alt: `Picture ${state.seed} of storybook: sky, grass, house, tree. ${words}` });
    await show(message, edits, true);
    await steps();
    await thumbs();
  }

  async function show(message: Message, shown: readonly Edit[], rest: boolean): Promise<void> {
    const picture = await bytes(paint(state.seed, shown));
    if (rest) set({ picture: new DataView(picture) });
    post({ kind: "frame", frame: ++frames, id: message.id, view: message.view, format: "png", rest, seed: state.seed, preview: !rest }, picture);
  }

  async function sheet(content: object, pictures: readonly OffscreenCanvas[]): Promise<void> {
    const row = new OffscreenCanvas(SIDE * Math.max(1, pictures.length), SIDE);
    const ctx = row.getContext("2d");
    pictures.forEach((picture, i) => ctx?.drawImage(picture, i * SIDE, 0));
    post({ ...content, size: SIDE }, await bytes(row));
  }
  const thumbs = () => sheet({ kind: "thumbs", seeds: state.strip }, state.strip.map((seed) => paint(seed, edits)));
  const steps = () => sheet({ kind: "steps", entries: edits.map((edit) => edit.entry) }, edits.map((edit, i) => paint(edit.seed ?? state.seed, edits.slice(0, i + 1))));
  const chips = () => sheet({ kind: "chips", names: CHIPS.map((chip) => chip.name) }, CHIPS.map((chip, i) => portrait(chip.name, i)));
  const original = async () => post({ kind: "original", seed: state.seed }, await bytes(paint(state.seed, [])));

  async function turnTo(seed: number, message: Message): Promise<void> {
    set({ seed, status: `Picture ${seed}.`, alt: `Picture ${seed} of storybook: sky, grass, house, tree.` });
    await show(message, edits, true);
    await original();
  }

  const edit = (concept: string, tool: PaintTool, mask: Float32Array, box: Box | null = null): Edit => ({ concept, tool, mask, box, strength: state.strength, seed: state.everywhere ? null : state.seed, entry: ++entries, on: true });

  const placed = (message: Box & { entry: number }) => edits.map((each) => (each.entry === message.entry ? { ...each, mask: boxed(message), box: boxIn(message) } : each));

  const acts: { [K in Message["kind"]]?: (message: Extract<Message, { kind: K }>, data: Uint8Array<ArrayBuffer>[]) => Promise<object | void> } = {
    async ready(message) {
      await original();
      await show(message, edits, true);
      await chips();
      await thumbs();
    },
    show: (message) => turnTo(message.seed, message),
    async strip(message) {
      const random = numbers(++shuffles);
      const strip = message.seeds ?? (message.shuffle ? state.strip.map(() => Math.floor(random() * 2 ** 31)) : state.strip.map((seed) => seed + (message.step ?? 8)));
      set({ strip });
      if (message.shuffle) await turnTo(strip[0] as number, message);
      await thumbs();
    },
    preview: async (message, data) => show(message, [...edits, edit(message.concept, message.tool, await unpacked(data[0]))], false),
    stroke: async (message, data) => turn([...edits, edit(message.concept, message.tool, await unpacked(data[0]))], `${message.concept} ${message.tool === "insert" ? "painted" : "erased"}.`, message),
    drop: (message) => turn([...edits, edit(message.concept, "insert", boxed(message), boxIn(message))], `${message.concept} dropped in.`, message),
    peek: async (message) => show(message, placed(message), false),
    move: (message) => turn(placed(message), "Object moved.", message),
    delete: (message) => turn(edits.filter((each) => each.entry !== message.entry), "Step taken away.", message),
    async undo(message) {
      const back = past.pop();
      if (back) future.push(edits);
      await turn(back ?? edits, "Undone.", message, false);
    },
    async redo(message) {
      const on = future.pop();
      if (on) past.push(edits);
      await turn(on ?? edits, "Redone.", message, false);
    },
    reset: (message) => turn([], "All edits taken away.", message),
    toggle: (message) => turn(edits.map((each) => (each.entry === message.entry ? { ...each, on: message.on } : each)), "Step switched.", message),
    async heatmap(message) {
      const values = new Uint8Array(256);
      const picture = difference(state.seed, message.concept);
      for (let i = 0; i < 256; i++) values[i] = Math.min(255, 255 * (picture[i] as number));
      for (const edit of edits) {
        if (edit.concept !== message.concept || edit.tool !== "insert" || !edit.on) continue;
        edit.mask.forEach((value, i) => {
          const cell = 16 * (i >> 8) + ((i % SIDE) >> 2);
          values[cell] = Math.min(255, (values[cell] as number) + 15 * value);
        });
      }
      return { width: 16, height: 16, concept: message.concept, data: values.buffer };
    },
    save: async () => ({ name: "storybook.gwe", data: new TextEncoder().encode("demo").buffer }),
    handin: async () => ({ name: "storybook-5.zip", data: new TextEncoder().encode("demo").buffer }),
    load: async () => {
      throw new Error("This demo keeps no files: nothing was loaded.");
    },
    script: async () => ({ script: `import ganwidgets as gw\n\ng = gw.load("storybook")\nstack = gw.EditStack.load("storybook.gwe")  # ${edits.length} edits\nstack.apply(g).images(g.sample([${state.seed}]))\n` }),
  };

  return {
    settled() {
      const counts: Record<string, number> = { low: 2, medium: 4, high: 6 };
      const count = counts[state.level];
      if (count !== undefined && count !== state.count) set({ count });
    },
    async receive(message: Message, data: Uint8Array<ArrayBuffer>[]): Promise<void> {
      if (message.kind === "ack") return;
      const answer: Answer = { kind: "answer", id: message.id, view: message.view, status: "done", request: message.kind };
      try {
        const { data: file, ...payload } = ((await acts[message.kind]?.(message as never, data)) ?? {}) as { data?: ArrayBuffer };
        if (!["ready", "preview", "peek", "heatmap", "cancel"].includes(message.kind) && "message" in state.error) set({ error: {} });
        post({ ...answer, ...payload }, file);
      } catch (error) {
        const trouble = { message: (error as Error).message, details: (error as Error).stack ?? "" };
        set({ error: trouble });
        post({ ...answer, status: "error", ...trouble });
      }
    },
  };
}

/** The picture of a seed under the edits. */
function paint(seed: number, edits: readonly Edit[]): OffscreenCanvas {
  let picture = landscape(seed);
  for (const edit of edits) {
    if (!edit.on || (edit.seed !== null && edit.seed !== seed)) continue;
    const other = edit.tool === "ablate" ? landscape(seed, [edit.concept]) : inserted(picture, edit);
    picture = blended(picture, other, edit);
  }
  return picture;
}

function inserted(picture: OffscreenCanvas, { concept, mask }: Edit): OffscreenCanvas {
  const canvas = copyOf(picture);
  let [x0, y0, x1, y1] = [SIDE, SIDE, 0, 0];
  mask.forEach((value, i) => {
    if (value < 0.3) return;
    [x0, y0] = [Math.min(x0, i % SIDE), Math.min(y0, Math.floor(i / SIDE))];
    [x1, y1] = [Math.max(x1, (i % SIDE) + 1), Math.max(y1, Math.floor(i / SIDE) + 1)];
  });
  if (x1 > x0) SHAPES[concept]?.draw(canvas.getContext("2d") as OffscreenCanvasRenderingContext2D, x0, y0, x1 - x0, y1 - y0);
  return canvas;
}

function blended(below: OffscreenCanvas, above: OffscreenCanvas, { mask, strength }: Edit): OffscreenCanvas {
  const canvas = copyOf(below);
  const ctx = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const a = ctx.getImageData(0, 0, SIDE, SIDE);
  const b = (above.getContext("2d") as OffscreenCanvasRenderingContext2D).getImageData(0, 0, SIDE, SIDE);
  for (let i = 0; i < a.data.length; i++) a.data[i] = (a.data[i] as number) + ((b.data[i] as number) - (a.data[i] as number)) * strength * (mask[i >> 2] as number);
  ctx.putImageData(a, 0, 0);
  return canvas;
}

function portrait(name: string, i: number): OffscreenCanvas {
  const canvas = landscape(40 + i, Object.keys(SHAPES));
  SHAPES[name]?.draw(canvas.getContext("2d") as OffscreenCanvasRenderingContext2D, 10, 8, 44, 48);
  return canvas;
}

/** Where a concept is, on 16 x 16. */
function difference(seed: number, concept: string): Float32Array {
  const [a, b] = [landscape(seed), landscape(seed, [concept])].map((canvas) => (canvas.getContext("2d") as OffscreenCanvasRenderingContext2D).getImageData(0, 0, SIDE, SIDE).data);
  const found = new Float32Array(256);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const cell = Math.floor(i / SIDE / 4) * 16 + Math.floor((i % SIDE) / 4);
    found[cell] = (found[cell] as number) + (a && b && Math.abs((a[4 * i] as number) - (b[4 * i] as number)) > 8 ? 1 / 16 : 0);
  }
  return found;
}

async function unpacked(data: Uint8Array<ArrayBuffer> | undefined): Promise<Float32Array> {
  const picture = await createImageBitmap(new Blob([data ?? new Uint8Array()], { type: "image/png" }));
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const ctx = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  ctx.drawImage(picture, 0, 0, SIDE, SIDE);
  const pixels = ctx.getImageData(0, 0, SIDE, SIDE).data;
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => (pixels[4 * i] as number) / 255);
}

const boxIn = ({ x, y, width, height }: Box): Box => ({ x, y, width, height });

const boxed = (box: Box): Float32Array =>
  Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = [((i % SIDE) + 0.5) / SIDE, (Math.floor(i / SIDE) + 0.5) / SIDE];
    return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height ? 1 : 0;
  });

function copyOf(canvas: OffscreenCanvas): OffscreenCanvas {
  const copy = new OffscreenCanvas(SIDE, SIDE);
  copy.getContext("2d", { willReadFrequently: true })?.drawImage(canvas, 0, 0);
  return copy;
}

const bytes = async (canvas: OffscreenCanvas): Promise<ArrayBuffer> => (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
