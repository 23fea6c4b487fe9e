/**
 * The elementwise half of SparseLLM's steps: pre-activations move towards values that give a wanted hidden
 * activation p ≈ act(s) · z, without leaving too far what their layers give.
 */
import { ACTIVATIONS, type ActivationName } from "./activations.js";
import { inPieces } from "./feed-forward.js";

/** Variables of some tokens, [tokens, hidden] each. */
interface Variables {
  /** Before the activation; of which every step of `moveActivated` writes. */
  readonly s: Float32Array;
  /** p */
  readonly hidden: Float32Array;
  /** What the layer gives for the variable that moves. */
  readonly given: Float32Array;
  readonly activation: ActivationName;
  /** γ, the weight of (p − act(s) z)² against 1 for (variable − given)². */
  readonly closeness: number;
}

/**
 * z ← the minimiser of (z − given)² + γ (p − act(s) z)², in place.
 *
 * @throws the signal's reason
 */
export async function moveMultiplied(
  { s, z, hidden, given, activation, closeness }: Variables & { readonly z: Float32Array },
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { value } = ACTIVATIONS[activation];
  const piece = (from: number, to: number) => {
    for (let k = from; k < to; k++) {
      const f = value(s[k] as number);
      z[k] = ((given[k] as number) + closeness * f * (hidden[k] as number)) / (1 + closeness * f * f);
    }
  };
  await inPieces(z.length, piece, signal);
}

/**
 * s ← lower values of (s − given)² + γ (p − act(s) z)², in place; z counts as 1 where it is null. ReLU has the
 * minimiser in closed form, the best of both sides of 0; others take steps of Gauss–Newton, none of which may raise
 * the sum.
 *
 * @throws the signal's reason
 */
export async function moveActivated(
  { s, z, hidden, given, activation, closeness }: Variables & { readonly z: Float32Array | null },
  { moves, signal }: { readonly moves: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { value, slope } = ACTIVATIONS[activation];
  const at = (k: number) => ({
    c: given[k] as number,
    p: hidden[k] as number,
    factor: z === null ? 1 : (z[k] as number),
  });
  const piece = (from: number, to: number) => {
    for (let k = from; k < to; k++) {
      const { c, p, factor } = at(k);
      const cost = (x: number) => (x - c) ** 2 + closeness * (p - value(x) * factor) ** 2;
      if (activation === "relu") {
        const above = Math.max(0, (c + closeness * p * factor) / (1 + closeness * factor * factor));
        const below = Math.min(0, c);
        s[k] = cost(above) <= cost(below) ? above : below;
        continue;
      }
      let x = s[k] as number;
      let least = cost(x);
      for (let move = 0; move < moves; move++) {
        const q = factor * slope(x);
        const next = x - (x - c - closeness * (p - value(x) * factor) * q) / (1 + closeness * q * q);
        const cheaper = cost(next);
        if (!(cheaper < least)) break;
        [x, least] = [next, cheaper];
      }
      s[k] = x;
    }
  };
  await inPieces(s.length, piece, signal);
}
