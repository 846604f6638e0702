// PaintBox: the picture, the palette and the tools, put together.

import "./lab.css";
import { actOf, isHosts, PICTURE_SHORTCUTS, SHORTCUTS, stride, type Act, type Focus } from "../keys";
import type { Answer, Frame, Post } from "../messages";
import { listen, make } from "../parts/dom";
import type { Drag } from "../parts/drag";
import { history } from "../parts/history";
import { meter } from "../parts/meter";
import { progress, title } from "../parts/notices";
import { palette } from "../parts/palette";
import { decode, drawTile, tile, type Sheet } from "../parts/pictures";
import { brushSettings, unitSettings } from "../parts/settings";
import { sheetDesk } from "../parts/sheet";
import { strip } from "../parts/strip";
import { files, toolbar } from "../parts/toolbar";
import { open, type Acts, type Studio } from "../studio";
import { easel, type Easel } from "./easel";
import { heatLayer } from "./heat";
import { shell, type Props } from "./shell";
import { splitView, type Split } from "./split";

const HELP = {
  words: "Choose a chip and paint with the pointer, or drag the chip onto the picture. Everything can be done by keys as well:",
  tables: { "Anywhere in the lab": SHORTCUTS, "On the picture": PICTURE_SHORTCUTS },
};

export function render(props: Props): () => void {
  const { root, studio, acts, picture, notices, begin } = shell(props, "gw-paintbox", "PaintBox", (post, data) => void received(post, data));
  const { sheets, news, signal } = studio;
  const heat = heatLayer(studio);
  const split = splitView(studio, picture);
  const board = easel(studio, acts, picture, [heat.canvas, split.canvas], [split.handle, heat.legend, progress(studio, acts)]);
  const sheet = sheetDesk(signal, studio.say, HELP);
  const hold = (on: boolean) => {
    if (picture.hold(on) && on) studio.say("The picture before all edits.");
  };

  async function received(post: Exclude<Post, Answer | Frame>, data: DataView): Promise<void> {
    if (post.kind === "table") return;
    if (post.kind === "original") return picture.original(post.seed, data);
    const image = await decode(data, "image/png");
    const put = (name: keyof typeof sheets, keys: Sheet["keys"]) => {
      sheets[name] = { keys, size: post.size, image };
    };
    if (post.kind === "thumbs") put("thumbs", post.seeds);
    if (post.kind === "chips") put("chips", post.names);
    if (post.kind === "steps") put("steps", post.entries);
    news.tell("sheets");
  }

  root.append(
    make("div", "gw-bar", {}, title(studio), files(studio, acts, sheet)),
    make(
      "div",
      "gw-layout",
      {},
      make("div", "gw-centre", {}, toolbar(studio, acts, hold, split), board.node, meter(studio), strip(studio, acts), ...notices),
      palette(studio, acts, chipDrag(root, studio, acts, board)),
      make("div", "gw-settings", {}, brushSettings(studio), unitSettings(studio)),
      history(studio, acts, board.objects.select),
    ),
    sheet.node,
  );
  keyboard(root, studio, acts, board, { sheet, hold, split, canvas: picture.canvas });
  return begin();
}

/** A chip dragged from the palette: a ghost under the pointer, a box on the picture. */
function chipDrag(root: HTMLElement, studio: Studio, acts: Acts, board: Easel): Drag {
  let ghost: HTMLElement | null = null;
  const gone = () => {
    ghost?.remove();
    ghost = null;
    delete root.dataset["gwDragging"];
  };
  return {
    start(node) {
      const concept = node.dataset["concept"] as string;
      acts.pick(concept);
      const picture = tile("gw-ghost-tile");
      drawTile(picture, studio.sheets.chips, concept);
      ghost = make("div", "gw-ghost", { "aria-hidden": "true" }, picture, make("span", "", {}, concept));
      root.append(ghost);
      root.dataset["gwDragging"] = concept;
      return true;
    },
    move(at) {
      const frame = root.getBoundingClientRect();
      ghost?.style.setProperty("transform", `translate(${at.clientX - frame.left}px, ${at.clientY - frame.top}px)`);
      board.hover(at);
    },
    drop(at) {
      gone();
      board.dropAt(at);
    },
    cancel() {
      gone();
      board.unhover();
      studio.say("Given up.");
    },
  };
}

