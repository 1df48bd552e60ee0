import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parsePlan } from '../../../lib/plan/parse.ts';
import type { Plan } from '../../../lib/plan/plan.ts';
import { BLOCKS, blockNamed, ROOT, yamlNamed } from '../../markdown.ts';

/** What the README tells a newcomer to do, done: its files are written, and its commands run, in their order. */

const run = promisify(execFile);

let copy = '';
/** What each command of a `run` block printed, by command. */
const printed = new Map<string, string>();
/** The plan of `shop`, after each `run` block. */
const plans: Plan[] = [];

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
});

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

describe('what a command prints', () => {
  const outputs = BLOCKS.filter((it) => it.marker?.startsWith('output of '));

  test('is there to be compared', () => {
    expect(outputs.length).toBeGreaterThan(0);
  });

  test.each(outputs.map((it) => [it.marker?.slice('output of '.length) ?? '', it] as const))(
    'stands below it: `%s`',
    (command, block) => {
      expect(comparable(printed.get(command) ?? 'was not run')).toBe(comparable(block.text));
    },
  );
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

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
