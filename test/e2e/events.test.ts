import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type EventWriter, kubernetesEvents } from '../../analyzer/cluster/events.ts';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import { eventReporter } from '../../analyzer/telemetry/event-reporter.ts';
import { happeningOf } from '../../analyzer/telemetry/happening.ts';
import type { Outcome } from '../../analyzer/tick/outcome.ts';
import { BAD, situation, step } from '../analyzer/core/fixture.ts';
import { outcomeOf } from '../analyzer/telemetry/outcome.ts';
import { type Kubernetes, missingKubernetes, startKubernetes } from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

/** Events as the real API server takes them, written with the Role of docs/observability.md and no other right. */

const now = Math.floor(Date.now() / 1000);
const at = new Date((now - 500) * 1000).toISOString();
const at20 = situation({ position: step('02-weight-20'), state: { at } });
const next = outcomeOf(at20, now);
const silent = outcomeOf(at20, now - 400, { values: () => undefined });
const later = situation({ position: step('03-weight-50'), state: { transition: 8, at } });
const back = outcomeOf(later, now, { values: BAD });

describe('events', { skip: isMissing(missingKubernetes()) }, () => {
  let server: Kubernetes;
  let folder: string;
  let writer: EventWriter;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perch-events-e2e-'));
    server = await startKubernetes();
    await server.kubectl(['create', 'namespace', 'test']);
    await server.kubectl([
      'create',
      'deployment',
      'app-primary',
      '--image=app',
      '--namespace=test',
    ]);
    const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    const [, role] = /<!-- test: events role -->\n```yaml\n([^`]*)```/.exec(page) ?? [];
    await server.kubectl(
      ['apply', '--filename=-'],
      role?.replaceAll('namespace: shop', 'namespace: test'),
    );
    const reads = ['create', 'role', 'perch', '--verb=get', '--resource=deployments.apps'];
    await server.kubectl([...reads, '--namespace=test']);
    for (const name of ['perch', 'perch-events'])
      await server.kubectl([
        'create',
        'rolebinding',
        name,
        `--role=${name}`,
        '--user=perch',
        '--namespace=test',
      ]);
    const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
    config.users[0].user.as = 'perch';
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, JSON.stringify(config));
    writer = kubernetesEvents({ kubeconfig }, kubernetes({ kubeconfig }));
    // A new right is known to the authorizer a moment later.
    const first = happeningOf(next);
    if (first === undefined) throw new Error('a transition is told');
    await vi.waitFor(async () => expect(await writer.write([first])).toEqual([]), {
      timeout: 10_000,
    });
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function told(outcomes: readonly Outcome[]): Promise<readonly string[]> {
    const reporter = eventReporter({ writers: [writer], clock: () => now });
    const report = { idle: 0, outcomes, conflicts: 0 };
    const failures = await reporter.hear({ kind: 'done', report, failures: [], seconds: 1 });
    return failures.map((it) => it.reason);
  }

  test('stand on the primary, once, whoever tells them', async () => {
    expect(await told([next, silent, back])).toEqual([]);
    expect(await told([next, silent, back])).toEqual([]);
    const list = await server.kubectl([
      'get',
      'events.events.k8s.io',
      '--namespace=test',
      '--output=json',
    ]);
    const { items } = JSON.parse(list) as { items: readonly { reason: string }[] };
    const ours = items.filter(
      (it) => 'reportingController' in it && it.reportingController === 'perch',
    );
    expect(ours.map((it) => it.reason).sort()).toEqual([
      'Inconclusive',
      'RollingBack',
      'WeightChanged',
    ]);
    expect(ours).toContainEqual(
      expect.objectContaining({
        type: 'Normal',
        action: 'next',
        note: expect.stringContaining('app: weight 20 → 50'),
        regarding: expect.objectContaining({ kind: 'Deployment', name: 'app-primary' }),
      }),
    );
  });

  test('are what kubectl describe shows of the Deployment', async () => {
    const shown = await server.kubectl([
      'describe',
      'deployment',
      'app-primary',
      '--namespace=test',
    ]);
    expect(shown).toMatch(/Normal\s+WeightChanged\s.*perch\s+app: weight 20 → 50/);
    expect(shown).toMatch(/Warning\s+RollingBack\s.*app: roll back: weight 50 → 0/);
  });

  test('may be written where the Role says, and nowhere else', async () => {
    const first = happeningOf(next);
    if (first === undefined) throw new Error('a transition is told');
    const elsewhere = { ...first, regarding: { ...first.regarding, namespace: 'default' } };
    expect(await writer.write([elsewhere])).toEqual([
      expect.stringContaining('HTTP 403 for events.events.k8s.io in namespace default'),
    ]);
    const can = (...words: string[]) =>
      server
        .kubectl(['auth', 'can-i', ...words, '--as=perch', '--namespace=test'])
        .catch((error: Error) => error.message);
    expect(await can('create', 'events.events.k8s.io')).toContain('yes');
    for (const words of [
      ['patch', 'events.events.k8s.io'],
      ['create', 'events'],
      ['update', 'deployments.apps'],
    ])
      expect(await can(...words), words.join(' ')).not.toContain('yes');
  });
});
