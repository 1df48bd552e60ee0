import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gaugeRows } from './gauges.ts';
import { gaugesText, reportText } from './report.ts';
import { gates, type Options, tables } from './tables.ts';

const HELP = `npm run bench:judge -- [options]

Plays rollouts with known regressions, and without, to the judge and to the rules of other tools; Markdown on stdout,
progress on stderr.

  --runs 400   runs of each cell
  --seed 1     where the random numbers begin
  --write      puts the tables into docs/judge.md as well
`;

const PAGE = new URL('../../../docs/judge.md', import.meta.url);
const MARKED =
  /(<!-- measured by npm run bench:judge -->\n)[\s\S]*(<!-- end of what is measured -->)/;
const GAUGES =
  /(<!-- measured of gauges by npm run bench:judge -->\n)[\s\S]*(<!-- end of what is measured of gauges -->)/;

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else main();

function main(): void {
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  const options: Options = { runs: whole(flags.runs), seed: whole(flags.seed), progress };
  const text = reportText(tables(options), gates(options), options);
  const gauges = gaugesText(gaugeRows(options), options);
  process.stdout.write(`${text}\n\n${gauges}\n`);
  if (!flags.write) return;
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page
      .replace(MARKED, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`)
      .replace(GAUGES, (_, start: string, end: string) => `${start}\n${gauges}\n\n${end}`),
  );
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  process.stderr.write(`expected a whole number of 1 or more, got "${text}"\n${HELP}`);
  process.exit(2);
}
