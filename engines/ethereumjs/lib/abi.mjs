/**
 * Decodes the canonical ABI encoding of a value of known shape: exactly what `abi.encode` gives and nothing else.
 *
 * Every offset must be the canonical one, padding must be zero, nothing may be left over. So two offsets can't share
 * one tail (with which a few kilobytes unfold to gigabytes in general-purpose decoders), and work is linear.
 */
import { InvalidTrace } from './errors.mjs'
import { toBigInt } from './bytes.mjs'

/**
 * @typedef {{dynamic: boolean, size: number, decode: (data: Uint8Array, pos: number) => [any, number]}} AbiType
 * `size`: bytes in the head; `decode` gives the value and where its encoding ends.
 */

/** @param {Uint8Array} data @param {number} pos */
function word(data, pos) {
  if (pos + 32 > data.length) throw new InvalidTrace('cut off')
  return data.subarray(pos, pos + 32)
}

/** A length or offset. Beyond what a frame can hold it can't be canonical. @returns {number} */
function count(data, pos) {
  const value = toBigInt(word(data, pos))
  if (value > 0xffffffffn) throw new InvalidTrace('length or offset out of reach')
  return Number(value)
}

/** @param {Uint8Array} data */
function mustBeZero(data) {
  for (const byte of data) if (byte !== 0) throw new InvalidTrace('padding is not zero')
}

/** @param {number} bits @returns {AbiType} */
export function uint(bits) {
  return {
    dynamic: false,
    size: 32,
    decode(data, pos) {
      const value = toBigInt(word(data, pos))
      if (value >> BigInt(bits)) throw new InvalidTrace(`value does not fit uint${bits}`)
      return [value, pos + 32]
    },
  }
}

/** @type {AbiType} */
export const bytes32 = { dynamic: false, size: 32, decode: (data, pos) => [word(data, pos), pos + 32] }

/** @type {AbiType} */
export const address = {
  dynamic: false,
  size: 32,
  decode(data, pos) {
    const found = word(data, pos)
    mustBeZero(found.subarray(0, 12))
    return [found.subarray(12), pos + 32]
  },
}

/** @type {AbiType} */
export const bytes = {
  dynamic: true,
  size: 32,
  decode(data, pos) {
    const length = count(data, pos)
    const start = pos + 32
    const end = start + length
    const padded = end + ((32 - (length % 32)) % 32)
    if (padded > data.length) throw new InvalidTrace('bytes run past the end')
    mustBeZero(data.subarray(end, padded))
    return [data.subarray(start, end), padded]
  },
}

/** @param {Record<string, AbiType>} fields in order; decodes to an object with their names @returns {AbiType} */
export function struct(fields) {
  const entries = Object.entries(fields)
  const kinds = entries.map(([, kind]) => kind)
  const dynamic = kinds.some((kind) => kind.dynamic)
  const head = kinds.reduce((sum, kind) => sum + (kind.dynamic ? 32 : kind.size), 0)
  return {
    dynamic,
    size: dynamic ? 32 : head,
    decode(data, pos) {
      const [values, end] = members(kinds, data, pos, head)
      return [Object.fromEntries(entries.map(([name], i) => [name, values[i]])), end]
    },
  }
}

/** @param {AbiType} item @returns {AbiType} */
export function array(item) {
  return {
    dynamic: true,
    size: 32,
    decode(data, pos) {
      const length = count(data, pos)
      const head = length * (item.dynamic ? 32 : item.size)
      if (head > data.length - pos) throw new InvalidTrace('array runs past the end')
      return members(Array(length).fill(item), data, pos + 32, head)
    },
  }
}

/** @param {AbiType[]} kinds @param {Uint8Array} data @param {number} start @param {number} head */
function members(kinds, data, start, head) {
  const values = []
  let pos = start
  let tail = start + head
  for (const kind of kinds) {
    let value
    if (kind.dynamic) {
      if (count(data, pos) !== tail - start) throw new InvalidTrace('offset is not the canonical one')
      pos += 32
      ;[value, tail] = kind.decode(data, tail)
    } else {
      ;[value, pos] = kind.decode(data, pos)
    }
    values.push(value)
  }
  return /** @type {[any[], number]} */ ([values, tail])
}

/** The inverse of `abi.encode(value)`. @param {AbiType} kind @param {Uint8Array} data @throws {InvalidTrace} */
export function decode(kind, data) {
  const [[value], end] = members([kind], data, 0, kind.dynamic ? 32 : kind.size)
  if (end !== data.length) throw new InvalidTrace('trailing bytes')
  return value
}
