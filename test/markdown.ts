import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';

// A block is marked by a comment on the line before its fence:
//   <!-- test: write apps/shop.ts -->       the block is the content of that file
//   <!-- test: run -->                      each line is run, in order, where a newcomer begins
//   <!-- test: excerpt of apps/shop.ts -->  the block stands in that file as `perch init` wrote it
//   <!-- test: output of perch status -->   the block is what that command printed
//   <!-- test: role -->                     a name, for a test that looks at this block alone

/** The repository's root. */
export const ROOT = new URL('..', import.meta.url).pathname;

/** A page by its path. */
export function page(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export const README = page('README.md');

/** Every page of documentation, by its path. */
export const PAGES: ReadonlyMap<string, string> = new Map(
  ['README.md', ...readdirSync(join(ROOT, 'docs')).map((it) => `docs/${it}`)]
    .filter((it) => it.endsWith('.md'))
    .map((it) => [it, page(it)]),
);

/** The pages that a newcomer follows, in this order: their files are written, and their commands run. */
const FOLLOWED = ['README.md', 'docs/releases.md', 'docs/reviews.md'];

/** Those that have more blocks which a test looks at. */
const OTHERS = ['docs/sync.md', 'docs/analyzer.md', 'docs/ci.md'];

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly marker: string | undefined;
  readonly line: number;
  readonly text: string;
}

/** Every fenced block, in order. */
export function blocksOf(markdown: string): readonly Block[] {
  const all = markdown.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < all.length; at++) {
    const open = /^( *)```(\w*)$/.exec(all[at] ?? '');
    if (open === null) continue;
    const [, indent = '', language = ''] = open;
    const end = all.indexOf(`${indent}\`\`\``, at + 1);
    if (end < 0) throw new Error(`the block at line ${at + 1} has no end`);
    const marker = /^<!-- test: (.+) -->$/.exec(all[at - 1] ?? '')?.[1];
    const text = all.slice(at + 1, end).map((it) => `${it.slice(indent.length)}\n`);
    blocks.push({ language, marker, line: at + 1, text: text.join('') });
    at = end;
  }
  return blocks;
}

/** The blocks of the pages that have such comments. */
export const BLOCKS = [...FOLLOWED, ...OTHERS].flatMap((it) => blocksOf(page(it)));

/** The block with this marker. */
export function blockNamed(marker: string): Block {
  const found = BLOCKS.find((it) => it.marker === marker);
  if (found === undefined) throw new Error(`no page has a block <!-- test: ${marker} -->`);
  return found;
}

/** The same as data. */
// biome-ignore lint/suspicious/noExplicitAny: what a newcomer reads has no type
export function yamlNamed(marker: string): Record<string, any> {
  return parseYaml(blockNamed(marker).text) as Record<string, unknown>;
}

/** Code in running text and tables, without that in blocks. */
export function inlineCode(markdown: string): string[] {
  const text = markdown.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...text.matchAll(/`([^`\n]+)`/g)].map((it) => (it[1] ?? '').replaceAll('\\|', '|'));
}

/** Its lines. */
export function lines(block: Block): string[] {
  return block.text.split('\n');
}
