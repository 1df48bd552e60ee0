import { setTimeout as sleep } from 'node:timers/promises';
import { callsSince, count } from './audit.ts';
import { every10Seconds, type Part } from './bench.ts';
import { usageOf } from './usage.ts';

const SECONDS = 30;

/** What the analyzer costs while nothing happens. */
export const rest: Part = {
  releases: [every10Seconds('idle')],
  async run({ analyzer, field, progress }) {
    const { process } = await analyzer();
    const { pid = 0 } = process;
    const before = await usageOf(pid);
    const from = Date.now();
    progress(`rest: ${SECONDS} s`);
    await sleep(SECONDS * 1000);
    const after = await usageOf(pid);
    const idle = process.lines.find((it) => it.idle !== undefined)?.idle;
    await process.stop();
    const made = count(await callsSince(field.stack.kubernetes.auditLogPath, from));
    const perMinute = (value: number) => (value * 60) / SECONDS;
    const cpuSeconds = perMinute(after.cpuSeconds - before.cpuSeconds);
    const calls = perMinute(made.calls);
    const cost = `${cpuSeconds.toFixed(1)} CPU s a minute, ${after.peakMb.toFixed(0)} MB`;
    return [
      {
        story: 'rest',
        measured: `${idle} idle: ${calls.toFixed(0)} calls and ${cost}`,
        met: made.calls === 0,
        data: { idle, callsPerMinute: calls, cpuSecondsPerMinute: cpuSeconds, ...after },
      },
    ];
  },
};
