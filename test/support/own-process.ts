/**
 * How a module of these sources runs in a process or a thread of its own: as this one does, compiled by `npm test`,
 * or from TypeScript by tsx where a file is run alone.
 */

import { extname, join } from 'node:path';

const compiled = extname(import.meta.url) === '.js';
const root = join(import.meta.dirname, '../..');

/** The file of a module: `server/main.ts`. */
export const moduleAt = (path: string): string => join(root, compiled ? path.replace(/\.ts$/, '.js') : path);

/** What Node is given before it. */
export const processArguments: readonly string[] = compiled ? ['--enable-source-maps'] : ['--import', 'tsx'];

const registered = () => `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();`;

/** The same for threads, and for processes that start some: `--import tsx` alone leaves those out. */
export const threadArguments: readonly string[] = compiled
  ? []
  : ['--import', `data:text/javascript,${encodeURIComponent(registered())}`];
