/** The header of a Prague block, and what follows from it for the next block. */
import { createHash } from 'node:crypto'
import { RLP } from '@ethereumjs/rlp'

import { fromBigInt, fromHex, ZERO_HASH } from './bytes.mjs'
import { InvalidWitness } from './errors.mjs'
import { asBytes, asInt, decodeList, RlpError } from './rlp.mjs'

const GAS_LIMIT_MINIMUM = 5_000n
const TARGET_BLOB_GAS_PER_BLOCK = 786_432n // EIP-7691: 6 blobs

/** In RLP order: so many bytes (null: any), or an integer of at most -size bytes. @type {[string, number | null][]} */
const FIELDS = [
  ['parentHash', 32],
  ['ommersHash', 32],
  ['feeRecipient', 20],
  ['stateRoot', 32],
  ['transactionsRoot', 32],
  ['receiptsRoot', 32],
  ['logsBloom', 256],
  ['difficulty', -32],
  ['number', -8],
  ['gasLimit', -8],
  ['gasUsed', -8],
  ['timestamp', -8],
  ['extraData', null],
  ['prevRandao', 32],
  ['nonce', 8],
  ['baseFeePerGas', -32],
  ['withdrawalsRoot', 32],
  ['blobGasUsed', -8],
  ['excessBlobGas', -8],
  ['parentBeaconBlockRoot', 32],
  ['requestsHash', 32],
]

/** What every block of an L2 has in common. */
export const CONSTANT_FIELDS = {
  ommersHash: fromHex('1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347'),
  difficulty: 0n,
  nonce: new Uint8Array(8),
  blobGasUsed: 0n,
}

/** @typedef {Record<string, any>} Header fields as in FIELDS; integers are bigints */

/** @param {Header} header */
export function encodeHeader(header) {
  return RLP.encode(
    FIELDS.map(([name]) => (typeof header[name] === 'bigint' ? fromBigInt(header[name]) : header[name])),
  )
}

/**
 * @param {Uint8Array} hash
 * @param {(hash: Uint8Array) => Uint8Array} headers RLP by hash
 * @returns {Header}
 * @throws {InvalidWitness}
 */
export function headerByHash(hash, headers) {
  const data = headers(hash)
  try {
    const items = decodeList(data, 1)
    if (items.length !== FIELDS.length) throw new RlpError(`${items.length} fields`)
    return Object.fromEntries(
      FIELDS.map(([name, size], i) => [
        name,
        size !== null && size < 0 ? asInt(items[i], -size) : asBytes(items[i], size ?? undefined),
      ]),
    )
  } catch (error) {
    if (error instanceof RlpError) throw new InvalidWitness(`malformed header: ${error.message}`)
    throw error
  }
}

/** EIP-1559, wei per gas. @param {Header} parent */
export function nextBaseFee({ gasLimit, gasUsed, baseFeePerGas }) {
  const target = gasLimit / 2n
  if (gasUsed === target) return baseFeePerGas
  if (gasUsed > target) {
    const rise = (baseFeePerGas * (gasUsed - target)) / target / 8n
    return baseFeePerGas + (rise > 1n ? rise : 1n)
  }
  return baseFeePerGas - (baseFeePerGas * (target - gasUsed)) / target / 8n
}

/** EIP-4844 with EIP-7691's target. @param {Header} parent */
export function nextExcessBlobGas({ excessBlobGas, blobGasUsed }) {
  const sum = excessBlobGas + blobGasUsed
  return sum > TARGET_BLOB_GAS_PER_BLOCK ? sum - TARGET_BLOB_GAS_PER_BLOCK : 0n
}

/** Less than 1/1024 away from the parent's, at least 5,000. @param {bigint} gasLimit @param {bigint} parentGasLimit */
export function gasLimitAllowed(gasLimit, parentGasLimit) {
  const distance = gasLimit > parentGasLimit ? gasLimit - parentGasLimit : parentGasLimit - gasLimit
  return distance < parentGasLimit / 1024n && gasLimit >= GAS_LIMIT_MINIMUM
}

/**
 * BLOCKHASH for the child of `parentHash`. The parent's own hash needs no header; an older one needs all headers from
 * the parent down to its child.
 * @param {Uint8Array} parentHash @param {bigint} parentNumber @param {(hash: Uint8Array) => Uint8Array} headers
 * @returns {(number: bigint) => Uint8Array}
 */
export function ancestorHashes(parentHash, parentNumber, headers) {
  const hashes = new Map([[parentNumber, parentHash]])
  let lowest = parentNumber
  return (number) => {
    while (lowest > number) {
      const header = headerByHash(hashes.get(lowest) ?? ZERO_HASH, headers)
      if (header.number !== lowest) throw new InvalidWitness(`header ${header.number} where ${lowest} belongs`)
      lowest -= 1n
      hashes.set(lowest, header.parentHash)
    }
    return hashes.get(number) ?? ZERO_HASH
  }
}

/** EIP-7685; each request begins with its type, those without data are left out. @param {Uint8Array[]} requests */
export function requestsHash(requests) {
  const outer = createHash('sha256')
  for (const request of requests) outer.update(createHash('sha256').update(request).digest())
  return new Uint8Array(outer.digest())
}
