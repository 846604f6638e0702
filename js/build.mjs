// Builds each widget's one self-contained module and style sheet into ../ganwidgets/static (--watch: again and again; --demo: the plain pages).
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "ganwidgets", "static");
const WIDGETS = ["paintbox", "unitbrowser"];
const PAGES = ["paintbox-page", "unitbrowser-page"]; // the same, with what answers from a record
const MOST = 60_000; // bytes of a module: it is stored in the notebook once for every widget

/** SHA-256 over all that the bundle is made of; setup.py computes the same. */
export function digest() {
  const within = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? within(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  const files = [...within(join(here, "src")), ...["package.json", "package-lock.json", "build.mjs"].map((name) => join(here, name))];
  const paths = files.map((file) => relative(here, file).split(sep).join("/"));
  paths.sort((a, b) => (a < b ? -1 : 1));
  const hash = createHash("sha256");
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(join(here, path))).update("\0");
  return hash.digest("hex");
}

const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
  absWorkingDir: here,
};

const widgets = {
  ...shared,
  entryPoints: WIDGETS.map((name) => ({ in: `src/views/${name}.ts`, out: name })),
  outdir: out,
  minify: true,
  define: { "define.amd": "false" },
};

const pages = {
  ...widgets,
  entryPoints: PAGES.map((name) => ({ in: `src/pages/${name}.ts`, out: name })),
  format: "iife",
};

const demos = {
  ...shared,
  entryPoints: [{ in: "demo/paintbox.ts", out: "paintbox" }],
  outdir: "demo/dist",
  sourcemap: "inline",
};

function finish() {
  writeFileSync(join(out, ".js.sha256"), `${digest()}\n`);
  for (const name of [...WIDGETS, ...PAGES]) {
    const { size } = statSync(join(out, `${name}.js`));
    if (size > MOST) throw new Error(`${name}.js has ${size} bytes; it must have at most ${MOST}.`);
  }
}

mkdirSync(out, { recursive: true });
if (process.argv.includes("--demo")) {
  await esbuild.build(demos);
} else if (process.argv.includes("--watch")) {
  const stamp = { name: "stamp", setup: (build) => build.onEnd((result) => result.errors.length || finish()) };
  for (const options of [{ ...widgets, plugins: [stamp] }, pages, demos]) await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(widgets);
  await esbuild.build(pages);
  finish();
}
