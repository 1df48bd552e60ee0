import { fileURLToPath } from 'node:url';
import { Chart } from 'cdk8s';
import { Construct } from 'constructs';
import * as z from 'zod';
import { isThere } from '../files.ts';
import type { Manifest } from '../manifest/json.ts';
import { freeId } from '../manifest/put.ts';
import { type Fault, readManifests } from '../manifest/read-manifests.ts';
import { type Reproof, reprove } from '../mistake.ts';
import { aPath, extended, fields, jsonObject, listOf } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import type { WorkloadFactory } from '../workload/workload.ts';
import { choiceProps, putChosen } from './choice.ts';
import { callHelm } from './helm-command.ts';

/** A chart, and what is left out of what it makes. */
export interface HelmProps extends z.infer<typeof helmProps> {}

/** The schema of `HelmProps`. */
export const helmProps = extended(fields(choiceProps), {
  /** Folder of the chart, its name in a repository, or its oci:// address. A relative path counts from the project's folder. */
  chart: aPath,
  /** Helm's own release name: the names of most charts' objects follow from it. */
  releaseName: z.string(),
  /**
   * Address of the repository that has the chart.
   * @default - the chart is a folder, or an oci:// address
   */
  repo: z.string().optional(),
  /**
   * Version of the chart. Synth warns where a chart that is not a folder has none, or a range.
   * @default - that of the folder, or the newest on the day of the synth
   */
  version: z.string().optional(),
  /**
   * Namespace that the chart is rendered for.
   * @default - that of the release
   */
  namespace: z.string().optional(),
  /**
   * What the chart is rendered with.
   * @default - the chart's own values
   */
  values: jsonObject.optional(),
  /**
   * Further arguments of `helm template`, such as `--kube-version`.
   * @default - none
   */
  flags: listOf(z.string()).optional(),
  /**
   * Whether the chart's tests are left out: Pods that `helm test` runs.
   * @default false
   */
  skipTests: z.boolean().optional(),
  /**
   * Whether the chart's hooks are left out, its tests among them: what Helm runs before or after it installs.
   * @default false
   */
  skipHooks: z.boolean().optional(),
});

/**
 * The objects of a Helm chart, as `helm template` prints them; the helm command must be installed.
 *
 * @returns a `workload`, which can also be called in one: `(scope) => { helm({ … })(scope); … }`
 */
export function helm(props: HelmProps): WorkloadFactory {
  const { given, reproofs } = readProps('helm', helmProps, props);
  return (scope) => {
    const name = given?.releaseName ?? '';
    const it = new Construct(scope, freeId(scope, `helm ${name}`.trim()));
    reprove(it, ...reproofs);
    if (given !== undefined) reprove(it, ...unpinned(given), ...putChart(it, given));
  };
}

/** A chart of a repository that is another one on another day. */
function unpinned({ chart, repo, version, flags = [] }: HelmProps): readonly Reproof[] {
  if (chart instanceof URL || flags.some((it) => /^--version(?:=|$)/.test(it))) return [];
  const isInRepository = repo !== undefined || OCI.test(chart) || isNamed(chart);
  if (!isInRepository || EXACT.test(version ?? '') || PINNED.test(chart)) return [];
  const problem = 'helm takes the newest version of the chart on the day of the synth';
  const got = version === undefined ? { chart } : { chart, version };
  const remedy =
    'name one exact version, such as 1.4.2: then each new one comes with a pull request';
  return [{ severity: 'warning', problem, got, remedy }];
}

const OCI = /^oci:\/\//;

/** An address with a tag or a digest after the name of the chart. */
const PINNED = /^oci:\/\/.*\/[^/:@]+[:@][^/]+$/;

/** All else is a range to Helm. */
const EXACT = /^v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;

/** Whether it is a chart of a repository that somebody has added to helm, such as `bitnami/nginx`; helm looks for a folder first. */
function isNamed(chart: string): boolean {
  return /^[\w-]+\/[\w.-]+$/.test(chart) && !isThere(chart);
}

function putChart(scope: Construct, props: HelmProps): readonly Reproof[] {
  const namespace = props.namespace ?? Chart.of(scope).namespace;
  const answer = callHelm(argumentsOf(props, namespace), JSON.stringify(props.values ?? {}));
  if (answer.kind === 'failed') return [answer.mistake];
  const { objects, faults } = readManifests(answer.text);
  const lines = answer.text.split('\n');
  if (faults.length > 0) return faults.map((it) => faultOf(it, lines));
  const kept = objects.map((it) => it.object).filter((it) => !isSkipped(it, props));
  return putChosen(scope, kept, props);
}

function argumentsOf(
  { chart, releaseName, repo, version, values, flags = [] }: HelmProps,
  namespace: string | undefined,
): readonly string[] {
  const option = (name: string, value: string | undefined) =>
    value === undefined ? [] : [name, value];
  return [
    'template',
    releaseName,
    chart instanceof URL ? fileURLToPath(chart) : chart,
    ...option('--repo', repo),
    ...option('--version', version),
    ...option('--namespace', namespace),
    // The values are on standard input.
    ...option('--values', values === undefined ? undefined : '-'),
    ...flags,
  ];
}

/** Helm says above each object which of the chart's files it is from. */
function faultOf({ line, problem, remedy }: Fault, lines: readonly string[]): Reproof {
  const above = lines.slice(0, line).reverse();
  const source = above.find((it) => it.startsWith('# Source: '))?.slice('# Source: '.length);
  const whose = source === undefined ? '' : ` (${source})`;
  return { problem: `line ${line} of what helm prints${whose} ${problem}`, remedy };
}

function isSkipped({ metadata }: Manifest, { skipTests, skipHooks }: HelmProps): boolean {
  const hook = metadata.annotations?.['helm.sh/hook'];
  if (hook === undefined) return false;
  if (skipHooks === true) return true;
  return skipTests === true && hook.split(',').some((it) => TESTS.has(it.trim()));
}

/** The latter two are those of Helm 2, which 3 still knows. */
const TESTS: ReadonlySet<string> = new Set(['test', 'test-success', 'test-failure']);
