import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parsePlan } from '../../../lib/plan/parse.ts';
import type { Plan } from '../../../lib/plan/plan.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { BLOCKS, blockNamed, yamlNamed } from '../../markdown.ts';
import { packed, succeed } from '../newcomer.ts';

/**
 * What the README and the pages after it tell a newcomer to do, done: their files are written, and their commands run, in
 * their order. It needs npm's registry.
 */

const place = temporaryFolder();
const releases = join(place, 'releases');
/** What each command of a `run` block printed, by command. */
const printed = new Map<string, string>();
/** Files as `perch init` wrote them. */
const scaffold = new Map<string, string>();
/** The plan of `shop`, after each `run` block. */
const plans: Plan[] = [];

beforeAll(async () => {
  await packed(place);
  for (const block of BLOCKS) {
    const [verb, path = ''] = (block.marker ?? '').split(' ');
    if (verb === 'write') writeFileSync(join(releases, path), block.text);
    if (verb !== 'run') continue;
    for (const line of block.text.trim().split('\n'))
      printed.set(
        line.replace(/^npx /, ''),
        await succeed(existsSync(releases) ? releases : place, line),
      );
    const plan = join(releases, 'dist/shop/plan.yaml');
    if (existsSync(plan)) plans.push(parsePlan(readFileSync(plan, 'utf8'), plan));
    if (scaffold.size === 0)
      scaffold.set('apps/shop.ts', readFileSync(join(releases, 'apps/shop.ts'), 'utf8'));
  }
}, 300_000);

describe('the first release', () => {
  test('becomes a plan with the weights and the image that were written', () => {
    expect(plans[0]?.steps.map((it) => it.weights.canary)).toEqual([
      0, 0, 10, 20, 30, 40, 50, 50, 0, 0,
    ]);
    expect(plans[0]?.images).toEqual(['example/shop:1.4.2']);
  });

  test('has the excerpt that is shown', () => {
    const { text } = blockNamed('excerpt of apps/shop.ts');
    expect(scaffold.get('apps/shop.ts')).toContain(text);
  });

  test('takes the weights of the whole example, which the compiler accepts', () => {
    const [, , whole] = plans;
    expect(whole?.steps.map((it) => it.weights.canary)).toEqual([0, 0, 5, 20, 50, 50, 0, 0]);
  });

  test('is a new candidate after the image bump', () => {
    expect(plans.at(-1)?.images).toEqual(['example/shop:1.4.3']);
    expect(plans.at(-1)?.candidate).not.toBe(plans[0]?.candidate);
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
  const asked = Object.values(plans[2]?.files ?? {}).filter((it) => it.asked);
  // The verb of ConfigMaps stands there for releases that have one; `shop` has none.
  const needed = new Set(asked.map((it) => `${groupOf(it.apiVersion)}/${it.kind.toLowerCase()}s`));
  expect(allowed.filter((it) => it !== '/configmaps').sort()).toEqual([...needed].sort());
  for (const { verbs } of rules) expect(verbs).toEqual(['get']);
  expect(metadata.namespace).toBe(plans[0]?.namespace);
});

/** A candidate changes with every change of the workload's defaults; what it looks like does not. */
function comparable(text: string): string {
  return text.trimEnd().replace(/candidate [0-9a-f]{10}/g, 'candidate …');
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
