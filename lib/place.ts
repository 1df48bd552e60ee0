import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromProject } from './files.ts';

/** The folder of the library: `lib/` of the sources, or what the package has of it. */
const LIBRARY = fileURLToPath(new URL('.', import.meta.url));

/** Where an author's call stands; its text is made only for whoever reads it. */
export interface Place {
  readonly stack: Pick<Error, 'stack'>;
}

/** Where this is called from. */
export function here(): Place {
  return { stack: new Error('a call') };
}

/** `apps/shop.ts:14`, counted from the project's folder: the innermost call from outside the library and all packages. */
export function placeText({ stack }: Place): string | undefined {
  for (const line of (stack.stack ?? '').split('\n').slice(1)) {
    const frame = /^\s*at (?:.*\()?((?:file:\/\/)?\/.*?|[A-Za-z]:\\.*?):(\d+):\d+\)?$/.exec(line);
    const [, where = '', row] = frame ?? [];
    const file = where.startsWith('file://') ? pathOf(where) : where.replace(/\?.*$/, '');
    if (file === '' || file.startsWith(LIBRARY) || /[\\/]node_modules[\\/]/.test(file)) continue;
    return `${relative(fromProject('.'), file)}:${row}`;
  }
  return undefined;
}

function pathOf(url: string): string {
  return fileURLToPath(url.replace(/[?#].*$/, ''));
}
