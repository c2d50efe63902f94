// The transactions of a workload through @ethereumjs/vm, the state root after every one.
// node ethereumjs_loop.mjs NODE_MODULES WORKLOAD.json -> {"seconds": ..., "root": "0x..."}
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const require = createRequire(join(resolve(process.argv[2]), 'resolved-from-here.js'))
const { createVM, runTx } = require('@ethereumjs/vm')
const { createTxFromRLP } = require('@ethereumjs/tx')
const { createBlock } = require('@ethereumjs/block')
const { Common, Hardfork, Mainnet } = require('@ethereumjs/common')
const { MerkleStateManager } = require('@ethereumjs/statemanager')
const { Address, bytesToHex, createAccount, hexToBytes, setLengthLeft } = require('@ethereumjs/util')

const workload = JSON.parse(readFileSync(process.argv[3], 'utf8'))
const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague })
const stateManager = new MerkleStateManager({ common })
const word = (hex) => setLengthLeft(hexToBytes(hex.length % 2 ? `0x0${hex.slice(2)}` : hex), 32)
const trimmed = (hex) => hexToBytes(hex.length % 2 ? `0x0${hex.slice(2)}` : hex)

await stateManager.checkpoint()
for (const [key, entry] of Object.entries(workload.alloc)) {
  const address = new Address(hexToBytes(key))
  await stateManager.putAccount(address, createAccount({ nonce: BigInt(entry.nonce), balance: BigInt(entry.balance) }))
  if (entry.code !== '0x') await stateManager.putCode(address, hexToBytes(entry.code))
  for (const [slot, value] of Object.entries(entry.storage)) await stateManager.putStorage(address, word(slot), trimmed(value))
}
await stateManager.commit()
await stateManager.flush()
const genesis = bytesToHex(await stateManager.getStateRoot())
if (genesis !== workload.stateRoot) throw new Error(`genesis ${genesis}, not ${workload.stateRoot}`)

const vm = await createVM({ common, stateManager })
const block = createBlock(
  { header: { number: 1n, timestamp: 1n, gasLimit: 1_000_000_000n, baseFeePerGas: 1_000_000_000n, coinbase: `0x${'fe'.repeat(20)}` } },
  { common, skipConsensusFormatValidation: true },
)
const raws = workload.transactions.map(hexToBytes)
const start = process.hrtime.bigint()
for (const raw of raws) {
  const { execResult } = await runTx(vm, { tx: createTxFromRLP(raw, { common }), block, skipBlockGasLimitValidation: true })
  if (execResult.exceptionError) throw execResult.exceptionError
  await stateManager.getStateRoot()
}
const seconds = Number(process.hrtime.bigint() - start) / 1e9
process.stdout.write(JSON.stringify({ seconds, root: bytesToHex(await stateManager.getStateRoot()) }))
