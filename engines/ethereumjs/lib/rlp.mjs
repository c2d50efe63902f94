/**
 * Strict canonical RLP, decoded without copies and to a bounded depth.
 *
 * @ethereumjs/rlp decodes at any depth and copies at each level, which a hostile witness could make quadratic;
 * it is used for encoding only.
 */

/** Not canonical RLP of the expected shape. */
export class RlpError extends Error {}

/** @typedef {Uint8Array | Rlp[]} Rlp */

/**
 * The payload of the item at `pos`, which must end at or before `end`.
 * @param {Uint8Array} data @param {number} pos @param {number} end
 * @returns {[boolean, number, number]} is a list, start, stop
 */
export function itemAt(data, pos, end) {
  if (pos >= end) throw new RlpError('item cut off')
  const first = data[pos]
  if (first < 0x80) return [false, pos, pos + 1]
  const isList = first >= 0xc0
  let size = first - (isList ? 0xc0 : 0x80)
  let start = pos + 1
  if (size > 55) {
    const width = size - 55
    if (start + width > end) throw new RlpError('length cut off')
    if (data[start] === 0) throw new RlpError('length not in its shortest form')
    size = 0
    for (let i = 0; i < width; i++) size = size * 256 + data[start + i] // beyond 2^53 it runs past the end anyway
    if (size < 56) throw new RlpError('length not in its shortest form')
    start += width
  }
  const stop = start + size
  if (stop > end) throw new RlpError('item runs past the end')
  if (size === 1 && !isList && data[start] < 0x80) throw new RlpError('single byte not in its shortest form')
  return [isList, start, stop]
}

/**
 * One list that fills `data`.
 * @param {Uint8Array} data @param {number} maxDepth lists nested at most so deep
 * @returns {Rlp[]}
 */
export function decodeList(data, maxDepth) {
  const [isList, start, stop] = itemAt(data, 0, data.length)
  if (!isList) throw new RlpError('expected a list')
  if (stop !== data.length) throw new RlpError('trailing bytes')
  return items(data, start, stop, maxDepth)
}

/** @param {Uint8Array} data @param {number} pos @param {number} end @param {number} depth @returns {Rlp[]} */
function items(data, pos, end, depth) {
  if (depth === 0) throw new RlpError('nested too deep')
  const found = []
  while (pos < end) {
    const [isList, start, stop] = itemAt(data, pos, end)
    found.push(isList ? items(data, start, stop, depth - 1) : data.subarray(start, stop))
    pos = stop
  }
  return found
}

/** @param {Rlp | undefined} item @param {number} [size] exactly so many bytes @returns {Uint8Array} */
export function asBytes(item, size) {
  if (!(item instanceof Uint8Array) || (size !== undefined && item.length !== size)) {
    throw new RlpError(size === undefined ? 'expected bytes' : `expected ${size} bytes`)
  }
  return item
}

/** @param {Rlp | undefined} item @param {number} [size] at most so many bytes, no leading zero @returns {bigint} */
export function asInt(item, size = 32) {
  if (!(item instanceof Uint8Array) || item.length > size) {
    throw new RlpError(`expected an integer of at most ${size} bytes`)
  }
  if (item.length > 0 && item[0] === 0) throw new RlpError('integer with a leading zero')
  return item.length === 0 ? 0n : BigInt(`0x${Buffer.from(item).toString('hex')}`)
}

/** @param {Rlp | undefined} item @param {number} [size] @returns {Rlp[]} */
export function asList(item, size) {
  if (!Array.isArray(item) || (size !== undefined && item.length !== size)) {
    throw new RlpError(size === undefined ? 'expected a list' : `expected a list of ${size}`)
  }
  return item
}
