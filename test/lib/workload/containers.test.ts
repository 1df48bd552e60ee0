import { expect, test } from 'vitest';
import { deployment, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const PORTS = [{ name: 'http', containerPort: 8080 }];
const main = (more: object) => ({ name: 'main', image: 'shop:1', ports: PORTS, ...more });
const probe = (port: number | string) => ({ readinessProbe: { httpGet: { path: '/', port } } });

const told = (pods: object, ...more: readonly SampleObject[]) =>
  mistakesOf(sample({ workload: workload(deployment(pods), ...more) }));

test.each([['http'], [8080], [9999]])('a probe of port %s is right', async (port) => {
  expect(await told({ containers: [main(probe(port))] })).toEqual([]);
});

const says = (where: string) =>
  `names a port that the container does not have, got "web"; ${where}, or a number`;

test.each<[string, object, string]>([
  ['startupProbe', { startupProbe: { tcpSocket: { port: 'web' } } }, 'use one of http'],
  ['readinessProbe', probe('web'), 'use one of http'],
  ['livenessProbe', { livenessProbe: { httpGet: { port: 'web' } } }, 'use one of http'],
  [
    'lifecycle.postStart',
    { lifecycle: { postStart: { httpGet: { port: 'web' } } } },
    'use one of http',
  ],
  [
    'lifecycle.preStop',
    { lifecycle: { preStop: { httpGet: { port: 'web' } } } },
    'use one of http',
  ],
])('a port name that would dangle: %s', async (way, more, where) => {
  expect(await told({ containers: [main(more)] })).toEqual([
    `shop/object-0: ${way} of container main of Deployment shop ${says(where)}`,
  ]);
});

test('a port name that would dangle: of another container, and of a sidecar', async () => {
  const side = {
    name: 'side',
    image: 'a:1',
    restartPolicy: 'Always',
    ports: [{ name: 'web', containerPort: 1 }],
  };
  expect(
    await told({
      containers: [main(probe('web'))],
      initContainers: [{ ...side, readinessProbe: { httpGet: { port: 'http' } } }],
    }),
  ).toEqual([
    expect.stringContaining('readinessProbe of container main'),
    expect.stringContaining('readinessProbe of container side'),
  ]);
});

test('what is not even a name is told once, by the rules of the API', async () => {
  expect(await told({ containers: [main(probe('8080'))] })).toHaveLength(1);
});
