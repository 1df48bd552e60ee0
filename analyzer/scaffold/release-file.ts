import type { Choices } from './choices.ts';

/** `apps/<release>.ts`: one release, with a comment on each thing that its author decides. */
export function releaseFile({ release, namespace, port, router }: Choices): string {
  const { imports, traffic, strategy, analysis } = ROUTED[router](release);
  const names = [...COMMON_IMPORTS, ...imports].sort(byName).join(', ');
  return `import { Deployment, Probe } from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import { ${names} } from 'perch';

// All tags stand in images.yaml, so that people and automation change one line there.
const image = images(new URL('images.yaml', import.meta.url));

/** What runs, how it is reached, and how a new version reaches everyone. */
export function ${functionName(release)}(scope: Construct): Release {
  return new Release(scope, '${release}', {
    namespace: '${namespace}',
    workload,
    // Perch makes three Services of it: ${release}, ${release}-primary and ${release}-canary.
    service: { port: 80, targetPort: 'http' },
${indented(traffic, 4)}
${indented(strategy, 4)}
    analysis: {
${indented(analysis, 6)}
    },
  });
}

/** Write it as if there were no canary: Perch makes both tracks of it. */
function workload(scope: Construct): void {
  const deployment = new Deployment(scope, 'deployment', {
    metadata: { name: '${release}' },
    podMetadata: { labels: { app: '${release}' } },
    replicas: 2,
  });
  deployment.addContainer({
    name: '${release}',
    image: image('${release}'),
    ports: [{ name: 'http', number: ${port} }],
    // Without a readiness probe a pod counts as ready before it can answer.
    readiness: Probe.fromHttpGet('/healthz', { port: ${port} }),
    securityContext: { user: 1000, group: 1000 },
  });
}
`;
}

/** The name of the function that makes a release: that of `my-shop` is `myShop`. */
export function functionName(release: string): string {
  const name = release.replace(/-+(.?)/g, (_, next: string) => next.toUpperCase());
  // A DNS label may begin with a digit, or be a word of the language.
  return /^\d/.test(name) || RESERVED.has(name) ? `release${capital(name)}` : name;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Names that the files of a new repository use already, and words that no function may have. */
const RESERVED: ReadonlySet<string> = new Set([
  ...'apps argoCd await break case catch class const continue debugger default delete do else enum'.split(
    ' ',
  ),
  ...'export extends false finally flux for function if image images import in instanceof let new'.split(
    ' ',
  ),
  ...'null package perch private protected public return static super switch this throw true try'.split(
    ' ',
  ),
  ...'typeof var void while with workload yield eval arguments'.split(' '),
  ...'blueGreen canary compare gatewayApi istio kubernetes query'.split(' '),
]);

const COMMON_IMPORTS = ['Duration', 'images', 'Release'];

/** What of a release depends on its router. */
interface Routed {
  readonly imports: readonly string[];
  readonly traffic: string;
  readonly strategy: string;
  readonly analysis: string;
}

const WEIGHTS = `// 10 % more traffic in each step; at 50 % the new version becomes the primary.
strategy: canary({ stepWeight: 10, maxWeight: 50 }),`;

const COMPARED = `// Each step is kept for a minute or longer: until it is proved that the next one is safe.
bakeTime: Duration.minutes(1),
checks: [
  // Canary and primary over the same time: no more errors, and no slower answers. docs/judge.md says how sure that is.
  compare.errorRate(),
  compare.latency(),
],`;

const ROUTED: Readonly<Record<Choices['router'], (release: string) => Routed>> = {
  istio: (release) => ({
    imports: ['canary', 'compare', 'istio'],
    traffic: `// The Gateway and the host by which it is reached from outside. In the mesh it is reached by its Service.
traffic: istio({ gateways: ['istio-system/public-gateway'], hosts: ['${release}.example.com'] }),`,
    strategy: WEIGHTS,
    analysis: COMPARED,
  }),
  'gateway-api': (release) => ({
    imports: ['canary', 'compare', 'gatewayApi'],
    traffic: `// The Gateway and the host by which it is reached, and whose metrics count its requests.
traffic: gatewayApi({
  parentRefs: [{ name: 'public', namespace: 'projectcontour' }],
  hostnames: ['${release}.example.com'],
  metrics: 'contour',
}),`,
    strategy: WEIGHTS,
    analysis: COMPARED,
  }),
  kubernetes: () => ({
    imports: ['blueGreen', 'kubernetes', 'query'],
    traffic: `// No mesh and no gateway: its Service selects one track or the other.
traffic: kubernetes(),`,
    strategy: `// The new version is checked beside the old one, then gets all requests at once.
strategy: blueGreen(),`,
    analysis: `// A sample of each check every minute; a step is left after five minutes of passing samples.
checkPeriod: Duration.minutes(1),
bakeTime: Duration.minutes(5),
// The third failed check of a rollout rolls it back.
threshold: 3,
checks: [
  // Plain Services count no requests. This is from kube-state-metrics; better ask what your application counts itself.
  query({
    name: 'restarts',
    query:
      'sum(increase(kube_pod_container_status_restarts_total{namespace="{{namespace}}",pod=~"{{target}}-[^-]+-[^-]+"}[{{interval}}]))',
    max: 0,
  }),
],`,
  }),
};

function indented(text: string, by: number): string {
  const indent = ' '.repeat(by);
  return text.replace(/^(?=.)/gm, () => indent);
}

/** As people sort imports: without regard to case. */
function byName(a: string, b: string): number {
  return a.toLowerCase() < b.toLowerCase() ? -1 : 1;
}
