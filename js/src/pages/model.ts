// A lab's model that lives in a page: its traits, and answers from what was recorded.

import type { Answer, Frame, Post, RequestKind, Requests, State } from "../messages";
import { PROTOCOL } from "../messages";
import type { Model } from "../store";

export const BLANK: State = {
  protocol: PROTOCOL,
  version: "",
  model: "",
  layer: "",
  image_size: 0,
  picture: new DataView(new ArrayBuffer(0)),
  seed: 0,
  strip: [],
  concepts: [],
  concept: "",
  tool: "insert",
  size: 0.15,
  soft: 0.3,
  level: "high",
  count: 4,
  strength: 1,
  everywhere: false,
  heat: false,
  meter: "auto",
  reading: {},
  layers: [],
  ticked: [],
  sets: [],
  under: 0,
  change: "ablate",
  amount: 2,
  thresholds: [],
  others: [],
  beside: "",
  history: [],
  can_undo: false,
  can_redo: false,
  busy: "",
  progress: {},
  error: {},
  status: "",
  alt: "",
  read_only: true,
  driver: "inline",
};

export interface Told {
  readonly fields?: Partial<Answer>;
  readonly data?: ArrayBuffer | Uint8Array<ArrayBuffer>;
}
export type Acts = { [K in RequestKind]?: (message: Requests[K], page: PageKernel) => Promise<Told | void> };

/** What an act may do but answer. */
export interface PageKernel {
  readonly state: State;
  set(values: Partial<State>): void;
  post(content: Exclude<Post, Answer | Frame>, data: ArrayBuffer | Uint8Array<ArrayBuffer>): void;
  frame(data: ArrayBuffer, format: Frame["format"]): void;
}

/** A model whose requests these acts answer; others are refused in words. */
export function pageModel(traits: Partial<State>, acts: Acts): Model {
  const state: State = { ...BLANK, ...traits };
  const heard = new Map<string, Set<(...args: never[]) => void>>();
  const emit = (event: string, ...args: unknown[]) => [...(heard.get(event) ?? [])].forEach((hear) => (hear as (...args: unknown[]) => void)(...args));
  const send = (content: Post, data: ArrayBuffer | Uint8Array<ArrayBuffer> | undefined) => emit("msg:custom", content, data ? [viewOf(data)] : []);
  let [frames, queue] = [0, Promise.resolve()];
  const set = (values: Partial<State>) => {
    Object.assign(state, values);
    for (const name of Object.keys(values)) emit(`change:${name}`);
  };
  const kernel: PageKernel = {
    state,
    set,
    post: send,
    frame: (data, format) => send({ kind: "frame", frame: ++frames, id: null, view: "", format, rest: true, seed: state.seed, preview: false }, data),
  };

  async function receive(message: { kind: RequestKind; id: number; view: string }): Promise<void> {
    const { kind, id, view } = message;
    if (kind === "ack") return;
    const answer: Answer = { kind: "answer", id, view, status: "done", request: kind };
    const act = acts[kind] as ((message: unknown, page: PageKernel) => Promise<Told | void>) | undefined;
    try {
      if (!act) throw new Error("This page has no model behind it: what it holds can be looked at, not changed.");
      const told = (await act(message, kernel)) ?? {};
      send({ ...answer, ...told.fields }, told.data);
    } catch (error) {
      send({ ...answer, status: "error", message: (error as Error).message, details: "" }, undefined);
    }
  }

  return {
    get: (name: keyof State) => state[name],
    set: (name: keyof State, value: never) => set({ [name]: value }),
    save_changes() {},
    on: (event: string, hear: (...args: never[]) => void) => void heard.set(event, (heard.get(event) ?? new Set()).add(hear)),
    off: (event: string, hear: (...args: never[]) => void) => void heard.get(event)?.delete(hear),
    send(content: { kind: RequestKind; id: number; view: string }) {
      queue = queue.then(() => receive(content));
    },
  } as unknown as Model;
}

function viewOf(data: ArrayBuffer | Uint8Array<ArrayBuffer>): DataView {
  return data instanceof ArrayBuffer ? new DataView(data) : new DataView(data.buffer, data.byteOffset, data.byteLength);
}

/** The record that lies in the page. */
export const recorded = <T>(): T => JSON.parse(document.getElementById("gw-data")?.textContent ?? "") as T;

/** Bytes from text. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

/** The bytes of a deflated array. */
export async function inflated(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A page of small squares, as a canvas that tells its pixels. */
export async function sheetOf(text: string): Promise<OffscreenCanvas> {
  const image = await createImageBitmap(new Blob([bytesOf(text)], { type: "image/jpeg" }));
  const canvas = new OffscreenCanvas(image.width, image.height);
  contextOf(canvas).drawImage(image, 0, 0);
  image.close();
  return canvas;
}

export const contextOf = (canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D => canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;

/** A canvas as a file. */
export const fileOf = async (canvas: OffscreenCanvas, type: "image/png" | "image/jpeg"): Promise<ArrayBuffer> => (await canvas.convertToBlob({ type, quality: 0.9 })).arrayBuffer();
