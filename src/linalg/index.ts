/** Linear algebra made of products: factorisations, inverses, solutions, eigenvectors. */
export { Cholesky } from "./cholesky.js";
export { type LinalgOptions, NotPositiveDefinite } from "./factorise.js";
export { type DampingOptions, type InverseFactor, inverseFactor } from "./inverse-factor.js";
export { LowerTiles } from "./lower-tiles.js";
export { plainProducts } from "./plain-products.js";
export { type Dense, emptyLike, type ProductOptions, type Products } from "./products.js";
export { diagonalOf, fullProduct, packedIndex, type SecondMoments } from "./second-moments.js";
export { type SymmetricEigen, symmetricEigen } from "./symmetric-eigen.js";
export { symmetricInverse } from "./symmetric-inverse.js";
export { transposed } from "./transposed.js";
