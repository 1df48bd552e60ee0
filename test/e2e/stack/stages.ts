/**
 * How simulated pods behave; an annotation on the pod (so in the pod template) chooses:
 *
 * | `perch-stack/pod` | what the pod does |
 * | --- | --- |
 * | none | it is ready at once |
 * | `never-ready` | it runs, and is never ready |
 * | `crash-loop` | its container ends with 1 again and again: CrashLoopBackOff, restarts counted |
 * | `fails` | it ends with 1, as the pod of a Job that fails |
 *
 * `perch-stack/ready-after: 20s` makes any pod that gets ready wait so long first. A Job's pod is done when it is ready.
 */
export const POD_ANNOTATION = 'perch-stack/pod';

/** A duration as Go writes it, such as `20s` or `1m30s`. */
export const READY_AFTER_ANNOTATION = 'perch-stack/ready-after';

/** How long a deleted pod goes on answering: what a preStop hook does for real ones. */
const GRACE_MS = 1500;
const CRASH_MS = 3000;
const FAIL_MS = 1000;

/** KWOK's Stage objects, as the YAML of its configuration file. */
export function stages(): string {
  const all = [
    nodeReady(),
    podRuns(),
    podReady(),
    podCrashes(),
    podRestarts(),
    jobCompletes(),
    podFails(),
    podDeleted(),
  ];
  // JSON is YAML.
  return all.map((it) => `---\n${JSON.stringify(it, null, 2)}\n`).join('');
}

interface Match {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

function stage(
  name: string,
  kind: 'Node' | 'Pod',
  matchExpressions: readonly Match[],
  spec: object,
): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...spec },
  };
}

const EXISTS: Match = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const READY_CONDITION = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const BEHAVIOUR = `.metadata.annotations["${POD_ANNOTATION}"]`;

function phase(...values: readonly string[]): Match {
  return { key: '.status.phase', operator: 'In', values };
}

function behaves(...values: readonly string[]): Match {
  return { key: BEHAVIOUR, operator: 'In', values };
}

function nodeReady(): object {
  const statusTemplate = `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
addresses:
- { type: InternalIP, address: {{ NodeIP | Quote }} }
- { type: Hostname, address: {{ NodeName | Quote }} }
allocatable: { cpu: 1k, memory: 1Ti, pods: 1M }
capacity: { cpu: 1k, memory: 1Ti, pods: 1M }
phase: Running
`;
  const notReady: Match = { key: READY_CONDITION, operator: 'NotIn', values: ['True'] };
  return stage('node-ready', 'Node', [notReady], { next: { statusTemplate } });
}

/** Only once: asked a second time, KWOK gives a pod a second address. */
const ADDRESSES = `
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs:
- { ip: {{ index . 0 | Quote }} }
{{ end }}
phase: Running
startTime: {{ Now | Quote }}
`;

/** The lists of a status are replaced whole, so each template says all of them. */
function podStatus(options: {
  readonly ready: boolean;
  readonly state: string;
  readonly restarts: string;
}): string {
  const { ready, state, restarts } = options;
  const status = ready ? 'True' : 'False';
  return `
{{ $now := Now }}
{{ $root := . }}
conditions:
- { type: PodScheduled, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "${status}", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "${status}", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range $index, $item := .spec.containers }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  ready: ${ready}
  started: ${ready}
  restartCount: ${restarts}
  state: ${state}
{{ end }}
`;
}

const IS_RUNNING = '{ running: { startedAt: {{ $now | Quote }} } }';
const SAME_RESTARTS =
  '{{ with $root.status.containerStatuses }}{{ ( index . $index ).restartCount }}{{ else }}0{{ end }}';
const ONE_MORE_RESTART = '{{ add ( index $root.status.containerStatuses $index ).restartCount 1 }}';

function podRuns(): object {
  const status = podStatus({ ready: false, state: IS_RUNNING, restarts: '0' });
  const statusTemplate = status + ADDRESSES;
  return stage('pod-runs', 'Pod', [EXISTS, phase('Pending')], { next: { statusTemplate } });
}

function podReady(): object {
  const statusTemplate = podStatus({ ready: true, state: IS_RUNNING, restarts: SAME_RESTARTS });
  const matches: Match[] = [
    EXISTS,
    phase('Running'),
    { key: BEHAVIOUR, operator: 'DoesNotExist' },
    { key: READY_CONDITION, operator: 'NotIn', values: ['True'] },
  ];
  const durationFrom = { expressionFrom: `.metadata.annotations["${READY_AFTER_ANNOTATION}"]` };
  return stage('pod-ready', 'Pod', matches, {
    delay: { durationMilliseconds: 0, durationFrom },
    next: { statusTemplate },
  });
}

const CONTAINER_STATE = '.status.containerStatuses.[].state';

function podCrashes(): object {
  const state =
    '{ waiting: { reason: CrashLoopBackOff, message: "back-off restarting failed container" } }';
  const statusTemplate = podStatus({ ready: false, state, restarts: SAME_RESTARTS });
  const running: Match = { key: `${CONTAINER_STATE}.running.startedAt`, operator: 'Exists' };
  return stage('pod-crashes', 'Pod', [EXISTS, phase('Running'), behaves('crash-loop'), running], {
    delay: { durationMilliseconds: CRASH_MS },
    next: { statusTemplate },
  });
}

function podRestarts(): object {
  const statusTemplate = podStatus({ ready: false, state: IS_RUNNING, restarts: ONE_MORE_RESTART });
  const waiting: Match = { key: `${CONTAINER_STATE}.waiting.reason`, operator: 'Exists' };
  return stage('pod-restarts', 'Pod', [EXISTS, behaves('crash-loop'), waiting], {
    delay: { durationMilliseconds: CRASH_MS },
    next: { statusTemplate },
  });
}

function jobCompletes(): object {
  const matches: Match[] = [
    EXISTS,
    phase('Running'),
    { key: READY_CONDITION, operator: 'In', values: ['True'] },
    { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
  ];
  return stage('job-completes', 'Pod', matches, {
    next: { statusTemplate: 'phase: Succeeded\n' },
  });
}

function podFails(): object {
  return stage('pod-fails', 'Pod', [EXISTS, phase('Running'), behaves('fails')], {
    delay: { durationMilliseconds: FAIL_MS },
    next: { statusTemplate: 'phase: Failed\n' },
  });
}

function podDeleted(): object {
  const deleted: Match = { key: '.metadata.deletionTimestamp', operator: 'Exists' };
  return stage('pod-deleted', 'Pod', [deleted], {
    delay: { durationMilliseconds: GRACE_MS },
    next: { delete: true },
  });
}
