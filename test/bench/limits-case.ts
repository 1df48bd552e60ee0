import { readManifest } from '../../analyzer/core/admission/manifest.ts';
import type { BlobText } from '../../analyzer/core/admission/policy.ts';
import { planExamination } from '../../analyzer/core/admission/policy.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import { parseState } from '../../analyzer/core/state.ts';
import { readPiece } from '../../analyzer/metrics/prometheus-answer.ts';
import { toYaml } from '../../lib/manifest/yaml.ts';
import { readPlan } from '../../lib/plan/parse.ts';
import type { FileInfo, Plan } from '../../lib/plan/plan.ts';
import { policyWith } from '../../lib/plan/policy.ts';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { plan } from '../analyzer/core/fixture.ts';
import { timed } from './numbers.ts';

/** One input of hostile size in a process of its own: prints how long the longest piece of work took. */

/** Just below 150,000 words and signs. */
const repeated = (text: string, tokens: number) => text.repeat(Math.floor(149_000 / tokens));

const numbered = (line: (index: number) => string, tokens: number) =>
  Array.from({ length: Math.floor(149_000 / tokens) }, (_, index) => line(index)).join('');

const MANIFEST =
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: test\ndata:\n';

function largePlan(files: number): Plan {
  const { plan: base } = plan('v1');
  const names = Array.from({ length: files }, (_, it) => `configmap-settings-${it}.yaml`);
  const info = (name: string): FileInfo => ({
    role: 'configuration',
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'test',
    name: name.slice('configmap-'.length, -'.yaml'.length),
    asked: true,
    pointers: ['/data'],
  });
  const whole = new Set([base.steps[0]?.name, base.steps.at(-1)?.name]);
  return {
    ...base,
    files: Object.fromEntries(names.map((it) => [it, info(it)])),
    workloads: {},
    baseline: undefined,
    steps: base.steps.map((it) => ({ ...it, files: whole.has(it.name) ? names : [] })),
  };
}

/** The longest turn of looking at a plan whose files together have almost the most words. */
function examination(): number {
  const large = largePlan(10);
  const text = `${MANIFEST}${numbered((it) => `  k${it}: v\n`, 6)}`;
  const paths = large.steps.flatMap((step) =>
    step.files.map((name) => `steps/${step.name}/${name}`),
  );
  const names = Object.keys(large.files);
  const oidOf = (path: string) =>
    String(names.findIndex((it) => path.endsWith(`/${it}`))).padStart(40, '0');
  const tree: PlanTree = {
    tree: 'a'.repeat(40),
    plan: large,
    blobs: new Map(paths.map((it) => [it, oidOf(it)])),
  };
  const texts = new Map<string, BlobText>(paths.map((it) => [oidOf(it), { kind: 'text', text }]));
  let longest = 0;
  let began = performance.now();
  for (const _ of planExamination(large.release, tree, texts, policyWith())) {
    longest = Math.max(longest, performance.now() - began);
    began = performance.now();
  }
  return longest;
}

const piece = (values: string) => () =>
  readPiece(
    {
      status: 200,
      contentType: 'application/json',
      quote: (it) => it,
      body: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[${values}]}]}}`,
    },
    { start: 0, end: 60, stepSeconds: 30 },
  );

const ended = (parse: (text: string) => unknown, text: string) => () => {
  try {
    return parse(text);
  } catch (error) {
    return error;
  }
};

const CASES: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  'plan of 1,000 files': () => {
    const text = toYaml(JSON.parse(JSON.stringify(largePlan(1000))));
    return () => readPlan(text);
  },
  'plan: most keys': () =>
    ended(
      readPlan,
      numbered((it) => `k${it}: 1\n`, 5),
    ),
  'plan: most wrong fields': () => ended(readPlan, `checks:\n${repeated(' - 1\n', 5)}`),
  'state: most keys': () =>
    ended(
      (it) => parseState(it, 'x'),
      numbered((it) => `k${it}: 1\n`, 5),
    ),
  'YAML: most list items': () => ended(readYaml, repeated('-\n', 2)),
  'YAML: most empty keys': () => ended(readYaml, repeated(':\n', 2)),
  'YAML: most complex keys': () => ended(readYaml, repeated('?\n', 2)),
  'YAML: a flow list': () => ended(readYaml, `[${repeated('a,', 3)}]`),
  'YAML: a flow map': () => ended(readYaml, `{${numbered((it) => `k${it}: 1,`, 5)}}`),
  'YAML: most quotes': () => ended(readYaml, repeated('"', 1)),
  'YAML: most one-line errors': () => ended(readYaml, repeated('[a]\n', 5)),
  'YAML: longest text': () => ended(readYaml, `a: |\n${' x\n'.repeat(340_000)}`),
  'YAML: longest quoted text': () => ended(readYaml, `a: "${'x\n  '.repeat(250_000)}"`),
  'manifest: most keys': () =>
    ended(readManifest, `${MANIFEST}${numbered((it) => `  k${it}: v\n`, 6)}`),
  'JSON: most wrong points': () => piece('1,'.repeat(99_000).slice(0, -1)),
  'JSON: most points': () => piece('[1,"1"],'.repeat(33_000).slice(0, -1)),
  'JSON: too many values': () => piece('1,'.repeat(2_000_000).slice(0, -1)),
  'plan: files of 2,000,000 words, longest turn': () => examination,
};

const [name = ''] = process.argv.slice(2);
const work = CASES[name]?.();
if (name === '') process.stdout.write(JSON.stringify(Object.keys(CASES)));
else {
  const { ms, result } = await timed(() => (typeof work === 'function' ? work() : work));
  process.stdout.write(JSON.stringify({ ms: typeof result === 'number' ? result : ms }));
}
