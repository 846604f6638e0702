// The heat map over the picture: where units act.

import { heatPicture } from "../canvas/colour";
import type { Reply } from "../kernel";
import { make } from "../parts/dom";
import { chosen, reachable, type Studio } from "../studio";

export interface Heat {
  readonly canvas: HTMLCanvasElement;
  /** Ask for the map anew, or take it away. */
  refresh(): void;
}

/** A map over the picture, asked for anew when the picture has changed; `wanted` answers the request for it, null for no map. */
export function heatMap(studio: Studio, wanted: () => (() => Promise<Reply>) | null, drawn: () => void = () => {}): Heat {
  const canvas = make("canvas", "gw-heat", { "aria-hidden": "true", width: 1, height: 1 });
  let [flying, again] = [false, false];

  async function refresh(): Promise<void> {
    const ask = wanted();
    canvas.hidden = ask === null;
    if (!ask || !reachable(studio)) return;
    if (flying) {
      again = true;
      return;
    }
    flying = true;
    const reply = await ask();
    flying = false;
    if (reply.status === "done") draw(reply.buffers[0], reply.width ?? 0, reply.height ?? 0);
    if (reply.status === "error") studio.fail({ message: reply.message ?? "There is no heat map.", details: reply.details ?? "" });
    if (again) {
      again = false;
      void refresh();
    }
  }

  function draw(data: DataView | undefined, width: number, height: number): void {
    const ctx = data && width > 0 && height > 0 && width * height <= 1 << 20 ? canvas.getContext("2d") : null;
    if (!ctx || !data) return;
    [canvas.width, canvas.height] = [width, height];
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    ctx.putImageData(new ImageData(heatPicture(values, width, height), width, height), 0, 0);
    drawn();
  }

  studio.news.on("picture", () => void refresh());
  return { canvas, refresh: () => void refresh() };
}

const TRAITS = ["heat", "concept", "count", "level", "read_only"] as const;

/** Where the units of the chip in hand act, and its legend. */
export function heatLayer(studio: Studio): { canvas: HTMLCanvasElement; legend: HTMLElement } {
  const { store, kernel } = studio;
  const words = make("span", "gw-legend-words");
  const legend = make("div", "gw-legend", {}, words, make("span", "gw-legend-scale", { "aria-hidden": "true" }));
  const wanted = () => {
    const chip = store.get("heat") ? chosen(studio) : null;
    legend.hidden = chip === null;
    if (chip === null) return null;
    if (reachable(studio)) words.textContent = `Where the units of ${chip.name} act`;
    return () => kernel.ask("heatmap", { concept: chip.name });
  };
  const { canvas, refresh } = heatMap(studio, wanted, () => {
    canvas.dataset["gwConcept"] = chosen(studio)?.name ?? "";
  });
  store.watch([...TRAITS], refresh);
  studio.news.on("line", () => store.get("heat") && reachable(studio) && !canvas.dataset["gwConcept"] && refresh());
  return { canvas, legend };
}
