import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { addAnalyze } from '../analyzer/commands/analyze.ts';
import { addDiff } from '../analyzer/commands/diff.ts';
import { addHistory } from '../analyzer/commands/history.ts';
import { addInitBranch } from '../analyzer/commands/init-branch.ts';
import { addPersonCommands } from '../analyzer/commands/person.ts';
import { addPlan } from '../analyzer/commands/plan.ts';
import { addStatus } from '../analyzer/commands/status.ts';
import { addVerify } from '../analyzer/commands/verify.ts';
import { addVersion } from '../analyzer/commands/version.ts';
import { addWait } from '../analyzer/commands/wait.ts';
import { parseState, stateText } from '../analyzer/core/state.ts';
import { parsePlan } from '../lib/plan/parse.ts';
import { DIGEST_ANNOTATION, type Plan, STEP_ANNOTATION } from '../lib/plan/plan.ts';

// A block is marked by a comment on the line before its fence:
//   <!-- test: write apps/shop.ts -->       the block is the content of that file
//   <!-- test: run -->                      each line is run, in order, in a copy of this repository
//   <!-- test: output of perch status -->   the block is what that command printed
//   <!-- test: role -->                     a name, for a test that looks at this block alone
const ROOT = new URL('..', import.meta.url).pathname;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const STATE_PAGE = readFileSync(join(ROOT, 'docs/state.md'), 'utf8');
const DESIGN = readFileSync(join(ROOT, 'docs/design.md'), 'utf8');
const BLOCKS = blocksOf(README);
const run = promisify(execFile);

let copy = '';
/** What each command of a `run` block printed, by command. */
const printed = new Map<string, string>();
/** The plan of `shop`, after each `run` block. */
const plans: Plan[] = [];
/** `--help` of perch, and of each of its commands. */
const help = new Map<string, string>();

beforeAll(async () => {
  copy = await copyOfRepository();
  // `npm run build` has made it for all tests.
  await cp(inject('bundle'), join(copy, 'build/perch.cjs'));
  for (const block of BLOCKS) {
    const [verb, path = ''] = (block.marker ?? '').split(' ');
    if (verb === 'write') await writeFile(join(copy, path), block.text);
    if (verb !== 'run') continue;
    for (const line of block.text.trim().split('\n'))
      printed.set(line.replace(/^npx /, ''), await shell(line));
    const plan = await readFile(join(copy, 'dist/shop/plan.yaml'), 'utf8').catch(() => undefined);
    if (plan !== undefined) plans.push(parsePlan(plan, 'dist/shop/plan.yaml'));
  }
  const main = await shell('node build/perch.cjs --help');
  help.set('', main);
  for (const it of commands()) help.set(it.name(), it.helpInformation());
}, 60_000);

afterAll(() => rm(copy, { recursive: true, force: true }));

describe('the example release', () => {
  test('becomes a plan with the weights and the image that were written', () => {
    expect(plans[0]?.steps.map((it) => it.weights.canary)).toEqual([0, 0, 5, 20, 50, 50, 0, 0]);
    expect(plans[0]?.images).toEqual(['example/shop:1.4.2']);
  });

  test('is a new candidate after the image bump', () => {
    expect(plans.at(-1)?.images).toEqual(['example/shop:1.4.3']);
    expect(plans.at(-1)?.candidate).not.toBe(plans[0]?.candidate);
  });

  test('satisfies the compiler', async () => {
    const config = { extends: './tsconfig.json', include: ['apps'] };
    await writeFile(join(copy, 'tsconfig.readme.json'), JSON.stringify(config));
    expect(await shell('npx tsc --noEmit -p tsconfig.readme.json')).toBe('');
  });
});

