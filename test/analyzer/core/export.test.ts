import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { exported } from '../../../analyzer/core/export.ts';
import { filesBelow, fromProject } from '../../../lib/files.ts';
import { isManifest } from '../../../lib/manifest/manifest.ts';
import { parsePlan } from '../../../lib/plan/parse.ts';
import type { FileInfo } from '../../../lib/plan/plan.ts';
import { validate } from '../../../lib/validation/validate.ts';

const EXAMPLES = fromProject('dist/examples');

/** What is left of an example at rest, as text by file name. */
function exportOf(id: string): ReadonlyMap<string, string> {
  const folder = join(EXAMPLES, id);
  const plan = parsePlan(readFileSync(join(folder, 'plan.yaml'), 'utf8'), id);
  const steady = join(folder, 'steps', plan.steps.at(-1)?.name ?? '');
  const kept = new Map<string, string>();
  for (const file of filesBelow(steady)) {
    const info = plan.files[file];
    if (info === undefined) throw new Error(`${file} is not in the plan`);
    const it = exported(plan.name, info, readFileSync(join(steady, file), 'utf8'));
    if (it.kind === 'kept') kept.set(file, it.text);
  }
  return kept;
}

const releases = readdirSync(EXAMPLES).filter((it) => it !== 'perch');

describe('every example at rest', () => {
  test.each(releases)(
    '%s is left without canary and annotations, and the API accepts it',
    async (id) => {
      const files = exportOf(id);
      expect(files.size).toBeGreaterThan(0);
      for (const [path, text] of files) {
        // The pods of plain Services keep the label by which their Service selects them.
        expect(text.replace(/perch\/(?:release|track): \S+/g, ''), path).not.toMatch(
          /perch\/|baseline/,
        );
        // The two Services of traffic-only exist already, and are the author's.
        if (id !== 'traffic-only') expect(text, path).not.toMatch(/canary/);
        const object: unknown = parse(text, { version: '1.1' });
        if (!isManifest(object)) throw new Error(`${path} is no object`);
        expect(await validate([{ path, object }])).toEqual([]);
      }
    },
  );
});

describe('routes', () => {
  test('of Istio name the primary alone, with all traffic and all that was said of it', () => {
    expect(parse(exportOf('podinfo').get('virtualservice-podinfo.yaml') ?? '').spec.http).toEqual([
      {
        retries: expect.objectContaining({ attempts: 3 }),
        route: [{ destination: { host: 'podinfo-primary', port: { number: 9898 } } }],
      },
    ]);
  });

  test('by subsets keep the one of the primary', () => {
    const files = exportOf('nginx');
    expect(parse(files.get('destinationrule-nginx.yaml') ?? '').spec.subsets).toEqual([
      { name: 'primary', labels: { 'perch/release': 'nginx', 'perch/track': 'primary' } },
    ]);
    expect(parse(files.get('virtualservice-nginx.yaml') ?? '').spec.http[0].route).toEqual([
      { destination: { host: 'nginx', port: { number: 80 }, subset: 'primary' } },
    ]);
  });

  test('of the Gateway API have one backend', () => {
    const [rule] = parse(exportOf('podinfo-gateway').get('httproute-podinfo.yaml') ?? '').spec
      .rules;
    expect(rule.backendRefs).toEqual([
      { group: '', kind: 'Service', name: 'podinfo-primary', port: 9898 },
    ]);
  });
});

test('the primary keeps its name, and the apex Service selects it', () => {
  const files = exportOf('podinfo');
  expect([...files.keys()]).toEqual([
    expect.stringMatching(/^configmap-podinfo-config-/),
    'deployment-podinfo-primary.yaml',
    'destinationrule-podinfo-primary.yaml',
    'horizontalpodautoscaler-podinfo-primary.yaml',
    'service-podinfo-primary.yaml',
    'service-podinfo.yaml',
    'virtualservice-podinfo.yaml',
  ]);
  expect(parse(files.get('service-podinfo.yaml') ?? '').spec.selector).toEqual({
    'perch/release': 'podinfo',
    'perch/track': 'primary',
  });
});

test('a file that is copied byte for byte stays so, comments and all', () => {
  const info = { role: 'configuration', kind: 'SealedSecret', name: 'tls' } as FileInfo;
  const text = '# sealed\nkind:   SealedSecret\nmetadata: {name: tls, annotations: {a: b}}\n';
  expect(exported('shop', info, text)).toEqual({ kind: 'kept', text });
});

test('a destination of weight 0 that is none of ours is kept', () => {
  const info = { role: 'routing', kind: 'VirtualService', name: 'shop' } as FileInfo;
  const route = (host: string, weight: number) => ({ destination: { host }, weight });
  const http = [{ route: [route('shop-primary', 100), route('shop-canary', 0), route('old', 0)] }];
  const it = exported('shop', info, JSON.stringify({ spec: { http } }));
  if (it.kind !== 'kept') throw new Error('it is kept');
  expect(parse(it.text).spec.http).toEqual([
    { route: [route('shop-primary', 100), route('old', 0)] },
  ]);
});
