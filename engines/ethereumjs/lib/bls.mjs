/**
 * EIP-2537 by @noble/curves as @ethereumjs/evm has it, but for additions: the library multiplies each of their points by
 * the group's order before it drops the result, as additions take points outside of the subgroup. So 2^24 gas of
 * them took over a minute.
 */
import { EVMError, NobleBLS } from '@ethereumjs/evm'
import { bls12_381 } from '@noble/curves/bls12-381.js'

import { concat, fromBigInt, toBigInt } from './bytes.mjs'

const { Fp, Fp2 } = bls12_381.fields
const FIELD_SIZE = 64 // bytes of an element of Fp: 16 of padding, which the library has checked, and 48

/** How the coordinates of one of the two groups are encoded, and the curve's constant. */
const G1 = { field: Fp, b: 4n, Point: bls12_381.G1.Point, decode: fp, encode: fpBytes }
const G2 = {
  field: Fp2,
  b: Fp2.fromBigTuple([4n, 4n]),
  Point: bls12_381.G2.Point,
  decode: (data) => Fp2.fromBigTuple([fp(data.subarray(0, FIELD_SIZE)), fp(data.subarray(FIELD_SIZE))]),
  encode: ({ c0, c1 }) => concat(fpBytes(c0), fpBytes(c1)),
}

export class BLS extends NobleBLS {
  /** @override @param {Uint8Array} input two points */
  addG1(input) {
    return add(G1, input)
  }

  /** @override @param {Uint8Array} input two points */
  addG2(input) {
    return add(G2, input)
  }
}

/** @returns {never} */
function refuse() {
  throw new EVMError(EVMError.errorMessages.BLS_12_381_POINT_NOT_ON_CURVE)
}

/** @param {Uint8Array} data @returns {bigint} */
function fp(data) {
  const value = toBigInt(data)
  return value < Fp.ORDER ? value : refuse()
}

/** @param {bigint} value */
function fpBytes(value) {
  const bytes = fromBigInt(value)
  return concat(new Uint8Array(FIELD_SIZE - bytes.length), bytes)
}

function add(group, input) {
  const middle = input.length / 2
  const sum = point(group, input.subarray(0, middle)).add(point(group, input.subarray(middle))).toAffine()
  return concat(group.encode(sum.x), group.encode(sum.y))
}

/** On the curve, in the subgroup or not. All zeros: infinity. @param {Uint8Array} data */
function point({ field, b, Point, decode }, data) {
  if (data.every((byte) => byte === 0)) return Point.ZERO
  const x = decode(data.subarray(0, data.length / 2))
  const y = decode(data.subarray(data.length / 2))
  const right = field.add(field.mul(field.sqr(x), x), b)
  return field.eql(field.sqr(y), right) ? Point.fromAffine({ x, y }) : refuse()
}
