// Line icons on a grid of 24, drawn with the colour of the text.

const PATHS = {
  brush: "M20 4c-4 1-9 6-11 9m0 0c-3 0-4 2-4 4 0 1-1 2-2 2 2 2 8 2 8-2 0-2-1-3-2-4z",
  eraser: "M4 15l9-9c1-1 2-1 3 0l4 4c1 1 1 2 0 3l-7 7H9zM9 10l7 7M9 20h11",
  select: "M6 4l12 8-6 1-3 6z",
  undo: "M8 5L4 9l4 4M4 9h9a6 6 0 0 1 0 11H9",
  redo: "M16 5l4 4-4 4M20 9h-9a6 6 0 0 0 0 11h4",
  reset: "M5 12a7 7 0 1 0 2-5M7 3v4h4",
  original: "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  split: "M12 3v18M4 6h5v12H4zM15 6h5v12h-5",
  heat: "M12 3c1 4 5 5 5 11a5 5 0 0 1-10 0c0-2 1-3 2-4 0 2 1 3 2 3 1-3-1-6 1-10z",
  save: "M12 4v11m-4-4l4 4 4-4M5 19h14",
  load: "M12 15V4M8 8l4-4 4 4M5 19h14",
  handin: "M4 11v9h16v-9M12 15V4M8 8l4-4 4 4M9 20v-3h6v3",
  png: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
  script: "M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.500 9.500a2.500 2.500 0 1 1 3.500 2.500c-1 .5-1 1-1 2M12 17h.01",
  shuffle: "M3 7h3c5 0 7 10 12 10h3M3 17h3c2 0 3-1 4-3M14 9c1-1 2-2 4-2h3M18 4l3 3-3 3M18 14l3 3-3 3",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M8 8h11v12H8zM5 16V4h11",
  check: "M5 13l4 4 10-11",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "gw-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
