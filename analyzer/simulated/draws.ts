import type { Random } from './random.ts';

/** Numbers that are drawn from the distributions that counts of requests have. */

/** How many of `count` things happen that each happen with this probability (Hörmann's BTRS; by inversion where few do). */
export function binomial(random: Random, count: number, probability: number): number {
  if (!(count > 0 && probability > 0)) return 0;
  if (probability >= 1) return count;
  if (probability > 0.5) return count - binomial(random, count, 1 - probability);
  return count * probability < 10
    ? byInversion(random, count, probability)
    : byRejection(random, count, probability);
}

function byInversion(random: Random, count: number, probability: number): number {
  const odds = probability / (1 - probability);
  let left = random.next();
  let mass = Math.exp(count * Math.log1p(-probability));
  let found = 0;
  while (left > mass && found < count) {
    left -= mass;
    found += 1;
    mass *= (odds * (count - found + 1)) / found;
  }
  return found;
}

function byRejection(random: Random, count: number, probability: number): number {
  const odds = probability / (1 - probability);
  const deviation = Math.sqrt(count * probability * (1 - probability));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * probability;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((count + 1) * probability);
  for (;;) {
    const v = random.next();
    const u = random.next() - 0.5;
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + count * probability + 0.5);
    if (k < 0 || k > count) continue;
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    const bound =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (count - mode + 1))) +
      (count + 1) * Math.log((count - mode + 1) / (count - k + 1)) +
      (k + 0.5) * Math.log((odds * (count - k + 1)) / (k + 1)) +
      (tail(mode) + tail(count - mode) - tail(k) - tail(count - k));
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

/** ln k! less what Stirling's formula makes of it. */
function tail(k: number): number {
  const exact = TAILS[k];
  if (exact !== undefined) return exact;
  const u = 1 / ((k + 1) * (k + 1));
  return (1 / 12 - (1 / 360 - u / 1260) * u) / (k + 1);
}

const TAILS = Array.from({ length: 10 }, (_, k) => {
  let factorial = 1;
  for (let it = 2; it <= k; it++) factorial *= it;
  const stirling = (k + 0.5) * Math.log(k + 1) - (k + 1) + 0.5 * Math.log(2 * Math.PI);
  return Math.log(factorial) - stirling;
});

/** From the standard normal distribution (Box and Muller). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

/** From the gamma distribution of mean 1 with this coefficient of variation (Marsaglia and Tsang). */
export function gammaNoise(random: Random, cv: number): number {
  if (cv === 0) return 1;
  const shape = 1 / (cv * cv);
  // A shape below 1 is drawn as a larger one, and scaled down.
  const lift = shape < 1 ? (1 - random.next()) ** (1 / shape) : 1;
  const d = (shape < 1 ? shape + 1 : shape) - 1 / 3;
  for (;;) {
    const z = normal(random);
    const v = (1 + z / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * z * z + d * (1 - v + Math.log(v)))
      return (lift * d * v) / shape;
  }
}
