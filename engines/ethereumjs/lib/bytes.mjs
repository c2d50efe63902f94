/** Bytes as hex keys of maps, numbers as bytes, keccak-256. */
import { keccak_256 } from '@noble/hashes/sha3.js'

export const EMPTY = new Uint8Array(0)
export const ZERO_HASH = new Uint8Array(32)
export const EMPTY_ROOT = fromHex('56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421')
export const EMPTY_CODE_HASH = fromHex('c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')

/** @type {(data: Uint8Array) => Uint8Array} */
export const keccak = keccak_256

/** @param {Uint8Array} data */
export function toHex(data) {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString('hex')
}

/** @param {string} text without 0x */
export function fromHex(text) {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export function equal(one, other) {
  return one.length === other.length && Buffer.compare(one, other) === 0
}

/** @param {Uint8Array[]} parts */
export function concat(...parts) {
  return new Uint8Array(Buffer.concat(parts))
}

/** Big-endian. @param {Uint8Array} data @returns {bigint} */
export function toBigInt(data) {
  return data.length === 0 ? 0n : BigInt(`0x${toHex(data)}`)
}

/** Big-endian, no leading zeros; 0 is no bytes. @param {bigint} value */
export function fromBigInt(value) {
  if (value === 0n) return EMPTY
  const hex = value.toString(16)
  return fromHex(hex.length % 2 ? `0${hex}` : hex)
}

/** @param {Uint8Array} data */
export function stripZeros(data) {
  let start = 0
  while (start < data.length && data[start] === 0) start++
  return start === 0 ? data : data.slice(start)
}
