import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { parseState, stateText } from '../analyzer/core/state.ts';
import { perchCommand } from '../analyzer/perch.ts';
import { DIGEST_ANNOTATION, STEP_ANNOTATION } from '../lib/plan/plan.ts';
import { BLOCKS, blocksOf, inlineCode, lines, PAGES, page, ROOT } from './markdown.ts';

const STATE_PAGE = page('docs/state.md');
const COMMANDS = page('docs/commands.md');
const DEVELOPMENT = page('docs/development.md');
const run = promisify(execFile);

/** `--help` of perch, and of each of its commands. */
const help = new Map<string, string>();

beforeAll(async () => {
  const { stdout } = await run(process.execPath, [inject('bundle'), '--help']);
  help.set('', stdout);
  for (const it of commands()) help.set(it.name(), it.helpInformation());
});

describe('blocks', () => {
  test.each(BLOCKS.filter((it) => it.language === 'sh').map((it) => [it.line, it] as const))(
    'sh at line %i is understood by bash',
    async (_, block) => {
      await expect(run('bash', ['-n', '-c', block.text])).resolves.toMatchObject({ stderr: '' });
    },
  );

  test.each(BLOCKS.filter((it) => it.language === 'yaml').map((it) => [it.line, it] as const))(
    'yaml at line %i is YAML',
    (_, block) => {
      const documents = parseAllDocuments(block.text);
      expect(Array.isArray(documents) && documents.flatMap((it) => it.errors)).toEqual([]);
    },
  );

  test('every ts block is a file that is compiled', () => {
    const markers = BLOCKS.filter((it) => it.language === 'ts').map((it) => it.marker);
    expect(markers).not.toHaveLength(0);
    for (const marker of markers) expect(marker).toMatch(/^(?:write|excerpt of) apps\/[\w-]+\.ts$/);
  });

  test('every marker is one that this test knows', () => {
    for (const { marker } of BLOCKS)
      expect(marker ?? 'run').toMatch(
        /^(run|write \S+|excerpt of \S+|output of .+|flux|argo-cd|role|ci)$/,
      );
  });
});

