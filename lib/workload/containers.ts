import { type JsonObject, listAt, type Manifest, objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { isPortName } from '../validation/rules/names.ts';

/** The containers that run beside each other in a pod: init containers that go on running are sidecars. */
export function runningContainers(workload: Manifest | undefined): readonly JsonObject[] {
  const spec = podSpecOf(workload);
  const sidecars = listAt(spec, 'initContainers').filter((it) => it.restartPolicy === 'Always');
  return [...listAt(spec, 'containers'), ...sidecars];
}

/** What the pods of a workload, a Job or a CronJob are. */
export function podSpecOf(object: Manifest | undefined): JsonObject {
  const job = object?.kind === 'CronJob' ? objectAt(object, 'spec', 'jobTemplate') : object;
  return objectAt(job, 'spec', 'template', 'spec');
}

const ASKED: readonly (readonly string[])[] = [
  ['startupProbe'],
  ['readinessProbe'],
  ['livenessProbe'],
  ['lifecycle', 'postStart'],
  ['lifecycle', 'preStop'],
];

/**
 * What is wrong with probes and hooks that name a port. The API server takes any name; the kubelet looks for it in the ports of
 * this container alone, and where it finds none, the probe never has a result.
 */
export function probePortMistakes({ path, object }: Authored): readonly Mistake[] {
  const spec = podSpecOf(object);
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')];
  return containers.flatMap((container) => {
    const ports = listAt(container, 'ports').flatMap(({ name }) =>
      typeof name === 'string' ? [name] : [],
    );
    const remedy =
      ports.length === 0
        ? 'name one of its ports so, or give a number'
        : `use one of ${ports.join(', ')}, or a number`;
    return ASKED.flatMap((way) =>
      ['httpGet', 'tcpSocket'].flatMap((kind) => {
        const { port } = objectAt(container, ...way, kind);
        // What is no name at all is told by the API's own rule.
        if (typeof port !== 'string' || !isPortName(port) || ports.includes(port)) return [];
        const problem = `${way.join('.')} of container ${String(container.name)} of ${object.kind} ${object.metadata.name} names a port that the container does not have`;
        return [{ path, problem, got: port, remedy }];
      }),
    );
  });
}
