import { scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

const seed = Number(process.argv[2]);
const blobs = new Map<string, string>();
const s = await scenario(seed, blobs);
const logs: string[] = [];
const every = Number(process.argv[3] ?? 0);
try {
  await simulate(s, blobs, (t) => every > 0 && t % every === 0, {
    state: (it) => {
      logs.push(
        `${it.at} ${it.kind} ${JSON.stringify(it.position)} ${it.reason} ${it.candidate} failed=${it.steps.map((x) => x.failedChecks)}`,
      );
      return it;
    },
  });
} catch (e) {
  console.log(String(e));
}
console.log(s.kind, s.tickSeconds, s.story.join('\n'), '\n' + logs.join('\n'));
