// The little of Node and Vite that the tests use.

declare module "node:module" {
  export function createRequire(from: string): (name: string) => unknown;
}

interface ImportMeta {
  readonly url: string;
  glob(pattern: string, options: object): Record<string, unknown>;
}
