/**
 * The engine's process: requests on stdin, verdicts on stdout, logs on stderr (docs/protocol.md, section 8; README.md).
 *
 * A frame is a 4-byte big-endian length and so many bytes, both ways. First comes a frame that says who this is:
 * {"engine", "version"}. Each request `pre_root(32) || post_root(32) || gas_used(8) || trace` is answered in order by
 * {"result", "reason", "gas_used"}. Ends on EOF. `--unpaid-gas N`: what system calls may use beyond the genuine contracts.
 */
import { readFileSync } from 'node:fs'

// Whatever a library prints must not get between the frames.
for (const name of ['log', 'info', 'debug', 'time', 'timeEnd', 'timeLog', 'table', 'dir']) console[name] = console.error
process.on('SIGINT', () => {}) // whoever started this process decides when it ends

const { execute } = await import('./lib/execute.mjs')
const { EngineFailure, Guard } = await import('./lib/errors.mjs')

const MAX_REQUEST = 256 * 2 ** 20 // bytes
const MAX_REASON = 500 // characters: reasons quote what strangers wrote, and whoever asks takes small answers only
const HEAD = 32 + 32 + 8
const option = process.argv.indexOf('--unpaid-gas')
const unpaidGas = option < 0 ? 0n : BigInt(process.argv[option + 1])
const VM = new URL('./node_modules/@ethereumjs/vm/package.json', import.meta.url)

/** Of the verdict that is being found. */
let guard = new Guard()

// @ethereumjs/mpt walks tries in promises that no one waits for.
process.on('unhandledRejection', (error) => {
  console.error('unhandled:', error)
  guard.error ??= new EngineFailure(`unhandled: ${error}`)
})

/** Resolves when the pipe has taken it. @param {object} answer */
async function write(answer) {
  const payload = Buffer.from(JSON.stringify(answer))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(payload.length)
  await new Promise((resolve) => process.stdout.write(Buffer.concat([length, payload]), resolve))
}

/** The payloads of the frames on stdin; null for one that is too long, of which nothing is kept. */
async function* requests() {
  /** @type {Buffer[]} */
  let chunks = []
  let size = 0
  let wanted = -1 // bytes of the payload; -1: its length comes first
  let skipped = 0 // bytes still to come of one that is too long
  for await (const chunk of process.stdin) {
    const dropped = Math.min(skipped, chunk.length)
    skipped -= dropped
    chunks.push(chunk.subarray(dropped))
    size += chunk.length - dropped
    while (size >= (wanted < 0 ? 4 : wanted)) {
      const all = Buffer.concat(chunks)
      const part = all.subarray(0, wanted < 0 ? 4 : wanted)
      let rest = all.subarray(part.length)
      if (wanted >= 0) {
        wanted = -1
        yield part
      } else if ((wanted = part.readUInt32BE(0)) > MAX_REQUEST) {
        skipped = Math.max(wanted - rest.length, 0)
        rest = rest.subarray(wanted - skipped)
        wanted = -1
        yield null
      }
      chunks = [rest]
      size = rest.length
    }
  }
}

/** @param {Buffer | null} request */
async function answer(request) {
  if (request === null) return refused(`engine failure: a request of more than ${MAX_REQUEST} bytes`)
  if (request.length < HEAD) return refused(`InvalidTrace: a request of ${request.length} bytes`)
  const bytes = new Uint8Array(request.buffer, request.byteOffset, request.length)
  const gasUsed = request.readBigUInt64BE(64)
  guard = new Guard()
  const verdict = await execute(bytes.subarray(0, 32), bytes.subarray(32, 64), gasUsed, bytes.subarray(HEAD), guard, unpaidGas)
  return { ...verdict, reason: verdict.reason.slice(0, MAX_REASON) }
}

/** @param {string} reason */
const refused = (reason) => ({ result: false, reason, gas_used: null })

await write({ engine: 'ethereumjs', version: JSON.parse(readFileSync(VM, 'utf8')).version })
for await (const request of requests()) await write(await answer(request))
