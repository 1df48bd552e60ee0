import type { Pod } from './pods.ts';

/** What Prometheus may ask, and what it knows of it before it is relabelled. */
export interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Every port of every pod that has an address, with the labels of Prometheus' own discovery of pods
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod), which Debian's build lacks.
 */
export function targets(pods: readonly Pod[]): readonly Target[] {
  return pods.flatMap(({ metadata, spec, status }) => {
    const { podIP } = status ?? {};
    if (podIP === undefined) return [];
    const ports = (spec?.containers ?? []).flatMap((it) => it.ports ?? []);
    const labels = {
      __meta_kubernetes_namespace: metadata.namespace ?? '',
      __meta_kubernetes_pod_name: metadata.name,
      ...prefixed('__meta_kubernetes_pod_label_', metadata.labels),
      ...prefixed('__meta_kubernetes_pod_annotation_', metadata.annotations),
    };
    return ports.map((it) => ({ targets: [`${podIP}:${it.containerPort}`], labels }));
  });
}

function prefixed(prefix: string, all: Readonly<Record<string, string>> = {}) {
  const entries = Object.entries(all);
  // A label of Prometheus has no other characters.
  return Object.fromEntries(
    entries.map(([name, value]) => [`${prefix}${name.replace(/[^\w]/g, '_')}`, value]),
  );
}
