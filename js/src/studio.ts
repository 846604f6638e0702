// What the parts of a lab share: its traits, the line to the kernel, the small pictures, and the acts of a hand.

import type { Box } from "./canvas/geometry";
import type { Kernel } from "./kernel";
import type { Chip, RequestKind, Requests, Tool, Trouble } from "./messages";
import { FILE_BYTES, PROTOCOL, RANGES } from "./messages";
import { clamp } from "./canvas/geometry";
import { download, NO_SHEET, type Sheet } from "./parts/pictures";
import type { Store } from "./store";

export interface Studio {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly signal: AbortSignal;
  /** Small pictures, by what they show. */
  readonly sheets: { thumbs: Sheet; chips: Sheet; steps: Sheet };
  /** Local news, which no trait tells. */
  readonly news: News;
  /** Say something in the live region. */
  say(text: string): void;
  /** Show what went wrong; null: nothing. */
  fail(trouble: Trouble | null): void;
}

type Topic = "sheets" | "line" | "picture" | "preview" | "original" | "split" | "zoom";

export interface News {
  on(topic: Topic, heard: () => void): void;
  tell(topic: Topic): void;
}

export function newsroom(): News {
  const heard = new Map<Topic, (() => void)[]>();
  return {
    on: (topic, hear) => void heard.set(topic, [...(heard.get(topic) ?? []), hear]),
    tell: (topic) => heard.get(topic)?.forEach((hear) => hear()),
  };
}

export const noSheets = (): Studio["sheets"] => ({ thumbs: NO_SHEET, chips: NO_SHEET, steps: NO_SHEET });

/** Why nobody answers, in words; empty: somebody does. */
function unanswered({ store, kernel }: Pick<Studio, "store" | "kernel">): string {
  const protocol = store.get("protocol");
  if (protocol !== PROTOCOL) return "The page and the kernel have different versions of ganwidgets: restart the kernel and reload the page.";
  if (kernel.line === "gone") return "No kernel: this is the last picture. Run the cell again to go on.";
  if (kernel.line === "live") return "";
  return kernel.late ? "The kernel does not answer: is another cell running, or has it stopped?" : "Waiting for the kernel…";
}

/** Why nothing can be changed, in words; empty: it can. */
export const barred = (studio: Pick<Studio, "store" | "kernel">): string => unanswered(studio) || (studio.store.get("read_only") ? "Read only" : "");

/** Whether there is somebody to ask, if only for a look. */
export const reachable = (studio: Studio): boolean => unanswered(studio) === "";

/** Whether there is a generator to draw with, and not only what a file keeps. */
export const draws = ({ store }: Pick<Studio, "store">): boolean => store.get("image_size") > 0;

/** Requests that change nothing but what is shown. */
const LOOKS: readonly RequestKind[] = ["show", "list", "beside"];

export const open = (studio: Studio): boolean => barred(studio) === "";

/** The settings that an act is meant by: as traits they might reach the kernel after it. */
export const meant = (store: Store) => ({ level: store.get("level"), count: store.get("count"), strength: store.get("strength"), everywhere: store.get("everywhere") });

/** The chip in hand. */
export function chosen({ store }: Pick<Studio, "store">): Chip | null {
  return store.get("concepts").find((chip) => chip.name === store.get("concept")) ?? null;
}

export type Acts = ReturnType<typeof actsOf>;