interface Extras {
  readonly sheet: ReturnType<typeof sheetDesk>;
  readonly split: Split;
  readonly canvas: HTMLCanvasElement;
  hold(on: boolean): void;
}

/** Keys, wherever the focus is in the lab; what is not ours is left to the host. */
function keyboard(root: HTMLElement, studio: Studio, acts: Acts, board: Easel, { sheet, hold, split, canvas }: Extras): void {
  const { signal } = studio;
  const held = new Set<Act>();
  const nudges: ReadonlySet<Act> = new Set<Act>(["left", "right", "up", "down", "grow", "shrink"]);

  const escape = () => board.abandon() || sheet.close() || board.objects.deselect() || acts.cancel();
  const arrows = (act: Act, event: KeyboardEvent) => {
    const by = stride(event);
    const [dx, dy] = [act === "left" ? -by : act === "right" ? by : 0, act === "up" ? -by : act === "down" ? by : 0];
    if (board.objects.nudge(dx, dy)) return;
    if (studio.store.get("tool") === "select") board.zoom.pan(dx, dy);
    else board.moveBrush(dx, dy);
  };
  const runs: Readonly<Record<Exclude<Act, "escape">, (event: KeyboardEvent) => void>> = {
    brush: () => acts.use("insert"),
    eraser: () => acts.use("ablate"),
    undo: acts.undo,
    redo: acts.redo,
    heat: acts.heat,
    everywhere: acts.everywhere,
    original: () => hold(true),
    split: () => split.toggle(),
    previous: () => acts.step(-1),
    next: () => acts.step(1),
    smaller: () => acts.resize(-1),
    larger: () => acts.resize(1),
    select: () => acts.use("select"),
    object: (event) => board.objects.next(event.shiftKey ? -1 : 1),
    remove: () => void board.objects.remove(),
    grow: () => void (board.objects.grow(1) || board.zoom.by(1.25)),
    shrink: () => void (board.objects.grow(-1) || board.zoom.by(0.8)),
    whole: () => board.zoom.reset(),
    help: sheet.help,
    dab: () => board.penDown(),
    pen: () => (board.isPainting ? board.penUp() : board.penDown()),
    drop: () => board.dropAtBrush(),
    left: (event) => arrows("left", event),
    right: (event) => arrows("right", event),
    up: (event) => arrows("up", event),
    down: (event) => arrows("down", event),
  };
  const repeats: readonly Act[] = ["left", "right", "up", "down", "smaller", "larger", "grow", "shrink"];
  const always: readonly Act[] = ["help", "original", "split", "grow", "shrink", "whole"]; // also where nothing can be changed

  listen(root, "keydown", (event) => {
    if (isHosts(event)) return;
    const act = actOf(event, focusOf(event.target, canvas));
    if (act === "escape") {
      if (!event.defaultPrevented && !escape()) return;
      event.preventDefault();
      return event.stopPropagation();
    }
    if (act === null && (event.ctrlKey || event.metaKey || event.altKey)) return;
    event.stopPropagation();
    if (act === null || event.defaultPrevented) return;
    event.preventDefault();
    if ((event.repeat && !repeats.includes(act)) || (!open(studio) && !always.includes(act))) return;
    held.add(act);
    runs[act](event);
  }, signal);

  const release = (act: Act) => {
    if (!held.delete(act)) return;
    if (act === "dab") board.penUp();
    if (nudges.has(act) && ![...held].some((other) => nudges.has(other))) board.objects.commit();
    if (act === "original") hold(false);
  };
  listen(root, "keyup", (event) => {
    const act = actOf({ key: event.key }, "picture"); // whatever Shift or Ctrl do by now
    if (act) release(act);
  }, signal);
  const leave = () => [...held].forEach(release);
  listen(root, "focusout", (event) => root.contains(event.relatedTarget as Node | null) || leave(), signal);
  window.addEventListener("blur", leave, { signal });
}

function focusOf(target: EventTarget | null, canvas: HTMLCanvasElement): Focus {
  if (target === canvas) return "picture";
  return target instanceof HTMLInputElement && target.type === "text" ? "text" : "control";
}

export default { render };

