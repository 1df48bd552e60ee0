/** So many numbers from `low` to `high`, each the same multiple of the one before. */
export function logSpaced(low: number, high: number, count: number): readonly number[] {
  const step = Math.log(high / low) / (count - 1);
  return Array.from({ length: count }, (_, j) =>
    j === count - 1 ? high : low * Math.exp(j * step),
  );
}

/** So many numbers from `low` to `high`, each the same distance from the one before. */
export function evenlySpaced(low: number, high: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, j) => low + ((high - low) * j) / (count - 1));
}
