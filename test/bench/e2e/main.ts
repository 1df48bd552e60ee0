import { parseArgs } from 'node:util';
import { missingStack } from '../../e2e/stack/stack.ts';
import type { Tool } from '../../e2e/stories/field.ts';
import { type Finding, openBench, type Part, type Servers } from './bench.ts';
import { kill } from './kill.ts';
import { machine, type Report, reportText } from './report.ts';
import { rest } from './rest.ts';
import { calls, many } from './rollouts.ts';
import { evidence, guarded, safety } from './safety.ts';
import { silence } from './silence.ts';

const PARTS: Readonly<Record<string, Part>> = {
  safety,
  evidence,
  guarded,
  calls,
  rest,
  silence,
  kill,
  many,
};

/**
 * The parts that share servers, in the order in which they run. Flux reconciles every release at each commit:
 * where seconds count there are few of them.
 */
const STACKS: readonly (Servers & { readonly parts: readonly string[] })[] = [
  { tool: 'flux', hasOwnApplier: false, parts: ['safety', 'calls'] },
  { tool: 'argo-cd', hasOwnApplier: false, parts: ['safety', 'calls'] },
  ...['evidence', 'guarded'].flatMap((part) =>
    (['flux', 'argo-cd'] as const).map((tool) => ({
      tool,
      hasOwnApplier: false,
      parts: [part],
    })),
  ),
  { tool: 'flux', hasOwnApplier: false, parts: ['silence', 'kill'] },
  { tool: 'flux', hasOwnApplier: true, parts: ['rest', 'many'] },
];

const HELP = `npm run bench:e2e -- [options]

Measures Perch on real servers beside its peers; results on stdout, progress on stderr. All of it takes some 28
minutes. Needs what npm run test:e2e needs.

  --only PART,...  of ${Object.keys(PARTS).join(', ')} (default: all)
  --tool TOOL      flux or argo-cd (default: both; parts that measure the analyzer alone run with Flux only)
  --json           print JSON for machines
`;

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    tool: { type: 'string', default: 'flux,argo-cd' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const tools = chosen(flags.tool, ['flux', 'argo-cd'] as const);
  const names = chosen(flags.only, Object.keys(PARTS));
  const missing = await missingStack({ sync: tools, gateway: true, prometheus: true });
  if (missing !== undefined) throw new Error(missing);
  const began = performance.now();
  const findings: Partial<Record<Tool, readonly Finding[]>> = {};
  const failures: string[] = [];
  for (const servers of STACKS.filter((it) => tools.includes(it.tool))) {
    const { tool } = servers;
    const asked = servers.parts.filter((it) => names.includes(it));
    if (asked.length === 0) continue;
    findings[tool] = [...(findings[tool] ?? []), ...(await measure(servers, asked, failures))];
  }
  const seconds = (performance.now() - began) / 1000;
  const report: Report = { machine: machine(), seconds, findings, failures };
  process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  const missed = Object.values(findings).some((all) => all.some((it) => it.met === false));
  if (missed || failures.length > 0) process.exitCode = 1;
}

/** A part that fails takes no other with it. */
async function measure(
  servers: Servers,
  names: readonly string[],
  failures: string[],
): Promise<readonly Finding[]> {
  const { tool } = servers;
  const began = performance.now();
  const progress = (line: string) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(0).padStart(4);
    process.stderr.write(`${tool} ${seconds} s  ${line}\n`);
  };
  const parts = names.flatMap((it) => PARTS[it] ?? []);
  const bench = await openBench(
    servers,
    parts.flatMap((it) => it.releases),
    progress,
  );
  const findings: Finding[] = [];
  try {
    for (const name of names) {
      progress(name);
      try {
        const found = (await PARTS[name]?.run(bench)) ?? [];
        for (const { story, measured } of found) progress(`${story}: ${measured}`);
        findings.push(...found);
      } catch (error) {
        failures.push(`${name} with ${tool}: ${(error as Error).message}`);
        progress(failures.at(-1) ?? '');
      }
    }
    return findings;
  } finally {
    await bench.stop();
  }
}

function chosen<T extends string>(text: string, known: readonly T[]): readonly T[] {
  const all = text.split(',');
  const wrong = all.filter((it) => !known.some((one) => one === it));
  if (wrong.length === 0) return known.filter((it) => all.includes(it));
  process.stderr.write(`unknown: ${wrong.join(', ')}\n${HELP}`);
  process.exit(2);
}
