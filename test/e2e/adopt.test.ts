import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Release, Testing } from '../../lib/index.ts';
import { deployment, sample, workload } from '../lib/sample.ts';
import { applier } from './applier.ts';
import { type Kubernetes, missingKubernetes, startKubernetes } from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const missing = missingKubernetes([]);

/** What somebody else's manifests made, as a cluster with a cloud has it after a while. */
const OLD = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'shop', namespace: 'prod' },
  spec: {
    type: 'LoadBalancer',
    selector: { app: 'shop' },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
  },
};
const ADDRESS = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } };

interface Balanced {
  readonly spec: {
    readonly type: string;
    readonly clusterIP: string;
    readonly ports: readonly { readonly nodePort?: number }[];
    readonly selector: unknown;
  };
  readonly status: unknown;
}

describe('a Service that runs already', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;

  beforeAll(async () => {
    server = await startKubernetes({});
    await server.kubectl(['create', 'namespace', 'prod']);
  });
  afterAll(() => server?.stop());

  test('of type LoadBalancer keeps its addresses when a release takes it over', async () => {
    const read = async (): Promise<Balanced> =>
      JSON.parse(await server.kubectl(['get', 'service', 'shop', '-n', 'prod', '-o', 'json']));
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(OLD));
    await server.kubectl([
      'patch',
      'service',
      'shop',
      '-n',
      'prod',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: ADDRESS }),
    ]);
    const before = await read();
    const service = { port: 80, targetPort: 8080, type: 'LoadBalancer' } as const;
    const { props } = sample({ workload: workload(deployment()), service });
    const { files } = await Testing.render(new Release(Testing.apps(), 'shop', props));
    const text = files.get('steps/06-complete/service-shop.yaml');
    await applier(server).apply([String(text)]);
    const after = await read();
    expect(after.spec.clusterIP).toBe(before.spec.clusterIP);
    expect(after.spec.ports[0]?.nodePort).toBe(before.spec.ports[0]?.nodePort);
    expect(before.spec.ports[0]?.nodePort).toBeGreaterThan(0);
    expect(after.status).toMatchObject(ADDRESS);
    expect(after.spec.selector).toEqual({ app: 'shop', 'perch/track': 'primary' });
  });
});
