/**
 * The table of layer forms. A new form is one file in forms/ and one line here; the operator then
 * leaves the list in unsupported-ops.ts.
 */
import { conv } from "./forms/conv.js";
import { convInteger } from "./forms/conv-integer.js";
import { gemm } from "./forms/gemm.js";
import { matMul } from "./forms/mat-mul.js";
import { matMulBnb4 } from "./forms/mat-mul-bnb4.js";
import { matMulInteger } from "./forms/mat-mul-integer.js";
import { matMulNBits } from "./forms/mat-mul-n-bits.js";
import type { LayerForm } from "./layer-form.js";

export const LAYER_FORMS = {
  MatMul: matMul,
  Gemm: gemm,
  MatMulNBits: matMulNBits,
  MatMulInteger: matMulInteger,
  MatMulBnb4: matMulBnb4,
  Conv: conv,
  ConvInteger: convInteger,
} as const satisfies Record<string, LayerForm>;
