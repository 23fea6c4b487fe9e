/**
 * Activation functions of feed-forward blocks, with their slopes: updates that go through a block look for
 * pre-activations that give wanted activations.
 */

/** A function and its derivative. */
export interface ActivationFunction {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The normal distribution's share below x, to 1e-7 (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26). */
function below(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.SQRT1_2 * Math.abs(x));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * series * Math.exp(-0.5 * x * x);
  return x > 0 ? 1 - tail : tail;
}

const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBE = 0.044715;
const tanhOf = (x: number): number => Math.tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));

/** Every activation that is known here. */
export const ACTIVATIONS = {
  silu: {
    value: (x) => x * sigmoid(x),
    slope(x) {
      const s = sigmoid(x);
      return s * (1 + x * (1 - s));
    },
  },
  gelu: { value: (x) => x * below(x), slope: (x) => below(x) + x * density(x) },
  "gelu-tanh": {
    value: (x) => 0.5 * x * (1 + tanhOf(x)),
    slope(x) {
      const t = tanhOf(x);
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * TANH_SCALE * (1 + 3 * TANH_CUBE * x * x);
    },
  },
  relu: { value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
} as const satisfies Record<string, ActivationFunction>;

export type ActivationName = keyof typeof ACTIVATIONS;