/** All that a hand can do, but painting and dropping with the pointer. */
export function actsOf(studio: Studio) {
  const { store, kernel } = studio;

  async function ask<K extends keyof Requests>(kind: K, fields: Requests[K], buffer?: ArrayBufferView<ArrayBuffer>) {
    if (!(LOOKS.includes(kind) ? reachable(studio) : open(studio))) {
      studio.say(barred(studio));
      return null;
    }
    const reply = await kernel.ask(kind, fields, buffer);
    if (reply.status === "error") studio.fail({ message: reply.message ?? "That did not work.", details: reply.details ?? "" });
    if (reply.status === "cancelled" && !studio.signal.aborted) studio.say(reply.message ?? "Given up.");
    return reply;
  }

  /** Let the browser keep the file that the kernel answers. */
  async function keep(kind: "save" | "handin", name: string, type: string, words: string): Promise<void> {
    const reply = await ask(kind, {});
    const file = reply?.status === "done" ? reply.buffers[0] : undefined;
    if (!file) return;
    download(safeName(reply?.name ?? name), file as DataView<ArrayBuffer>, type);
    studio.say(words);
  }

  let wanted: number | null = null; // the picture asked for last, until it is shown

  async function show(seed: number): Promise<void> {
    if (seed === (wanted ?? store.get("seed"))) return;
    wanted = seed;
    await ask("show", { seed });
    if (wanted === seed) wanted = null;
  }

  return {
    ask,
    show: (seed: number) => void show(seed),
    undo: () => void (store.get("can_undo") && ask("undo", {})),
    redo: () => void (store.get("can_redo") && ask("redo", {})),
    reset: () => void (store.get("history").length > 0 && ask("reset", {})),
    toggle: (entry: number, on: boolean) => ask("toggle", { entry, on }),
    shuffle: () => void ask("strip", { shuffle: true }),
    drop: (concept: string, box: Box) => ask("drop", { concept, x: box.x, y: box.y, width: box.width, height: box.height, ...meant(store) }),

    move: (entry: number, box: Box) => ask("move", { entry, x: box.x, y: box.y, width: box.width, height: box.height }),
    delete: (entry: number) => ask("delete", { entry }),

    /** A picture by its number, with its neighbours in the strip. */
    type(seed: number): void {
      if (seed === wanted) return;
      if (!store.get("strip").includes(seed)) {
        const first = Math.min(seed, 2 ** 32 - 8);
        void ask("strip", { seeds: Array.from({ length: 8 }, (_, i) => first + i) });
      }
      void show(seed);
    },

    /** The picture before (-1) or after (1) in the strip, which moves along at its ends. */
    step(by: 1 | -1): void {
      const strip = store.get("strip");
      const at = strip.indexOf(wanted ?? store.get("seed"));
      const next = strip[at + by];
      if (at < 0) return void (wanted === null && strip[0] !== undefined && show(strip[0])); // else the strip is still moving
      if (next !== undefined) return void show(next);
      const target = ((by > 0 ? strip[0] : strip[strip.length - 1]) as number) + by * strip.length;
      if (target < 0 || target >= 2 ** 32) return studio.say(by > 0 ? "This is the last picture." : "This is the first picture.");
      void ask("strip", { step: by * strip.length });
      void show(target);
    },

    pick(concept: string): void {
      store.set({ concept });
      studio.say(`${concept} is chosen.`);
    },
    use(tool: Tool): void {
      store.set({ tool });
      studio.say({ insert: "Brush.", ablate: "Eraser.", select: "Select: click an object, or press n." }[tool]);
    },
    resize(by: 1 | -1): void {
      const [low, high] = RANGES.size;
      const size = clamp(store.get("size") * (by > 0 ? 1.2 : 1 / 1.2), low, high);
      store.set({ size: Math.round(size * 1000) / 1000 });
      studio.say(`Brush ${Math.round(100 * size)} % of the picture.`);
    },
    heat: () => store.set({ heat: !store.get("heat") }),
    everywhere(): void {
      store.set({ everywhere: !store.get("everywhere") });
      studio.say(store.get("everywhere") ? "What you do now goes to every picture." : "What you do now goes to this picture only.");
    },

    save: () => keep("save", "edits.gwe", "application/octet-stream", "Edits saved."),
    handin: () => keep("handin", "edits.zip", "application/zip", "Edits and picture saved as one file: hand it in."),
    async load(file: Blob): Promise<void> {
      if (file.size === 0 || file.size > FILE_BYTES) {
        return studio.fail({ message: `That file has ${file.size} bytes; a file of edits has 1 to ${FILE_BYTES}.`, details: "" });
      }
      await ask("load", {}, new Uint8Array(await file.arrayBuffer()));
    },
    png(): void {
      const picture = store.get("picture");
      if (picture.byteLength === 0) return;
      download(safeName(`${store.get("model")}-${store.get("seed")}.png`), picture as DataView<ArrayBuffer>, "image/png");
      studio.say("Picture saved.");
    },
    async script(): Promise<string | null> {
      const reply = await ask("script", {});
      return reply?.status === "done" ? reply.script ?? "" : null;
    },
    cancel(): boolean {
      const act = kernel.acts.at(-1);
      if (act === undefined) return false;
      kernel.cancel(act);
      return true;
    },
  };
}

/** A picture's number from what was typed; null: it is none. */
export function pictureNumber(text: string): number | null {
  const seed = Number(text.trim());
  return /^\d{1,10}$/.test(text.trim()) && seed < 2 ** 32 ? seed : null;
}

const safeName = (name: string): string => name.replace(/[^\w.-]+/g, "_").slice(-100);
