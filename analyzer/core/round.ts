/** Four significant digits, without a tail of zeros. */
export function round(value: number): string {
  return digits(value, 4);
}

/** The same with as many digits as it takes to tell it from the bound that it breaks: never `99 < 99`. */
export function roundBeyond(value: number, bound: number): string {
  const told = [4, 6, 9, 13].find((it) => Number(digits(value, it)) !== bound);
  return told === undefined ? String(value) : digits(value, told);
}

/** `3 of 3`: what more there is than was wanted is not told. */
export function ofWanted(count: number, wanted: number): string {
  return `${Math.min(count, wanted)} of ${wanted}`;
}

/** `1 failed check`, `7 failed checks`. */
export function failedChecksText(count: number): string {
  return `${count} failed check${count === 1 ? '' : 's'}`;
}

/** `2 of 3 failed checks`; more than are tolerated are told as they are, `7 failed checks (threshold 3)`. */
export function failedOf(count: number, threshold: number): string {
  return count > threshold
    ? `${failedChecksText(count)} (threshold ${threshold})`
    : `${count} of ${threshold} failed checks`;
}

function digits(value: number, significant: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(significant))) : String(value);
}
