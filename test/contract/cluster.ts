import { describe, expect, test } from 'vitest';
import {
  type ClusterUnderTest,
  deployment,
  deploymentOf,
  type Json,
  namespace,
  read,
  replicas,
  routes,
  virtualService,
} from './cluster-objects.ts';

/**
 * What the analyzer relies on when it reads a cluster. Each case has objects of its own.
 *
 * @param subject the running server; asked for inside the tests only
 */
export function clusterContract(subject: () => ClusterUnderTest): void {
  describe('reading', () => {
    test('answers in the order of the question, with what is absent', async () => {
      const { cluster, apply } = subject();
      await apply(deploymentOf('order-a'));
      await apply(routes('order-b', 10));
      const refs = [
        { ...virtualService, name: 'order-b' },
        { ...deployment, name: 'order-missing' },
        { ...deployment, name: 'order-a' },
        { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'order-missing' },
      ];
      const answer = await cluster.read(refs);
      expect(answer).toMatchObject({
        kind: 'known',
        value: {
          objects: [
            { kind: 'found', object: { kind: 'VirtualService', metadata: { name: 'order-b' } } },
            { kind: 'absent' },
            { kind: 'found', object: { kind: 'Deployment', metadata: { name: 'order-a' } } },
            { kind: 'absent' },
          ],
        },
      });
    });

    test('finds nothing of a group, a version or a kind that is not served', async () => {
      const answer = await subject().cluster.read([
        { apiVersion: 'perch.example/v1', kind: 'Nest', namespace, name: 'a' },
        { apiVersion: 'apps/v9', kind: 'Deployment', namespace, name: 'a' },
        { apiVersion: 'apps/v1', kind: 'Nest', namespace, name: 'a' },
      ]);
      expect(answer).toMatchObject({
        kind: 'known',
        value: { objects: [{ kind: 'absent' }, { kind: 'absent' }, { kind: 'absent' }] },
      });
    });

    test('finds nothing in a namespace that does not exist', async () => {
      const ref = { ...deployment, namespace: 'nowhere', name: 'a' };
      expect(await subject().cluster.read([ref])).toMatchObject({
        value: { objects: [{ kind: 'absent' }] },
      });
    });

    test('finds an object that has no namespace', async () => {
      const { cluster, apply } = subject();
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'perch-contract' } });
      const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'perch-contract' };
      expect(await cluster.read([ref])).toMatchObject({ value: { objects: [{ kind: 'found' }] } });
    });

    test('does not find what was removed', async () => {
      const { cluster, apply, remove } = subject();
      const ref = { ...virtualService, name: 'removed' };
      await apply(routes('removed', 0));
      expect(await cluster.read([ref])).toMatchObject({ value: { objects: [{ kind: 'found' }] } });
      await remove(ref);
      expect(await cluster.read([ref])).toMatchObject({ value: { objects: [{ kind: 'absent' }] } });
    });

    test("tells the server's time", async () => {
      const { cluster, now } = subject();
      const answer = await cluster.read([{ ...deployment, name: 'any' }]);
      const time = answer.kind === 'known' ? answer.value.serverTime : undefined;
      expect(Math.abs((time ?? 0) - now())).toBeLessThanOrEqual(2);
    });
  });

  describe('since when a step is live', () => {
    test('the entry that owns the step annotation has the time of the apply', async () => {
      const { apply, now } = subject();
      await apply(routes('since', 10));
      const { since } = await read(subject(), { ...virtualService, name: 'since' });
      expect(Math.abs(since - now())).toBeLessThanOrEqual(2);
    });

    test('the same bytes again do not move it', async () => {
      const { apply, nextSecond } = subject();
      const ref = { ...virtualService, name: 'same' };
      await apply(routes('same', 10));
      const before = await read(subject(), ref);
      await nextSecond();
      await apply(routes('same', 10));
      expect(await read(subject(), ref)).toEqual(before);
    });

    test.each([
      ['annotation', routes('moved-annotation', 10, 'app/03')],
      ['field without an annotation', routes('moved-field', 20)],
    ])('a changed %s moves it', async (_, changed) => {
      const { apply, nextSecond } = subject();
      const name = String((changed.metadata as Json).name);
      const ref = { ...virtualService, name };
      await apply(routes(name, 10));
      const before = await read(subject(), ref);
      await nextSecond();
      await apply(changed);
      const after = await read(subject(), ref);
      expect(after.since).toBeGreaterThan(before.since);
      expect(after.generation).toBe(before.generation + (name === 'moved-field' ? 1 : 0));
    });

    test('a weight edited by hand leaves the annotations and the time', async () => {
      const { apply, edit, nextSecond } = subject();
      const ref = { ...virtualService, name: 'edited' };
      await apply(routes('edited', 10));
      const before = await read(subject(), ref);
      await nextSecond();
      await edit(ref, { spec: routes('edited', 90).spec });
      const after = await read(subject(), ref);
      expect(after).toMatchObject({ since: before.since, annotations: before.annotations });
      expect(after.object).toMatchObject({ spec: routes('edited', 90).spec });
    });

    test('correcting that edit moves the time', async () => {
      const { apply, edit, nextSecond } = subject();
      const ref = { ...virtualService, name: 'corrected' };
      await apply(routes('corrected', 10));
      const before = await read(subject(), ref);
      await edit(ref, { spec: routes('corrected', 90).spec });
      await nextSecond();
      await apply(routes('corrected', 10));
      const after = await read(subject(), ref);
      expect(after.since).toBeGreaterThan(before.since);
      expect(after.object).toMatchObject({ spec: routes('corrected', 10).spec });
    });

    test('an annotation set by hand belongs to another entry', async () => {
      const { apply, edit, nextSecond } = subject();
      const ref = { ...virtualService, name: 'annotated' };
      await apply(routes('annotated', 10));
      const before = await read(subject(), ref);
      await nextSecond();
      await edit(ref, { metadata: { annotations: { 'perch/step': 'forged' } } });
      const after = await read(subject(), ref);
      expect(after.since).toBeGreaterThan(before.since);
      expect(after.manager).not.toBe(before.manager);
    });
  });

  describe('a field that the next apply drops', () => {
    test('is gone, also where a person has set others', async () => {
      const { apply, edit } = subject();
      const ref = { ...deployment, name: 'dropped' };
      const { metadata, spec, ...rest } = deploymentOf('dropped');
      const annotations = { 'perch/step': 'app/01', 'perch/digest': 'abc' };
      const before = { ...(metadata as Json), annotations };
      await apply({ ...rest, metadata: before, spec: { ...(spec as Json), minReadySeconds: 7 } });
      await edit(ref, { metadata: { annotations: { note: 'by hand' } } });
      await apply({ ...rest, metadata, spec });
      const after = await read(subject(), ref);
      expect(after.annotations).toEqual({ 'perch/step': 'app/01', note: 'by hand' });
      expect(after.object).not.toHaveProperty('spec.minReadySeconds');
    });
  });

  describe('replicas', () => {
    test('are 1 where nobody sets them', async () => {
      const { apply } = subject();
      await apply(deploymentOf('replicas-default'));
      expect(await replicas(subject(), 'replicas-default')).toBe(1);
    });

    test('fall back to 1 when their only owner drops them', async () => {
      const { apply } = subject();
      await apply(deploymentOf('replicas-dropped', 0));
      expect(await replicas(subject(), 'replicas-dropped')).toBe(0);
      await apply(deploymentOf('replicas-dropped'));
      expect(await replicas(subject(), 'replicas-dropped')).toBe(1);
    });

    test('stay what the HPA made of them when the applier drops them', async () => {
      const { apply, scale } = subject();
      await apply(deploymentOf('replicas-scaled', 2));
      await scale({ ...deployment, name: 'replicas-scaled' }, 5);
      await apply(deploymentOf('replicas-scaled'));
      expect(await replicas(subject(), 'replicas-scaled')).toBe(5);
    });

    test('are taken back from the HPA when they are applied again', async () => {
      const { apply, scale } = subject();
      await apply(deploymentOf('replicas-forced'));
      await scale({ ...deployment, name: 'replicas-forced' }, 5);
      await apply(deploymentOf('replicas-forced', 0));
      expect(await replicas(subject(), 'replicas-forced')).toBe(0);
    });

    test('scaled by the HPA do not move the time', async () => {
      const { apply, scale, nextSecond } = subject();
      const ref = { ...deployment, name: 'replicas-time' };
      await apply(deploymentOf('replicas-time'));
      const before = await read(subject(), ref);
      await nextSecond();
      await scale(ref, 3);
      const after = await read(subject(), ref);
      expect(after.since).toBe(before.since);
      expect(after.generation).toBe(before.generation + 1);
    });
  });

  describe('readiness of a Deployment', () => {
    test('is in its status, and moves neither generation nor time', async () => {
      const { apply, setStatus, nextSecond } = subject();
      const ref = { ...deployment, name: 'ready' };
      await apply(deploymentOf('ready', 2));
      const before = await read(subject(), ref);
      await nextSecond();
      const status = {
        observedGeneration: before.generation,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
      };
      await setStatus(ref, status);
      const after = await read(subject(), ref);
      expect(after).toMatchObject({ since: before.since, generation: before.generation });
      expect(after.object).toMatchObject({ status });
    });

    test('of an older generation is seen as such', async () => {
      const { apply, setStatus } = subject();
      const ref = { ...deployment, name: 'outdated' };
      await apply(deploymentOf('outdated', 1));
      await setStatus(ref, { observedGeneration: 1, replicas: 1 });
      await apply(deploymentOf('outdated', 2));
      const { object, generation } = await read(subject(), ref);
      expect(generation).toBe(2);
      expect(object).toMatchObject({ status: { observedGeneration: 1 } });
    });
  });
}