describe('the command', () => {
  test('has the commands of the table', () => {
    const registered = [...help.keys()].filter((it) => it !== '').sort();
    expect(commandsIn(help.get('') ?? '').sort()).toEqual(registered);
    const named = [...COMMANDS.matchAll(/^\| `perch ([a-z-]+)/gm)].map((it) => it[1]);
    expect(named.sort()).toEqual(registered);
  });

  test('has every flag that is named, and no other', () => {
    const known = flagsIn([...help.values()].join('\n'));
    const named = flagsIn(
      [...inlineCode(COMMANDS), ...BLOCKS.filter((it) => it.language === 'sh').flatMap(lines)]
        .filter((it) => /^(-|(npx )?perch )/.test(it))
        .join('\n'),
    );
    expect([...named].sort()).toEqual([...known].sort());
  });

  test('reads every PERCH_ variable that is named, and no other', () => {
    expect(variablesIn(COMMANDS)).toEqual(variablesIn([...help.values()].join('\n')));
  });

  test.each(['PERCH_E2E_REQUIRE', 'PERCH_CACHE'])(
    '%s is a variable of the end-to-end suite',
    (name) => {
      const sources = ['.ci/run', '.ci/servers/install'].map((it) =>
        readFileSync(join(ROOT, it), 'utf8'),
      );
      expect(sources.some((it) => new RegExp(`\\b${name}\\b`).test(it))).toBe(true);
    },
  );

  test('has the exit codes of the table', () => {
    const listed = [...COMMANDS.matchAll(/^\| (\d) \| /gm)].map((it) => it[1]);
    const known = [...(help.get('') ?? '').matchAll(/^ {2}(\d) {2}\S/gm)].map((it) => it[1]);
    expect(listed).toEqual(known);
  });

  test('puts flag and variable into one row', () => {
    const pages = [...help.values()].join('\n').replace(/\s+/g, ' ');
    const rows = [...COMMANDS.matchAll(/^\| `(--[a-z-]+).*?` \| `(PERCH_\w+)` \|/gm)];
    expect(rows.length).toBeGreaterThan(10);
    for (const [, flag, variable] of rows)
      expect(pages).toMatch(new RegExp(`${flag} ((?! --).)*env: ${variable}\\)`));
  });

  test('the demo has every flag that is named, and no other', async () => {
    const { stdout: page } = await run('npm', ['run', '--silent', 'demo', '--', '--help'], {
      cwd: ROOT,
    });
    const known = flagsIn(
      [...page.matchAll(/^ {2}(-.*?)(?: {2}|$)/gm)].map((it) => it[1]).join('\n'),
    );
    const spans = inlineCode(DEVELOPMENT).filter((it) => it.startsWith('npm run demo -- '));
    const named = flagsIn(spans.map((it) => it.slice('npm run demo -- '.length)).join('\n'));
    expect([...named].sort()).toEqual([...known].filter((it) => !/^(-h|--help)$/.test(it)).sort());
  });
});

describe('npm scripts', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  test('exist where they are named, and are named where they exist', () => {
    const named = [...DEVELOPMENT.matchAll(/npm (?:run )?((?<=run )[\w:]+|test)/g)].map(
      (it) => it[1],
    );
    const known = Object.keys(scripts).filter((it) => !/^(?:pre|post)/.test(it));
    expect([...new Set(named)].sort()).toEqual(known.sort());
  });

  test.each(Object.entries(scripts))('%s names files that exist', (_, script) => {
    const files = script.split(' ').filter((it) => /\.(ts|js|json)$/.test(it));
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });
});

describe('places', () => {
  test.each([...PAGES])('every link of %s leads somewhere', (path, text) => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((it) => it[1] ?? '');
    for (const target of targets.filter((it) => !/^https?:/.test(it))) {
      const [name = '', anchor] = target.split('#');
      const file = name === '' ? undefined : join(ROOT, dirname(path), name);
      if (file !== undefined) expect(existsSync(file), target).toBe(true);
      const found =
        file === undefined ? text : anchor === undefined ? '' : readFileSync(file, 'utf8');
      if (anchor !== undefined) expect(anchors(found), target).toContain(anchor);
    }
  });

  test('every page is in the index, once', () => {
    const index = page('docs/README.md');
    const listed = [...index.matchAll(/^- \[([\w-]+\.md)\]\(\1\): /gm)].map(
      (it) => `docs/${it[1]}`,
    );
    expect(listed.sort()).toEqual(
      [...PAGES.keys()].filter((it) => it !== 'README.md' && it !== 'docs/README.md').sort(),
    );
  });

  test.each(['docs/development.md', 'docs/design.md', 'docs/state.md', 'docs/dependencies.md'])(
    'every path in %s exists',
    (path) => {
      const paths = inlineCode(page(path)).filter(isPath);
      expect(paths).not.toHaveLength(0);
      for (const it of paths) {
        const example = it.replace('dist/<id>', () => 'dist/examples/podinfo');
        expect(existsSync(join(ROOT, example.replaceAll('<id>', 'podinfo'))), it).toBe(true);
      }
    },
  );

  test('every folder of the repository is in the table', async () => {
    const listed = [...DEVELOPMENT.matchAll(/^\| `([\w.]+)\/` \|/gm)].map((it) => it[1]);
    const { stdout } = await run('git', ['ls-files'], { cwd: ROOT });
    const folders = new Set(
      stdout
        .split('\n')
        .filter((it) => it.includes('/'))
        .map(firstPart),
    );
    // Those that only `npm run build` and the analyzer make.
    expect(listed.sort()).toEqual([...folders, 'build', 'live', 'rollouts'].sort());
  });

  test('messages that name a page, or a heading of one, name what is there', async () => {
    const { stdout } = await run('git', ['ls-files', 'lib', 'analyzer'], { cwd: ROOT });
    const files = stdout.split('\n').filter((it) => it.endsWith('.ts'));
    const sources = files.map((it) => readFileSync(join(ROOT, it), 'utf8')).join('\n');
    const pages = [...sources.matchAll(/\bdocs\/[\w-]+\.md/g)].map(([it]) => it);
    expect(pages.length).toBeGreaterThan(1);
    for (const it of pages) expect([...PAGES.keys()]).toContain(it);
    const headings = [
      ...[...sources.matchAll(/"([^"\n]+)" in (docs\/[\w-]+\.md)/g)].map(([, it, path]) => [
        it,
        path,
      ]),
      ...[...sources.matchAll(/(docs\/[\w-]+\.md), "([^"\n]+)"/g)].map(([, path, it]) => [
        it,
        path,
      ]),
    ];
    expect(headings).not.toHaveLength(0);
    for (const [heading, path = ''] of headings)
      expect(page(path), heading).toContain(`\n## ${heading}\n`);
  });
});

test('the vocabulary has the words of the field', () => {
  const words =
    'release rollout track primary canary step weight check sample verdict gate candidate stable position pin live';
  const explained = [...page('docs/glossary.md').matchAll(/^\| ([a-z ]+) \| [A-Z]/gm)].map(
    (it) => it[1],
  );
  expect(explained).toEqual(expect.arrayContaining([...words.split(' '), 'bake time']));
});

describe('docs/ci.md', () => {
  const jobs = BLOCKS.filter((it) => it.marker === 'ci').map((it) => it.text);

  test('has jobs for both systems, with commands and flags that exist', () => {
    expect(jobs).toHaveLength(3);
    const known = flagsIn([...help.values()].join('\n'));
    const called = jobs.flatMap((it) => [...it.matchAll(/npx perch ([a-z-]+)(.*)$/gm)]);
    expect(called.length).toBeGreaterThan(3);
    for (const [, name = '', rest = ''] of called) {
      expect([...help.keys()]).toContain(name);
      for (const flag of flagsIn(rest)) expect(known).toContain(flag);
    }
  });

  test('has shell that bash understands', async () => {
    const scripts = jobs.flatMap((it) => scriptsIn(parseYaml(it)));
    expect(scripts.length).toBeGreaterThan(8);
    for (const it of scripts)
      await expect(run('bash', ['-n', '-c', it])).resolves.toMatchObject({ stderr: '' });
  });
});

describe('docs/state.md', () => {
  const example = blocksOf(STATE_PAGE).find((it) => it.language === 'yaml')?.text ?? '';
  const [fieldTable = '', kindTable = ''] = STATE_PAGE.split('## Fields')[1]?.split('\n## ') ?? [];
  const fields = [...fieldTable.matchAll(/^\| `(\w+)`( \(optional\))? \|/gm)].map((it) => ({
    name: it[1] ?? '',
    optional: it[2] !== undefined,
  }));

  test('shows a state that this version reads, and would write just so', () => {
    expect(stateText(parseState(example, 'docs/state.md'))).toBe(example);
  });

  test('has every field once, and says which may be absent', () => {
    const whole: Record<string, unknown> = {
      ...(parseYaml(example) as object),
      by: 'Ann <ann@example.com>',
      note: { kind: 'paused', reason: 'lunch' },
      paused: { reason: 'lunch' },
      hooks: [],
      approved: [],
      fast: { reason: 'urgent' },
      broken: { reason: 'crash loop', serves: false },
      spared: '0123456789',
      adopted: '02-weight-10',
      promoted: [],
      judged: {
        at: '2026-01-05T09:05:25Z',
        points: { failed: 0, excused: 0, worse: 0, passed: 3 },
        checks: [],
      },
      accepts: [],
    };
    expect(fields.map((it) => it.name).sort()).toEqual(Object.keys(whole).sort());
    for (const { name, optional } of fields) {
      const rest = Object.entries(whole).filter(([key]) => key !== name);
      const parsing = () => parseState(JSON.stringify(Object.fromEntries(rest)), name);
      if (optional) expect(parsing, name).not.toThrow();
      else expect(parsing, name).toThrow(name);
    }
  });

  test('has every kind of transition', () => {
    const kinds = [...kindTable.matchAll(/^\| `(\w+)` \|/gm)].map((it) => it[1]);
    expect(kinds.length).toBeGreaterThan(5);
    for (const kind of kinds) {
      const other = example.replace(/^kind: .*$/m, `kind: ${kind}`);
      expect(() => parseState(other, 'docs/state.md'), kind).not.toThrow();
    }
  });
});

function commands(): readonly Command[] {
  // The one that the scripts of the shells call is not for people.
  return perchCommand(() => undefined).commands.filter((it) => it.name() !== 'complete');
}

/** Names in the section "Commands" of the help, without `help` itself. */
function commandsIn(page: string): string[] {
  const section = page.slice(page.indexOf('\nCommands:'), page.indexOf('\nExit codes:'));
  const names = [...section.matchAll(/^ {2}([a-z-]+) /gm)].map((it) => it[1] ?? '');
  return names.filter((it) => it !== 'help');
}

function flagsIn(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])/g)].map((it) => it[1] ?? ''),
  );
}

function variablesIn(text: string): string[] {
  return [...new Set(text.match(/\bPERCH_[A-Z][A-Z0-9_]*/g) ?? [])].sort();
}

/** Whether code in the text names a file or folder of the repository, and not of a run branch or a plan. */
function isPath(code: string): boolean {
  if (!/^[\w.<>-]+(\/[\w.<>-]*)+$/.test(code)) return false;
  if ([DIGEST_ANNOTATION, STEP_ANNOTATION].includes(code)) return false;
  return !/^(live|rollouts|steps|plan|stable|as-stable|node_modules)\//.test(code);
}

function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((it) =>
    (it[1] ?? '')
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** The shell of every job, as GitHub and GitLab have it. */
function scriptsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, it]) => {
    if (key === 'run' && typeof it === 'string') return [it];
    if (key === 'script' && Array.isArray(it)) return it.map(String);
    return scriptsIn(it);
  });
}

function firstPart(path: string): string {
  return path.slice(0, path.indexOf('/'));
}
