import { createHash } from 'node:crypto';

/** So many digits tell samples apart, and leave out what the order of a sum changes. */
const SIGNIFICANT = 9;

/** The beginning of the SHA-256 of samples: the same for the same values, whoever asks and whenever. */
export function digestOf(samples: readonly (readonly (string | number)[])[]): string {
  const text = samples
    .map((line) => line.map((it) => (typeof it === 'string' ? it : valueText(it))).join(' '))
    .join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function valueText(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(SIGNIFICANT))) : String(value);
}
