// The heat map over the picture: where the units of the chip in hand act.

import { heatPicture } from "../canvas/colour";
import { make } from "../parts/dom";
import { chosen, open, type Studio } from "../studio";

const TRAITS = ["heat", "concept", "count", "level", "read_only"] as const;

/** The map's canvas and its legend; it is asked for anew when the picture or the units have changed. */
export function heatLayer(studio: Studio): { canvas: HTMLCanvasElement; legend: HTMLElement } {
  const { store, kernel } = studio;
  const canvas = make("canvas", "gw-heat", { "aria-hidden": "true", width: 1, height: 1 });
  const words = make("span", "gw-legend-words");
  const legend = make("div", "gw-legend", {}, words, make("span", "gw-legend-scale", { "aria-hidden": "true" }));
  let [flying, again] = [false, false];

  async function refresh(): Promise<void> {
    const chip = chosen(studio);
    const on = store.get("heat") && chip !== null;
    canvas.hidden = legend.hidden = !on;
    if (!on || !open(studio)) return;
    words.textContent = `Where the units of ${chip.name} act`;
    if (flying) {
      again = true;
      return;
    }
    flying = true;
    const reply = await kernel.ask("heatmap", { concept: chip.name });
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
    canvas.dataset["gwConcept"] = chosen(studio)?.name ?? "";
  }

  store.watch([...TRAITS], () => void refresh());
  studio.news.on("picture", () => void refresh());
  studio.news.on("line", () => store.get("heat") && open(studio) && !canvas.dataset["gwConcept"] && !flying && void refresh());
  return { canvas, legend };
}
