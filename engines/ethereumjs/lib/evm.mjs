/**
 * @ethereumjs/evm, mended where it departs from execution-specs (Prague) and bounded by the gas that was paid for.
 * README.md lists each departure.
 */
import { createEVM, EVM, EVMError, NobleBN254 } from '@ethereumjs/evm'
import { Address, createAddressFromBigInt } from '@ethereumjs/util'

import { BLS } from './bls.mjs'
import { EMPTY, fromBigInt, fromHex, toBigInt } from './bytes.mjs'
import { InvalidBlock, WorkLimitExceeded } from './errors.mjs'
import { isDelegation } from './transaction.mjs'

export const SYSTEM_ADDRESS = new Address(fromHex('fffffffffffffffffffffffffffffffffffffffe'))
export const SYSTEM_CALL_GAS = 30_000_000n

const MAX_BALANCE = (1n << 256n) - 1n
const MAX_INITCODE_SIZE = 49_152n // bytes (EIP-3860)
const CALL_STIPEND = 2_300n
const ADDRESS_MASK = (1n << 160n) - 1n
const CALLS = new Map([
  [0xf1, 7], // CALL
  [0xf2, 7], // CALLCODE
  [0xf4, 6], // DELEGATECALL
  [0xfa, 6], // STATICCALL
])

/** @param {string} message @returns {never} */
function halt(message) {
  throw new EVMError(/** @type {any} */ (message))
}

/** @param {bigint} word */
const addressOf = (word) => createAddressFromBigInt(word & ADDRESS_MASK)

export class WitnessEVM extends EVM {
  /**
   * Gas that must be left in the current frame: below it all frames together have used more than was paid for.
   * 0 or less: no such limit.
   */
  frameFloor = 0n

  /**
   * @param {import('@ethereumjs/common').Common} common
   * @param {import('./world.mjs').World} world
   */
  constructor(common, world) {
    super({ common, stateManager: world, blockchain: NO_BLOCKCHAIN, bls: BLS_12_381, bn254: BN254, params: {} })
    this.world = world
    this.guard = world.guard
    /** BLOCKHASH of the open block. @type {(number: bigint) => Uint8Array} */
    this.ancestorHash = () => EMPTY
    /** @type {WeakMap<Uint8Array, object>} */
    this.jumps = new WeakMap()
    // Empty accounts vanish at once (world.mjs); this would also delete those that were there before (EIP-7523).
    this.journal.cleanup = async () => this.journal.cleanJournal()
    mendOpcodes(this, this._opcodeMap)
  }

  /**
   * process_unchecked_system_transaction: no fee, no nonce, nothing warm, the caller not even read.
   * @param {Address} address @param {Uint8Array} data @param {any} block @param {bigint} gas paid for
   * @returns {Promise<import('@ethereumjs/evm').ExecResult>}
   */
  async systemCall(address, data, block, gas) {
    this.journal.cleanJournal()
    this.world.originalStorageCache.clear()
    this.frameFloor = SYSTEM_CALL_GAS - gas
    this.world.unread = SYSTEM_ADDRESS.toString().slice(2)
    const { execResult } = await this.runCall({
      block,
      caller: SYSTEM_ADDRESS,
      to: address,
      data,
      gasLimit: SYSTEM_CALL_GAS,
      gasPrice: block.header.baseFeePerGas,
      skipNonceIncrement: true,
      delegatecall: true, // moves no value and so writes neither account; for the contract itself nothing is different
    })
    this.guard.check()
    this.journal.cleanJournal()
    this.world.originalStorageCache.clear()
    this.frameFloor = 0n
    return execResult
  }

  /** @override the library makes a failed call of an overflow, where execution-specs has no valid block. */
  async _addToBalance(toAccount, message) {
    if (toAccount.balance + message.value > MAX_BALANCE) {
      this.guard.fail(new InvalidBlock('a balance overflows 256 bits'))
    }
    return super._addToBalance(toAccount, message)
  }

  /** @override so that unpaid work is not begun. */
  async runPrecompile(code, data, gasLimit) {
    if (this.frameFloor <= 0n) return super.runPrecompile(code, data, gasLimit)
    const paid = gasLimit - this.frameFloor
    if (paid < 0n) this.unpaid()
    const result = await super.runPrecompile(code, data, paid)
    // It used up what it was given, and given more it would have used that up too, or more than was paid for.
    if (result.exceptionError !== undefined) this.unpaid()
    return result
  }

  /** @returns {never} */
  unpaid() {
    return this.guard.fail(new WorkLimitExceeded('more gas used than was paid for'))
  }
}

const BLS_12_381 = new BLS()
const BN254 = new NobleBN254()
const NO_BLOCKCHAIN = {
  getBlock() {
    throw new Error('BLOCKHASH is answered by WitnessEVM')
  },
  putBlock() {},
  shallowCopy: () => NO_BLOCKCHAIN,
}

/**
 * The gas that may be used before refunds when `paid` may be used after them: refunds give back at most a fifth
 * (EIP-3529); a stipend comes back right after it was overpaid.
 * @param {bigint} paid
 */
