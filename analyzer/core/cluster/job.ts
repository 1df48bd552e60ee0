import { at } from '../../../lib/plan/pointer.ts';
import type { JobStatus, ObjectReading } from './reading.ts';

/**
 * What a Job's conditions say: it ends with Complete or Failed, and never leaves either.
 *
 * @param notBefore a Job that was made before is of an earlier try of the same candidate; Unix seconds
 */
export function jobStatus(reading: ObjectReading | undefined, notBefore: number): JobStatus {
  if (reading === undefined || reading.kind === 'unknown')
    return { kind: 'unknown', reason: reading?.reason ?? 'not asked' };
  if (reading.kind === 'absent') return { kind: 'running', reason: 'it does not exist yet' };
  const { object } = reading;
  if (Date.parse(String(at(object, '/metadata/creationTimestamp'))) / 1000 < notBefore)
    return { kind: 'running', reason: 'an earlier try left it, and it must be deleted first' };
  const found = at(object, '/status/conditions');
  const conditions: readonly unknown[] = Array.isArray(found) ? found : [];
  const isTrue = (type: string) =>
    conditions.find((it) => at(it, '/type') === type && at(it, '/status') === 'True');
  if (isTrue('Complete') !== undefined) return { kind: 'complete' };
  const failed = isTrue('Failed');
  if (failed === undefined) return { kind: 'running', reason: `${pods(object)} so far` };
  const said = [at(failed, '/reason'), at(failed, '/message')].filter((it) => it !== undefined);
  return { kind: 'failed', reason: said.join(': ') || 'no reason given' };
}

function pods(object: unknown): string {
  const count = (pointer: string) => Number(at(object, pointer) ?? 0);
  return `${count('/status/succeeded')} pods succeeded and ${count('/status/failed')} failed`;
}