describe('blocks', () => {
  const outputs = BLOCKS.filter((it) => it.marker?.startsWith('output of '));

  test('there are outputs to compare', () => {
    expect(outputs.length).toBeGreaterThan(0);
  });

  test.each(outputs.map((it) => [it.marker?.slice('output of '.length) ?? '', it] as const))(
    'what `%s` prints stands below it',
    (command, block) => {
      expect(comparable(printed.get(command) ?? 'was not run')).toBe(comparable(block.text));
    },
  );

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

describe('what syncs live/', () => {
  test('the Flux Kustomization prunes, and waits for nothing', () => {
    const { apiVersion, kind, spec } = yamlNamed('flux');
    expect({ apiVersion, kind }).toEqual({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
    });
    expect(spec).toEqual({
      interval: expect.stringMatching(/^\d+[ms]$/),
      sourceRef: { kind: 'GitRepository', name: expect.any(String) },
      path: './live/shop',
      prune: true,
      wait: false,
    });
  });

  test('the Argo CD Application applies on the server, prunes, heals, and does not retry', () => {
    const { apiVersion, kind, spec } = yamlNamed('argo-cd');
    expect({ apiVersion, kind }).toEqual({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
    });
    expect(spec.source).toMatchObject({ path: 'live/shop', targetRevision: 'main' });
    expect(spec.destination.namespace).toBe(plans[0]?.namespace);
    expect(spec.syncPolicy).toEqual({
      automated: { prune: true, selfHeal: true },
      syncOptions: ['ServerSideApply=true'],
      retry: { limit: 0 },
    });
  });

  test('both have ten lines or so', () => {
    for (const name of ['flux', 'argo-cd'])
      expect(blockNamed(name).text.trim().split('\n').length).toBeLessThanOrEqual(12);
  });
});

test('the Role lets the analyzer get every kind that the plan asks for, and nothing else', () => {
  const { rules, metadata } = yamlNamed('role') as unknown as {
    rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
    metadata: { namespace: string };
  };
  const allowed = rules.flatMap((it) =>
    it.apiGroups.flatMap((group) => it.resources.map((resource) => `${group}/${resource}`)),
  );
  const asked = Object.values(plans[0]?.files ?? {}).filter((it) => it.asked);
  // The verb of ConfigMaps stands there for releases that have one; `shop` has none.
  const needed = new Set(asked.map((it) => `${groupOf(it.apiVersion)}/${it.kind.toLowerCase()}s`));
  expect(allowed.filter((it) => it !== '/configmaps').sort()).toEqual([...needed].sort());
  for (const { verbs } of rules) expect(verbs).toEqual(['get']);
  expect(metadata.namespace).toBe(plans[0]?.namespace);
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
    const page = await shell('npm run demo -- --help');
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
      expect(existsSync(join(copy, path.replaceAll('<id>', 'podinfo'))), path).toBe(true);
  });

  test('every folder of the repository is in the table', async () => {
    const listed = [...README.matchAll(/^\| `([\w.]+)\/` \|/gm)].map((it) => it[1]);
    const { stdout } = await run('git', ['ls-files'], { cwd: copy });
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

interface Block {
  readonly language: string;
  readonly marker: string | undefined;
  readonly line: number;
  readonly text: string;
}

function blocksOf(markdown: string): readonly Block[] {
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

/** The files as they are now, committed or not, as one commit; nothing that is ignored but node_modules. */
async function copyOfRepository(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-readme-'));
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await run('git', list, { cwd: ROOT, maxBuffer: 1e8 });
  const files = stdout
    .split('\0')
    .filter((it) => !/^(node_modules)?$/.test(it) && existsSync(join(ROOT, it)));
  await Promise.all(files.map((it) => cp(join(ROOT, it), join(folder, it))));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  // A link is no folder, so `node_modules/` in .gitignore does not hide it.
  const init =
    'git init -q -b main && echo /node_modules > .git/info/exclude && git add -A && git commit -q -m first';
  await shell(init, folder);
  return folder;
}

/** What a command prints, run as a newcomer would: without our variables, and without the network. */
async function shell(command: string, folder = copy): Promise<string> {
  const own = Object.entries(process.env).filter(
    ([key]) => !/^(PERCH_|GIT_|npm_|VITEST|NODE_ENV)/.test(key),
  );
  const who = { NAME: 'Ann', EMAIL: 'ann@example.com' };
  const git = Object.entries(who).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ]);
  const env = { ...Object.fromEntries([...own, ...git]), GIT_CONFIG_GLOBAL: '/dev/null' };
  const offline = { npm_config_offline: 'true', npm_config_loglevel: 'silent', NO_COLOR: '1' };
  const { stdout } = await run('bash', ['-e', '-o', 'pipefail', '-c', command], {
    cwd: folder,
    env: { ...env, ...offline },
  }).catch((error: unknown) => {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`README: \`${command}\` failed:\n${stdout}${stderr}`, { cause: error });
  });
  return stdout;
}

/** A candidate changes with every change of the workload's defaults; what it looks like does not. */
function comparable(text: string): string {
  return text.trimEnd().replace(/candidate [0-9a-f]{10}/g, 'candidate …');
}

function blockNamed(marker: string): Block {
  const found = BLOCKS.find((it) => it.marker === marker);
  if (found === undefined) throw new Error(`README.md has no block <!-- test: ${marker} -->`);
  return found;
}

// biome-ignore lint/suspicious/noExplicitAny: what a newcomer reads has no type
function yamlNamed(marker: string): Record<string, any> {
  return parseYaml(blockNamed(marker).text) as Record<string, unknown>;
}

/** The commands as `analyzer/main.ts` puts them together. */
function commands(): readonly Command[] {
  const program = new Command('perch');
  for (const add of [
    ...[addPlan, addStatus, addVerify, addHistory, addDiff, addWait, addInitBranch],
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

/** Code in running text and tables, without that in blocks. */
function inlineCode(markdown: string): string[] {
  const text = markdown.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...text.matchAll(/`([^`\n]+)`/g)].map((it) => (it[1] ?? '').replaceAll('\\|', '|'));
}

function lines(block: Block): string[] {
  return block.text.split('\n');
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

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
