import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { addAnalyze } from '../analyzer/commands/analyze.ts';
import { addDiff } from '../analyzer/commands/diff.ts';
import { addExplain } from '../analyzer/commands/explain.ts';
import { addExport } from '../analyzer/commands/export.ts';
import { addHistory } from '../analyzer/commands/history.ts';
import { addInit } from '../analyzer/commands/init.ts';
import { addInitBranch } from '../analyzer/commands/init-branch.ts';
import { addPersonCommands } from '../analyzer/commands/person.ts';
import { addPlan } from '../analyzer/commands/plan.ts';
import { addStatus } from '../analyzer/commands/status.ts';
import { addVerify } from '../analyzer/commands/verify.ts';
import { addVersion } from '../analyzer/commands/version.ts';
import { addWait } from '../analyzer/commands/wait.ts';
import { parseState, stateText } from '../analyzer/core/state.ts';
import { DIGEST_ANNOTATION, STEP_ANNOTATION } from '../lib/plan/plan.ts';
import { BLOCKS, blocksOf, inlineCode, lines, README, ROOT } from './markdown.ts';

const STATE_PAGE = readFileSync(join(ROOT, 'docs/state.md'), 'utf8');
const DESIGN = readFileSync(join(ROOT, 'docs/design.md'), 'utf8');
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
    for (const marker of markers) expect(marker).toMatch(/^write apps\/[\w-]+\.ts$/);
  });

  test('every marker is one that this test knows', () => {
    for (const { marker } of BLOCKS)
      expect(marker ?? 'run').toMatch(/^(run|write \S+|output of .+|flux|argo-cd|role)$/);
  });
});

describe('the command', () => {
  test('has the commands of the table', () => {
    const registered = [...help.keys()].filter((it) => it !== '').sort();
    expect(commandsIn(help.get('') ?? '').sort()).toEqual(registered);
    const named = [...README.matchAll(/^\| `perch ([a-z-]+)/gm)].map((it) => it[1]);
    expect(named.sort()).toEqual(registered);
  });

  test('has every flag that is named, and no other', () => {
    const known = flagsIn([...help.values()].join('\n'));
    const named = flagsIn(
      [...inlineCode(README), ...BLOCKS.filter((it) => it.language === 'sh').flatMap(lines)]
        .filter((it) => /^(-|(npx )?perch )/.test(it))
        .join('\n'),
    );
    expect([...named].sort()).toEqual([...known].sort());
  });

  test('reads every PERCH_ variable that is named, and no other', () => {
    const ours = new Set(['PERCH_E2E_REQUIRE', 'PERCH_CACHE']);
    const named = variablesIn(README).filter((it) => !ours.has(it));
    expect(named).toEqual(variablesIn([...help.values()].join('\n')));
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
    const listed = [...README.matchAll(/^\| (\d) \| /gm)].map((it) => it[1]);
    const known = [...(help.get('') ?? '').matchAll(/^ {2}(\d) {2}\S/gm)].map((it) => it[1]);
    expect(listed).toEqual(known);
  });

  test('puts flag and variable into one row', () => {
    const pages = [...help.values()].join('\n').replace(/\s+/g, ' ');
    const rows = [...README.matchAll(/^\| `(--[a-z-]+).*?` \| `(PERCH_\w+)` \|/gm)];
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
    const spans = inlineCode(README).filter((it) => it.startsWith('npm run demo -- '));
    const named = flagsIn(spans.map((it) => it.slice('npm run demo -- '.length)).join('\n'));
    expect([...named].sort()).toEqual([...known].filter((it) => !/^(-h|--help)$/.test(it)).sort());
  });
});

describe('npm scripts', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  test('exist where they are named, and are named where they exist', () => {
    const named = [...README.matchAll(/npm (?:run )?((?<=run )[\w:]+|test)/g)].map((it) => it[1]);
    const known = Object.keys(scripts).filter((it) => it !== 'prepare');
    expect([...new Set(named)].sort()).toEqual(known.sort());
  });

  test.each(Object.entries(scripts))('%s names files that exist', (_, script) => {
    const files = script.split(' ').filter((it) => /\.(ts|js|json)$/.test(it));
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });
});

describe('places', () => {
  test.each([
    ['README.md', README, ''],
    ['docs/state.md', STATE_PAGE, 'docs/'],
    ['docs/design.md', DESIGN, 'docs/'],
  ])('every link of %s leads somewhere', (_, text, folder) => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((it) => it[1] ?? '');
    for (const target of targets.filter((it) => !/^https?:/.test(it))) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? undefined : join(ROOT, folder, path);
      if (file !== undefined) expect(existsSync(file), target).toBe(true);
      const page =
        file === undefined ? text : anchor === undefined ? '' : readFileSync(file, 'utf8');
      if (anchor !== undefined) expect(anchors(page), target).toContain(anchor);
    }
  });

  test.each([
    ['README.md', README],
    ['docs/design.md', DESIGN],
    ['docs/state.md', STATE_PAGE],
  ])('every path in %s exists', (_, text) => {
    const paths = inlineCode(text).filter(isPath);
    expect(paths).not.toHaveLength(0);
    for (const path of paths)
      expect(
        existsSync(
          join(
            ROOT,
            path.replace('dist/<id>', 'dist/examples/podinfo').replaceAll('<id>', 'podinfo'),
          ),
        ),
        path,
      ).toBe(true);
  });

  test('every folder of the repository is in the table', async () => {
    const listed = [...README.matchAll(/^\| `([\w.]+)\/` \|/gm)].map((it) => it[1]);
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

  test('messages that name a heading of the README name one that is there', () => {
    const source = readFileSync(join(ROOT, 'analyzer/core/admission/refuse.ts'), 'utf8');
    const named = [...source.matchAll(/see "([^"]+)" in the README/g)].map((it) => it[1]);
    expect(named).not.toHaveLength(0);
    for (const heading of named) expect(README).toContain(`\n## ${heading}\n`);
  });
});

test('the vocabulary has the words of the field', () => {
  const words =
    'release rollout track primary canary step weight check sample verdict gate candidate stable position pin live';
  const table = README.slice(README.indexOf('## Vocabulary'), README.indexOf('## Ten minutes'));
  const explained = [...table.matchAll(/^\| ([a-z ]+) \| [A-Z]/gm)].map((it) => it[1]);
  expect(explained).toEqual(expect.arrayContaining([...words.split(' '), 'bake time']));
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

/** The commands as `analyzer/main.ts` puts them together. */
function commands(): readonly Command[] {
  const program = new Command('perch');
  for (const add of [
    ...[addPlan, addStatus, addVerify, addHistory, addDiff, addWait, addInitBranch],
    ...[addInit, addExport, addExplain],
    ...[addVersion, addAnalyze, addPersonCommands],
  ])
    add(program);
  return program.commands;
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

function firstPart(path: string): string {
  return path.slice(0, path.indexOf('/'));
}
