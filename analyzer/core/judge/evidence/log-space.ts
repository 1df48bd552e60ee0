/** ln(eᵃ + eᵇ), without overflow; −∞ is the logarithm of nothing. */
export function logAddExp(a: number, b: number): number {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  return low === -Infinity || high === Infinity ? high : high + Math.log1p(Math.exp(low - high));
}

/** `logAddExp` of each of these and a number, in place: a call for each would make two objects of numbers. */
export function addExpToEach(all: Float64Array, b: number): void {
  for (let j = 0; j < all.length; j++) {
    const a = all[j] ?? 0;
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const apart = low - high;
    if (low === -Infinity || high === Infinity || (apart < FAR && Math.abs(high) >= LEAST_HIGH))
      all[j] = high;
    else all[j] = high + Math.log1p(Math.exp(apart));
  }
}

/** So far below, a number of at least that size takes nothing up: e⁻⁴⁰ is less than its half last bit. */
const FAR = -40;
const LEAST_HIGH = 0.125;

/** ln Σ eᵛ, without overflow; −∞ where there are no values. */
export function logSumExp(values: readonly number[]): number {
  let high = -Infinity;
  for (const it of values) if (it > high) high = it;
  if (!Number.isFinite(high)) return high;
  let sum = 0;
  for (const it of values) sum += Math.exp(it - high);
  return high + Math.log(sum);
}

/** From here on Stirling's series is exact in double precision. */
const LARGE = 16;

/**
 * ln B(a, b) of positive arguments. Of large ones the parts of Stirling's formula that cancel are left out beforehand:
 * a difference of three ln Γ would lose nine digits at 1e9.
 */
export function lnBeta(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  const sum = low + high;
  const rest = Math.log1p(-low / sum);
  if (low >= LARGE) {
    const tail = stirlingTail(low) + stirlingTail(high) - stirlingTail(sum);
    const main = (low - 0.5) * Math.log(low / sum) + high * rest - 0.5 * Math.log(high);
    return main + HALF_LN_TAU + tail;
  }
  if (high >= LARGE) {
    const tail = stirlingTail(high) - stirlingTail(sum);
    return lnGamma(low) + tail + low - low * Math.log(sum) + (high - 0.5) * rest;
  }
  return lnGamma(low) + lnGamma(high) - lnGamma(sum);
}

const HALF_LN_TAU = 0.5 * Math.log(2 * Math.PI);

/** What Stirling's formula leaves of ln Γ(x), x ≥ 16: Σ B₂ₖ / (2k (2k−1) x²ᵏ⁻¹). */
function stirlingTail(x: number): number {
  const u = 1 / (x * x);
  const series = 1 / 12 - u * (1 / 360 - u * (1 / 1260 - u * (1 / 1680 - u / 1188)));
  return series / x;
}

/** Lanczos' approximation with g = 7 and nine terms (Godfrey): 15 digits for positive arguments. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

function lnGamma(x: number): number {
  const t = x + 6.5;
  const sum = LANCZOS.reduce((all, it, k) => (k === 0 ? it : all + it / (x - 1 + k)), 0);
  return HALF_LN_TAU + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}
