import { type Pod, workloadOf } from './pods.ts';
import type { Busy } from './protocol.ts';

const ROOT = '/apis/metrics.k8s.io/v1beta1';

/**
 * What a metrics server answers, as far as the controller of autoscalers asks.
 *
 * @param url path and query
 * @returns nothing for what it does not know
 */
export function resourceMetrics(
  url: string,
  pods: readonly Pod[],
  busy: readonly Busy[],
): object | undefined {
  const { pathname, searchParams } = new URL(url, 'http://loopback');
  if (pathname === ROOT) return RESOURCES;
  const namespace = /^\/namespaces\/([^/]+)\/pods$/.exec(pathname.slice(ROOT.length))?.[1];
  if (namespace === undefined || !pathname.startsWith(ROOT)) return undefined;
  const isAsked = selector(searchParams.get('labelSelector') ?? '');
  const asked = pods.filter((it) => it.metadata.namespace === namespace && isAsked(it));
  return {
    apiVersion: 'metrics.k8s.io/v1beta1',
    kind: 'PodMetricsList',
    metadata: {},
    items: asked.map((it) => usageOf(it, busy)),
  };
}

const RESOURCES = {
  apiVersion: 'v1',
  kind: 'APIResourceList',
  groupVersion: 'metrics.k8s.io/v1beta1',
  resources: [
    {
      name: 'pods',
      singularName: '',
      namespaced: true,
      kind: 'PodMetrics',
      verbs: ['get', 'list'],
    },
  ],
};

/** Of the form `a=b,c=d`, which is what `matchLabels` become. */
function selector(text: string): (pod: Pod) => boolean {
  const wanted = text.split(',').filter((it) => it !== '');
  return ({ metadata: { labels = {} } }) =>
    wanted.every((it) => {
      const [key = '', value = ''] = it.split('=');
      return labels[key] === value;
    });
}

function usageOf(pod: Pod, busy: readonly Busy[]): object {
  const { namespace, name, labels } = pod.metadata;
  const workload = workloadOf(pod);
  const millicores = busy.find((it) => it.workload === workload)?.millicores ?? 1;
  const usage = { cpu: `${millicores}m`, memory: '32Mi' };
  return {
    metadata: { namespace, name, labels },
    timestamp: new Date().toISOString(),
    window: '15s',
    containers: (pod.spec?.containers ?? []).map((it) => ({ name: it.name, usage })),
  };
}
