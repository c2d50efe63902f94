/** `step : (StepState, Input) -> StepState` (docs/protocol.md, section 1), many steps on one world. */
import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common'
import { createVM } from '@ethereumjs/vm'

import { BlockBuilder } from './block.mjs'
import { concat, keccak, toHex, ZERO_HASH } from './bytes.mjs'
import { InvalidTransaction } from './errors.mjs'
import { WitnessEVM } from './evm.mjs'
import { ancestorHashes, headerByHash } from './header.mjs'
import { kzg } from './kzg.mjs'
import { BATCH_END, BLOCK_START, FRAGMENT, TRANSACTION } from './trace.mjs'
import { World } from './world.mjs'

export class Machine {
  /**
   * @param {{chainId: bigint, txGasCap: bigint}} rules `txGasCap` 0: none
   * @param {import('./witness.mjs').Witness} witness
   * @param {any} state a StepState (trace.mjs)
   * @param {import('./block.mjs').WorkBudget} budget
   */
  static async create(rules, witness, state, budget) {
    const chain = { chainId: rules.chainId.toString() }
    const common = createCustomCommon(chain, Mainnet, { hardfork: Hardfork.Prague, customCrypto: { kzg } })
    const world = new World(witness, state.stateRoot)
    const evm = new WitnessEVM(common, world)
    const vm = await createVM({ common, stateManager: world, blockchain: evm.blockchain, evm })
    return new Machine(rules, witness, state, budget, common, world, evm, vm)
  }

  constructor(rules, witness, state, budget, common, world, evm, vm) {
    this.rules = rules
    this.witness = witness
    this.guard = witness.guard
    this.budget = budget
    this.common = common
    this.world = world
    this.evm = evm
    this.vm = vm
    this.state = state
    /** Headers sealed here, by hash. @type {Map<string, Uint8Array>} */
    this.sealed = new Map()
    this.header = (hash) => this.sealed.get(toHex(hash)) ?? witness.header(hash)
    this.builder = null
    if (state.open !== null) {
      const ancestors = ancestorHashes(state.blockHash, state.open.number - 1n, this.header)
      this.builder = new BlockBuilder(this, state.blockHash, state.open, ancestors)
    }
  }

  /** @param {any} input (trace.mjs) @returns {Promise<bigint>} the gas used by a transaction that was included */
  async step(input) {
    let gasUsed = 0n
    if (input.kind === TRANSACTION) gasUsed = await this.#transaction(input.data)
    if (input.kind === BLOCK_START || input.kind === BATCH_END) await this.#seal()
    if (input.kind === BLOCK_START) await this.#open(input.attributes)
    const { fragmentsHash, fragmentsSize } = this.state
    const fragments =
      input.kind === FRAGMENT
        ? {
            fragmentsHash: keccak(concat(fragmentsHash, input.data)),
            fragmentsSize: fragmentsSize + BigInt(input.data.length),
          }
        : { fragmentsHash: ZERO_HASH, fragmentsSize: 0n }
    this.state = { ...this.state, ...fragments, cursor: input.next }
    return gasUsed
  }

  /** The StepState after the last step. */
  async finish() {
    if (this.builder === null) return this.state
    return { ...this.state, stateRoot: await this.world.root(), open: await this.builder.openBlock() }
  }

  /** @param {Uint8Array} raw */
  async #transaction(raw) {
    if (this.builder === null) return 0n
    try {
      return await this.builder.apply(raw)
    } catch (error) {
      if (error instanceof InvalidTransaction) return 0n
      throw error
    }
  }

  async #seal() {
    if (this.builder === null) return
    const { stateRoot, rlp } = await this.builder.seal()
    const blockHash = keccak(rlp)
    this.builder = null
    this.sealed.set(toHex(blockHash), rlp)
    this.state = { ...this.state, stateRoot, blockHash, open: null }
  }

  /** @param {any} attributes */
  async #open(attributes) {
    const parentHash = this.state.blockHash
    const parent = headerByHash(parentHash, this.header)
    const ancestors = ancestorHashes(parentHash, parent.number, this.header)
    this.builder = await BlockBuilder.open(this, parentHash, parent, attributes, ancestors)
  }
}