export function mostGas(paid) {
  return (paid * 5n) / 4n + 1n + CALL_STIPEND
}

/** @param {WitnessEVM} evm @param {any[]} map the library's opcodes */
function mendOpcodes(evm, map) {
  const { world } = evm
  /** @param {number} opcode @param {(runState: any) => Promise<void>} before runs first and may halt */
  const beforeGas = (opcode, before) => {
    const { gasHandler } = map[opcode]
    map[opcode].gasHandler = async (runState, gas, common) => {
      await before(runState)
      return gasHandler(runState, gas, common)
    }
  }
  const replace = (opcode, handler) => {
    map[opcode].opHandler = handler
  }

  beforeGas(0x55, async (runState) => {
    const [key] = runState.stack.peek(2)
    if (runState.gasLeft <= CALL_STIPEND) halt(EVMError.errorMessages.OUT_OF_GAS) // EIP-2200, before the slot is read
    await world.getStorage(runState.env.address, word(key)) // read in a static call too
  })
  // execution-specs reads these accounts before it charges for anything and before it looks for a static call.
  beforeGas(0xff, async (runState) => {
    const [beneficiary] = runState.stack.peek(1)
    await world.getAccount(addressOf(beneficiary))
  })
  for (const [opcode, count] of CALLS) {
    beforeGas(opcode, async (runState) => {
      const code = await world.getCode(addressOf(runState.stack.peek(count)[1]))
      if (isDelegation(code)) await world.getAccount(new Address(code.subarray(3)))
    })
  }

  // The library takes 0xEF00 for EOF though EIP-3540 is not part of Prague.
  replace(0x3b, async (runState) => {
    const code = await world.getCode(addressOf(runState.stack.pop()))
    runState.stack.push(BigInt(code.length))
  })
  replace(0x3c, async (runState) => {
    const [address, memoryStart, codeStart, size] = runState.stack.popN(4)
    const code = await world.getCode(addressOf(address)) // read even for a size of 0
    if (size === 0n) return
    const copy = new Uint8Array(Number(size))
    if (codeStart < BigInt(code.length)) {
      copy.set(code.subarray(Number(codeStart), Number(codeStart) + copy.length))
    }
    runState.memory.write(Number(memoryStart), copy.length, copy)
  })
  replace(0x3f, async (runState) => {
    const account = await world.getAccount(addressOf(runState.stack.pop()))
    runState.stack.push(account === undefined || account.isEmpty() ? 0n : toBigInt(account.codeHash))
  })
  for (const [opcode, count] of [
    [0xf0, 3],
    [0xf5, 4],
  ]) {
    replace(opcode, async (runState) => {
      const [value, start, size, salt] = runState.stack.popN(count)
      if (size > MAX_INITCODE_SIZE) halt(EVMError.errorMessages.INITCODE_SIZE_VIOLATION)
      const gas = runState.messageGasLimit
      runState.messageGasLimit = undefined
      const initcode = size === 0n ? EMPTY : runState.memory.read(Number(start), Number(size))
      const saltBytes = salt === undefined ? undefined : word(salt)
      runState.stack.push(await runState.interpreter.create(gas, value, initcode, saltBytes))
    })
  }

  replace(0x40, async (runState) => {
    const number = runState.stack.pop()
    const depth = runState.interpreter.getBlockNumber() - number
    runState.stack.push(depth < 1n || depth > 256n ? 0n : toBigInt(evm.ancestorHash(number)))
  })

  // Frames outside the current one keep what they did not give to it.
  for (const opcode of [0xf0, 0xf5, ...CALLS.keys()]) {
    const { opHandler } = map[opcode]
    replace(opcode, async (runState, common) => {
      const floor = evm.frameFloor
      evm.frameFloor = floor - (runState.gasLeft - runState.messageGasLimit)
      await opHandler(runState, common)
      evm.frameFloor = floor
    })
  }
}

/** @param {bigint} value */
function word(value) {
  const bytes = fromBigInt(value)
  const padded = new Uint8Array(32)
  padded.set(bytes, 32 - bytes.length)
  return padded
}

/** The library's Interpreter, which it does not export: bounds gas, and analyses jumps once per code, not per call. */
async function patchInterpreter() {
  const probe = await createEVM()
  let prototype
  probe._opcodeMap[0x00].opHandler = (runState) => {
    prototype = Object.getPrototypeOf(runState.interpreter)
    halt(EVMError.errorMessages.STOP)
  }
  await probe.runCode({ code: Uint8Array.of(0x00) })
  const { useGas, _getValidJumpDestinations: analyse } = prototype
  prototype.useGas = function (amount, context) {
    useGas.call(this, amount, context)
    if (this._runState.gasLeft < this._evm.frameFloor) this._evm.unpaid()
  }
  prototype._getValidJumpDestinations = function (code) {
    const { jumps } = this._evm
    let found = jumps.get(code)
    if (found === undefined) jumps.set(code, (found = analyse.call(this, code)))
    return found
  }
}
await patchInterpreter()
