/** The smallest single-precision number that has all of its digits. */
const leastNormal = 2 ** -126;

/** The shortest decimal, as a double, that identifies a single-precision number, as PostgreSQL prints it. */
export function shortestSingle(single: number): number {
  const size = Math.abs(single);
  if (!Number.isFinite(size) || (Number.isInteger(size) && size <= 2 ** 24)) return single;
  const [low, high] = nearer(size);
  // Decimals of six digits are further apart than single-precision numbers, save near zero.
  for (let digits = size < leastNormal ? 1 : 6; digits < 9; digits++) {
    const decimal = decimalOf(size, digits, low, high);
    if (decimal !== null) return single < 0 ? -decimal : decimal;
  }
  return Number(single.toPrecision(9));
}

/** The decimal of so many digits between two numbers that is nearest to a size; null where there is none. */
function decimalOf(size: number, digits: number, low: number, high: number): number | null {
  const [mantissa = "", exponent = ""] = size.toExponential(digits - 1).split("e");
  const nearest = Number(mantissa.replace(".", ""));
  // Of two that are as near, JavaScript takes the larger, and the databases the even.
  const longer = size.toExponential(digits);
  const isTie = nearest % 2 === 1 && /5e/.test(longer) && Number(longer) === size;
  for (const step of isTie ? [-1, 0] : [0, -1, 1]) {
    const decimal = Number(`${nearest + step}e${Number(exponent) - digits + 1}`);
    if (decimal > low && decimal < high) return decimal;
  }
  return null;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Between which numbers a positive single-precision number is the nearest. */
function nearer(single: number): readonly [low: number, high: number] {
  const before = neighbour(single, -1);
  const after = neighbour(single, 1);
  const low = (single + before) / 2;
  return [low, Number.isFinite(after) ? (single + after) / 2 : 2 * single - low];
}

function neighbour(single: number, step: number): number {
  float[0] = single;
  bits[0] = (bits[0] ?? 0) + step;
  return float[0];
}
