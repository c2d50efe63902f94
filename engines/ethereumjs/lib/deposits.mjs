/** EIP-6110: deposit requests from the logs of the deposit contract. */
import { concat, equal, fromHex, toBigInt } from './bytes.mjs'

const DEPOSIT_CONTRACT = fromHex('00000000219ab540356cbb839cbe05303d7705fa')
const DEPOSIT_EVENT = fromHex('649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5')
const EVENT_SIZE = 576
/** [offset, size] of public key, withdrawal credentials, amount, signature, index in the ABI-encoded event. */
const LAYOUT = [
  [160, 48],
  [256, 32],
  [320, 8],
  [384, 96],
  [512, 8],
]

/** An event of the deposit contract with another layout makes the block invalid. */
export class InvalidDepositEvent extends Error {}

/**
 * Request data of the deposit events among `logs`, in order.
 * @param {import('@ethereumjs/evm').Log[]} logs @throws {InvalidDepositEvent}
 */
export function depositRequests(logs) {
  return concat(
    ...logs
      .filter(([address, topics]) => equal(address, DEPOSIT_CONTRACT) && topics[0] && equal(topics[0], DEPOSIT_EVENT))
      .map(([, , data]) => deposit(data)),
  )
}

/** @param {Uint8Array} data */
function deposit(data) {
  if (data.length !== EVENT_SIZE) throw new InvalidDepositEvent(`a deposit event of ${data.length} bytes`)
  return concat(
    ...LAYOUT.map(([offset, size], i) => {
      if (toBigInt(data.subarray(32 * i, 32 * i + 32)) !== BigInt(offset)) {
        throw new InvalidDepositEvent(`offset of field ${i} of a deposit event`)
      }
      if (toBigInt(data.subarray(offset, offset + 32)) !== BigInt(size)) {
        throw new InvalidDepositEvent(`size of field ${i} of a deposit event`)
      }
      return data.subarray(offset + 32, offset + 32 + size)
    }),
  )
}
